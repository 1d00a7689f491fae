"""`hymio replay`: which presses would have been votes with other windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import merge
from typing import Any, Final

from sqlalchemy import Connection, and_, func, or_, select

from hymio.common.durations import parse_duration
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.firmware_files import firmware_module
from hymio.common.output import console, error_console, note, print_json
from hymio.common.words import counted, if_one
from hymio.measures.happy_index import FACES, happy_index
from hymio.office.rejudging import STUCK, boots, default_windows, rejudge
from hymio.store import schema
from hymio.store.database import open_store
from hymio.wire.records import UNANSWERED, VERDICT_CODES, VERDICTS, Kind, Press, Record, Run, decode_content

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

_ROWS_AT_ONCE: Final = 5000


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


@dataclass
class Figures:
    """The figures of one terminal: its presses as they are judged now, and as they would have been judged."""

    device_id: str
    now: Counter[tuple[int, int]] = field(default_factory=Counter)
    """The number of presses by (button, verdict)."""
    then: Counter[tuple[int, int]] = field(default_factory=Counter)
    changed: Counter[tuple[int, int]] = field(default_factory=Counter)
    """The number of presses by (verdict, verdict with the other windows)."""
    differs: int = 0

    def as_json(self) -> dict[str, Any]:
        """The figures as an object of `hymio replay --json`."""
        faces, faces_then = _faces(self.now), _faces(self.then)
        return {
            "device_id": self.device_id,
            "presses": self.now.total(),
            "votes": sum(faces),
            "votes_then": sum(faces_then),
            "faces": faces,
            "faces_then": faces_then,
            "happy_index": happy_index(faces),
            "happy_index_then": happy_index(faces_then),
            "verdicts": _verdicts(self.now),
            "verdicts_then": _verdicts(self.then),
            "changed": [
                {"verdict": VERDICTS[was], "verdict_then": VERDICTS[then], "presses": presses}
                for (was, then), presses in sorted(self.changed.items(), key=lambda one: (-one[1], one[0]))
            ],
            "differs": self.differs,
        }


def _faces(presses: Counter[tuple[int, int]]) -> list[int]:
    return [presses[button, VERDICT_CODES["counted"]] for button in range(1, 5)]


def _verdicts(presses: Counter[tuple[int, int]]) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for (_, verdict), count in presses.items():
        summed[VERDICTS[verdict]] += count
    return dict(sorted(summed.items()))


def replay(
    connection: Connection,
    windows: Mapping[str, int],
    device_id: str | None = None,
    progress: Callable[[int], None] = lambda rows: None,
) -> list[Figures]:
    """Replays every terminal, or the one of this device id, in the order of device ids.

    Args:
        connection: to the database.
        windows: the other windows.
        device_id: the one terminal; None: all.
        progress: is called with the number of rows done.
    """
    defaults = default_windows()
    table = schema.logs
    query = select(table.c.device_id, table.c.log_id)
    if device_id is not None:
        query = query.where(table.c.device_id == device_id)
    terminals: dict[str, Figures] = {}
    rows = 0
    for of_device, log_id in sorted(tuple(row) for row in connection.execute(query)):
        figures = terminals.setdefault(of_device, Figures(of_device))
        in_force: dict[int, int] = {}
        for boot in boots(_records(connection, of_device, log_id, in_force)):
            then = rejudge(boot, windows)
            usual = then if windows == defaults else rejudge(boot, defaults)
            for seq, record in boot:
                if not isinstance(record, Press | Run):
                    continue
                # Presses that were folded into a run stay as they were judged.
                count, was = (record.count, record.verdict) if isinstance(record, Run) else (1, in_force.pop(seq))
                verdict = then.get(seq, was)
                figures.now[record.button, was] += count
                figures.then[record.button, verdict] += count
                if verdict != was:
                    figures.changed[was, verdict] += count
                if usual.get(seq, was) != was:
                    figures.differs += 1
                rows += 1
            progress(rows)
    return list(terminals.values())


def _records(
    connection: Connection, device_id: str, log_id: int, in_force: dict[int, int]
) -> Iterator[tuple[int, Record]]:
    """The presses of one log and what bears on them, by seq; the verdicts in force now are put into `in_force`."""
    others, pressed = schema.records, schema.presses
    query = (
        select(others.c.seq, others.c.body)
        .where(others.c.device_id == device_id, others.c.log_id == log_id)
        .where(
            or_(
                and_(others.c.kind == Kind.REVISE, others.c.code == STUCK),
                and_(others.c.kind == Kind.EVENT, others.c.code == UNANSWERED),
            )
        )
        .order_by(others.c.seq)
    )
    told = [(seq, record) for seq, body in connection.execute(query) if (record := decode_content(bytes(body)))]
    presses = (
        select(
            pressed.c.seq, pressed.c.boot, pressed.c.uptime_ms, pressed.c.button, pressed.c["count"],
            pressed.c.span_s, pressed.c.verdict, pressed.c.stored_verdict, pressed.c.quiet_ms,
        )
        .where(pressed.c.device_id == device_id, pressed.c.log_id == log_id)
        .order_by(pressed.c.seq)
    )  # fmt: skip

    def read() -> Iterator[tuple[int, Record]]:
        for row in connection.execute(presses, execution_options={"yield_per": _ROWS_AT_ONCE}):
            seq, boot, uptime_ms, button, count, span_s, verdict, stored, quiet_ms = row
            if span_s is not None:
                yield seq, Run(boot, uptime_ms, button, VERDICT_CODES[stored], span_s, count)
            else:
                in_force[seq] = VERDICT_CODES[verdict]
                yield seq, Press(boot, uptime_ms, button, VERDICT_CODES[stored], 0, 0, quiet_ms)

    return merge(read(), told, key=lambda one: one[0])


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
