"""The days, weeks and months that reports by schedule tell of: which are over, and which have not been told of."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

EVERY: Final = ("day", "week", "month")
AFTER_H: Final = 6
"""A period is over so many hours after its last midnight: until then terminals that sleep have told of it."""
MISSED_MAX: Final = 7
"""So many periods are made up for after a long rest, the newest ones."""

_DAY: Final = timedelta(days=1)


class ReportPeriod(NamedTuple):
    """From the first to the last of its days."""

    first: date
    last: date


def day_of_reports(zone: ZoneInfo, now_utc: float) -> date:
    """The day before which, on the clock of a zone, everything is over."""
    return (datetime.fromtimestamp(now_utc, zone).replace(tzinfo=None) - timedelta(hours=AFTER_H)).date()


def newest_period(every: str, today: date) -> ReportPeriod:
    """The day, the week (Monday to Sunday) or the month that was over last when `today` began."""
    match every:
        case "day":
            return ReportPeriod(today - _DAY, today - _DAY)
        case "week":
            last = today - _DAY * (today.weekday() + 1)
            return ReportPeriod(last - 6 * _DAY, last)
        case "month":
            last = today.replace(day=1) - _DAY
            return ReportPeriod(last.replace(day=1), last)
    raise ValueError(f"Expected one of {', '.join(EVERY)}, came {every!r}.")


def periods_due(every: str, sent_through: date, today: date) -> list[ReportPeriod]:
    """Those that are over and begin after the last day that was told of, the oldest first; `MISSED_MAX` at most."""
    found: list[ReportPeriod] = []
    period = newest_period(every, today)
    while period.last > sent_through and len(found) < MISSED_MAX:
        found.insert(0, period)
        period = newest_period(every, period.first)
    return found
