"""Making the tables of a new database, and bringing one that an older hymio wrote up to date."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn

from hymio.common.errors import ANSWERED_ERROR, NO_SERVICE, Failure
from hymio.store.cells import fill_cells
from hymio.store.database_errors import shown
from hymio.store.schema import SCHEMA_VERSION, metadata, schema_version
from hymio.store.views import create_views, drop_views

_SCHEMA_LOCK: Final = 0x68796D69
"""The PostgreSQL advisory lock ("hymi") under which tables are made, so that two collectors may start at the same time.
"""

_OUTDATED_INDEXES: Final = ("records_by_target",)
"""Indexes of older versions that cost their upkeep and are not used any more."""

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
    # Spans never have a gap wholly below oldest_seq between them, so each that begins above it has an open gap below.
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
"""The statements that fill what a database of an older version lacks from what is there, by (table, column). A whole
table that is missing is (table, "")."""


def create_or_upgrade(connection: Connection) -> None:
    """Gives the database the tables and views of this hymio, in the transaction of `connection`.

    Raises:
        Failure: 5 it was written by a newer hymio.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
    if inspect(connection).has_table(schema_version.name):
        if check_version(connection) < SCHEMA_VERSION:
            _bring_up_to_date(connection)
        # A transaction can be begun in a file that can't be written to; this can't be done there.
        connection.execute(update(schema_version).values(version=SCHEMA_VERSION))
        return
    metadata.create_all(connection)
    create_views(connection)
    connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))


def _bring_up_to_date(connection: Connection) -> None:
    """Adds the tables, columns and indexes that an older version did not know, filled from what it kept.

    All of it is one transaction, in both kinds of database: if it is broken off, the database is as it was. A column
    that is added needs a server_default, or has to be nullable.
    """
    found = inspect(connection)
    columns = {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}
    drop_views(connection)
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
    if ("cells", "") in missing:
        fill_cells(connection)
        connection.execute(text("DROP TABLE hourly"))  # what cells were before
    create_views(connection)


def check_version(connection: Connection) -> int:
    """The version of the tables in the database.

    Raises:
        Failure: 4 there are none, 5 they are newer than this hymio knows.
    """
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
