"""What the lights and the buzzer of a whole terminal do, as seen at its pins; opening hours as they pass."""

from itertools import pairwise

import pytest

from hymio_sim.board.switches import SWITCHES
from hymio_sim.run.virtual import START_UTC, VirtualTerminal

EVERYTHING = ["counted", "filtered", "stuck", "full", "no_clock"]
HELSINKI = "EET-2EEST,M3.5.0/3,M10.5.0/4"
WIRINGS = {
    "plain": {},
    "dimmed": {"feedback": {"brightness": 40}},
    "strip": {"pins": {"neopixel": 23}},
}


def lights(terminal, since=0.0):
    """(seconds since, light, on) of every change after `since`."""
    return [(event["t"] - since, event["led"], event["on"]) for event in terminal.of("led") if event["t"] >= since]


@pytest.mark.parametrize("wiring", WIRINGS)
def test_the_thank_you_comes_after_the_record_and_within_30_ms(wiring):
    """At worst-case flash times, for every switch that bounces for up to 10 ms."""
    for profile in SWITCHES:
        if profile in ("worn", "monster"):
            continue
        with VirtualTerminal(flash_times="worst", config=WIRINGS[wiring]) as terminal:
            for i in range(4):
                terminal.press(1 + i, profile=profile)
                terminal.run(6)
            pushed = [(event["t"], event["button"]) for event in terminal.of("press")]
            order = [event for event in terminal.events if event["event"] in ("record", "led")]
            assert [event["event"] for event in order] == ["record", "led", "led"] * 4
            for (at_s, button), record, on, off in zip(pushed, order[::3], order[1::3], order[2::3], strict=True):
                assert record["button"] == on["led"] == off["led"] == button
                assert on["on"] and not off["on"] and off["percent"] == 0
                assert record["t"] <= on["t"] <= at_s + 0.030
                assert off["t"] - on["t"] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("wiring", WIRINGS)
def test_nobody_is_thanked_for_a_press_that_a_power_cut_took(wiring):
    with VirtualTerminal(flash_times="worst", config=WIRINGS[wiring]) as terminal:
        for cut_ms in range(8, 24, 2):
            before = len(terminal.events)
            terminal.script(["press 2 120 profile clean", f"wait {cut_ms / 1000}", "power off", "wait 1", "power on"])
            said = [event["event"] for event in terminal.events[before:]]
            assert ("led" in said) <= ("record" in said), said
            terminal.run(3)


def test_a_filtered_press_gives_another_signal_where_it_is_configured():
    for signals, expected in (
        (["counted"], []),
        (["counted", "filtered"], [(0, 1, True), (0.12, 1, False), (0.24, 1, True), (0.36, 1, False)]),
    ):
        with VirtualTerminal(config={"feedback": {"signals": signals}}) as terminal:
            terminal.press(1)
            terminal.run(2)
            terminal.press(1)
            terminal.run(2)
            first, second = terminal.of("record")
            assert (first["verdict"], second["verdict"]) == ("counted", "repeat")
            seen = lights(terminal, second["t"])
            assert [light[1:] for light in seen] == [light[1:] for light in expected]
            assert [light[0] for light in seen] == pytest.approx([light[0] for light in expected], abs=0.02)


def test_a_button_that_is_held_blinks_slowly_when_it_is_stuck():
    with VirtualTerminal(config={"feedback": {"signals": EVERYTHING}}) as terminal:
        terminal.press(3, 13_000)
        terminal.run(16)
        amended = terminal.of("amended")[0]
        assert amended["verdict"] == "stuck"
        seen = [light for light in lights(terminal, amended["t"]) if light[1] == 3]
        assert [on for _, _, on in seen][:6] == [True, False] * 3
        assert seen[1][0] - seen[0][0] == pytest.approx(0.6, abs=0.03)


def test_while_a_follow_up_waits_the_lights_of_its_reasons_pulse_and_the_answer_is_thanked_for():
    with VirtualTerminal(config={"follow_up": {"reasons": 3}}) as terminal:
        terminal.press(4)
        terminal.run(4)
        assert {event["led"] for event in terminal.of("led")} == {4}, "a happy vote is not asked about"
        terminal.press(1)
        terminal.run(5)
        vote, answered = terminal.of("record")[1], len(terminal.events)
        for led in (2, 3):
            on = [event["t"] - vote["t"] for event in terminal.of("led") if event["led"] == led and event["on"]]
            assert len(on) == 3 and [after - before for before, after in pairwise(on)] == (
                pytest.approx([1.6, 1.6], abs=0.06)
            )
        terminal.press(2)
        terminal.run(0.3)
        assert terminal.of("record")[-1]["verdict"] == "answer"
        names = [event["event"] for event in terminal.events[answered:] if event["event"] in ("record", "led")]
        assert names[0] == "record"
        assert terminal.hardware.lit == {2}
        terminal.run(20)
        assert not terminal.hardware.lit


def test_an_unset_clock_is_told_at_rest_until_it_is_set():
    with VirtualTerminal(network=True, config={"feedback": {"signals": EVERYTHING}}) as terminal:
        terminal.obey("wifi off")
        terminal.run(41)
        on = [event for event in terminal.of("led") if event["on"]]
        assert {event["led"] for event in on} == {2, 3} and len(on) in (8, 10)
        terminal.obey("wifi on")
        terminal.run(60)
        before = len(terminal.of("led"))
        terminal.run(60)
        assert len(terminal.of("led")) == before


def test_quiet_hours_dim_the_light_and_silence_the_buzzer():
    """The run begins at 08:00 UTC, which is 10:00 in Helsinki."""
    assert START_UTC % 86400 == 8 * 3600
    quiet = {"quiet": "21:00-10:01", "brightness": 80, "quiet_brightness": 10}
    config = {"feedback": quiet, "opening_hours": {"tz": HELSINKI}, "pins": {"buzzer": 23}}
    with VirtualTerminal(network=True, config=config) as terminal:
        terminal.run(30)
        terminal.press(4)
        terminal.run(31)
        assert [event["percent"] for event in terminal.of("led")] == [10, 0]
        assert terminal.of("buzzer") == []
        terminal.press(1)
        terminal.run(3)
        assert [event["percent"] for event in terminal.of("led")][2:] == [80, 0]
        assert [(event["hz"], event["on"]) for event in terminal.of("buzzer")] == [(880, True), (880, False)]


def test_pixels_have_the_colours_of_their_faces():
    with VirtualTerminal(config={"pins": {"neopixel": 23}}) as terminal:
        shown = []
        show = terminal.hardware.pixels

        def look(pin, colours):
            shown.append(bytes(colours))
            show(pin, colours)

        terminal.hardware.pixels = look  # type: ignore[method-assign]
        for button in (1, 2, 3, 4):
            terminal.press(button)
            terminal.run(6)
        for i in range(4):
            green, red, blue = shown[2 * i][3 * i : 3 * i + 3]
            assert sum(shown[2 * i]) == green + red + blue, "one pixel alone"
            assert blue == 0 and (red > green) == (i < 2)
            assert not any(shown[2 * i + 1])


def test_lights_and_sound_end_with_the_power():
    with VirtualTerminal(config={"pins": {"neopixel": 23, "buzzer": 13}}) as terminal:
        terminal.press(1)
        terminal.run(0.05)
        terminal.obey("power off")
        assert [(event["event"], event.get("on")) for event in terminal.events[-3:]] == [
            ("led", False), ("buzzer", False), ("power", False),
        ]  # fmt: skip


def test_the_terminal_opens_and_closes_on_the_minute_after_a_long_idle():
    """Half an hour after the start, which is at 10:00 in Helsinki; and 50 ms are enough."""
    config = {"opening_hours": {"days": ["10:30-10:45"] * 7, "tz": HELSINKI}}
    with VirtualTerminal(network=True, config=config) as terminal:

        def verdict_at(seconds):
            terminal.run(seconds - terminal.clock.now_us() / 1e6)
            terminal.press(2)
            terminal.run(1)
            return terminal.of("record")[-1]["verdict"]

        assert [verdict_at(seconds) for seconds in (1798, 1800.05, 2698, 2700.05)] == [
            "closed", "counted", "counted", "closed",
        ]  # fmt: skip


def test_a_held_button_does_not_leave_the_others_closed():
    config = {"opening_hours": {"days": ["10:02-18:00"] * 7, "tz": HELSINKI}}
    with VirtualTerminal(network=True, config=config) as terminal:
        terminal.run(60)
        terminal.press(1, 300_000)
        terminal.run(61)
        terminal.press(4)
        terminal.run(1)
        assert [record["verdict"] for record in terminal.of("record")] == ["closed", "counted"]


def test_without_a_clock_every_press_counts():
    with VirtualTerminal(config={"opening_hours": {"days": [""] * 7}}) as terminal:
        terminal.press(2)
        terminal.run(1)
        assert terminal.of("record")[0]["verdict"] == "counted"
