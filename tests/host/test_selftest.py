"""`hymio selftest` from the command line to the real firmware behind a PTY, its report and its page."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fake_terminal import FakeTerminal, on_a_cable
from hymio_process import hymio_here
from schema_check import check

from hymio.cable import smp_session
from hymio.common.errors import ANSWER_NO, BROKEN_OFF, DONE, NO_TERMINAL, WRONG_USE
from hymio.selftest import checks, drift
from hymio.selftest.messages import StateAnswer
from hymio.selftest.page import page
from hymio.selftest.report import AS_FAR_AS_TESTED, Check, SelftestReport
from hymio_sim.board.board_files import find_tool

sys.path.append(str(Path(__file__).parents[1] / "simulator"))
from sim_process import SimTerminal

needs_vm = pytest.mark.skipif(find_tool("micropython") is None, reason="no VM here")
NETWORK = ("wifi", "tls")


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimTerminal]:
    """With a buzzer and a battery, and without a network."""
    directory = tmp_path_factory.mktemp("till")
    (directory / "config.json").write_text(json.dumps({"pins": {"buzzer": 23}, "power": {"battery": 32}}))
    config = ("--config", str(directory / "config.json"))
    with SimTerminal(directory, "--runtime", "micropython", "--heap", "96k", *config) as terminal:
        terminal.expect("ready")
        yield terminal
        assert terminal.finish() == 0


def selftest(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the command, a person answering with `stdin`."""
    return hymio_here("selftest", *arguments, stdin=stdin)


def told(*arguments: str, status: int, stdin: str = "") -> dict[str, dict[str, Any]]:
    """The checks by name."""
    done = selftest(*arguments, "--json", stdin=stdin)
    assert done.returncode == status, done.stdout + done.stderr
    report = check("selftest", done.stdout)
    assert report["ok"] is (status != ANSWER_NO)
    assert report["verdict"] == {DONE: "good", AS_FAR_AS_TESTED: "as_far_as_tested", ANSWER_NO: "failed"}[status]
    return {one["name"]: one for one in report["checks"]} | {"": report}


def results(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: one["result"] for name, one in found.items() if name}


def only(*names: str) -> list[str]:
    """The options that leave out all other checks."""
    return [word for name in checks.NAMES if name not in names for word in ("--skip", name)]


@contextlib.contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Somebody stands at the terminal meanwhile."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(120)
    assert not thread.is_alive() and not failures, failures


@needs_vm
def test_a_good_terminal(terminal: SimTerminal, port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "DRIFT_PPM", 1500.0)  # told in a third of the time
    lit = []

    def person() -> None:
        lit.extend(terminal.expect("led", on=True)["led"] for _ in range(4))
        for button in (1, 2, 3, 4):
            terminal.expect("led", led=button, on=True)
            terminal.tell(f"press {button} 60")
            terminal.expect("record", button=button, verdict="test")
        terminal.expect("buzzer", on=True, hz=660)

    sheet = tmp_path / "till-1.html"
    order = ["--port", port, "--store", str(tmp_path / "store"), "--report", str(sheet), "--operator", "A <b> Ö"]
    with beside(person):
        done = selftest(*order, "--json", stdin="y\nwhat?\nyes\n")
    report = check("selftest", done.stdout)
    found = {one["name"]: one for one in report["checks"]}
    assert lit == [1, 2, 3, 4]
    # On a busy machine a cable may be too slow to tell the drift; wrong it never is.
    assert found["drift"]["result"] in ("passed", "unclear")
    assert (done.returncode, report["verdict"]) == (
        (DONE, "good") if found["drift"]["result"] == "passed" else (AS_FAR_AS_TESTED, "as_far_as_tested")
    ), done.stderr
    assert report["ok"] is True and report["skipped_by_choice"] == []
    skipped = dict.fromkeys(NETWORK, "skipped") | {"drift": found["drift"]["result"]}
    assert results(found) == dict.fromkeys(results(found), "passed") | skipped and len(found) == 14
    assert found["flash"]["reason"] == "Spare sector 1 was programmed, compared, erased and found blank."
    assert found["flash"]["value"] >= 45, "an erase of the simulated chip takes 45 ms"
    assert (found["battery"]["value"], found["battery"]["at_least"]) == (3000, 2500)
    assert report["operator"] == "A <b> Ö" and report["device_id"] == "till-1" and report["mac"].startswith("24:0a:c4")
    assert report["log_id"] == terminal.of("record")[0]["log_id"]
    kept = Path(report["kept"])
    assert kept.parent == tmp_path / "store" / "till-1" and re.fullmatch(r"\d{8}T\d{6}Z\.json", kept.name)
    stored = check("selftest", kept.read_text(encoding="utf-8"))
    assert stored == {key: report[key] for key in report if key not in ("kept", "report")}
    assert "A &lt;b&gt; Ö" in sheet.read_text(encoding="utf-8")
    terminal.tell("wait 1.1", "press 2 60")
    assert terminal.expect("record", button=2)["verdict"] == "counted", "the test is over with its last button"


@needs_vm
def test_a_bad_sector_a_wrong_button_and_nobody_at_another(
    terminal: SimTerminal, port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "BUTTON_S", 1.0)

    def person() -> None:
        for light, button in ((1, 3), (2, 2), (3, 0), (4, 4)):
            terminal.expect("led", led=light, on=True)
            if button:
                terminal.tell(f"press {button} 60")
                terminal.expect("record", button=button, verdict="test")

    terminal.tell("fault bad 1")  # the sector that is erased ahead
    order = ["--port", port, "--store", str(tmp_path), *only("record", "flash", "buttons", "buzzer")]
    with beside(person):
        found = told(*order, "--auto", status=ANSWER_NO)
    assert found["flash"]["reason"] == "Sector 1 does not program.", terminal.of("ready")
    assert found["button_1"]["reason"] == "Light 1 asked, button 3 was pressed."
    assert found["button_3"]["reason"] == "Nobody pressed button 3 within 1 s of its light."
    assert found["buzzer"]["reason"] == "The buzzer was told to beep; nobody was asked."
    verdicts = [found[f"button_{n}"]["result"] for n in (1, 2, 3, 4)]
    assert verdicts == ["failed", "passed", "failed", "passed"] and found["buzzer"]["result"] == "skipped"
    assert found[""]["counts"] == {"passed": 3, "failed": 3, "skipped": 1, "unclear": 0}
    assert "buzzer" in found[""]["skipped_by_choice"], "--auto chose that nobody looks"
    assert {event["verdict"] for event in terminal.of("record")} <= {"test", "counted"}
    assert sum(event["verdict"] == "counted" for event in terminal.of("record")) <= 1


@needs_vm
def test_a_person_says_no(terminal: SimTerminal, port: str, tmp_path: Path) -> None:
    done = selftest("--port", port, "--store", str(tmp_path), *only("lights"), stdin="n\n")
    assert done.returncode == ANSWER_NO and "Did the four lights go on one after the other? [y/n]" in done.stderr
    assert "failed  lights" in done.stdout and "till-1: failed: lights" in done.stdout


@needs_vm
def test_a_weak_battery(terminal: SimTerminal, port: str, tmp_path: Path) -> None:
    terminal.tell("battery 2400")
    terminal.expect("battery")
    found = told("--port", port, "--store", str(tmp_path), *only("battery"), status=ANSWER_NO)
    assert found["battery"]["value"] == 2400
    terminal.tell("battery 3000")


@needs_vm
def test_without_wifi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its network is there and its broker is not; then the network goes as well."""
    monkeypatch.setattr(checks, "TLS_S", 1.5)
    with SimTerminal(tmp_path, "--runtime", "micropython", "--heap", "96k", "--mqtt", "127.0.0.1:9") as terminal:
        port = str(terminal.expect("ready")["serial"])
        order = ["--port", port, "--store", str(tmp_path), *only(*NETWORK)]
        found = told(*order, status=ANSWER_NO)
        assert (found["wifi"]["result"], found["wifi"]["value"], found["tls"]["result"]) == ("passed", -60, "failed")
        assert found["tls"]["reason"].startswith("No connection within 2 s: ")
        terminal.tell("wifi off")
        terminal.expect("wifi", on=False)
        found = told(*order, status=ANSWER_NO)
        assert found["wifi"]["reason"] == "0 networks heard, its own is not among them."
        assert found["tls"]["reason"] == "No Wi-Fi within 2 s."
        assert terminal.finish() == 0


@dataclass
class OnTheBench(FakeTerminal):
    """Knows the self-test as far as it takes to break it off."""

    closed: int = 4
    """Contacts, bit 0 = button 1."""

    def answer(self, command: int, request: dict[str, object]) -> dict[str, object]:
        if command != 5:
            return super().answer(command, request)
        if "name" in request:
            return {"ok": request["name"] != "wifi"}
        return {
            "uptime_ms": 5000,
            "buttons": self.closed,
            "low_mv": 0,
            "clock": False,
            "heap_free": 1,
            "mac": "240ac4112233",
        }


def test_a_cable_that_is_pulled(tmp_path: Path) -> None:
    with on_a_cable(OnTheBench([], lines_left=12)) as port:
        done = selftest("--port", port, "--store", str(tmp_path), "--auto", "--json")
    error = check("error", done.stderr.splitlines()[-1])["error"]
    assert done.returncode == error["exit"] == BROKEN_OFF and done.stdout == ""
    assert "No report was kept" in error["hint"] and not list(tmp_path.rglob("*.json"))


def test_a_silent_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smp_session, "FIRST_ANSWER_S", (0.1,))
    with on_a_cable(OnTheBench([], says=b"")) as port:
        assert selftest("--port", port, "--store", str(tmp_path)).returncode == NO_TERMINAL


def test_a_terminal_that_does_not_count(tmp_path: Path) -> None:
    order = ["--store", str(tmp_path), "--skip", "drift"]
    with on_a_cable(OnTheBench([], problem="no partition 'votes'")) as port:
        found = told("--port", port, *order, status=ANSWER_NO)
    assert found[""]["log_id"] is None
    failed = {name for name, result in results(found).items() if result == "failed"}
    assert failed == {"record", "flash", "contacts", "lights", "buzzer", "tls", *(f"button_{n}" for n in (1, 2, 3, 4))}
    assert found["record"]["reason"] == "The terminal does not count: no partition 'votes'."
    assert found["contacts"]["reason"] == "Closed with no finger on them: 3."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--skip", "lamps"), "there is no check lamps"),
        (("--report", "x.pdf"), "ends in .html or .json, came x.pdf"),
        (("--report", "nowhere/x.html"), "no directory nowhere"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_touched(options: tuple[str, ...], said: str) -> None:
    done = selftest("--port", "/dev/nowhere", *options)
    assert done.returncode == WRONG_USE and said in done.stderr


def test_what_was_skipped_by_choice_is_told_everywhere(tmp_path: Path) -> None:
    """A board whose buttons nobody has tried is not signed off: not on paper, not to a person, not to a program."""
    sheet = tmp_path / "fake-1.html"
    skip = [word for name in ("buttons", "tls", "drift") for word in ("--skip", name)]
    order = ["--auto", "--store", str(tmp_path), *skip, "--report", str(sheet)]
    buttons = [f"button_{n}" for n in (1, 2, 3, 4)]
    with on_a_cable(OnTheBench([], closed=0)) as port:
        done = selftest("--port", port, *order)
        found = told("--port", port, *order, status=AS_FAR_AS_TESTED)
    assert done.returncode == AS_FAR_AS_TESTED
    said = f"good as far as tested; skipped by choice: lights, {', '.join(buttons)}, buzzer, tls, drift"
    assert said in done.stdout and "fake-1: good;" not in done.stdout
    assert found[""]["skipped_by_choice"] == ["lights", *buttons, "buzzer", "tls", "drift"]
    assert not set(buttons) & set(results(found))
    text = sheet.read_text(encoding="utf-8")
    assert f"good as far as tested. Skipped by choice: lights, {', '.join(buttons)}, buzzer, tls, drift" in text
    assert re.search(r'<h1><svg[^>]* aria-label="unclear"', text), "no tick on top"


def test_what_yes_has_answered_nobody_has_seen(tmp_path: Path) -> None:
    with on_a_cable(OnTheBench([])) as port:
        found = told("--port", port, "--store", str(tmp_path), "--yes", *only("lights"), status=AS_FAR_AS_TESTED)
    assert found["lights"]["reason"] == "The four lights were lit in turn; --yes answered, nobody was asked."


@pytest.mark.parametrize(
    ("gains_ms_per_s", "late_s", "result"),
    [(0.0, 0.0, "passed"), (20.0, 0.0, "failed"), (0.0, 0.2, "unclear"), (1.0, 0.2, "unclear")],
    ids=["a good clock", "a bad one", "a good one on a busy machine", "nobody knows"],
)
def test_the_drift_is_failed_only_for_what_is_certain(
    gains_ms_per_s: float, late_s: float, result: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time that is made up: every answer may be late in either direction."""
    clock = SlowTime()
    monkeypatch.setattr(checks, "time", clock)
    monkeypatch.setattr(drift.read, "__defaults__", (8, clock.monotonic))

    def uptime_ms() -> int:
        clock.now_s += 0.005 + late_s
        told = int(1000 * clock.now_s * (1 + gains_ms_per_s / 1000))
        clock.now_s += 0.005
        return told

    class Cable:
        def ask(self, request: Any) -> Any:
            return StateAnswer(
                uptime_ms=uptime_ms(), buttons=0, low_mv=0, clock=False, heap_free=1, mac="240ac4112233", sequence=0
            )

    bench: Any = checks.TestStand(Cable(), None, print, print, lambda question: None, 0)  # type: ignore[arg-type]
    first = drift.read(uptime_ms)
    found = checks._drift(bench, first)
    assert found.result == result, found
    if result == "unclear":
        assert "too slow to tell" in found.reason


class SlowTime:
    """A clock that goes on only when somebody sleeps or asks."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_two_reports_of_one_second_are_both_kept(tmp_path: Path) -> None:
    with on_a_cable(OnTheBench([])) as port:
        kept = {
            told("--port", port, "--store", str(tmp_path), *only("files"), status=AS_FAR_AS_TESTED)[""]["kept"]
            for _ in range(3)
        }
    assert len(kept) == len(list((tmp_path / "fake-1").iterdir())) == 3


def checks_of_every_kind() -> tuple[Check, ...]:
    return (
        Check("record", "passed", "Good.", 1.0, "ms", at_most=100.0),
        Check("button_1", "failed", "Light 1 asked, button 3 was pressed."),
        Check("wifi", "skipped", '<script>alert("x")</script>', -81, "dBm", at_least=-80.0),
    )


class Reader(HTMLParser):
    """Counts marks, and finds what would have to be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.marks: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        if tag == "svg":
            self.marks.append(str(values["aria-label"]))
        self.fetched += [str(values[name]) for name in ("src", "href", "srcset", "data", "action") if name in values]


def test_the_page_is_one_file_with_a_mark_drawn_for_each_check() -> None:
    report = SelftestReport(
        "till-1", "24:0a:c4:00:00:01", None, "0.1.0", 3, None, 1.8e9, 1.8e9 + 41, checks_of_every_kind()
    )
    text = page(report)
    reader = Reader()
    reader.feed(text)
    assert reader.marks == ["failed", "passed", "failed", "skipped"], "the whole, then each check"
    assert not reader.fetched and "script" not in reader.tags and "link" not in reader.tags
    assert "url(" not in text and "@import" not in text and "http" not in text
    assert "@page { size: A4" in text and "@media print" in text
    for part in ("till-1", "24:0a:c4:00:00:01", "2027-01-15 08:00 UTC", "41 s", "failed: button_1. Not tested: wifi.",
                 "1 ms", "≤ 100", "≥ -80", "Light 1 asked, button 3 was pressed."):  # fmt: skip
        assert part in text, part
