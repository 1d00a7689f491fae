"""The ledger of a database: for every log, whether each press of it is accounted for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, text

from hymio.store.database import open_store
from hymio.store.ingest import LogState
from hymio.wire.seq_coverage import Coverage, Span

_SHOWN: Final = ("device_id", "log_id", "pressed", "rows", "folded", "lost", "waiting", "duplicates", "balanced")


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """The ledger of one log: its row of the view `ledger_v1`, and what explains the row."""

    row: dict[str, Any]
    state: LogState
    last_seen_utc: float
    conflicts: int

    @property
    def balanced(self) -> bool:
        """Whether nothing waits and no gap is open."""
        return bool(self.row["balanced"])

    def as_json(self) -> dict[str, Any]:
        """The log as an object of the contract's ledger."""
        return self.row | {
            "balanced": self.balanced,
            "open_gaps": [list(gap) for gap in self.state.coverage.open_gaps],
        }


# The sums of all logs, and what explains those that don't balance, take two queries, however many logs there are.
_LOGS: Final = (
    "SELECT ledger_v1.*, logs.next_seq, logs.oldest_seq, logs.cursor_seq, logs.last_seen_utc, logs.conflicts"
    " FROM ledger_v1 JOIN logs ON logs.device_id = ledger_v1.device_id AND logs.log_id = ledger_v1.log_id"
    " WHERE {which} ORDER BY ledger_v1.device_id, ledger_v1.log_id"
)
_SPANS_OF_OPEN: Final = (
    "SELECT spans.* FROM ledger_v1"
    " JOIN spans ON spans.device_id = ledger_v1.device_id AND spans.log_id = ledger_v1.log_id"
    " WHERE NOT ledger_v1.balanced AND {which} ORDER BY spans.device_id, spans.log_id, spans.first_seq"
)


def ledger_lines(connection: Connection, device_ids: Sequence[str] | None = None) -> list[LedgerLine]:
    """One line for each log, by device id.

    The spans of logs that balance are not read, since these have no gaps.

    Args:
        connection: to the database.
        device_ids: of which terminals, at most `rows.IN_CHUNK`; None: all.
    """
    if device_ids is not None and not device_ids:
        return []
    which = "ledger_v1.device_id IN :device_ids" if device_ids is not None else "1 = 1"

    def ask(query: str) -> Any:
        statement = text(query.format(which=which))
        if device_ids is None:
            return connection.execute(statement)
        statement = statement.bindparams(bindparam("device_ids", expanding=True))
        return connection.execute(statement, {"device_ids": list(device_ids)})

    rows = ask(_LOGS).all()
    spans: dict[tuple[str, int], list[Span]] = defaultdict(list)
    if not all(row.balanced for row in rows):
        for device_id, log_id, *values, _lost in ask(_SPANS_OF_OPEN):
            spans[device_id, log_id].append(Span(*values))
    lines = []
    for row in rows:
        coverage = Coverage(spans[row.device_id, row.log_id], row.oldest_seq, row.cursor_seq)
        shown = {name: row._mapping[name] for name in _SHOWN}
        lines.append(LedgerLine(shown, LogState(coverage, row.next_seq), row.last_seen_utc, row.conflicts))
    return lines


def settled_presses(db: str, device_id: str, log_id: int) -> int:
    """How many presses of a log are rows of the database `db`, or known to it to be lost.

    Raises:
        Failure: 2, 4 or 5, as `open_store` does.
    """
    store = open_store(db)
    try:
        query = text("SELECT * FROM ledger_v1 WHERE device_id = :device_id AND log_id = :log_id")
        with store.reading() as connection:
            row: Any = connection.execute(query, {"device_id": device_id, "log_id": log_id}).mappings().first()
    finally:
        store.close()
    return 0 if row is None else int(row["rows"]) + int(row["lost"])
