"""Has the mean of a stream of scores fallen below a floor? A sequential test with a proven rate of false alarms.

Shiryaev and Roberts's procedure on bets (J. Shin, A. Ramdas and A. Rinaldo, E-detectors: a nonparametric framework for
sequential change detection, NEJSDS 2023, 3.1 and 4). A bet b against a score x in 0..1 pays 1 + b (floor - x) /
(1 - floor): never below 0, and 1 at most on average as long as the mean of each score, given all before, is at least
the floor. So wealth' = (wealth + 1) * pay grows by 1 a score on average at most, and wealth less the number of scores
is a supermartingale. The mean over several bets is one too. Each alarm takes wealth of at least the threshold away, so
in n scores there are n / threshold false alarms on average at most: of whatever distribution the scores are, and
though one looks after every one of them. What has to hold is that nothing that came before tells that the next score
will lie below the floor. Of a school class that presses as one the first vote tells it of all others, and such votes
make more alarms than that (tests/measures/test_detectors.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

BETS: Final = (0.03, 0.06, 0.12, 0.24, 0.48, 0.9)
"""Small ones find a small fall in many scores, large ones a large fall in a few."""
NOTHING: Final = (0.0,) * len(BETS)
"""The wealth of each bet at the beginning, and after an alarm."""
FLOOR_MAX: Final = 0.98
"""Above it bets would have to be too large: a single score would decide."""


def wealth_after(wealth: Sequence[float], floor: float, score: float) -> tuple[float, ...]:
    """The wealth of each bet after one more score.

    Args:
        wealth: before; `NOTHING` first.
        floor: what the mean should not fall below, above 0 and at most `FLOOR_MAX`; it may change from score to score,
            but must not know the score.
        score: 0..1.
    """
    gain = (floor - score) / (1 - floor)
    return tuple([(one + 1) * (1 + bet * gain) for one, bet in zip(wealth, BETS, strict=True)])


def evidence(wealth: Sequence[float]) -> float:
    """What is held against the threshold: the mean of the bets."""
    return sum(wealth) / len(BETS)


def threshold_for(scores: float, false_alarms: float) -> float:
    """The threshold at which so many scores bring so many false alarms on average, at most; both above 0."""
    return max(1.0, scores / false_alarms)
