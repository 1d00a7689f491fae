"""A time server that lies: presses keep coming, the lie ends with the next true word, and no later boot believes it."""

import json
from pathlib import Path

import pytest
from cable_request import ask
from jsonschema import Draft202012Validator
from rich.console import Console

from hymio.cable.smp_messages import StatusAnswer, StatusRead
from hymio.cable.status import _table, status_json
from hymio.store.log_reading import read_presses
from hymio_sim.run.virtual import VirtualTerminal
from hymio_sim.run.virtual_link import Air

BASE = "hymio/till-1/"
is_status = Draft202012Validator(
    json.loads((Path(__file__).parents[1] / "schemas" / "status.json").read_text())
).is_valid
YEAR_S = 365 * 86400
FAR_S = 73 * YEAR_S
"""2100: nobody believes that."""
NEAR_S = 12 * YEAR_S
"""2039: that could be."""


class Liar(Air):
    """Its time server is wrong from the beginning."""

    error_s = 0.0

    def __init__(self, clock, utc):
        super().__init__(utc)
        self.ntp_error_s = self.error_s


class NextCentury(Liar):
    error_s = FAR_S


class NextDecade(Liar):
    error_s = NEAR_S


def clock(terminal):
    return terminal.machine._app.clock


def error_s(terminal):
    return clock(terminal).utc_ms() / 1000 - terminal.hardware.utc


def state(terminal):
    return json.loads(terminal.air.broker.retained[BASE + "state"])


def boot_again(terminal):
    terminal.obey("power off")
    terminal.run(2)
    terminal.obey("power on")
    terminal.run(30)


def presses(terminal):
    """As the office sees them."""
    batches = terminal.air.office.batches
    records = {seq: record for _, batch in batches for seq, record in batch.records}
    return read_presses("till-1", batches[0][1].log_id, records)


def test_a_server_of_the_next_century_is_not_believed_and_the_collector_is():
    with VirtualTerminal(network=True, make_air=NextCentury) as terminal:
        terminal.run(30)
        terminal.press(4)
        terminal.run(30)
        assert clock(terminal).source == 2 and abs(error_s(terminal)) < 2
        terminal.run(3600)  # until the next state message
        assert state(terminal)["clock_problem"] == "NTP says 2099-12-28: expected a day of 2026 to 2045"
        terminal.air.ntp_error_s = 0.0
        terminal.run(400)
        assert clock(terminal).is_agreed
        terminal.run(3600)
        assert "clock_problem" not in state(terminal)


def test_presses_under_a_false_time_are_dated_right_once_the_collector_has_spoken():
    def silent(publish):
        return lambda topic, payload, retained: None

    with VirtualTerminal(network=True, make_air=NextDecade) as terminal:
        office = terminal.air.office
        speak, office._publish = office._publish, silent(office._publish)
        terminal.run(10)
        terminal.press(4)
        terminal.run(40)
        assert error_s(terminal) == pytest.approx(NEAR_S, abs=1), "nobody has contradicted"
        assert presses(terminal)[0].clock == "set"
        office._publish = speak
        terminal.run(120)
        assert abs(error_s(terminal)) < 2
        terminal.press(3)
        terminal.run(10)
        pushed = [event["utc"] for event in terminal.of("press")]
        found = presses(terminal)
        assert [press.pressed_utc for press in found] == pytest.approx(pushed, abs=2)
        assert [press.clock for press in found] == ["dated", "set"], "and that it was put right is visible"


def status(terminal):
    """As `hymio status --json` prints it."""
    found = status_json(ask(terminal, StatusRead(), StatusAnswer))
    assert is_status(found)
    return found


def test_status_says_whom_it_does_not_believe_and_why():
    with VirtualTerminal(network=True, make_air=NextCentury) as terminal:
        terminal.air.office._publish = lambda topic, payload, retained: None
        terminal.run(30)
        found = status(terminal)
        why = "NTP says 2099-12-28: expected a day of 2026 to 2045"
        assert (found["clock"], found["utc"], found["clock_problem"]) == ("unset", None, why)
        paper = Console(width=200)
        with paper.capture() as shown:
            paper.print(_table(found))
        assert f"not set: {why}" in shown.get()
        terminal.air.ntp_error_s = 0.0
        terminal.run(400)
        assert "clock_problem" not in status(terminal)


@pytest.mark.parametrize("air", [NextCentury, NextDecade])
def test_no_later_boot_believes_it(air):
    with VirtualTerminal(network=True, make_air=air) as terminal:
        terminal.air.office._publish = lambda topic, payload, retained: None
        terminal.press(4)
        terminal.run(100)
        terminal.air.ntp_error_s = 0.0
        boot_again(terminal)
        assert abs(error_s(terminal)) < 1


def test_orders_that_need_no_clock_are_obeyed_without_one(tmp_path):
    with VirtualTerminal(network=True, make_air=NextCentury, home=tmp_path) as terminal:
        terminal.air.office._publish = lambda topic, payload, retained: None
        terminal.run(30)
        assert not clock(terminal).is_set
        heard = []
        terminal.air.broker._on_publish = lambda message: heard.append(message)

        def order(what, name):
            return json.dumps({"id": name, "do": what, "expires_utc": int(terminal.hardware.utc) + 60}).encode()

        def command(what, name):
            terminal.air.broker.publish(BASE + "cmd", order(what, name))
            terminal.run(8)

        for what in ("resync", "send-log", "renew", "identify"):
            command(what, what)
        terminal.air.broker.retained[BASE + "cmd"] = order("reboot", "an old one")
        command("reboot", "reboot")
        terminal.run(20)
        assert len(terminal.of("ready")) == 2, "and the retained one does nothing, clock or none"
        command("reboot", "reboot")
        terminal.run(20)
        assert len(terminal.of("ready")) == 2, "once"
        replies = [json.loads(message.payload) for message in heard if message.topic == BASE + "reply"]
        told = {reply["id"]: reply for reply in replies if "again" not in reply}
        assert told["resync"]["ok"] and told["send-log"]["ok"] and told["reboot"]["ok"]
        assert told["renew"]["error"] == "there is no certificate here that it could follow"
        assert told["identify"]["error"].startswith("the clock is not set")
