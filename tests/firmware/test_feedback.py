"""Signals of lights and buzzer: a table of what is shown when."""  # portable

from terminal.compat import ticks_add
from terminal.config import build
from terminal.feedback import SIGNALS, Feedback, is_dimmed

ALL = {"signals": list(SIGNALS)}
START_MS = (1 << 30) - 700  # the ticks wrap within every test


class Lights:
    """A board that writes down what its lights (1..4) and its buzzer (0) do: (ms since START_MS, which, value)."""

    def __init__(self):
        self.at_ms = 0
        self.seen = []

    def light(self, button, percent):
        self.seen.append((self.at_ms, button, percent))

    def tone(self, hz):
        self.seen.append((self.at_ms, 0, hz))


def made(settings):
    board = Lights()
    return board, Feedback(board, build({"feedback": settings})["feedback"], 1000)


def played(settings, events, until_ms=5000, is_quiet=False):
    """What is seen when each event (ms, name, arguments) comes at its time and `step` only when it asked to."""
    board, feedback = made(settings)
    feedback.is_quiet = is_quiet
    events = list(events)
    due_ms = 0
    while board.at_ms < until_ms:
        now_ms = ticks_add(START_MS, board.at_ms)
        while events and events[0][0] == board.at_ms:
            getattr(feedback, events[0][1])(now_ms, *events[0][2])
            events.pop(0)
            due_ms = board.at_ms
        if board.at_ms >= due_ms:
            wait_ms = feedback.step(now_ms)
            assert wait_ms > 0
            due_ms = board.at_ms + wait_ms
        board.at_ms += 1
    return board.seen


def test_by_default_only_the_thank_you_lights_on_the_pressed_button():
    events = [
        (5, "filtered", (0,)), (6, "stuck", (1,)), (7, "full", ()), (8, "no_clock", ()), (10, "counted", (2,)),
    ]  # fmt: skip
    seen = played({}, events)
    assert seen == [(10, 3, 100), (10, 0, 880), (90, 0, 0), (1010, 3, 0)]


def test_each_signal_has_its_own_form():
    for event, expected in (
        (("counted", (3,)), [(0, 4, 100), (0, 0, 880), (80, 0, 0), (1000, 4, 0)]),
        (("filtered", (1,)),
         [(0, 2, 100), (0, 0, 440), (80, 0, 0), (120, 2, 0), (240, 2, 100), (360, 2, 0)]),
        (("stuck", (0,)),
         [(0, 1, 100), (600, 1, 0), (1200, 1, 100), (1800, 1, 0), (2400, 1, 100), (3000, 1, 0)]),
        (("no_clock", ()), [(0, 2, 100), (0, 3, 100), (40, 2, 0), (40, 3, 0)]),
        (("full", ()),
         [(0, 1, 100), (0, 2, 100), (0, 3, 100), (0, 4, 100), (0, 0, 330), (80, 0, 0),
          (250, 1, 0), (250, 2, 0), (250, 3, 0), (250, 4, 0),
          (500, 1, 100), (500, 2, 100), (500, 3, 100), (500, 4, 100),
          (750, 1, 0), (750, 2, 0), (750, 3, 0), (750, 4, 0)]),
    ):  # fmt: skip
        assert sorted(played(ALL, [(0, event[0], event[1])])) == sorted(expected), event[0]


def test_the_self_test_lights_what_it_names_and_nothing_else():
    dark = {"signals": []}
    events = [(0, "lamps", (1,)), (400, "lamps", (1,)), (500, "lamps", (8,)), (600, "tone", ()), (3000, "lamps", (0,))]
    assert played(dark, events) == [
        (0, 1, 100), (500, 4, 100), (500, 1, 0), (600, 0, 660), (920, 0, 0), (2000, 4, 0),
    ]  # fmt: skip
    assert played(dark, [(0, "lamps", (2,)), (700, "lamps", (0,))]) == [(0, 2, 100), (700, 2, 0)]


def test_a_signal_that_is_not_named_stays_dark():
    for name, arguments in (
        ("counted", (0,)), ("filtered", (0,)), ("stuck", (0,)), ("full", ()), ("no_clock", ()),
    ):  # fmt: skip
        others = [other for other in SIGNALS if other != name]
        assert played({"signals": others}, [(0, name, arguments)]) == [], name


def test_two_thanked_buttons_have_a_light_each():
    seen = [s for s in played({}, [(0, "counted", (0,)), (400, "counted", (3,))]) if s[1]]
    assert seen == [(0, 1, 100), (400, 4, 100), (1000, 1, 0), (1400, 4, 0)]


def test_a_vote_thanked_again_stays_lit():
    seen = [s for s in played({}, [(0, "counted", (0,)), (600, "counted", (0,))]) if s[1]]
    assert seen == [(0, 1, 100), (1600, 1, 0)]


def test_a_filtered_press_ends_the_thanks_and_is_told_apart_from_them():
    seen = [s for s in played(ALL, [(0, "counted", (0,)), (300, "filtered", (0,))]) if s[1]]
    assert seen == [(0, 1, 100), (300, 1, 0), (420, 1, 100), (540, 1, 0), (660, 1, 100), (780, 1, 0)]


def test_no_clock_is_told_every_ten_seconds_and_only_in_the_dark():
    board, feedback = made(ALL)
    lit = []
    for at_ms in range(0, 32000, 20):
        now_ms = ticks_add(START_MS, at_ms)
        board.at_ms = at_ms
        if at_ms == 19900:
            feedback.counted(now_ms, 0)
        feedback.step(now_ms)
        assert 0 < feedback.no_clock(now_ms) <= 10000
    lit = [at_ms for at_ms, which, percent in board.seen if which == 2 and percent]
    assert lit == [0, 10000, 30000]


def test_a_terminal_that_does_not_count_blinks_its_first_light():
    seen = played({"signals": []}, [(0, "refuse", ())], 2600)
    assert seen == [(500 * i, 1, 100 if i % 2 == 0 else 0) for i in range(6)]


def test_brightness_and_quiet_hours():
    settings = {"signals": ["counted"], "brightness": 60, "quiet": "21:00-07:00", "quiet_brightness": 5}
    assert played(settings, [(0, "counted", (0,))]) == [(0, 1, 60), (0, 0, 880), (80, 0, 0), (1000, 1, 0)]
    assert played(settings, [(0, "counted", (0,))], is_quiet=True) == [(0, 1, 5), (1000, 1, 0)]
    settings["quiet_brightness"] = 80  # quiet is never brighter
    assert played(settings, [(0, "counted", (0,))], is_quiet=True) == [(0, 1, 60), (1000, 1, 0)]


def test_while_it_asks_the_lights_of_the_answers_pulse():
    seen = [s for s in played({}, [(0, "asking", (7,)), (3000, "asking", (0,))]) if s[1]]
    assert not [s for s in seen if s[1] == 4]
    for button in (1, 2, 3):
        levels = [(at_ms, percent) for at_ms, which, percent in seen if which == button]
        assert levels[:3] == [(50, 6), (100, 12), (150, 18)]
        assert (800, 100) in levels and (1600, 0) in levels and (2400, 100) in levels
        assert levels[-1] == (3000, 0)


def test_the_thank_you_stands_out_of_the_pulse():
    seen = played({}, [(0, "counted", (0,)), (20, "asking", (15,)), (1500, "asking", (0,))])
    first = [(at_ms, percent) for at_ms, which, percent in seen if which == 1]
    assert first[0] == (0, 100) and 950 < first[1][0] <= 1050 and first[-1][1] == 0


def test_when_the_lights_need_more_than_on_and_off():
    for settings, dimmed in (
        ({}, False), ({"brightness": 99}, True), ({"quiet": "21:00-07:00"}, True),
        ({"quiet": "21:00-07:00", "quiet_brightness": 100}, False), ({"quiet_brightness": 1}, False),
    ):  # fmt: skip
        assert is_dimmed(build({"feedback": settings})["feedback"]) == dimmed, settings


def test_dark_is_known():
    _, feedback = made({})
    assert feedback.is_dark
    feedback.counted(0, 0)
    assert not feedback.is_dark
    feedback.step(100)
    feedback.step(1000)
    assert feedback.is_dark
    feedback.asking(2000, 1)
    assert not feedback.is_dark
