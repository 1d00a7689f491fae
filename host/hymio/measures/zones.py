"""A time zone as stretches of a fixed offset: what the standard library knows, but doesn't list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_LOOK_S: Final = 86_400
"""Two looks a day apart see every change: since 1970 no zone has changed twice in under 167 hours (tzdata 2026)."""
_PIECE_S: Final = 366 * _LOOK_S
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Stretch(NamedTuple):
    """[start_utc, end_utc) in seconds of 1970, in which the clock on the wall is `offset_s` ahead of UTC."""

    start_utc: int
    end_utc: int
    offset_s: int


def local(zone: ZoneInfo, utc: float) -> datetime:
    """The clock on the wall at that moment, with its offset. utc: seconds of 1970."""
    return (_EPOCH + timedelta(seconds=utc)).astimezone(zone)


def start_local(zone: ZoneInfo, utc: float) -> str:
    """The clock on the wall as ISO 8601 with offset: two hours of the same name differ in it."""
    return local(zone, utc).isoformat()


def wall_name(zone: ZoneInfo, utc: float) -> str:
    """The clock on the wall alone, "2026-03-29T14:00": the same for all zones; " again" where it shows that twice."""
    at = local(zone, utc)
    return f"{at:%Y-%m-%dT%H:%M}{' again' if at.fold else ''}"


def stretches(zone: ZoneInfo, from_utc: int, to_utc: int) -> Iterator[Stretch]:
    """The stretches that partition [from_utc, to_utc), in order; neighbours differ in their offset.

    Raises ValueError if the range is empty or reversed.
    """
    if from_utc >= to_utc:
        raise ValueError(f"A stretch of time ends after its start; it came as {from_utc} to {to_utc}.")
    begun: Stretch | None = None
    for piece in range(from_utc // _PIECE_S, (to_utc - 1) // _PIECE_S + 1):
        for one in _stretches_of(zone, piece):
            start, end = max(one.start_utc, from_utc), min(one.end_utc, to_utc)
            if start >= end:
                continue
            if begun is not None and begun.offset_s == one.offset_s:
                begun = begun._replace(end_utc=end)
                continue
            if begun is not None:
                yield begun
            begun = Stretch(start, end, one.offset_s)
    if begun is not None:
        yield begun


@lru_cache(maxsize=512)
def _stretches_of(zone: ZoneInfo, piece: int) -> tuple[Stretch, ...]:
    found = []
    begun, end = piece * _PIECE_S, (piece + 1) * _PIECE_S
    offset_s = _offset_s(zone, begun)
    for looked in range(begun, end, _LOOK_S):
        if _offset_s(zone, looked + _LOOK_S) != offset_s:
            change = _change(zone, looked, looked + _LOOK_S)
            if change == end:
                break
            found.append(Stretch(begun, change, offset_s))
            begun, offset_s = change, _offset_s(zone, change)
    return (*found, Stretch(begun, end, offset_s))


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second of the new offset, which is in force at `after` and not at `before`."""
    old = _offset_s(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_s(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _offset_s(zone: ZoneInfo, utc: int) -> int:
    offset = local(zone, utc).utcoffset()
    assert offset is not None, "a zone always has an offset"
    return round(offset.total_seconds())
