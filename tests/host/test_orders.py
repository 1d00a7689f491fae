"""Orders to terminals far away: `hymio cmd`, `hymio config push`, and rounds of renewals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio, service
from mosquitto_process import Mosquitto, free_port
from schema_check import check

from hymio.cli.app import app
from hymio.common.errors import (
    ANSWERED_ERROR,
    BROKEN_OFF,
    DONE,
    INTERRUPTED,
    NO_SERVICE,
    NO_TERMINAL,
    WRONG_USE,
    Failure,
    run_cli,
)
from hymio.mqtt.broker_session import BrokerSession, Heard
from hymio.mqtt.broker_tls import TlsFiles
from hymio.mqtt.client import access_to
from hymio.office import config_push
from hymio.office.certificate_delivery import ANSWER_S, AT_ONCE, TRIAL_S, Renewal, Round
from hymio.office.config_push import MESSAGE_MAX_BYTES, PushOutcome, push, read_config, secrets_in
from hymio.office.order import OrderTimes, answer_to, ask
from hymio.serve.command import _text_log

A = "till-1"


class ScriptedSession(BrokerSession):
    """A session in which time is made of what happens: (seconds to wait, device, topic, facts, whether retained)."""

    def __init__(self, *script: tuple[float, str, str, dict[str, Any], bool]) -> None:
        self.now_s = 0.0
        self.script = list(script)
        self.orders: list[tuple[float, str, dict[str, Any]]] = []
        self.retained: dict[str, bytes] = {}
        self.answers: dict[str, list[tuple[float, dict[str, Any]]]] = {}
        """By terminal: what it answers to an order, and after how long."""

    async def publish(self, device_id: str, topic: str, payload: bytes, is_retained: bool = False) -> None:
        assert is_retained is (topic != "cmd")
        if is_retained:
            self.retained[topic] = payload
            return
        order = json.loads(payload)
        self.orders.append((self.now_s, device_id, order))
        for after_s, facts in self.answers.get(device_id, ()):
            self.script.append((self.now_s + after_s, device_id, "reply", {"id": order["id"]} | facts, False))

    async def heard(self, until_s: float) -> Heard | None:
        self.script.sort(key=lambda line: line[0])
        if not self.script or self.script[0][0] > until_s:
            self.now_s = max(self.now_s, until_s)
            return None
        at_s, device_id, topic, facts, is_retained = self.script.pop(0)
        self.now_s = max(self.now_s, at_s)
        return Heard(device_id, topic, json.dumps(facts).encode(), is_retained)


def renewed(session: ScriptedSession, *device_ids: str, wait_s: float = 900.0) -> dict[str, tuple[str, str]]:
    """device_id -> (outcome, error) of a round."""
    renewals = [Renewal(one, 1, 2e9, b"cert") for one in device_ids]
    told: list[Renewal] = []

    async def work() -> None:
        one = Round(session, renewals, told.append)
        one._now_s = lambda: session.now_s
        await one.run(wait_s)

    asyncio.run(work())
    assert sorted(one.device_id for one in told) == sorted(device_ids), "each is told once"
    return {one.device_id: (one.outcome, one.error) for one in told}


def online(device_id: str = A, at_s: float = 0.0) -> tuple[float, str, str, dict[str, Any], bool]:
    return (at_s, device_id, "state", {"state": "online"}, True)


# ---- a round of renewals ----


def test_a_terminal_that_takes_it_after_a_trial() -> None:
    session = ScriptedSession(online())
    session.answers[A] = [(1, {"trial": True}), (300, {"ok": True})]
    assert renewed(session, A) == {A: ("renewed", "")}
    ((_, _, order),) = session.orders
    assert order["do"] == "renew" and order["cert"] == "Y2VydA=="


def test_one_that_refuses_and_one_that_comes_back_to_the_old_one() -> None:
    session = ScriptedSession(online("a-1"), online("b-1"))
    session.answers["a-1"] = [(1, {"ok": False, "error": "cert: wrong"})]
    session.answers["b-1"] = [(1, {"trial": True}), (620, {"ok": False, "error": "rolled back: no ack in 10 minutes"})]
    assert renewed(session, "a-1", "b-1") == {
        "a-1": ("refused", "cert: wrong"),
        "b-1": ("refused", "rolled back: no ack in 10 minutes"),
    }


def test_silence_and_absence() -> None:
    away = (0.0, "b-1", "state", {"state": "offline"}, True)
    session = ScriptedSession(online("a-1"), away)
    assert renewed(session, "a-1", "b-1", "c-1") == {
        "a-1": ("silent", "no answer"),
        "b-1": ("away", ""),
        "c-1": ("away", ""),
    }
    assert [device_id for _, device_id, _ in session.orders] == ["a-1"], "who is not there is sent nothing"


def test_one_that_sleeps_is_sent_it_at_its_next_upload() -> None:
    session = ScriptedSession(
        (0.0, A, "state", {"state": "asleep"}, True),
        (5000.0, A, "state", {"state": "asleep"}, False),
    )
    session.answers[A] = [(1, {"ok": True})]
    assert renewed(session, A, wait_s=7 * 3600) == {A: ("renewed", "")}
    assert [at_s for at_s, _, _ in session.orders] == [5000.0]


def test_not_all_of_a_site_at_once_and_the_silent_hold_up_nobody() -> None:
    names = [f"till-{n:02}" for n in range(2 * AT_ONCE + 5)]
    session = ScriptedSession(*(online(name) for name in names))
    for name in names[AT_ONCE:]:
        session.answers[name] = [(1, {"trial": True}), (20, {"ok": True})]
    outcomes = renewed(session, *names, wait_s=3600)
    assert [outcomes[name][0] for name in names] == ["silent"] * AT_ONCE + ["renewed"] * (AT_ONCE + 5)
    sent_s = [at_s for at_s, _, _ in session.orders]
    for at_s in sent_s:
        busy_s = ANSWER_S if at_s == 0 else 20
        assert sum(at_s <= other < at_s + busy_s for other in sent_s) <= AT_ONCE
    assert max(sent_s) < ANSWER_S + 60 < TRIAL_S


def test_answers_of_others_end_nothing() -> None:
    session = ScriptedSession(online(), (2.0, A, "reply", {"id": "another", "ok": False, "error": "x"}, False))
    session.answers[A] = [(3, {"ok": True})]
    assert renewed(session, A) == {A: ("renewed", "")}


# ---- one order ----


def asked(session: ScriptedSession, wait_s: float = 30.0) -> tuple[dict[str, Any], list[Heard]]:
    log: list[Heard] = []

    async def work() -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        loop.time = lambda: session.now_s  # type: ignore[method-assign]
        return await ask(session, A, {"do": "identify"}, OrderTimes(60, wait_s), log.append)

    return asyncio.run(work()), log


def test_a_reply_and_what_was_logged_before_it() -> None:
    session = ScriptedSession(online(), (0.1, A, "log", {"late": 1}, True), (0.5, A, "log", {"now": 1}, False))
    session.answers[A] = [(1, {"ok": True, "again": True})]
    reply, log = asked(session)
    assert reply["ok"] and reply["again"] and [heard.facts() for heard in log] == [{"now": 1}]


@pytest.mark.parametrize(("utc_ms", "sent_s"), [(1_800_000_000_000, [0.0, 4.0]), (0, [0.0, 9.0])])
def test_an_order_lost_in_a_restart_is_given_again_once_the_terminal_is_back(utc_ms: int, sent_s: list[float]) -> None:
    back = {"state": "online", "utc_ms": utc_ms}
    session = ScriptedSession(online(), (3.0, A, "state", {"state": "offline"}, False), (4.0, A, "state", back, False))

    async def hears_the_second(device_id: str, topic: str, payload: bytes, is_retained: bool = False) -> None:
        await ScriptedSession.publish(session, device_id, topic, payload, is_retained)
        session.answers[A] = [(1, {"ok": True})]

    session.publish = hears_the_second  # type: ignore[method-assign]
    assert asked(session)[0]["ok"]
    assert [at_s for at_s, _, _ in session.orders] == sent_s
    assert len({order["id"] for _, _, order in session.orders}) == 1, "it is obeyed once"


@pytest.mark.parametrize(
    ("script", "said", "orders"),
    [
        ([(0.0, A, "state", {"state": "offline"}, True)], "offline", 0),
        ([(0.0, A, "state", {"state": "asleep"}, True)], "sleeps between uploads", 0),
        ([online()], "does not answer", 1),
        ([], "never heard of", 1),
    ],
)
def test_who_is_not_there(script: list[Any], said: str, orders: int) -> None:
    session = ScriptedSession(*script)
    with pytest.raises(Failure, match=said) as caught:
        asked(session)
    assert caught.value.exit_status == NO_TERMINAL and len(session.orders) == orders


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"id": "r", "ok": False, "error": "expired"}, "refuses: expired"),
        ({"ok": False, "error": "no room"}, "refuses: no room"),
        ({"id": None, "ok": False, "error": "expected an object"}, "refuses: expected an object"),
        ({"id": "r", "ok": "yes"}, "not understood"),
        ({"id": "r"}, "not understood"),
    ],
)
def test_answers_that_are_errors(reply: dict[str, Any], said: str) -> None:
    with pytest.raises(Failure, match=said) as caught:
        answer_to("r", Heard(A, "reply", json.dumps(reply).encode(), False))
    assert caught.value.exit_status == ANSWERED_ERROR


@pytest.mark.parametrize("reply", [{"id": "other", "ok": False}, {"id": "r", "trial": True}])
def test_answers_that_are_none(reply: dict[str, Any]) -> None:
    assert answer_to("r", Heard(A, "reply", json.dumps(reply).encode(), False)) is None
    assert answer_to("r", Heard(A, "reply", b'{"id": "r", "ok": true}', True)) is None, "retained"


def test_a_push_that_is_tried_first_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    session = ScriptedSession(
        (0.0, A, "config/reported", {"version": 6, "ok": True}, True),
        (9.0, A, "state", {"state": "online", "config_version": "7"}, False),
        (11.0, A, "config/reported", {"version": "7", "ok": False, "error": "rolled back"}, False),
    )

    async def work() -> PushOutcome:
        asyncio.get_running_loop().time = lambda: session.now_s  # type: ignore[method-assign]
        return await push(session, A, "7", b"{}", 60.0, True)

    assert asyncio.run(work()) == PushOutcome(False, "rolled back", on_trial=True)
    assert "on trial" in capsys.readouterr().err and session.retained == {"config": b"{}"}


# ---- files ----


def test_of_a_provisioning_file_only_what_can_be_changed_goes_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "till-1.toml"
    file.write_text(
        'device_id = "till-1"\nboard = "lolin32"\npki = "pki"\nquestion = "How was it?"\nthanks_ms = 700\n'
        '[mqtt]\nhost = "broker.example"\n'
    )
    config = read_config(file, A)
    assert config["thanks_ms"] == 700 and set(config) == {"thanks_ms", "mqtt"}
    assert config["mqtt"]["tls"]["cert"] == "certs/cert.der", "as `hymio provision` has put it there"
    assert "device_id, board" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.toml", "thanks_ms = 5", "thanks_ms: expected 100..10000, came 5"),
        ("x.json", '{"thanks": 5}', "thanks: no such key"),
        ("x.json", '{"device_id": "till-2"}', "device_id: expected till-1, came till-2"),
        ("x.json", '{"version": 4}', "version: expected none"),
        ("x.json", "[]", "expected an object"),
        ("x.json", "{", "is not JSON"),
        ("x.toml", "{", "is not TOML"),
    ],
)
def test_what_no_terminal_would_take_stays_here(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(Failure, match=said) as caught:
        read_config(tmp_path / name, A)
    assert caught.value.exit_status == WRONG_USE


def test_passwords_are_found_wherever_they_are() -> None:
    networks = [{"ssid": "a", "password": ""}, {"ssid": "b", "password": "secret12"}]
    config = {"wifi": {"password": "secret12", "networks": networks}, "mqtt": {"password": "x"}, "thanks_ms": 700}
    assert list(secrets_in(config)) == ["wifi.password", "wifi.networks.1.password", "mqtt.password"]


# ---- the commands, with a real broker and a simulated terminal ----


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """(address of a broker, a directory): one terminal is there, and a collector."""
    directory = tmp_path_factory.mktemp("far")
    broker = Mosquitto(directory)
    try:
        broker.start()
    except FileNotFoundError:
        pytest.skip("mosquitto is not installed")
    url = f"mqtt://127.0.0.1:{broker.port}"
    with (
        service("collect", "--broker", url, "--db", str(directory / "votes.db"), "--json") as collector,
        service(
            "sim", "terminal", "--device-id", A, "--flash", str(directory / "flash.bin"), "--runtime", "cpython",
            "--mqtt", f"127.0.0.1:{broker.port}", "--json",
        ) as terminal,
    ):  # fmt: skip
        collector.wait_for("ready")
        terminal.wait_for("ready")
        collector.wait_for("committed")
        yield url, directory
        terminal.stop()
        collector.stop()
    broker.stop()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    """(status, lines of stdout, stderr) of a command in this process."""
    capsys.readouterr()
    status = run_cli(app, arguments)
    said = capsys.readouterr()
    return status, said.out.splitlines(), said.err


def test_orders_that_are_obeyed(site: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    url, _ = site
    for do in ("identify", "resync"):
        status, lines, _ = run(capsys, "cmd", A, do, "--broker", url, "--json")
        assert status == DONE and check("cmd", lines[0])["do"] == do
    status, lines, _ = run(capsys, "cmd", A, "send-log", "--broker", url, "--json")
    assert status == DONE and check("cmd", lines[-1])["ok"]
    numbers = [check("logs-line", line)["number"] for line in lines[:-1]]
    assert numbers == sorted(numbers) and numbers
    status, lines, err = run(capsys, "cmd", A, "send-log", "--broker", url)
    assert status == DONE and "broker connected" in "".join(lines) and "has sent" in err
    # As `hymio serve` asks for it, from a thread of its own.
    found: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: found.extend(log_of_terminal(url)))
    asking.start()
    asking.join(60)
    assert any("broker connected" in line["text"] for line in found)


def log_of_terminal(url: str) -> list[dict[str, Any]]:
    return _text_log(access_to(url, TlsFiles()))(A)


def test_orders_that_are_not(site: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    url, _ = site
    status, lines, err = run(capsys, "cmd", A, "resync", "--from", "999999", "--broker", url, "--json")
    assert (status, lines) == (ANSWERED_ERROR, []) and "from: expected 0.." in check("error", err.splitlines()[-1])[
        "error"
    ]["message"]
    for arguments, expected in (
        (("Till_1", "reboot"), WRONG_USE),
        ((A, "dance"), WRONG_USE),
        ((A, "reboot", "--from", "3"), WRONG_USE),
        ((A, "resync", "--from", "9", "--to", "4"), WRONG_USE),
        ((A, "reboot", "--wait", "soon"), WRONG_USE),
        (("till-2", "reboot", "--wait", "1s"), NO_TERMINAL),
    ):
        assert run(capsys, "cmd", *arguments, "--broker", url)[0] == expected, arguments
    assert run(capsys, "cmd", A, "reboot", "--broker", f"mqtt://127.0.0.1:{free_port()}")[0] == NO_SERVICE


def test_a_configuration_is_pushed_taken_refused_and_shown(
    site: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, directory = site
    good, bad = directory / "good.toml", directory / "bad.json"
    good.write_text("thanks_ms = 700\n[windows]\nlockout_ms = 500\n")
    status, lines, err = run(capsys, "config", "push", A, str(good), "--broker", url, "--version", "7", "--json")
    assert status == DONE, err
    assert check("config-push", lines[0]) == {
        "device_id": A, "version": "7", "ok": True, "on_trial": False, "keys": ["thanks_ms", "windows.lockout_ms"],
    }  # fmt: skip
    bad.write_text(json.dumps({"power": {"battery": 25}}))  # what only the terminal can know: the pin is a button's
    status, _, err = run(capsys, "config", "push", A, str(bad), "--broker", url, "--version", "8")
    assert status == ANSWERED_ERROR and "power.battery: 25 has two uses" in err
    status, lines, _ = run(capsys, "config", "show", A, "--broker", url, "--json")
    shown = check("config-show", lines[0])
    assert status == DONE and shown["config_version"] == "7" and shown["reported"]["version"] == "8"


def test_what_would_harm_is_not_pushed(site: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    url, directory = site
    file = directory / "secret.json"
    file.write_text(json.dumps({"wifi": {"ssid": "x", "password": "secret12"}}))
    status, _, err = run(capsys, "config", "push", A, str(file), "--broker", url)
    assert status == WRONG_USE and "wifi.password would lie on the broker" in err and "secret12" not in err
    file.write_text(json.dumps({"opening_hours": {"days": [",".join(["08:00-12:00"] * 40)] * 7}}))
    status, _, err = run(capsys, "config", "push", A, str(file), "--broker", url)
    assert status == WRONG_USE and str(MESSAGE_MAX_BYTES) in err
    assert run(capsys, "config", "show", "till-9", "--broker", url)[0] == NO_TERMINAL


@pytest.mark.parametrize(
    ("ended_by", "status"), [(KeyboardInterrupt(), INTERRUPTED), (Failure(BROKEN_OFF, "gone", "again"), BROKEN_OFF)]
)
def test_a_push_that_is_broken_off_says_that_passwords_lie_on_the_broker(
    ended_by: BaseException, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Ended(ScriptedSession):
        async def heard(self, until_s: float) -> Heard | None:
            if self.retained:
                raise ended_by
            return None

        async def publish(self, device_id: str, topic: str, payload: bytes, is_retained: bool = False) -> None:
            self.has_published = True
            await super().publish(device_id, topic, payload, is_retained)

    @contextlib.asynccontextmanager
    async def such_a_session(*_: object) -> AsyncIterator[BrokerSession]:
        session = Ended()
        session.has_published = False
        yield session

    monkeypatch.setattr(config_push, "open_session", such_a_session)
    (tmp_path / "wifi.json").write_text(json.dumps({"wifi": {"ssid": "x", "password": "secret12"}}))
    ended, lines, err = run(
        capsys, "config", "push", A, str(tmp_path / "wifi.json"), "--version", "7", "--with-secrets", "--json"
    )
    assert (ended, lines) == (status, []) and "secret12" not in err
    assert "Version 7 lies on the broker for it. The passwords lie there, too" in err
    assert check("error", err.splitlines()[-1])["error"]["exit"] == status


def test_every_command_helps_with_examples() -> None:
    for arguments in (("cmd",), ("config", "push"), ("config", "show"), ("pki", "renew")):
        said = hymio(*arguments, "--help").stdout
        assert "Examples" in said and f"hymio {' '.join(arguments)}" in said and "--json" in said
