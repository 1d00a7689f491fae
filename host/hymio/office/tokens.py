"""`hymio token` and `hymio audit`: who may read figures over HTTP, and who has changed what."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hymio.common.durations import parse_duration
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import console, note, print_json, print_line
from hymio.office.numbered import numbered_or_named
from hymio.office.site import chosen_place, chosen_site
from hymio.site.rules import NAME_MAX, is_line
from hymio.store.audit import AuditEntry, entries, record
from hymio.store.database import open_store
from hymio.store.sites import StoredSite, load_sites
from hymio.store.tokens import PREFIX, StoredToken, TokenState, create_token, resolve_token, revoke_token, stored_tokens

NEVER: Final = "never"
_LATEST_UTC: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""Later times have no date. An older hymio made tokens that are good until then."""


def run_create(
    db: str, name: str, organisation: str | None, scope: str | None, expires: str, cases: bool, as_json: bool
) -> None:
    """Makes a token and prints it: alone on stdout, what is to be said of it on stderr.

    Raises:
        Failure: 2, there is no such organisation or place, the name is taken or none, or the time is none.
    """
    if not is_line(name, NAME_MAX) or name.isdecimal():
        raise Failure(
            WRONG_USE,
            f"--name: expected 1 to {NAME_MAX} characters in one line, and not a number, came {name!r}.",
            "Call it after who uses it: --name 'Power BI of the wards'.",
        )
    now = time.time()
    good_ms = None if expires == NEVER else parse_duration("--expires", expires)
    if good_ms == 0:
        raise Failure(WRONG_USE, f"--expires {expires}: that opens nothing.", "Give a time, as 90d, or never.")
    expires_utc = None if good_ms is None else now + good_ms / 1000
    store = open_store(db)
    try:
        with store.writing() as connection:
            stored = chosen_site(load_sites(connection), organisation)
            node_id = chosen_place(stored, scope, "--scope")
            for one in stored_tokens(connection):
                if (one.organisation_id, one.name, one.state(now)) == (stored.id, name, TokenState.GOOD):
                    raise Failure(
                        WRONG_USE,
                        f"There is a token {name} already, number {one.id}.",
                        f"Give another --name, or revoke that one: hymio token revoke {one.id}.",
                    )
            number, token = create_token(connection, name, stored.id, node_id, expires_utc, now, cases)
            said = {
                "id": number,
                "name": name,
                "organisation": stored.site.organisation.key,
                "scope": scope,
                "created_utc": now,
                "expires_utc": expires_utc,
                "cases": cases,
            }
            record(connection, "token.create", said)
    finally:
        store.close()
    if as_json:
        print_json({"token": token, **said})
        return
    print_line(token)
    until = "for ever" if expires_utc is None else f"until {clock(expires_utc)} UTC"
    note(
        f"It opens the figures{' and the cases' if cases else ''} of {scope or said['organisation']} {until}."
        " It is shown this once: keep it where only its user can read it."
    )


def run_list(db: str, as_json: bool) -> None:
    """Shows all tokens that there ever were, without themselves."""
    now = time.time()
    store = open_store(db)
    try:
        with store.reading() as connection:
            tokens = list(stored_tokens(connection))
            sites = {stored.id: stored for stored in load_sites(connection)}
    finally:
        store.close()
    rows = [_values(one, sites[one.organisation_id], now) for one in tokens]
    if as_json:
        print_json({"tokens": rows})
        return
    if not rows:
        note("There are no tokens. `hymio token create` makes one.")
        return
    from rich.table import Table

    table = Table("id", "name", "organisation", "scope", "opens", "expires", "state", box=None)
    for row in rows:
        expires = NEVER if row["expires_utc"] is None else clock(row["expires_utc"])
        opens = "figures, cases" if row["cases"] else "figures"
        where = row["organisation"], row["scope"] or "all", opens
        table.add_row(str(row["id"]), row["name"], *where, expires, row["state"])
    console().print(table)


def run_revoke(db: str, token: str, as_json: bool) -> None:
    """Has a token open nothing from now on.

    Raises:
        Failure: 2, there is none of that number or name, or there are several.
    """
    now = time.time()
    store = open_store(db)
    try:
        with store.writing() as connection:
            # Whoever has found one somewhere knows the token itself.
            scope = resolve_token(connection, token, now)
            one = _token(list(stored_tokens(connection)), str(scope.token_id) if scope else token, now)
            if one.revoked_utc is None:
                revoke_token(connection, one.id, now)
                record(connection, "token.revoke", {"id": one.id, "name": one.name})
    finally:
        store.close()
    since = now if one.revoked_utc is None else one.revoked_utc
    if as_json:
        print_json({"id": one.id, "name": one.name, "revoked_utc": since})
    elif one.revoked_utc is None:
        print_line(f"Token {one.id} ({one.name}) opens nothing any more.")
    else:
        print_line(f"Token {one.id} ({one.name}) was revoked already, {clock(since)} UTC.")


def run_audit(db: str, limit: int, as_json: bool) -> None:
    """Shows the newest changes, the newest first."""
    store = open_store(db)
    try:
        with store.reading() as connection:
            found = list(entries(connection, limit))
    finally:
        store.close()
    for one in found:
        if as_json:
            said = {"id": one.id, "utc": one.at_utc, "who": one.who, "action": one.action, "details": one.details}
            print_json(said)
        else:
            print_line(f"{clock(one.at_utc)}  {one.who}  {one.action}  {_in_short(one)}")
    if not found and not as_json:
        note("Nobody has changed anything yet.")


def _token(tokens: Sequence[StoredToken], wanted: str, now: float) -> StoredToken:
    """The one of that number; or of that name, the good one if there are several."""
    if wanted.startswith(PREFIX):
        raise Failure(
            WRONG_USE, "This token opens nothing.", "`hymio token list` shows which there are, expired and revoked too."
        )
    return numbered_or_named(tokens, wanted, lambda one: one.state(now) is TokenState.GOOD, "token")


def _values(token: StoredToken, stored: StoredSite, now: float) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "organisation": stored.site.organisation.key,
        "scope": None if token.node_id is None else stored.node_keys[token.node_id],
        "created_utc": token.created_utc,
        "expires_utc": token.expires_utc,
        "revoked_utc": token.revoked_utc,
        "cases": token.cases,
        "state": token.state(now).value,
    }


def _in_short(entry: AuditEntry) -> str:
    """The details in a line: lists are counted."""
    return ", ".join(
        f"{len(value)} {name}" if isinstance(value, list) else f"{name} {value}"
        for name, value in entry.details.items()
        if value not in (None, [])
    )


def clock(utc: float) -> str:
    """A moment as lists show it, in UTC."""
    return f"{datetime.fromtimestamp(min(utc, _LATEST_UTC), UTC):%Y-%m-%d %H:%M:%S}"
