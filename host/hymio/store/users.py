"""Accounts: who may look at the pages, in which role, and what of the places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from hymio.common.roles import Role
from hymio.store.schema import sessions, user_places, users

NAME_MAX: Final = 254
"""Letters of a name; an e-mail address has no more."""


@dataclass(frozen=True, slots=True)
class Root:
    """A place that somebody may see, and all below it."""

    organisation_id: int
    node_id: int | None
    """None: the whole organisation."""


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    id: int
    name: str
    email: str | None
    role: Role
    issuer: str | None
    """Who else says who it is (OpenID Connect); None: nobody."""
    created_utc: float
    disabled_utc: float | None
    last_login_utc: float | None
    has_password: bool
    roots: tuple[Root, ...]
    """Empty for an admin, who sees everything."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """What an account is made of."""

    name: str
    role: Role
    roots: Sequence[Root] = ()
    email: str | None = None
    password: str | None = None
    """Its Argon2 hash; None: it logs in elsewhere only."""
    issuer: str | None = None
    subject: str | None = None


def normal_name(typed: str) -> str:
    """A name as it is kept: however somebody types it, it is the same one."""
    return typed.strip().casefold()


def any_user(connection: Connection) -> bool:
    """Whether there has ever been an account."""
    return connection.execute(select(users.c.id).limit(1)).first() is not None


def all_users(connection: Connection) -> list[User]:
    """Every account, by name."""
    return _users(connection)


def user_of_id(connection: Connection, user_id: int) -> User | None:
    """The account of that number."""
    return next(iter(_users(connection, users.c.id == user_id)), None)


def user_named(connection: Connection, name: str) -> User | None:
    """The account of that name, however it is typed."""
    return next(iter(_users(connection, users.c.name == normal_name(name))), None)


def user_of_subject(connection: Connection, issuer: str, subject: str, email: str | None) -> User | None:
    """The account of somebody whom an issuer vouches for.

    One that was made for the e-mail address is that subject's from its first log-in on.

    Args:
        connection: comes from `Store.writing`.
        issuer: who says so.
        subject: who it is there.
        email: its address, if the issuer has verified it.
    """
    found = _users(connection, (users.c.issuer == issuer) & (users.c.subject == subject))
    if not found and email:
        waiting = (users.c.issuer == issuer) & users.c.subject.is_(None)
        found = _users(connection, waiting & (users.c.name == normal_name(email)))
        if found:
            change_user(connection, found[0].id, subject=subject)
    return next(iter(found), None)


def password_hash(connection: Connection, user_id: int) -> str | None:
    """The hash of an account's password; None: it has none, and so no password is right."""
    found = connection.execute(select(users.c.password).where(users.c.id == user_id)).scalar()
    return None if found is None else str(found)


def add_user(connection: Connection, new: NewUser, now_utc: float) -> int:
    """Makes an account whose name is not taken, and gives its number."""
    values = {
        "name": normal_name(new.name),
        "email": new.email,
        "role": new.role.value,
        "password": new.password,
        "issuer": new.issuer,
        "subject": new.subject,
        "created_utc": now_utc,
    }
    number = int(connection.execute(insert(users).values(values).returning(users.c.id)).scalar_one())
    set_roots(connection, number, new.roots)
    return number


def change_user(connection: Connection, user_id: int, **values: Any) -> None:
    """Changes columns of an account."""
    connection.execute(update(users).where(users.c.id == user_id).values(**values))


def set_roots(connection: Connection, user_id: int, roots: Sequence[Root]) -> None:
    """Says what an account may see from now on."""
    connection.execute(delete(user_places).where(user_places.c.user_id == user_id))
    rows = [
        {"user_id": user_id, "organisation_id": one.organisation_id, "node_id": one.node_id}
        for one in dict.fromkeys(roots)
    ]
    if rows:
        connection.execute(insert(user_places), rows)


def end_sessions(connection: Connection, user_id: int, but: str | None = None) -> None:
    """Logs an account out of every browser, but for the session of a digest."""
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.digest != (but or "")))


def _users(connection: Connection, *which: Any) -> list[User]:
    roots: dict[int, list[Root]] = {}
    of_which = select(users.c.id).where(*which)
    places = select(user_places).where(user_places.c.user_id.in_(of_which)).order_by(user_places.c.id)
    for row in connection.execute(places):
        roots.setdefault(row.user_id, []).append(Root(row.organisation_id, row.node_id))
    rows = connection.execute(select(users).where(*which).order_by(users.c.name)).mappings()
    return [_user(row, tuple(roots.get(row["id"], ()))) for row in rows]


def _user(row: Mapping[Any, Any], roots: tuple[Root, ...]) -> User:
    return User(
        row["id"],
        row["name"],
        row["email"],
        Role(row["role"]),
        row["issuer"],
        row["created_utc"],
        row["disabled_utc"],
        row["last_login_utc"],
        row["password"] is not None,
        roots,
    )
