"""Opening hours of a place: local times of a week, as the terminal has them, laid onto UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from hymio.measures.zones import local, stretches

_DAY_S: Final = 86_400
_SPAN: Final = re.compile(r"([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)", re.ASCII)


class OpenSpan(NamedTuple):
    """[start_utc, end_utc) in seconds of 1970, and the local date on which the span began."""

    start_utc: int
    end_utc: int
    day: date


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Spans by weekday, Monday first: (begin, end) in seconds of the local day; past midnight over 86,400."""

    days: tuple[tuple[tuple[int, int], ...], ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> OpeningHours:
        """From seven texts, Monday first, as a terminal's configuration has them.

        "08:00-12:00,13:00-17:00"; "" is closed all day; "20:00-02:00" goes on into the next day. ValueError, with the
        weekday, for anything else.
        """
        if len(texts) != 7:
            raise ValueError(f"Opening hours are seven texts, Monday first; there came {len(texts)}.")
        return cls(tuple(_day(number, text) for number, text in enumerate(texts, 1)))


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
            spans += [(midnight + begin, midnight + until, day) for begin, until in hours.days[day.weekday()]]
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


def _day(number: int, text: str) -> tuple[tuple[int, int], ...]:
    return tuple(_span(number, part) for part in text.split(",")) if text else ()


def _span(number: int, text: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(text)
    begin, end = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])) if match else (0, 0)
    if begin == end or begin >= 1440 or end > 1440:
        raise ValueError(
            f"Opening hours of weekday {number} (1 is Monday): expected spans as 08:00-12:00,13:00-17:00 or nothing;"
            f" came {text!r}."
        )
    return begin * 60, (end if end > begin else end + 1440) * 60
