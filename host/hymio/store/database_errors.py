"""Whose fault an error from a database is: that of the message, for what it holds, or that of the database.

Only a message with a fault of its own goes to quarantine; everything else is tried again. The two are told apart by
SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) and by SQLite's result code
(https://sqlite.org/rescode.html), and not by the classes of the driver, which mix them: psycopg's ProgrammingError may
be a missing table, a missing right, or a statement that a pooler has forgotten.
"""

from __future__ import annotations

import sqlite3
from enum import Enum, auto
from typing import Final

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from hymio.common.errors import NO_SERVICE, Failure
from hymio.common.hidden_passwords import without_password


class Fault(Enum):
    """Whose fault an error is."""

    MESSAGE = auto()
    """What was to be written can't be written, here or anywhere."""
    DATABASE = auto()
    """The database is not there, refuses, or has changed its role: a new connection may do better."""
    COLLISION = auto()
    """Two writers were in each other's way: the same is tried once more, at once."""
    ROOM = auto()
    """Disk, quota, memory or the time for a statement is used up: what needs less of it may still be written."""


_OF_THE_MESSAGE: Final = ("22", "23")
"""SQLSTATE classes of data exceptions and of integrity constraints."""
_ROOM: Final = ("531", "532", "534", "54", "57014")
"""SQLSTATEs: disk full, out of memory, configuration limit exceeded; program limits exceeded; a statement that took too
long."""
_SQLITE_MESSAGE: Final = (
    sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE,
)  # fmt: skip
_SQLITE_ROOM: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM)

_HINTS: Final = {
    "25006": "It can only be read, as a standby or an old primary can: let --db name the one that writes.",
    "26": "A pooler keeps no prepared statements: leave ?prepare_threshold= out of --db.",
    "28": "Check user and password in --db.",
    "42501": "Give that role the right: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ...",
    "42": "Its tables are not as hymio made them: restore them, or give another --db.",
    "53300": "Let it take more connections (max_connections), or put a pooler before it.",
    "53": "Make room for it: on its disk, in its quota, or in memory.",
    "57014": "Give its statements more time (statement_timeout).",
    "XX": "The server itself is damaged or has a bug: its log says more.",
}
"""Hints by the beginning of the SQLSTATE; the longest one that fits is taken."""
_SQLITE_HINTS: Final = {
    sqlite3.SQLITE_BUSY: "Another program has locked it: end that one, or wait for it.",
    sqlite3.SQLITE_LOCKED: "Another program has locked it: end that one, or wait for it.",
    sqlite3.SQLITE_FULL: "Make room for it: on its disk, or in its quota.",
    sqlite3.SQLITE_NOMEM: "Make room for it in memory.",
    sqlite3.SQLITE_READONLY: "Check that you may write the file and its directory, and that the disk is not read-only.",
    sqlite3.SQLITE_PERM: "Check that you may write the file and its directory.",
    sqlite3.SQLITE_CORRUPT: "Restore it from a backup; `sqlite3 FILE .recover` saves what can be read.",
    sqlite3.SQLITE_NOTADB: "Give the file that `hymio collect` made.",
    sqlite3.SQLITE_IOERR: "Check its disk, and whether that is full.",
}
_HINT: Final = "Check that it runs, that the name is right and that you may read and write it."


def shown(url: URL) -> str:
    """`url` as people write it: without a password, and without the name of the driver."""
    return without_password(url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True))


class DatabaseFailure(Failure):
    """The database is not there, refuses, or is full; `fault` says which, and is never MESSAGE."""

    def __init__(self, url: URL, error: BaseException, fault: Fault) -> None:
        """Says of the database at `url` what its error means."""
        said = str(_cause(error)).strip().splitlines()
        why = said[0].strip().rstrip(".") if said else ""
        super().__init__(
            NO_SERVICE,
            f"The database {shown(url)} cannot be used: {why or 'no reason given'}.",
            _hint(_cause(error)),
        )
        self.fault = fault


def fault_of(error: BaseException) -> Fault:
    """Whose fault an error is; one that has nothing to do with a database is the message's."""
    if isinstance(error, MemoryError):
        return Fault.ROOM
    if isinstance(error, SQLAlchemyError) and not isinstance(error, StatementError):
        return Fault.DATABASE  # there is no connection to be had, or one that is in no state to be used
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Fault.DATABASE
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return _sqlite_fault(cause)
    if _is_psycopg(cause):
        return _postgres_fault(cause)
    return Fault.MESSAGE


def is_of_database(error: BaseException) -> bool:
    """Whether a database or its driver has raised the error, for whatever reason."""
    return isinstance(error, SQLAlchemyError | sqlite3.Error) or _is_psycopg(error)


def _cause(error: BaseException) -> BaseException:
    """The driver's own error that SQLAlchemy has wrapped."""
    return error.orig if isinstance(error, StatementError) and error.orig is not None else error


def _is_psycopg(error: BaseException) -> bool:
    # psycopg is not imported, because PostgreSQL is an extra. SQLAlchemy does not wrap what COPY raises.
    return any(base.__module__.partition(".")[0] == "psycopg" for base in type(error).__mro__)


def _postgres_fault(error: BaseException) -> Fault:
    state = getattr(error, "sqlstate", None)
    if not state:
        # It was raised on this side: a connection broke, or no statement can carry the value.
        names = {base.__name__ for base in type(error).__mro__}
        return Fault.MESSAGE if names & {"DataError", "ProgrammingError", "NotSupportedError"} else Fault.DATABASE
    if state.startswith("40"):
        return Fault.COLLISION
    if state.startswith(_ROOM):
        return Fault.ROOM
    return Fault.MESSAGE if state.startswith(_OF_THE_MESSAGE) else Fault.DATABASE


def _sqlite_fault(error: sqlite3.Error) -> Fault:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The module itself has raised it: no statement can carry the value, or the connection was closed.
        return Fault.MESSAGE if isinstance(error, sqlite3.DataError | sqlite3.ProgrammingError) else Fault.DATABASE
    if code & 0xFF in _SQLITE_ROOM:
        return Fault.ROOM
    return Fault.MESSAGE if code & 0xFF in _SQLITE_MESSAGE else Fault.DATABASE


def _hint(cause: BaseException) -> str:
    if isinstance(cause, MemoryError):
        return _SQLITE_HINTS[sqlite3.SQLITE_NOMEM]
    if isinstance(cause, sqlite3.Error):
        return _SQLITE_HINTS.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, _HINT)
    state = getattr(cause, "sqlstate", None) or ""
    fitting = [begin for begin in _HINTS if state.startswith(begin)]
    return _HINTS[max(fitting, key=len)] if fitting else _HINT
