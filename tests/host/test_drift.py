"""How fast a terminal's clock runs, told over a cable that is late."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.drift import Reading, between, read


def reading(true_s: float, ppm: float, there_s: float, back_s: float, boot_s: float = -3.0) -> Reading:
    """A question sent at `true_s`: the terminal, whose clock is off by `ppm`, answers in whole milliseconds."""
    told_ms = int(1000 * (true_s + there_s - boot_s) * (1 + ppm / 1e6))
    return Reading(told_ms, true_s + (there_s + back_s) / 2, there_s + back_s)


@pytest.mark.parametrize(
    ("ppm", "seconds", "found"), [(0, 10, 0), (100, 100, 100), (-400, 60, -400), (20_000, 10, 20_000)]
)
def test_a_cable_without_a_whim(ppm: float, seconds: float, found: float) -> None:
    drift = between(reading(0, ppm, 0.004, 0.015), reading(seconds, ppm, 0.004, 0.015))
    assert abs(drift.ppm - found) <= drift.margin_ppm == pytest.approx(1000 / seconds)
    assert drift.span_s == pytest.approx(seconds)


late_s = st.floats(0, 0.05)


@given(st.floats(-3000, 3000), st.floats(1, 600), late_s, late_s, st.booleans())
def test_the_truth_is_within_the_margin(
    ppm: float, seconds: float, out_s: float, back_s: float, is_first: bool
) -> None:
    """If one of the two readings is as quick as the cable can be, the other may be late in any way."""
    quick, late = (0.004, 0.015), (0.004 + out_s, 0.015 + back_s)
    first, last = (late, quick) if is_first else (quick, late)
    drift = between(reading(0, ppm, *first), reading(seconds, ppm, *last))
    # The margin knows nothing of how far the clock runs off within one round trip, nor of rounding in a float.
    assert abs(drift.ppm - ppm) <= drift.margin_ppm * 1.01 + 1


def test_the_quickest_of_some_readings_is_taken() -> None:
    ticks: Iterator[float] = iter([0.0, 0.5, 1.0, 1.02, 2.0, 2.3])
    uptimes = iter([100, 200, 300])
    best = read(lambda: next(uptimes), 3, lambda: next(ticks))
    assert best == Reading(200, 1.01, pytest.approx(0.02))  # type: ignore[arg-type]


def test_a_span_has_a_length() -> None:
    with pytest.raises(ValueError, match="expected the later reading second"):
        between(reading(5, 0, 0.01, 0.01), reading(5, 0, 0.01, 0.01))
