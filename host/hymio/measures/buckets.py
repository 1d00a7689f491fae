"""Hours, days, ISO weeks, months and quarters of a place's own clock, through both changes of daylight saving."""

# A day begins at the first moment at which the clock on the wall shows its midnight or later, and so do weeks, months
# and quarters. An hour begins with each full hour on the wall, and at each change of the clock. So days have 23, 24 or
# 25 hours, an hour that comes twice is two buckets, and every longer bucket consists of whole hours, even where a zone
# has changed its clock by half an hour, at a minute past midnight, or by a whole day.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from hymio.measures.zones import local, start_local, stretches

Per = Literal["hour", "weekday", "day", "week", "month", "quarter"]

_DAY_S: Final = 86_400
_MARGIN_S: Final = 2 * _DAY_S
"""More than any clock on a wall is from UTC, and more than any zone has ever skipped."""
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Bucket:
    """[start_utc, end_utc), whole seconds of 1970.

    start_local: the clock on the wall at its start, ISO 8601 with offset. key: what buckets that are counted together
    have in common: all Mondays are `1-monday`; of other kinds each bucket has its own, an hour its `start_local`, then
    `2026-03-29`, `2026-W13`, `2026-03`, `2026-Q1`.
    """

    start_utc: int
    end_utc: int
    start_local: str
    key: str


def buckets(per: Per, zone: ZoneInfo, from_utc: float, to_utc: float) -> Iterator[Bucket]:
    """The buckets that hold some of [from_utc, to_utc), in order, each whole: no gap between them and no overlap.

    Args:
        per: "weekday" gives days, whose keys come again each week.
        zone: whose clock on the wall counts.
        from_utc: seconds of 1970.
        to_utc: the same, later than `from_utc`; the range ends before it.

    Raises:
        ValueError: the range ends before it has begun.
    """
    if not from_utc < to_utc:
        raise ValueError(f"A range ends after its start; it came as {from_utc} to {to_utc}.")
    starts = _hour_starts(zone, from_utc, to_utc) if per == "hour" else _date_starts(per, zone, from_utc, to_utc)
    begun = next(starts)
    for start in starts:
        # A day that a zone has skipped begins and ends at once.
        if start.utc > begun.utc and start.utc > from_utc:
            text = start_local(zone, begun.utc)
            yield Bucket(begun.utc, start.utc, text, begun.key or text)
        begun = start
        if begun.utc >= to_utc:
            return


class _Start(NamedTuple):
    utc: int
    key: str


def _hour_starts(zone: ZoneInfo, from_utc: float, to_utc: float) -> Iterator[_Start]:
    for one in stretches(zone, int(from_utc) - _MARGIN_S, int(to_utc) + _MARGIN_S):
        yield _Start(one.start_utc, "")
        wall = one.start_utc + one.offset_s
        for hour in range(wall - wall % 3600 + 3600, one.end_utc + one.offset_s, 3600):
            yield _Start(hour - one.offset_s, "")


def _date_starts(per: Per, zone: ZoneInfo, from_utc: float, to_utc: float) -> Iterator[_Start]:
    day = _first_day(per, local(zone, from_utc - _MARGIN_S).date())
    walls = stretches(zone, _wall_s(day) - _MARGIN_S, int(to_utc) + 95 * _DAY_S)  # a quarter has 92 days at most
    one = next(walls)
    while True:
        wall = _wall_s(day)
        while one.end_utc + one.offset_s <= wall:
            one = next(walls)
        yield _Start(max(one.start_utc, wall - one.offset_s), key_of(per, day))
        day = _next_day(per, day)


def same_hour_before(zone: ZoneInfo, start_utc: int, weeks: int) -> list[int | None]:
    """Starts of the hours of the same weekday and the same clock time, 1..`weeks` weeks before, in seconds of 1970.

    None where the clock skipped that hour; the first of two where it came twice.
    """
    at = local(zone, start_utc).replace(tzinfo=None)
    found: list[int | None] = []
    for week in range(1, weeks + 1):
        wall = at - timedelta(weeks=week)
        utc = int(wall.replace(tzinfo=zone, fold=0).timestamp())
        found.append(utc if local(zone, utc).replace(tzinfo=None) == wall else None)
    return found


def _wall_s(day: date) -> int:
    return (day - date(1970, 1, 1)).days * _DAY_S


def _first_day(per: Per, day: date) -> date:
    """Of the bucket that the day lies in."""
    if per == "week":
        return day - timedelta(days=day.weekday())
    if per == "month":
        return day.replace(day=1)
    if per == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day


def _next_day(per: Per, day: date) -> date:
    """The first day of the bucket after the one that begins with the day."""
    if per in ("day", "weekday"):
        return day + timedelta(days=1)
    if per == "week":
        return day + timedelta(weeks=1)
    return _first_day(per, day + timedelta(days=31 if per == "month" else 92))


def key_of(per: Per, day: date) -> str:
    """The key of the bucket that the local day lies in; of "hour" and "day" that of the day."""
    if per == "weekday":
        return f"{day.isoweekday()}-{_WEEKDAYS[day.weekday()]}"
    if per == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    if per == "month":
        return f"{day:%Y-%m}"
    if per == "quarter":
        return f"{day.year}-Q{(day.month + 2) // 3}"
    return day.isoformat()
