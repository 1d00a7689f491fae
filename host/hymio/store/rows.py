"""Many rows at a time: inserting them as fast as each kind of database can, and asking for them in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table

IN_CHUNK: Final = 400
"""How many values an IN list may have; SQLite before 3.32 takes 999 parameters."""


def put_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts whole rows, with their values in the order of the table's columns."""
    if not rows:
        return
    columns = _columns_of(table)
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


def replace_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts whole rows, or puts their values into those that are there with the same key."""
    if not rows:
        return
    statement = _replacing(table, connection.dialect)
    if connection.dialect.name == "postgresql":
        # One statement: each takes its way to the server and back, and is planned anew.
        connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))
    else:
        connection.exec_driver_sql(statement, list(rows))


@cache
def _replacing(table: Table, dialect: Dialect) -> str:
    if dialect.name == "postgresql":
        arrays = (f"%s::{column.type.compile(dialect)}[]" for column in table.columns)
        values = f"SELECT * FROM unnest({', '.join(arrays)})"
    else:
        values = f"VALUES ({', '.join('?' * len(table.columns))})"
    key = ", ".join(column.name for column in table.primary_key)
    changes = ", ".join(
        f'"{column.name}" = excluded."{column.name}"' for column in table.columns if not column.primary_key
    )
    return f'INSERT INTO "{table.name}" ({_columns_of(table)}) {values} ON CONFLICT ({key}) DO UPDATE SET {changes}'


def _columns_of(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cuts `values` into pieces that fit an IN list."""
    for at in range(0, len(values), IN_CHUNK):
        yield values[at : at + IN_CHUNK]
