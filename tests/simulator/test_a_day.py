"""A day in virtual time, from midnight to midnight: visitors, children, staff, a cloth, a dying switch, a cleaner.

At its end every press is accounted for by its verdict, and the office has all of them.
"""

import random
from collections import Counter

import pytest

from hymio.wire.records import VERDICTS, Press, Revise, Run
from hymio_sim.run.virtual import START_UTC, VirtualTerminal

HOUR = 3600
OPEN = "08:00-18:00"
CONFIG = {
    "opening_hours": {"days": [OPEN] * 7, "tz": "UTC0"},
    "follow_up": {"reasons": 4, "after": [1]},
    "feedback": {"signals": ["counted", "filtered", "stuck"]},
}


class Day:
    """Does things at their hour; `pushes` are the fingers' pushes by what they were."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.midnight = START_UTC - START_UTC % 86400 + 86400
        self.pushes = Counter()
        self.dice = random.Random(7)

    def at(self, hour):
        self.terminal.run(self.midnight + hour * HOUR - self.terminal.hardware.utc)

    def push(self, what, button, pause_s, contact_ms=90.0, profile="kpb22"):
        self.terminal.press(button, contact_ms, profile)
        self.pushes[what] += 1
        self.terminal.run(pause_s)

    def visitors(self, count):
        for _ in range(count):
            self.push("visitor", self.dice.choice((2, 3, 4, 4)), self.dice.uniform(9, 40))

    def chord(self, one, other):
        self.terminal.obey(f"chord {one} {other}")
        self.pushes["chord"] += 2
        self.terminal.run(15)


@pytest.fixture(scope="module")
def day():
    with VirtualTerminal(network=True, config=CONFIG, seed=3) as terminal:
        day = Day(terminal)
        day.at(6)
        for _ in range(15):  # before opening a cleaner wipes over all of them
            day.push("closed", day.dice.randrange(1, 5), 3)
        day.at(8)
        day.visitors(60)
        day.push("corrected", 2, 0.7)
        day.push("visitor", 4, 30)
        for _ in range(5):
            day.push("unhappy", 1, 3)
            day.push("answer", 3, 20)
        day.at(10)
        for i in range(600):  # two children for two minutes, five times a second
            day.push("child", 1 + i % 3, 0.2, 60.0)
        day.at(11)
        for _ in range(20):  # staff press the green one on the way past, twice to be sure
            day.push("staff", 4, 1.5)
            day.push("staff again", 4, 60)
        for _ in range(3):
            day.chord(1, 4)
        day.at(12)
        terminal.obey("hold 2 1200")
        day.pushes["cloth"] += 1
        terminal.run(20)
        for _ in range(20):
            day.push("beside the cloth", day.dice.choice((1, 3, 4)), 40)
        day.at(14)
        for _ in range(30):
            day.push("worn", 3, 20, 150.0, "worn")
        for _ in range(20):
            day.push("dying", 2, 30, 400.0, "monster")
        day.at(16)
        terminal.obey("hold 1 21")
        terminal.obey("hold 4 21")
        day.pushes["keys"] += 2
        terminal.run(25)
        for button in (1, 2, 3, 4, 1, 2, 3, 4):
            day.push("test", button, 4)
        day.at(17)
        day.visitors(40)
        day.at(20)
        for _ in range(10):
            day.push("closed", 4, 3)
        day.at(24)
        yield day


@pytest.fixture(scope="module")
def presses(day):
    """What the office has: presses by the verdict now in force, those folded into runs included."""
    records = {seq: record for _, batch in day.terminal.air.office.batches for seq, record in batch.records}
    verdicts = {seq: record.verdict for seq, record in records.items() if isinstance(record, Press)}
    folded = Counter()
    for record in records.values():
        if isinstance(record, Revise):
            verdicts[record.target_seq] = record.verdict
        if isinstance(record, Run):
            folded[VERDICTS[record.verdict]] += record.count
    return Counter(VERDICTS[verdict] for verdict in verdicts.values()) + folded


def test_every_push_of_a_good_switch_is_one_press(day, presses):
    ghosts = presses.total() - day.pushes.total()
    assert 0 <= ghosts <= 2 * day.pushes["dying"]
    assert sum(day.terminal.machine._app.facts()["pressed"]) == presses.total()


def test_all_of_them_are_in_the_office(day):
    facts = day.terminal.machine._app.facts()
    assert facts["unsent"] == facts["lost"] == 0


def test_by_verdict(day, presses):
    pushes = day.pushes
    assert presses["closed"] == pushes["closed"]
    assert presses["test"] == pushes["test"]
    assert presses["answer"] == pushes["answer"]
    assert presses["replaced"] == pushes["corrected"] == 1
    assert presses["chord"] >= pushes["chord"]
    assert presses["stuck"] >= pushes["cloth"]
    filtered = presses["repeat"] + presses["mash"]
    assert pushes["child"] + pushes["staff again"] - 5 <= filtered
    fair = ("visitor", "unhappy", "staff", "beside the cloth", "worn", "dying")
    assert abs(presses["counted"] - sum(pushes[what] for what in fair)) <= 5
    assert set(presses) == set(VERDICTS)


def test_nobody_was_thanked_for_nothing(day):
    thanks = Counter(event["seq"] for event in day.terminal.of("record") if event["verdict"] in ("counted", "answer"))
    # A filtered press blinks twice, a stuck one three times.
    lights = sum(event["on"] for event in day.terminal.of("led"))
    assert lights >= thanks.total()
    assert max(thanks.values()) == 1


def test_the_dying_switch_and_the_cloth_show_in_health(day):
    facts = day.terminal.machine._app.facts()
    most = [edges_max for _, _, edges_max, _ in facts["switches"]]
    assert most[1] > 2 * max(most[0], most[3])
    assert facts["stuck"] == [] and facts["stalled_missed"] == 0
