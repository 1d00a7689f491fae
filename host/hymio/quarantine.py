"""Where everything goes that arrived and could not be counted: nothing is thrown away, and the reason stands beside."""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy import Connection, text, update

from hymio import store

PAYLOAD_MAX_BYTES: Final = 1024 * 1024
"""More than any terminal can send; the rest of a longer payload is cut off, and the reason says so."""


def put_in_quarantine(
    connection: Connection, device_id: str, source: str, reason: str, payload: bytes, received_utc: float
) -> bool:
    """Keeps what could not be counted; the same thing again only raises its number. Whether it is new."""
    if len(payload) > PAYLOAD_MAX_BYTES:
        reason = f"{reason} (the first {PAYLOAD_MAX_BYTES} of {len(payload)} bytes)"
        payload = payload[:PAYLOAD_MAX_BYTES]
    identity = b"\0".join([device_id.encode(), source.encode(), reason.encode(), payload])
    digest = hashlib.sha256(identity).hexdigest()
    table = store.quarantine
    again = connection.execute(
        update(table).where(table.c.digest == digest).values(times=table.c.times + 1, last_utc=received_utc)
    )
    if again.rowcount:
        return False
    values = (digest, device_id, source, reason, payload, received_utc, received_utc, 1)
    connection.execute(
        text(
            "INSERT INTO quarantine (digest, device_id, source, reason, payload, received_utc, last_utc, times)"
            " VALUES (:a, :b, :c, :d, :e, :f, :g, :h)"
            # Another collector may have got the same thing at the same time.
            " ON CONFLICT (digest) DO UPDATE SET times = quarantine.times + 1"
        ),
        dict(zip("abcdefgh", values, strict=True)),
    )
    return True
