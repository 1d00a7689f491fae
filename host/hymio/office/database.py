"""`hymio db`: brings a database up to date, keeps a copy, puts one back, prunes what is old, checks its sums."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hymio.common.durations import parse_duration
from hymio.common.output import console, error_console, note, print_json, print_line
from hymio.common.words import counted, if_one
from hymio.store import audit
from hymio.store.backup import back_up, restore
from hymio.store.check import Checked, check
from hymio.store.database import database_url, open_store
from hymio.store.database_errors import shown
from hymio.store.prune import prune
from hymio.store.schema import SCHEMA_VERSION, LogKey
from hymio.store.upgrade import check_version

_TOLD_EVERY_S: Final = 5.0
_SHOWN_MAX: Final = 20
"""More wrong sums than this are only counted for people."""


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


def run_prune(db: str, older_than: str, as_json: bool) -> None:
    """Takes rows of presses away that are old; figures and ledger stay as they are.

    Raises:
        Failure: 2 it is no duration; 2, 4 or 5, as `open_store` does.
    """
    now_utc = time.time()
    cutoff_utc = now_utc - parse_duration("--older-than", older_than) / 1000
    rows = presses = 0
    touched: set[LogKey] = set()
    store = open_store(db)
    try:
        with store.writing() as connection:
            audit.record(connection, "db.prune", {"older_than": older_than, "cutoff_utc": cutoff_utc})
        told_s = time.monotonic()
        for pruned in prune(store, cutoff_utc, now_utc):
            rows += pruned.rows
            presses += pruned.presses
            touched.add(pruned.key)
            if time.monotonic() - told_s > _TOLD_EVERY_S:
                told_s = time.monotonic()
                note(f"{counted(presses, 'press')} so far, now those of {pruned.key[0]}; Ctrl-C leaves the rest.")
    finally:
        store.close()
    if as_json:
        print_json({"cutoff_utc": cutoff_utc, "logs": len(touched), "rows": rows, "presses": presses})
    else:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(cutoff_utc))
        print_line(
            f"{counted(presses, 'press')} of {counted(len(touched), 'log')} before {when}"
            f" {if_one(presses, 'is', 'are')} figures only now: {counted(rows, 'row')} less."
        )


def run_check(db: str, as_json: bool) -> bool:
    """Compares every sum that the database keeps with its rows; gives whether all are right.

    Raises:
        Failure: 2, 4 or 5, as `open_store` does.
    """
    store = open_store(db)
    try:
        with store.reading() as connection, _progress() as done:
            checked = check(connection, done)
    finally:
        store.close()
    if as_json:
        print_json(checked.as_json())
    elif checked.ok:
        print_line(f"{shown(database_url(db))}: {counted(checked.checked, 'sum')}, all of them what the rows say.")
    else:
        _show_wrong(checked)
    return checked.ok


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, if anybody looks at it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("checking terminals"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown_at = error_console()
    with Progress(*columns, console=shown_at, transient=True, disable=not shown_at.is_terminal) as bar:
        task = bar.add_task("checking", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _show_wrong(checked: Checked) -> None:
    from rich.table import Table

    table = Table("table", "row", "column", "is", "should be", box=None)
    for one in checked.different[:_SHOWN_MAX]:
        key = ", ".join(f"{name} {value}" for name, value in one.key.items())
        table.add_row(one.table, key, one.column, str(one.stored), str(one.computed))
    console().print(table)
    wrong = len(checked.different) + checked.not_listed
    print_line(f"{counted(wrong, 'sum')} of {checked.checked} {if_one(wrong, 'is', 'are')} not what the rows say.")
    note(
        "Something else has written into the database, or hymio has a bug: please report it with the answer of --json."
    )


def _told(tables: Mapping[str, int]) -> str:
    return f"{counted(sum(tables.values()), 'row')} of {counted(len(tables), 'table')}"
