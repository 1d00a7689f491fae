"""Making the tables of a new database, and bringing one that an older hymio wrote up to date."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, select, text
from sqlalchemy import update as update_rows

from hymio.common.errors import ANSWERED_ERROR, NO_SERVICE, Failure
from hymio.store.cells import fill_cells
from hymio.store.database_errors import shown
from hymio.store.partitions import SCHEMA_LOCK, partition_presses
from hymio.store.schema import SCHEMA_VERSION, metadata, presses, schema_version
from hymio.store.views import create_views, drop_views

REVISION: Final = "schema_{}"
"""What Alembic calls the tables of a schema version (`migrations/versions`)."""
_FIRST_WITH_CELLS: Final = 3

# As Alembic itself makes it, which takes longer to import than all else: it is needed for old databases only.
_revision = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def create_or_upgrade(connection: Connection) -> None:
    """Gives the database the tables and views of this hymio, in the transaction of `connection`.

    Raises:
        Failure: 5 it was written by a newer hymio.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})"))
    if not inspect(connection).has_table(schema_version.name):
        _create(connection)
        return
    found = check_version(connection)
    if found < SCHEMA_VERSION:
        _upgrade(connection, found)
    # A transaction can be begun in a file that can't be written to; this can't be done there.
    connection.execute(update_rows(schema_version).values(version=SCHEMA_VERSION))


def _create(connection: Connection) -> None:
    metadata.create_all(connection)
    if connection.dialect.name == "postgresql":
        partition_presses(connection)
        for index in presses.indexes:
            index.create(connection)
    create_views(connection)
    connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
    _stamp(connection, SCHEMA_VERSION)


def _stamp(connection: Connection, version: int) -> None:
    _revision.create(connection)
    connection.execute(insert(_revision).values(version_num=REVISION.format(version)))


def _upgrade(connection: Connection, found: int) -> None:
    """Brings the tables of an older version up to date.

    All of it is one transaction, in both kinds of database: if it is broken off, the database is as it was.
    """
    from alembic import command
    from alembic.config import Config

    drop_views(connection)
    if not inspect(connection).has_table(_revision.name):
        _stamp(connection, found)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "hymio.store:migrations")
    command.upgrade(config, "head")
    if found < _FIRST_WITH_CELLS:
        fill_cells(connection)
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
