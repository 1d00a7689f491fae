"""`hymio replay`: which presses would have been votes with other windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, func, select

from hymio.common.durations import parse_duration
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.firmware_files import firmware_module
from hymio.common.output import console, error_console, note, print_json
from hymio.common.words import counted, if_one
from hymio.measures.happy_index import FACES
from hymio.measures.rejudging import default_windows
from hymio.store import schema
from hymio.store.database import open_store
from hymio.store.replaying import replay

OPTIONS: Final = {
    "--lockout": "lockout_ms",
    "--repeat": "repeat_ms",
    "--chord": "chord_ms",
    "--replace-from": "replace_from_ms",
    "--replace-until": "replace_until_ms",
    "--mash-presses": "mash_presses",
    "--mash": "mash_ms",
}
"""The options, and the keys of `windows` in a terminal's configuration that they stand for."""


def windows_of(given: Mapping[str, str | int | None]) -> dict[str, int]:
    """The windows of a terminal, changed by the options.

    Args:
        given: what was given, by option; None: nothing.

    Raises:
        Failure: 2, it is no duration, or no terminal would take it.
    """
    config = firmware_module("config")
    windows = default_windows()
    for option, value in given.items():
        if value is None:
            continue
        key = OPTIONS[option]
        number = parse_duration(option, value) if isinstance(value, str) else value
        try:
            config.build({"windows": {key: number}})
        except config.ConfigError as error:
            expected = str(error).split(": ", 1)[1]
            unit = " ms" if key.endswith("_ms") else ""
            raise Failure(
                WRONG_USE, f"{option} {value}: {expected}{unit}.", "No terminal takes such a window; see --help."
            ) from error
        windows[key] = number
    return windows


def run_replay(db: str, device_id: str | None, given: Mapping[str, str | int | None], as_json: bool) -> None:
    """Prints what would have counted with other windows.

    Args:
        db: the database.
        device_id: the one terminal; None: all.
        given: the windows by option; None: not given.
        as_json: whether the answer is JSON.

    Raises:
        Failure: 2 there is no such window or terminal, 4 no database, 5 a newer one.
    """
    windows = windows_of(given)
    opened = open_store(db)
    try:
        with opened.reading() as connection:
            with _progress(connection) as progress:
                terminals = replay(connection, windows, device_id, progress)
            known = select(schema.logs.c.device_id).distinct().limit(10)
            names = sorted(name for (name,) in connection.execute(known)) if not terminals else []
    finally:
        opened.close()
    if device_id is not None and not terminals:
        raise Failure(
            WRONG_USE,
            f"--device-id: there are no presses of {device_id!r} in the database.",
            f"It knows {', '.join(names)}." if names else "It knows no terminal yet.",
        )
    if as_json:
        shown = {key: ms for key, ms in windows.items() if key in OPTIONS.values()}
        print_json({"windows": shown, "terminals": [one.as_json() for one in terminals]})
    else:
        _show([one.as_json() for one in terminals])


@contextmanager
def _progress(connection: Connection) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, if anybody looks at it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    shown = error_console()
    if not shown.is_terminal:
        yield lambda rows: None
        return
    rows = connection.execute(select(func.count()).select_from(schema.presses)).scalar_one()
    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=shown, transient=True) as bar:
        task = bar.add_task("judging", total=max(rows, 1))
        yield lambda done: bar.update(task, completed=done)


def _show(terminals: list[dict[str, Any]]) -> None:
    from rich.table import Table

    if not terminals:
        note("No terminal has been heard of yet.")
        return
    table = Table(box=None)
    for column in ("terminal", "", "Happy Index", "votes", f"1 {FACES[0]}", "2", "3", f"4 {FACES[3]}"):
        table.add_column(column, justify="left" if column in ("terminal", "") else "right")
    for one in terminals:
        for label, ending in (("now", ""), ("then", "_then")):
            index = one[f"happy_index{ending}"]
            table.add_row(
                one["device_id"] if not ending else "", label, "no votes" if index is None else f"{index:.1f}",
                str(one[f"votes{ending}"]), *(str(votes) for votes in one[f"faces{ending}"]),
            )  # fmt: skip
    console().print(table)
    for one in terminals:
        for change in one["changed"]:
            print(
                f"{one['device_id']}: {change['presses']} judged {change['verdict']} would be {change['verdict_then']}"
            )
        if one["differs"]:
            come = if_one(one["differs"], "comes", "come")
            note(
                f"{one['device_id']}: {counted(one['differs'], 'press')} {come} out otherwise even with the default"
                " windows: it has windows of its own, presses of a flood or lost records lie between, or power failed"
                " after a press."
            )
