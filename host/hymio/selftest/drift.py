"""How fast a terminal's clock runs beside this computer's: an interval that is right however late the cable answers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

_TELLING_S: Final = 0.001
"""A terminal tells whole milliseconds that have passed, so the truth may be this much more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A terminal's uptime at some moment between the question and its answer, by this computer's monotonic clock."""

    uptime_ms: int
    asked_s: float
    answered_s: float


@dataclass(frozen=True, slots=True)
class Drift:
    """The interval `low_ppm` to `high_ppm` that holds the truth; above 0 the terminal's clock is fast."""

    low_ppm: float
    high_ppm: float
    span_s: float
    """Seconds from the first question to the last answer."""

    @property
    def ppm(self) -> float:
        """The middle of the interval."""
        return (self.low_ppm + self.high_ppm) / 2

    @property
    def margin_ppm(self) -> float:
        """How far from `ppm` the truth may be."""
        return (self.high_ppm - self.low_ppm) / 2

    def is_within(self, limit_ppm: float) -> bool | None:
        """Whether the clock is off by no more than that; None if these readings can't tell."""
        if -limit_ppm <= self.low_ppm and self.high_ppm <= limit_ppm:
            return True
        if self.low_ppm > limit_ppm or self.high_ppm < -limit_ppm:
            return False
        return None


def read(ask_ms: Callable[[], int], times: int = 8, now: Callable[[], float] = time.monotonic) -> list[Reading]:
    """Takes so many readings, one after the other.

    Args:
        ask_ms: asks the terminal for its uptime in ms.
        times: how many.
        now: seconds of a monotonic clock.
    """

    def once() -> Reading:
        asked_s = now()
        uptime_ms = ask_ms()
        return Reading(uptime_ms, asked_s, now())

    return [once() for _ in range(times)]


def between(first: Iterable[Reading], last: Iterable[Reading]) -> Drift:
    """The drift between earlier and later readings.

    Nothing is assumed of how long question and answer take, nor that they take as long twice. Between two readings
    there is at least the time from an answer to the next question, and at most the time from the question to the answer
    after it. Every pair gives such bounds, and the truth is within all of them.

    Args:
        first: the earlier readings.
        last: the later ones.

    Raises:
        ValueError: no pair has time between its readings.
    """
    first, last = list(first), list(last)
    slowest, fastest = float("-inf"), float("inf")
    for begin, end in itertools.product(first, last):
        at_least_s, at_most_s = end.asked_s - begin.answered_s, end.answered_s - begin.asked_s
        if at_least_s <= 0:
            continue
        counted_s = (end.uptime_ms - begin.uptime_ms) / 1000
        slowest = max(slowest, (counted_s - _TELLING_S) / at_most_s)
        fastest = min(fastest, (counted_s + _TELLING_S) / at_least_s)
    if slowest == float("-inf"):
        raise ValueError("expected readings with time between them")
    if slowest > fastest:  # the clock does not run evenly, and neither bound holds for all of the time
        slowest, fastest = fastest, slowest
    span_s = max(reading.answered_s for reading in last) - min(reading.asked_s for reading in first)
    return Drift(1e6 * (slowest - 1), 1e6 * (fastest - 1), span_s)
