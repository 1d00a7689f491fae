"""The hours of the week: sums of single hours, none of them too small, and none that gives a small one away."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pytest
from figure_world import HELSINKI, GivenPress, given, minute, world
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from hymio.figures import hours_of_week as hours_of_week_module
from hymio.figures.cells import FigureCell
from hymio.figures.hours_of_week import WeekHour, closing_week_hours, hours_of_week, open_week_hours
from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.regions import Region
from hymio.figures.wall_time import whole_days
from hymio.measures.faces import FaceFigures, figures
from hymio.pages.periods import Period, calendar_period
from hymio.pages.place_figures import HOURS_DAYS
from hymio.site.hours import parse
from hymio.site.model import Node, NodeKind, Organisation, Placement, Question, Site, Survey
from hymio.store.database import Store, open_store

MONDAY = date(2026, 3, 2)
FOUR_WEEKS = whole_days(MONDAY.isoformat(), (MONDAY + timedelta(27)).isoformat())
SHOP, LEFT = OnePlace("corner", None), OnePlace("corner", "left")


def corner() -> Site:
    """A shop with two tills side by side."""
    return Site(
        Organisation("corner", "Corner shop", time_zone=HELSINKI),
        tuple(Node(key, key, NodeKind.POINT, hours=parse("mon-fri 09:00-12:00")) for key in ("left", "right")),
        (Question("how", {"en": "..."}),),
        (Survey("guests", "how", ("left", "right"), date(2026, 1, 1)),),
        tuple(Placement(f"{key}-1", key, minute("2025-01-01T00:00")) for key in ("left", "right")),
    )


def at(week: int, day: int, hour: int) -> str:
    return f"{MONDAY + timedelta(7 * week + day)}T{hour:02}:10"


def test_mondays_at_nine_add_up(store: Store) -> None:
    presses = [one for week in range(4) for one in given("left-1", at(week, 0, 9), 1, 0, 2, 5)]
    presses += given("left-1", at(2, 3, 10), 9, 0, 0, 1)
    with world(store, [corner()], presses) as reader:
        found = hours_of_week(reader, LEFT, FOUR_WEEKS)
    nine = found.cells[0, 9]
    assert nine is not None and nine.faces == (4, 0, 8, 20)
    assert (found.best, found.worst, found.are_told_apart) == ((0, 9), (3, 10), True)
    assert found.open == frozenset((day, hour) for day in range(5) for hour in (9, 10, 11)) == found.cells.keys()
    assert not found.lacks_some
    assert found.closing is None, "nobody came in the last hour"


def test_the_closing_hours_are_one_figure(store: Store) -> None:
    presses = [one for day in range(5) for one in given("left-1", at(1, day, 11), 0, 1, 1, 4)]
    with world(store, [corner()], presses) as reader:
        found = hours_of_week(reader, LEFT, FOUR_WEEKS)
    assert found.closing is not None and found.closing.faces == (0, 5, 5, 20)


def test_an_hour_is_the_sum_of_the_days_on_which_it_is_shown(store: Store) -> None:
    """On the fourth Monday two came at nine: that is hidden, and with it the hour beside it, which are twenty."""
    presses = []
    for week in range(4):
        for key in ("left-1", "right-1"):
            for hour in (9, 10):
                is_small = (week, key, hour) == (3, "left-1", 9)
                presses += given(key, at(week, 0, hour), *((1, 1, 0, 0) if is_small else (0, 0, 10, 10)))
    with world(store, [corner()], presses) as reader:
        found = hours_of_week(reader, LEFT, FOUR_WEEKS)
        singles = LEFT.cells(reader, "hour", FOUR_WEEKS)
    for hour in (9, 10):
        told = [one.figures.votes for one in singles if one.figures and int(one.slot.start_local[11:13]) == hour]
        cell = found.cells[0, hour]
        assert cell is not None and cell.faces == (0, 0, 30, 30) and sum(told) == 60
    assert found.lacks_some


def test_no_votes_in_what_is_left_are_not_none(store: Store) -> None:
    """Two votes on each of four Mondays: of none of them it is told, nor that the others had no more."""
    presses = [one for week in range(4) for one in given("left-1", at(week, 0, 9), 1, 1, 0, 0)]
    with world(store, [corner()], presses) as reader:
        found = hours_of_week(reader, LEFT, FOUR_WEEKS)
    assert found.cells[0, 9] is None and found.lacks_some and found.best is None


def test_a_handful_of_votes_is_not_the_worst_hour_by_chance(store: Store) -> None:
    presses = [one for week in range(4) for one in given("left-1", at(week, 0, 9), 10, 10, 20, 10)]
    presses += given("left-1", at(0, 1, 10), 3, 0, 0, 3) + given("left-1", at(0, 2, 10), 0, 0, 0, 40)
    with world(store, [corner()], presses) as reader:
        found = hours_of_week(reader, LEFT, FOUR_WEEKS)
    few, many = found.cells[1, 10], found.cells[0, 9]
    assert few is not None and many is not None and (few.happy_index or 0) < (many.happy_index or 0)
    assert (found.worst, found.best) == ((0, 9), (2, 10))


def test_hours_that_end_after_midnight() -> None:
    late = parse("fri-sat 20:00-02:00")
    assert open_week_hours(late) == {
        *((4, hour) for hour in range(20, 24)), *((5, hour) for hour in (0, 1, *range(20, 24))), (6, 0), (6, 1)
    }  # fmt: skip
    assert closing_week_hours(late) == {(5, 1), (6, 1)}
    assert closing_week_hours(parse("mon 08:00-12:00,13:00-17:00")) == {(0, 16)}
    assert open_week_hours(parse("mon 08:30-09:15")) == {(0, 8), (0, 9)}


# ---- nobody is found out ----


def market() -> Site:
    """A hall with two tills, and a kiosk beside it."""
    hours = parse("mon-sun 09:00-12:00")
    nodes = (
        Node("hall", "Hall", NodeKind.GROUP, hours=hours),
        *(Node(key, key, NodeKind.POINT, above, hours=hours) for key, above in PLACES.items()),
    )
    return Site(
        Organisation("market", "Market", time_zone=HELSINKI), nodes, (Question("how", {"en": "..."}),),
        (Survey("guests", "how", ("hall", "kiosk"), date(2026, 1, 1)),),
        tuple(Placement(f"{key}-1", key, minute("2025-01-01T00:00")) for key in PLACES),
    )  # fmt: skip


PLACES = {"left": "hall", "right": "hall", "kiosk": None}
DAYS = [MONDAY - timedelta(14) + timedelta(number) for number in range(49)]
"""From the 16th of February on: no clock is changed before the 29th of March, on which nothing happens any more."""
OPEN = range(8, 13)
Leaves = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
"""By place, day and hour of `OPEN`: whether a sum takes the votes of it."""


@dataclass
class Attacker:
    """Looks at pages, each figure of which is a sum of votes by place, day and hour; then adds and subtracts."""

    votes: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    adds_all: bool
    """Whether hours of the week hold all days, those on which they are hidden too."""
    known: list[Leaves] = field(default_factory=list)
    hidden: list[Leaves] = field(default_factory=list)

    def leaves(self, node: str | None, first: str, last: str, hours: Iterable[int] = range(24)) -> Leaves:
        """first, last: days, counted in."""
        found = np.zeros(self.votes.shape, bool)
        begin, end = ((date.fromisoformat(day) - DAYS[0]).days for day in (first, last))
        for at, (key, above) in enumerate(PLACES.items()):
            if node in (None, key, above):
                found[at, max(0, begin) : end + 1, [OPEN.index(hour) for hour in OPEN if hour in hours]] = True
        return found

    def sees(self, leaves: Leaves, told: FigureCell | FaceFigures | None) -> None:
        """None says "too few answers"."""
        shown = told.figures if isinstance(told, FigureCell) else told
        if shown is None:
            self.hidden.append(leaves)
        else:
            assert shown.votes == self.votes[leaves].sum(), "a figure tells what it says it tells"
            self.known.append(leaves)

    def looks(self, reader: FigureReader, node: str | None, periods: Iterable[Period]) -> None:
        """At all that pages make of the votes of a place: of the whole time by the hour too, as of each day's page."""
        place, ever = OnePlace("market", node), whole_days(DAYS[0].isoformat(), DAYS[-1].isoformat())
        left_out = np.zeros(self.votes.shape, bool)
        for cell in place.cells(reader, "hour", ever):
            at = cell.slot.bucket
            if int(at[11:13]) not in OPEN:  # nobody is there, and everybody knows
                continue
            leaves = self.leaves(node, at[:10], at[:10], [int(at[11:13])])
            left_out |= leaves if cell.figures is None and not self.adds_all else False
            self.sees(leaves, cell)
        for period in periods:
            for per in (None, period.per) if period.per != "hour" else (None,):
                cells = place.cells(reader, per, period.stretch)
                ends = [date.fromisoformat(cell.slot.start_local[:10]) - timedelta(1) for cell in cells[1:]]
                for cell, end in zip(cells, [*ends, period.last], strict=True):
                    self.sees(self.leaves(node, cell.slot.start_local[:10], end.isoformat()), cell)
            first = (period.last - timedelta(HOURS_DAYS - 1)).isoformat()
            found = hours_of_week(reader, place, whole_days(first, period.last.isoformat()))
            for hours, told in found.cells.items():
                self.sees(self.days_of(node, first, period, [hours]) & ~left_out, told)
            if found.closing is not None:
                self.sees(self.days_of(node, first, period, [(day, 11) for day in range(7)]) & ~left_out, found.closing)

    def days_of(self, node: str | None, first: str, period: Period, hours: Iterable[WeekHour]) -> Leaves:
        found = np.zeros(self.votes.shape, bool)
        for weekday, hour in hours:
            leaves = self.leaves(node, first, period.last.isoformat(), [hour])
            found |= leaves & np.array([day.weekday() == weekday for day in DAYS])[None, :, None]
        return found

    def finds(self, at_least: int) -> set[str]:
        """What came out of too few votes, and how."""
        unknown = np.ones(self.votes.size, bool)
        for leaves in self.known:
            if not self.votes[leaves].any():
                unknown &= ~leaves.ravel()
        rows = np.unique([leaves.ravel()[unknown] for leaves in self.known], axis=0)
        # Leaves that are always together are one.
        parts, of_part = np.unique(rows, axis=1, return_inverse=True)
        of_part = of_part.ravel()
        votes = np.bincount(of_part, self.votes.ravel()[unknown], parts.shape[1])
        if not parts.size:
            return set()
        solved = parts.astype(float)
        left = np.eye(parts.shape[1]) - np.linalg.pinv(solved) @ solved

        def comes_out(sets: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> bool:
            few = sets[(sets @ votes > 0) & (sets @ votes < at_least)]
            return bool(len(few)) and bool((np.abs(few @ left).max(axis=1) < 1e-7).any())

        found, asked = set[str](), []
        for leaves in [*self.hidden, *self.known]:
            inside = leaves.ravel()[unknown]
            whole = np.bincount(of_part, inside, parts.shape[1]), np.bincount(of_part, minlength=parts.shape[1])
            if ((whole[0] == 0) | (whole[0] == whole[1])).all():  # else it cuts a part, and can't come out
                asked.append((whole[0] > 0).astype(float))
        asked_for = np.array(asked or [np.zeros(parts.shape[1])])
        if comes_out(asked_for):
            found.add("a figure that is hidden")
        one = np.eye(parts.shape[1])
        if comes_out(one) or comes_out((one[:, None] + one[None])[np.triu_indices(len(one), 1)]):
            found.add("one or two parts")
        for shown in rows.astype(float)[:, np.unique(of_part, return_index=True)[1]]:
            within = solved[(solved <= shown).all(axis=1)]
            if comes_out(shown - within):
                found.add("a difference of two")
        if parts.shape[1] <= 14:
            sets = (np.arange(2 ** parts.shape[1])[:, None] >> np.arange(parts.shape[1])) & 1
            if comes_out(sets.astype(float)):
                found.add("a set")
        return found


def attack(store: Store, seed: int, adds_all: bool = False) -> set[str]:
    """Of all places several times that overlap, in a random world of few votes."""
    chance = random.Random(seed)
    weekdays, hours = chance.sample(range(7), chance.choice([1, 1, 2, 7])), chance.choice([[9, 10], [9, 10, 11]])
    mean, days = chance.choice([1.5, 3.0, 6.0]), DAYS[: chance.choice([28, 35, 42])]
    votes = np.zeros((len(PLACES), len(DAYS), len(OPEN)), int)
    draw = np.random.default_rng(seed)
    for place, (at, day), hour in itertools.product(range(len(PLACES)), enumerate(days), hours):
        if day.weekday() in weekdays:
            votes[place, at, hour - OPEN[0]] = draw.poisson(mean * draw.choice([0.3, 1, 2.0]))
    presses = [
        GivenPress(f"{list(PLACES)[place]}-1", minute(f"{DAYS[day]}T{OPEN[hour]:02}:10"), button=chance.choice([1, 4]))
        for place, day, hour in zip(*np.nonzero(votes), strict=True)
        for _ in range(votes[place, day, hour])
    ]
    attacker = Attacker(votes, adds_all)
    with world(store, [market()], presses) as reader:
        times = list(periods(chance, days))
        for node in (None, "hall", *PLACES):
            attacker.looks(reader, node, times)
    return attacker.finds(5)


def periods(chance: random.Random, days: list[date]) -> Iterator[Period]:
    """Weeks, a month, two days by the hour, and others that begin anywhere; hours of the week end with each of them."""
    today = date(2026, 6, 1)
    for last in chance.sample(days[13:], 3):
        yield calendar_period("week", last, today)
        yield Period("range", max(DAYS[0], last - timedelta(chance.randrange(2, 30))), last, today)
    yield calendar_period("month", date(2026, 3, 1), today)


@settings(max_examples=2, deadline=None)
@drawn(st.integers(0, 10**9))
def test_no_page_gives_away_what_another_one_hides(alone: Store, seed: int) -> None:
    """Linear algebra over all figures of all pages: nothing of fewer than five votes comes out."""
    assert attack(alone, seed) == set()


def test_the_attack_finds_hours_that_are_hidden_if_they_are_few_all_the_same(
    alone: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: of the hours of a week each is a sum of all days, and hidden if that is too small."""

    monkeypatch.setattr(Region, "is_hidden", lambda *_: False)
    monkeypatch.setattr(hours_of_week_module, "figures", lambda faces: figures(faces) if sum(faces) >= 5 else None)
    assert attack(alone, 3, adds_all=True)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A file of SQLite: what may be shown is decided above the database."""
    opened = open_store(str(tmp_path_factory.mktemp("hours") / "votes.db"), create=True)
    yield opened
    opened.close()


@pytest.mark.parametrize("place", [SHOP, LEFT])
def test_nothing_at_all(store: Store, place: OnePlace) -> None:
    with world(store, [corner()], []) as reader:
        found = hours_of_week(reader, place, FOUR_WEEKS)
    assert (found.best, found.worst, found.closing, found.are_told_apart) == (None, None, None, False)
