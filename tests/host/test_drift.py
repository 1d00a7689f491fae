"""How fast a terminal's clock runs, told over a cable that is late in any way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.selftest.drift import Drift, Reading, between, read


def reading(true_s: float, ppm: float, there_s: float, back_s: float, boot_s: float = -3.0) -> Reading:
    """A question sent at `true_s`: the terminal, whose clock is off by `ppm`, answers in whole milliseconds."""
    told_ms = int(1000 * (true_s + there_s - boot_s) * (1 + ppm / 1e6))
    return Reading(told_ms, true_s, true_s + there_s + back_s)


@pytest.mark.parametrize(
    ("ppm", "seconds", "found"), [(0, 10, 0), (100, 100, 100), (-400, 60, -400), (20_000, 10, 20_000)]
)
def test_a_cable_without_a_whim(ppm: float, seconds: float, found: float) -> None:
    drift = between([reading(0, ppm, 0.004, 0.015)], [reading(seconds, ppm, 0.004, 0.015)])
    assert drift.low_ppm <= found <= drift.high_ppm
    assert drift.margin_ppm == pytest.approx((0.019 + 0.001) / seconds * 1e6, rel=0.05)
    assert drift.span_s == pytest.approx(seconds + 0.019)


late_s = st.floats(0, 0.3)
late_readings = st.lists(st.tuples(late_s, late_s), min_size=1, max_size=8)


def several(begin_s: float, ppm: float, ways: list[tuple[float, float]]) -> list[Reading]:
    """Readings one after the other, each late on its way there and on its way back."""
    readings: list[Reading] = []
    for there_s, back_s in ways:
        readings.append(reading(readings[-1].answered_s if readings else begin_s, ppm, there_s, back_s))
    return readings


@given(st.floats(-3000, 3000), st.floats(1, 600), late_readings, late_readings)
def test_the_truth_is_never_outside(
    ppm: float, seconds: float, first: list[tuple[float, float]], last: list[tuple[float, float]]
) -> None:
    """However late every single answer is: on a busy machine a good board must not be called bad."""
    begin = several(0, ppm, first)
    drift = between(begin, several(begin[-1].answered_s + seconds, ppm, last))
    rounding_of_floats = 0.01
    assert drift.low_ppm - rounding_of_floats <= ppm <= drift.high_ppm + rounding_of_floats


@given(st.floats(-3000, 3000), late_readings, late_readings)
def test_what_is_told_is_true(ppm: float, first: list[tuple[float, float]], last: list[tuple[float, float]]) -> None:
    told = between(several(0, ppm, first), several(60, ppm, last)).is_within(500)
    assert told is None or told is (abs(ppm) <= 500)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (-400, 400, True),
        (400, 600, None),
        (-600, -400, None),
        (-900, 900, None),
        (501, 900, False),
        (-900, -501, False),
    ],
)
def test_a_limit_is_kept_broken_or_not_to_be_told(low: float, high: float, told: bool | None) -> None:
    assert Drift(low, high, 20).is_within(500) is told


def test_every_reading_may_help() -> None:
    """One was quick at the beginning, another one at the end: together they tell most."""
    first = [reading(0, 50, 0.2, 0.3), reading(0.6, 50, 0.004, 0.004)]
    last = [reading(20, 50, 0.1, 0.4), reading(20.6, 50, 0.004, 0.004)]
    assert between(first, last).margin_ppm == pytest.approx(9000 / 20, rel=0.02)
    assert between(first[:1], last[:1]).margin_ppm > 20_000


def test_so_many_readings_are_taken() -> None:
    ticks: Iterator[float] = iter([0.0, 0.5, 1.0, 1.02, 2.0, 2.3])
    uptimes = iter([100, 200, 300])
    found = read(lambda: next(uptimes), 3, lambda: next(ticks))
    assert found == [Reading(100, 0.0, 0.5), Reading(200, 1.0, 1.02), Reading(300, 2.0, 2.3)]


def test_a_span_has_a_length() -> None:
    with pytest.raises(ValueError, match="expected readings with time between them"):
        between([reading(5, 0, 0.01, 0.01)], [reading(5, 0, 0.01, 0.01)])
