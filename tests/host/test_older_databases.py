"""Databases that older builds have written, with presses in them: opened, they are brought up to date in place."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection
from test_ingest import assert_sums_are_kept

from hymio.store.database import database_url, open_store
from hymio.store.schema import SCHEMA_VERSION, metadata

DATABASES = Path(__file__).parent / "databases"
VIEWS = ("presses_v1", "ledger_v1")

KEPT_SUMS = """
    SELECT logs.device_id, logs.log_id,
           logs.presses, (SELECT coalesce(sum(count), 0) FROM presses
                          WHERE presses.device_id = logs.device_id AND presses.log_id = logs.log_id),
           logs.open_gaps, (SELECT count(*) FROM spans WHERE spans.device_id = logs.device_id
                            AND spans.log_id = logs.log_id AND spans.first_seq > logs.oldest_seq),
           logs.pace_seq, logs.next_seq, logs.pace_utc, logs.last_seen_utc
    FROM logs ORDER BY logs.device_id
"""
"""What an old database lacks, in pairs with what it has to be after the upgrade."""


def rows(connection: Connection, view: str) -> list[tuple[Any, ...]]:
    """Everything in a view of the first contract, in one order, truth as 0 and 1."""
    columns = {
        "presses_v1": "device_id, log_id, seq, boot, uptime_ms, button, verdict, is_vote, pressed_utc, clock, via,"
        " received_utc, count",
        "ledger_v1": 'device_id, log_id, pressed, "rows", lost, waiting, duplicates, balanced',
    }[view]
    found = connection.execute(text(f"SELECT {columns} FROM {view}")).all()
    return sorted(tuple(int(value) if isinstance(value, bool) else value for value in row) for row in found)


def _schema_1(url: str, postgres: bool) -> None:
    dump = (DATABASES / "schema-1.sql").read_text()
    if not postgres:
        old = sqlite3.connect(url)
        old.executescript(dump)
        old.close()
        return
    statements = (DATABASES / "schema-1.postgresql.sql").read_text()
    statements += re.sub(r"X'([0-9A-F]*)'", r"'\\x\1'", "\n".join(re.findall(r"^INSERT .*$", dump, re.MULTILINE)))
    engine = create_engine(database_url(url))
    with engine.begin() as connection:
        connection.exec_driver_sql(statements.replace("%", "%%"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def old_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """What one would give as --db, for a database that the build of commit 2750f70 has written."""
    if request.param == "sqlite":
        _schema_1(str(tmp_path / "votes.db"), postgres=False)
        yield str(tmp_path / "votes.db")
        return
    server: str = request.getfixturevalue("postgres_url")
    admin = create_engine(database_url(server), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE schema_1"))
    url = database_url(server).set(database="schema_1").render_as_string(hide_password=False)
    url = url.replace("postgresql+psycopg", "postgresql")
    _schema_1(url, postgres=True)
    yield url
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE schema_1 WITH (FORCE)"))
    admin.dispose()


def as_it_was(db: str) -> dict[str, list[tuple[Any, ...]]]:
    """The views, read without hymio."""
    engine = create_engine(database_url(db))
    with engine.connect() as connection:
        found = {view: rows(connection, view) for view in VIEWS}
    engine.dispose()
    return found


@pytest.mark.parametrize("create", [True, False], ids=["by a collector", "by a reader"])
def test_presses_and_ledger_stay_what_they_were(old_db: str, create: bool) -> None:
    before = as_it_was(old_db)
    assert len(before["presses_v1"]) == 560 and len(before["ledger_v1"]) == 4
    opened = open_store(old_db, create=create)
    with opened.reading() as connection:
        after = {view: rows(connection, view) for view in VIEWS}
        version = connection.execute(text("SELECT version FROM hymio_schema")).scalar_one()
        found = inspect(connection)
        for table in metadata.sorted_tables:
            assert {column["name"] for column in found.get_columns(table.name)} == set(table.columns.keys())
            assert {index["name"] for index in found.get_indexes(table.name)} >= {i.name for i in table.indexes}
        sums = connection.execute(text(KEPT_SUMS)).all()
    for device_id in {row[0] for row in after["presses_v1"]}:
        assert_sums_are_kept(opened, device_id)
    opened.close()
    assert after == before
    assert version == SCHEMA_VERSION
    assert len(sums) == 4 and [tuple(row[2::2]) for row in sums] == [tuple(row[3::2]) for row in sums]


def test_what_breaks_off_leaves_the_old_one(old_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(connection: Connection) -> None:
        raise KeyboardInterrupt

    before = as_it_was(old_db)
    with monkeypatch.context() as patch:
        patch.setattr("hymio.store.upgrade.create_views", breaks)
        with pytest.raises(KeyboardInterrupt):
            open_store(old_db, create=True)
    assert as_it_was(old_db) == before
    engine = create_engine(database_url(old_db))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version FROM hymio_schema")).scalar_one() == 1
    engine.dispose()


def test_an_up_to_date_database_is_not_changed(tmp_path: Path) -> None:
    def schema_changes() -> int:
        connection = sqlite3.connect(tmp_path / "votes.db")
        try:
            return int(connection.execute("PRAGMA schema_version").fetchone()[0])
        finally:
            connection.close()

    open_store(str(tmp_path / "votes.db"), create=True).close()
    before = schema_changes()
    for create in (True, False):
        open_store(str(tmp_path / "votes.db"), create=create).close()
    assert schema_changes() == before
