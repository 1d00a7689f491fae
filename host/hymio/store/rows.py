"""Many rows at a time: inserting them as fast as each kind of database can, and asking for them in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table

IN_CHUNK: Final = 400
"""How many values an IN list may have; SQLite before 3.32 takes 999 parameters."""


def put_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts whole rows, with their values in the order of the table's columns."""
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


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cuts `values` into pieces that fit an IN list."""
    for at in range(0, len(values), IN_CHUNK):
        yield values[at : at + IN_CHUNK]
