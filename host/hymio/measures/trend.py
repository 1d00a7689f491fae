"""Is this hour as it always is? The Happy Index against the same weekday and hour of the weeks before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt
from statistics import median
from typing import Final, Literal

from hymio.measures.faces import Faces, figures, together
from hymio.measures.happy_index import Z_95
from hymio.measures.intervals import Interval
from hymio.site.model import CUSTOMERS_AT_LEAST

WEEKS: Final = 8
"""How far back to look: two months, short enough for the place to be the same and the season too."""
LEAST_WEEKS: Final = 4
"""Of these as many must have figures: under four, a median is one or two weeks' chance."""

_T_95: Final = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
    2.228,
    2.201,
    2.179,
    2.160,
    2.145,
    2.131,
)
"""The 97.5 % point of Student's t for 1, 2, ... degrees of freedom."""
_MAD_TO_DEVIATION: Final = 1.4826
"""P. J. Rousseeuw and C. Croux, Alternatives to the median absolute deviation, JASA 88 (1993)."""

Verdict = Literal["better", "worse", "as expected"]


@dataclass(frozen=True, slots=True)
class Trend:
    """observed, expected: Happy Indices, 0..100. interval: where 95 of 100 such hours would lie, within 0..100.

    weeks: how many weeks the expectation rests on. verdict: whether the observed one lies outside, and on which side.
    """

    observed: float
    expected: float
    interval: Interval
    weeks: int
    verdict: Verdict


def trend(
    observed: Faces, before: Sequence[Faces | None], at_least: int = CUSTOMERS_AT_LEAST, least_weeks: int = LEAST_WEEKS
) -> Trend | None:
    """Observed against expected; None with too few votes now or too few weeks that had enough.

    Args:
        observed: the votes of the cell (an hour, or any bucket that comes back with the weeks).
        before: the same cell of the weeks before (`same_hour_before`), the order doesn't matter; None for a week
            without it: closed, a holiday, suppressed, or the hour that the clock skipped.
        at_least: votes under which a cell has no figure.
        least_weeks: as many weeks must have one, 2 or more.

    The expectation is the median of the weeks' indices: a seasonal baseline (R. J. Hyndman and G. Athanasopoulos,
    Forecasting: principles and practice, 3rd edition, 5.2, the seasonal naive method) that one odd week, a strike or a
    children's party, can't move. The deviation is that of the weeks by their median absolute deviation, but never less
    than what chance alone gives so few votes. The interval is a prediction for one more such cell: Student's t with
    weeks - 1 degrees of freedom times the deviation times sqrt(1 + pi / (2 weeks)), for a median of normal values has
    pi / 2 times the variance of their mean.
    """
    if at_least < 1 or least_weeks < 2:
        raise ValueError("A baseline needs at_least >= 1 and least_weeks >= 2.")
    now = figures(observed)
    cells = [one for one in (figures(faces) for faces in before if faces is not None) if one.votes >= at_least]
    indices = [one.happy_index for one in cells if one.happy_index is not None]
    weeks = len(indices)
    if now.happy_index is None or now.votes < at_least or weeks < least_weeks:
        return None
    expected = median(indices)
    by_week = _MAD_TO_DEVIATION * median(abs(index - expected) for index in indices)
    pooled = figures(together((one.faces for one in cells), len(now.faces)))
    margin = pooled.happy_index_margin or 0.0
    by_chance = margin / Z_95 * sqrt(pooled.votes / now.votes)
    half = _t_95(weeks - 1) * max(by_week, by_chance) * sqrt(1 + pi / (2 * weeks))
    interval = Interval(max(0.0, expected - half), min(100.0, expected + half))
    verdict: Verdict = "as expected"
    if not interval.holds(now.happy_index):
        verdict = "better" if now.happy_index > expected else "worse"
    return Trend(now.happy_index, expected, interval, weeks, verdict)


def _t_95(degrees: int) -> float:
    """Beyond the table the first terms of E. A. Cornish and R. A. Fisher's expansion (1938), right to 0.04 %."""
    if degrees <= len(_T_95):
        return _T_95[degrees - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
