"""Floods of filtered presses are folded, to the press; votes are never folded."""  # portable

from terminal.clock import Clock
from terminal.log_record import CHORD, CLOSED, COUNTED, MASH, REPEAT, RUN, STUCK, TEST, presses
from terminal.press_flood import Flood


def runs(flood, clock):
    buf = bytearray(16)
    found = []
    while flood.next_run(buf, clock):
        assert buf[0] & 7 == RUN
        uptime_ms = int.from_bytes(bytes(buf[1:6]), "little")
        found.append((buf[0] >> 4, buf[8] + 1, presses(buf, 0), buf[9], uptime_ms))
    return found


def press(flood, clock, at_ms, b, verdict):
    clock.advance(at_ms)
    return flood.takes(at_ms, b, verdict)


def test_a_few_filtered_presses_are_stored_one_by_one():
    flood, clock = Flood(), Clock(0)
    assert not any(press(flood, clock, 100 * i, 0, REPEAT) for i in range(64))
    assert not flood.pending


def test_votes_and_chords_are_never_folded():
    flood, clock = Flood(), Clock(0)
    for i in range(500):
        assert not press(flood, clock, 100 * i, 0, COUNTED if i % 2 else CHORD)


def test_ten_a_second_on_all_buttons():
    flood, clock = Flood(), Clock(0)
    stored = folded = 0
    total = records = 0
    for i in range(6000):
        if press(flood, clock, 100 * i, i % 4, MASH if i % 3 else REPEAT):
            folded += 1
        else:
            stored += 1
        if flood.is_due(100 * i):
            for _, _, count, span_s, _ in runs(flood, clock):
                total += count
                records += 1
                assert span_s <= 61
    total += sum(count for _, _, count, _, _ in runs(flood, clock))
    assert stored == 64 and total == folded == 6000 - 64
    assert records <= 8 * 11


def test_presses_outside_opening_hours_in_test_mode_and_of_a_stuck_button_flood_too():
    for verdict in (CLOSED, TEST, STUCK):
        flood, clock = Flood(), Clock(0)
        for i in range(164):
            press(flood, clock, 100 * i, 3, verdict)
        assert [run[:3] for run in runs(flood, clock)] == [(verdict, 4, 100)]


def test_a_run_tells_button_verdict_number_span_and_beginning():
    flood, clock = Flood(), Clock(0)
    for i in range(74):
        press(flood, clock, 100 * i, 2, MASH)
    assert flood.pending and not flood.is_due(7300)
    assert flood.is_due(7300 + 5000)
    assert flood.wait_ms(7300) == 5000
    assert runs(flood, clock) == [(MASH, 3, 10, 1, 6400)]
    assert not flood.pending


def test_a_flood_is_over_after_a_quiet_minute():
    flood, clock = Flood(), Clock(0)
    for i in range(100):
        press(flood, clock, 100 * i, 0, REPEAT)
    runs(flood, clock)
    assert press(flood, clock, 60000, 0, REPEAT)  # the window before was a flood: this one begins as one
    assert not press(flood, clock, 200000, 0, REPEAT)
