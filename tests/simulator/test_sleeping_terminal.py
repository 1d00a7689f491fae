"""A terminal that sleeps deeply: the wake is the press, and nobody could tell from the log that it slept."""

import json

import pytest

from hymio.wire.records import Acked, Boot, Press, Time
from hymio_sim.run.virtual import VirtualTerminal

AWAKE_S = 61.0
"""After power-on somebody may be at the cable."""


def sleeper(profile="deep", **more):
    power = {"profile": profile, **more.pop("power", {})}
    terminal = VirtualTerminal(config={"power": power, **more.pop("config", {})}, **more)
    terminal.run(AWAKE_S + 5)
    return terminal


def is_asleep(terminal):
    return terminal.hardware.rtc.is_asleep


def state(terminal):
    """What it said of itself last."""
    return json.loads(terminal.air.broker.retained["hymio/till-1/state"])


def verdicts(terminal):
    """In force now, by seq."""
    found = {event["seq"]: event["verdict"] for event in terminal.of("record")}
    found.update({event["seq"]: event["verdict"] for event in terminal.of("amended")})
    return [found[seq] for seq in sorted(found)]


@pytest.mark.parametrize("install", ["frozen", "files"])
def test_the_wake_is_the_press(install):
    with sleeper(install=install) as terminal:
        assert is_asleep(terminal)
        wear = sum(terminal.flash.wear)
        programs = terminal.flash.programs
        terminal.press(3)
        terminal.run(1.0)
        (press,) = terminal.of("press")
        (record,) = terminal.of("record")
        (light,) = [event for event in terminal.of("led") if event["on"]]
        assert (record["button"], record["verdict"], record["boot"]) == (3, "counted", 1)
        first_contact_ms = 1000 * (press["t"] - terminal.of("ready")[0]["t"])
        assert record["uptime_ms"] == pytest.approx(first_contact_ms, abs=100)
        assert light["t"] >= record["t"]
        # One program: no boot record, no erase.
        assert terminal.flash.programs == programs + 1 and sum(terminal.flash.wear) == wear
        terminal.run(2.0)
        assert is_asleep(terminal) and len(terminal.of("ready")) == 1


def test_the_rules_know_what_was_before_the_sleep():
    with sleeper() as terminal:
        for button, pause_s in ((1, 3.0), (1, 1.5), (4, 20.0), (2, 1.8), (3, 20.0), (2, 0.4), (2, 30.0)):
            terminal.press(button)
            terminal.run(pause_s)
        #                            3 s later, same button; then another one; 1.8 s later another; after 0.4 s the same
        assert verdicts(terminal) == ["counted", "repeat", "counted", "replaced", "counted", "counted", "repeat"]


def test_two_buttons_at_once_wake_it_as_a_chord():
    with sleeper() as terminal:
        terminal.obey("chord 1 4")
        terminal.run(3.0)
        assert verdicts(terminal) == ["chord", "chord"]


def test_only_scheduled_uploads_switch_the_radio_on():
    with sleeper(network=True, power={"uploads_per_day": 4}) as terminal:
        terminal.run(86_400 / 4)  # the first of the day comes when it comes
        sent = len(terminal.air.office.batches)
        for _ in range(40):
            terminal.press(4)
            terminal.run(2160)
        assert 3 <= len(terminal.air.office.batches) - sent <= 5
        terminal.run(86_400 / 4 + 600)
        records = {seq: record for _, batch in terminal.air.office.batches for seq, record in batch.records}
        presses = [record for record in records.values() if isinstance(record, Press)]
        assert len(presses) == 40 and all(press.verdict == 0 for press in presses)
        assert sum(isinstance(record, Boot) for record in records.values()) == 1
        assert sum(isinstance(record, Acked) for record in records.values()) <= 5
        assert any(isinstance(record, Time) for record in records.values())
        assert terminal.of("wake")[-1]["cause"] == "timer"


@pytest.mark.parametrize(
    ("power", "presses"), [({"upload_backlog": 10}, (4,) * 10), ({"alert_unhappy": 3}, (4, 1, 2, 4, 1))]
)
def test_a_backlog_or_an_alert_asks_for_the_radio(power, presses):
    with sleeper(network=True, power={"uploads_per_day": 1, **power}) as terminal:
        sent = len(terminal.air.office.batches)
        for button in presses[:-1]:
            terminal.press(button)
            terminal.run(60)
        assert len(terminal.air.office.batches) == sent
        terminal.press(presses[-1])
        terminal.run(60)
        assert len(terminal.air.office.batches) > sent
        assert is_asleep(terminal)


def test_a_cloth_on_a_button_lets_the_others_vote_and_the_terminal_sleep():
    with sleeper() as terminal:
        terminal.obey("hold 2 1500")
        terminal.run(30)
        assert is_asleep(terminal)
        terminal.press(4)
        terminal.run(30)
        assert is_asleep(terminal)
        assert verdicts(terminal) == ["stuck", "counted"]
        terminal.run(2400)  # the cloth falls off; within ten minutes the button is in play again
        terminal.press(2)
        terminal.run(5)
        assert verdicts(terminal) == ["stuck", "counted", "counted"]


def test_the_next_sector_is_erased_by_itself_and_never_on_the_way_to_a_press():
    with sleeper() as terminal:
        wear = sum(terminal.flash.wear)
        terminal.run(10)
        for _ in range(300):
            before = sum(terminal.flash.wear)
            terminal.press(4)
            terminal.run(0.5)
            assert sum(terminal.flash.wear) == before
            terminal.run(9)
        assert sum(terminal.flash.wear) == wear + 1
        assert verdicts(terminal) == ["counted"] * 300


def test_a_low_battery_says_so_once_and_then_keeps_erase_and_radio_off():
    pin = {"battery": 34, "divider": 2, "low_mv": 2500}
    with sleeper(network=True, power={"uploads_per_day": 24, **pin}) as terminal:
        terminal.obey("battery 2400")
        terminal.press(4)
        terminal.run(120)
        said = state(terminal)
        assert said["supply_low"] and said["supply_mv"] == pytest.approx(2400, abs=20)
        sent, wear = len(terminal.air.office.batches), sum(terminal.flash.wear)
        for _ in range(520):
            terminal.press(3)
            terminal.run(40)
        assert len(terminal.air.office.batches) == sent and sum(terminal.flash.wear) == wear
        # Without an erase the sectors that are ready fill up; what finds no room is not thanked for.
        stored, lights = len(terminal.of("record")), sum(event["on"] for event in terminal.of("led"))
        assert stored < 521 and lights == stored
        terminal.obey("battery 2900")
        terminal.press(1)
        terminal.run(120)
        terminal.press(4)
        terminal.run(7200)
        assert len(terminal.of("record")) > stored and len(terminal.air.office.batches) > sent
        assert not state(terminal)["supply_low"]


def test_power_lost_in_its_sleep_is_a_boot_like_any_other():
    with sleeper() as terminal:
        terminal.press(1)
        terminal.run(10)
        terminal.obey("power off")
        terminal.run(5)
        terminal.obey("power on")
        terminal.run(5)
        assert [event["boot"] for event in terminal.of("ready")] == [1, 2]
        terminal.press(2)
        terminal.run(5)
        assert verdicts(terminal) == ["counted", "counted"]


@pytest.mark.parametrize("profile", ["light", "deep"])
def test_in_service_mode_it_stays_awake_for_the_cable(profile):
    """Buttons 1 and 4 for ten seconds; five minutes later it sleeps again, a minute after the mode has ended."""
    with sleeper(profile) as terminal:
        terminal.script(["chord 1 4 11000", "wait 12"])
        slept = len(terminal.of("sleep")), terminal.hardware.light_sleeps
        terminal.run(280)
        assert (len(terminal.of("sleep")), terminal.hardware.light_sleeps) == slept
        terminal.run(120)
        assert (len(terminal.of("sleep")), terminal.hardware.light_sleeps) > slept


def test_light_sleep_keeps_everything_and_ends_with_a_press():
    with sleeper("light") as terminal:
        boots = len(terminal.of("ready"))
        for button in (1, 2, 3, 4):
            terminal.press(button)
            terminal.run(30)
        assert verdicts(terminal) == ["counted"] * 4
        assert len(terminal.of("ready")) == boots and not terminal.of("wake")
        assert all(
            record["t"] - press["t"] < 0.030
            for press, record in zip(terminal.of("press"), terminal.of("record"), strict=True)
        )
