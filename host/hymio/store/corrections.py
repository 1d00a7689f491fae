"""After a site has changed: the roll-ups of exactly those stretches of time in which presses belong elsewhere now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, select, text

from hymio.site.attribution import FOR_EVER, FROM_EVER, TerminalStretch, changed_stretches, nowhere_changed
from hymio.store import schema
from hymio.store.cells import COUNTED, ByButton, CellKey, add_by_button, add_cells, cells_of, stored_minutes
from hymio.store.places import StoredPlaces
from hymio.store.staff import StaffPlace, begin_again

_ANSWERS: Final = text(
    "SELECT received_utc, device_id, log_id, seq, pressed_utc, button, count FROM presses"
    f" WHERE device_id = :device_id AND pressed_utc >= :from_utc AND pressed_utc < :until_utc AND verdict = '{COUNTED}'"
)
_FOLDED: Final = text(
    f"SELECT {', '.join(f'CAST(sum(folded_{button}) AS BIGINT)' for button in range(1, 5))} FROM cells"
    f" WHERE device_id IN (SELECT device_id FROM logs WHERE folded > 0) AND span = {int(schema.CellSpan.EVER)}"
    f" AND node_id = :node_id AND survey_id = :survey_id AND verdict = '{COUNTED}'"
)


def recompute(connection: Connection, old: StoredPlaces, new: StoredPlaces, at_utc: float) -> None:
    """Moves presses to the cells where they belong by the new sites, in the transaction that changes these.

    Presses whose rows were pruned stay where they were counted: nobody knows their minutes any more. Blocks of staff's
    answers are made anew where anything of theirs may have moved.

    Args:
        connection: comes from `Store.writing`, and holds `lock_sites`.
        old: where presses belonged before.
        new: where they belong now.
        at_utc: now, in seconds of 1970.
    """
    staff: dict[StaffPlace, int] = {}
    for device_id, stretches in groupby(_changed(connection, old, new), key=lambda one: one.device_id):
        cells: dict[CellKey, ByButton] = {}
        for one in stretches:
            minutes = stored_minutes(connection, device_id, (one.from_utc_minute, one.until_utc_minute))
            for places, sign in ((old, -1), (new, 1)):
                staff |= {place: block for place, block, _ in _staff_of(places, one)}
                for key, numbers in cells_of(places, minutes)[0].items():
                    add_by_button(cells, key, [sign * presses for presses in numbers])
        add_cells(connection, cells)
    _begin_again(connection, new, staff, at_utc)


def _changed(connection: Connection, old: StoredPlaces, new: StoredPlaces) -> Iterator[TerminalStretch]:
    yield from changed_stretches(old, new)
    if nowhere_changed(old, new):
        placed = old.device_ids | new.device_ids
        logs = schema.logs.c.device_id
        for (device_id,) in connection.execute(select(logs).distinct().order_by(logs)).all():
            if device_id not in placed:
                yield TerminalStretch(device_id, FROM_EVER, FOR_EVER)


def _staff_of(places: StoredPlaces, within: TerminalStretch) -> Iterator[tuple[StaffPlace, int, TerminalStretch]]:
    """Where staff was asked in a stretch: (place and survey, answers that fill a block, when it was asked)."""
    pieces = places.pieces(within.device_id)
    untils = (*(piece.from_utc_minute for piece in pieces[1:]), FOR_EVER)
    for piece, until in zip(pieces, untils, strict=True):
        if piece.staff_block and piece.from_utc_minute < within.until_utc_minute and within.from_utc_minute < until:
            asked = TerminalStretch(within.device_id, piece.from_utc_minute, until)
            yield (piece.node_id, piece.survey_id), piece.staff_block, asked


def _begin_again(connection: Connection, places: StoredPlaces, staff: Mapping[StaffPlace, int], at_utc: float) -> None:
    asked: dict[StaffPlace, list[TerminalStretch]] = {place: [] for place in staff}
    for device_id in places.device_ids if staff else ():
        for place, _, stretch in _staff_of(places, TerminalStretch(device_id, FROM_EVER, FOR_EVER)):
            if place in asked:
                asked[place].append(stretch)
    for place, stretches in sorted(asked.items()):
        folded = connection.execute(_FOLDED, {"node_id": place[0], "survey_id": place[1]}).one()
        answers = [(button, presses) for button, presses in enumerate(folded, start=1) if presses]
        answers += [row[-2:] for row in sorted(_answers(connection, places, stretches))]
        begin_again(connection, place, staff[place], answers, at_utc)


def _answers(
    connection: Connection, places: StoredPlaces, stretches: Iterable[TerminalStretch]
) -> Iterator[tuple[Any, ...]]:
    """(when it came, device_id, log_id, seq, button, presses) of every counted press in opening hours."""
    for one in stretches:
        given = {
            "device_id": one.device_id,
            "from_utc": 60.0 * one.from_utc_minute,
            "until_utc": 60.0 * one.until_utc_minute,
        }
        rows = connection.execute(_ANSWERS, given).all()
        found = places.many(one.device_id, (int(row.pressed_utc // 60) for row in rows))
        yield from ((*row[:4], *row[5:]) for row, where in zip(rows, found, strict=True) if where.is_open)
