"""Presses by the month on PostgreSQL: partitions are made ahead, and one catches what fits no month that is there."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, text

SCHEMA_LOCK: Final = 0x68796D69
"""The PostgreSQL advisory lock ("hymi") under which tables are made, so that two collectors may start at the same time.
"""
MONTHS_AHEAD: Final = 2
"""So many after the current one: whoever makes them may be away for as long."""
WAITS_S: Final = 2
"""How long whoever makes months waits for a reader, and everybody else behind it."""

_BOUNDS: Final = text(
    "SELECT pg_get_expr(relpartbound, oid) FROM pg_class JOIN pg_inherits ON inhrelid = oid"
    " WHERE inhparent = 'presses'::regclass"
)
_BOUND: Final = re.compile(r"FOR VALUES FROM \('?(.+?)'?\) TO \('?(.+?)'?\)")
_EXCEPT_KEYS: Final = "INCLUDING DEFAULTS INCLUDING COMMENTS"


def partition_presses(connection: Connection) -> None:
    """Divides the table `presses` of a PostgreSQL database by the month of `received_utc`.

    What is there becomes the first partition, but for rows that say to be from a later month. Indexes are made anew
    afterwards, and there are no views meanwhile.
    """
    low, end = _month(time.time(), 0)[0], _month(time.time(), 1)[0]
    # A key has to contain what the table is divided by. That a seq comes once is the business of the log's spans.
    for statement in (
        "ALTER TABLE presses RENAME TO presses_first",
        "ALTER TABLE presses_first DROP CONSTRAINT presses_pkey",
        f"CREATE TABLE presses (LIKE presses_first {_EXCEPT_KEYS}) PARTITION BY RANGE (received_utc)",
        "ALTER TABLE presses ADD PRIMARY KEY (device_id, log_id, seq, received_utc)",
        "CREATE TABLE presses_default PARTITION OF presses DEFAULT",
    ):
        connection.execute(text(statement))
    if connection.execute(text("SELECT 1 FROM presses_first LIMIT 1")).first() is None:
        connection.execute(text("DROP TABLE presses_first"))
    else:
        _move(connection, "presses_first", "presses_default", end, None)
        _attach(connection, "presses_first", "MINVALUE", end)
    make_months(connection, low)


def make_months(connection: Connection, now_utc: float) -> None:
    """Makes the partitions of this month and the next ones of a PostgreSQL database, those that are missing.

    What has come for them before lies in the partition that catches the rest, and is moved.

    Args:
        connection: comes from `Store.writing`.
        now_utc: seconds of 1970.
    """
    if not _missing(connection, now_utc):
        return
    connection.execute(text(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{WAITS_S}s'"))
    # Whoever is at work on the rows that will be moved would wait for us, and we for them.
    connection.execute(text("LOCK TABLE presses_default IN ACCESS EXCLUSIVE MODE"))
    for low, high in _missing(connection, now_utc):  # somebody else may have made them meanwhile
        name = f"presses_{datetime.fromtimestamp(low, UTC):%Y_%m}"
        connection.execute(text(f"CREATE TABLE {name} (LIKE presses {_EXCEPT_KEYS})"))
        _move(connection, "presses_default", name, low, high)
        _attach(connection, name, str(low), high)


def _missing(connection: Connection, now_utc: float) -> list[tuple[int, int]]:
    """The months for which there is no partition: first second, and the first one that is too late."""
    taken = []
    for (bounds,) in connection.execute(_BOUNDS):
        found = _BOUND.fullmatch(bounds)
        if found is not None:
            low, high = (float("-inf") if bound == "MINVALUE" else float(bound) for bound in found.groups())
            taken.append((low, high))
    months = (_month(now_utc, ahead) for ahead in range(MONTHS_AHEAD + 1))
    return [(low, high) for low, high in months if not any(low < until and since < high for since, until in taken)]


def _month(now_utc: float, ahead: int) -> tuple[int, int]:
    """The month `ahead` months after that of now_utc, as `_missing` gives it."""
    now = datetime.fromtimestamp(now_utc, UTC)
    number = 12 * now.year + now.month - 1 + ahead
    low, high = (datetime(one // 12, one % 12 + 1, 1, tzinfo=UTC) for one in (number, number + 1))
    return int(low.timestamp()), int(high.timestamp())


def _move(connection: Connection, source: str, target: str, low: int, high: int | None) -> None:
    """Moves rows from one table to another that is like it: those with low <= received_utc < high."""
    until = "" if high is None else f" AND received_utc < {high}"
    connection.execute(
        text(
            f"WITH moved AS (DELETE FROM {source} WHERE received_utc >= {low}{until} RETURNING *)"
            f" INSERT INTO {target} SELECT * FROM moved"
        )
    )


def _attach(connection: Connection, name: str, low: str, high: int) -> None:
    connection.execute(text(f"ALTER TABLE presses ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})"))
