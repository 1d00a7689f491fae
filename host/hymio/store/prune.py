"""Prunes presses: rows that are old enough go, and stay counted in roll-ups, ledger and spans.

What the spans of a log cover is known to have come, so it adds nothing when it comes again; see `LogUpdate`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import Connection, select, text

from hymio.store.cells import cells_of, fold_cells, minute_of
from hymio.store.database import Store
from hymio.store.ingest import date_waiting, load_spans
from hymio.store.places import stored_places
from hymio.store.schema import LogKey, logs
from hymio.store.sites import share_sites
from hymio.wire.records import Kind

ROWS_AT_ONCE: Final = 5000
"""How many rows one transaction takes at most."""

_OF_LOG: Final = "device_id = :device_id AND log_id = :log_id"
_CANDIDATES: Final = text(
    "SELECT device_id, log_id FROM logs WHERE (SELECT received_utc FROM presses"
    " WHERE presses.device_id = logs.device_id AND presses.log_id = logs.log_id ORDER BY seq LIMIT 1)"
    " NOT BETWEEN :cutoff_utc AND :now_utc ORDER BY device_id, log_id"
)
_UNDATED: Final = text(f"SELECT min(low_seq) FROM redating WHERE {_OF_LOG}")
_OLDEST: Final = text(
    "SELECT seq, received_utc, pressed_utc, button, verdict, count AS presses FROM presses"
    f" WHERE {_OF_LOG} AND seq < :limit ORDER BY seq LIMIT :most"
)
_PRESSES_GONE: Final = text(f"DELETE FROM presses WHERE {_OF_LOG} AND seq BETWEEN :low AND :high")
_RECORDS_GONE: Final = text(
    f"DELETE FROM records WHERE {_OF_LOG} AND seq >= :begin AND seq < :end"
    # A press that is still in a gap may have been revised before it comes.
    f" AND (kind = {int(Kind.ACK)} OR target_seq BETWEEN :first_seq AND :last_seq)"
)
_PRUNED: Final = text(
    "UPDATE logs SET folded = folded + :presses, pruned_seq = CASE WHEN pruned_seq < :end THEN :end ELSE pruned_seq END"
    f" WHERE {_OF_LOG}"
)
_END: Final = 2**62
"""A seq beyond any that there is."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one transaction has taken away."""

    key: LogKey
    rows: int = 0
    presses: int = 0


def prune(store: Store, cutoff_utc: float, now_utc: float) -> Iterator[Pruned]:
    """Prunes all that is older than `cutoff_utc`, in transactions of their own; each is committed when it is given.

    Of a log the oldest rows go, up to the first one that is not old enough. It may be broken off at any moment, and a
    collector may be at work.

    Args:
        store: the database.
        cutoff_utc: the first moment, in seconds of 1970, that is not old.
        now_utc: now.
    """
    is_left = True
    while is_left:
        with store.writing() as connection:
            is_left = date_waiting(connection)
    with store.reading() as connection:
        given = {"cutoff_utc": cutoff_utc, "now_utc": now_utc}
        keys = [(device_id, log_id) for device_id, log_id in connection.execute(_CANDIDATES, given)]
    for key in keys:
        is_left = True
        while is_left:
            began_s = time.monotonic()
            with store.writing() as connection:
                pruned = prune_log(connection, key, cutoff_utc, now_utc)
            if pruned.rows:
                yield pruned
            is_left = pruned.rows == ROWS_AT_ONCE
            # Nothing else gives way on SQLite to a collector that waits.
            time.sleep(time.monotonic() - began_s)


def prune_log(connection: Connection, key: LogKey, cutoff_utc: float, now_utc: float) -> Pruned:
    """Prunes what is old at the beginning of one log, and no more than one transaction may."""
    of_log = {"device_id": key[0], "log_id": key[1]}
    share_sites(connection)
    places = stored_places(connection)
    query = select(logs.c.pruned_seq).filter_by(**of_log).with_for_update()  # the lock of all that work on a log
    pruned_seq = connection.execute(query).scalar_one()
    # Rows that are to be dated again may belong to another hour.
    undated = connection.execute(_UNDATED, of_log).scalar_one()
    limit = {"limit": _END if undated is None else undated, "most": ROWS_AT_ONCE}
    oldest = connection.execute(_OLDEST, of_log | limit)
    rows = list(takewhile(lambda row: _is_old(row, cutoff_utc, now_utc), oldest.all()))
    if not rows:
        return Pruned(key)
    minutes = {key[0]: [(minute_of(row.pressed_utc), row.button, row.verdict, row.presses) for row in rows]}
    fold_cells(connection, cells_of(places, minutes)[0])
    end = rows[-1].seq + 1
    connection.execute(_PRESSES_GONE, of_log | {"low": rows[0].seq, "high": rows[-1].seq})
    reached = [
        of_log | {"begin": pruned_seq, "end": end, "first_seq": span.first_seq, "last_seq": span.last_seq}
        for span in load_spans(connection, [key])[key]
        if span.first_seq < end
    ]
    connection.execute(_RECORDS_GONE, reached)
    presses = sum(row.presses for row in rows)
    connection.execute(_PRUNED, of_log | {"presses": presses, "end": end})
    return Pruned(key, len(rows), presses)


def _is_old(row: Any, cutoff_utc: float, now_utc: float) -> bool:
    """Whether a press was received and, as far as that is known, pressed before the cutoff; the future is no time."""
    times = [utc for utc in (row.received_utc, row.pressed_utc) if utc is not None and utc <= now_utc]
    return bool(times) and max(times) < cutoff_utc
