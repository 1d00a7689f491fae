"""Moments in files: whole UTC minutes since 1970 in the model, RFC 3339 or the local time of a place in a text.

Presses are attributed to minutes, so nothing in a site begins or ends within one.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

MINUTE_S: Final = 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOURS_KNOWN: Final = 4096
"""Quarters of an hour that a clock knows by heart."""
EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2100, 1, 1)
"""A year outside is a slip of the pen; within, no zone has an offset with seconds in it."""
EXPECTED: Final = '2026-03-01T08:00:00+02:00, or "2026-03-01 08:00" in the local time of the place'

_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[ Tt](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_NO_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})
"""Names in the zone database that mean something else on every computer, or nothing."""


@cache
def zones() -> frozenset[str]:
    """The names of the time zones that there are."""
    return frozenset(available_timezones()) - _NO_ZONES


@cache
def zone_of(name: str) -> ZoneInfo:
    """The zone of a name.

    Raises:
        ValueError: there is none of that name; what was expected, in a sentence.
    """
    try:
        if name in _NO_ZONES:
            raise ValueError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"The time zone {name!r} is not known; expected a name like Europe/Helsinki.") from None


def minute_of(moment: datetime) -> int:
    """The UTC minute in which an aware moment lies."""
    return int(moment.timestamp()) // MINUTE_S


def moment_of(utc_minute: int, zone: str = "UTC") -> datetime:
    """That minute on the clock of a zone."""
    return datetime.fromtimestamp(utc_minute * MINUTE_S, zone_of(zone))


def text_of(utc_minute: int, zone: str = "UTC") -> str:
    """RFC 3339 with the offset of the zone then: people read the local time, programs the moment."""
    return moment_of(utc_minute, zone).isoformat()


def is_in_bounds(utc_minute: int) -> bool:
    """Whether the year can be meant."""
    return start_of_day(EARLIEST, "UTC") <= utc_minute < start_of_day(LATEST, "UTC")


def start_of_day(day: date, zone: str) -> int:
    """The UTC minute in which a local day begins.

    Where the clock skips midnight it is the minute of the change, where midnight comes twice the first one: both are
    what fold=0 means (PEP 495).
    """
    return minute_of(datetime(day.year, day.month, day.day, tzinfo=zone_of(zone)))


def day_after(day: date) -> date:
    """The next day."""
    return day + timedelta(days=1)


def parse_moment(given: object, zone: str) -> int:
    """The UTC minute of a text, or of a date-time of TOML.

    Args:
        given: what stands in the file.
        zone: whose local time is meant where the text has no offset.

    Raises:
        ValueError: what was expected, as a part of a sentence.
    """
    moment = given if isinstance(given, datetime) else _datetime(given)
    if moment.second or moment.microsecond:
        raise ValueError("a whole minute (presses are attributed to minutes)")
    try:
        if moment.tzinfo is not None:
            minute = minute_of(moment)
        else:
            minute = _minute_of_local(moment, zone)
    except OverflowError:
        minute = -1
    if not is_in_bounds(minute):
        raise ValueError(f"a moment of the years {EARLIEST.year} to {LATEST.year - 1}")
    return minute


def _datetime(given: object) -> datetime:
    found = _MOMENT.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None:
        raise ValueError(EXPECTED)
    day, clock, seconds, fraction, offset = found.groups()
    micros = 1 if (fraction or "").strip("0") else 0
    try:
        return datetime.fromisoformat(f"{day}T{clock}:{seconds or '00'}{(offset or '').upper()}").replace(
            microsecond=micros
        )
    except ValueError:
        raise ValueError(EXPECTED) from None


def _minute_of_local(local: datetime, zone: str) -> int:
    minutes = set()
    for fold in (0, 1):
        moment = local.replace(tzinfo=zone_of(zone), fold=fold).astimezone(UTC)
        if moment.astimezone(zone_of(zone)).replace(tzinfo=None) == local:
            minutes.add(minute_of(moment))
    if not minutes:
        raise ValueError(f"a time that there was (the clocks of {zone} skip this one, they go forward)")
    if len(minutes) > 1:
        either = " or ".join(text_of(minute, zone) for minute in sorted(minutes))
        raise ValueError(f"{either}, because that hour comes twice in {zone} as the clocks go back")
    return minutes.pop()


class WholeHour(NamedTuple):
    """An hour of a wall clock, and where its day and month begin, in UTC minutes; `end` is not of it."""

    begin: int
    end: int
    day: int
    month: int
    offset_min: int


class WallClock:
    """The clock on a wall in one zone: minutes of it, and where its hours and days begin, for many UTC minutes.

    It looks a zone's offset up once for each UTC day, because zoneinfo takes a microsecond and a datetime each time.
    """

    def __init__(self, zone: str) -> None:
        """Takes the name of a zone that there is."""
        self._zone = zone_of(zone)
        self._days: dict[int, tuple[int, int, int]] = {}
        self._midnights: dict[int, int] = {}
        self._hours: dict[int, WholeHour] = {}

    def offset_min(self, utc_minute: int) -> int:
        """Minutes by which the clock is ahead of UTC."""
        change, before, after = self._day(utc_minute // 1440)
        return before if utc_minute < change else after

    def local_minute(self, utc_minute: int) -> int:
        """What it shows, in minutes of 1970 on its own face."""
        return utc_minute + self.offset_min(utc_minute)

    def whole_hour(self, utc_minute: int) -> WholeHour:
        """The hour that the clock shows, with its day and month; those that were asked for are known by heart."""
        hour = self._hours.get(utc_minute // 15)
        if hour is None or not hour.begin <= utc_minute < hour.end:
            begin, end, offset = self.hour_of(utc_minute)
            hour = WholeHour(begin, end, self.day_of(utc_minute)[0], self.month_start(utc_minute), offset)
            if len(self._hours) >= _HOURS_KNOWN:
                self._hours.clear()
            self._hours[utc_minute // 15] = hour
        return hour

    def hour_start(self, utc_minute: int) -> int:
        """The UTC minute in which the hour began that the clock shows."""
        return self.hour_of(utc_minute)[0]

    def hour_of(self, utc_minute: int) -> tuple[int, int, int]:
        """(first UTC minute, the one after its last, offset in minutes) of the hour that the clock shows.

        Hours are stretches of time that never overlap: an hour that comes twice is two of them, and a clock that is
        set within an hour (Lord Howe Island, by thirty minutes) begins a new one there.
        """
        offset = self.offset_min(utc_minute)
        start = utc_minute - (utc_minute + offset) % 60
        end = start + 60
        # The hour of a zone like +05:30 may begin on the UTC day before, or end on the one after.
        for day in range(start // 1440, (end - 1) // 1440 + 1):
            change, before, after = self._day(day)
            if before != after and start < change < end:
                if change <= utc_minute:
                    start = change
                else:
                    end = change
        return start, end, offset

    def day_of(self, utc_minute: int) -> tuple[int, int]:
        """(first UTC minute, the one after its last) of a local day: the days of `measures.buckets`.

        A day begins at the first moment at which the clock shows its midnight or later, and ends where the next one
        begins. So what comes after a midnight that comes twice is of the new day, whatever date the clock shows.
        """
        day = self._local_day(utc_minute)
        return self._midnight(day), self._midnight(day + 1)

    def month_start(self, utc_minute: int) -> int:
        """The first UTC minute of the local month: that of its first day."""
        day = self._local_day(utc_minute)
        return self._midnight(day + 1 - (_EPOCH + timedelta(days=day)).day)

    def _local_day(self, utc_minute: int) -> int:
        day = self.local_minute(utc_minute) // 1440
        return day + 1 if self._midnight(day + 1) <= utc_minute else day

    def _midnight(self, local_day: int) -> int:
        """The first UTC minute at which the clock shows that day (of 1970) or a later one."""
        found = self._midnights.get(local_day)
        utc_day = local_day - 1  # no clock is a day ahead
        while found is None:
            change, before, after = self._day(utc_day)
            first = utc_day * 1440
            for begin, end, offset in ((first, change, before), (change, first + 1440, after)):
                minute = max(begin, local_day * 1440 - offset)
                if minute < end and found is None:
                    found = self._midnights[local_day] = minute
            utc_day += 1
        return found

    def _day(self, day: int) -> tuple[int, int, int]:
        """(minute of the change, offset before, offset from then on) of a UTC day; no change: its first minute."""
        known = self._days.get(day)
        if known is None:
            first, last = day * 1440, day * 1440 + 1439
            before, after = self._offset(first - 1), self._offset(last)
            low, high = first - 1, last  # the offset changes after low, by high at the latest
            while before != after and high - low > 1:
                middle = (low + high) // 2
                if self._offset(middle) == before:
                    low = middle
                else:
                    high = middle
            known = self._days[day] = (high if before != after else first, before, after)
        return known

    def _offset(self, utc_minute: int) -> int:
        # Not fromtimestamp: on Windows it takes nothing before 1970, and a wrong clock may tell such a time.
        offset = (_EPOCH + timedelta(minutes=utc_minute)).astimezone(self._zone).utcoffset() or timedelta()
        return int(offset.total_seconds()) // MINUTE_S
