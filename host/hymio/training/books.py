"""What the database knows of the terminal on the screen: which presses are rows, and the ledger of its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text

from hymio.store.database import Store

MOST_SEQS: Final = 1_000
"""So many rows are looked for at a time."""

# The views are the contract's; both queries go by the key of the table beneath.
_ROWS: Final = text(
    "SELECT seq FROM presses_v1 WHERE device_id = :device_id AND log_id = :log_id AND seq >= :first_seq"
    f" ORDER BY seq LIMIT {MOST_SEQS}"
)
_LEDGER: Final = text("SELECT * FROM ledger_v1 WHERE device_id = :device_id AND log_id = :log_id")
_SHOWN: Final = ("pressed", "rows", "lost", "waiting", "duplicates", "balanced")


@dataclass(frozen=True, slots=True)
class Books:
    """The rows at and above the seq that was asked for, and the ledger of the log; None: the log is not known there."""

    seqs: frozenset[int]
    ledger: dict[str, Any] | None


def read_books(store: Store, device_id: str, log_id: int, first_seq: int) -> Books:
    """Reads the database once.

    Raises:
        Failure: 4, the database can't be read now.
    """
    asked = {"device_id": device_id, "log_id": log_id}
    with store.reading() as connection:
        seqs = connection.execute(_ROWS, asked | {"first_seq": first_seq}).scalars().all()
        row: Any = connection.execute(_LEDGER, asked).mappings().first()
    ledger = None if row is None else {name: row[name] for name in _SHOWN} | {"balanced": bool(row["balanced"])}
    return Books(frozenset(seqs), ledger)
