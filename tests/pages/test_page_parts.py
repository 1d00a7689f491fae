"""What pages are made of: times of the calendar, what is kept for many readers, sentences on what stands out."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.locale.language import languages
from hymio.pages.labels import period_label
from hymio.pages.periods import KINDS, RANGE, NoPeriod, Period, calendar_period, period_of
from hymio.pages.shelf import KEPT_MAX, Shelf

TODAY = date(2026, 3, 5)
days = st.dates(date(2002, 1, 1), date(2097, 1, 1))
kinds = st.sampled_from(sorted(KINDS))


@given(kinds, days, days)
def test_a_time_is_found_again_by_its_address(kind: str, on: date, today: date) -> None:
    period = calendar_period(kind, on, today)
    assert period.first <= on <= period.last
    query = dict(part.split("=") for part in period.query.split("&"))
    assert period_of(query, today) == period
    assert ("on" in query) is not period.is_now, "what is now is now tomorrow, too"


@given(kinds, days, days)
def test_times_follow_each_other_without_a_gap(kind: str, on: date, today: date) -> None:
    period = calendar_period(kind, on, today)
    assert period.before.last == period.first - timedelta(1) and period.before.kind == kind
    assert period.before.after in (period, None)
    if period.after is not None:
        assert period.after.first == period.last + timedelta(1) <= today


@given(days, st.integers(0, 3000), days)
def test_a_stretch_of_days_steps_by_its_own_length(first: date, more: int, today: date) -> None:
    last = min(first + timedelta(more), date(2097, 1, 1))
    period = period_of({"from": first.isoformat(), "to": last.isoformat()}, today)
    assert (period.kind, period.first, period.last) == (RANGE, first, last)
    assert period.before.last == first - timedelta(1)
    if not (first.day == 1 and (last + timedelta(1)).day == 1):  # of whole months it is the months before
        assert period.before.last - period.before.first == last - first


@given(st.dictionaries(st.sampled_from(["period", "on", "from", "to"]), st.text(max_size=12)))
def test_whatever_an_address_says_it_is_a_time_or_a_sentence(query: dict[str, str]) -> None:
    try:
        period = period_of(query, TODAY)
    except NoPeriod as error:
        for language in languages():
            assert language.say(error.said)
    else:
        assert period.first <= period.last


@pytest.mark.parametrize("kind", [*KINDS, RANGE])
def test_each_time_has_a_name_in_each_language(kind: str) -> None:
    period = Period(RANGE, TODAY, TODAY + timedelta(3), TODAY) if kind == RANGE else calendar_period(kind, TODAY, TODAY)
    assert all("2026" in period_label(language, period) for language in languages())


# The shelf


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def counted(values: list[int], clock: Clock, took_s: float = 0.0) -> Any:
    def make() -> int:
        values.append(len(values))
        clock.now += took_s
        return values[-1]

    return make


def test_a_thing_is_made_once_for_all() -> None:
    made: list[int] = []
    shelf = Shelf(clock := Clock())
    make = counted(made, clock)
    assert [shelf.get("a", 1, make, 5) for _ in range(3)] == [0, 0, 0]
    assert shelf.get("b", 1, make, 5) == 1


def test_what_is_dear_rests_and_who_waits_for_ever_gets_the_newest() -> None:
    made: list[int] = []
    shelf = Shelf(clock := Clock())
    make = counted(made, clock, took_s=1.0)
    assert shelf.get("a", 1, make, 5) == 0
    assert shelf.get("a", 2, make, 5) == 0, "it took a second: it rests for twenty"
    clock.now += 21
    assert shelf.get("a", 2, make, 5) == 1
    assert shelf.get("a", 3, make, None) == 2


def test_nobody_waits_longer_than_they_want_to() -> None:
    shelf, go = Shelf(), threading.Event()
    assert shelf.get("a", 1, lambda: "old", 5) == "old"

    def slow() -> str:
        go.wait(10)
        return "new"

    assert shelf.get("b", 1, slow, 0.01) is None
    assert shelf.get("c", 1, slow, 0) is None and shelf.get("c", 1, lambda: "made", 5) == "made", "0 does not begin"
    go.set()
    assert shelf.get("b", 1, slow, 5) == "new"


def test_an_older_one_is_given_while_the_next_is_made() -> None:
    clock = Clock()
    shelf, go = Shelf(clock), threading.Event()
    shelf.get("a", 1, lambda: "old", 5)
    clock.now += 1

    def slow() -> str:
        go.wait(10)
        return "new"

    assert shelf.get("a", 2, slow, 0.01) == "old"
    go.set()
    assert shelf.get("a", 2, slow, None) == "new"


def test_what_fails_is_told_and_made_again() -> None:
    shelf = Shelf()

    def fail() -> str:
        raise LookupError("away")

    for _ in range(2):
        with pytest.raises(LookupError):
            shelf.get("a", 1, fail, 5)
    assert shelf.get("a", 1, lambda: "there", 5) == "there"


def test_the_shelf_is_no_longer_than_it_is() -> None:
    shelf = Shelf()
    for number in range(KEPT_MAX + 5):
        shelf.get(number, 1, lambda: "x", 5)
    assert len(shelf._things) == KEPT_MAX
