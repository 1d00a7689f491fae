"""How a database is opened (SQLite by default, PostgreSQL by URL), and the connections that it gives."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from hymio.common.addresses import address_in, check_database, shown_address
from hymio.common.errors import NO_SERVICE, WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.hidden_passwords import hide
from hymio.common.private_files import make_private
from hymio.store.database_errors import DatabaseFailure, Fault, fault_of, is_of_database, shown
from hymio.store.partitions import make_months
from hymio.store.schema import SCHEMA_VERSION, LogKey
from hymio.store.upgrade import check_version, create_or_upgrade
from hymio.wire import limits

SQLITE_BUSY_S: Final = 30.0
"""How long a writer waits for another one: a collector's commits are short, but an import by cable may take seconds."""

_PREPARE: Final = "prepare_threshold"

SEAL: Final = "hymio_backup"
"""The table of a backup that says how many rows each other one has, and their digest."""
_FILE: Final = "hymio_file"
"""The key under which SQLAlchemy keeps, with a connection, which file the connection has opened."""


def database_url(db: str) -> URL:
    """The SQLAlchemy URL for what a person gives as `--db`: a URL, the path of an SQLite file, or @FILE with either.

    Raises:
        Failure: 2, it names no database that hymio can use.
    """
    db = address_in(db, "--db")
    check_database(db)
    if "://" not in db:
        return URL.create("sqlite", database=str(Path(db).expanduser()))
    try:
        url = make_url(db)
    except (ArgumentError, ValueError):  # ValueError: a port that is none
        url = None
    if url is not None:
        hide(str(url.password or ""))
    match url.get_backend_name() if url is not None else None:
        case "sqlite" if cast(URL, url).query:
            raise Failure(
                WRONG_USE,
                f"--db: an SQLite file takes no options, came {', '.join(cast(URL, url).query)}.",
                "Leave away what stands behind the question mark.",
            )
        case "sqlite":
            return cast(URL, url).set(drivername="sqlite")
        case "postgresql" | "postgres" if "@" not in f"{cast(URL, url).host}{cast(URL, url).database}":
            return cast(URL, url).set(drivername="postgresql+psycopg")
    raise Failure(
        WRONG_USE,
        f"{shown_address(db)!r} names no database that hymio can use.",
        "Give --db as a file (votes.db), sqlite:///votes.db or postgresql://user@host/name.",
    )


class Store:
    """One database. `writing` and `reading` give connections in a transaction, and fail with sentences for people."""

    def __init__(self, engine: Engine) -> None:
        """Gives connections of this engine; `open_store` makes it."""
        self.engine = engine
        # What modules work out from the database and keep, with the version of it; see `places`.
        engine.update_execution_options(hymio_kept={})
        self.logs_a_day = limits.NEW_LOGS_PER_DAY
        """How many logs a terminal may begin within 24 hours."""
        self.known_logs: set[LogKey] = set()
        """Logs that surely have a row; whoever knows them need not ask the database."""
        self.noted: dict[str, Any] = {}
        """What was noted of each terminal last; see `terminal_states.Noted`."""

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes: committed, durably, if the block succeeds, and rolled back otherwise."""
        with self._people_errors(), self.engine.connect() as connection:
            writer = connection.execution_options(hymio_writes=True)
            with self._ends_sessions(connection), writer.begin():
                yield writer

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look at everything, in a transaction that reads."""
        with self._people_errors(), self.engine.connect() as connection:
            reader = connection
            is_postgres = connection.dialect.name == "postgresql"
            if is_postgres:
                reader = connection.execution_options(isolation_level="REPEATABLE READ")
            with self._ends_sessions(connection), reader.begin():
                if is_postgres:
                    # Not postgresql_readonly: when the connection is given back, the session would begin with READ
                    # WRITE from then on, and overrule a server that is to be read only.
                    reader.execute(text("SET TRANSACTION READ ONLY"))
                yield reader

    def make_months(self) -> None:
        """Makes the partitions of the next months, where there are any; without them everything works as well.

        Raises:
            Failure: somebody reads for long, or this user may not make tables.
        """
        if self.engine.dialect.name == "postgresql":
            with self.writing() as connection:
                make_months(connection, time.time())

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    @contextmanager
    def _ends_sessions(self, connection: Connection) -> Iterator[None]:
        # A session that was good may no longer be: its server has become a standby (25006), it shuts down (57P01), or a
        # pooler has given us another session. Asked whether it is alive it says yes, so it has to be given up, and with
        # it all others to the same server; the next connection finds the server that takes writes now.
        try:
            yield
        except Exception as error:
            if is_of_database(error) and fault_of(error) is Fault.DATABASE:
                if not connection.closed:
                    connection.invalidate()
                self.engine.dispose()
            raise

    @contextmanager
    def _people_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not is_of_database(error) or (fault := fault_of(error)) is Fault.MESSAGE:
                raise
            raise DatabaseFailure(self.engine.url, error, fault) from error


def open_store(db: str, create: bool = False, as_it_is: bool = False) -> Store:
    """Opens the database `db`; one that an older hymio wrote is brought up to date. A backup can only be read.

    Args:
        db: as it was given for --db.
        create: whether it is made if it is not there.
        as_it_is: whether one of an older hymio stays what it is, to be copied.

    Raises:
        Failure: 2 it is no address of a database, or a backup that would have to be changed; 4 it is not there, or may
            not be used; 5 a newer hymio wrote it.
    """
    url = database_url(db)
    if url.get_backend_name() == "sqlite":
        _check_sqlite_file(url, create)
    store = Store(_engine(url))
    try:
        if create:
            with store.writing() as connection:
                create_or_upgrade(connection)
            with suppress(Failure):
                store.make_months()
        else:
            with store.reading() as connection:
                is_old = check_version(connection) < SCHEMA_VERSION
            if is_old and not as_it_is:
                with store.writing() as connection:
                    create_or_upgrade(connection)
    except Failure:
        store.close()
        raise
    # it is no database file, the password is wrong, there is no such database, and so on
    except SQLAlchemyError as error:
        store.close()
        raise DatabaseFailure(url, error, Fault.DATABASE) from error
    return store


def _check_sqlite_file(url: URL, create: bool) -> None:
    if url.database in (None, "", ":memory:"):
        raise Failure(WRONG_USE, "A database in memory would keep nothing.", "Give --db a file: --db votes.db.")
    path = Path(str(url.database))
    if create and not path.parent.is_dir():
        raise Failure(NO_SERVICE, f"There is no directory {path.parent}.", "Make it first, or give another --db.")
    if not create and not path.exists():
        raise Failure(
            NO_SERVICE,
            f"There is no database {path}.",
            "`hymio collect`, `hymio site import` and `hymio demo-site` make one; check the path given as --db.",
        )
    if create:
        # A file that SQLite makes itself can be read by others. Its -wal and -shm have the mode of the file.
        with suppress(OSError):  # SQLite will say what is the matter
            make_private(path)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # A pooler gives each transaction another session, which does not know what was prepared in the one before. And a
    # database made where the locale is C (SQL_ASCII) would answer in bytes.
    settings: dict[str, Any] = {"connect_timeout": 10, "prepare_threshold": None, "client_encoding": "utf8"}
    asked = url.query.get(_PREPARE)
    if asked is not None:
        if not isinstance(asked, str) or not asked.isdecimal():
            raise Failure(
                WRONG_USE,
                f"{_PREPARE} in --db is not a number of executions: {asked!r}.",
                "Statements are prepared after so many, on a server without a pooler before it: 5.",
            )
        url, settings[_PREPARE] = url.difference_update_query([_PREPARE]), int(asked)
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # what it tells of errors, the errors tell as well
    try:
        return create_engine(url, pool_pre_ping=True, connect_args=settings)
    except ModuleNotFoundError as error:
        raise missing_extra("postgres", error) from error


def _prepare_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: it would do so too late for a writer (see _begin_sqlite).
    connection.isolation_level = None
    record.info[SEAL] = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (SEAL,)).fetchone()
    if not record.info[SEAL]:
        connection.execute("PRAGMA journal_mode=WAL")
        # An ack frees votes on the terminal, so a commit has to survive a power cut; with WAL and NORMAL it may not.
        connection.execute("PRAGMA synchronous=FULL")
    record.info[_FILE] = _file_at(connection.execute("PRAGMA database_list").fetchone()[2])


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once. One that begins as a reader can't wait for another writer; it fails with
    # "database is locked" (sqlite.org/lang_transaction.html, SQLITE_BUSY_SNAPSHOT).
    writes = connection.get_execution_options().get("hymio_writes", False)
    _check_in_place(connection)
    if writes and connection.info[SEAL]:
        # Not even to bring it up to date: what was changed can't be restored.
        name = shown(connection.engine.url)
        raise Failure(
            WRONG_USE,
            f"{name} is a backup, and would have to be changed for that.",
            f"Put it into a database first: hymio db restore {name} --db votes.db",
        )
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _file_at(path: str) -> tuple[int, int] | None:
    """Which file has this name now, as (device, inode); None if there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _check_in_place(connection: Connection) -> None:
    # SQLite goes on writing into a file that was moved or deleted: the votes would be acknowledged, and gone. It reads
    # from one, too: what `hymio serve` tells would stay as it was for ever.
    url = connection.engine.url
    now = _file_at(str(url.database))
    if now == connection.info[_FILE]:
        return
    if now is not None:
        connection.invalidate()  # another file, perhaps a backup, has its place: the next connection is to that one
    raise Failure(
        NO_SERVICE,
        f"The database {shown(url)} cannot be used: its file was moved, deleted or replaced.",
        "Put it back where it was.",
    )
