"""Debounce by tables: time, contact, expected press."""  # portable

from terminal.compat import ticks_add, ticks_diff
from terminal.press_debounce import Debounce

PERIOD = ticks_add(0, -1) + 1  # 2^30, as on the board; the unix VM has 2^62
# Every table runs with the wrap of the ticks nowhere near, before, within and after its first press.
STARTS = (0, PERIOD - 50, PERIOD - 103, PERIOD - 110, PERIOD - 130, PERIOD - 260)


def run(edges, until_ms, irq=True, busy=None, start=None):
    """Plays {ms: closed mask} changes and polls as the debouncer asks. Gives [(t_ms, button, first contact in ms)].

    irq: whether interrupts come through, or (first, last) time of those that do. busy: (from, to) in which nobody
    polls though interrupts run.
    """
    if start is None:
        found = [run(edges, until_ms, irq, busy, start) for start in STARTS]
        assert all(f == found[0] for f in found), found
        return found[0]
    debounce = Debounce()
    debounce.start(start % PERIOD, 0)
    found = []
    level = 0
    next_poll = 0
    for t in range(until_ms):
        now = (start + t) % PERIOD
        if t in edges:
            change = level ^ edges[t]
            level = edges[t]
            if irq is True or (irq and irq[0] <= t <= irq[1]):
                for b in range(4):
                    if change & 1 << b:
                        debounce.edge(now, b)
                        next_poll = t
        if busy and busy[0] <= t < busy[1]:
            next_poll = min(next_poll, busy[1])
            continue
        if t >= next_poll:
            next_poll = t + debounce.step(now, level)
            for b in range(4):
                if debounce.pressed & 1 << b:
                    found.append((t, b + 1, ticks_diff(debounce.first_contact[b], start % PERIOD)))
    return found


def buttons(*args, **options):
    return [button for _, button, _ in run(*args, **options)]


def chatter(at_ms, until_ms, mask=1, rest=0):
    """Chatter of 1 ms from at_ms to until_ms, then `mask`."""
    edges = {}
    level = mask
    for t in range(at_ms, until_ms):
        edges[t] = level
        level ^= mask ^ rest
    edges[until_ms] = mask
    return edges


def push(at_ms, closing, held, opening, mask=1):
    """Chatter, `held` ms of closed contact, chatter."""
    edges = chatter(at_ms, at_ms + closing, mask)
    edges.update(chatter(at_ms + closing + held, at_ms + closing + held + opening, 0, mask))
    return edges


def test_a_clean_press_is_one_press_of_its_button():
    for b in range(4):
        ((t, button, first),) = run({100: 1 << b, 220: 0}, 400)
        assert (button, first) == (b + 1, 100) and t <= 108


def test_bounce():
    #        closing opening held
    table = (
        (0, 0, 25),
        (1, 1, 25),
        (10, 10, 25),
        (11, 0, 25),
        (25, 0, 25),
        (0, 40, 25),
        (25, 40, 25),
        (25, 40, 120),
        (25, 40, 44),
        (25, 40, 45),
        (25, 40, 46),
        (0, 40, 2000),
    )
    for closing, opening, held in table:
        found = run(push(100, closing, held, opening), 400 + held)
        assert len(found) == 1, (closing, opening, held, found)
        t, _, first = found[0]
        assert first == 100, (closing, opening, held)
        assert t <= (120 if closing <= 10 else 100 + closing + 10), (closing, opening, held, t)


def test_a_quiet_gap_in_the_chatter():
    table = (
        ({100: 1, 101: 0, 110: 1, 250: 0}, 120),
        ({100: 1, 101: 0, 125: 1, 250: 0}, 135),  # closed, 24 ms of quiet open, closed for good
        ({100: 1, 107: 0, 125: 1, 250: 0}, 120),  # closed for long enough, then open again
        ({100: 1, 250: 0, 290: 1, 291: 0}, 120),  # 40 ms of quiet in the release and a last spark
        ({100: 1, 250: 0, 282: 1, 290: 0}, 120),  # long enough closed for a press
        ({100: 1, 250: 0, 270: 1, 289: 0}, 120),
        ({100: 1, 101: 0, 125: 1, 150: 0, 189: 1, 190: 0}, 135),
    )
    for edges, limit in table:
        ((t, _, first),) = run(edges, 500)
        assert first == 100 and t <= limit, (edges, t)


def test_spikes_are_no_press():
    table = (
        {100: 1, 101: 0},
        {100: 1, 101: 0, 160: 2, 161: 0, 300: 4, 301: 0},
        {100: 15, 101: 0},
        {t: t % 10 == 0 for t in range(100, 400) if t % 10 < 2},  # one every 10 ms
        {t: t % 3 == 0 for t in range(100, 401) if t % 3 < 2},  # one every 3 ms
    )
    for edges in table:
        for irq in (True, False, (0, 100)):
            assert run(edges, 700, irq=irq) == [], (edges, irq)


def test_a_press_after_a_spike():
    for gap in (2, 5, 10, 28, 29, 30, 31, 32, 60):
        assert buttons({100: 1, 101: 0, 101 + gap: 1, 130 + gap: 0}, 400) == [1], gap


def test_taps():
    table = (
        ({100: 8, 125: 0}, [4]),
        ({100: 1, 125: 0, 185: 1, 210: 0}, [1, 1]),
        (push(100, 25, 25, 40), [1]),
        ({100: 1, 125: 0, 185: 2, 210: 0, 270: 4, 295: 0, 355: 8, 380: 0}, [1, 2, 3, 4]),
    )
    for edges, expected in table:
        assert buttons(edges, 700) == expected, edges
    # The second one comes 60 ms after the last edge of the first.
    for closing, opening in ((0, 0), (10, 10), (25, 40), (0, 40)):
        edges = push(100, closing, 25, opening)
        edges.update(push(max(edges) + 60, closing, 25, opening))
        assert buttons(edges, 700) == [1, 1], (closing, opening)


def test_overlapping_buttons():
    table = (
        ({100: 1, 110: 3, 160: 2, 200: 0}, [1, 2]),
        ({100: 1, 101: 3, 160: 2, 200: 0}, [1, 2]),
        ({100: 9, 200: 0}, [1, 4]),
        ({100: 15, 200: 0}, [1, 2, 3, 4]),
        ({100: 2, 200: 3, 230: 2, 320: 3, 350: 2, 500: 0}, [2, 1, 1]),  # two taps while another is held
        ({100: 2, 150: 3, 151: 2, 300: 0}, [2]),  # a spike meanwhile
        ({100: 1, 125: 2, 150: 4, 175: 8, 200: 0}, [1, 2, 3, 4]),  # one opens as the next closes
    )
    for edges, expected in table:
        assert sorted(buttons(edges, 900)) == sorted(expected), edges


def test_lost_interrupts():
    table = (
        (False, {100: 1, 900: 0}, [1]),  # the idle poll sees it
        ((100, 100), push(100, 10, 60, 20), [1]),  # only the first one came
        ((100, 104), push(100, 25, 60, 40), [1]),
        ((0, 200), {100: 1, 200: 0, 280: 1, 800: 0}, [1, 1]),  # the second press woke nobody
    )
    for irq, edges, expected in table:
        assert buttons(edges, 2000, irq=irq) == expected, (irq, edges)


def test_a_late_poll_counts_once():
    table = (
        # edges                                       nobody polls  presses
        ({100: 1, 140: 0}, (103, 300), 1),  # one look while it was closed
        ({100: 1, 140: 0}, (101, 140), 1),
        ({100: 1, 140: 0}, (100, 300), 1),  # not one
        ({100: 1, 140: 0}, (100, 141), 1),
        ({100: 1, 140: 0}, (90, 138), 1),  # the first look finds the last of it
        ({100: 1, 125: 0}, (90, 124), 1),
        ({100: 1, 125: 0}, (102, 118), 1),
        (push(100, 10, 100, 10), (104, 300), 1),  # the last look fell into the bounce
        (push(100, 10, 100, 10), (105, 300), 1),
        (push(100, 25, 25, 40), (100, 145), 1),
        (push(100, 25, 25, 40), (130, 400), 1),
        ({100: 1, 180: 0, 190: 1, 191: 0}, (90, 190), 1),  # the first look finds the bounce of the release
        (push(100, 25, 300, 40), (120, 330), 1),
        (push(100, 0, 120, 30), (200, 260), 1),  # late for the release
        ({100: 1, 140: 0, 200: 1, 240: 0}, (90, 400), 1),  # two in the dark are known as one
        ({100: 1, 101: 0}, (90, 300), 0),  # a spike stays a spike
        ({100: 1, 101: 0}, (101, 300), 0),
        ({100: 1, 104: 3, 140: 2, 170: 0}, (103, 300), 2),  # one of each button
    )
    for edges, busy, expected in table:
        found = run(edges, 700, busy=busy)
        assert len(found) == expected, (edges, busy, found)
        assert not found or found[0][2] == 100, (edges, busy, found)


def test_a_worn_out_contact_is_given_more_time_to_open():
    # 30 ms and 90 ms between the bursts of one long release; a good button is ready again after 60 ms.
    release = {100: 1, 300: 0, 330: 1, 340: 0, 370: 1, 380: 0, 410: 1, 420: 0, 450: 1, 460: 0, 550: 1, 560: 0}
    assert buttons(release, 900) == [1]
    release.update({700: 1, 750: 0})
    assert buttons(release, 900) == [1, 1]


def test_edges_are_counted_for_health():
    for irq in (True, False):
        debounce = Debounce()
        debounce.start(0, 0)
        level = 0
        edges = push(1000, 5, 100, 8)  # 5 and 9
        edges.update(push(2000, 0, 100, 0))
        edges.update(push(3000, 0, 1, 0, 4))
        edges.update(push(4000, 3, 200, 0, 4))
        for t in range(6000):
            if t in edges and edges[t] != level:
                if irq:
                    debounce.edge(t, 2 if t >= 3000 else 0)
                level = edges[t]
            if t % 2 == 0:
                debounce.step(t, level)
        assert debounce.presses_total == [2, 0, 1, 0]
        if irq:
            assert debounce.edges_total == [16, 0, 4, 0] and list(debounce.edges_max) == [14, 0, 4, 0]
            assert debounce.spikes == [0, 0, 1, 0]
            assert list(debounce.edges) == [0, 0, 0, 0]
        else:
            assert debounce.edges_total == [0, 0, 0, 0]


def test_the_statistics_are_bounded():
    debounce = Debounce()
    debounce.start(0, 0)
    full = 0x1FFFFFFF
    debounce.edges_total[0] = full - 100
    debounce.spikes[0] = full
    for at in (0, 1000):
        for t in range(0, 600):
            if t < 300:
                debounce.edge(at + t, 0)
            debounce.step(at + t, t < 300)
    assert full <= debounce.edges_total[0] < full + 255 and debounce.presses_total[0] == 1
    assert debounce.edges_max[0] == 255
    for t in range(2000, 2040):
        debounce.step(t, t == 2000)
    assert debounce.spikes[0] == full


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
    assert debounce.is_idle_but(0)


def test_a_button_down_at_boot_is_no_press():
    debounce = Debounce()
    debounce.start(0, 2)
    for t in range(0, 200, 2):
        debounce.step(t, 2)
        assert not debounce.pressed
    for t in range(200, 300, 2):
        debounce.step(t, 0)
    assert debounce.is_idle_but(0)
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
