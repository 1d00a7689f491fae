"""The opening hours of a place, local times of a week, laid onto UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from hymio.measures.zones import local, stretches
from hymio.site.hours import OpeningHours

_DAY_S: Final = 86_400
_MINUTE_S: Final = 60


class OpenSpan(NamedTuple):
    """[start_utc, end_utc) in seconds of 1970, and the local date on which the span began."""

    start_utc: int
    end_utc: int
    day: date


def open_spans(hours: OpeningHours, zone: ZoneInfo, from_utc: float, to_utc: float) -> Iterator[OpenSpan]:
    """When the place is open within [from_utc, to_utc): in order, without overlap, cut at both ends.

    A moment is open when the clock on the wall says so, just as the terminal judges: an hour that comes twice is open
    twice, and one that is skipped is not open at all. Where the clock changes within opening hours the span comes in
    two.
    """
    last_utc = int(from_utc)
    for start, end, offset_s in stretches(zone, int(from_utc), int(to_utc)):
        first_day = local(zone, start).date() - timedelta(days=2)
        last_day = local(zone, end - 1).date()
        spans = []
        for number in range((last_day - first_day).days + 1):
            day = first_day + timedelta(days=number)
            midnight = (day - date(1970, 1, 1)).days * _DAY_S - offset_s
            spans += [
                (midnight + begin * _MINUTE_S, midnight + until * _MINUTE_S, day)
                for begin, until in hours.days[day.weekday()]
            ]
        for begin, until, day in sorted(spans):
            begin, until = max(begin, start, last_utc), min(until, end)
            if begin < until:
                yield OpenSpan(begin, until, day)
                last_utc = until


def spans_of_day(hours: OpeningHours, zone: ZoneInfo, day: date) -> list[OpenSpan]:
    """The spans that begin on the local day, whole, even if they end on the next: what `peak_and_end` calls a day."""
    noon_utc = (day - date(1970, 1, 1)).days * _DAY_S + _DAY_S // 2
    around = open_spans(hours, zone, noon_utc - 2 * _DAY_S, noon_utc + 3 * _DAY_S)
    return [span for span in around if span.day == day]
