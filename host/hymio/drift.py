"""How fast a terminal's clock runs beside this computer's, told over a cable that is late by a little."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_TELLING_S: Final = 0.001
"""A terminal tells whole milliseconds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The terminal's uptime at one moment, known to half of what the round trip took longer than need be."""

    uptime_ms: int
    at_s: float
    """This computer's monotonic clock half-way between question and answer."""
    round_trip_s: float


@dataclass(frozen=True, slots=True)
class Drift:
    """`ppm` > 0: the terminal's clock is fast. The truth is within `margin_ppm` of it."""

    ppm: float
    margin_ppm: float
    span_s: float


def read(ask_ms: Callable[[], int], times: int = 8, now: Callable[[], float] = time.monotonic) -> Reading:
    """The reading with the shortest round trip of so many. ask_ms: asks the terminal for its uptime."""

    def once() -> Reading:
        begin_s = now()
        uptime_ms = ask_ms()
        end_s = now()
        return Reading(uptime_ms, (begin_s + end_s) / 2, end_s - begin_s)

    return min((once() for _ in range(times)), key=lambda reading: reading.round_trip_s)


def between(first: Reading, last: Reading) -> Drift:
    """The drift between two readings by the same cable.

    Question and answer are as long each time, so what they take at best is the same at both ends and cancels. What one
    of them took longer may have been on the way there or on the way back: that is the margin, with the millisecond.
    """
    span_s = last.at_s - first.at_s
    if span_s <= 0:
        raise ValueError(f"expected the later reading second, came a span of {span_s} s")
    gained_s = (last.uptime_ms - first.uptime_ms) / 1000 - span_s
    late_s = abs(last.round_trip_s - first.round_trip_s) / 2
    return Drift(1e6 * gained_s / span_s, 1e6 * (late_s + _TELLING_S) / span_s, span_s)
