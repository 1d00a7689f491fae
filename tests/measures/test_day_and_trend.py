"""A day's peak and end, and whether an hour is as it always is."""

from __future__ import annotations

import random
from datetime import date
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from hymio.measures import trend as trend_module
from hymio.measures.buckets import buckets
from hymio.measures.day import PeakAndEnd, peak_and_end, whole_day
from hymio.measures.opening import OpenSpan, spans_of_day
from hymio.measures.trend import trend
from hymio.site.hours import from_texts

HOUR = 3600
BERLIN = ZoneInfo("Europe/Berlin")
ANGRY, EVEN, HAPPY, NOBODY = [9, 1, 0, 0], [3, 3, 3, 3], [0, 0, 1, 9], [0, 0, 0, 0]


def day(*faces: list[int], spans: list[tuple[float, float]] | None = None, at_least: int = 5) -> PeakAndEnd:
    """Hours from 0 on; spans in hours."""
    hours = [(at * HOUR, at * HOUR + HOUR, one) for at, one in enumerate(faces)]
    opened = None
    if spans is not None:
        opened = [OpenSpan(int(begin * HOUR), int(end * HOUR), date(2026, 1, 1)) for begin, end in spans]
    return peak_and_end(hours, opened, at_least)


def starts(found: PeakAndEnd) -> list[float | None]:
    return [None if one is None else one.start_utc / HOUR for one in (found.best, found.worst, found.closing)]


# ---- peak and end ----


def test_best_worst_and_closing_hour() -> None:
    found = day(EVEN, HAPPY, ANGRY, EVEN, spans=[(0, 4)])
    assert starts(found) == [1, 2, 3] and found.are_told_apart
    assert found.closing is not None and found.closing.figures.happy_index == 50


def test_hours_with_few_answers_are_no_peak() -> None:
    assert starts(day([1, 0, 0, 0], EVEN, HAPPY, [0, 0, 0, 4], spans=[(0, 4)])) == [2, 1, None]
    assert starts(day([1, 0, 0, 0], EVEN, HAPPY, [0, 0, 0, 4], spans=[(0, 4)], at_least=1)) == [3, 0, 3]


def test_a_closing_hour_with_few_answers_is_named_and_has_no_figure() -> None:
    """It is not the hour before: that wasn't the end."""
    found = day(EVEN, HAPPY, [0, 0, 0, 4], spans=[(0, 3)])
    assert found.closing is None and found.closing_start_utc == 2 * HOUR


def test_what_is_outside_opening_hours_is_not_the_day_s() -> None:
    assert starts(day(ANGRY, EVEN, HAPPY, ANGRY, HAPPY, spans=[(1, 2.5)])) == [2, 1, 2]
    assert starts(day(ANGRY, EVEN, HAPPY, EVEN, ANGRY, spans=[(1, 2), (3, 4)])) == [1, 1, 3]


def test_closed_all_day_and_hours_that_nobody_told() -> None:
    assert day(ANGRY, HAPPY, spans=[]) == PeakAndEnd(None, None, False, None, None)
    assert starts(day(ANGRY, HAPPY)) == [1, 0, None]


def test_an_even_day_has_no_peak_to_speak_of() -> None:
    found = day([3, 3, 3, 4], EVEN, EVEN)
    assert starts(found) == [0, 1, None] and not found.are_told_apart
    assert not day(EVEN).are_told_apart


def test_nobody_came() -> None:
    assert day(NOBODY, NOBODY, spans=[(0, 2)]) == PeakAndEnd(None, None, False, None, HOUR)
    with pytest.raises(ValueError, match="threshold came as 0"):
        day(NOBODY, at_least=0)


def test_an_evening_across_midnight_is_one_day_even_when_the_clock_changes() -> None:
    """20:00 to 02:30 on the night to winter time: the last hour is the second one that the clock calls two."""
    spans = spans_of_day(from_texts([""] * 5 + ["20:00-02:30", ""]), BERLIN, date(2026, 10, 24))
    hours = [
        (one.start_utc, one.end_utc, EVEN) for one in buckets("hour", BERLIN, spans[0].start_utc, spans[-1].end_utc)
    ]
    found = peak_and_end(hours, spans)
    (closing,) = (one for one in buckets("hour", BERLIN, spans[-1].end_utc - 1, spans[-1].end_utc))
    assert len(hours) == 8 and closing.start_local == "2026-10-25T02:00:00+01:00"
    assert found.closing_start_utc == closing.start_utc and found.closing is not None


def test_the_day_s_figure_is_that_of_all_its_votes() -> None:
    assert whole_day([(0, 1, [1, 0, 0, 0]), (1, 2, [0, 0, 0, 99])]).happy_index == 99


# ---- trend ----


def hour_of(chance: random.Random, weights: tuple[int, ...], votes: int = 30) -> list[int]:
    answers = chance.choices(range(4), weights, k=votes)
    return [answers.count(face) for face in range(4)]


def test_as_always_better_and_worse() -> None:
    weeks = [[2, 3, 10, 15], [3, 2, 11, 14], [2, 2, 10, 16], [3, 3, 9, 15], [1, 3, 12, 14]]
    for observed, verdict in (([2, 3, 11, 14], "as expected"), ([25, 3, 1, 1], "worse"), ([0, 0, 0, 60], "better")):
        found = trend(observed, weeks)
        assert found is not None and found.verdict == verdict and found.weeks == 5
        assert found.interval.low < found.expected < found.interval.high
    assert found is not None and found.expected == pytest.approx(100 * 68 / 90)


def test_one_odd_week_moves_nothing() -> None:
    weeks = [[2, 3, 10, 15], [3, 2, 11, 14], [2, 2, 10, 16], [3, 3, 9, 15]]
    even, odd = trend([2, 3, 10, 15], [*weeks, [2, 3, 10, 15]]), trend([2, 3, 10, 15], [*weeks, [30, 0, 0, 0]])
    assert even is not None and odd is not None
    assert abs(even.expected - odd.expected) < 3 and odd.verdict == "as expected"


@pytest.mark.parametrize(
    ("observed", "before"),
    [
        (EVEN, []),
        (EVEN, [EVEN] * 3),
        (EVEN, [EVEN] * 3 + [None] * 5),
        (EVEN, [EVEN] * 3 + [[1, 1, 1, 1], NOBODY]),
        ([1, 1, 1, 1], [EVEN] * 8),
        (NOBODY, [EVEN] * 8),
    ],
)
def test_too_little_history_and_too_few_votes_have_no_trend(
    observed: list[int], before: list[list[int] | None]
) -> None:
    assert trend(observed, before) is None


def test_the_interval_by_hand() -> None:
    """Weeks of 40, 50, 50, 60 and 70: the median is 50, their distances from it 10, 0, 0, 10 and 20, so the deviation
    is 14.826; Student's t for four degrees of freedom is 2.776."""
    weeks = [[60, 0, 0, 40], [50, 0, 0, 50], [50, 0, 0, 50], [40, 0, 0, 60], [30, 0, 0, 70]]
    found = trend([0, 0, 0, 900], weeks)
    assert found is not None and found.expected == 50 and found.verdict == "better"
    assert found.interval.high - 50 == pytest.approx(2.776 * 14.826 * (1 + 3.14159 / 10) ** 0.5, rel=1e-5)


def test_missing_weeks_are_left_out() -> None:
    with_gaps = trend(HAPPY, [EVEN, None, HAPPY, NOBODY, EVEN, None, HAPPY, HAPPY])
    assert with_gaps == trend(HAPPY, [EVEN, HAPPY, EVEN, HAPPY, HAPPY]) and with_gaps is not None
    assert with_gaps.weeks == 5


def test_weeks_that_all_agree_leave_room_for_chance() -> None:
    found = trend([0, 1, 2, 7], [[0, 0, 3, 7]] * 8)
    assert found is not None and found.verdict == "as expected" and found.interval.low < found.expected - 5


@pytest.mark.parametrize(
    ("weeks", "votes", "weights"), [(4, 30, (1, 1, 3, 5)), (8, 30, (1, 1, 3, 5)), (8, 8, (1, 2, 2, 1))]
)
def test_of_100_ordinary_hours_few_stand_out(weeks: int, votes: int, weights: tuple[int, ...]) -> None:
    chance = random.Random(weeks * votes)
    odd = 0
    for _ in range(1500):
        found = trend(hour_of(chance, weights, votes), [hour_of(chance, weights, votes) for _ in range(weeks)])
        assert found is not None
        odd += found.verdict != "as expected"
    assert odd <= 0.05 * 1500


def test_and_a_bad_hour_does() -> None:
    chance = random.Random(5)
    found = [
        trend(hour_of(chance, (5, 3, 1, 1)), [hour_of(chance, (1, 1, 3, 5)) for _ in range(8)]) for _ in range(300)
    ]
    assert sum(one is not None and one.verdict == "worse" for one in found) > 0.95 * 300


@given(st.lists(st.lists(st.integers(0, 50), min_size=4, max_size=4), min_size=9, max_size=12))
def test_expected_is_the_median_of_the_weeks(cells: list[list[int]]) -> None:
    found = trend(cells[0], list(cells[1:]))
    if found is not None:
        kept = [one for one in cells[1:] if sum(one) >= 5]
        assert found.expected == pytest.approx(
            median(100 * (3 * n4 + 2 * n3 + n2) / (3 * (n1 + n2 + n3 + n4)) for n1, n2, n3, n4 in kept)
        )
        assert 0 <= found.interval.low <= found.expected <= found.interval.high <= 100


@pytest.mark.parametrize("degrees", [*range(1, 40), 100, 1000])
def test_student_s_t_is_that_of_scipy(degrees: int) -> None:
    assert trend_module._t_95(degrees) == pytest.approx(t.ppf(0.975, degrees), rel=0.0004)


def test_a_baseline_of_one_week_is_refused() -> None:
    with pytest.raises(ValueError, match="least_weeks >= 2"):
        trend(EVEN, [EVEN] * 8, least_weeks=1)
