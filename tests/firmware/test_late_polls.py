"""A poll that comes late changes no verdict: what the interrupts have dated is judged by its own moment.

The same fingers are played twice, once with polls on time and once with stretches in which nobody polls.
"""

import random
from collections import Counter

import pytest
from hand_board import HandBoard
from ram_flash import RamFlash

from hymio.cable.log_image import read_image
from hymio.wire.records import VERDICTS, Press, Revise, Run
from hymio_sim.board.switches import edges
from terminal.app import App
from terminal.compat import ticks_add, ticks_diff
from terminal.config import build
from terminal.log_record import NTP

PERIOD = 1 << 30
PART_MS = 1_200_000  # three parts are an hour
END_MS = PART_MS + 400_000  # the last mode is over, too
OPENS_UTC_MS = 1_800_259_200_000  # Monday 18 January 2027, 08:00
REST_MS = 110  # after its last edge the release of a good contact has been told, and the next interrupt dates a press


class Story:
    """Pushes of four buttons by ms: [(first contact, button, [edges])]."""

    def __init__(self, seed=0, profile=None):
        self.rng = random.Random(seed)
        self.profile = profile
        self.pushes = []

    def push(self, at_ms, button, held_ms):
        """A finger comes at at_ms; with a profile its contact bounces."""
        pattern = [0, held_ms]
        if self.profile:
            pattern = [round(time / 1000) for time, _ in edges(self.profile, self.rng, held_ms)]
        self.pushes.append((at_ms, button, [at_ms + time for time in pattern]))
        return self

    def has_room(self, at_ms, button, held_ms):
        """Whether the button has rested before, and rests before it is pushed again."""
        for first_ms, other, moments in self.pushes:
            if other == button and first_ms - REST_MS < at_ms + held_ms and at_ms < moments[-1] + 2 * REST_MS:
                return False
        return True

    def records(self, since_ms, until_ms):
        """Whether the interrupts date each contact in a stretch without polls: the button was known to be up before."""
        for button in (1, 2, 3, 4):
            before_ms = -REST_MS
            for first_ms, other, moments in sorted(self.pushes):
                if other == button:
                    if since_ms <= first_ms <= until_ms and before_ms + REST_MS >= since_ms:
                        return False
                    before_ms = moments[-1]
        return True


def played(story, until_ms, late=(), is_open=True, start=PERIOD - 40_000):
    """Plays it; nobody polls in the stretches `late` though interrupts run. Gives (presses, folded, image)."""
    config = {
        "follow_up": {"reasons": 3, "after": [1, 2]},
        "opening_hours": {"days": ["08:30-08:40"] * 7 if not is_open else [], "tz": "UTC0"},
    }
    board = HandBoard(RamFlash(24))
    board.now_ms = start
    app = App(build(config), board, "0")
    app.start(start)
    app.clock.set_utc(OPENS_UTC_MS, NTP)
    changes = sorted((at_ms, button) for _, button, moments in story.pushes for at_ms in moments)
    changes.append((until_ms, 0))
    stretches = [*sorted(late), (until_ms, until_ms)]
    next_change = next_stretch = 0
    now_ms, due_ms, wait_ms = 0, 0, 0
    while True:
        at_ms, button = changes[next_change]
        # `run` looks at the flag of the interrupt only before a longer wait.
        poll_ms = min(due_ms, at_ms) if wait_ms > 2 else due_ms
        while poll_ms >= stretches[next_stretch][1] and next_stretch < len(stretches) - 1:
            next_stretch += 1
        since_ms, end_ms = stretches[next_stretch]
        if since_ms <= poll_ms < end_ms:
            poll_ms = end_ms
        if poll_ms >= until_ms:
            break
        while changes[next_change][0] <= poll_ms:
            at_ms, button = changes[next_change]
            board.closed ^= 1 << button - 1
            app.edge(ticks_add(start, at_ms), button)
            next_change += 1
        now_ms = poll_ms
        board.now_ms = ticks_add(start, now_ms)
        wait_ms = max(1, ticks_diff(app.step(board.now_ms), board.now_ms))
        due_ms = now_ms + wait_ms
    image = read_image(bytes(board.flash.image))
    verdicts = {seq: record.verdict for seq, record in image.records.items() if isinstance(record, Press)}
    folded = Counter()
    for record in image.records.values():
        if isinstance(record, Revise):
            verdicts[record.target_seq] = record.verdict
        elif isinstance(record, Run):
            folded[record.button, VERDICTS[record.verdict]] += record.count
    found = ((seq, record) for seq, record in image.records.items() if isinstance(record, Press))
    presses = [(record.uptime_ms, record.button, VERDICTS[verdicts[seq]]) for seq, record in found]
    return presses, folded, image


def judged(story, until_ms, late=()):
    return [verdict for _, _, verdict in played(story, until_ms, late)[0]]


def busy_part(seed, profile):
    """Everything that visitors, children, cleaners and technicians do, in the third part of an hour."""
    story = Story(seed, profile)
    rng = story.rng
    dice = rng.random
    at_ms = 3_000
    while at_ms < PART_MS - 60_000:
        button = rng.randrange(1, 5)
        other = rng.choice([b for b in (1, 2, 3, 4) if b != button])
        kind = dice()
        fingers = [(0, button, rng.choice([30, 80, 120, 400]))]
        if kind < 0.25:  # a second finger, or the same one on another button
            fingers.append((rng.randrange(1, 2_500), other, rng.choice([40, 120, 500])))
        elif kind < 0.45:  # several fingers close together
            fingers += [(rng.randrange(0, 700), b, rng.choice([30, 120, 300])) for b in (1, 2, 3, 4) if dice() < 0.6]
        elif kind < 0.55:  # near the end of a follow-up or of the window of repeats
            near_ms = rng.choice([1_000, 2_000, 5_000, 8_000])
            fingers.append((near_ms + rng.randrange(-30, 30), rng.choice([button, other]), 90))
        elif kind < 0.65:  # children
            fingers += [(i * rng.randrange(150, 400), rng.randrange(1, 5), 70) for i in range(1, 12)]
        elif kind < 0.8:  # something lies on a button, for nearly as long as makes it stuck or longer, and comes back
            held_ms = 10_000 + rng.randrange(-60, 400)
            fingers = [(0, button, held_ms)]
            fingers.append((rng.randrange(9_300, 10_700), other, 60))
            fingers.append((held_ms + 1_000 + rng.randrange(-60, 60), button, 60))
            fingers.append((held_ms + rng.randrange(0, 1_500), other, 60))
        elif kind < 0.86:  # the keys of service and test mode
            held_ms = rng.choice([10_000, 20_000]) + rng.randrange(-60, 300)
            fingers = [(0, 1, held_ms), (rng.randrange(0, 300), 4, held_ms)]
            fingers.append((held_ms + rng.randrange(60, 900), rng.choice([2, 3]), 60))
            fingers += [(held_ms + 300_000 + rng.randrange(-held_ms, 3_000), 2, 60) for _ in range(3)]
        for offset_ms, b, held_ms in fingers:
            if story.has_room(at_ms + offset_ms, b, held_ms):
                story.push(at_ms + offset_ms, b, held_ms)
        at_ms += max(offset for offset, _, _ in fingers[:5] if offset < 30_000) + rng.choice([200, 1_200, 3_000, 9_000])
    return story


def late_stretches(story, seed):
    """Some hundreds of up to 1.2 s, most of them where fingers are."""
    rng = random.Random(f"late {seed}")
    moments = [moment for _, _, moments in story.pushes for moment in (moments[0], moments[-1])]
    late, end_ms = [], 0
    for moment in sorted(rng.sample(moments, len(moments) * 2 // 3)):
        since_ms = max(end_ms + 1, moment - rng.randrange(600))
        until_ms = since_ms + rng.choice([20, 100, 300, 700, 1_200])
        if until_ms > moment and story.records(since_ms, until_ms):
            late.append((since_ms, until_ms))
            end_ms = until_ms
    return late


@pytest.mark.parametrize(("seed", "profile"), [(1, None), (2, "kpb22"), (3, "tactile")])
def test_an_hour_of_presses_is_judged_alike_however_late_the_polls_are(seed, profile):
    story = busy_part(seed, profile)
    presses, folded, _ = played(story, END_MS)
    assert len(presses) + sum(folded.values()) == len(story.pushes) > 400
    seen = Counter(verdict for _, _, verdict in presses)
    assert set(VERDICTS) - {"closed"} == set(seen), seen
    for again in range(2):
        late = late_stretches(story, f"{seed} {again}")
        assert len(late) > 300
        late_presses, late_folded, _ = played(story, END_MS, late)
        assert sorted(late_presses) == sorted(presses)
        assert late_folded == folded


#         fingers (first contact, button, ms)                         a late poll      in force
TABLE = (
    ("60 ms apart", ((1000, 2, 300), (1060, 3, 300)), (990, 1200), ["counted", "mash"]),
    ("200 ms apart", ((1000, 2, 300), (1200, 3, 300)), (990, 1290), ["counted", "mash"]),
    ("the other order", ((1000, 3, 300), (1200, 2, 300)), (990, 1290), ["counted", "mash"]),
    ("one after the other", ((1000, 2, 100), (1200, 3, 100)), (990, 1900), ["counted", "mash"]),
    ("a correction", ((1000, 3, 100), (1400, 4, 100)), (990, 1900), ["replaced", "counted"]),
    ("the first still lay", ((1000, 3, 500), (1400, 2, 300)), (1100, 1800), ["counted", "mash"]),
    ("it had been lifted", ((1000, 3, 350), (1400, 2, 300)), (1100, 1800), ["replaced", "counted"]),
    ("a chord", ((1000, 2, 100), (1050, 3, 100)), (990, 1500), ["chord", "chord"]),
    ("lifted before it was stuck", ((1000, 2, 9_999), (20_000, 3, 90)), (10_500, 11_500), ["counted", "counted"]),
    ("stuck, then lifted", ((1000, 2, 10_001), (20_000, 3, 90)), (10_500, 11_500), ["stuck", "counted"]),
    ("stuck before the next press", ((1000, 2, 20_000), (11_001, 3, 90)), (10_500, 11_500), ["stuck", "counted"]),
    ("not stuck before it", ((1000, 2, 20_000), (10_999, 3, 90)), (10_500, 11_500), ["stuck", "mash"]),
    ("lifted, and a press", ((1000, 2, 9_500), (10_501, 3, 90)), (10_400, 11_500), ["counted", "mash"]),
    ("still out of play", ((1000, 2, 15_000), (16_999, 2, 90)), (16_500, 17_400), ["stuck", "stuck"]),
    ("in play again", ((1000, 2, 15_000), (17_000, 2, 90)), (16_500, 17_400), ["stuck", "counted"]),
    ("before the mode", ((1000, 1, 10_300), (1200, 4, 10_200), (11_199, 2, 90)), (10_900, 11_500),
     ["stuck", "mash", "mash"]),
    ("before the mode's end", ((1000, 1, 12_000), (1200, 4, 12_000), (311_199, 2, 90)), (310_900, 311_500),
     ["stuck", "mash", "test"]),
    ("after the mode's end", ((1000, 1, 12_000), (1200, 4, 12_000), (311_200, 2, 90)), (310_900, 311_500),
     ["stuck", "mash", "counted"]),
    ("the hold was too short", ((1000, 1, 10_199), (1200, 4, 9_999), (13_000, 2, 90)), (10_900, 11_600),
     ["stuck", "mash", "counted"]),
    ("service mode", ((1000, 1, 10_300), (1200, 4, 10_001), (13_000, 2, 90)), (10_900, 11_600),
     ["stuck", "mash", "test"]),
)  # fmt: skip


@pytest.mark.parametrize(("fingers", "late", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_one_late_poll_finds_is_judged_by_its_own_moments(fingers, late, expected):
    story = Story()
    for finger in fingers:
        story.push(*finger)
    until_ms = fingers[-1][0] + 30_000
    assert judged(story, until_ms) == expected, "polls on time"
    assert judged(story, until_ms, [late]) == expected, "a late poll"
    assert judged(story, until_ms, [(since + 7, until) for since, until in [late]]) == expected


def test_opening_time_is_that_of_the_contact():
    #  08:30 opens, 08:40 closes
    for late in ((), ((1_799_000, 1_800_900), (2_399_000, 2_400_900))):
        story = Story()
        for at_ms, button in ((1_799_990, 1), (1_800_700, 2), (2_399_700, 3), (2_400_300, 4)):
            story.push(at_ms, button, 90)
        presses, _, _ = played(story, 2_500_000, late, is_open=False)
        closed = [verdict == "closed" for _, _, verdict in presses]
        assert closed == [True, False, False, True], late


def test_a_standstill_counts_each_button_once_and_says_so():
    """An erase: nobody polls, and what the interrupts had to say comes at its end."""
    for fingers in (((60, 2), (200, 3)), ((60, 4), (200, 1), (350, 2)), ((390, 1),), ((0, 1), (1, 2), (2, 3), (3, 4))):
        board = HandBoard(RamFlash(6))
        app = App(build({}), board, "0")
        app.start(0)

        def run_to(end_ms, app=app, board=board):
            while board.now_ms < end_ms:
                app.step(board.now_ms)
                board.now_ms += 2

        run_to(4000)
        board.now_ms = 4400
        app.stood_still(4000, 4400)
        still_down = 0
        for at_ms, button in fingers:
            app.edge(4400, button)
            still_down |= (at_ms > 300) << button - 1
        board.closed = still_down
        run_to(4500)
        board.closed = 0
        run_to(6000)
        found = [r for r in read_image(bytes(board.flash.image)).records.values() if isinstance(r, Press)]
        assert sorted(press.button for press in found) == sorted(button for _, button in fingers)
        assert all(press.flags & 2 for press in found), found
