"""Many rows at a time: inserting them as fast as each kind of database can, and asking for them in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table

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


def _columns(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _insert(table: Table) -> str:
    marks = ", ".join("?" * len(table.columns))
    return f'INSERT INTO "{table.name}" ({_columns(table)}) VALUES ({marks})'


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cuts `values` into pieces that fit an IN list."""
    for at in range(0, len(values), IN_CHUNK):
        yield values[at : at + IN_CHUNK]
