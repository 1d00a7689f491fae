"""Backups: one file that restores to either kind of database, whole or not at all."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here
from schema_check import check
from sqlalchemy import insert, select, text
from test_ingest import Cut, assert_sums_are_kept, ledger_row, press, simple
from test_older_databases import BrokenOff, breaking_off, write_old

from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, NO_SERVICE, WRONG_USE, Failure
from hymio.common.roles import Role
from hymio.store import backup as backup_module
from hymio.store import schema
from hymio.store.arrivals import Arrival
from hymio.store.backup import back_up, restore
from hymio.store.database import open_store
from hymio.store.ingest import ingest_many
from hymio.store.schema import SCHEMA_VERSION
from hymio.store.server_keys import COOKIES, PERSONS, make_key, stored_key
from hymio.store.sessions import begin_session
from hymio.store.users import NewUser, add_user

NewDb = Callable[[str, str], str]
KINDS = ("sqlite", "postgresql")
ORGANISATION = {
    "name": "Öffentliche Bücherei '\"; --", "locale": "de", "time_zone": "Europe/Vienna", "good": 1 / 3,
    "excellent": 70.0, "the_very_best": 90.0, "too_few_customer": 5, "too_few_staff": 10,
}  # fmt: skip


def fill(db: str) -> None:
    """What an older build had kept, and a site; the parent has the higher id."""
    write_old(db, 2)
    store = open_store(db)
    with store.writing() as connection:
        connection.execute(insert(schema.organisations), [{"id": 7, "key": "buecherei", **ORGANISATION}])
        node = {"organisation_id": 7, "custom": "{}", "kind": "point", "name": "", "parent_id": None}
        connection.execute(insert(schema.nodes), [node | {"id": 9, "key": "house", "kind": "group"}])
        connection.execute(insert(schema.nodes), [node | {"id": 3, "key": "door", "parent_id": 9}])
        connection.execute(insert(schema.counters), [{"name": "site", "value": 12}])
    store.close()


def tables(db: str) -> dict[str, list[str]]:
    """All rows of all tables."""
    store = open_store(db)
    try:
        with store.reading() as connection:
            return {
                name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
                for name, table in schema.metadata.tables.items()
            }
    finally:
        store.close()


def before_and_since(before: dict[str, list[str]], after: dict[str, list[str]]) -> Iterator[int]:
    """How many rows more the tables have of those that are not as they were."""
    assert all(set(rows) <= set(after[name]) for name, rows in before.items())
    return (len(after[name]) - len(rows) for name, rows in before.items() if after[name] != rows)


def saved(db: str, path: Path, as_it_is: bool = False) -> Path:
    store = open_store(db, as_it_is=as_it_is)
    try:
        back_up(store, path)
    finally:
        store.close()
    return path


@pytest.fixture
def backup(new_db: NewDb, tmp_path: Path) -> Path:
    """A backup of a filled SQLite database."""
    fill(new_db("sqlite", "votes"))
    return saved(new_db("sqlite", "votes"), tmp_path / "backup.db")


@pytest.mark.parametrize("source", KINDS)
def test_every_table_is_as_it_was_in_both_kinds(new_db: NewDb, tmp_path: Path, source: str) -> None:
    db = new_db(source, "votes")
    fill(db)
    before = tables(db)
    path = saved(db, tmp_path / "backup.db")
    assert sorted(tmp_path.glob("backup.db*")) == [path] and path.stat().st_mode & 0o077 == 0
    assert tables(str(path)) == before, "it is a database itself"
    path.unlink()
    saved(db, path)
    for target in KINDS:
        other = new_db(target, "restored")
        counts = restore(path, other)
        assert list(before_and_since(before, tables(other))) == [1], "it is told in the audit, and that is all"
        assert counts == {name: len(rows) for name, rows in before.items()}
        store = open_store(other)
        with store.writing() as connection:
            made = connection.execute(insert(schema.organisations).values(key="next", **ORGANISATION))
            assert made.inserted_primary_key == (8,), "ids go on where they were"
        store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_of_one_moment_while_a_collector_writes(new_db: NewDb, tmp_path: Path, kind: str) -> None:
    store = open_store(new_db(kind, "busy"), create=True)
    terminal = simple(*(press(1000 * n) for n in range(3000)))
    done = threading.Event()
    taken = 0

    def collect() -> None:
        nonlocal taken
        while not done.is_set() and taken < 3000:
            batch = terminal.batch(Cut(taken, taken + 2, 0, taken + 3))
            with store.writing() as connection:
                ingest_many(connection, [Arrival("till-1", batch, "mqtt", 1.0, "votes", b"")])
            taken += 3

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        sizes = []
        for number in range(4):
            before = taken
            counts = back_up(store, tmp_path / f"{number}.db")
            assert before <= counts["presses"] <= taken + 3
            sizes.append(counts["presses"])
    finally:
        done.set()
        collector.join()
        store.close()
    assert sizes == sorted(set(sizes)), "it went on writing"
    restore(tmp_path / "3.db", new_db(kind, "calm"))
    calm = open_store(new_db(kind, "calm"))
    assert_sums_are_kept(calm, "till-1")
    assert ledger_row(calm, "till-1")["rows"] == sizes[-1] and ledger_row(calm, "till-1")["balanced"]
    calm.close()


def test_nobody_is_logged_in_by_a_restored_one(new_db: NewDb, tmp_path: Path) -> None:
    """Who logged out after the backup was made would be in again."""
    store = open_store(new_db("sqlite", "votes"), create=True)
    with store.writing() as connection:
        number = add_user(connection, NewUser("anna", Role.ADMIN, password="x"), 1.0)
        begin_session(connection, number, 2.0)
        make_key(connection, COOKIES, 2.0)
        persons = make_key(connection, PERSONS, 2.0)
    store.close()
    counts = restore(saved(new_db("sqlite", "votes"), tmp_path / "backup.db"), new_db("postgresql", "restored"))
    assert (counts["users"], counts["sessions"], counts["server_keys"]) == (1, 0, 1)
    after = tables(new_db("postgresql", "restored"))
    assert len(after["users"]) == 1 and not after["sessions"]
    restored = open_store(new_db("postgresql", "restored"))
    with restored.reading() as connection:
        # Who is not to be written to is known by the other key.
        assert stored_key(connection, COOKIES) is None and stored_key(connection, PERSONS) == persons
    restored.close()


def test_presses_of_all_months_find_their_partition(new_db: NewDb, tmp_path: Path) -> None:
    store = open_store(new_db("sqlite", "years"), create=True)
    terminal = simple(*(press(1000 * n) for n in range(40)))
    came = [1_700_000_000.0 + 2_629_800 * n for n in range(30)] + [12.5, 9e9, -5.0]
    with store.writing() as connection:
        for seq, utc in enumerate(came):
            ingest_many(
                connection, [Arrival("till-1", terminal.batch(Cut(seq, seq, 0, 40)), "mqtt", utc, "votes", b"")]
            )
    store.close()
    path = saved(new_db("sqlite", "years"), tmp_path / "backup.db")
    restore(path, new_db("postgresql", "years"))
    store = open_store(new_db("postgresql", "years"))
    with store.reading() as connection:
        where = "SELECT tableoid::regclass::text, min(received_utc), count(*) FROM presses GROUP BY 1"
        found = {name: (low, rows) for name, low, rows in connection.execute(text(where))}
    store.close()
    assert found.pop("presses_default") == (-5.0, 1)
    assert len(found) == 32 and {rows for _, rows in found.values()} == {1}
    assert found["presses_1970_01"] == (12.5, 1) and found["presses_2255_03"] == (9e9, 1)
    assert all(name == f"presses_{datetime.fromtimestamp(low, UTC):%Y_%m}" for name, (low, _) in found.items())


def test_a_damaged_one_is_never_restored(backup: Path, tmp_path: Path) -> None:
    before = tables(str(tmp_path / "votes.db"))
    whole, dice = backup.read_bytes(), random.Random(9)
    refused = 0
    for number in range(45):
        damaged = bytearray(whole)
        at = dice.randrange(len(whole))
        if number % 3:
            damaged[at] ^= 1 << dice.randrange(8)
        else:
            del damaged[at:]
        backup.write_bytes(damaged)
        db = tmp_path / f"{number}.db"
        try:
            restore(backup, str(db))
        except Failure as failure:
            assert failure.exit_status in (ANSWER_NO, WRONG_USE) and not db.exists(), (at, failure.message)
            refused += 1
        else:
            assert list(before_and_since(before, tables(str(db)))) == [1], f"{at}: it lies where nothing is kept"
    assert refused > 15  # most of what is so small is empty pages


def test_a_changed_one_is_not_restored(backup: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(backup)) as file, file:
        file.execute("UPDATE logs SET duplicates = duplicates + 1 WHERE device_id = 'till-1'")
    with pytest.raises(Failure, match=r"damaged, or was changed \(logs\)"):
        restore(backup, str(tmp_path / "other.db"))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_there_is_not_touched(new_db: NewDb, backup: Path, kind: str) -> None:
    db = new_db(kind, "there")
    store = open_store(db, create=True)
    with store.writing() as connection:
        connection.execute(insert(schema.terminals).values(device_id="till-9"))
    store.close()
    before = tables(db)
    with pytest.raises(Failure, match="is not empty: there are terminals in it") as caught:
        restore(backup, db)
    assert caught.value.exit_status == WRONG_USE and tables(db) == before


@pytest.mark.parametrize("kind", KINDS)
def test_broken_off_nothing_is_restored(
    new_db: NewDb, backup: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = new_db(kind, "empty")
    for name in ("empty", "whole"):
        open_store(new_db(kind, name), create=True).close()
    empty = tables(db)
    with breaking_off(0) as said:
        restore(backup, new_db(kind, "whole"))
    for at in range(8, len(said), 9):
        with breaking_off(at), pytest.raises(BrokenOff):
            restore(backup, db)
        assert tables(db) == empty
    copied: list[str] = []
    copy_in = backup_module.copy_in

    def breaks(connection: Any, table: Any, rows: Any) -> None:
        copied.append(table.name)

        def some() -> Any:
            for number, row in enumerate(rows):
                if table is schema.presses and number == 50:
                    raise BrokenOff
                yield row

        copy_in(connection, table, some())

    monkeypatch.setattr(backup_module, "copy_in", breaks)
    with pytest.raises(BrokenOff):
        restore(backup, db)
    assert "presses" in copied and tables(db) == empty
    monkeypatch.undo()
    restore(backup, db)
    assert len(tables(db)["presses"]) == 300


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_that_keeps_something_else_is_not_taken_for_restored(
    new_db: NewDb, backup: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_in = backup_module.copy_in

    def forgets(connection: Any, table: Any, rows: Any) -> None:
        copy_in(connection, table, (row for row in rows if "till-2" not in row))

    monkeypatch.setattr(backup_module, "copy_in", forgets)
    with pytest.raises(Failure, match="does not hold"):
        restore(backup, new_db(kind, "lossy"))
    assert not any(tables(new_db(kind, "lossy"))[name] for name in ("presses", "logs"))


def test_an_older_database_is_backed_up_as_it_is(new_db: NewDb, tmp_path: Path) -> None:
    db = new_db("sqlite", "old")
    write_old(db, 2)
    path = saved(db, tmp_path / "backup.db", as_it_is=True)
    for file in (db, str(path)):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT version FROM hymio_schema").fetchall() == [(2,)]
    sealed = path.read_bytes()
    restore(path, new_db("sqlite", "new"))
    assert path.read_bytes() == sealed
    fill(new_db("sqlite", "other"))
    new, other = tables(new_db("sqlite", "new")), tables(new_db("sqlite", "other"))
    assert new["presses"] == other["presses"] and new["cells"] == other["cells"] and new["logs"] == other["logs"]


SITE = """
[organisation]
key = "a"
name = "A"
locale = "en"
time_zone = "UTC"
"""


@pytest.mark.parametrize("version", [2, SCHEMA_VERSION])
def test_nothing_that_is_done_with_a_backup_changes_it(new_db: NewDb, tmp_path: Path, version: int) -> None:
    db, site = new_db("sqlite", "votes"), tmp_path / "site.toml"
    write_old(db, 2)
    site.write_text(SITE)
    if version == SCHEMA_VERSION:
        open_store(db).close()
    path = saved(db, tmp_path / "backup.db", as_it_is=True)
    sealed = path.read_bytes()
    changing = [
        ["db", "upgrade"], ["db", "prune", "--older-than", "1d"], ["site", "import", str(site)],
        ["token", "create", "--name", "x"], ["token", "revoke", "1"], ["quarantine", "release", "--all"],
        ["cmd", "till-1", "forget"], ["collect", "--broker", "mqtt://127.0.0.1:1"],
    ]  # fmt: skip
    for command in changing:
        refused = hymio_here(*command, "--db", str(path))
        assert refused.returncode == WRONG_USE, (command, refused)
        assert "is a backup" in refused.stderr and "hymio db restore" in refused.stderr, (command, refused)
    for command in (["report"], ["ledger"], ["audit"], ["db", "check"], ["report", "--by", "terminal"]):
        read = hymio_here(*command, "--db", str(path))
        assert read.returncode == (WRONG_USE if version == 2 else command == ["ledger"]), read  # it has a quarantine
    assert hymio_here("db", "backup", "--db", str(path), "--out", str(tmp_path / "copy.db")).returncode == 0
    assert path.read_bytes() == sealed and not list(tmp_path.glob("backup.db-*"))
    for number, one in enumerate((path, tmp_path / "copy.db")):
        restore(one, new_db("sqlite", f"new{number}"))
        assert path.read_bytes() == sealed


def test_an_older_one_on_postgresql_is_brought_up_to_date_first(new_db: NewDb, tmp_path: Path) -> None:
    db = new_db("postgresql", "old")
    write_old(db, 1)
    with pytest.raises(Failure, match="has format 1") as caught:
        saved(db, tmp_path / "backup.db", as_it_is=True)
    assert caught.value.exit_status == WRONG_USE and list(tmp_path.iterdir()) == []


def test_what_is_no_backup_is_told_in_words(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database at all, and long enough to be one" * 99)
    newer = Path(shutil.copy(backup, tmp_path / "newer.db"))
    with closing(sqlite3.connect(newer)) as file:
        with file:
            file.execute("UPDATE hymio_schema SET version = ?", (SCHEMA_VERSION + 1,))
            file.execute("DROP TABLE hymio_backup")
        backup_module._seal(newer)
    for name, status, said in (
        ("nothing.db", WRONG_USE, "There is no backup"),
        ("text.db", WRONG_USE, "is no backup of hymio"),
        ("votes.db", WRONG_USE, "is a database, but no backup"),
        ("newer.db", ANSWERED_ERROR, f"has format {SCHEMA_VERSION + 1}"),
    ):
        with pytest.raises(Failure, match=said) as caught:
            restore(tmp_path / name, str(tmp_path / "other.db"))
        assert caught.value.exit_status == status
    assert not (tmp_path / "other.db").exists()
    with pytest.raises(Failure, match="There is a file"):
        saved(str(tmp_path / "votes.db"), backup)
    with pytest.raises(Failure, match=r"nowhere.backup\.db cannot be written") as caught:
        saved(str(tmp_path / "votes.db"), tmp_path / "nowhere" / "backup.db")
    assert caught.value.exit_status == NO_SERVICE


def test_the_commands(new_db: NewDb, tmp_path: Path) -> None:
    db, out = new_db("sqlite", "votes"), str(tmp_path / "backup.db")
    write_old(db, 2)
    assert check("db-upgrade", hymio_here("db", "upgrade", "--db", db, "--json").stdout)["from"] == 2
    assert check("db-upgrade", hymio_here("db", "upgrade", "--db", db, "--json").stdout)["from"] == SCHEMA_VERSION
    made = check("db-backup", hymio_here("db", "backup", "--db", db, "--out", out, "--json").stdout)
    other = new_db("sqlite", "other")
    back = check("db-restore", hymio_here("db", "restore", out, "--db", other, "--json").stdout)
    assert back["tables"].items() <= made["tables"].items() and back["tables"]["presses"] == 300
    for command in ("ledger", "report"):
        first, second = (hymio_here(command, "--db", one, "--json").stdout for one in (db, other))
        assert first == second != ""
    again = hymio_here("db", "restore", out, "--db", other)
    assert again.returncode == WRONG_USE and "is not empty" in again.stderr
    assert "up to date" in hymio_here("db", "upgrade", "--db", db).stdout
    assert hymio_here("db", "upgrade", "--db", str(tmp_path / "none.db")).returncode == 4
    assert not (tmp_path / "none.db").exists()
