"""The level that a place has set itself: GOOD, EXCELLENT or THE VERY BEST, and how far away it is."""

from __future__ import annotations

from dataclasses import dataclass

from hymio.site.model import EXCELLENT_FROM, GOOD_FROM, THE_VERY_BEST_FROM, Level


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The lowest Happy Index, 0..100, of each level in one organisation: 0 < good < excellent < the_very_best <= 100.

    The defaults are those of an organisation that has set none of its own. ValueError if out of order.
    """

    good: float = GOOD_FROM
    excellent: float = EXCELLENT_FROM
    the_very_best: float = THE_VERY_BEST_FROM

    def __post_init__(self) -> None:
        if not 0 < self.good < self.excellent < self.the_very_best <= 100:
            raise ValueError(
                "Levels need 0 < good < excellent < the very best <= 100; they came as"
                f" {self.good:g}, {self.excellent:g}, {self.the_very_best:g}."
            )

    def of(self, level: Level) -> float:
        """The lowest Happy Index of that level."""
        return {Level.GOOD: self.good, Level.EXCELLENT: self.excellent, Level.THE_VERY_BEST: self.the_very_best}[level]

    def reached(self, happy_index: float | None) -> Level | None:
        """The highest level whose threshold the Happy Index has; None below GOOD and without a figure."""
        if happy_index is None:
            return None
        return next((level for level in reversed(Level) if happy_index >= self.of(level)), None)

    def distance(self, happy_index: float | None, chosen: Level) -> float | None:
        """Points above the chosen level, 0 just on it, negative while it is still to reach. None without a figure."""
        return None if happy_index is None else happy_index - self.of(chosen)
