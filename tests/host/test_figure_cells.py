"""Figures by place and time: every press stands in the cells where it belongs, and nobody is found out."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from figure_world import HELSINKI, GivenPress, minute, world
from hypothesis import given, settings
from hypothesis import strategies as st

from hymio.figures.cells import FigureAnswer, FigureCell, FigureQuery, figure_cells
from hymio.figures.subjects import By
from hymio.figures.wall_time import WallStretch, whole_days
from hymio.measures.buckets import Per
from hymio.site.hours import parse
from hymio.site.model import (
    Level,
    Node,
    NodeKind,
    Organisation,
    Placement,
    Question,
    Site,
    Survey,
    SurveyType,
)
from hymio.store.database import Store

BYS: tuple[By, ...] = ("terminal", "place", "group", "survey")
PERS: tuple[Per | None, ...] = (None, "hour", "weekday", "day", "week", "month", "quarter")
SINCE = minute("2025-01-01T00:00")


def shop(too_few: int = 5) -> Site:
    """Two groups; the market lies in another zone, the kiosk keeps hours, a terminal moves, one is for staff."""
    point, group = NodeKind.POINT, NodeKind.GROUP
    return Site(
        Organisation("shop", "The Shop", time_zone=HELSINKI, too_few_customer=too_few),
        (
            Node("north", "North", group),
            Node("hall", "Hall", point, "north", level=Level.EXCELLENT),
            Node("kiosk", "Kiosk", point, "north", hours=parse("mon-sat 09:00-17:00")),
            Node("south", "South", group, time_zone="Europe/Lisbon"),
            Node("market", "Market", point, "south"),
            Node("deep", "Deep", group, "south"),
            Node("cellar", "Cellar", point, "deep"),
            Node("door", "Door", point),
        ),
        (Question("how", {"en": "How was it?"}),),
        (
            Survey("spring", "how", ("north", "south"), date(2026, 1, 1), date(2026, 3, 30)),
            Survey("summer", "how", ("hall", "market"), date(2026, 3, 31)),
            Survey("team", "how", ("hall",), date(2026, 1, 1), type=SurveyType.STAFF),
        ),
        (
            Placement("hall-1", "hall", SINCE),
            Placement("hall-2", "hall", SINCE, minute("2026-03-29T12:00")),
            Placement("hall-2", "door", minute("2026-03-29T12:00")),
            Placement("kiosk-1", "kiosk", SINCE),
            Placement("market-1", "market", SINCE),
            Placement("cellar-1", "cellar", SINCE),
            Placement("team-1", "hall", SINCE, asks=SurveyType.STAFF),
        ),
    )


DEVICES = ("hall-1", "hall-2", "kiosk-1", "market-1", "cellar-1", "team-1", "lone-1")
PLACES = {"north": ("hall", "kiosk"), "south": ("market", "cellar"), "deep": ("cellar",)}
HOURS = [
    *(at + timedelta(hours=hour) for at in (datetime(2026, 3, 28, 22), datetime(2026, 3, 29, 9)) for hour in range(6)),
    *(datetime(2026, 3, day, 12) for day in (23, 24, 30, 31)),
    *(datetime(2026, 4, day, hour) for day in (1, 2, 6) for hour in (6, 21, 22)),
]
"""UTC hours with presses: around both midnights of the night to summer time, and beside the ends of months."""


def presses_of(seed: int, busy: float) -> list[GivenPress]:
    chance = random.Random(seed)
    found = []
    for device_id in DEVICES:
        for hour in HOURS:
            at = int(hour.replace(tzinfo=ZoneInfo("UTC")).timestamp()) // 60
            for _ in range(min(12, int(chance.expovariate(1 / busy)))):
                verdict = chance.choice(["counted"] * 9 + ["mash", "closed", "answer"])
                found.append(GivenPress(device_id, at + chance.randrange(60), chance.randint(1, 4), verdict))
    return found


@dataclass(frozen=True)
class Known:
    """A press, and where it belongs by what stands in `shop`."""

    press: GivenPress
    point: str | None
    survey: str | None
    at: datetime
    verdict: str | None
    """As a figure shows it; None: in none."""


def known(press: GivenPress) -> Known:
    """Worked out from `shop` by hand."""
    moved = press.utc_minute >= minute("2026-03-29T12:00")
    point = "door" if press.device_id == "hall-2" and moved else press.device_id.partition("-")[0]
    zone = "Europe/Lisbon" if point in ("market", "cellar") else HELSINKI
    at = datetime.fromtimestamp(60 * press.utc_minute, ZoneInfo(zone))
    if press.device_id == "team-1":
        return Known(press, point, None, at, None)
    survey = None
    if at.date() <= date(2026, 3, 30):
        survey = "spring" if point in ("hall", "kiosk", "market", "cellar") else None
    elif point in ("hall", "market"):
        survey = "summer"
    verdict: str | None = press.verdict
    if verdict == "counted" and point == "kiosk" and (at.weekday() == 6 or not 9 <= at.hour < 17):
        verdict = "closed"
    return Known(press, None if point == "lone" else point, survey, at, None if verdict == "answer" else verdict)


def keys(one: Known, query: FigureQuery) -> list[str]:
    """Of the rows of an answer to which a press belongs."""
    scope = None if query.scope is None else PLACES.get(query.scope, (query.scope,))
    if scope is not None and one.point not in scope:
        return []
    if query.by == "terminal":
        return [one.press.device_id]
    if one.point is None:
        return []
    if query.by == "place":
        return [one.point]
    if query.by == "survey":
        return [one.survey] if one.survey else []
    groups = [group for group, points in PLACES.items() if one.point in points]
    if scope is None:
        return [*groups, "shop"]
    return [group for group in groups if query.scope in PLACES and set(PLACES[group]) <= set(scope)]


def bucket(at: datetime, per: Per | None) -> str:
    if per is None:
        return ""
    if per == "weekday":
        return f"{at.isoweekday()}-{at:%A}".lower()
    if per == "quarter":
        return f"{at.year}-Q{-(-at.month // 3)}"
    return at.strftime({"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}[per])


def cells_of(one: Known, query: FigureQuery) -> list[tuple[str, str]]:
    """(key, bucket) of the cells of an answer to which a press belongs."""
    found = []
    for key in keys(one, query) if is_within(one.at, query.stretch) else ():
        at = one.at
        by_helsinki = key == "shop" or (query.by == "survey" and query.scope is None)
        if by_helsinki and query.per == "hour" and f"{at:%Y-%m-%dT%H}" == "2026-03-29T03":
            at += timedelta(hours=1)  # Helsinki skips that hour, Lisbon does not
        found.append((key, bucket(at, query.per)))
    return found


def name_of(cell: FigureCell, per: Per | None) -> tuple[str, str]:
    return cell.key, cell.slot.start_local[:13] if per == "hour" else cell.slot.bucket


def is_within(at: datetime, stretch: WallStretch) -> bool:
    return stretch.start <= f"{at:%Y-%m-%dT%H:00}" < stretch.end


def queries(chance: random.Random) -> FigureQuery:
    first = date(2026, 3, 20) + timedelta(days=chance.randrange(20))
    last = first + timedelta(days=chance.choice([0, 0, 1, 2, 6, 13, 40]))
    stretch = whole_days(first.isoformat(), last.isoformat())
    if chance.random() < 0.3:
        start = f"{first}T{chance.randrange(24):02}:00"
        stretch = WallStretch(start, f"{last + timedelta(days=1)}T{chance.randrange(24):02}:00")
    scope = chance.choice([None, None, "north", "south", "deep", "hall", "cellar"])
    return FigureQuery(chance.choice(BYS), chance.choice(PERS), stretch, "shop", scope)


# ---- every press is where it belongs ----


@given(st.integers(0, 10**9))
@settings(max_examples=15)
def test_every_press_stands_in_the_cells_where_it_belongs(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    presses = presses_of(seed, 3)
    with world(store, [shop(too_few=1)], presses) as reader:
        for query in (queries(chance) for _ in range(12)):
            expected: dict[tuple[str, str], list[int]] = {}
            misuse: dict[tuple[str, str], dict[str, int]] = {}
            for one in map(known, presses):
                for name in cells_of(one, query) if one.verdict is not None else ():
                    if one.verdict == "counted":
                        expected.setdefault(name, [0] * 4)[one.press.button - 1] += 1
                    else:
                        reasons = misuse.setdefault(name, {})
                        reasons[one.verdict] = reasons.get(one.verdict, 0) + 1
            found: dict[tuple[str, str], list[int]] = {}
            filtered: dict[tuple[str, str], dict[str, int]] = {}
            for cell in figure_cells(reader, query).cells:
                if cell.key == "team":
                    continue
                assert cell.figures is not None
                name = name_of(cell, query.per)
                # The hour that comes twice has two cells, and one here.
                found[name] = [a + b for a, b in zip(found.get(name, [0] * 4), cell.figures.faces, strict=True)]
                filtered[name] = {**filtered.get(name, {}), **(cell.misuse or {})}
            assert {name: faces for name, faces in found.items() if any(faces)} == expected, query
            assert {name: reasons for name, reasons in filtered.items() if reasons} == misuse, query


# ---- nobody is found out ----


class Attacker:
    """Asks, adds and subtracts.

    A leaf is all votes of one terminal in one hour. Sets of leaves are bits of a number.
    """

    def __init__(self, presses: list[GivenPress]) -> None:
        self.leaves: list[Known] = []
        self.votes: list[int] = []
        counted = Counter((one.device_id, one.utc_minute // 60) for one in presses if known(one).verdict == "counted")
        for device_id, hour in itertools.product(DEVICES, HOURS):
            utc_hour = int(hour.replace(tzinfo=ZoneInfo("UTC")).timestamp()) // 3600
            one = known(GivenPress(device_id, 60 * utc_hour))
            if one.verdict == "counted":
                self.leaves.append(one)
                self.votes.append(counted[device_id, utc_hour])

    def sets_of(self, answer: FigureAnswer) -> dict[tuple[str, str], int]:
        """The leaves of each cell of an answer."""
        found: dict[tuple[str, str], int] = {}
        for number, leaf in enumerate(self.leaves):
            for name in cells_of(leaf, answer.query):
                found[name] = found.get(name, 0) | 1 << number
        return found

    def knows(self, answer: FigureAnswer) -> tuple[dict[int, int], set[int]]:
        """From the answer: the votes of sets of leaves, and the sets that are hidden."""
        sets, shown, hidden = self.sets_of(answer), {}, set()
        for cell in answer.cells:
            leaves = sets.get(name_of(cell, answer.query.per), 0)
            if leaves and cell.figures is None:
                hidden.add(leaves)
            elif leaves:
                shown[leaves] = cell.figures.votes if cell.figures else 0
        return shown, hidden

    def bits(self, leaves: int) -> list[float]:
        return [float(leaves >> number & 1) for number in range(len(self.leaves))]

    def sum(self, leaves: int) -> int:
        return sum(votes for number, votes in enumerate(self.votes) if leaves >> number & 1)


@given(st.integers(0, 10**9))
@settings(max_examples=12)
def test_no_difference_of_two_answers_gives_a_hidden_cell(store: Store, seed: int) -> None:
    """2,000 pairs of queries: a cell less one within it, and whatever else all the answers together give away."""
    chance = random.Random(seed)
    presses = presses_of(seed, chance.choice([0.4, 1, 2.5]))
    attacker = Attacker(presses)
    with world(store, [shop()], presses) as reader:
        answers = [attacker.knows(figure_cells(reader, queries(chance))) for _ in range(19)]
    assert len(list(itertools.combinations(answers, 2))) == 171
    for (first, _), (second, _) in itertools.combinations(answers, 2):
        for (one, votes_1), (other, votes_2) in itertools.product(first.items(), second.items()):
            if one & other in (one, other):
                assert not 0 < abs(votes_1 - votes_2) < 5, (attacker.bits(one), attacker.bits(other))
    everything = {leaves: votes for shown, _ in answers for leaves, votes in shown.items()}
    known_empty = sum(
        1 << n
        for n in range(len(attacker.leaves))
        if any(leaves >> n & 1 and not votes for leaves, votes in everything.items())
    )
    rows = np.array([attacker.bits(leaves & ~known_empty) for leaves in everything] or [[0.0] * len(attacker.leaves)])
    inverse = np.linalg.pinv(rows)
    for hidden in {leaves for _, some in answers for leaves in some}:
        if 0 < attacker.sum(hidden) < 5:
            aim = np.array(attacker.bits(hidden & ~known_empty))
            assert np.abs(aim @ inverse @ rows - aim).max() > 1e-6, attacker.bits(hidden)
