"""Quarantine: everything that arrived and could not be counted, with its reason, until a person decides about it.

What a terminal may fill is bounded; what comes beyond that is counted and not kept. `hymio quarantine` shows what is
there, tries once more to take it in, or drops it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, text, update

from hymio.store import schema
from hymio.wire import limits
from hymio.wire.device_ids import is_device_id

_LOCK_SUMS: Final = text(
    "INSERT INTO quarantine_sums (device_id, kept, kept_bytes, not_kept, released, dropped)"
    " VALUES (:device_id, 0, 0, 0, 0, 0)"
    # An update that changes nothing locks the row from here on, whoever has made it.
    " ON CONFLICT (device_id) DO UPDATE SET kept = quarantine_sums.kept"
)


class Kept(Enum):
    """What became of a message that was to be kept."""

    NEW = auto()
    AGAIN = auto()
    """The message is there already, and only its number has risen."""
    NO_ROOM = auto()
    """The terminal's share is full: the message was counted and not kept."""


@dataclass(frozen=True, slots=True)
class Held:
    """A message in quarantine."""

    digest: str
    device_id: str
    source: str
    reason: str
    payload: bytes
    received_utc: float
    last_utc: float
    times: int


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of one terminal: messages kept and their bytes, those that did not fit, and what people decided."""

    device_id: str
    kept: int
    kept_bytes: int
    not_kept: int
    released: int
    dropped: int

    @property
    def quarantined(self) -> int:
        """The number of messages about which nobody has decided."""
        return self.kept + self.not_kept


def put_in_quarantine(
    connection: Connection,
    device_id: str,
    source: str,
    reason: str,
    payload: bytes,
    received_utc: float,
    identity: bytes = b"",
) -> Kept:
    """Keeps what could not be counted, once: if the same thing comes again, only its number rises.

    Args:
        connection: comes from `Store.writing`.
        device_id: the terminal; "" if the message names none.
        source: the topic, or the way by which it came.
        reason: why it could not be counted.
        payload: the message.
        received_utc: when it came, in seconds of 1970.
        identity: what makes it the same thing, if that is not the payload.
    """
    device_id = device_id if is_device_id(device_id) else ""
    source = _plain(source, limits.SOURCE_MAX_CHARACTERS)
    reason, payload = cut_to_keep(reason, payload)
    reason = _plain(reason, limits.REASON_MAX_CHARACTERS)
    digest = hashlib.sha256(b"\0".join([device_id.encode(), source.encode(), identity or payload])).hexdigest()
    table, sums = schema.quarantine, schema.quarantine_sums
    all_kept = connection.execute(select(func.count()).select_from(table)).scalar_one()
    is_full = all_kept >= limits.QUARANTINE_MESSAGES_OF_ALL
    if is_full and connection.execute(select(sums.c.kept).where(sums.c.device_id == device_id)).first() is None:
        device_id = ""  # new names are not even listed then
    # This comes first, because another collector may be about to keep the same thing.
    connection.execute(_LOCK_SUMS, {"device_id": device_id})
    again = connection.execute(
        update(table).where(table.c.digest == digest).values(times=table.c.times + 1, last_utc=received_utc)
    )
    if again.rowcount:
        return Kept.AGAIN
    kept, kept_bytes = connection.execute(
        select(sums.c.kept, sums.c.kept_bytes).where(sums.c.device_id == device_id)
    ).one()
    if is_full or kept >= limits.QUARANTINE_MESSAGES or kept_bytes + len(payload) > limits.QUARANTINE_BYTES:
        _add(connection, device_id, not_kept=1)
        return Kept.NO_ROOM
    values = (digest, device_id, source, reason, payload, received_utc, received_utc, 1)
    connection.execute(
        text(
            "INSERT INTO quarantine (digest, device_id, source, reason, payload, received_utc, last_utc, times)"
            " VALUES (:a, :b, :c, :d, :e, :f, :g, :h)"
        ),
        dict(zip("abcdefgh", values, strict=True)),
    )
    _add(connection, device_id, kept=1, kept_bytes=len(payload))
    return Kept.NEW


def cut_to_keep(reason: str, payload: bytes) -> tuple[str, bytes]:
    """Cuts a payload down to what may be kept; the reason says so if it had to be cut."""
    most = limits.QUARANTINE_PAYLOAD_BYTES
    if len(payload) <= most:
        return reason, payload
    return f"{reason} (the first {most} of {len(payload)} bytes)", payload[:most]


def _plain(said: str, most: int) -> str:
    """A text that every database takes: without NUL, valid UTF-8, and of at most `most` characters."""
    return said.encode("utf-8", "replace").decode().replace("\0", "")[:most]


def _add(connection: Connection, device_id: str, **more: int) -> None:
    sums = schema.quarantine_sums
    changes: Mapping[str, Any] = {name: sums.c[name] + number for name, number in more.items()}
    connection.execute(update(sums).where(sums.c.device_id == device_id).values(**changes))


def sums_of(connection: Connection) -> list[Sums]:
    """The sums of every terminal that ever had something here, by device id; "" stands for messages that named none."""
    rows = connection.execute(select(schema.quarantine_sums).order_by(schema.quarantine_sums.c.device_id))
    return [Sums(*row) for row in rows]


def counts(connection: Connection) -> dict[str, int]:
    """The number of messages about which nobody has decided, by device id; terminals without any are left out."""
    return {one.device_id: one.quarantined for one in sums_of(connection) if one.quarantined}


def held(connection: Connection, ids: Collection[str] = (), device_id: str | None = None) -> list[Held]:
    """The messages that are kept, the oldest first.

    Args:
        connection: to the database.
        ids: beginnings of digests; none: all messages.
        device_id: the one terminal; None: all.
    """
    table = schema.quarantine
    query = select(table).order_by(table.c.received_utc, table.c.digest)
    if device_id is not None:
        query = query.where(table.c.device_id == device_id)
    found = [Held(*row) for row in connection.execute(query)]
    return [one for one in found if not ids or one.digest.startswith(tuple(ids))]


def take_out(connection: Connection, messages: Sequence[Held], as_released: bool) -> int:
    """Removes messages.

    Args:
        connection: comes from `Store.writing`.
        messages: what to remove.
        as_released: whether they are counted now; otherwise nobody wants them.

    Returns:
        How many were still there.
    """
    table = schema.quarantine
    gone = 0
    for one in sorted(messages, key=lambda one: one.device_id):
        connection.execute(_LOCK_SUMS, {"device_id": one.device_id})
        if not connection.execute(delete(table).where(table.c.digest == one.digest)).rowcount:
            continue
        gone += 1
        decided = {"released": 1} if as_released else {"dropped": 1}
        _add(connection, one.device_id, kept=-1, kept_bytes=-len(one.payload), **decided)
    return gone


def forget_not_kept(connection: Connection, device_id: str | None) -> int:
    """Settles what was counted and not kept, of one terminal or of all; gives how many messages that were."""
    table = schema.quarantine_sums
    query = select(table.c.device_id, table.c.not_kept).where(table.c.not_kept > 0).order_by(table.c.device_id)
    if device_id is not None:
        query = query.where(table.c.device_id == device_id)
    gone = 0
    for one, not_kept in connection.execute(query).all():
        _add(connection, one, not_kept=-not_kept, dropped=not_kept)
        gone += not_kept
    return gone
