"""Many rows at a time: inserting them as fast as each kind of database can, and asking for them in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table

from hymio.store.schema import LogKey

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


def change_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Gives rows that are there other values; they come whole, in the order of the table's columns, the key first."""
    if not rows:
        return
    columns = [column.name for column in table.columns]
    keys = len(table.primary_key)
    if connection.dialect.name == "postgresql":
        # One statement: each takes its way to the server and back, and is planned anew.
        changes = ", ".join(f"{name} = changed.{name}" for name in columns[keys:])
        is_row = " AND ".join(f"{table.name}.{name} = changed.{name}" for name in columns[:keys])
        changed = f"{unnest(connection, table)} AS changed ({', '.join(columns)})"
        statement = f"UPDATE {table.name} SET {changes} FROM {changed} WHERE {is_row}"
        connection.exec_driver_sql(statement, arrays(rows))
    else:
        changes = ", ".join(f"{name} = ?" for name in columns[keys:])
        is_row = " AND ".join(f"{name} = ?" for name in columns[:keys])
        statement = f"UPDATE {table.name} SET {changes} WHERE {is_row}"
        connection.exec_driver_sql(statement, [row[keys:] + row[:keys] for row in rows])


def rows_of_logs(connection: Connection, query: str, keys: Sequence[LogKey], then: str = "") -> Iterator[Any]:
    """The rows that a query finds for these logs.

    It is past SQLAlchemy's expressions, which cost more than the database does.

    Args:
        connection: to the database.
        query: up to its WHERE.
        keys: the logs.
        then: what comes after WHERE.
    """
    for chunk in chunks(keys):
        if connection.dialect.name == "postgresql":
            logs, given = "SELECT * FROM unnest(%s::text[], %s::bigint[])", arrays(chunk)
        else:
            logs = f"VALUES {', '.join(['(?, ?)'] * len(chunk))}"
            given = tuple(value for key in chunk for value in key)
        yield from connection.exec_driver_sql(f"{query} WHERE (device_id, log_id) IN ({logs}) {then}", given)


def unnest(connection: Connection, table: Table) -> str:
    """SQL of PostgreSQL for rows that are given as an array for each of the table's columns."""
    types = (column.type.compile(connection.dialect) for column in table.columns)
    return f"unnest({', '.join(f'%s::{kind}[]' for kind in types)})"


def arrays(rows: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The columns of rows as arrays for PostgreSQL's `unnest`.

    Those of numbers are written here, in a tenth of the time that the driver takes for them.
    """
    return tuple(
        list(column)
        if any(isinstance(value, str) for value in column)
        else "{" + ",".join("NULL" if value is None else repr(value) for value in column) + "}"
        for column in zip(*rows, strict=True)
    )


def _columns(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _insert(table: Table) -> str:
    marks = ", ".join("?" * len(table.columns))
    return f'INSERT INTO "{table.name}" ({_columns(table)}) VALUES ({marks})'


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cuts `values` into pieces that fit an IN list."""
    for at in range(0, len(values), IN_CHUNK):
        yield values[at : at + IN_CHUNK]
