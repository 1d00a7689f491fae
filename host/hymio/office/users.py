"""`hymio user`: who may look at the pages of `hymio serve`."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.hidden_passwords import hide
from hymio.common.output import console, note, print_json, print_line
from hymio.common.roles import Role
from hymio.store.accounts import (
    AccountError,
    Author,
    account_values,
    checked_email,
    checked_name,
    hash_of_checked,
    make_account,
    roots_named,
    set_disabled,
    set_password,
    set_role,
)
from hymio.store.database import Store, open_store
from hymio.store.sites import StoredSite, load_sites
from hymio.store.users import NewUser, User, all_users, user_named

STDIN: Final = Path("-")
_FILE_MAX: Final = 10_000


def run_add(
    db: str,
    name: str,
    role: Role,
    places: Sequence[str],
    email: str | None,
    password_file: Path | None,
    oidc: str | None,
    as_json: bool,
) -> None:
    """Makes an account.

    Raises:
        Failure: 2, the name is taken, a place is not there, the password is none, or nobody could type one.
    """
    with _refusing():
        name, address = checked_name(name), checked_email(email or "")
        if oidc is not None and password_file is not None:
            raise Failure(WRONG_USE, "--oidc and --password-file: expected one of them.", "Leave one out.")
        hash_ = None if oidc is not None else _asked_hash(name, password_file)
        with _changing(db) as (connection, sites, author):
            new = NewUser(name, role, roots_named(sites, places, role), address, hash_, oidc)
            made = make_account(connection, new, sites, author)
    _tell(made, sites, as_json, f"{made.name} may log in now, as {made.role}.")


def run_list(db: str, as_json: bool) -> None:
    """Shows all accounts."""
    with _opened(db) as store, store.reading() as connection:
        users, sites = all_users(connection), load_sites(connection)
    rows = [account_values(one, sites) for one in users]
    if as_json:
        print_json({"users": rows})
        return
    if not rows:
        note("There are no accounts. `hymio user add` makes one.")
        return
    from rich.table import Column, Table

    named = (Column(name, overflow="fold") for name in ("name", "role", "places", "logs in by"))
    table = Table(*named, "last log-in (UTC)", "state", box=None)
    for row in rows:
        last = "never" if row["last_login_utc"] is None else _clock(row["last_login_utc"])
        by = " or ".join([*(["password"] if row["has_password"] else []), *([row["oidc"]] if row["oidc"] else [])])
        state = "in use" if row["disabled_utc"] is None else "disabled"
        table.add_row(row["name"], row["role"], ", ".join(row["places"]) or "all", by, last, state)
    console().print(table)


def run_disable(db: str, name: str, disabled: bool, as_json: bool) -> None:
    """Takes an account out of use, or back into it.

    Raises:
        Failure: 2, there is none of that name, or it is the last admin.
    """
    changed = _changed(
        db, name, lambda connection, user, sites, author: set_disabled(connection, user, disabled, author)
    )
    said = "is logged out and can't log in any more" if disabled else "may log in again"
    _tell(*changed, as_json, f"{changed[0].name} {said}.")


def run_password(db: str, name: str, password_file: Path | None, as_json: bool) -> None:
    """Gives an account a password, and logs it out everywhere.

    Raises:
        Failure: 2, there is none of that name, or the password is none.
    """
    with _opened(db) as store, store.reading() as connection:
        user = _user(connection, name)
    with _refusing():
        hash_ = _asked_hash(user.name, password_file)
    changed = _changed(db, name, lambda connection, user, sites, author: set_password(connection, user, hash_, author))
    _tell(*changed, as_json, f"{user.name} has a new password, and is logged out everywhere.")


def run_role(db: str, name: str, role: Role, places: Sequence[str], as_json: bool) -> None:
    """Gives an account a role and places.

    Raises:
        Failure: 2, there is none of that name, no such place, or it is the last admin.
    """

    def change(connection: Connection, user: User, sites: Sequence[StoredSite], author: Author) -> None:
        set_role(connection, user, role, roots_named(sites, places, role), sites, author)

    changed = _changed(db, name, change)
    _tell(*changed, as_json, f"{changed[0].name} is {role} now.")


Change = Callable[[Connection, User, Sequence[StoredSite], Author], None]


def _changed(db: str, name: str, change: Change) -> tuple[User, Sequence[StoredSite]]:
    with _refusing(), _changing(db) as (connection, sites, author):
        change(connection, _user(connection, name), sites, author)
        return _user(connection, name), sites


@contextmanager
def _opened(db: str) -> Iterator[Store]:
    store = open_store(db)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _changing(db: str) -> Iterator[tuple[Connection, Sequence[StoredSite], Author]]:
    with _opened(db) as store, store.writing() as connection:
        yield connection, load_sites(connection), Author(None, time.time())


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except AccountError as error:
        raise Failure(
            WRONG_USE, str(error), "`hymio user list` shows who there is, `hymio site show` the places."
        ) from error


def _user(connection: Connection, name: str) -> User:
    found = user_named(connection, name)
    if found is not None:
        return found
    near = ", ".join(get_close_matches(name, [one.name for one in all_users(connection)]))
    raise Failure(
        WRONG_USE,
        f"There is no account {name[:60]!r}.",
        f"Near it are {near}." if near else "`hymio user list` shows which there are.",
    )


def _asked_hash(name: str, file: Path | None) -> str:
    """What is kept of a password that is typed, or stands in a file; it is on no command line."""
    return hash_of_checked(_asked_password(name) if file is None else _read_password(file), name)


def _asked_password(name: str) -> str:
    if not sys.stdin.isatty():
        raise Failure(
            WRONG_USE,
            "Nobody can type a password here.",
            "--password-file FILE takes it from a file, --password-file - from what is piped in.",
        )
    first = getpass.getpass(f"Password of {name}: ", stream=sys.stderr)
    if getpass.getpass("The same once more: ", stream=sys.stderr) != first:
        raise Failure(WRONG_USE, "The two are not the same; nothing was changed.", "Type it twice alike.")
    hide(first)
    return first


def _read_password(file: Path) -> str:
    try:
        if file == STDIN:
            text = sys.stdin.read(_FILE_MAX)
        else:
            with file.open(encoding="utf-8-sig") as opened:
                text = opened.read(_FILE_MAX)
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise Failure(
            WRONG_USE, f"--password-file: {file} can't be read: {said}.", "Give a file with one line."
        ) from error
    password, _, more = text.partition("\n")
    if more.strip():
        raise Failure(WRONG_USE, "--password-file: expected one line, came several.", "Give a file with one line.")
    password = password.removesuffix("\r")
    hide(password)
    return password


def _tell(user: User, sites: Sequence[StoredSite], as_json: bool, said: str) -> None:
    if as_json:
        print_json(account_values(user, sites))
    else:
        print_line(said)


def _clock(utc: float) -> str:
    return f"{datetime.fromtimestamp(utc, UTC):%Y-%m-%d %H:%M}"
