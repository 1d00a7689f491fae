"""The same people asked twice: whether they would recommend us more now, pair by pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final

from hymio.measures.happy_index import Z_95
from hymio.measures.intervals import Interval
from hymio.measures.rectangles import hidden_cells

_LOWEST_PROMOTER: Final = 9
_LOWEST_PASSIVE: Final = 7


class Attitude(StrEnum):
    """What somebody is by an answer of 0 to 10; the unhappiest first."""

    DETRACTOR = "detractor"
    PASSIVE = "passive"
    PROMOTER = "promoter"

    @property
    def points(self) -> int:
        """What one such person adds to the mean that is the Net Promoter Score: -100, 0 or 100."""
        return {Attitude.DETRACTOR: -100, Attitude.PASSIVE: 0, Attitude.PROMOTER: 100}[self]


def attitude_of(score: int) -> Attitude:
    """Of an answer. ValueError for one that is not 0..10."""
    if not 0 <= score <= 10:
        raise ValueError(f"An answer is 0..10; there came {score}.")
    if score >= _LOWEST_PROMOTER:
        return Attitude.PROMOTER
    return Attitude.PASSIVE if score >= _LOWEST_PASSIVE else Attitude.DETRACTOR


Change = tuple[Attitude, Attitude]
"""What somebody was, and is."""


@dataclass(frozen=True, slots=True)
class Panel:
    """What became of the people who answered both times.

    before, after: their Net Promoter Scores, -100..100. difference: after less before, -200..200, with its 95 %
    `interval`. changes: how many were this and are that; None for a cell with too few, or that would give one away.
    """

    pairs: int
    before: float
    after: float
    difference: float
    interval: Interval
    changes: Mapping[Change, int | None]


def panel(pairs: Iterable[tuple[int, int]], at_least: int) -> Panel | None:
    """The comparison of pairs of answers (0..10), each of one person, the earlier one first.

    Args:
        pairs: each person once.
        at_least: fewer pairs, or fewer people in a cell of `changes`, are too few to be shown, 1 or more.

    Returns:
        None if they are too few.

    Raises:
        ValueError: an answer is not 0..10.

    A Net Promoter Score is the mean of -100, 0 and 100, so the difference of two scores of the same people is the mean
    of the differences of each, and its variance that of those differences: whoever answers alike both times adds none
    (the paired test of Student, Biometrika 6 (1908), with the normal distribution's 1.96). Before the variance is
    taken, two pairs are added, spread evenly over the nine cells of before and after, as A. Agresti and Y. Min do for
    matched proportions (Simple improved confidence intervals for comparing matched proportions, Statistics in Medicine
    24 (2005), 729-740): a handful of people who all stay what they were are no certainty.
    """
    changes = Counter((attitude_of(before), attitude_of(after)) for before, after in pairs)
    number = changes.total()
    if number < at_least:
        return None
    weights = {change: changes[change] + 2 / 9 for change in ((a, b) for a in Attitude for b in Attitude)}
    total = number + 2
    steps = {change: change[1].points - change[0].points for change in weights}
    middle = sum(weight * steps[change] for change, weight in weights.items()) / total
    variance = sum(weight * (steps[change] - middle) ** 2 for change, weight in weights.items()) / total
    half = Z_95 * sqrt(variance / total)
    before = sum(count * change[0].points for change, count in changes.items()) / number
    after = sum(count * change[1].points for change, count in changes.items()) / number
    value = after - before
    interval = Interval(max(-200.0, min(value, middle - half)), min(200.0, max(value, middle + half)))
    return Panel(number, before, after, value, interval, _shown(changes, at_least))


def _shown(changes: Mapping[Change, int], at_least: int) -> dict[Change, int | None]:
    """The table, with small cells hidden and as many beside them as it takes, since its sums can be known.

    If one of these is small itself, nothing of the table can be shown.
    """
    table = {str(was): {str(now): changes.get((was, now), 0) for now in Attitude} for was in Attitude}
    sums = [sum(row.values()) for row in table.values()]
    sums += [sum(row[str(now)] for row in table.values()) for now in Attitude]
    if any(0 < one < at_least for one in sums):
        return {(was, now): None for was in Attitude for now in Attitude}
    hidden = hidden_cells(table, at_least)
    return {
        (was, now): None if (str(was), str(now)) in hidden else table[was][now] for was in Attitude for now in Attitude
    }
