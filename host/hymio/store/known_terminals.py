"""What the database keeps of terminals beside their votes: the newest facts, and which of them are retired."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from hymio.store.database import open_store
from hymio.store.schema import logs, terminal_states, terminals
from hymio.wire.limits import NAME_MAX_BYTES

_RANGES: Final = {"supply_mv": (0, 100_000), "rssi": (-200, 50)}
"""The values that a battery and a radio can have."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a terminal says of itself; None where it has not said, or has no such thing."""

    firmware: str | None = None
    supply_mv: int | None = None
    rssi: int | None = None


def facts_of(state: Mapping[str, Any]) -> Facts:
    """The facts in a state message; what no terminal can honestly say counts as not said."""
    firmware = state.get("firmware")
    if not (isinstance(firmware, str) and 0 < len(firmware) <= NAME_MAX_BYTES and firmware.isprintable()):
        firmware = None
    numbers = {}
    for key, (least, most) in _RANGES.items():
        value = state.get(key)
        numbers[key] = value if type(value) is int and least <= value <= most else None
    return Facts(firmware, **numbers)


def known(connection: Connection) -> dict[str, Facts]:
    """The facts of every terminal that somebody was told of and that is not retired, by device id."""
    table = terminals
    query = select(table.c.device_id, table.c.firmware, table.c.supply_mv, table.c.rssi)
    return {row[0]: Facts(*row[1:]) for row in connection.execute(query.where(table.c.forgotten_utc.is_(None)))}


def keep(connection: Connection, facts: Mapping[str, Facts]) -> None:
    """Keeps the newest facts of these terminals; one that is retired stays so."""
    for device_id, one in sorted(facts.items()):
        values = {"firmware": one.firmware, "supply_mv": one.supply_mv, "rssi": one.rssi}
        _put(connection, device_id, values)


def is_known(connection: Connection, device_id: str) -> bool:
    """Whether the database has ever heard of a terminal of this name."""
    return any(
        connection.execute(select(table.c.device_id).where(table.c.device_id == device_id).limit(1)).first()
        for table in (terminals, logs)
    )


def forget(connection: Connection, device_id: str, now_utc: float) -> None:
    """Marks a terminal as retired."""
    nothing = {"firmware": None, "supply_mv": None, "rssi": None}
    _put(connection, device_id, {**nothing, "forgotten_utc": now_utc, "cleared_utc": None})
    connection.execute(delete(terminal_states).where(terminal_states.c.device_id == device_id))


def remember(connection: Connection, device_ids: Iterable[str]) -> None:
    """Marks these terminals as not retired, because they have spoken again."""
    for device_id in sorted(device_ids):
        connection.execute(
            update(terminals).where(terminals.c.device_id == device_id).values(forgotten_utc=None, cleared_utc=None)
        )


def forgotten(connection: Connection) -> dict[str, bool]:
    """Every terminal that is retired, and whether the broker has been cleared of it."""
    table = terminals
    query = select(table.c.device_id, table.c.cleared_utc).where(table.c.forgotten_utc.is_not(None))
    return {device_id: cleared_utc is not None for device_id, cleared_utc in connection.execute(query)}


def cleared(connection: Connection, device_ids: Iterable[str], now_utc: float) -> None:
    """Notes that the broker keeps nothing of these terminals any more."""
    values = [{"device": device_id} for device_id in sorted(device_ids)]
    if values:
        statement = update(terminals).where(terminals.c.device_id == bindparam("device"))
        connection.execute(statement.values(cleared_utc=now_utc), values)


def _put(connection: Connection, device_id: str, values: Mapping[str, Any]) -> None:
    changed = connection.execute(update(terminals).where(terminals.c.device_id == device_id).values(**values))
    if not changed.rowcount:
        # If another collector writes it at the same moment, this one fails, and comes back with the same later.
        connection.execute(insert(terminals).values(device_id=device_id, **values))


def mark_retired(db: str, device_id: str) -> bool:
    """Marks a terminal as retired in the database `db`, so that no collector tells Home Assistant of it any more.

    Returns:
        Whether the database knew the terminal; one that it does not know is not marked.

    Raises:
        Failure: 2, 4 or 5, as `open_store` does.
    """
    store = open_store(db)
    try:
        with store.writing() as connection:
            if not is_known(connection, device_id):
                return False
            forget(connection, device_id, time.time())
    finally:
        store.close()
    return True
