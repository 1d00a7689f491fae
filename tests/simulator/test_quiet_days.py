"""A terminal that nobody has wanted anything of for days: 1 to 30 of them, over the wraps of its ticks (12.4 days).

The ticks of the whole suite raise an error where two moments lie more than 2^28 ms (3.1 days) apart, of 2^30 that a
board has: see compat_cpython.ticks_diff. So each of these leaps also proves that no room keeps a moment for longer.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cable_request import ask
from smp import os_management

from hymio.wire.records import Press
from hymio_sim.net.broker import Broker
from hymio_sim.run.virtual import VirtualTerminal
from hymio_sim.run.virtual_link import Air

DAYS = range(1, 31)
BASE = "hymio/till-1/"
BACKOFF_S = 375
"""The longest pause between two attempts, its jitter included."""


class FrailBroker(Broker):
    """Takes connections, and while it `is_gone` ends them at the first byte."""

    is_gone = False

    def received(self, connection, data):
        if self.is_gone:
            connection.drop()
        else:
            super().received(connection, data)


class FrailAir(Air):
    def __init__(self, clock, utc):
        super().__init__(utc)
        broker = self.broker
        self.broker = FrailBroker(on_publish=broker._on_publish)
        self.office._publish = self.broker.publish


def terminal_at(home, profile="mains", **more):
    terminal = VirtualTerminal(
        home=home, make_air=FrailAir, config={"power": {"profile": profile, "uploads_per_day": 24}}, **more
    )
    terminal.run(100)
    terminal.press(4)
    terminal.run(120)
    return terminal


def is_connected(terminal):
    app = terminal.machine._app
    return app is not None and app.uplink is not None and app.uplink.state == 2


def hear(terminal, topic):
    """All that comes on this topic from now on."""
    heard = []
    routed = terminal.air.broker._on_publish

    def listen(message):
        if message.topic == BASE + topic:
            heard.append(json.loads(message.payload))
        routed(message)

    terminal.air.broker._on_publish = listen
    return heard


def obeys_an_order(terminal, name):
    replies = hear(terminal, "reply")
    order = {"id": name, "do": "resync", "expires_utc": int(terminal.hardware.utc) + 60}
    terminal.air.broker.publish(BASE + "cmd", json.dumps(order).encode())
    assert terminal.run_until(lambda: replies != [], 30)
    assert replies == [{"id": name, "ok": True}]


def presses_at_the_office(terminal):
    records = {seq: record for _, batch in terminal.air.office.batches for seq, record in batch.records}
    return sum(isinstance(record, Press) for record in records.values())


def it_works(terminal, days):
    """Obeys an order, takes a press and sends it; its clock is that of the world."""
    obeys_an_order(terminal, days)
    assert terminal.machine._app.clock.utc_ms() / 1000 == pytest.approx(terminal.hardware.utc, abs=1.0)
    takes_a_press(terminal)
    assert terminal.run_until(lambda: presses_at_the_office(terminal) == 2, 60)


def takes_a_press(terminal):
    before = len(terminal.of("record"))
    lit = len([event for event in terminal.of("led") if event["on"]])
    terminal.press(2)
    terminal.run(5)
    (record,) = terminal.of("record")[before:]
    assert (record["button"], record["verdict"]) == (2, "counted")
    assert len([event for event in terminal.of("led") if event["on"]]) == lit + 1


def drift(terminal, seconds):
    """The clock of the world is another now: whoever does not ask for the time will be wrong."""
    terminal.hardware.set_utc(terminal.hardware.utc + seconds)


@pytest.mark.parametrize("days", DAYS)
def test_idle_for_days(days, tmp_path):
    with terminal_at(tmp_path, network=True) as terminal:
        drift(terminal, 1800)
        terminal.leap(days)
        assert is_connected(terminal)
        it_works(terminal, days)


@pytest.mark.parametrize("days", DAYS)
def test_without_wifi_for_days(days, tmp_path):
    with terminal_at(tmp_path, network=True) as terminal:
        terminal.obey("wifi off")
        terminal.run(30)
        terminal.leap(days)
        drift(terminal, 1800)
        terminal.obey("wifi on")
        assert terminal.run_until(lambda: is_connected(terminal), 60)
        terminal.run(10)
        it_works(terminal, days)


@pytest.mark.parametrize("days", DAYS)
def test_without_a_broker_for_days(days, tmp_path):
    with terminal_at(tmp_path, network=True) as terminal:
        terminal.air.broker.is_gone = True
        terminal.machine.cut_link()
        terminal.leap(days)
        assert not is_connected(terminal)
        terminal.air.broker.is_gone = False
        assert terminal.run_until(lambda: is_connected(terminal), BACKOFF_S + 60)
        terminal.run(10)
        it_works(terminal, days)


@pytest.mark.parametrize("days", DAYS)
def test_at_a_bare_cable_for_days(days, tmp_path):
    with terminal_at(tmp_path) as terminal:
        terminal.leap(days)
        takes_a_press(terminal)
        now = datetime.fromtimestamp(terminal.hardware.utc, UTC)
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        ask(terminal, os_management.DateTimeWriteRequest(datetime=stamp), os_management.DateTimeWriteResponse)
        terminal.leap(days)
        answer = ask(terminal, os_management.DateTimeReadRequest(), os_management.DateTimeReadResponse)
        told = datetime.fromisoformat(str(answer.datetime)).replace(tzinfo=UTC)
        assert abs(told - datetime.fromtimestamp(terminal.hardware.utc, UTC)) < timedelta(seconds=1)
        takes_a_press(terminal)
        terminal.run(70)
        assert terminal.machine._app._console is None, "a conversation ends, however long ago the one before was"


@pytest.mark.parametrize("profile", ["light", "deep"])
@pytest.mark.parametrize("days", DAYS)
def test_asleep_for_days(profile, days, tmp_path):
    with terminal_at(tmp_path, profile, network=True) as terminal:
        terminal.run(3600)
        terminal.obey("wifi off")
        terminal.leap(days)
        drift(terminal, 1800)
        terminal.obey("wifi on")
        # Asleep the radio is off: it comes back with the upload after a failed one, within an hour here.
        states = hear(terminal, "state")
        assert terminal.run_until(lambda: states != [], 3700)
        obeys_an_order(terminal, days)
        assert terminal.run_until(lambda: terminal.hardware.rtc.is_asleep or profile == "light", 120)
        takes_a_press(terminal)
        del states[:]
        terminal.run(7200)
        assert presses_at_the_office(terminal) == 2
        age_s = terminal.hardware.utc - states[-1]["utc_ms"] / 1000
        assert -1 < age_s < 5000, "the last upload was an hour ago, and its clock was not half an hour wrong"


@pytest.mark.parametrize("days", [1, 4, 7, 10, 13, 16, 19, 22, 25, 28])
def test_a_button_held_down_for_days(days, tmp_path):
    with terminal_at(tmp_path, network=True) as terminal:
        terminal.obey(f"hold 3 {days * 86400}")
        terminal.run(15)
        terminal.leap(days)
        terminal.run(60)
        assert terminal.machine._app.press_path.holds.stuck == 0
        takes_a_press(terminal)
