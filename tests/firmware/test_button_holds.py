"""Held buttons, stuck buttons and the keys of service and test mode, at their boundaries."""  # portable

from play import ticks

from terminal.button_holds import ButtonHolds
from terminal.press_verdict import DEFAULT_WINDOWS

NONE = -1


class Held:
    """Buttons that go down and up at ms; `down` is the mask of those that lie."""

    def __init__(self, at_boot=0):
        self.holds = ButtonHolds(DEFAULT_WINDOWS)
        self.down = at_boot
        self.holds.start(at_boot)

    def press(self, at_ms, button, seq=NONE):
        self.down |= 1 << button - 1
        self.holds.pressed(ticks(at_ms), button - 1, seq)
        return self.holds.step(ticks(at_ms), self.down)

    def release(self, at_ms, button):
        self.down &= ~(1 << button - 1)
        self.holds.released(ticks(at_ms), button - 1)
        return self.holds.step(ticks(at_ms), self.down)

    def at(self, at_ms):
        """(seq of a stuck vote or -1, buttons out of play, mode)"""
        seq = self.holds.step(ticks(at_ms), self.down)
        return seq, self.holds.stuck, self.holds.mode


def test_a_vote_is_stuck_after_10_s():
    held = Held()
    held.press(0, 3, seq=7)
    for at_ms, seq, stuck in ((1, NONE, 0), (9999, NONE, 0), (10000, 7, 4), (10001, NONE, 4), (60000, NONE, 4)):
        assert held.at(at_ms) == (seq, stuck, ""), at_ms


def test_released_in_time_it_is_not():
    held = Held()
    held.press(0, 3, seq=7)
    held.release(9999, 3)
    assert held.at(10000) == held.at(30000) == (NONE, 0, "")


def test_what_did_not_count_goes_out_of_play_without_a_revision():
    held = Held()
    held.press(0, 3)
    for at_ms, stuck in ((9999, 0), (10000, 4), (10001, 4)):
        assert held.at(at_ms) == (NONE, stuck, ""), at_ms


def test_the_cable_brings_test_mode_for_as_long_as_it_says():
    held = Held()
    held.holds.test(ticks(0), 3000)
    assert held.at(2999)[2] == "test"
    held.holds.test(ticks(2999), 3000)
    for at_ms, mode in ((5998, "test"), (5999, ""), (400000, "")):
        assert held.at(at_ms)[2] == mode, at_ms
    held.holds.test(ticks(400000), 3000)
    held.holds.test(ticks(400001), 0)
    assert held.at(400001)[2] == ""


def test_back_in_play_after_1_s():
    for lifted_ms, stuck in ((999, 4), (1000, 0), (1001, 0)):
        held = Held()
        held.press(0, 3, seq=7)
        held.at(10000)
        held.release(20000, 3)
        assert held.at(20000 + lifted_ms)[1] == stuck, lifted_ms


def test_chatter_keeps_it_out_of_play():
    held = Held()
    held.press(0, 3, seq=7)
    held.at(10000)
    held.release(20000, 3)
    held.press(20999, 3)
    held.release(21500, 3)
    for at_ms, stuck in ((22499, 4), (22500, 0)):
        assert held.at(at_ms)[1] == stuck, at_ms


def test_two_votes_at_once_are_told_one_after_the_other():
    held = Held()
    held.press(0, 1, seq=7)
    held.press(0, 2, seq=8)
    assert [held.at(10000 + i) for i in range(3)] == [(7, 1, ""), (8, 3, ""), (NONE, 3, "")]


def test_down_at_boot_is_out_of_play_until_released():
    for button in (1, 2, 3, 4):
        held = Held(at_boot=1 << button - 1)
        for at_ms in (0, 9999, 10000, 10001, 400000):
            assert held.at(at_ms) == (NONE, 1 << button - 1, "")
        held.release(400100, button)
        assert held.at(400100) == (NONE, 0, "")


def keys(second_ms=20):
    held = Held()
    held.press(0, 1)
    held.press(second_ms, 4)
    return held


def test_service_and_test_mode():
    for second_ms in (20, 5000):
        held = keys(second_ms)
        for dt, mode in (
            (0, ""),
            (9999, ""),
            (10000, "service"),
            (10001, "service"),
            (19999, "service"),
            (20000, "test"),
            (20001, "test"),
        ):
            assert held.at(second_ms + dt)[2] == mode, (second_ms, dt)


def test_a_mode_ends_after_5_minutes():
    for held_ms, mode in ((10000, "service"), (20000, "test")):
        held = keys(0)
        for at_ms in (10000, held_ms):
            held.at(at_ms)
        held.release(held_ms, 1)
        held.release(held_ms, 4)
        for dt, there in ((299999, mode), (300000, ""), (300001, "")):
            assert held.at(held_ms + dt)[2] == there, (mode, dt)


def test_keys_held_for_good_do_not_hold_the_mode():
    held = keys(0)
    modes = [held.at(at_ms)[2] for at_ms in range(0, 2000000, 1000)]
    assert modes == [""] * 10 + ["service"] * 10 + ["test"] * 300 + [""] * 1680
    held.release(2000000, 1)
    held.release(2000000, 4)
    held.at(2001000)
    held.press(2002000, 1)
    held.press(2002000, 4)
    held.at(2002001)
    assert held.at(2012001)[2] == "service"  # another hold is another hold


def test_service_keys_in_test_mode_do_not_shorten_or_lengthen_it():
    held = keys(0)
    held.at(10000)
    held.at(20000)
    for button in (1, 4):
        held.release(20100, button)
    held.at(22000)
    for button in (1, 4):
        held.press(30000, button)
    assert held.at(40000)[2] == held.at(50000)[2] == "test"
    assert held.at(319999)[2] == "test"
    assert held.at(320000)[2] == ""


def test_the_vote_of_a_hand_on_the_keys_is_stuck_and_the_keys_go_on():
    held = Held()
    held.press(0, 1, seq=7)
    held.press(300, 4)
    assert held.at(10000) == (7, 1, "")
    assert held.at(10300) == (NONE, 9, "service")
    assert held.at(20300) == (NONE, 9, "test")


def test_it_is_exactly_buttons_1_and_4():
    for down in range(16):
        held = Held()
        for button in (1, 2, 3, 4):
            if down & 1 << button - 1:
                held.press(0, button)
        seen = {held.at(at_ms)[2] for at_ms in range(0, 60000, 500)}
        assert seen == ({"", "service", "test"} if down == 9 else {""}), down


def test_a_finger_more_begins_the_hold_anew():
    held = keys(0)
    held.press(9000, 2)
    held.release(9500, 2)
    assert held.at(10000)[2] == held.at(19499)[2] == ""
    held = keys(0)
    held.release(9999, 4)
    assert held.at(10000)[2] == ""


def test_keys_down_at_boot_are_no_gesture():
    held = Held(at_boot=9)
    assert {held.at(at_ms)[2] for at_ms in range(0, 60000, 500)} == {""}
