"""Debounce by tables: time, contact, expected press."""  # portable

from terminal.compat import ticks_add, ticks_diff
from terminal.debounce import Debounce

PERIOD = ticks_add(0, -1) + 1  # 2^30, as on the board; the unix VM has 2^62
WRAP = PERIOD - 40  # the tables cross the wrap of the ticks


def run(edges, until_ms, poll_ms=0, start=WRAP, irq=True, late=()):
    """Plays {ms: closed mask} changes; polls as the debouncer asks (or every poll_ms). Gives [(t_ms, mask, first_ms)].

    late: (from_ms, to_ms) in which nobody polls.
    """
    debounce = Debounce()
    debounce.start(start, 0)
    found = []
    level = 0
    next_poll = 0
    for t in range(until_ms):
        now = (start + t) % PERIOD
        if t in edges:
            change = level ^ edges[t]
            level = edges[t]
            if irq and not (late and late[0] <= t < late[1]):
                for b in range(4):
                    if change & 1 << b:
                        debounce.edge(now, b)
                        next_poll = t
        if late and late[0] <= t < late[1]:
            next_poll = late[1]
            continue
        if t >= next_poll:
            next_poll = t + (poll_ms or debounce.step(now, level))
            if poll_ms:
                debounce.step(now, level)
            for b in range(4):
                if debounce.pressed & 1 << b:
                    found.append((t, b + 1, ticks_diff(debounce.first_contact[b], start)))
    return found


def bounce(at_ms, until_ms, mask=1, rest=0, step=1):
    """Chatter of 1 ms from at_ms to until_ms, then `mask`."""
    edges = {}
    level = mask
    for t in range(at_ms, until_ms, step):
        edges[t] = level
        level ^= mask ^ rest
    edges[until_ms] = mask
    return edges


def test_a_clean_press_is_one_press_within_20_ms():
    found = run({100: 1, 220: 0}, 400)
    assert len(found) == 1
    t, button, first = found[0]
    assert (button, first) == (1, 100) and t <= 120


def test_bounce_table():
    #      closing  opening  held
    table = ((0, 0, 25), (2, 1, 25), (10, 10, 40), (10, 40, 60), (25, 40, 120), (25, 0, 60), (0, 40, 30))
    for closing, opening, held in table:
        edges = bounce(100, 100 + closing)
        edges.update(bounce(100 + closing + held, 100 + closing + held + opening, 0, 1))
        edges[100 + closing + held + opening] = 0
        found = run(edges, 600)
        assert len(found) == 1, (closing, opening, held, found)
        t, _, first = found[0]
        assert first == 100, (closing, opening, held)
        limit = 120 if closing <= 10 else 100 + closing + 10
        assert t <= limit, (closing, opening, held, t)


def test_a_quiet_gap_in_the_chatter():
    # closed, 20 ms of quiet open, closed for good; opening with 38 ms of quiet and a last spark
    edges = {100: 1, 101: 0, 121: 1, 250: 0, 288: 1, 289: 0}
    assert [button for _, button, _ in run(edges, 500)] == [1]


def test_spikes_are_no_press():
    assert run({100: 1, 101: 0, 160: 2, 161: 0, 300: 4, 301: 0}, 500) == []


def test_tap_of_25_ms():
    assert len(run({100: 8, 125: 0}, 300)) == 1


def test_two_taps_and_overlapping_buttons():
    assert [b for _, b, _ in run({100: 1, 150: 0, 230: 1, 280: 0}, 500)] == [1, 1]
    assert [b for _, b, _ in run({100: 1, 110: 3, 160: 2, 200: 0}, 500)] == [1, 2]
    assert sorted(b for _, b, _ in run({100: 9, 200: 0}, 500)) == [1, 4]


def test_without_interrupts_a_held_press_is_seen_by_the_idle_poll():
    assert len(run({100: 1, 900: 0}, 2000, irq=False)) == 1


def test_a_late_poll_counts_once():
    # The press begins, one poll sees it, then nobody polls until it is over.
    assert len(run({100: 1, 140: 0}, 500, late=(103, 300))) == 1


def test_a_press_latched_in_a_standstill_counts_once_and_is_flagged():
    debounce = Debounce()
    debounce.start(0, 0)
    debounce.stood_still(400)
    debounce.edge(401, 2)
    debounce.step(402, 0)
    assert debounce.pressed == 4 and debounce.stalled == 4
    debounce.step(404, 0)
    assert debounce.pressed == 0
    for t in range(406, 600, 2):
        debounce.step(t, 0)
        assert not debounce.pressed
    assert debounce.is_idle


def test_a_button_down_at_boot_is_no_press():
    debounce = Debounce()
    debounce.start(0, 2)
    for t in range(0, 200, 2):
        debounce.step(t, 2)
        assert not debounce.pressed
    for t in range(200, 300, 2):
        debounce.step(t, 0)
    assert debounce.is_idle
    for t in range(300, 330, 2):
        debounce.step(t, 2)
        if debounce.pressed:
            break
    assert debounce.pressed == 2


def test_quiet():
    debounce = Debounce()
    debounce.start(0, 0)
    level = 0
    quiet = []
    for t in range(0, 3000, 2):
        level = 1 if 100 <= t < 200 else 2 if 700 <= t < 900 else 6 if 900 <= t < 1000 else 0
        debounce.step(t, level)
        for b in range(4):
            if debounce.pressed & 1 << b:
                quiet.append(debounce.quiet_ms(b, debounce.first_contact[b], 0))
    assert quiet == [65535, 500, 0]
