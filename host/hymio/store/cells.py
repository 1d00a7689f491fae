"""The roll-ups: how many presses a terminal had, ever and by month, day and hour of its place; kept with every row."""

# Rows are counted by the minute first, and all presses of a minute belong alike: so whatever moves a press (a revision,
# another date, another place) takes it out under the minute that it had, and adds it under the one that it has.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import add
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Connection, select, text

from hymio.store import schema
from hymio.store.rows import arrays, chunks
from hymio.store.schema import NO_TIME, NOWHERE, OUT_OF_HOURS, CellSpan
from hymio.store.staff import StaffAnswers, add_answers

if TYPE_CHECKING:
    # Whoever only reads cells has no need of the whole site and its clocks.
    from hymio.store.places import StoredPlaces

MinutePresses = tuple[int, int, str, int]
"""(UTC minute or `NO_TIME`, button, verdict, presses): what is counted before it is known where it belongs.

Negative: so many are taken out.
"""

Minutes = Mapping[str, Sequence[MinutePresses]]
"""By device_id, in any order; a minute may come more than once."""

CellKey = tuple[str, int, int, int, int, str]
"""The key of `cells`, in the order of its columns."""

ByButton = list[int]
"""Four numbers of presses, that of button 1 first; negative: so many are taken out."""

COUNTED: Final = "counted"

_EVER: Final = int(CellSpan.EVER)
_DAY: Final = int(CellSpan.DAY)
_HOUR: Final = int(CellSpan.HOUR)
_MONTH: Final = int(CellSpan.MONTH)

_KEY: Final = tuple(column.name for column in schema.cells.primary_key)
_PRESSES: Final = tuple(f"n{button}" for button in range(1, 5))
_FOLDED: Final = tuple(f"folded_{button}" for button in range(1, 5))
_KEY_ARRAYS: Final = ", ".join(f"%s::{name}[]" for name in ("text", "smallint", "bigint", "integer", "integer", "text"))
_IS_EMPTY: Final = " AND ".join(f"{name} = 0" for name in _PRESSES)
_EMPTY_SQLITE: Final = f"DELETE FROM cells WHERE {' AND '.join(f'{name} = ?' for name in _KEY)} AND {_IS_EMPTY}"
_EMPTY_POSTGRESQL: Final = (
    f"DELETE FROM cells USING unnest({_KEY_ARRAYS}) AS touched ({', '.join(_KEY)})"
    f" WHERE {' AND '.join(f'cells.{name} = touched.{name}' for name in _KEY)} AND {_IS_EMPTY}"
)

_MINUTE: Final = (
    f"CASE WHEN pressed_utc IS NULL THEN {NO_TIME} ELSE CAST(pressed_utc / 60 AS BIGINT)"
    # The cast truncates in SQLite and rounds in PostgreSQL, and a press may be from before 1970.
    " - CASE WHEN pressed_utc / 60 < CAST(pressed_utc / 60 AS BIGINT) THEN 1 ELSE 0 END END"
)
_MINUTES: Final = (
    f"SELECT {_MINUTE}, button, verdict, CAST(sum(count) AS BIGINT) FROM presses WHERE device_id = :device_id"
)
_ALL_MINUTES: Final = text(f"{_MINUTES} GROUP BY 1, 2, 3")
_MINUTES_BETWEEN: Final = text(f"{_MINUTES} AND pressed_utc >= :from_utc AND pressed_utc < :until_utc GROUP BY 1, 2, 3")


class CellRow(NamedTuple):
    """The presses of one button in a row of `cells`."""

    device_id: str
    start_utc_minute: int
    node_id: int
    survey_id: int
    button: int
    verdict: str
    presses: int


def add_presses(connection: Connection, places: StoredPlaces, minutes: Minutes, at_utc: float) -> None:
    """Adds presses to the cells to which their minutes belong, and answers of staff to their blocks.

    Args:
        connection: comes from `Store.writing`, and holds `share_sites`.
        places: where presses belong.
        minutes: the presses.
        at_utc: when they came, in seconds of 1970.
    """
    cells, answers = cells_of(places, minutes)
    add_cells(connection, cells)
    add_answers(connection, answers, at_utc)


def fill_cells(connection: Connection) -> None:
    """Counts all presses of a database that has neither cells yet nor sites."""
    from hymio.store.places import UNPLACED

    for (device_id,) in connection.execute(select(schema.logs.c.device_id).distinct()).all():
        add_cells(connection, cells_of(UNPLACED, stored_minutes(connection, device_id))[0])


def read_cells(
    connection: Connection, device_ids: Sequence[str], span: CellSpan, from_utc_minute: int, until_utc_minute: int
) -> Iterator[CellRow]:
    """What the cells of some terminals that begin in a stretch of time hold, in no order that could be relied on.

    What this costs depends on the cells that are read, and on nothing else.

    Args:
        connection: to the database.
        device_ids: the terminals.
        span: how long a cell is.
        from_utc_minute: the first start; of `CellSpan.EVER` all start at 0, of presses without a date at `NO_TIME`.
        until_utc_minute: the first start that is too late.
    """
    table = schema.cells
    for chunk in chunks(device_ids):
        query = select(
            table.c.device_id, table.c.start_utc_minute, table.c.node_id, table.c.survey_id, table.c.verdict,
            *(table.c[name] for name in _PRESSES),
        ).where(
            table.c.device_id.in_(chunk), table.c.span == int(span),
            table.c.start_utc_minute >= from_utc_minute, table.c.start_utc_minute < until_utc_minute,
        )  # fmt: skip
        for device_id, start, node_id, survey_id, verdict, *numbers in connection.execute(query).all():
            for button, presses in enumerate(numbers, start=1):
                if presses:
                    yield CellRow(device_id, start, node_id, survey_id, button, verdict, presses)


def stored_minutes(connection: Connection, device_id: str, stretch: tuple[int, int] | None = None) -> Minutes:
    """The presses of a terminal that are rows, by minute.

    Args:
        connection: to the database.
        device_id: the terminal.
        stretch: those from a UTC minute until before another one; None: all, those without a date too.
    """
    given: dict[str, Any] = {"device_id": device_id}
    statement = _ALL_MINUTES
    if stretch is not None:
        statement = _MINUTES_BETWEEN
        given |= {"from_utc": 60.0 * stretch[0], "until_utc": 60.0 * stretch[1]}
    return {device_id: [(*row,) for row in connection.execute(statement, given)]}


def minute_of(pressed_utc: float | None) -> int:
    """The UTC minute by which a press is counted, or `NO_TIME`."""
    return NO_TIME if pressed_utc is None else int(pressed_utc // 60)


def cells_of(places: StoredPlaces, minutes: Minutes) -> tuple[dict[CellKey, ByButton], StaffAnswers]:
    """The presses of minutes by the cells to which they belong, and those that are answers of staff."""
    cells: dict[CellKey, ByButton] = {}
    answers: StaffAnswers = {}
    for device_id, items in sorted(minutes.items()):
        # By the hour first: all else are sums of hours.
        hours: dict[tuple[int, int, int, int, int], dict[str, ByButton]] = {}
        begin = until = NO_TIME
        for minute, button, verdict, presses in sorted(items):
            if not begin <= minute < until:
                if minute == NO_TIME:
                    where, staff = None, 0
                    begin, until, key = NO_TIME, NO_TIME + 1, (NOWHERE, NOWHERE, NO_TIME, NO_TIME, NO_TIME)
                else:
                    where = places.hour_at(device_id, minute)
                    piece, begin, until, month, day, start = where[:6]
                    staff, key = piece.staff_block, (piece.node_id, piece.survey_id, month, day, start)
                hour = hours.setdefault(key, {})
            if verdict == COUNTED and where is not None:
                if not where.is_open(minute):
                    verdict = OUT_OF_HOURS
                elif staff:
                    answers.setdefault(key[:2], (staff, []))[1].append((minute, button, presses))
            numbers = hour.get(verdict)
            if numbers is None:
                numbers = hour[verdict] = [0, 0, 0, 0]
            numbers[button - 1] += presses
        for (node_id, survey_id, month, day, start), hour in hours.items():
            for verdict, numbers in hour.items():
                for span, begin in ((_EVER, 0), (_DAY, day), (_HOUR, start), (_MONTH, month)):
                    add_by_button(cells, (device_id, span, begin, node_id, survey_id, verdict), numbers)
    return cells, answers


def add_by_button(cells: dict[CellKey, ByButton], key: CellKey, more: ByButton) -> None:
    """Adds presses to one of these cells; `more` itself stays as it is, and several may have it."""
    there = cells.get(key)
    cells[key] = more if there is None else list(map(add, there, more))


def add_cells(connection: Connection, cells: Mapping[CellKey, ByButton]) -> None:
    """Adds presses to cells; a cell that has none any more is gone."""
    changed = [(*key, *numbers) for key, numbers in cells.items() if any(numbers)]
    _add(connection, _PRESSES, changed)
    _remove_empty(connection, [key for key, numbers in cells.items() if min(numbers) < 0])


def _remove_empty(connection: Connection, emptied: list[CellKey]) -> None:
    if not emptied:
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_EMPTY_POSTGRESQL, arrays(emptied))
    else:
        connection.exec_driver_sql(_EMPTY_SQLITE, emptied)


def fold_cells(connection: Connection, cells: Mapping[CellKey, ByButton]) -> None:
    """Notes that rows of these presses are about to be pruned; their cells count them all the same."""
    _add(connection, _PRESSES + _FOLDED, [(*key, 0, 0, 0, 0, *numbers) for key, numbers in cells.items()])


Folded = Sequence[int]
"""Presses of each button whose rows were pruned."""


def fold_elsewhere(connection: Connection, moves: Iterable[tuple[CellKey, CellKey, Folded]]) -> None:
    """Moves pruned presses from one cell to another one."""
    rows: dict[CellKey, list[int]] = {}
    for before, after, folded in moves:
        for key, sign in ((before, -1), (after, 1)):
            there = rows.get(key, [0, 0, 0, 0])
            rows[key] = [one + sign * more for one, more in zip(there, folded, strict=True)]
    _add(connection, _PRESSES + _FOLDED, [(*key, *numbers, *numbers) for key, numbers in rows.items()])
    _remove_empty(connection, [key for key, numbers in rows.items() if min(numbers) < 0])


def _add(connection: Connection, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Adds to these columns of cells, whose keys come first in the rows."""
    # The same order everywhere, so that two collectors can't wait for each other.
    rows.sort()
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        # One statement: each takes its way to the server and back, and is planned anew.
        values = f"SELECT * FROM unnest({_KEY_ARRAYS}{', %s::bigint[]' * len(columns)})"
        connection.exec_driver_sql(_adding(columns, values), arrays(rows))
    else:
        connection.exec_driver_sql(_adding(columns, f"VALUES ({', '.join('?' * len(rows[0]))})"), rows)


def _adding(columns: tuple[str, ...], values: str) -> str:
    changes = ", ".join(f"{name} = cells.{name} + excluded.{name}" for name in columns)
    names = ", ".join(_KEY + columns)
    return f"INSERT INTO cells ({names}) {values} ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {changes}"
