"""Databases that older builds have written, with presses in them: opened, they are brought up to date in place."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import Connection
from test_ingest import assert_sums_are_kept

from hymio.store.database import database_url, open_store
from hymio.store.schema import SCHEMA_VERSION, metadata
from hymio.store.upgrade import REVISION

DATABASES = Path(__file__).parent / "databases"
"""README.md there says how they were made."""
VIEWS = {
    "presses_v1": "device_id, log_id, seq, boot, uptime_ms, button, verdict, is_vote, pressed_utc, clock, via,"
    " received_utc, count",
    "ledger_v1": 'device_id, log_id, pressed, "rows", lost, waiting, duplicates, balanced',
}
"""Their columns as of the first contract."""
ROWS = {1: (560, 4), 2: (300, 5), 3: (300, 5), 4: (300, 5)}
"""How many rows the views have in the database of each version."""

_HEARD = dict.fromkeys(("till-1", "till-2", "ward-3", "old-4"), False)
STATES = {1: _HEARD, 2: _HEARD, 3: _HEARD | {"new-6": True}, 4: _HEARD | {"new-6": True}}
"""Of which terminals there is a row, and whether they never spoke."""
KEPT_SUMS = """
    SELECT logs.device_id, logs.log_id,
           logs.presses, (SELECT coalesce(sum(count), 0) FROM presses
                          WHERE presses.device_id = logs.device_id AND presses.log_id = logs.log_id),
           logs.open_gaps, (SELECT count(*) FROM spans WHERE spans.device_id = logs.device_id
                            AND spans.log_id = logs.log_id AND spans.first_seq > logs.oldest_seq),
           logs.folded, 0, logs.pruned_seq, 0
    FROM logs ORDER BY logs.device_id
"""
"""What old databases lack, in pairs with what it has to be after the upgrade."""


def rows(connection: Connection, view: str) -> list[tuple[Any, ...]]:
    """Everything in a view of the first contract, in one order, truth as 0 and 1."""
    found = connection.execute(text(f"SELECT {VIEWS[view]} FROM {view}")).all()
    return sorted(tuple(int(value) if isinstance(value, bool) else value for value in row) for row in found)


@contextmanager
def looking(db: str) -> Iterator[Connection]:
    """A connection that is none of hymio's."""
    engine = create_engine(database_url(db))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def as_it_is(db: str) -> dict[str, Any]:
    """All that the views and the version say, and which tables there are."""
    with looking(db) as connection:
        found: dict[str, Any] = {view: rows(connection, view) for view in VIEWS}
        found["version"] = connection.execute(text("SELECT version FROM hymio_schema")).scalar_one()
        found["tables"] = sorted(inspect(connection).get_table_names())
        return found


def write_old(db: str, version: int) -> None:
    dump = (DATABASES / f"schema-{version}.sql").read_text()
    if "://" not in db:
        old = sqlite3.connect(db)
        old.executescript(dump)
        old.close()
        return
    statements = (DATABASES / f"schema-{version}.postgresql.sql").read_text()
    statements += re.sub(r"X'([0-9A-F]*)'", r"'\\x\1'", "\n".join(re.findall(r"^INSERT .*$", dump, re.MULTILINE)))
    engine = create_engine(database_url(db))
    with engine.begin() as connection:
        # The rows stand by the names of their tables; what they refer to may come later.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(statements.replace("%", "%%"))
    engine.dispose()


@pytest.fixture(params=[1, 2, 3, 4], ids=["schema 1", "schema 2", "schema 3", "schema 4"])
def version(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture
def old_db(empty_db: Callable[[str], str], version: int) -> str:
    db = empty_db("old")
    write_old(db, version)
    return db


@pytest.mark.parametrize("create", [True, False], ids=["by a collector", "by a reader"])
def test_presses_and_ledger_stay_what_they_were(old_db: str, version: int, create: bool) -> None:
    before = as_it_is(old_db)
    assert (len(before["presses_v1"]), len(before["ledger_v1"])) == ROWS[version]
    opened = open_store(old_db, create=create)
    with opened.reading() as connection:
        sums = connection.execute(text(KEPT_SUMS)).all()
        paces = connection.execute(text("SELECT pace_seq, next_seq, pace_utc, last_seen_utc FROM logs")).all()
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).all()
        said = "SELECT device_id, heard_utc, firmware, supply_mv, rssi FROM terminal_states"
        heard_of = connection.execute(text(said)).all()
    for device_id in {row[0] for row in before["presses_v1"]}:
        assert_sums_are_kept(opened, device_id)
    opened.close()
    after = as_it_is(old_db)
    assert {view: after[view] for view in VIEWS} == {view: before[view] for view in VIEWS}
    assert after["version"] == SCHEMA_VERSION and revision == [(REVISION.format(SCHEMA_VERSION),)]
    assert len(sums) == ROWS[version][1] and [tuple(row[2::2]) for row in sums] == [tuple(row[3::2]) for row in sums]
    assert {name: heard is None for name, heard, *_ in heard_of} == STATES[version]
    if version in (2, 3):  # later builds write what a terminal says into terminal_states themselves
        assert ("till-1", "0.9.0", 2890, -61) in [(row[0], *row[2:]) for row in heard_of]
    if version == 1:
        assert all(row[::2] == row[1::2] for row in paces), "a log has its pace from here on"


def described(db: str) -> dict[str, Any]:
    """Tables, columns, keys, indexes and views of a database, all that one can ask it for but its partitions."""
    with looking(db) as connection:
        found = inspect(connection)
        tables = [name for name in found.get_table_names() if not name.startswith("presses_")]
        facts: dict[str, Any] = {
            name: [
                [(*map(str, column.values()),) for column in found.get_columns(name)],
                found.get_pk_constraint(name),
                sorted(map(str, found.get_foreign_keys(name))),
                sorted(map(str, found.get_unique_constraints(name))),
            ]
            for name in tables
        }
        facts["views"] = {name: found.get_view_definition(name) for name in found.get_view_names()}
        is_postgres = connection.dialect.name == "postgresql"
        indexes = (
            "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            if is_postgres
            else "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        )
        facts["indexes"] = sorted(tuple(row) for row in connection.execute(text(indexes)) if row[0] in tables)
        if is_postgres:
            comments = text("SELECT relname, objsubid, description FROM pg_description JOIN pg_class ON objoid = oid")
            facts["comments"] = sorted(tuple(row) for row in connection.execute(comments) if row[0] in tables)
            facts["key"] = connection.execute(text("SELECT pg_get_partkeydef('presses'::regclass)")).scalar_one()
        else:
            without = text("SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%' ORDER BY name")
            facts["rowid"] = connection.execute(without).scalars().all()
        return facts


def test_a_new_one_and_one_brought_up_to_date_are_alike(empty_db: Callable[[str], str]) -> None:
    dbs = [empty_db(name) for name in ("new", "first", "second", "third", "fourth")]
    for number, db in enumerate(dbs[1:], 1):
        write_old(db, number)
    for db in dbs:
        open_store(db, create=True).close()
    new, *upgraded = map(described, dbs)
    assert {"presses", "cells", "alembic_version", "views"} <= new.keys() and set(new["views"]) == set(VIEWS)
    for one in upgraded:
        assert one.keys() == new.keys()
        for name, facts in new.items():
            assert one[name] == facts, name


def test_every_version_has_its_revision() -> None:
    config = Config()
    config.set_main_option("script_location", "hymio.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    found = [script.revision for script in scripts.walk_revisions()]
    assert found == [REVISION.format(number) for number in range(SCHEMA_VERSION, 0, -1)]


class BrokenOff(Exception):
    """The upgrade ends here."""


@contextmanager
def breaking_off(at: int) -> Iterator[list[str]]:
    """All statements of any engine until the one with this number, which fails."""
    said: list[str] = []

    def before(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        said.append(statement)
        if len(said) == at:
            raise BrokenOff

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", before)


@pytest.mark.parametrize("version", [1], indirect=True)
def test_broken_off_at_any_statement_it_is_the_old_one(old_db: str) -> None:
    before = as_it_is(old_db)
    at = 0
    while as_it_is(old_db) == before:
        at += 11 if "://" in old_db else 1  # there are more of them on PostgreSQL, for comments
        with breaking_off(at), suppress(BrokenOff):
            open_store(old_db, create=True).close()
    assert at > 40
    assert as_it_is(old_db)["version"] == SCHEMA_VERSION


DIES = """
import os, signal, sys
from sqlalchemy import Engine, event
from hymio.store.database import open_store
left = int(sys.argv[2])
@event.listens_for(Engine, "before_cursor_execute")
def dies(*_):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
open_store(sys.argv[1], create=True).close()
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.parametrize("version", [1], indirect=True)
def test_killed_in_the_middle_it_is_the_old_one(old_db: str, empty_db: Callable[[str], str]) -> None:
    before = as_it_is(old_db)
    other = empty_db("counted")
    write_old(other, 1)
    with breaking_off(0) as said:
        open_store(other, create=True).close()
    # The last ones look for partitions, when all is done.
    last = max(number for number, statement in enumerate(said, 1) if "hymio_schema SET version" in statement)
    for at in (last // 3, last):
        done = subprocess.run([sys.executable, "-c", DIES, old_db, str(at)], capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert as_it_is(old_db) == before
    open_store(old_db).close()
    assert as_it_is(old_db)["version"] == SCHEMA_VERSION


def test_two_may_open_it_at_once(old_db: str) -> None:
    command = [sys.executable, "-c", "import sys; from hymio.store.database import open_store; open_store(sys.argv[1])"]
    both = [subprocess.Popen([*command, old_db], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(one.communicate()[1], one.returncode) for one in both] == [("", 0)] * 2
    assert as_it_is(old_db)["version"] == SCHEMA_VERSION


def test_a_database_of_today_is_opened_without_alembic(empty_db: Callable[[str], str]) -> None:
    db = empty_db("today")
    for create in ("True", "False"):
        script = f"import sys; from hymio.store.database import open_store; open_store(sys.argv[1], create={create});"
        script += " print('alembic' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", script, db], capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("False\n", "")


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


GROWING = ("presses", "records", "spans", "logs", "redating", "cells", "terminals", "terminal_states")
"""The tables that grow with terminals and votes."""


def test_keys_of_what_grows_contain_the_terminal(empty_db: Callable[[str], str]) -> None:
    """So that the tables can be distributed by it (Citus)."""
    db = empty_db("keys")
    open_store(db, create=True).close()
    with looking(db) as connection:
        found = inspect(connection)
        assert set(GROWING) < set(found.get_table_names()) and set(GROWING) < set(metadata.tables)
        for name in GROWING:
            keys = [found.get_pk_constraint(name)["constrained_columns"]]
            keys += [one["column_names"] for one in found.get_unique_constraints(name)]
            keys += [list(map(str, one["column_names"])) for one in found.get_indexes(name) if one["unique"]]
            assert all("device_id" in key for key in keys), (name, keys)
