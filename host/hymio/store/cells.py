"""The roll-ups: how many presses a terminal had, ever and by month, day and hour of its place; kept with every row."""

# Rows are counted by the minute first, and all presses of a minute belong alike: so whatever moves a press (a revision,
# another date, another place) takes it out under the minute that it had, and adds it under the one that it has.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Connection, select, text

from hymio.store import schema
from hymio.store.rows import arrays, chunks
from hymio.store.schema import NO_TIME, NOWHERE, OUT_OF_HOURS, CellSpan
from hymio.store.staff import StaffAnswers, add_answers

if TYPE_CHECKING:
    # Whoever only reads cells has no need of the whole site and its clocks.
    from hymio.store.places import StoredPlaces

TerminalMinute = tuple[str, int, int, str]
"""(device_id, UTC minute or `NO_TIME`, button, verdict): what is counted before it is known where it belongs."""

Minutes = Mapping[TerminalMinute, int]
"""How many presses; negative: so many are taken out."""

CellKey = tuple[str, int, int, int, int, int, str]
"""The key of `cells`, in the order of its columns."""

COUNTED: Final = "counted"

_EVER: Final = int(CellSpan.EVER)
_DAY: Final = int(CellSpan.DAY)
_HOUR: Final = int(CellSpan.HOUR)
_MONTH: Final = int(CellSpan.MONTH)

_COLUMNS: Final = tuple(column.name for column in schema.cells.columns)
_KEY: Final = tuple(column.name for column in schema.cells.primary_key)
_TYPES: Final = ("text", "smallint", "bigint", "integer", "integer", "smallint", "text", "bigint", "bigint")
_ADD: Final = (
    f"INSERT INTO cells ({', '.join(_COLUMNS)}) {{}} ON CONFLICT ({', '.join(_KEY)})"
    " DO UPDATE SET presses = cells.presses + excluded.presses, folded = cells.folded + excluded.folded"
)
_ADD_SQLITE: Final = _ADD.format(f"VALUES ({', '.join('?' * len(_COLUMNS))})")
_ARRAYS: Final = [f"%s::{name}[]" for name in _TYPES]
_ADD_POSTGRESQL: Final = _ADD.format(f"SELECT * FROM unnest({', '.join(_ARRAYS)})")
_EMPTY_SQLITE: Final = f"DELETE FROM cells WHERE {' AND '.join(f'{name} = ?' for name in _KEY)} AND presses = 0"
_EMPTY_POSTGRESQL: Final = (
    f"DELETE FROM cells USING unnest({', '.join(_ARRAYS[: len(_KEY)])}) AS touched ({', '.join(_KEY)})"
    f" WHERE {' AND '.join(f'cells.{name} = touched.{name}' for name in _KEY)} AND presses = 0"
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
    """A row of `cells` in one span."""

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
    """The cells of some terminals that begin in a stretch of time, in no order that could be relied on.

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
            table.c.device_id, table.c.start_utc_minute, table.c.node_id, table.c.survey_id, table.c.button,
            table.c.verdict, table.c.presses,
        ).where(
            table.c.device_id.in_(chunk), table.c.span == int(span),
            table.c.start_utc_minute >= from_utc_minute, table.c.start_utc_minute < until_utc_minute,
        )  # fmt: skip
        for row in connection.execute(query):
            yield CellRow(*row)


def stored_minutes(
    connection: Connection, device_id: str, stretch: tuple[int, int] | None = None
) -> dict[TerminalMinute, int]:
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
    return {
        (device_id, minute, button, verdict): presses
        for minute, button, verdict, presses in connection.execute(statement, given)
    }


def cells_of(places: StoredPlaces, minutes: Minutes) -> tuple[dict[CellKey, int], StaffAnswers]:
    """The presses of minutes by the cells to which they belong, and those that are answers of staff."""
    by_terminal: dict[str, list[tuple[int, int, str, int]]] = {}
    for (device_id, minute, button, verdict), presses in minutes.items():
        if presses:
            by_terminal.setdefault(device_id, []).append((minute, button, verdict, presses))
    cells: dict[CellKey, int] = defaultdict(int)
    answers: StaffAnswers = {}
    for device_id, items in by_terminal.items():
        items.sort()
        # By hour first: all else are sums of hours.
        hours: dict[tuple[int, int, int, int, int, int, str], int] = defaultdict(int)
        dated = 0
        while dated < len(items) and items[dated][0] == NO_TIME:
            _, button, verdict, presses = items[dated]
            hours[NOWHERE, NOWHERE, NO_TIME, NO_TIME, NO_TIME, button, verdict] += presses
            dated += 1
        del items[:dated]
        found = places.many(device_id, [item[0] for item in items])
        for (_, button, verdict, presses), (piece, day, hour, month, is_open) in zip(items, found, strict=True):
            if verdict == COUNTED:
                if not is_open:
                    verdict = OUT_OF_HOURS
                elif piece.staff_block:
                    place = piece.node_id, piece.survey_id
                    answers.setdefault(place, (piece.staff_block, []))[1].append((button, presses))
            hours[piece.node_id, piece.survey_id, month, day, hour, button, verdict] += presses
        for (node_id, survey_id, month, day, hour, button, verdict), presses in hours.items():
            cells[device_id, _EVER, 0, node_id, survey_id, button, verdict] += presses
            cells[device_id, _DAY, day, node_id, survey_id, button, verdict] += presses
            cells[device_id, _HOUR, hour, node_id, survey_id, button, verdict] += presses
            cells[device_id, _MONTH, month, node_id, survey_id, button, verdict] += presses
    return cells, answers


def add_cells(connection: Connection, cells: Mapping[CellKey, int]) -> None:
    """Adds presses to cells; a cell that has none any more is gone."""
    _add(connection, {key: (presses, 0) for key, presses in cells.items() if presses})
    emptied = [key for key, presses in cells.items() if presses < 0]
    if not emptied:
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_EMPTY_POSTGRESQL, arrays(emptied))
    else:
        connection.exec_driver_sql(_EMPTY_SQLITE, emptied)


def fold_cells(connection: Connection, cells: Mapping[CellKey, int]) -> None:
    """Notes that rows of these presses are about to be pruned; their cells count them all the same."""
    _add(connection, {key: (0, presses) for key, presses in cells.items()})


def _add(connection: Connection, more: Mapping[CellKey, tuple[int, int]]) -> None:
    """Adds (presses, folded) to cells."""
    # The same order everywhere, so that two collectors can't wait for each other.
    rows = [(*key, *numbers) for key, numbers in sorted(more.items())]
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        # One statement: each takes its way to the server and back, and is planned anew.
        connection.exec_driver_sql(_ADD_POSTGRESQL, arrays(rows))
    else:
        connection.exec_driver_sql(_ADD_SQLITE, rows)
