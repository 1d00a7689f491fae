"""Which days a request means: a period by its name, or dates; each place has its own midnight."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from hymio.site.moments import MINUTE_S, day_after, moment_of, start_of_day

DayRange = tuple[date, date]
"""The first day, and the one after the last."""

PERIOD: Final = re.compile(
    r"(today|yesterday|this-week|last-week|this-month|last-month|this-year|last-year|\d{4}(-(0[1-9]|1[0-2]|q[1-4]))?)",
    re.ASCII,
)
_EARLIEST: Final = date(1970, 1, 2)
_LATEST: Final = date(2200, 1, 1)
"""There are no presses before or after: a terminal's clock has 32 bits."""


def days_of_period(period: str, today: date) -> DayRange:
    """The days of `today`, `last-week` (weeks begin on Monday), `2026`, `2026-03`, `2026-q2` and the like.

    Args:
        period: matches `PERIOD`.
        today: the local day.
    """
    match period:
        case "today":
            return today, day_after(today)
        case "yesterday":
            return today - timedelta(1), today
        case "this-week" | "last-week":
            monday = today - timedelta(today.weekday() + (7 if period == "last-week" else 0))
            return monday, monday + timedelta(7)
        case "this-month":
            return _months(today.year, today.month, 1)
        case "last-month":
            return _months(today.year, today.month - 1, 1)
        case "this-year":
            return _months(today.year, 1, 12)
        case "last-year":
            return _months(today.year - 1, 1, 12)
    year, part = int(period[:4]), period[5:]
    if part.startswith("q"):
        return _months(year, 3 * int(part[1]) - 2, 3)
    return _months(year, int(part), 1) if part else _months(year, 1, 12)


def _months(year: int, month: int, number: int) -> DayRange:
    """So many months from one on; month 0 is December of the year before."""
    first, end = 12 * year + month - 1, 12 * year + month - 1 + number
    return _first_day(first), _first_day(end)


def _first_day(months: int) -> date:
    year, month = divmod(months, 12)
    return date(min(max(year, 1), 9999), month + 1, 1)


class Days:
    """Some days as stretches of UTC, zone by zone."""

    def __init__(self, range_of: Callable[[date], DayRange], now_utc: float) -> None:
        """range_of: from the local day of a place at `now_utc`."""
        self._range_of, self._now_utc = range_of, now_utc
        self._known: dict[str, tuple[float, float]] = {}

    def bounds(self, zone: str) -> tuple[float, float]:
        """The second of 1970 in which they begin, and the first one after them."""
        if zone not in self._known:
            days = self._range_of(moment_of(int(self._now_utc // MINUTE_S), zone).date())
            first, until = (min(max(day, _EARLIEST), _LATEST) for day in days)
            self._known[zone] = float(start_of_day(first, zone) * MINUTE_S), float(start_of_day(until, zone) * MINUTE_S)
        return self._known[zone]
