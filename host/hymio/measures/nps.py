"""Net Promoter Score, from the 0-10 question and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Final

from hymio.measures.happy_index import Z_95
from hymio.measures.intervals import Interval

_HIGHEST: Final = 10


@dataclass(frozen=True, slots=True)
class RecommendAnswers:
    """Answers to "How likely are you to recommend us?": how often each of 0..10 was given, 0 first.

    There is no way here from votes on faces: four or five counts are refused, as eleven are needed.
    """

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.counts) != _HIGHEST + 1:
            raise ValueError(
                f"The score needs the 11 counts of the answers 0..10; there came {len(self.counts)}."
                " It can't be had from faces: ask the 0-10 question."
            )
        if any(count < 0 for count in self.counts):
            raise ValueError(f"A count of answers is 0 or more; they came as {list(self.counts)}.")

    @classmethod
    def of(cls, answers: Iterable[int]) -> RecommendAnswers:
        """Counts single answers. ValueError for one that is not 0..10."""
        counts = [0] * (_HIGHEST + 1)
        for answer in answers:
            if not 0 <= answer <= _HIGHEST:
                raise ValueError(f"An answer is 0..10; there came {answer}.")
            counts[answer] += 1
        return cls(tuple(counts))


@dataclass(frozen=True, slots=True)
class NetPromoterScore:
    """promoters, passives, detractors: counts. score: -100..100, None without answers. interval: 95 %, or None."""

    promoters: int
    passives: int
    detractors: int
    score: float | None
    interval: Interval | None


def net_promoter_score(answers: RecommendAnswers) -> NetPromoterScore:
    """Share of 9-10 less share of 0-6, with its 95 % interval, both in points, -100..100.

    The interval is the adjusted Wald of B. Rocks, Interval estimation for the "Net Promoter Score", The American
    Statistician 70 (2016), arXiv 1601.07235: 3/4 of an answer is added to promoters and detractors and 3/2 to passives
    before the variance of a difference of two shares of one sample is taken. It is cut at -100 and 100, and reaches to
    the score where a handful of answers all agree.
    """
    detractors, passives, promoters = sum(answers.counts[:7]), sum(answers.counts[7:9]), sum(answers.counts[9:])
    number = promoters + passives + detractors
    if number == 0:
        return NetPromoterScore(0, 0, 0, None, None)
    adjusted = number + 3
    p, d = (promoters + 0.75) / adjusted, (detractors + 0.75) / adjusted
    half = 100 * Z_95 * sqrt((p + d - (p - d) ** 2) / adjusted)
    middle = 100 * (p - d)
    score = 100 * (promoters - detractors) / number
    interval = Interval(max(-100.0, min(score, middle - half)), min(100.0, max(score, middle + half)))
    return NetPromoterScore(promoters, passives, detractors, score, interval)
