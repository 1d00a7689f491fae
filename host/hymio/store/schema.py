"""The database: its tables and views, and how it is opened (SQLite by default, PostgreSQL by URL)."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateColumn

from hymio.common.addresses import address_in, check_database, shown_address
from hymio.common.errors import ANSWERED_ERROR, NO_SERVICE, WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.hidden_passwords import hide
from hymio.common.private_files import make_private
from hymio.store.database_errors import DatabaseFailure, Fault, fault_of, is_of_database, shown
from hymio.wire.limits import LOG_RECORDS_MAX

SCHEMA_VERSION: Final = 2
"""Rises with every change that an older hymio must not write to."""

SQLITE_BUSY_S: Final = 30.0
"""How long a writer waits for another one: a collector's commits are short, an import by cable may take seconds."""

_PREPARE: Final = "prepare_threshold"

_FILE: Final = "hymio_file"
"""In what SQLAlchemy keeps with a connection: which file it has opened."""

_SCHEMA_LOCK: Final = 0x68796D69
"""PostgreSQL advisory lock ("hymi") under which tables are made, so that two collectors may start at once."""

metadata = MetaData()

schema_version = Table("hymio_schema", metadata, Column("version", Integer, nullable=False))

LogKey = tuple[str, int]
"""(device_id, log_id): how a log is named everywhere."""


def _log_key() -> list[Column[Any]]:
    return [
        Column("device_id", String(32), primary_key=True),
        Column("log_id", BigInteger, primary_key=True, autoincrement=False),
    ]


# WITHOUT ROWID: the key is the table, so an insert touches one tree instead of two.
presses = Table(
    "presses",
    metadata,
    *_log_key(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("boot", Integer, nullable=False),
    Column("uptime_ms", BigInteger, nullable=False),
    Column("button", SmallInteger, nullable=False),
    Column("count", Integer, nullable=False, comment="presses in this row: 1, or those folded into a run record"),
    Column("span_s", SmallInteger, comment="run records: seconds from the first to the last press; null: one press"),
    Column("verdict", Text, nullable=False, comment="in force now"),
    Column("stored_verdict", Text, nullable=False, comment="as the record itself says"),
    Column("flags", SmallInteger),
    Column("quiet_ms", Integer),
    Column("edges", SmallInteger),
    Column("clock", Text, nullable=False),
    Column("pressed_utc", Double),
    Column("via", Text, nullable=False),
    Column("received_utc", Double, nullable=False),
    sqlite_with_rowid=False,
)

records = Table(
    "records",
    metadata,
    *_log_key(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False),
    Column("code", SmallInteger, nullable=False),
    Column("boot", Integer, comment="null: the record has no time of its own (ack)"),
    Column("uptime_ms", BigInteger),
    Column("body", LargeBinary, nullable=False, comment="the record's bytes 0..11, retry bit cleared"),
    Column("target_seq", BigInteger, comment="revise records: the press concerned"),
    Column("utc_s", BigInteger, comment="time records"),
    # Revise, boot and time records are few, and looked for from anywhere in the log. All that is asked of them stands
    # in these indexes: SQLite would walk the whole log by its key instead if it had to look there anyway.
    Index(
        "revisions_by_target",
        "device_id",
        "log_id",
        "target_seq",
        "seq",
        "code",
        sqlite_where=text("target_seq IS NOT NULL"),
        postgresql_where=text("target_seq IS NOT NULL"),
    ),
    Index(
        "records_that_date",
        "device_id",
        "log_id",
        "seq",
        "kind",
        "boot",
        "uptime_ms",
        "utc_s",
        "code",
        sqlite_where=text("kind IN (4, 5)"),
        postgresql_where=text("kind IN (4, 5)"),
    ),
    sqlite_with_rowid=False,
)

spans = Table(
    "spans",
    metadata,
    *_log_key(),
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("totals_before", BigInteger, nullable=False, comment="lifetime presses before first_seq"),
    Column("check_seq", BigInteger, nullable=False, comment="newest seq whose totals the terminal told"),
    Column("totals_check", BigInteger, nullable=False, comment="lifetime presses before check_seq"),
    Column("presses_check", BigInteger, nullable=False, comment="presses that are rows below check_seq"),
    Column("presses", BigInteger, nullable=False, comment="presses that are rows in the span"),
    Column("lost", BigInteger, nullable=False, comment="presses known to be lost in the span"),
    sqlite_with_rowid=False,
)

logs = Table(
    "logs",
    metadata,
    *_log_key(),
    Column("totals_1", BigInteger, comment="newest lifetime totals by button"),
    Column("totals_2", BigInteger),
    Column("totals_3", BigInteger),
    Column("totals_4", BigInteger),
    Column("totals_seq", BigInteger, comment="the seq before which they hold"),
    Column("pressed", BigInteger, comment="lifetime presses, as far as the terminal told"),
    Column("told_seq", BigInteger, comment="newest totals told apart from a batch"),
    Column("told_total", BigInteger),
    Column("marker_seq", BigInteger, comment="the newest boot or time record"),
    Column("marker_boot", Integer),
    Column("marker_offset_ms", BigInteger, comment="1970 milliseconds at uptime 0; null: a boot record"),
    Column("next_seq", BigInteger, nullable=False),
    Column("oldest_seq", BigInteger, nullable=False),
    Column("cursor_seq", BigInteger, nullable=False, comment="what is older the terminal takes for settled"),
    Column("duplicates", BigInteger, nullable=False),
    Column("conflicts", BigInteger, nullable=False),
    Column("first_seen_utc", Double, nullable=False),
    Column("last_seen_utc", Double, nullable=False),
    Column("presses", BigInteger, nullable=False, server_default="0", comment="presses that are rows"),
    Column("lost", BigInteger, nullable=False, server_default="0", comment="presses known to be lost"),
    Column("open_gaps", BigInteger, nullable=False, server_default="0", comment="gaps that the terminal still holds"),
    Column("pace_seq", BigInteger, comment="the next seq when it began to be heard"),
    Column("pace_utc", Double, comment="when that was"),
    sqlite_with_rowid=False,
)

redating = Table(
    "redating",
    metadata,
    *_log_key(),
    Column("low_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("high_seq", BigInteger, nullable=False, comment="presses from low_seq to here are to be dated again"),
    sqlite_with_rowid=False,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of all that says what it is"),
    Column("device_id", Text, nullable=False),
    Column("source", Text, nullable=False, comment="MQTT topic, or the way by which it came"),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("received_utc", Double, nullable=False, comment="first time"),
    Column("last_utc", Double, nullable=False),
    Column("times", BigInteger, nullable=False),
    Index("quarantine_by_device", "device_id"),
)

quarantine_sums = Table(
    "quarantine_sums",
    metadata,
    Column("device_id", Text, primary_key=True, comment="empty: messages that name no terminal"),
    Column("kept", BigInteger, nullable=False, comment="rows in quarantine"),
    Column("kept_bytes", BigInteger, nullable=False, comment="their payloads"),
    Column("not_kept", BigInteger, nullable=False, comment="messages for which there was no room"),
    Column("released", BigInteger, nullable=False, comment="messages that were taken in after all"),
    Column("dropped", BigInteger, nullable=False, comment="messages that a person did away with"),
)

terminals = Table(
    "terminals",
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column("firmware", String(64), comment="as its newest state messages said; null: not told"),
    Column("supply_mv", Integer),
    Column("rssi", Integer),
    Column("forgotten_utc", Double, comment="retired: told to nobody any more, until it speaks again"),
    Column("cleared_utc", Double, comment="since when the broker keeps nothing of it"),
    sqlite_with_rowid=False,
)

NO_HOUR: Final = -1
"""`hourly.hour` of presses whose time is not known."""

hourly = Table(
    "hourly",
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False, comment="hours of 1970; -1: not known"),
    Column("button", SmallInteger, primary_key=True, autoincrement=False),
    Column("verdict", String(16), primary_key=True),
    Column("presses", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

_VIEWS: Final = {
    "presses_v1": """
        SELECT device_id, log_id, seq, boot, uptime_ms, button, verdict, verdict = 'counted' AS is_vote,
               pressed_utc, clock, via, received_utc, count
        FROM presses
    """,
    # Sums that are kept with the rows: what it costs does not grow with their number.
    "ledger_v1": f"""
        SELECT device_id, log_id, pressed, presses AS "rows", lost, coalesce(pressed - presses - lost, 0) AS waiting,
               duplicates, pressed IS NOT NULL AND pressed - presses - lost = 0 AND open_gaps = 0
               AND next_seq - oldest_seq <= {LOG_RECORDS_MAX} AS balanced
        FROM logs
    """,
}

_OUTDATED_INDEXES: Final = ("records_by_target",)
"""Those of older versions that cost their upkeep and are not used any more."""

_FIRST_CONTENT: Final[dict[tuple[str, str], str]] = {
    ("logs", "presses"): """
        UPDATE logs SET presses = (SELECT CAST(coalesce(sum(presses.count), 0) AS BIGINT) FROM presses
            WHERE presses.device_id = logs.device_id AND presses.log_id = logs.log_id)
    """,
    ("logs", "lost"): """
        UPDATE logs SET lost = (SELECT CAST(coalesce(sum(spans.lost), 0) AS BIGINT) FROM spans
                WHERE spans.device_id = logs.device_id AND spans.log_id = logs.log_id)
            + coalesce((SELECT CASE WHEN spans.first_seq <= logs.oldest_seq THEN spans.totals_before ELSE 0 END
                FROM spans WHERE spans.device_id = logs.device_id AND spans.log_id = logs.log_id
                ORDER BY spans.first_seq LIMIT 1), 0)
    """,
    # Spans never have a gap wholly below oldest_seq between them, so one that begins above it has an open gap below.
    ("logs", "open_gaps"): """
        UPDATE logs SET open_gaps = (SELECT count(*) FROM spans
            WHERE spans.device_id = logs.device_id AND spans.log_id = logs.log_id AND spans.first_seq > logs.oldest_seq)
    """,
    ("logs", "pace_seq"): "UPDATE logs SET pace_seq = next_seq",
    ("logs", "pace_utc"): "UPDATE logs SET pace_utc = last_seen_utc",
    ("quarantine_sums", ""): """
        INSERT INTO quarantine_sums (device_id, kept, kept_bytes, not_kept, released, dropped)
        SELECT device_id, count(*), sum(length(payload)), 0, 0, 0 FROM quarantine GROUP BY device_id
    """,
}
"""By (table, column) that a database of an older version lacks: the statement that fills it from what is there. A whole
table that is missing stands as (table, "")."""


def database_url(db: str) -> URL:
    """The SQLAlchemy URL for what a person gives as `--db`: a URL, the path of an SQLite file, or @FILE with either."""
    db = address_in(db, "--db")
    check_database(db)
    if "://" not in db:
        return URL.create("sqlite", database=str(Path(db).expanduser()))
    try:
        url = make_url(db)
    except (ArgumentError, ValueError):  # the latter: a port that is none
        url = None
    if url is not None:
        hide(str(url.password or ""))
    match url.get_backend_name() if url is not None else None:
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
    """One database. `writing` and `reading` give connections in a transaction; both fail with people's sentences."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.known_logs: set[tuple[str, int]] = set()
        """(device_id, log_id) of logs that surely have a row: who knows them need not ask."""

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes: committed, durably, when the block ends well, else rolled back."""
        with self._people_errors(), self.engine.connect() as connection:
            writer = connection.execution_options(hymio_writes=True)
            with self._ends_sessions(connection), writer.begin():
                yield writer

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look at everything."""
        with self._people_errors(), self.engine.connect() as connection:
            reader = connection
            is_postgres = connection.dialect.name == "postgresql"
            if is_postgres:
                reader = connection.execution_options(isolation_level="REPEATABLE READ")
            with self._ends_sessions(connection), reader.begin():
                if is_postgres:
                    # Not postgresql_readonly: given back, the session would begin with READ WRITE from then on, and
                    # overrule a server that is to be read only.
                    reader.execute(text("SET TRANSACTION READ ONLY"))
                yield reader

    def close(self) -> None:
        """Lets go of all connections."""
        self.engine.dispose()

    @contextmanager
    def _ends_sessions(self, connection: Connection) -> Iterator[None]:
        # A session that was good may be so no longer: its server has become a standby (25006), shuts down (57P01), or
        # a pooler has given us another one. Asked whether it lives, it says yes, so it has to be given up, and with it
        # all others to the same server; the next connection finds who writes now.
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


def open_store(db: str, create: bool = False) -> Store:
    """Opens the database `db`, made first if `create`. One that an older hymio wrote is brought up to date.

    Raises:
        Failure: 2 not a database URL, 4 not there or not allowed, 5 written by a newer hymio.
    """
    url = database_url(db)
    if url.get_backend_name() == "sqlite":
        _check_sqlite_file(url, create)
    store = Store(_engine(url))
    try:
        if create:
            with store.writing() as connection:
                _create(connection)
        else:
            with store.reading() as connection:
                is_old = _check_version(connection) < SCHEMA_VERSION
            if is_old:
                with store.writing() as connection:
                    _create(connection)
    except Failure:
        store.close()
        raise
    except SQLAlchemyError as error:  # not a database file, a wrong password, no such database...
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
            "`hymio collect` and `hymio votes --db` make one; check the path given as --db.",
        )
    if create:
        # What SQLite makes itself others may read. Its -wal and -shm have the mode of the file.
        with suppress(OSError):  # SQLite says in a moment what is the matter
            make_private(path)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # A pooler hands each transaction to another session, which does not know what was prepared in the one before; and a
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
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # what it tells of errors, the errors tell
    try:
        return create_engine(url, pool_pre_ping=True, connect_args=settings)
    except ModuleNotFoundError as error:
        raise missing_extra("postgres", error) from error


def _prepare_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: it would do so too late for a writer (see _begin_sqlite).
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # An ack frees votes on the terminal, so a commit has to survive a power cut: WAL with NORMAL need not.
    connection.execute("PRAGMA synchronous=FULL")
    record.info[_FILE] = _file_at(connection.execute("PRAGMA database_list").fetchone()[2])


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that begins as a reader cannot wait for another writer, it fails with
    # "database is locked" (sqlite.org/lang_transaction.html, SQLITE_BUSY_SNAPSHOT).
    writes = connection.get_execution_options().get("hymio_writes", False)
    if writes:
        _check_in_place(connection)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _file_at(path: str) -> tuple[int, int] | None:
    """Which file bears this name now."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _check_in_place(connection: Connection) -> None:
    # SQLite goes on writing into a file that was moved or deleted: the votes would be acknowledged, and gone.
    url = connection.engine.url
    now = _file_at(str(url.database))
    if now == connection.info[_FILE]:
        return
    if now is not None:
        connection.invalidate()  # another file has its place, a backup perhaps: the next connection is to that
    raise Failure(
        NO_SERVICE,
        f"The database {shown(url)} cannot be used: its file was moved, deleted or replaced.",
        "Put it back where it was.",
    )


def _create(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
    if inspect(connection).has_table(schema_version.name):
        if _check_version(connection) < SCHEMA_VERSION:
            _bring_up_to_date(connection)
        # To begin a transaction is allowed in a file that can't be written to; this is not.
        connection.execute(update(schema_version).values(version=SCHEMA_VERSION))
        return
    metadata.create_all(connection)
    _create_views(connection)
    connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))


def _create_views(connection: Connection) -> None:
    for name, query in _VIEWS.items():
        connection.execute(text(f"CREATE VIEW {name} AS {query}"))


def _bring_up_to_date(connection: Connection) -> None:
    """Adds the tables, columns and indexes that an older version did not know, filled from what it kept.

    All of it is one transaction, of both kinds of database: broken off, it leaves the database as it was. A column that
    is added needs a server_default, or has to be nullable.
    """
    found = inspect(connection)
    columns = {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}
    for name in _VIEWS:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
    for name in _OUTDATED_INDEXES:
        connection.execute(text(f"DROP INDEX IF EXISTS {name}"))
    metadata.create_all(connection)
    missing = []
    for table in metadata.sorted_tables:
        if table.name not in columns:
            missing.append((table.name, ""))
            continue
        for column in table.columns:
            if column.name not in columns[table.name]:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f'ALTER TABLE "{table.name}" ADD COLUMN {definition}'))
                missing.append((table.name, column.name))
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    for added in missing:
        if added in _FIRST_CONTENT:
            connection.execute(text(_FIRST_CONTENT[added]))
    _create_views(connection)


def _check_version(connection: Connection) -> int:
    """The version of the tables; Failure if there are none, or newer ones than this hymio knows."""
    if not inspect(connection).has_table(schema_version.name):
        raise Failure(
            NO_SERVICE,
            f"{shown(connection.engine.url)} holds no hymio tables.",
            "`hymio collect` and `hymio votes --db` make them; check what is given as --db.",
        )
    found = int(connection.execute(select(schema_version.c.version)).scalar_one())
    if found > SCHEMA_VERSION:
        raise Failure(
            ANSWERED_ERROR,
            f"The database has format {found}, this hymio knows up to {SCHEMA_VERSION}.",
            "Take the newer hymio that wrote it; host/README.md says how it is installed.",
        )
    return found


def put_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts whole rows, values in the order of the table's columns, as fast as the database takes them."""
    if not rows:
        return
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    if connection.dialect.name == "postgresql":
        # COPY is several times faster than any INSERT here, also for a handful of rows.
        cursor = connection.connection.cursor()
        try:
            with cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
        finally:
            cursor.close()
        return
    marks = ", ".join("?" * len(table.columns))
    connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', list(rows))
