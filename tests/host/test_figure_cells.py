"""Figures by place and time: every press stands in the cells where it belongs, and nobody is found out."""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from figure_world import HELSINKI, GivenPress, minute, world
from figure_world import given as votes
from hypothesis import given, settings
from hypothesis import strategies as st

from hymio.figures.cells import FigureAnswer, FigureCell, FigureQuery, figure_cells
from hymio.figures.comparing import compare
from hymio.figures.reading import FigureReader
from hymio.figures.subjects import By
from hymio.figures.wall_time import WallStretch, shifted_back, stretch_of, whole_days
from hymio.measures.buckets import Per
from hymio.site.hours import parse
from hymio.site.model import Level, Node, NodeKind, Organisation, Placement, Question, Site, Survey, SurveyType
from hymio.store.cells import add_presses
from hymio.store.database import Store, open_store
from hymio.store.places import load_places

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
@settings(max_examples=6)
def test_every_press_stands_in_the_cells_where_it_belongs(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    presses = presses_of(seed, 3)
    with world(store, [shop(too_few=1)], presses) as reader:
        for query in (queries(chance) for _ in range(10)):
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


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A file of SQLite: what may be shown is decided above the database."""
    opened = open_store(str(tmp_path_factory.mktemp("figures") / "votes.db"), create=True)
    yield opened
    opened.close()


class Attacker:
    """Asks, adds and subtracts.

    A leaf is all votes of one terminal in one hour. Sets of leaves are bits of a number.
    """

    def __init__(self, presses: list[GivenPress]) -> None:
        self.leaves: list[Known] = []
        self.votes: list[int] = []
        counted = Counter((one.device_id, one.utc_minute // 60) for one in presses if known(one).verdict == "counted")
        # And an hour without presses on every day: that a place had none is known only where it is shown.
        quiet = [datetime(2026, 3, 15, 15) + timedelta(days=day) for day in range(70)]
        for device_id, hour in itertools.product(DEVICES, [*HOURS, *quiet]):
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
def test_no_difference_of_two_answers_gives_a_hidden_cell(alone: Store, seed: int) -> None:
    """2,000 pairs of queries: a cell less one within it, and whatever else all the answers together give away."""
    chance = random.Random(seed)
    presses = presses_of(seed, chance.choice([0.4, 1, 2.5]))
    attacker = Attacker(presses)
    with world(alone, [shop()], presses) as reader:
        answers = [attacker.knows(figure_cells(reader, queries(chance))) for _ in range(19)]
    assert len(list(itertools.combinations(answers, 2))) == 171
    for (first, _), (second, _) in itertools.combinations(answers, 2):
        for (one, votes_1), (other, votes_2) in itertools.product(first.items(), second.items()):
            if one & other in (one, other):
                assert not 0 < abs(votes_1 - votes_2) < 5, (attacker.bits(one), attacker.bits(other))
    everything = {leaves: number for shown, _ in answers for leaves, number in shown.items()}
    empty = 0
    for leaves, number in everything.items():
        empty |= leaves if number == 0 else 0
    small = [leaves & ~empty for _, some in answers for leaves in some if 0 < attacker.sum(leaves) < 5]
    bits = np.array([attacker.bits(leaves) for leaves in [*{leaves & ~empty for leaves in everything}, *small]])
    # Leaves that are always together are one.
    bits = np.unique(bits, axis=1) if len(bits) else np.zeros((1, 1))
    rows, aims = bits[: len(bits) - len(small)], bits[len(bits) - len(small) :]
    left = np.abs(aims - aims @ np.linalg.pinv(rows) @ rows).max(axis=1) if len(rows) else np.ones(1)
    assert (left > 1e-6).all(), "a small cell follows from the others"


# ---- what is hidden, and how it is told ----


def one_day(*faces: int, device_id: str = "hall-1", day: str = "2026-04-02") -> list[GivenPress]:
    return votes(device_id, f"{day}T12:00", *faces)


def cell_of(
    reader: FigureReader, by: By, key: str, per: Per | None, *days: str, scope: str | None = None
) -> FigureCell:
    """The only cell of a key."""
    answer = figure_cells(reader, FigureQuery(by, per, whole_days(days[0], days[-1]), "shop", scope))
    (found,) = (cell for cell in answer.cells if cell.key == key)
    return found


def test_a_figure_and_its_level(store: Store) -> None:
    with world(store, [shop()], one_day(17, 16, 60, 126)) as reader:
        found = cell_of(reader, "place", "hall", "day", "2026-04-02").as_json()
        cellar = cell_of(reader, "place", "cellar", "day", "2026-04-02").as_json()
    assert found["faces"] == [17, 16, 60, 126] and found["votes"] == 219 and not found["suppressed"]
    assert found["happy_index"] == pytest.approx(78.23, abs=0.005)
    assert (found["level"], found["goal"]) == ("GOOD", "EXCELLENT")
    assert found["distance"] == pytest.approx(-1.77, abs=0.005)
    assert found["start_local"] == "2026-04-02T00:00:00+03:00" and found["bucket"] == "2026-04-02"
    assert cellar["votes"] == 0 and cellar["happy_index"] is None and not cellar["suppressed"]
    assert cellar["start_local"] == "2026-04-02T00:00:00+01:00", "its own midnight"


def test_a_cell_that_is_too_small_says_nothing_at_all(store: Store) -> None:
    mash = votes("hall-1", "2026-04-02T12:00", 7, verdict="mash")
    with world(store, [shop()], [*one_day(1, 1, 1, 1), *mash]) as reader:
        found = cell_of(reader, "group", "shop", None, "2026-04-02").as_json()
    assert found["suppressed"] and found["misuse"] == {}
    assert {found[name] for name in ("faces", "votes", "happy_index", "csat", "negative", "level", "distance")} == {
        None
    }


def test_a_group_is_the_sum_of_its_votes(store: Store) -> None:
    """One place with a hundred happy votes, one with ten unhappy ones: not the mean of their indices, 50."""
    with world(store, [shop()], [*one_day(0, 0, 0, 100), *one_day(10, device_id="kiosk-1")]) as reader:
        found = cell_of(reader, "group", "north", None, "2026-04-02")
    assert found.figures is not None and found.figures.happy_index == pytest.approx(100 * 100 / 110)


def test_a_day_of_23_hours_and_one_of_25(store: Store) -> None:
    hours = [
        *(one for hour in range(24) if hour != 3 for one in votes("hall-1", f"2026-03-29T{hour:02}:30", 5)),
        *(one for hour in range(24) for one in votes("hall-1", f"2025-10-26T{hour:02}:30", 5)),
    ]
    hours += [GivenPress("hall-1", minute("2025-10-26T03:30") + 60, 1) for _ in range(5)]  # 03:30 once more
    with world(store, [shop()], hours) as reader:
        counts = {}
        for day in ("2026-03-29", "2025-10-26"):
            query = FigureQuery("place", "hour", whole_days(day, day), "shop", "hall")
            cells = figure_cells(reader, query).cells
            assert [cell.figures.votes for cell in cells if cell.figures] == [5] * len(cells)
            counts[day] = len(cells), len({cell.slot.bucket for cell in cells})
            whole = cell_of(reader, "place", "hall", "day", day, scope="hall")
            assert whole.figures is not None and whole.figures.votes == 5 * len(cells)
    assert counts == {"2026-03-29": (23, 23), "2025-10-26": (25, 25)}


def test_what_ended_before_is_not_asked(store: Store) -> None:
    with world(store, [shop()], one_day(1, 2, 3, 4)) as reader:
        april = figure_cells(reader, FigureQuery("survey", None, whole_days("2026-04-01", "2026-04-30"), "shop"))
        march = figure_cells(reader, FigureQuery("survey", None, whole_days("2026-03-01", "2026-03-30"), "shop"))
        later = figure_cells(
            reader, FigureQuery("terminal", None, whole_days("2026-04-01", "2026-04-30"), "shop", "hall")
        )
    assert [cell.key for cell in april.cells] == ["summer", "team"] and april.questions == ("How was it?",)
    assert [cell.key for cell in march.cells] == ["spring", "team"]
    assert [cell.key for cell in later.cells] == ["hall-1"], "hall-2 stands at the door, team-1 asks staff"


# ---- staff ----


def team(day: str, *faces: int) -> list[GivenPress]:
    return votes("team-1", f"{day}T12:00", *faces)


def test_staff_is_seen_by_survey_alone_and_in_whole_blocks(store: Store) -> None:
    """23 answers are two blocks of ten, which were full when the database took them: on the 31 May of `NOW_UTC`."""
    presses = [*team("2026-04-02", 3, 4, 7, 9), *one_day(1, 2, 3, 4)]
    with world(store, [shop()], presses) as reader:
        reader.now_utc += 86_400
        taken = cell_of(reader, "survey", "team", "day", "2026-06-01")
        pressed = cell_of(reader, "survey", "team", "day", "2026-04-02")
        by_hour = figure_cells(reader, FigureQuery("survey", "hour", whole_days("2026-06-01", "2026-06-01"), "shop"))
        place = cell_of(reader, "place", "hall", None, "2026-04-01", "2026-06-01")
        terminals = figure_cells(reader, FigureQuery("terminal", None, whole_days("2026-04-01", "2026-06-01"), "shop"))
        reader.now_utc -= 86_400
        early = cell_of(reader, "survey", "team", "day", "2026-06-01")
    assert taken.figures is not None and taken.figures.votes == 20 and not taken.misuse
    assert pressed.suppressed and early.suppressed, "not by the day of the press, and not before that day is over"
    assert all(cell.suppressed for cell in by_hour.cells if cell.key == "team")
    assert place.figures is not None and place.figures.votes == 10
    assert "team-1" not in {cell.key for cell in terminals.cells}


# ---- what is read ----


def test_a_figure_costs_the_same_with_a_thousand_times_the_presses(store: Store) -> None:
    def rows(times: int) -> int:
        presses = defaultdict(list)
        for day in range(1, 11):
            for one in one_day(1, 1, 1, 1, day=f"2026-04-{day:02}"):
                presses[one.device_id].append((one.utc_minute, one.button, one.verdict, times))
        with world(store, [shop()], []) as reader:
            add_presses(reader.connection, load_places(reader.connection), presses, 0.0)
            query = FigureQuery("place", "day", whole_days("2026-04-01", "2026-04-10"), "shop")
            assert sum(cell.figures.votes for cell in figure_cells(reader, query).cells if cell.figures) == 40 * times
            return reader.rows

    assert rows(5) == rows(5000) == 1 + 10 + 10 * 4, "the month and its days, and the faces of each day"


def test_hours_are_read_of_the_days_that_need_them_alone(store: Store) -> None:
    presses = [one for day in range(1, 29) for one in one_day(9, day=f"2026-04-{day:02}")]
    with world(store, [shop()], presses) as reader:
        figure_cells(reader, FigureQuery("place", "day", whole_days("2026-04-01", "2026-04-28"), "shop"))
        days = reader.rows
        figure_cells(reader, FigureQuery("place", "hour", whole_days("2026-04-05", "2026-04-06"), "shop"))
    assert days == 1 + 28 + 28 and reader.rows == days + 2 + 2


def test_of_years_the_months_are_read_alone(store: Store) -> None:
    presses = [
        one for month in range(1, 25) for one in one_day(9, day=f"{2024 + month // 13}-{(month - 1) % 12 + 1:02}-10")
    ]
    presses += one_day(9, day="2026-03-11")
    with world(store, [shop()], presses) as reader:
        query = FigureQuery("place", "month", whole_days("2024-01-01", "2026-03-31"), "shop")
        assert sum(cell.figures.votes for cell in figure_cells(reader, query).cells if cell.figures) > 0
        assert reader.rows == 2 * 25


def test_too_much_at_once_is_a_sentence(store: Store) -> None:
    with world(store, [shop()], []) as reader:
        query = FigureQuery("place", "hour", whole_days("2006-01-01", "2026-01-01"), "shop")
        with pytest.raises(ValueError, match="cells; expected 100000 at most"):
            figure_cells(reader, query)


# ---- ranges as people write them ----

MAY_20 = datetime(2026, 5, 20, 21, 30, tzinfo=ZoneInfo("UTC")).timestamp()
RANGES = (
    ("2026-03-01", "2026-03-31", "2026-03-01T00:00", "2026-04-01T00:00"),
    ("2026-03-29", "2026-03-29", "2026-03-29T00:00", "2026-03-30T00:00"),
    ("2026-03-01T10:00", "2026-03-01T12:00", "2026-03-01T10:00", "2026-03-01T12:00"),
    ("2026-03-01T10:20", "2026-03-01 12:01", "2026-03-01T10:00", "2026-03-01T13:00"),
    ("2026-03-01T10:00Z", "2026-03-01T12:00+01:00", "2026-03-01T12:00", "2026-03-01T13:00"),
    ("2026-10-25T03:00+03:00", "2026-10-25T03:00+02:00", "2026-10-25T03:00", "2026-10-25T03:00 again"),
    (None, None, "2026-02-07T00:00", "2026-05-22T00:00"),
    ("2026-03-01", None, "2026-03-01T00:00", "2026-05-22T00:00"),
    ("2026-06-05", None, "2026-06-05T00:00", "2026-06-06T00:00"),
)


@pytest.mark.parametrize(("start", "end", "first", "after"), RANGES)
def test_ranges(start: str | None, end: str | None, first: str, after: str) -> None:
    assert stretch_of(start, end, ZoneInfo(HELSINKI), "2026-02-07", MAY_20) == WallStretch(first, after)


@pytest.mark.parametrize(
    ("first", "last", "before_first", "before_last"),
    [
        ("2026-03-01", "2026-03-31", "2026-02-01", "2026-02-28"),
        ("2026-01-01", "2026-03-31", "2025-10-01", "2025-12-31"),
        ("2026-03-02", "2026-03-08", "2026-02-23", "2026-03-01"),
        ("2026-03-31", "2026-03-31", "2026-03-30", "2026-03-30"),
        ("2026-03-01", "2026-03-30", "2026-01-30", "2026-02-28"),
    ],
)
def test_the_time_before(first: str, last: str, before_first: str, before_last: str) -> None:
    zone = ZoneInfo(HELSINKI)
    assert shifted_back(whole_days(first, last), zone) == whole_days(before_first, before_last)


@pytest.mark.parametrize(
    ("start", "end", "before"),
    [
        ("2026-03-10T10:00", "2026-03-10T12:00", "2026-03-10T08:00"),
        ("2026-03-29T04:00", "2026-03-29T05:00", "2026-03-29T02:00"),
        ("2026-03-29T02:00", "2026-03-29T06:00", "2026-03-28T23:00"),
        ("2026-10-25T03:00", "2026-10-25T03:00 again", "2026-10-25T02:00"),
        ("2026-10-25T03:00 again", "2026-10-25T04:00", "2026-10-25T03:00"),
        ("2026-10-25T04:00", "2026-10-25T05:00", "2026-10-25T03:00 again"),
        ("2026-10-25T00:00", "2026-10-25T06:00", "2026-10-24T17:00"),
        ("2026-10-25T00:00", "2026-10-26T01:00", "2026-10-23T22:00"),
    ],
)
def test_the_hours_before_through_a_change_of_the_clock(start: str, end: str, before: str) -> None:
    assert shifted_back(WallStretch(start, end), ZoneInfo(HELSINKI)) == WallStretch(before, start)


# ---- side by side ----


def test_two_months_and_two_places(store: Store) -> None:
    presses = [
        *(one for day in range(1, 29) for one in one_day(1, 1, 3, 5, day=f"2026-02-{day:02}")),
        *(one for day in range(1, 29) for one in one_day(0, 1, 2, 9, day=f"2026-03-{day:02}")),
        *(one for day in range(1, 29) for one in one_day(4, 3, 2, 1, device_id="kiosk-1", day=f"2026-03-{day:02}")),
    ]
    march = FigureQuery("place", None, whole_days("2026-03-01", "2026-03-31"), "shop", "north")
    with world(store, [shop()], presses) as reader:
        months = compare(reader, march, "previous")
        places = compare(reader, march, "kiosk")
        days = compare(reader, replace(march, per="day", scope="hall"), "previous")
        group = compare(reader, march, "south")
    (hall, kiosk) = months.cells
    assert hall is not None and hall.is_real and hall.happy_index.interval.low > 0 and kiosk is None
    assert hall.other.figures is not None and hall.other.figures.votes == 280
    (hall, itself) = places.cells
    assert hall is not None and hall.csat.value == pytest.approx(100 * 11 / 12 - 30) and itself is None
    assert days.cells[0] is not None and days.cells[0].other.slot.bucket == "2026-02-01"
    assert days.cells[28:] == (None,) * 3
    assert group.cells == (None, None), "nobody pressed there"


def test_hours_are_compared_with_as_many_before_where_the_clock_goes_on(store: Store) -> None:
    hours = ("28T23:00", "29T00:00", "29T01:00", "29T02:00", "29T04:00", "29T05:00")
    presses = [one for hour in hours for one in votes("hall-1", f"2026-03-{hour}", 9, 9, 9, 9)]
    query = FigureQuery("place", "hour", WallStretch("2026-03-29T02:00", "2026-03-29T06:00"), "shop", "hall")
    with world(store, [shop()], presses) as reader:
        found = compare(reader, query, "previous")
    beside = [cell.other.slot.start_local[8:13] for cell in found.cells if cell is not None]
    assert [cell.slot.start_local[8:13] for cell in found.answer.cells] == ["29T02", "29T04", "29T05"]
    assert beside == ["28T23", "29T00", "29T01"]


def like_always(chance: random.Random) -> list[int]:
    """Forty votes by face."""
    faces = Counter(chance.choices(range(4), (1, 1, 3, 5), k=40))
    return [faces[face] for face in range(4)]


def test_many_differences_are_not_all_called_real(store: Store) -> None:
    """The same odds every day: one day in twenty would be called different if each were asked for itself."""
    chance = random.Random(0)
    months = [[like_always(chance) for _ in range(28)] for _ in range(2)]
    presses = [
        one
        for month, days in enumerate(months, 2)
        for day, faces in enumerate(days, 1)
        for one in one_day(*faces, day=f"2026-{month:02}-{day:02}")
    ]
    query = FigureQuery("place", "day", whole_days("2026-03-01", "2026-03-28"), "shop", "hall")
    with world(store, [shop()], presses) as reader:
        found = [cell for cell in compare(reader, query, "previous").cells if cell is not None]
    assert len(found) == 28
    assert sum(cell.is_real for cell in found) == 0 < sum(cell.happy_index.is_told_apart for cell in found)


def test_several_organisations_and_none(store: Store) -> None:
    other = Site(
        Organisation("inn", "The Inn"), (Node("bar", "Bar", NodeKind.POINT),),
        placements=(Placement("bar-1", "bar", SINCE),),
    )  # fmt: skip
    stretch = whole_days("2026-04-02", "2026-04-02")
    presses = [*one_day(1, 2, 3, 4), *one_day(1, 2, 3, 5, device_id="bar-1"), *one_day(1, 2, 3, 6, device_id="lone-1")]
    with world(store, [shop(), other], presses) as reader:
        both = figure_cells(reader, FigureQuery("terminal", None, stretch))
        inn = figure_cells(reader, FigureQuery("terminal", None, stretch, "inn"))
        with pytest.raises(ValueError, match="There are several organisations; expected one of inn, shop"):
            figure_cells(reader, FigureQuery("place", None, stretch))
    shown = {cell.key: cell.figures.votes for cell in both.cells if cell.figures and cell.figures.votes}
    assert shown == {"hall-1": 10, "bar-1": 11, "lone-1": 12} and both.name == "All terminals"
    assert [(cell.key, cell.figures and cell.figures.votes) for cell in inn.cells] == [("bar-1", 11)]
    with world(store, [], one_day(1, 2, 3, 4, device_id="lone-2")) as reader:
        cells = figure_cells(reader, FigureQuery("terminal", None, stretch)).cells
    # Other tests have left terminals of their own in the database.
    (cell,) = (cell for cell in cells if cell.key == "lone-2")
    assert cell.figures is not None and cell.figures.votes == 10
