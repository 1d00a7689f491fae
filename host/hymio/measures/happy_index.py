"""The arithmetic behind the figures: the Happy Index, and how certain it is."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

FACES: Final = ("very unhappy", "unhappy", "happy", "very happy")
"""What the buttons 1 to 4 say."""
Z_95: Final = 1.96
"""Half the width of a 95 % interval, in standard errors."""


def happy_index(faces: Sequence[int]) -> float | None:
    """The mean of the votes on equal steps from 0 to 100; None without votes.

    Args:
        faces: votes by button, 1 (very unhappy) first.
    """
    votes, steps = sum(faces), len(faces) - 1
    if votes == 0:
        return None
    return 100 * sum(step * count for step, count in enumerate(faces)) / (steps * votes)


def happy_index_margin(faces: Sequence[int]) -> float | None:
    """Half of the Happy Index's 95 % interval, from the sample standard deviation; None under two votes.

    Args:
        faces: votes by button, 1 (very unhappy) first.
    """
    votes, steps = sum(faces), len(faces) - 1
    if votes < 2:
        return None
    # This is in whole numbers up to the last step, so that equal votes give exactly 0.
    total = sum(step * count for step, count in enumerate(faces))
    squares = sum(step * step * count for step, count in enumerate(faces))
    variance = (votes * squares - total * total) / (votes * (votes - 1)) * (100 / steps) ** 2
    return Z_95 * sqrt(variance / votes)
