"""Turns batches into rows, each press exactly once in whatever order they come; verdicts, dates and figures follow."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, select, text, tuple_

from hymio.store import schema
from hymio.store.arrival_order import next_arrival
from hymio.store.arrivals import Arrival, Told, Uncountable
from hymio.store.cells import add_presses
from hymio.store.costs import Costs
from hymio.store.log_rows import Writes
from hymio.store.log_update import BatchOutcome, LogUpdate
from hymio.store.places import stored_places
from hymio.store.quarantine import Kept, put_in_quarantine
from hymio.store.redating import date_on, is_left
from hymio.store.rows import change_rows, chunks, put_rows, rows_of_logs
from hymio.store.schema import LogKey
from hymio.store.sites import share_sites
from hymio.wire.batches import Batch
from hymio.wire.limits import unbelievable
from hymio.wire.seq_coverage import Coverage, Span

__all__ = [
    "Arrival", "LogState", "Told", "date_waiting", "ingest", "ingest_many", "is_left", "log_state",
    "log_states",
]  # fmt: skip

Refusal = tuple[Arrival | Told | Uncountable, str, Kept]
"""(what was not taken in, why, whether quarantine has kept it)"""

_NEW_LOG: Final = text(
    "INSERT INTO logs (device_id, log_id, next_seq, oldest_seq, cursor_seq, duplicates, conflicts, first_seen_utc,"
    " last_seen_utc) VALUES (:device_id, :log_id, 0, 0, 0, 0, 0, :utc, :utc) ON CONFLICT (device_id, log_id) DO NOTHING"
)
_AMEND_PRESS: Final = text(
    "UPDATE presses SET verdict = :verdict WHERE device_id = :device_id AND log_id = :log_id AND seq = :seq"
)
_SPAN_GONE: Final = text(
    "DELETE FROM spans WHERE device_id = :device_id AND log_id = :log_id AND first_seq = :first_seq"
)
_LOG_COLUMNS: Final = tuple(column.name for column in schema.logs.columns)
_log_values: Final = itemgetter(*_LOG_COLUMNS)


def ingest_many(
    connection: Connection,
    arrivals: Sequence[Arrival],
    told: Sequence[Told] = (),
    costs: Costs | None = None,
    refusals: list[Refusal] | None = None,
    uncountable: Iterable[Uncountable] = (),
) -> list[BatchOutcome]:
    """Takes in batches and statements, in the transaction of `connection`.

    The database may hold any part of them already, in any order. What no terminal can honestly say goes to quarantine.

    Args:
        connection: comes from `Store.writing`.
        arrivals: the batches.
        told: the statements.
        costs: what the work takes is booked there, terminal by terminal.
        refusals: what was not taken in is added to it.
        uncountable: what came with them and goes to quarantine.

    Returns:
        One outcome for each batch, in their order.
    """
    costs = Costs() if costs is None else costs
    share_sites(connection)
    places = stored_places(connection)
    refused: list[tuple[Arrival | Told | Uncountable, str]] = [(one, one.reason) for one in uncountable]
    outcomes: list[BatchOutcome] = []
    credible: dict[LogKey, list[tuple[Arrival | Told, BatchOutcome | None]]] = {}
    heard_utc: dict[LogKey, float] = {}

    def refuse(one: Arrival | Told, outcome: BatchOutcome | None, reason: str) -> None:
        refused.append((one, reason))
        if outcome is not None:
            outcome.refused = reason

    everything: list[Arrival | Told] = [*arrivals, *told]
    for one in everything:
        outcome = None
        if isinstance(one, Arrival):
            batch = one.batch
            outcome = BatchOutcome(one.device_id, batch.log_id, batch.nonce, batch.first_seq, batch.last_seq)
            outcomes.append(outcome)
            reason = unbelievable(batch.oldest_seq, batch.next_seq)
        else:
            reason = unbelievable(one.oldest_seq, one.next_seq)
        if reason is None:
            credible.setdefault(one.key, []).append((one, outcome))
            heard_utc[one.key] = one.received_utc
        else:
            refuse(one, outcome, reason)
    updates = _load(connection, sorted(credible), heard_utc)
    for key, log in updates.items():
        taken: list[BatchOutcome] = []
        for one, outcome in credible[key]:
            with costs.of(one.device_id):
                reason = log.doubt(one)
                if reason is not None:
                    refuse(one, outcome, reason)
                elif outcome is None:
                    assert isinstance(one, Told)
                    log.told(one)
                else:
                    assert isinstance(one, Arrival)
                    log.take(one, outcome)
                    _keep_conflicts(connection, one, outcome, log)
                    taken.append(outcome)
        for outcome in taken:
            outcome.mark = log.mark_after(outcome.last_seq)
    # The same order everywhere, so that two collectors can't wait for each other.
    for said, reason in sorted(refused, key=lambda pair: pair[0].device_id):
        with costs.of(said.device_id):
            kept = put_in_quarantine(connection, said.device_id, said.source, reason, said.payload, said.received_utc)
        if refusals is not None:
            refusals.append((said, reason, kept))
    writes = Writes()
    for log in updates.values():
        with costs.of(log.key[0]):
            log.flush(writes)
    _write(connection, updates.values(), writes)
    add_presses(connection, places, writes.minutes, max((one.received_utc for one in everything), default=0.0))
    return outcomes


def _keep_conflicts(connection: Connection, arrival: Arrival, outcome: BatchOutcome, log: LogUpdate) -> None:
    """Keeps a batch that contradicts what is there once, however many of its seqs do."""
    if not outcome.conflicts:
        return
    more = f" (and {len(outcome.conflicts) - 1} more of its seqs)" if len(outcome.conflicts) > 1 else ""
    outcome.kept = put_in_quarantine(
        connection,
        arrival.device_id,
        arrival.source,
        f"conflict: {outcome.conflicts[0]}{more}",
        arrival.payload,
        arrival.received_utc,
        # The same seqs with the same content come again in another message, with another nonce and other neighbours.
        "\n".join(outcome.conflicts).encode(),
    )
    if outcome.kept is not Kept.AGAIN:
        log.row["conflicts"] += len(outcome.conflicts)


def date_waiting(connection: Connection) -> bool:
    """Dates again a bounded part of what earlier transactions left to do; gives False if nothing was left."""
    share_sites(connection)
    places = stored_places(connection)
    minutes = date_on(connection)
    if minutes is None:
        return False
    add_presses(connection, places, minutes, time.time())
    return True


def ingest(connection: Connection, device_id: str, batch: Batch, via: str, received_utc: float) -> BatchOutcome:
    """Takes in one batch; see `ingest_many`."""
    return ingest_many(connection, [Arrival(device_id, batch, via, received_utc, via, b"")])[0]


@dataclass(frozen=True, slots=True)
class LogState:
    """What the database knows of a log: its coverage, and the next seq of the terminal's own log."""

    coverage: Coverage
    next_seq: int


def log_state(connection: Connection, device_id: str, log_id: int) -> LogState | None:
    """The state of one log; None if it has never been heard of."""
    return log_states(connection, [(device_id, log_id)]).get((device_id, log_id))


def log_states(connection: Connection, keys: Sequence[LogKey]) -> dict[LogKey, LogState]:
    """The states of those of these logs that have been heard of."""
    table = schema.logs
    states: dict[LogKey, LogState] = {}
    for chunk in chunks(keys):
        query = select(
            table.c.device_id, table.c.log_id, table.c.oldest_seq, table.c.cursor_seq, table.c.next_seq
        ).where(tuple_(table.c.device_id, table.c.log_id).in_(chunk))
        rows = connection.execute(query).all()
        spans = load_spans(connection, [(row.device_id, row.log_id) for row in rows])
        for row in rows:
            key = row.device_id, row.log_id
            states[key] = LogState(Coverage(spans[key], row.oldest_seq, row.cursor_seq), row.next_seq)
    return states


def load_spans(connection: Connection, keys: Sequence[LogKey]) -> dict[LogKey, list[Span]]:
    """The spans of these logs, in order."""
    spans: dict[LogKey, list[Span]] = {key: [] for key in keys}
    rows = rows_of_logs(connection, "SELECT * FROM spans", keys, "ORDER BY first_seq")
    for device_id, log_id, *values, _lost in rows:
        spans[device_id, log_id].append(Span(*values))
    return spans


def _load(connection: Connection, keys: Sequence[LogKey], heard_utc: dict[LogKey, float]) -> dict[LogKey, LogUpdate]:
    # Another collector may be at work on the same log. Its row is the lock; they are taken in the order of keys, and
    # what a row says is read only then.
    locks = connection.dialect.name == "postgresql"
    query, in_order = f"SELECT {', '.join(_LOG_COLUMNS)} FROM logs", "ORDER BY device_id, log_id"
    rows = list(rows_of_logs(connection, "SELECT device_id, log_id FROM logs" if locks else query, keys, in_order))
    present = {(row[0], row[1]) for row in rows}
    missing = [key for key in keys if key not in present]
    if missing:
        # Missing rows are made first; otherwise two collectors could each hold what the other one waits for.
        connection.execute(_NEW_LOG, [{"device_id": d, "log_id": i, "utc": heard_utc[d, i]} for d, i in missing])
    if locks or missing:
        rows = list(rows_of_logs(connection, query, keys, in_order + (" FOR UPDATE" if locks else "")))
    spans = load_spans(connection, keys)
    updates = {}
    for row in rows:
        key = (row[0], row[1])
        updates[key] = LogUpdate(connection, key, dict(zip(_LOG_COLUMNS, row, strict=True)), spans[key])
    return updates


def _write(connection: Connection, updates: Iterable[LogUpdate], writes: Writes) -> None:
    if writes.amended:
        connection.execute(_AMEND_PRESS, writes.amended)
    if writes.presses:
        arrival = next_arrival(connection)
        put_rows(connection, schema.presses, [(*row, arrival) for row in writes.presses])
    put_rows(connection, schema.records, writes.records)
    if writes.spans_gone:
        connection.execute(_SPAN_GONE, writes.spans_gone)
    put_rows(connection, schema.spans, writes.spans)
    change_rows(connection, schema.spans, writes.spans_changed)
    change_rows(connection, schema.logs, [_log_values(log.row) for log in updates])
