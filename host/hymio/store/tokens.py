"""Tokens: what programs show that read figures over HTTP. The database keeps a digest of each, never the token."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, insert, select, update

from hymio.site.model import NodeKind, places_of
from hymio.store.schema import tokens
from hymio.store.sites import StoredSite

PREFIX: Final = "hymio_"
"""By it people and programs that look for secrets in files recognise one."""
RANDOM_BYTES: Final = 24
"""192 bits: nobody guesses one, so a plain digest is enough, which is found by an index in constant time."""
LENGTH_MAX: Final = 200
"""What is longer is no token, and is not looked at."""


class TokenState(StrEnum):
    """Whether a token still opens anything."""

    GOOD = "good"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Scope:
    """What the bearer of a token may read."""

    token_id: int
    name: str
    organisation_id: int
    node_id: int | None
    """This place and all below it; None: the whole organisation."""
    cases: bool = False
    """Whether also cases, with the contacts of visitors, may be read and changed."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The places of a scope, and who has ever stood there."""

    nodes: frozenset[int]
    """Ids of groups and points."""
    points: frozenset[str]
    """Keys of the points among them."""
    device_ids: frozenset[str]
    """Terminals that stood at one of the points at any time; what they counted elsewhere is not of the scope."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What is kept of a token."""

    id: int
    name: str
    organisation_id: int
    node_id: int | None
    created_utc: float
    expires_utc: float | None
    revoked_utc: float | None
    cases: bool

    def state(self, now_utc: float) -> TokenState:
        """Whether it opens anything at that time."""
        if self.revoked_utc is not None:
            return TokenState.REVOKED
        if self.expires_utc is not None and self.expires_utc <= now_utc:
            return TokenState.EXPIRED
        return TokenState.GOOD


def create_token(
    connection: Connection,
    name: str,
    organisation_id: int,
    node_id: int | None,
    expires_utc: float | None,
    now_utc: float,
    cases: bool = False,
) -> tuple[int, str]:
    """Makes a token.

    Args:
        connection: comes from `Store.writing`.
        name: what people call it; no other good token of the organisation has the name.
        organisation_id: whose figures it opens.
        node_id: those of this place and all below it; None: all.
        expires_utc: from when on it opens nothing any more; None: never.
        now_utc: now.
        cases: whether it opens cases, with the contacts of visitors, too.

    Returns:
        Its id, and the token itself, which can't be had a second time.
    """
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    values = {
        "name": name,
        "digest": _digest(token),
        "organisation_id": organisation_id,
        "node_id": node_id,
        "created_utc": now_utc,
        "expires_utc": expires_utc,
        "cases": int(cases),
    }
    return int(connection.execute(insert(tokens).values(values).returning(tokens.c.id)).scalar_one()), token


def stored_tokens(connection: Connection) -> Iterator[StoredToken]:
    """All that there ever were, the oldest first."""
    columns = [column for column in tokens.c if column.name != "digest"]
    for row in connection.execute(select(*columns).order_by(tokens.c.id)):
        yield StoredToken(**{**row._mapping, "cases": bool(row.cases)})


def revoke_token(connection: Connection, token_id: int, now_utc: float) -> None:
    """From now on it opens nothing; one that was revoked before keeps its time."""
    unrevoked = (tokens.c.id == token_id) & tokens.c.revoked_utc.is_(None)
    connection.execute(update(tokens).where(unrevoked).values(revoked_utc=now_utc))


def resolve_token(connection: Connection, text: str, now_utc: float) -> Scope | None:
    """What a token opens; None: nothing, whatever the reason."""
    if len(text) > LENGTH_MAX or not text.isascii() or not text.startswith(PREFIX):
        return None
    row = connection.execute(
        select(tokens.c.id, tokens.c.name, tokens.c.organisation_id, tokens.c.node_id, tokens.c.cases).where(
            tokens.c.digest == _digest(text),
            tokens.c.revoked_utc.is_(None),
            tokens.c.expires_utc.is_(None) | (tokens.c.expires_utc > now_utc),
        )
    ).first()
    return None if row is None else Scope(*row[:-1], bool(row.cases))


def covered(scope: Scope, stored: StoredSite) -> Covered:
    """What a scope covers in the site of its organisation, as the tree is now."""
    places = places_of(stored.site)
    key = None if scope.node_id is None else stored.node_keys[scope.node_id]
    nodes = list(places.below(key))
    points = frozenset(node.key for node in nodes if node.kind is NodeKind.POINT)
    return Covered(
        frozenset(stored.nodes[node.key] for node in nodes),
        points,
        frozenset(stay.device_id for stay in stored.site.placements if stay.point in points),
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
