"""Dates again, after a boot or time record has come late, what is there already: by the database, not row by row."""

# Between two neighbouring markers all presses of one boot are dated alike: uptime and an offset make the date, or there
# is none. So the rule itself (hymio.dating) is asked once for each boot and stretch, and the database does the rest.

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.sql.elements import TextClause

from hymio import store
from hymio.dating import Timeline

Bucket = tuple[int, int, str]
"""(hour, button, verdict) under which the hourly figures count a press."""

_HOUR_MS: Final = 3_600_000


def date_again(
    connection: Connection, key: tuple[str, int], timeline: Timeline, low: int, high: int
) -> Iterator[tuple[Bucket, int]]:
    """Dates the stored presses low <= seq <= high of the log `key` after `timeline`, which holds every marker there and
    the nearest one on either side. Gives what that adds to the hourly figures: (bucket, presses), some of them negative.
    """
    for begin, end in _stretches(timeline, low, high):
        yield from _date_stretch(connection, key, timeline, begin, end)


def _stretches(timeline: Timeline, low: int, high: int) -> Iterator[tuple[int, int]]:
    """The range without its markers: between two of them lie presses only."""
    begin = low
    while (marker := timeline.after(begin - 1)) is not None and marker.seq <= high:
        if begin < marker.seq:
            yield begin, marker.seq - 1
        begin = marker.seq + 1
    if begin <= high:
        yield begin, high


def _date_stretch(
    connection: Connection, key: tuple[str, int], timeline: Timeline, low: int, high: int
) -> list[tuple[Bucket, int]]:
    given: dict[str, Any] = {"device_id": key[0], "log_id": key[1], "low": low, "high": high}
    dated = 0
    for boot in sorted({marker.boot for marker in (timeline.before(low), timeline.after(high)) if marker is not None}):
        clock, at_boot_utc = timeline.date(low, boot, 0)
        if at_boot_utc is not None:
            given |= {f"boot_{dated}": boot, f"clock_{dated}": clock, f"offset_{dated}": round(1000 * at_boot_utc)}
            dated += 1
    changed = connection.execute(_changes(dated), given).all()
    if not changed:
        return []
    connection.execute(_update(dated), given)
    deltas: list[tuple[Bucket, int]] = []
    for hour, new_hour, button, verdict, presses in changed:
        if hour != new_hour:
            deltas += [((hour, button, verdict), -int(presses)), ((new_hour, button, verdict), int(presses))]
    return deltas


def _new_values(dated: int) -> tuple[str, str]:
    """The clock and the milliseconds of 1970 (null: not known) of a row, where `dated` boots have a date."""
    if not dated:
        return "'unset'", "CAST(NULL AS BIGINT)"
    boots = range(dated)
    clocks = " ".join(f"WHEN CAST(:boot_{n} AS INTEGER) THEN CAST(:clock_{n} AS TEXT)" for n in boots)
    times = " ".join(f"WHEN CAST(:boot_{n} AS INTEGER) THEN CAST(:offset_{n} AS BIGINT) + uptime_ms" for n in boots)
    return f"CASE boot {clocks} ELSE 'unset' END", f"CASE boot {times} END"


def _seconds(ms: str) -> str:
    # Both as floating point, or PostgreSQL divides decimals and SQLite whole numbers.
    return f"CAST({ms} AS DOUBLE PRECISION) / CAST(1000 AS DOUBLE PRECISION)"


def _hour(ms: str) -> str:
    # Division truncates, and so does SQLite's cast; a time before 1970 is in the hour before.
    floored = f"({ms} - CASE WHEN {ms} < 0 THEN {_HOUR_MS - 1} ELSE 0 END) / {_HOUR_MS}"
    return f"CASE WHEN {ms} IS NULL THEN {store.NO_HOUR} ELSE {floored} END"


def _where(dated: int) -> str:
    clock, ms = _new_values(dated)
    return (
        "device_id = :device_id AND log_id = :log_id AND seq BETWEEN :low AND :high"
        f" AND (clock <> {clock} OR pressed_utc <> {_seconds(ms)})"
    )


@cache
def _changes(dated: int) -> TextClause:
    _, ms = _new_values(dated)
    return text(
        f"SELECT {_hour('old_ms')} AS old_hour, {_hour('new_ms')} AS new_hour, button, verdict, sum(count)"
        " FROM (SELECT CAST(pressed_utc * 1000 AS BIGINT) AS old_ms,"
        f" {ms} AS new_ms, button, verdict, count FROM presses WHERE {_where(dated)}) AS rows_to_date"
        " GROUP BY 1, 2, 3, 4"
    )


@cache
def _update(dated: int) -> TextClause:
    clock, ms = _new_values(dated)
    return text(f"UPDATE presses SET clock = {clock}, pressed_utc = {_seconds(ms)} WHERE {_where(dated)}")
