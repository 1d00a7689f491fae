"""Many rows at a time: inserting them as fast as each kind of database can, and asking for them in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table

IN_CHUNK: Final = 400
"""How many values an IN list may have; SQLite before 3.32 takes 999 parameters."""


def put_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts whole rows, with their values in the order of the table's columns."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        copy_in(connection, table, rows)
    else:
        connection.exec_driver_sql(_insert(table), list(rows))


def copy_in(connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """The same for any number of rows that are made while they are written, past SQLAlchemy."""
    cursor: Any = connection.connection.cursor()
    try:
        if connection.dialect.name != "postgresql":
            cursor.executemany(_insert(table), rows)
            return
        # COPY is several times faster than any INSERT here, also for a handful of rows.
        with cursor.copy(f'COPY "{table.name}" ({_columns(table)}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
    finally:
        cursor.close()


def replace_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts whole rows, or puts their values into those that are there with the same key."""
    if not rows:
        return
    statement = _replace(table, connection.dialect)
    if connection.dialect.name == "postgresql":
        # One statement: each takes its way to the server and back, and is planned anew.
        connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))
    else:
        connection.exec_driver_sql(statement, list(rows))


def _columns(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _insert(table: Table) -> str:
    marks = ", ".join("?" * len(table.columns))
    return f'INSERT INTO "{table.name}" ({_columns(table)}) VALUES ({marks})'


@cache
def _replace(table: Table, dialect: Dialect) -> str:
    insert = _insert(table)
    if dialect.name == "postgresql":
        arrays = (f"%s::{column.type.compile(dialect)}[]" for column in table.columns)
        insert = f'INSERT INTO "{table.name}" ({_columns(table)}) SELECT * FROM unnest({", ".join(arrays)})'
    key = ", ".join(column.name for column in table.primary_key)
    changes = ", ".join(
        f'"{column.name}" = excluded."{column.name}"' for column in table.columns if not column.primary_key
    )
    return f"{insert} ON CONFLICT ({key}) DO UPDATE SET {changes}"


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cuts `values` into pieces that fit an IN list."""
    for at in range(0, len(values), IN_CHUNK):
        yield values[at : at + IN_CHUNK]
