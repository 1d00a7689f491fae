"""The server's own keys: each is made once, and is the same for all who serve one database."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import Connection, select, text

from hymio.store.schema import server_keys

COOKIES: Final = "cookies"
"""Signs what browsers keep and forms send back; a restored backup has another one, so nobody is logged in there."""
PERSONS: Final = "persons"
"""By which addresses become what people are told apart by; it stays for as long as the data, in backups too."""
_RANDOM_BYTES: Final = 32
_KEY: Final = text(
    "INSERT INTO server_keys (name, secret, created_utc) VALUES (:name, :secret, :now_utc)"
    " ON CONFLICT (name) DO NOTHING"
)


def stored_key(connection: Connection, name: str) -> bytes | None:
    """The key of that name; None: there is none yet."""
    found = connection.execute(select(server_keys.c.secret).where(server_keys.c.name == name)).scalar()
    return None if found is None else bytes(found)


def make_key(connection: Connection, name: str, now_utc: float) -> bytes:
    """The same, made if there is none; `connection` comes from `Store.writing`."""
    found = stored_key(connection, name)
    if found is None:
        made = {"name": name, "secret": secrets.token_bytes(_RANDOM_BYTES), "now_utc": now_utc}
        connection.execute(_KEY, made)  # unless another server has just done so
        found = stored_key(connection, name)
    assert found is not None
    return found
