"""Stretches of time as clocks on the wall show them, and the buckets into which a question cuts them.

All places of an organisation are asked for the same words, "2026-03-29T14:00": each has its own clock. So the votes of
a day, or of 14:00, add up over places in several time zones.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from hymio.measures.buckets import Per, buckets, key_of
from hymio.measures.zones import start_local, wall_name
from hymio.site.moments import EARLIEST, LATEST, MINUTE_S, WallClock, day_after, parse_moment

_AGAIN: Final = " again"
_MIDNIGHT: Final = "T00:00"
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EXPECTED: Final = "a day as 2026-03-29, or a moment as 2026-03-29T14:00 or 2026-03-29T12:00Z"


Finest = Literal["month", "day", "hour"]
"""What the buckets of a question are made of, at the least."""


class TimeParts(NamedTuple):
    """Months (2026-03), days (2026-03-29), and days of which the hours are meant."""

    months: Sequence[str]
    days: Sequence[str]
    by_hour: Sequence[str]


@dataclass(frozen=True, slots=True)
class WallStretch:
    """From an hour on until before another one, both as `zones.wall_name` names them."""

    start: str
    end: str

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"A range ends after its start; it came as {self.start} to {self.end}.")

    @property
    def is_of_days(self) -> bool:
        """Whether it is of whole days."""
        return self.start[10:] == self.end[10:] == _MIDNIGHT

    def holds(self, hour: str) -> bool:
        """Whether the hour of that name lies within."""
        return self.start <= hour < self.end

    def holds_day(self, day: str) -> bool:
        """Whether all of that day lies within."""
        return self.start <= day + _MIDNIGHT and day_named(day_after(date.fromisoformat(day))) + _MIDNIGHT <= self.end

    def days(self) -> list[str]:
        """The days that lie within, or a part of them: `2026-03-29`."""
        return list(_days(self.start, self.end))

    def parts(self, finest: Finest) -> TimeParts:
        """The months, days and days by the hour of which it consists, none of them finer than it takes."""
        return _parts(self, finest)

    def bounds_utc(self, zones: Iterable[ZoneInfo]) -> tuple[int, int]:
        """From the first to the last moment, in seconds of 1970, at which it is that time in any of the zones."""
        zones = list(zones)
        return min(utc_of(self.start, zone) for zone in zones), max(utc_of(self.end, zone) for zone in zones)


@lru_cache(maxsize=1000)
def _days(start: str, end: str) -> tuple[str, ...]:
    day, last = date.fromisoformat(start[:10]), date.fromisoformat(end[:10])
    if end[10:] == _MIDNIGHT:
        last -= timedelta(days=1)
    return tuple(day_named(day + timedelta(days=number)) for number in range((last - day).days + 1))


@lru_cache(maxsize=1000)
def _parts(stretch: WallStretch, finest: Finest) -> TimeParts:
    days = stretch.days()
    cut = [day for day in days if finest == "hour" or not stretch.holds_day(day)]
    whole = sorted(set(days) - set(cut))
    held = set(whole)
    months = [month for month in dict.fromkeys(day[:7] for day in whole) if held.issuperset(days_of(month))]
    if finest != "month":
        months = []
    within = set(months)
    return TimeParts(months, [day for day in whole if day[:7] not in within], cut)


def finest_of(per: Per | None) -> Finest:
    """What buckets are made of."""
    if per in (None, "month", "quarter"):
        return "month"
    return "hour" if per == "hour" else "day"


def days_of(month: str) -> list[str]:
    """All days of a month."""
    first = date.fromisoformat(f"{month}-01")
    return [day_named(first.replace(day=number + 1)) for number in range(monthrange(first.year, first.month)[1])]


def whole_days(first: str, last: str) -> WallStretch:
    """From the beginning of a day to the end of another one."""
    return WallStretch(first + _MIDNIGHT, day_named(day_after(date.fromisoformat(last))) + _MIDNIGHT)


def day_named(day: date) -> str:
    """As 2026-03-29."""
    return day.isoformat()


def utc_of(wall: str, zone: ZoneInfo) -> int:
    """The second of 1970 at which the clock of a zone shows that; if it skips it, that of the change (PEP 495)."""
    at = datetime.fromisoformat(wall.removesuffix(_AGAIN))
    return int(at.replace(tzinfo=zone, fold=int(wall.endswith(_AGAIN))).timestamp())


def hour_at(utc: float, zone: ZoneInfo) -> str:
    """The name of the hour in which a moment (seconds of 1970) lies."""
    return wall_name(zone, MINUTE_S * WallClock(zone.key).hour_start(int(utc // MINUTE_S)))


def stretch_of(
    start: str | None, end: str | None, zone: ZoneInfo, first_day: str | None, now_utc: float
) -> WallStretch:
    """What `--from` and `--to` mean.

    Args:
        start: a day, whose beginning is meant, or a moment: that of the full hour before it. None: `first_day`.
        end: a day, which still belongs to it, or a moment: until the full hour after it. None: the end of today.
        zone: whose days and hours they are.
        first_day: the first day of which there is anything; None: there is nothing.
        now_utc: seconds of 1970.

    Raises:
        ValueError: what was expected and what came, as a sentence.
    """
    today = wall_name(zone, now_utc)[:10]
    begin = _hour(start, zone, False) if start else min(first_day or today, today) + _MIDNIGHT
    finish = _hour(end, zone, True) if end else max(today, begin[:10])
    if len(finish) == len(today):
        finish = whole_days(finish, finish).end
    return WallStretch(begin, finish)


def _hour(given: str, zone: ZoneInfo, is_end: bool) -> str:
    """The name of the hour, or of the day where a day stands for its end."""
    try:
        if _DAY.fullmatch(given):
            day = date.fromisoformat(given)
            if not EARLIEST <= day < LATEST:
                raise ValueError(f"a day of the years {EARLIEST.year} to {LATEST.year - 1}")
            return day_named(day) if is_end else day_named(day) + _MIDNIGHT
        minute = parse_moment(given, zone.key)
    except ValueError as error:
        is_clear = "years" in str(error) or "clocks" in str(error)
        raise ValueError(f"{given!r} is no time here; expected {error if is_clear else EXPECTED}.") from None
    first, after, _ = WallClock(zone.key).hour_of(minute)
    return wall_name(zone, MINUTE_S * (after if is_end and minute > first else first))


def shifted(stretch: WallStretch, days: int) -> WallStretch:
    """The same time of the clock, so many days later."""
    by = timedelta(days=days)
    start, end = (
        f"{datetime.fromisoformat(wall.removesuffix(_AGAIN)) + by:%Y-%m-%dT%H:%M}"
        for wall in (stretch.start, stretch.end)
    )
    return WallStretch(start, end)


def shifted_back(stretch: WallStretch, zone: ZoneInfo) -> WallStretch:
    """The stretch of the same length before it: of whole months the months before, of whole days the days.

    Of others it is as many hours, by the clock of `zone`, whether or not that is changed on the way.
    """
    if stretch.is_of_days:
        return days_before(stretch)
    began_utc = utc_of(stretch.start, zone)
    return WallStretch(hour_at(2 * began_utc - utc_of(stretch.end, zone), zone), stretch.start)


def days_before(stretch: WallStretch) -> WallStretch:
    """The same of a stretch of whole days, on any clock."""
    start, end = datetime.fromisoformat(stretch.start), datetime.fromisoformat(stretch.end)
    if start.day == end.day == 1:
        months = 12 * (end.year - start.year) + end.month - start.month
        year, month = divmod(12 * start.year + start.month - 1 - months, 12)
        before = start.replace(year=year, month=month + 1)
    else:
        before = start - (end - start)
    return WallStretch(f"{before:%Y-%m-%dT%H:%M}", stretch.start)


@dataclass(frozen=True, slots=True)
class Slot:
    """What one cell of an answer holds of the time.

    bucket: as `measures.buckets` keys it; "" is the whole range. start_utc: seconds of 1970, of its first moment within
    the range, on the clock of whatever the cell tells of; start_local: the same as ISO 8601 with the offset.
    """

    bucket: str
    start_utc: int
    start_local: str


@lru_cache(maxsize=100_000)
def bucket_of(per: Per | None, time: str) -> str:
    """In which bucket a month, a day or an hour lies: "" without buckets, an hour in the bucket of its own name."""
    if per is None or per == "hour":
        return time if per else ""
    return key_of(per, date.fromisoformat(f"{time}-01"[:10]))


@lru_cache(maxsize=256)
def slots(
    per: Per | None, stretch: WallStretch, zone: ZoneInfo, zones: frozenset[ZoneInfo]
) -> Mapping[Slot, Sequence[str]]:
    """The slots of a range in order, weekdays from Monday on, each with what `bucket_of` calls its times.

    Args:
        per: the buckets; None: one slot for all of it.
        stretch: the range. A week of which it holds two days is a slot of these two.
        zone: the clock of the answer.
        zones: those of the places that are added up. What one of them calls by an hour that `zone` skips goes with the
            next one.
    """
    found: dict[Slot, list[str]] = {}
    if per == "hour":
        for name in sorted(hours_of(stretch, zones)):
            slot = _slot(name, zone)
            found.setdefault(replace(slot, bucket=slot.start_local), []).append(name)
        return found
    begins: dict[str, str] = {}
    for day in stretch.days():
        begins.setdefault(bucket_of(per, day), max(day + _MIDNIGHT, stretch.start))
    for bucket, begin in sorted(begins.items()) if per == "weekday" else begins.items():
        found[replace(_slot(begin, zone), bucket=bucket)] = [bucket]
    return found


@lru_cache(maxsize=256)
def hours_of(stretch: WallStretch, zones: frozenset[ZoneInfo]) -> frozenset[str]:
    """The names of all hours of a stretch, in whichever of the zones they are."""
    return frozenset(name for zone in zones for name in _hours_in(stretch, zone))


def _hours_in(stretch: WallStretch, zone: ZoneInfo) -> Iterator[str]:
    start, end = stretch.bounds_utc([zone])
    if start < end:  # otherwise the clock skips all of it
        for bucket in buckets("hour", zone, start, end):
            name = wall_name(zone, bucket.start_utc)
            if stretch.holds(name):
                yield name


def _slot(wall: str, zone: ZoneInfo) -> Slot:
    utc = utc_of(wall, zone)
    return Slot("", utc, start_local(zone, utc))
