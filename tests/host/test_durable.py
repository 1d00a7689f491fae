"""What is acknowledged is on the disk: the settings of the database that a power cut puts to the test."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from hymio.store.database import open_store

FULL = 2
"""https://sqlite.org/pragma.html#pragma_synchronous: NORMAL (1) with WAL may lose the newest commits in a power cut."""


def test_a_commit_of_sqlite_survives_a_power_cut(tmp_path: Path) -> None:
    path = str(tmp_path / "votes.db")
    for create in (True, False):
        store = open_store(path, create=create)
        try:
            for begin in (store.writing, store.reading, store.writing):
                with begin() as connection:
                    assert connection.execute(text("PRAGMA synchronous")).scalar_one() == FULL
                    assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        finally:
            store.close()
