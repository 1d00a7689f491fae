"""After a site has changed: the roll-ups of exactly those stretches of time in which presses belong elsewhere now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from sqlalchemy import Connection, or_, select

from hymio.site.attribution import FOR_EVER, FROM_EVER, TerminalStretch, changed_stretches, nowhere_changed
from hymio.site.moments import WallClock
from hymio.store import schema
from hymio.store.cells import (
    ByButton,
    CellKey,
    Folded,
    add_by_button,
    add_cells,
    cells_of,
    fold_elsewhere,
    stored_minutes,
)
from hymio.store.places import StoredPlaces
from hymio.store.rows import chunks
from hymio.store.schema import NO_TIME, NOWHERE, CellSpan
from hymio.store.staff import StaffPlace, move_answers

_FOLDED_COLUMNS: Final = tuple(schema.cells.c[f"folded_{button}"] for button in range(1, 5))
_HALF_HOUR: Final = 30


def recompute(connection: Connection, old: StoredPlaces, new: StoredPlaces, at_utc: float) -> None:
    """Moves presses to the cells where they belong by the new sites, in the transaction that changes these.

    Presses whose rows were pruned stay at the place and in the hour where they were counted: nobody knows their minutes
    any more. Blocks of staff's answers stay as they are; see `staff`.

    Args:
        connection: comes from `Store.writing`, and holds `lock_sites`.
        old: where presses belonged before.
        new: where they belong now.
        at_utc: now, in seconds of 1970.
    """
    blocks: dict[StaffPlace, int] = {}
    moved: dict[StaffPlace, Counter[tuple[int, int]]] = defaultdict(Counter)
    for device_id, stretches in groupby(_changed(connection, old, new), key=lambda one: one.device_id):
        cells: dict[CellKey, ByButton] = {}
        for one in stretches:
            minutes = stored_minutes(connection, device_id, (one.from_utc_minute, one.until_utc_minute))
            for places, sign in ((old, -1), (new, 1)):
                found, answers = cells_of(places, minutes)
                for key, numbers in found.items():
                    add_by_button(cells, key, [sign * presses for presses in numbers])
                for place, (block, some) in answers.items():
                    blocks[place] = block
                    for minute, button, presses in some:
                        moved[place][minute, button] += sign * presses
        add_cells(connection, cells)
    _move_folded(connection, old, new)
    for place, answers_by_minute in sorted(moved.items()):
        some = [(minute, button, presses) for (minute, button), presses in sorted(answers_by_minute.items()) if presses]
        move_answers(connection, place, blocks[place], some, at_utc)


def _changed(connection: Connection, old: StoredPlaces, new: StoredPlaces) -> Iterator[TerminalStretch]:
    yield from changed_stretches(old, new)
    if nowhere_changed(old, new):
        placed = old.device_ids | new.device_ids
        logs = schema.logs.c.device_id
        for (device_id,) in connection.execute(select(logs).distinct().order_by(logs)).all():
            if device_id not in placed:
                yield TerminalStretch(device_id, FROM_EVER, FOR_EVER)


def _move_folded(connection: Connection, old: StoredPlaces, new: StoredPlaces) -> None:
    """Has pruned presses stand in the hour, day and month of the clock that their place has now.

    Of these it is known in which hour they were; where clocks differ by half an hour, they are taken to be of its
    middle.
    """
    zones = {
        node_id: (zone, new.zones[node_id])
        for node_id, zone in old.zones.items()
        if new.zones.get(node_id, zone) != zone
    }
    stood = schema.placements.c
    placed = old.device_ids | new.device_ids
    devices: set[str] = set()
    for chunk in chunks(sorted(zones)):
        devices.update(connection.execute(select(stood.device_id).where(stood.node_id.in_(chunk))).scalars())
    if nowhere_changed(old, new):
        logs = schema.logs.c
        pruned = connection.execute(select(logs.device_id).where(logs.folded > 0)).scalars()
        devices.update(set(pruned) - placed)
        zones[NOWHERE] = (old.pieces("")[0].zone, new.pieces("")[0].zone)
    clocks = {node_id: (WallClock(before), WallClock(after)) for node_id, (before, after) in zones.items()}
    table = schema.cells.c
    for device_id in sorted(devices):
        query = select(*schema.cells.primary_key, *_FOLDED_COLUMNS).where(
            table.device_id == device_id,
            table.span == int(CellSpan.HOUR),
            table.start_utc_minute != NO_TIME,
            or_(*(column != 0 for column in _FOLDED_COLUMNS)),
        )
        moves: list[tuple[CellKey, CellKey, Folded]] = []
        for _, _, start, node_id, survey_id, verdict, *folded in connection.execute(query):
            if node_id in clocks and (node_id != NOWHERE or device_id not in placed):
                before, after = clocks[node_id][0].whole_hour(start), clocks[node_id][1].whole_hour(start + _HALF_HOUR)
                for span, was, begins in (
                    (CellSpan.HOUR, before.begin, after.begin),
                    (CellSpan.DAY, before.day, after.day),
                    (CellSpan.MONTH, before.month, after.month),
                ):
                    if was != begins:
                        of = node_id, survey_id, verdict
                        moves.append(((device_id, int(span), was, *of), (device_id, int(span), begins, *of), folded))
        fold_elsewhere(connection, moves)
