"""Who is logged in: a row for each browser, which goes when it logs out."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from hymio.store.schema import sessions
from hymio.store.users import User, user_of_id

SESSION_S: Final = 7 * 86_400.0
"""How long a log-in lasts."""
OF_ONE_MAX: Final = 50
"""Browsers in which one account is logged in at a time; the one that logged in first is logged out."""
_RANDOM_BYTES: Final = 32


def begin_session(connection: Connection, user_id: int, now_utc: float) -> str:
    """Logs an account in.

    Args:
        connection: comes from `Store.writing`.
        user_id: whose it is.
        now_utc: now.

    Returns:
        What the browser keeps; the database has its digest alone.
    """
    connection.execute(delete(sessions).where(sessions.c.expires_utc <= now_utc))
    own = sessions.c.user_id == user_id
    newest = select(sessions.c.digest).where(own).order_by(sessions.c.created_utc.desc()).limit(OF_ONE_MAX - 1)
    kept = list(connection.execute(newest).scalars())
    connection.execute(delete(sessions).where(own, sessions.c.digest.not_in(kept)))
    session = secrets.token_urlsafe(_RANDOM_BYTES)
    values = {"digest": digest_of(session), "user_id": user_id}
    connection.execute(insert(sessions).values(**values, created_utc=now_utc, expires_utc=now_utc + SESSION_S))
    return session


def user_of_session(connection: Connection, session: str, now_utc: float) -> User | None:
    """Who is logged in by what a browser keeps; None: nobody any more."""
    query = select(sessions.c.user_id).where(sessions.c.digest == digest_of(session), sessions.c.expires_utc > now_utc)
    user_id = connection.execute(query).scalar()
    user = None if user_id is None else user_of_id(connection, user_id)
    return None if user is None or user.disabled_utc is not None else user


def end_session(connection: Connection, session: str) -> None:
    """Logs a browser out."""
    connection.execute(delete(sessions).where(sessions.c.digest == digest_of(session)))


def digest_of(session: str) -> str:
    """By which the database knows a session."""
    return hashlib.sha256(session.encode()).hexdigest()
