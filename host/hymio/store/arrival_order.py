"""Presses in the order in which they came: for who follows a database, and misses and repeats nothing."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from hymio.wire.device_ids import is_device_id

_NEWEST: Final = text("SELECT value FROM counters WHERE name = 'arrival'")
_NEXT: Final = text(
    "INSERT INTO counters (name, value) VALUES ('arrival', 1)"
    " ON CONFLICT (name) DO UPDATE SET value = counters.value + 1"
)
_AFTER: Final = text(
    "SELECT arrival, device_id, log_id, seq, button, count, verdict, pressed_utc, received_utc FROM presses"
    " WHERE arrival >= :arrival AND (arrival, device_id, log_id, seq) > (:arrival, :device_id, :log_id, :seq)"
    " ORDER BY arrival, device_id, log_id, seq LIMIT :most"
)
_POSITION: Final = re.compile(r"(\d{1,18})(?:\.([a-z0-9-]{3,32})\.(\d{1,10})\.(\d{1,10}))?", re.ASCII)


class ArrivalPosition(NamedTuple):
    """Where a press stands in that order, for ever: by the transaction that brought it, then by its name."""

    arrival: int
    device_id: str = ""
    log_id: int = 0
    seq: int = 0

    def __str__(self) -> str:
        return f"{self.arrival}.{self.device_id}.{self.log_id}.{self.seq}" if self.device_id else str(self.arrival)


def arrival_position(said: str) -> ArrivalPosition:
    """What `str` made of a position.

    Raises:
        ValueError: it is none.
    """
    found = _POSITION.fullmatch(said)
    if found is None or (found[2] is not None and not is_device_id(found[2])):
        raise ValueError(said)
    if found[2] is None:
        return ArrivalPosition(int(found[1]))
    return ArrivalPosition(int(found[1]), found[2], int(found[3]), int(found[4]))


class ArrivedPress(NamedTuple):
    """A row of `presses`."""

    arrival: int
    device_id: str
    log_id: int
    seq: int
    button: int
    presses: int
    verdict: str
    pressed_utc: float | None
    received_utc: float

    @property
    def position(self) -> ArrivalPosition:
        """Where it stands."""
        return ArrivalPosition(self.arrival, self.device_id, self.log_id, self.seq)


def newest_arrival(connection: Connection) -> int:
    """The number of the newest transaction that brought presses; all up to it are there, and none above."""
    return int(connection.execute(_NEWEST).scalar() or 0)


def next_arrival(connection: Connection) -> int:
    """The number of a transaction that brings presses or answers, which it asks for once, before it writes them.

    The counter's row stays locked until all is committed, so that the numbers are committed in their order. Whatever
    else is locked by name has to be locked before, and cells after.
    """
    connection.execute(_NEXT)
    return newest_arrival(connection)


def presses_after(connection: Connection, position: ArrivalPosition, most: int) -> list[ArrivedPress]:
    """The first rows after a position, at most `most` of them."""
    return [ArrivedPress(*row) for row in connection.execute(_AFTER, {**position._asdict(), "most": most})]
