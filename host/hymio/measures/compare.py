"""Two places or two periods side by side: the difference, how sure it is, and who may be ranked before whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, compress
from math import sqrt
from typing import Final, NamedTuple

from hymio.measures.faces import Faces, checked, figures, together
from hymio.measures.happy_index import Z_95
from hymio.measures.intervals import Interval, share, two_sided_p

FALSE_DISCOVERY_RATE: Final = 0.05
"""Of the differences that are called real, the share that may be chance; the field's 95 %."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`first` less `second`, in points, and how sure it is.

    `interval` is its 95 % interval and `p` the two-sided probability, 0..1, of a difference as large by chance alone.
    """

    value: float
    interval: Interval
    p: float

    @property
    def is_told_apart(self) -> bool:
        """Whether the interval leaves 0 out. For one comparison; of many ask `told_apart`."""
        return not self.interval.holds(0)


def share_difference(first_part: int, first_whole: int, second_part: int, second_whole: int) -> Difference | None:
    """The difference of two independent shares in points, -100..100; None if one of them has no votes.

    The interval is the hybrid score interval, method 10 of R. G. Newcombe, Interval estimation for the difference
    between independent proportions: comparison of eleven methods, Statistics in Medicine 17 (1998). p is that of the
    pooled z test. ValueError for counts that are no share.
    """
    first, second = share(first_part, first_whole), share(second_part, second_whole)
    if first is None or second is None:
        return None
    value = first.value - second.value
    interval = Interval(
        value - sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2),
        value + sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2),
    )
    pooled = (first_part + second_part) / (first_whole + second_whole)
    error = 100 * sqrt(pooled * (1 - pooled) * (1 / first_whole + 1 / second_whole))
    return Difference(value, interval, two_sided_p(value / error) if error else 1.0)


def csat_difference(first: Faces, second: Faces) -> Difference | None:
    """`share_difference` of the two happy faces among all."""
    return share_difference(sum(first[-2:]), sum(checked(first)), sum(second[-2:]), sum(checked(second)))


def negative_difference(first: Faces, second: Faces) -> Difference | None:
    """`share_difference` of the two unhappy faces among all."""
    return share_difference(sum(first[:2]), sum(checked(first)), sum(second[:2]), sum(checked(second)))


def index_difference(first: Faces, second: Faces) -> Difference | None:
    """The difference of two Happy Indices in points, -100..100; None if one of them has no votes.

    Interval and p take the two standard errors together, as Welch does. Each is the sample's with one vote at either
    end added (A. Agresti and B. Caffo, The American Statistician 54 (2000), do so for shares): five votes for the same
    face have no deviation, and are no certainty.
    """
    one, other = _estimate(first), _estimate(second)
    return None if one is None or other is None else _difference(one, other)


class _Estimate(NamedTuple):
    """A Happy Index and its squared standard error."""

    happy_index: float
    variance: float


def _estimate(faces: Faces) -> _Estimate | None:
    one = figures(faces)
    if one.happy_index is None:
        return None
    margin = figures((one.faces[0] + 1, *one.faces[1:-1], one.faces[-1] + 1)).happy_index_margin
    assert margin is not None, "there are two votes at least"
    return _Estimate(one.happy_index, (margin / Z_95) ** 2)


def _difference(one: _Estimate, other: _Estimate) -> Difference:
    value, error = one.happy_index - other.happy_index, sqrt(one.variance + other.variance)
    return Difference(value, Interval(value - Z_95 * error, value + Z_95 * error), two_sided_p(value / error))


def told_apart(p_values: Sequence[float], rate: float = FALSE_DISCOVERY_RATE) -> list[bool]:
    """Which of many differences are called real, in their order, so that at most `rate` of those are chance on average.

    Args:
        p_values: 0..1 each.
        rate: above 0, below 1.

    Raises:
        ValueError: one of them lies outside.

    The step-up procedure of Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, JRSS B 57 (1995).
    """
    if not 0 < rate < 1:
        raise ValueError(f"The false discovery rate lies between 0 and 1; it came as {rate:g}.")
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError("A p value is 0..1; one of them is not.")
    number = len(p_values)
    limit = max((p for place, p in enumerate(sorted(p_values), 1) if p <= rate * (place / number)), default=-1.0)
    return [p <= limit for p in p_values]


def compare_cells(
    pairs: Mapping[str, tuple[Faces, Faces]], rate: float = FALSE_DISCOVERY_RATE
) -> dict[str, tuple[Difference, bool] | None]:
    """The difference of many pairs' Happy Indices, first less second, and whether it is called real among so many.

    A pair may be an hour of this month and the same of the last. None for one of which a cell has no votes.
    """
    differences = {key: index_difference(first, second) for key, (first, second) in pairs.items()}
    known = {key: difference for key, difference in differences.items() if difference is not None}
    real = dict(zip(known, told_apart([one.p for one in known.values()], rate), strict=True))
    return {key: None if one is None else (one, real[key]) for key, one in differences.items()}


@dataclass(frozen=True, slots=True)
class Rank:
    """The places that may be this one's, 1 the best: from `best` (as many are surely better, and one) to `worst`."""

    name: str
    happy_index: float
    best: int
    worst: int


def ranks(places: Mapping[str, Faces], rate: float = FALSE_DISCOVERY_RATE) -> list[Rank]:
    """Places by Happy Index, the best first, each with the ranks that it may have; places without votes are left out.

    What can't be told apart is not ranked: `best` and `worst` of both then overlap, and a page shows them as equals.
    All pairs are compared and the false discovery rate is controlled over them. That a rank is an interval is advised
    by H. Goldstein and D. J. Spiegelhalter, League tables and their limitations, JRSS A 159 (1996).
    """
    known = {name: one for name, faces in places.items() if (one := _estimate(faces)) is not None}
    ordered = sorted(known, key=lambda name: (-known[name].happy_index, name))
    pairs = list(combinations(ordered, 2))
    real = told_apart([_difference(known[better], known[worse]).p for better, worse in pairs], rate)
    surely_before, surely_behind = Counter[str](), Counter[str]()
    for better, worse in compress(pairs, real):
        surely_before[worse] += 1
        surely_behind[better] += 1
    return [
        Rank(name, known[name].happy_index, surely_before[name] + 1, len(ordered) - surely_behind[name])
        for name in ordered
    ]


@dataclass(frozen=True, slots=True)
class BeforeAndAfter:
    """Both sides of a dated change. `left_out`: votes of cells that the moment of the change falls into."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    left_out: int
    difference: Difference | None


def before_and_after(cells: Iterable[tuple[float, float, Faces]], changed_utc: float) -> BeforeAndAfter:
    """Whether the figure moved: the Happy Index after the change less the one before it.

    Args:
        cells: (start_utc, end_utc, faces), ends excluded; the periods to compare are those of the cells given.
        changed_utc: seconds of 1970.
    """
    before, after, left_out = [], [], 0
    for start_utc, end_utc, faces in cells:
        if end_utc <= changed_utc:
            before.append(faces)
        elif start_utc >= changed_utc:
            after.append(faces)
        else:
            left_out += sum(checked(faces))
    of = len((before or after or [(0,) * 4])[0])
    first, second = together(before, of), together(after, of)
    return BeforeAndAfter(first, second, left_out, index_difference(second, first))
