"""Links of wall displays: whoever has one sees one place's figures of the day. The database keeps a digest of each."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from hymio.site.model import Scale, Survey
from hymio.site.rules import NAME_MAX, is_line
from hymio.store.schema import wall_links
from hymio.store.sites import StoredSite

RANDOM_BYTES: Final = 24
"""192 bits: nobody guesses one, so a plain digest is enough, which is found by an index in constant time."""
LENGTH_MAX: Final = 100
"""What is longer is no secret of a link, and is not looked at."""


@dataclass(frozen=True, slots=True)
class WallLink:
    """What is kept of a link.

    name: which screen it is, as people call it. node_id: of this place and all below it; None: all of the organisation.
    survey_id: None is whichever runs there.
    """

    id: int
    name: str
    organisation_id: int
    node_id: int | None
    survey_id: int | None
    created_by: str
    created_utc: float
    revoked_utc: float | None


_KEPT: Final = [wall_links.c[name] for name in WallLink.__dataclass_fields__]


def is_link_name(name: str) -> bool:
    """Whether a screen may be called so: one line, and not what would be taken for a number of a link."""
    return is_line(name, NAME_MAX) and not name.isdigit()


def link_surveys(stored: StoredSite) -> list[Survey]:
    """What a screen can show the answers of: it has four faces."""
    return [one for one in stored.site.surveys if one.scale is Scale.FOUR]


def link_named(connection: Connection, organisation_id: int, name: str) -> WallLink | None:
    """The one that shows under this name; None: it is free."""
    same = (wall_links.c.organisation_id == organisation_id) & (wall_links.c.name == name)
    row = connection.execute(select(*_KEPT).where(same & wall_links.c.revoked_utc.is_(None))).first()
    return None if row is None else WallLink(*row)


def create_link(
    connection: Connection,
    name: str,
    organisation_id: int,
    node_id: int | None,
    survey_id: int | None,
    created_by: str,
    now_utc: float,
) -> tuple[WallLink, str]:
    """Makes a link, in a transaction of `Store.writing`; gives it and its secret, which can't be had a second time."""
    secret = secrets.token_urlsafe(RANDOM_BYTES)
    values = {
        "name": name,
        "organisation_id": organisation_id,
        "node_id": node_id,
        "survey_id": survey_id,
        "created_by": created_by,
        "created_utc": now_utc,
    }
    made = insert(wall_links).values(digest=_digest(secret), **values).returning(*_KEPT)
    return WallLink(*connection.execute(made).one()), secret


def stored_links(connection: Connection) -> Iterator[WallLink]:
    """All that there ever were, the oldest first."""
    for row in connection.execute(select(*_KEPT).order_by(wall_links.c.id)):
        yield WallLink(*row)


def revoke_link(connection: Connection, link_id: int, now_utc: float) -> None:
    """From now on it shows nothing; one that was revoked before keeps its time."""
    unrevoked = (wall_links.c.id == link_id) & wall_links.c.revoked_utc.is_(None)
    connection.execute(update(wall_links).where(unrevoked).values(revoked_utc=now_utc))


def link_of(connection: Connection, secret: str) -> WallLink | None:
    """The link of a secret; None: there is none, or it was revoked."""
    if len(secret) > LENGTH_MAX or not secret.isascii():
        return None
    good = (wall_links.c.digest == _digest(secret)) & wall_links.c.revoked_utc.is_(None)
    row = connection.execute(select(*_KEPT).where(good)).first()
    return None if row is None else WallLink(*row)


def link_values(link: WallLink, stored: StoredSite) -> dict[str, Any]:
    """A link of an organisation as it is shown, in JSON too."""
    return {
        "id": link.id,
        "name": link.name,
        "organisation": stored.site.organisation.key,
        "place": None if link.node_id is None else stored.node_keys[link.node_id],
        "survey": None if link.survey_id is None else stored.survey_keys[link.survey_id],
        "created_by": link.created_by,
        "created_utc": link.created_utc,
        "revoked_utc": link.revoked_utc,
    }


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
