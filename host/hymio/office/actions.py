"""`hymio action`: what was changed because of answers."""

from __future__ import annotations

import time
from datetime import date, datetime

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import console, note, print_json, print_line
from hymio.office.site import chosen_place, chosen_site
from hymio.site.model import places_of
from hymio.site.moments import zone_of
from hymio.store.actions import (
    ActionError,
    NewAction,
    action_of,
    action_values,
    actions_of,
    add_action,
    end_action,
)
from hymio.store.database import open_store
from hymio.store.sites import load_sites


def run_add(
    db: str,
    title: str,
    day: str | None,
    details: str | None,
    place: str | None,
    publish: bool,
    organisation: str | None,
    as_json: bool,
) -> None:
    """Writes down what was done.

    Raises:
        Failure: 2, there is no such organisation or place, or something about it is not as it has to be.
    """
    now = time.time()
    store = open_store(db)
    try:
        with store.writing() as connection:
            stored = chosen_site(load_sites(connection), organisation)
            node_id = chosen_place(stored, place, "--place")
            zone = stored.site.organisation.time_zone if place is None else places_of(stored.site).zone(place)
            today = datetime.fromtimestamp(now, zone_of(zone)).date()
            new = NewAction(stored.id, node_id, _day(day, today), title, details, publish)
            try:
                said = action_values(add_action(connection, new, today, None, now), stored)
            except ActionError as error:
                raise Failure(WRONG_USE, str(error), "`hymio action add --help` shows examples.") from None
    finally:
        store.close()
    if as_json:
        print_json(said)
    else:
        print_line(f"Action {said['id']}: {said['title']}")


def run_list(db: str, organisation: str | None, as_json: bool) -> None:
    """Shows what was done.

    Raises:
        Failure: 2, there is no such organisation.
    """
    store = open_store(db)
    try:
        with store.reading() as connection:
            stored = chosen_site(load_sites(connection), organisation)
            rows = [action_values(one, stored) for one in actions_of(connection, stored.id, None)]
    finally:
        store.close()
    if as_json:
        print_json({"actions": rows})
        return
    if not rows:
        note("Nothing is written down. `hymio action add` does that.")
        return
    from rich.table import Table

    table = Table("id", "day", "place", "what", "on screens", "by", box=None)
    for row in rows:
        where, shown = row["place"] or row["organisation"], "yes" if row["published"] else "no"
        table.add_row(str(row["id"]), row["day"], where, row["title"], shown, row["created_by"])
    console().print(table)


def run_remove(db: str, number: int, as_json: bool) -> None:
    """Takes one back.

    Raises:
        Failure: 2, there is none of that number.
    """
    now = time.time()
    store = open_store(db)
    try:
        with store.writing() as connection:
            action = action_of(connection, number)
            if action is None:
                raise Failure(WRONG_USE, f"There is no action {number}.", "`hymio action list` shows them.")
            if action.ended_utc is None:
                end_action(connection, action, None, now)
    finally:
        store.close()
    if as_json:
        print_json({"id": action.id, "ended_utc": action.ended_utc or now})
    else:
        print_line(f"Action {action.id} is shown nowhere any more.")


def _day(said: str | None, today: date) -> date:
    if said is None:
        return today
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise Failure(WRONG_USE, f"--day: expected a day, came {said!r}.", "As in --day 2026-03-29.") from None
