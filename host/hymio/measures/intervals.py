"""Shares and how sure they are: Wilson's interval, and the normal distribution behind every 95 % here."""

from __future__ import annotations

from math import erfc, sqrt
from typing import NamedTuple

from hymio.measures.happy_index import Z_95


class Interval(NamedTuple):
    """Both ends of a 95 % interval, `low` <= `high`, in the unit of the figure that it belongs to."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the value lies within, ends included."""
        return self.low <= value <= self.high


class Share(NamedTuple):
    """A share of the votes, 0..100, and its 95 % Wilson interval, 0..100."""

    value: float
    low: float
    high: float


def share(part: int, whole: int) -> Share | None:
    """The share `part` of `whole` in per cent with its 95 % Wilson interval; None if `whole` is 0.

    Args:
        part: a count of 0 or more.
        whole: a count that is no smaller.

    Raises:
        ValueError: not 0 <= part <= whole.

    The interval is Wilson's, without correction for continuity: E. B. Wilson, Probable inference, the law of
    succession, and statistical inference, JASA 22 (1927), with z = 1.96.
    """
    if not 0 <= part <= whole:
        raise ValueError(f"A share needs 0 <= part <= whole; it came as {part} of {whole}.")
    if whole == 0:
        return None
    p, z_squared = part / whole, Z_95 * Z_95
    middle = p + z_squared / (2 * whole)
    half = Z_95 * sqrt(p * (1 - p) / whole + z_squared / (4 * whole * whole))
    divisor = 1 + z_squared / whole
    # None and all are exact ends; rounding must not take them past 0 or 100.
    low = 0.0 if part == 0 else 100 * (middle - half) / divisor
    high = 100.0 if part == whole else 100 * (middle + half) / divisor
    return Share(100 * p, low, high)


def two_sided_p(z: float) -> float:
    """The probability, 0..1, that a standard normal value lies at least |z| from 0."""
    return erfc(abs(z) / sqrt(2))
