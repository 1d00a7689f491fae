"""`hymio misuse`: which terminals are mashed, when and how, and what another lock-out would make of it."""

from __future__ import annotations

import time

from hymio.common.durations import parse_duration
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import console, note, print_json, print_line
from hymio.figures.misuse import DAYS, LOCKOUTS_MS, SAID, misuse_of, other_lockout
from hymio.measures.misuse_patterns import Pattern
from hymio.office.site import chosen_place, chosen_site
from hymio.site.model import places_of
from hymio.store.database import open_store
from hymio.store.sites import load_sites

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def run_misuse(db: str, place: str | None, organisation: str | None, lockout: str | None, as_json: bool) -> None:
    """Shows the terminals of a place, the most mashed first.

    Raises:
        Failure: 2, there is no such organisation or place, or no such lock-out.
    """
    lockout_ms = None if lockout is None else parse_duration("--lockout", lockout)
    if lockout_ms is not None and lockout_ms not in LOCKOUTS_MS:
        choices = ", ".join(f"{ms / 1000:g}s" for ms in LOCKOUTS_MS)
        raise Failure(WRONG_USE, f"--lockout {lockout}: expected one of {choices}.", "`hymio replay` takes any.")
    now = time.time()
    store = open_store(db)
    try:
        with store.reading() as connection:
            stored = chosen_site(load_sites(connection), organisation)
            chosen_place(stored, place, "--place")
            places = places_of(stored.site)
            found = misuse_of(connection, stored, places, place, now)
            other = None
            if lockout_ms is not None:
                other = other_lockout(connection, stored, places, place, now, lockout_ms)
    finally:
        store.close()
    if as_json:
        terminals = [one.as_json() for one in found]
        print_json({"days": DAYS, "terminals": terminals, "other": None if other is None else other.as_json()})
        return
    if not found:
        note(f"There were no presses in the last {DAYS} days.")
        return
    from rich.table import Table

    table = Table("terminal", "place", "votes", "no votes", "share", "looks like", box=None)
    for one in found:
        whole = one.votes + one.presses
        share = f"{100 * one.presses / whole:.1f} %" if whole else "-"
        looks = "; ".join(_looks(pattern) for pattern in one.patterns)
        table.add_row(one.device_id, one.place, str(one.votes), str(one.presses), share, looks or "-")
    console().print(table)
    if other is not None and other.happy_index_then is not None and other.happy_index is not None:
        print_line(
            f"With a lock-out of {other.lockout_ms / 1000:g} s the index would be {other.happy_index_then:.1f}"
            f" instead of {other.happy_index:.1f}, of {other.votes_then} votes instead of {other.votes}."
        )
    elif other is not None:
        note("There are too few answers to say what another lock-out would make of them.")


def _looks(pattern: Pattern) -> str:
    when = "" if pattern.hour is None else f" ({_WEEKDAYS[pattern.hour[0]]} {pattern.hour[1]:02}:00)"
    return f"{SAID[pattern.kind]}{when}"
