"""The roll-ups: how many presses a terminal had, ever and by day and hour of its place; added to with every row."""

# Rows are counted by the minute first, and all presses of a minute belong alike: so whatever moves a press (a revision,
# another date, another place) takes it out under the minute that it had, and adds it under the one that it has.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from sqlalchemy import Connection, select, text

from hymio.store import schema
from hymio.store.rows import chunks
from hymio.store.schema import NO_TIME, NOWHERE, OUT_OF_HOURS, CellSpan

TerminalMinute = tuple[str, int, int, str]
"""(device_id, UTC minute or `NO_TIME`, button, verdict): what is counted before it is known where it belongs."""

CellKey = tuple[str, int, int, int, int, int, str]
"""The key of `cells`, in the order of its columns."""

COUNTED: Final = "counted"

_COLUMNS: Final = tuple(column.name for column in schema.cells.columns if column.name != "folded")
_CONFLICT: Final = f" ON CONFLICT ({', '.join(_COLUMNS[:-1])}) DO UPDATE SET presses = cells.presses + excluded.presses"
_ADD_SQLITE: Final = f"INSERT INTO cells ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})" + _CONFLICT
_TYPES: Final = ("text", "smallint", "bigint", "integer", "integer", "smallint", "text", "bigint")
_ADD_POSTGRESQL: Final = (
    f"INSERT INTO cells ({', '.join(_COLUMNS)})"
    f" SELECT * FROM unnest({', '.join(f'%s::{name}[]' for name in _TYPES)})" + _CONFLICT
)
_IS_CELL: Final = " AND ".join(f"{name} = {{}}" for name in _COLUMNS[:-1])
_EMPTY_SQLITE: Final = f"DELETE FROM cells WHERE {_IS_CELL.replace('{}', '?')} AND presses = 0"
_EMPTY_POSTGRESQL: Final = _EMPTY_SQLITE.replace("?", "%s")

_MINUTES: Final = text(
    "SELECT utc_minute, button, verdict, CAST(sum(count) AS BIGINT) FROM ("
    f" SELECT CASE WHEN pressed_utc IS NULL THEN {NO_TIME}"
    # The cast truncates in SQLite and rounds in PostgreSQL, and a press may be from before 1970.
    "   ELSE CAST(pressed_utc / 60 AS BIGINT)"
    "     - CASE WHEN pressed_utc / 60 < CAST(pressed_utc / 60 AS BIGINT) THEN 1 ELSE 0 END END AS utc_minute,"
    "   button, verdict, count"
    " FROM presses WHERE device_id = :device_id) AS by_minute GROUP BY 1, 2, 3"
)


class Belonging(NamedTuple):
    """Where the presses of a minute belong."""

    node_id: int
    survey_id: int
    day_utc_minute: int
    """The UTC minute in which the local day began; the next one alike."""
    hour_utc_minute: int
    is_open: bool
    """By the opening hours of the place."""


class CellRow(NamedTuple):
    """A row of `cells` in one span."""

    device_id: str
    start_utc_minute: int
    node_id: int
    survey_id: int
    button: int
    verdict: str
    presses: int


def belongings(connection: Connection, device_id: str, utc_minutes: Iterable[int]) -> Iterator[Belonging]:
    """Where presses of these minutes (ascending, `NO_TIME` among them) of a terminal belong."""
    for minute in utc_minutes:
        if minute == NO_TIME:
            yield Belonging(NOWHERE, NOWHERE, NO_TIME, NO_TIME, is_open=True)
        else:
            yield Belonging(NOWHERE, NOWHERE, minute - minute % 1440, minute - minute % 60, is_open=True)


def add_presses(connection: Connection, minutes: Mapping[TerminalMinute, int]) -> None:
    """Adds presses (or takes them out: negative numbers) to the cells to which their minutes belong.

    Args:
        connection: comes from `Store.writing`.
        minutes: how many presses, by terminal, minute, button and verdict.
    """
    _add(connection, _cells_of(connection, sorted(item for item in minutes.items() if item[1])))


def fill_cells(connection: Connection) -> None:
    """Counts all presses of the database into its cells, of which there are none yet."""
    for (device_id,) in connection.execute(select(schema.logs.c.device_id).distinct()).all():
        counted = sorted(
            ((device_id, minute, button, verdict), presses)
            for minute, button, verdict, presses in connection.execute(_MINUTES, {"device_id": device_id})
        )
        _add(connection, _cells_of(connection, counted))


def read_cells(
    connection: Connection, device_ids: Sequence[str], span: CellSpan, from_utc_minute: int, until_utc_minute: int
) -> Iterator[CellRow]:
    """The cells of some terminals that begin in a stretch of time, in no order that could be relied on.

    What this costs depends on the cells that are read, and on nothing else. Several cells may differ only in what
    other readers ask for.

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


def _cells_of(connection: Connection, minutes: Sequence[tuple[TerminalMinute, int]]) -> dict[CellKey, int]:
    """The presses of minutes (in order) by the cells to which they belong."""
    cells: dict[CellKey, int] = defaultdict(int)
    for device_id, its in groupby(minutes, key=lambda item: item[0][0]):
        group = list(its)
        for ((_, _, button, verdict), presses), belonging in zip(
            group, belongings(connection, device_id, (item[0][1] for item in group)), strict=True
        ):
            node_id, survey_id, day, hour, is_open = belonging
            if not is_open and verdict == COUNTED:
                verdict = OUT_OF_HOURS
            cells[device_id, CellSpan.EVER, 0, node_id, survey_id, button, verdict] += presses
            cells[device_id, CellSpan.DAY, day, node_id, survey_id, button, verdict] += presses
            cells[device_id, CellSpan.HOUR, hour, node_id, survey_id, button, verdict] += presses
    return cells


def _add(connection: Connection, cells: Mapping[CellKey, int]) -> None:
    # The same order everywhere, so that two collectors can't wait for each other.
    rows = [(*key, presses) for key, presses in sorted(cells.items()) if presses]
    emptied = [row[:-1] for row in rows if row[-1] < 0]
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        # One statement: each takes its way to the server and back, and is planned anew.
        connection.exec_driver_sql(_ADD_POSTGRESQL, tuple(map(list, zip(*rows, strict=True))))
        if emptied:
            connection.exec_driver_sql(_EMPTY_POSTGRESQL, emptied)
    else:
        connection.exec_driver_sql(_ADD_SQLITE, rows)
        if emptied:
            connection.exec_driver_sql(_EMPTY_SQLITE, emptied)
