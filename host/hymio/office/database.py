"""`hymio db`: brings a database up to date, keeps a copy of it, and puts one back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hymio.common.output import print_json, print_line
from hymio.common.words import counted
from hymio.store.backup import back_up, restore
from hymio.store.database import database_url, open_store
from hymio.store.database_errors import shown
from hymio.store.schema import SCHEMA_VERSION
from hymio.store.upgrade import check_version


def run_upgrade(db: str, as_json: bool) -> None:
    """Brings the database up to date, and makes the partitions of the months to come.

    Raises:
        Failure: 2 or 4 there is none, 5 a newer hymio wrote it.
    """
    store = open_store(db, as_it_is=True)
    try:
        with store.reading() as connection:
            found = check_version(connection)
    finally:
        store.close()
    open_store(db, create=True).close()
    name = shown(database_url(db))
    if as_json:
        print_json({"db": name, "from": found, "to": SCHEMA_VERSION})
    elif found == SCHEMA_VERSION:
        print_line(f"{name} is up to date: format {found}.")
    else:
        print_line(f"{name} had format {found} and has format {SCHEMA_VERSION} now.")


def run_backup(db: str, out: Path, as_json: bool) -> None:
    """Writes a backup of the database to a file that is not there yet.

    Raises:
        Failure: 2, 4 or 5, as `open_store` and `back_up` do.
    """
    store = open_store(db, as_it_is=True)
    try:
        tables = back_up(store, out)
    finally:
        store.close()
    size = out.stat().st_size
    if as_json:
        print_json({"file": str(out), "bytes": size, "tables": tables})
    else:
        print_line(f"{out}: {_told(tables)}, {counted(size, 'byte')}.")


def run_restore(backup: Path, db: str, as_json: bool) -> None:
    """Puts a backup into a database in which there is nothing.

    Raises:
        Failure: 1, 2, 4 or 5, as `restore` does.
    """
    tables = restore(backup, db)
    name = shown(database_url(db))
    if as_json:
        print_json({"db": name, "tables": tables})
    else:
        print_line(f"{name}: {_told(tables)}, as in {backup}.")


def _told(tables: Mapping[str, int]) -> str:
    return f"{counted(sum(tables.values()), 'row')} of {counted(len(tables), 'table')}"
