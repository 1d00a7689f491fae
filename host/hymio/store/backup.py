"""A backup: the whole database in one SQLite file that restores to either kind, sealed by the digest of each table."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, text, true

from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, NO_SERVICE, WRONG_USE, Failure
from hymio.common.private_files import make_private
from hymio.store import audit, schema
from hymio.store.database import SEAL, Store, open_store
from hymio.store.database_errors import shown
from hymio.store.partitions import make_months
from hymio.store.rows import copy_in
from hymio.store.schema import SCHEMA_VERSION
from hymio.store.server_keys import COOKIES
from hymio.store.upgrade import check_version

_ALWAYS_THERE: Final = (schema.schema_version, schema.counters)
"""The tables that say nothing of terminals or sites."""
_OF_THEN: Final = (
    (schema.sessions, true()),
    (schema.server_keys, schema.server_keys.c.name == COOKIES),
)
"""What must not come back: who has logged out since would be logged in again."""
_MONTHS: Final = (
    "SELECT CAST(strftime('%s', received_utc, 'unixepoch', 'start of month') AS INTEGER) AS low_utc FROM presses"
    f" GROUP BY 1 HAVING low_utc >= 0 ORDER BY count(*) DESC LIMIT {100 * 12}"
)
"""The months in which presses came; more than a century has of them are the work of wrong clocks."""

Row = tuple[Any, ...]
Sums = dict[str, tuple[int, str]]
"""(rows, digest) of tables."""


class Digest:
    """Counts rows and adds them up, in whatever order they pass."""

    def __init__(self) -> None:
        """Begins with no row."""
        self._rows = 0
        self._sum = 0

    def of(self, rows: Iterable[Iterable[Any]]) -> Iterator[Row]:
        """Gives the rows, and counts them."""
        for row in rows:
            values = tuple(row)
            self._rows += 1
            self._sum += int.from_bytes(hashlib.sha256(repr(values).encode()).digest())
            yield values

    @property
    def sums(self) -> tuple[int, str]:
        """How many rows have passed, and their digest."""
        return self._rows, f"{self._sum % 2**256:064x}"


def back_up(store: Store, path: Path) -> dict[str, int]:
    """Writes a backup of the database as it is at one moment; whoever writes to it goes on meanwhile.

    Args:
        store: the database, perhaps of an older version (`open_store(as_it_is=True)`).
        path: a file that is not there yet; it is there once all of it is.

    Returns:
        How many rows each table has.

    Raises:
        Failure: 2 there is such a file, or a PostgreSQL database is of an older version; 4 the file can't be written.
    """
    if path.exists():
        raise Failure(WRONG_USE, f"There is a file {path}; nothing was written.", "Give --out another name.")
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        make_private(part)
        if store.engine.dialect.name == "postgresql":
            _copy_postgresql(store, part)
        else:
            with store.reading() as connection, contextlib.closing(sqlite3.connect(part)) as copy:
                raw: Any = connection.connection.driver_connection
                raw.backup(copy)
        sums = _seal(part)
        part.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise Failure(NO_SERVICE, f"{path} cannot be written: {error}.", "Check its directory and its disk.") from error
    finally:
        for left in (part, part.with_name(f"{part.name}-wal"), part.with_name(f"{part.name}-shm")):
            left.unlink(missing_ok=True)
    return {name: rows for name, (rows, _) in sums.items()}


def _copy_postgresql(store: Store, path: Path) -> None:
    with store.reading() as connection:
        found = check_version(connection)
        if found < SCHEMA_VERSION:
            raise Failure(
                WRONG_USE,
                f"{shown(store.engine.url)} has format {found}, and a PostgreSQL database is backed up in format"
                f" {SCHEMA_VERSION} only.",
                "`pg_dump` keeps it as it is; `hymio db upgrade` brings it up to date.",
            )
        copy = open_store(str(path), create=True)
        try:
            with copy.writing() as target:
                for table in schema.metadata.sorted_tables:
                    target.execute(delete(table))
                    copy_in(target, table, _rows_of(connection, table.name))
        finally:
            copy.close()


def _rows_of(connection: Connection, table: str) -> Iterator[Row]:
    """All rows of a table, as they come, in the order of its columns."""
    # Otherwise the driver would fetch all of them at once.
    query = select(schema.metadata.tables[table]).execution_options(stream_results=True)
    for row in connection.execute(query):
        yield tuple(row)


def _seal(path: Path) -> Sums:
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode=DELETE")  # one file, which can be read where nothing can be written
        with file:
            file.execute(f"DROP TABLE IF EXISTS {SEAL}")  # of a backup of a backup
            sums = _sums_of(file)
            file.execute(f"CREATE TABLE {SEAL} (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, digest TEXT NOT NULL)")
            file.executemany(f"INSERT INTO {SEAL} VALUES (?, ?, ?)", ((name, *its) for name, its in sums.items()))
    return sums


def _sums_of(file: sqlite3.Connection) -> Sums:
    named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> ?"
    sums = {}
    for (name,) in file.execute(named, (SEAL,)).fetchall():
        digest = Digest()
        for _ in digest.of(file.execute(f'SELECT * FROM "{name}"')):
            pass
        sums[name] = digest.sums
    return sums


def restore(path: Path, db: str) -> dict[str, int]:
    """Puts a backup into a database that is not there yet, or is empty; all of it or nothing.

    Args:
        path: the backup, which is read twice: first to see whether it is whole.
        db: as it was given for --db.

    Returns:
        How many rows each table has.

    Raises:
        Failure: 1 the backup is damaged; 2 it is none, or the database is not empty; 4 or 5 as `open_store` does, or
            a newer hymio made the backup.
    """
    found, tables = _verified(path), path
    with contextlib.ExitStack() as stack:
        if found < SCHEMA_VERSION:
            tables = _brought_up_to_date(path, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hymio-"))))
        file = stack.enter_context(contextlib.closing(_opened(tables)))
        store = open_store(db, create=True)
        stack.callback(store.close)
        with store.writing() as connection:
            restored = _pour(file, connection)
            for table, which in _OF_THEN:
                restored[table.name] -= connection.execute(delete(table).where(which)).rowcount
            audit.record(connection, "db.restore", {"file": path.name, "presses": restored[schema.presses.name]})
        return restored


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _verified(path: Path) -> int:
    """The version of the tables in a backup that is whole."""
    if not path.is_file():
        raise Failure(WRONG_USE, f"There is no backup {path}.", "`hymio db backup` makes one.")
    try:
        with contextlib.closing(_opened(path)) as file:
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (SEAL,)).fetchall():
                raise Failure(
                    WRONG_USE,
                    f"{path} is a database, but no backup.",
                    "Give it as --db as it is, or make a backup of it: hymio db backup.",
                )
            sealed = {name: (rows, digest) for name, rows, digest in file.execute(f"SELECT * FROM {SEAL}")}
            damaged = sorted(name for name, _ in sealed.items() ^ _sums_of(file).items())
            damaged += [said for (said,) in file.execute("PRAGMA integrity_check(1)") if said != "ok"]
            version = file.execute(f"SELECT version FROM {schema.schema_version.name}").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise Failure(WRONG_USE, f"{path} is no backup of hymio.", "Give what `hymio db backup` made.") from error
        damaged, version = [str(error)], None
    if damaged or version is None:
        what = ", ".join(dict.fromkeys(damaged))
        raise Failure(
            ANSWER_NO,
            f"The backup {path} is damaged, or was changed ({what}); nothing was restored.",
            "Take another backup, or another copy of this one.",
        )
    if version[0] > SCHEMA_VERSION:
        raise Failure(
            ANSWERED_ERROR,
            f"The backup has format {version[0]}, this hymio knows up to {SCHEMA_VERSION}.",
            "Take the newer hymio that made it; host/README.md says how it is installed.",
        )
    return int(version[0])


def _brought_up_to_date(path: Path, directory: Path) -> Path:
    """A copy of a backup in the tables of this hymio."""
    copy = directory / "backup.db"
    shutil.copyfile(path, copy)
    with contextlib.closing(sqlite3.connect(copy)) as file:
        file.execute(f"DROP TABLE {SEAL}")
    open_store(os.fspath(copy)).close()
    return copy


def _pour(file: sqlite3.Connection, connection: Connection) -> dict[str, int]:
    tables = schema.metadata.sorted_tables
    is_postgres = connection.dialect.name == "postgresql"
    if is_postgres:
        connection.execute(text(f"LOCK TABLE {', '.join(table.name for table in tables)} IN EXCLUSIVE MODE"))
    for table in tables:
        if table not in _ALWAYS_THERE and connection.execute(select(table).limit(1)).first() is not None:
            raise Failure(
                WRONG_USE,
                f"{shown(connection.engine.url)} is not empty: there are {table.name} in it. Nothing was restored.",
                "Give --db a database that is not there yet, or one in which there is nothing.",
            )
        connection.execute(delete(table))
    if is_postgres:
        for (low_utc,) in file.execute(_MONTHS).fetchall():
            make_months(connection, low_utc, ahead=0)
    restored = {}
    for table in tables:
        source, target = Digest(), Digest()
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        copy_in(connection, table, source.of(file.execute(f'SELECT {columns} FROM "{table.name}"')))
        for _ in target.of(_rows_of(connection, table.name)):
            pass
        if source.sums != target.sums:
            raise Failure(
                NO_SERVICE,
                f"{shown(connection.engine.url)} does not hold {table.name} as they were. Nothing was restored.",
                "Give --db a database in UTF-8 on a disk that is well.",
            )
        restored[table.name] = source.sums[0]
        number = table.autoincrement_column
        if is_postgres and number is not None:
            # Rows that come with their ids do not move what gives the next one.
            sequence = func.pg_get_serial_sequence(table.name, number.name)
            connection.execute(select(func.setval(sequence, func.max(number))))
    return restored
