"""A technician's commands and `mpremote`, against the real firmware over a PTY."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here as hymio
from hymio_process import service
from schema_check import check

from hymio import __version__
from hymio.common.errors import WRONG_USE
from hymio_sim.board.board_files import find_tool

sys.path.append(str(Path(__file__).parents[1] / "simulator"))
from sim_process import PATIENCE_S, SimTerminal

pytestmark = pytest.mark.skipif(find_tool("micropython") is None, reason="no VM here")


def told(port: str, *arguments: str, schema: str, status: int = 0) -> dict[str, Any]:
    done = hymio(*arguments, "--port", port, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return check(schema, done.stdout)


def refused(port: str, *arguments: str) -> dict[str, Any]:
    done = hymio(*arguments, "--port", port, "--json")
    error: dict[str, Any] = check("error", done.stderr.splitlines()[-1])["error"]
    assert done.returncode == error["exit"] and done.stdout == ""
    return error


def mpremote(port: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "mpremote", "connect", port, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_empty_log_is_one_sentence_and_the_next_command(port: str) -> None:
    for form in ((), ("--csv",)):
        done = hymio("votes", "--port", port, *form)
        assert done.returncode == 0 and "There is no press in the log; `hymio status`" in done.stderr
        assert done.stdout == ("device_id,log_id,seq,boot,uptime_ms,button,count,verdict,is_vote,pressed_utc,clock\n"
                               if form == ("--csv",) else "")  # fmt: skip


def test_presses_without_a_date_say_how_to_get_one_and_then_have_it(terminal: SimTerminal, port: str) -> None:
    terminal.tell("press 4 80")
    terminal.expect("record", button=4)
    undated = hymio("votes", "--port", port)
    assert "1 of them has no date" in undated.stderr and "`hymio clock --set`" in undated.stderr
    assert told(port, "clock", schema="clock")["clock"] == "unset"
    assert "`hymio clock --set`" in hymio("clock", "--port", port).stdout
    now = told(port, "clock", "--set", schema="clock")
    assert now["clock"] == "set" and abs(now["utc"] - time.time()) < 30 and abs(now["offset_s"]) < 2
    csv = hymio("votes", "--port", port, "--csv").stdout.splitlines()
    press = dict(zip(csv[0].split(","), csv[1].split(","), strict=True))
    assert press["clock"] == "dated" and abs(float(press["pressed_utc"]) - time.time()) < 60
    assert (press["button"], press["verdict"], press["is_vote"]) == ("4", "counted", "1")


def test_configuration(terminal: SimTerminal, port: str) -> None:
    got = told(port, "config", "get", "thanks_ms", schema="config-get")
    assert got == {"key": "thanks_ms", "value": "1000", "typed": 1000}
    assert told(port, "config", "set", "thanks_ms", "700", schema="config-set")["saved"] is True
    wrong = refused(port, "config", "set", "windows.lockout_ms", "1")
    assert wrong["exit"] == WRONG_USE and "windows.lockout_ms" in wrong["message"]
    assert refused(port, "config", "get", "no.such")["message"] == "There is no setting no.such."
    assert told(port, "config", "set", "wifi.password", "geheimes Wort", schema="config-set")["saved"] is True
    assert "secret" in refused(port, "config", "get", "wifi.password")["message"]
    told(port, "config", "set", "wifi.ssid", "123", schema="config-set")
    listed = told(port, "config", "list", schema="config-list")
    found, typed = listed["settings"], listed["typed"]
    assert found["thanks_ms"] == "700" and found["wifi.password"] == "(secret)" and "mqtt.host" in found
    assert found.keys() == typed.keys() and typed["thanks_ms"] == 700 and typed["wifi.password"] is None
    assert (typed["wifi.ssid"], typed["wifi.hidden"], typed["feedback.signals"]) == ("123", False, ["counted"])
    assert (typed["pins.buttons"], typed["pins.neopixel"]) == ([25, 26, 27, 33], None)
    told(port, "config", "set", "wifi.ssid", "[/guest]", schema="config-set")
    assert "[/guest]" in hymio("config", "list", "--port", port).stdout, "no markup"
    told(port, "config", "set", "wifi.ssid", "--default", schema="config-set")
    done = told(port, "config", "set", "thanks_ms", "--default", "--restart", schema="config-set")
    assert done["restarted"] is True
    terminal.expect("ready", boot=2)
    assert hymio("config", "get", "thanks_ms", "--port", port).stdout == "1000\n"


def test_the_text_log_in_json(port: str) -> None:
    done = hymio("logs", "--port", port, "--json")
    lines = [check("logs-line", line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and lines[0]["text"].startswith("reset: power-on")
    recent = hymio("logs", "--port", port, "--json", "--since", "1h").stdout.splitlines()
    assert recent == done.stdout.splitlines()[1:], done.stdout
    assert json.loads(recent[-1])["utc"] is None, "a start without a clock, after lines that are dated"
    later = hymio("logs", "--port", port, "--json", "--since", "2099-01-01T00:00")
    assert (later.returncode, later.stdout) == (0, "")
    assert f"None of {len(lines)} lines is dated 2099-01-01 00:00:00 UTC or later" in later.stderr
    assert "came 'noon'" in refused(port, "logs", "--since", "noon")["message"]


def test_identify_blinks_and_writes_nothing(terminal: SimTerminal, port: str) -> None:
    before = told(port, "status", schema="status")["log"]["next_seq"]
    told_of_it = told(port, "identify", schema="identify")
    assert (told_of_it["device_id"], told_of_it["blinked"]) == ("till-1", True)
    for _ in range(2):
        terminal.expect("led", led=1, on=True)
        terminal.expect("led", led=1, on=False)
    assert told(port, "status", schema="status")["log"]["next_seq"] == before


def test_the_status_can_be_watched(terminal: SimTerminal, port: str) -> None:
    with service("status", "--port", port, "--follow", "--json") as watching:
        first = watching.lines.get(timeout=PATIENCE_S)
        terminal.tell("press 2 80")
        terminal.expect("record", button=2)
        while sum(watching.lines.get(timeout=PATIENCE_S)["pressed"]) == sum(first["pressed"]):
            pass
        assert watching.stop(signal.SIGINT) == 0 and watching.stderr == []


def test_a_watched_status_survives_a_power_cycle(terminal: SimTerminal, port: str) -> None:
    with service("status", "--port", port, "--follow", "--json") as watching:
        boot = watching.lines.get(timeout=PATIENCE_S)["boot"]
        terminal.tell("power off")
        deadline = time.monotonic() + PATIENCE_S
        while not watching.stderr and time.monotonic() < deadline:
            time.sleep(0.05)
        assert watching.stderr[0].endswith("Waiting for it ...\n"), watching.stderr
        while not watching.lines.empty():
            assert watching.lines.get()["boot"] == boot
        terminal.tell("power on")
        assert watching.lines.get(timeout=PATIENCE_S)["boot"] == boot + 1
        assert watching.stop(signal.SIGINT) == 0


def test_ctrl_c_is_the_end_of_a_live_log(port: str) -> None:
    with service("logs", "--port", port, "--follow", "--json") as watching:
        watching.lines.get(timeout=PATIENCE_S)
        assert watching.stop(signal.SIGINT) == 0 and watching.stderr == []


class Person:
    """Somebody at a keyboard and a screen."""

    def __init__(self, command: list[str]) -> None:
        self._screen, inner = os.openpty()
        self._process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, start_new_session=True)
        os.close(inner)

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            os.close(self._screen)

    def types(self, keys: bytes) -> None:
        os.write(self._screen, keys)

    def reads(self, text: str) -> None:
        """Waits until that stands on the screen."""
        seen = b""
        deadline = time.monotonic() + PATIENCE_S
        while text.encode() not in seen:
            assert select.select([self._screen], [], [], max(0.0, deadline - time.monotonic()))[0], (text, seen)
            seen += os.read(self._screen, 1024)


def test_mpremote_reads_and_writes_and_the_application_goes_on_after_a_reset(
    terminal: SimTerminal, port: str, tmp_path: Path
) -> None:
    before = hymio("votes", "--port", port, "--json").stdout
    boot = json.loads(hymio("status", "--port", port, "--json").stdout)["boot"]
    (tmp_path / "note.txt").write_text("from the laptop")
    copy = (
        "fs",
        "cp",
        str(tmp_path / "note.txt"),
        ":note.txt",
        "+",
        "fs",
        "cat",
        ":note.txt",
        "+",
        "fs",
        "rm",
        ":note.txt",
    )
    said = mpremote(port, "exec", "print(6 * 7)", "+", "fs", "ls", "+", *copy)
    assert said.startswith("42") and "config.json" in said and "from the laptop" in said
    assert "from the laptop" in mpremote(port, "mount", str(tmp_path), "exec", "print(open('/remote/note.txt').read())")
    stopped = refused(port, "status")
    assert "MicroPython prompt" in stopped["message"] and f"`mpremote connect {port} reset`" in stopped["hint"]
    mpremote(port, "reset")
    terminal.expect("ready")
    boot += 1
    with Person([sys.executable, "-m", "mpremote", "connect", port, "repl"]) as person:
        person.reads("Connected to MicroPython")
        person.types(b"\r")
        person.reads(f"hymio {__version__} till-1 boot")
        person.types(b"\x03")
        person.reads(">>> ")
        person.types(b"6 * 7\r")
        person.reads("42")
        person.types(b"\x04")
        person.reads(f"hymio {__version__} till-1 boot")
        person.types(b"\x1d")
    terminal.expect("ready")
    assert json.loads(hymio("status", "--port", port, "--json").stdout)["boot"] > boot
    assert hymio("votes", "--port", port, "--json").stdout == before
