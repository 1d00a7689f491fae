"""The standard day of the design: the presses behind every figure, so that figures can be compared."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

DAY_MS: Final = 12 * 3600 * 1000
UPLOAD_FROM_MS: Final = tuple(hour * 3600 * 1000 for hour in (2, 5, 8, 11))
"""When the network can be reached, from the start of the day; each time for UPLOAD_FOR_MS."""
UPLOAD_FOR_MS: Final = 10 * 60 * 1000
_BUSY_FROM_MS: Final = (3 * 3600 * 1000, 8 * 3600 * 1000)
_COUNTED, _REPEAT, _MASH = 0, 1, 2


@dataclass(frozen=True)
class DayPress:
    """One press of the day."""

    at_ms: int
    button: int
    verdict: int
    quiet_ms: int
    edges: int


def standard_day(seed: int = 0) -> list[DayPress]:
    """The presses of a day: 200 in 12 hours, in the order of time.

    Each ten minutes of the two busiest hours have 8; the rest is spread as by a Poisson process. 75 % are counted, 15 %
    are repeats, 10 % mashes. The same seed gives the same day.
    """
    dice = random.Random(seed)
    times = [
        hour_ms + slot * 600_000 + dice.randrange(600_000)
        for hour_ms in _BUSY_FROM_MS
        for slot in range(6)
        for _ in range(8)
    ]
    # Once its number of events is given, the times of a Poisson process are independent and uniform.
    times += [dice.randrange(DAY_MS) for _ in range(200 - len(times))]
    verdicts = [_COUNTED] * 150 + [_REPEAT] * 30 + [_MASH] * 20
    dice.shuffle(verdicts)
    day = []
    before_ms = -70_000
    for at_ms, verdict in zip(sorted(times), verdicts, strict=True):
        quiet_ms = min(65535, max(1, at_ms - before_ms - 120))
        if verdict != _COUNTED:
            quiet_ms = min(quiet_ms, dice.randrange(100, 1000))
        day.append(DayPress(at_ms, dice.choice((1, 2, 3, 4, 4)), verdict, quiet_ms, dice.choice((2, 4, 6, 8))))
        before_ms = at_ms
    return day
