"""`hymio wall`: links for screens on a wall, which show a place's faces of the day to everybody who has the link."""

from __future__ import annotations

import time
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import console, note, print_json, print_line
from hymio.office.numbered import numbered_or_named
from hymio.office.site import chosen_place, chosen_site
from hymio.office.tokens import clock
from hymio.site.rules import NAME_MAX
from hymio.store.audit import account, record
from hymio.store.database import open_store
from hymio.store.sites import StoredSite, load_sites
from hymio.store.wall_links import (
    create_link,
    is_link_name,
    link_named,
    link_of,
    link_surveys,
    link_values,
    revoke_link,
    stored_links,
)

PATH: Final = "/wall/"
"""What follows the server's address, before the secret."""


@dataclass(frozen=True, slots=True)
class WallWish:
    """What is asked for. name: of the screen; place: key, None is everything; survey: key, None is whichever runs."""

    name: str
    organisation: str | None
    place: str | None
    survey: str | None
    url: str


def run_create(db: str, wish: WallWish, as_json: bool) -> None:
    """Makes a link and prints it: alone on stdout, what is to be said of it on stderr.

    Raises:
        Failure: 2, there is no such organisation, place or survey, the name is taken or none, or the address is none.
    """
    if not is_link_name(wish.name):
        raise Failure(
            WRONG_USE,
            f"--name: expected 1 to {NAME_MAX} characters in one line, and not a number, came {wish.name!r}.",
            "Call it after where the screen hangs: --name 'Lobby, left'.",
        )
    base = _base(wish.url)
    store = open_store(db)
    try:
        with store.writing() as connection:
            stored = chosen_site(load_sites(connection), wish.organisation)
            node_id = chosen_place(stored, wish.place, "--place")
            survey_id = None if wish.survey is None else _survey(stored, wish.survey)
            same = link_named(connection, stored.id, wish.name)
            if same is not None:
                raise Failure(
                    WRONG_USE,
                    f"There is a wall {wish.name} already, number {same.id}.",
                    f"Give another --name, or revoke that one: hymio wall revoke {same.id}.",
                )
            link, secret = create_link(connection, wish.name, stored.id, node_id, survey_id, account(), time.time())
            said = link_values(link, stored)
            record(connection, "wall.create", said)
    finally:
        store.close()
    address = f"{base}{PATH}{secret}"
    if as_json:
        print_json({"address": address, **said})
        return
    print_line(address)
    note(
        f"Whoever has it sees the faces of {wish.place or said['organisation']}, until it is revoked."
        " It is shown this once: open it on the screen."
    )


def run_list(db: str, as_json: bool) -> None:
    """Shows all links that there ever were, without their secrets."""
    store = open_store(db)
    try:
        with store.reading() as connection:
            links = list(stored_links(connection))
            sites = {stored.id: stored for stored in load_sites(connection)}
    finally:
        store.close()
    rows = [link_values(one, sites[one.organisation_id]) for one in links]
    if as_json:
        print_json({"walls": rows})
        return
    if not rows:
        note("There are no walls. `hymio wall create` makes one.")
        return
    from rich.table import Table

    table = Table("id", "name", "organisation", "place", "survey", "created (UTC)", "state", box=None)
    for row in rows:
        state = "shows" if row["revoked_utc"] is None else "revoked"
        where = row["organisation"], row["place"] or "all", row["survey"] or "what runs"
        table.add_row(str(row["id"]), row["name"], *where, clock(row["created_utc"]), state)
    console().print(table)


def run_revoke(db: str, wall: str, as_json: bool) -> None:
    """Has a link show nothing from now on.

    Raises:
        Failure: 2, there is none of that number, name or address, or there are several.
    """
    now = time.time()
    store = open_store(db)
    try:
        with store.writing() as connection:
            # Whoever has found one somewhere knows the address itself.
            found = link_of(connection, wall.rpartition("/")[2])
            one = found or numbered_or_named(
                list(stored_links(connection)), wall, lambda one: one.revoked_utc is None, "wall",
                "There is no such wall." if PATH in wall else None,
            )  # fmt: skip
            if one.revoked_utc is None:
                revoke_link(connection, one.id, now)
                record(connection, "wall.revoke", {"id": one.id, "name": one.name})
    finally:
        store.close()
    since = now if one.revoked_utc is None else one.revoked_utc
    if as_json:
        print_json({"id": one.id, "name": one.name, "revoked_utc": since})
    elif one.revoked_utc is None:
        print_line(f"Wall {one.id} ({one.name}) shows nothing any more.")
    else:
        print_line(f"Wall {one.id} ({one.name}) was revoked already, {clock(since)} UTC.")


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise Failure(
            WRONG_USE,
            f"--url: expected the address by which the screen reaches the server, came {url!r}.",
            "For example: --url https://feedback.example.org.",
        )
    return url.rstrip("/")


def _survey(stored: StoredSite, key: str) -> int:
    shown = sorted(one.key for one in link_surveys(stored))
    if key in shown:
        return stored.surveys[key]
    near = ", ".join(get_close_matches(key, shown) or shown[:10])
    raise Failure(
        WRONG_USE,
        f"--survey: expected the key of a survey with four faces of {stored.site.organisation.key}, came {key!r}.",
        f"Near it are {near}." if near else "It has none.",
    )
