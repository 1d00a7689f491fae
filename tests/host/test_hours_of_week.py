"""The hours of the week: sums of single hours, none of them too small, and none that gives a small one away."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from figure_world import HELSINKI, GivenPress, given, minute, world
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from hymio.figures.hours_of_week import closing_week_hours, hours_of_week, open_week_hours
from hymio.figures.one_place import OnePlace
from hymio.figures.wall_time import whole_days
from hymio.site.hours import parse
from hymio.site.model import Node, NodeKind, Organisation, Placement, Question, Site, Survey
from hymio.store.database import Store

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
    assert found.closing is None, "nobody came in the last hour"


def test_the_closing_hours_are_one_figure(store: Store) -> None:
    presses = [one for day in range(5) for one in given("left-1", at(1, day, 11), 0, 1, 1, 4)]
    with world(store, [corner()], presses) as reader:
        found = hours_of_week(reader, LEFT, FOUR_WEEKS)
    assert found.closing is not None and found.closing.faces == (0, 5, 5, 20)


def test_too_few_are_not_shown_and_one_week_more_is_enough(store: Store) -> None:
    for weeks, is_shown in ((2, False), (3, True)):
        presses = [one for week in range(weeks) for one in given("left-1", at(week, 0, 9), 1, 1, 0, 0)]
        with world(store, [corner()], presses) as reader:
            found = hours_of_week(reader, LEFT, FOUR_WEEKS)
        assert (found.cells[0, 9] is not None) is is_shown


def test_the_rest_of_a_sum_is_not_small(store: Store) -> None:
    """Three Mondays are shown one by one: of the four together the fourth, with two votes, would come out."""
    presses = []
    for week in range(4):
        for key in ("left-1", "right-1"):
            for hour in (9, 10):
                is_small = (week, key, hour) == (3, "left-1", 9)
                presses += given(key, at(week, 0, hour), *((1, 1, 0, 0) if is_small else (0, 0, 10, 10)))
    with world(store, [corner()], presses) as reader:
        hours = [cell for cell in LEFT.cells(reader, "hour", FOUR_WEEKS) if cell.slot.start_local[11:13] == "09"]
        assert sum(cell.figures is not None and cell.figures.votes == 20 for cell in hours) == 3
        found = hours_of_week(reader, LEFT, FOUR_WEEKS)
    assert found.cells[0, 9] is None
    ten = found.cells[0, 10]
    assert ten is not None and ten.votes == 80, "of this one twenty are not shown by themselves, which is enough"


def test_hours_that_end_after_midnight() -> None:
    late = parse("fri-sat 20:00-02:00")
    assert open_week_hours(late) == {
        *((4, hour) for hour in range(20, 24)), *((5, hour) for hour in (0, 1, *range(20, 24))), (6, 0), (6, 1)
    }  # fmt: skip
    assert closing_week_hours(late) == {(5, 1), (6, 1)}
    assert closing_week_hours(parse("mon 08:00-12:00,13:00-17:00")) == {(0, 16)}
    assert open_week_hours(parse("mon 08:30-09:15")) == {(0, 8), (0, 9)}


moments = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(9, 11), st.sampled_from(["left-1", "right-1"]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@drawn(st.lists(st.tuples(moments, st.integers(1, 9)), max_size=24))
def test_whatever_is_shown_no_sum_of_it_is_small(
    store: Store, votes: list[tuple[tuple[int, int, int, str], int]]
) -> None:
    """Of the table itself: each place, the sum of both, and what is left of it when its shown hours are taken out."""
    presses = [
        GivenPress(device, minute(at(week, day, hour)), 4)
        for (week, day, hour, device), number in votes
        for _ in range(number)
    ]
    places = {key: OnePlace("corner", key) for key in ("left", "right", None)}
    with world(store, [corner()], presses) as reader:
        tables = {key: hours_of_week(reader, place, FOUR_WEEKS).cells for key, place in places.items()}
        singles = {key: place.cells(reader, "hour", FOUR_WEEKS) for key, place in places.items()}
    for hour in {(day, hour) for day in range(5) for hour in (9, 10, 11)}:
        shown = {key: table.get(hour) for key, table in tables.items()}
        for one in shown.values():
            assert one is None or one.votes == 0 or one.votes >= 5
        left, right, both = shown["left"], shown["right"], shown[None]
        if both is not None and left is not None and right is None:
            assert both.votes - left.votes == 0 or both.votes - left.votes >= 5
        for key in ("left", "right"):
            cell = shown[key]
            if cell is None:
                continue
            told = Counter[str]()
            for single in singles[key]:
                day = date.fromisoformat(single.slot.start_local[:10])
                is_of_it = (day.weekday(), int(single.slot.start_local[11:13])) == hour
                if is_of_it and single.figures is not None:
                    told["votes"] += single.figures.votes
            assert cell.votes - told["votes"] == 0 or cell.votes - told["votes"] >= 5


@pytest.mark.parametrize("place", [SHOP, LEFT])
def test_nothing_at_all(store: Store, place: OnePlace) -> None:
    with world(store, [corner()], []) as reader:
        found = hours_of_week(reader, place, FOUR_WEEKS)
    assert (found.best, found.worst, found.closing, found.are_told_apart) == (None, None, None, False)
