"""Dating presses again when a boot or time record has come late; the database does it, not row by row."""

# A time record of 37 bytes may concern every row of a log. So a transaction dates a bounded number of them and writes
# down what is left, in the table `redating`; whoever has time goes on with that (`date_on`). Dates follow from the
# markers that are there when they are made, so it does not matter what comes in between.
#
# Between two neighbouring markers all presses of one boot are dated alike: either uptime and an offset make the date,
# or there is none. So the rule itself (dating.py) is asked once for each boot and stretch, and the database does the
# rest.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.sql.elements import TextClause

from hymio.store import schema
from hymio.store.cells import MinutePresses, Minutes
from hymio.store.dating import Marker, Timeline, rank_of, sources_better_than
from hymio.store.schema import LogKey
from hymio.wire.limits import ROWS_DATED_AT_ONCE
from hymio.wire.records import Kind

_MINUTE_MS: Final = 60_000

_OF_LOG: Final = "device_id = :device_id AND log_id = :log_id"
_FIRST_ROWS: Final = text(
    "SELECT count(*), max(seq) FROM (SELECT seq FROM presses"
    f" WHERE {_OF_LOG} AND seq BETWEEN :low AND :high ORDER BY seq LIMIT :most) AS first_rows"
)
_MARKERS: Final = (
    f"SELECT seq, boot, uptime_ms, utc_s, code FROM records WHERE {_OF_LOG} AND {schema.DATING_KINDS} AND seq "
)
_MARKER_BELOW: Final = text(_MARKERS + "< :low ORDER BY seq DESC LIMIT 1")
_MARKERS_IN: Final = text(_MARKERS + "BETWEEN :low AND :high ORDER BY seq")
_MARKER_ABOVE: Final = text(_MARKERS + "> :high ORDER BY seq LIMIT 1")
# Boot records, and time records of certain sources: a correction of dates ends at one of these, or comes from it.
_BETTER_BELOW: Final = text(
    _MARKERS + f"< :low AND (kind = {int(Kind.BOOT)} OR code IN :sources) ORDER BY seq DESC LIMIT 1"
).bindparams(bindparam("sources", expanding=True))
_BETTER_ABOVE: Final = text(
    _MARKERS + f"> :high AND (kind = {int(Kind.BOOT)} OR code IN :sources) ORDER BY seq LIMIT 1"
).bindparams(bindparam("sources", expanding=True))
_LEFT: Final = text(
    "INSERT INTO redating (device_id, log_id, low_seq, high_seq) VALUES (:device_id, :log_id, :low, :high)"
    " ON CONFLICT (device_id, log_id, low_seq) DO UPDATE SET high_seq ="
    " CASE WHEN redating.high_seq < excluded.high_seq THEN excluded.high_seq ELSE redating.high_seq END"
)
_DONE: Final = text(f"DELETE FROM redating WHERE {_OF_LOG} AND low_seq = :low")


@dataclass(slots=True)
class Dated:
    """How many rows were looked at, and what that adds to the roll-ups (presses, some of them negative)."""

    rows: int = 0
    minutes: list[MinutePresses] = field(default_factory=list)


def date_again(connection: Connection, key: LogKey, new: Iterable[Marker], low: int, high: int, most: int) -> Dated:
    """Dates stored presses of one log again; what is left then is done by `date_on`.

    Args:
        connection: comes from `Store.writing`.
        key: the log.
        new: markers that are about to be stored.
        low: the first seq.
        high: the last seq.
        most: how many rows may be dated now.
    """
    given = {"device_id": key[0], "log_id": key[1]}
    if most <= 0:
        connection.execute(_LEFT, given | {"low": low, "high": high})
        return Dated()
    rows, last = connection.execute(_FIRST_ROWS, given | {"low": low, "high": high, "most": most}).one()
    if not rows:
        return Dated()
    if rows == most and last < high:
        connection.execute(_LEFT, given | {"low": last + 1, "high": high})
    timeline = Timeline([*stored_markers(connection, key, low, last), *new])
    changes: list[MinutePresses] = []
    for begin, end in _stretches(timeline, low, last):
        changes += _date_stretch(connection, key, timeline, begin, end)
    return Dated(rows, changes)


def date_on(connection: Connection) -> Minutes | None:
    """Goes on with what is left to be dated again.

    Returns:
        What is to be added to the roll-ups in the same transaction; None: nothing was left.
    """
    table, logs = schema.redating, schema.logs
    first = connection.execute(select(table).order_by(table.c.device_id, table.c.log_id).limit(1)).one_or_none()
    if first is None:
        return None
    key = first.device_id, first.log_id
    # The row of the log is the lock, for other collectors too; one of them may have done this in the meantime.
    of_log = (logs.c.device_id == key[0], logs.c.log_id == key[1])
    connection.execute(select(logs.c.log_id).where(*of_log).with_for_update())
    left = connection.execute(
        select(table.c.high_seq).where(
            table.c.device_id == key[0], table.c.log_id == key[1], table.c.low_seq == first.low_seq
        )
    ).scalar_one_or_none()
    if left is None:
        return {}
    connection.execute(_DONE, {"device_id": key[0], "log_id": key[1], "low": first.low_seq})
    dated = date_again(connection, key, (), first.low_seq, left, ROWS_DATED_AT_ONCE)
    return {key[0]: dated.minutes}


def is_left(connection: Connection) -> bool:
    """Whether there is anything for `date_on` to do."""
    return connection.execute(select(schema.redating.c.low_seq).limit(1)).first() is not None


def stored_markers(connection: Connection, key: LogKey, low: int, high: int, rank: int = 0) -> list[Marker]:
    """The boot and time records of the database that date presses with low <= seq <= high.

    These are those within, and those on either side that tell or correct the dates of presses between.

    Args:
        connection: to the database.
        key: the log.
        low: the first seq.
        high: the last seq.
        rank: of the best source among new time records in the range. These may correct all that comes after the last
            record that is as good, so what lies between is given as well.
    """

    def found(statement: TextClause, **more: Any) -> list[Marker]:
        rows = connection.execute(statement, {"device_id": key[0], "log_id": key[1], **more})
        return [
            Marker(seq, boot, None) if utc_s is None else Marker(seq, boot, utc_s * 1000 - uptime_ms, rank_of(code))
            for seq, boot, uptime_ms, utc_s, code in rows
        ]

    begin = low
    if rank:
        as_good = found(_BETTER_BELOW, low=low, sources=sources_better_than(rank - 1))
        begin = as_good[0].seq if as_good else 0
    markers = [*found(_MARKER_BELOW, low=begin), *found(_MARKERS_IN, low=begin, high=high)]
    above = found(_MARKER_ABOVE, high=high)
    markers += above
    while above and above[-1].offset_ms is not None and (sources := sources_better_than(above[-1].rank)):
        above = found(_BETTER_ABOVE, high=above[-1].seq, sources=sources)
        markers += above
    return markers


def _stretches(timeline: Timeline, low: int, high: int) -> Iterator[tuple[int, int]]:
    """The parts of a range between its markers, which hold presses only."""
    begin = low
    while (marker := timeline.after(begin - 1)) is not None and marker.seq <= high:
        if begin < marker.seq:
            yield begin, marker.seq - 1
        begin = marker.seq + 1
    if begin <= high:
        yield begin, high


def _date_stretch(connection: Connection, key: LogKey, timeline: Timeline, low: int, high: int) -> list[MinutePresses]:
    given: dict[str, Any] = {"device_id": key[0], "log_id": key[1], "low": low, "high": high}
    dated = 0
    for boot in sorted({marker.boot for marker in (timeline.before(low), timeline.after(high)) if marker is not None}):
        clock, offset_ms = timeline.offset(low, boot)
        if offset_ms is not None:
            given |= {f"boot_{dated}": boot, f"clock_{dated}": clock, f"offset_{dated}": offset_ms}
            dated += 1
    changed = connection.execute(_changes(dated), given).all()
    if not changed:
        return []
    connection.execute(_update(dated), given)
    deltas: list[MinutePresses] = []
    for minute, new_minute, button, verdict, presses in changed:
        if minute != new_minute:
            deltas += [(minute, button, verdict, -int(presses)), (new_minute, button, verdict, int(presses))]
    return deltas


def _new_values(dated: int) -> tuple[str, str]:
    """SQL for the clock and the milliseconds of 1970 (null: not known) of a row, where `dated` boots have a date."""
    if not dated:
        return "'unset'", "CAST(NULL AS BIGINT)"
    boots = range(dated)
    clocks = " ".join(f"WHEN CAST(:boot_{n} AS INTEGER) THEN CAST(:clock_{n} AS TEXT)" for n in boots)
    times = " ".join(f"WHEN CAST(:boot_{n} AS INTEGER) THEN CAST(:offset_{n} AS BIGINT) + uptime_ms" for n in boots)
    return f"CASE boot {clocks} ELSE 'unset' END", f"CASE boot {times} END"


def _seconds(ms: str) -> str:
    # Both are floating point, because PostgreSQL would divide decimals, and SQLite whole numbers.
    return f"CAST({ms} AS DOUBLE PRECISION) / CAST(1000 AS DOUBLE PRECISION)"


def _minute(ms: str) -> str:
    # The division truncates, and so does SQLite's cast; a time before 1970 is in the minute before.
    floored = f"({ms} - CASE WHEN {ms} < 0 THEN {_MINUTE_MS - 1} ELSE 0 END) / {_MINUTE_MS}"
    return f"CASE WHEN {ms} IS NULL THEN {schema.NO_TIME} ELSE {floored} END"


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
        f"SELECT {_minute('old_ms')} AS old_minute, {_minute('new_ms')} AS new_minute, button, verdict, sum(count)"
        " FROM (SELECT CAST(pressed_utc * 1000 AS BIGINT) AS old_ms,"
        f" {ms} AS new_ms, button, verdict, count FROM presses WHERE {_where(dated)}) AS rows_to_date"
        " GROUP BY 1, 2, 3, 4"
    )


@cache
def _update(dated: int) -> TextClause:
    clock, ms = _new_values(dated)
    return text(f"UPDATE presses SET clock = {clock}, pressed_utc = {_seconds(ms)} WHERE {_where(dated)}")
