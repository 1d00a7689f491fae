"""`hymio case`: which cases there are, and closing one."""

from __future__ import annotations

import time

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import console, note, print_json, print_line
from hymio.office.site import chosen_place, chosen_site
from hymio.office.tokens import clock
from hymio.site.model import places_of
from hymio.store.audit import account, record
from hymio.store.care_cases import (
    CaseChange,
    CaseError,
    CaseQuery,
    CaseState,
    case_of_number,
    case_values,
    cases_of,
    change_case,
)
from hymio.store.database import open_store
from hymio.store.sites import load_sites


def run_list(db: str, state: str, place: str | None, organisation: str | None, as_json: bool) -> None:
    """Shows the newest cases of a kind, without who wants to be called.

    Raises:
        Failure: 2, there is no such organisation or place.
    """
    now = time.time()
    store = open_store(db)
    try:
        with store.reading() as connection:
            stored = chosen_site(load_sites(connection), organisation)
            chosen_place(stored, place, "--place")
            below = {stored.nodes[node.key] for node in places_of(stored.site).below(place)}
            found = cases_of(connection, CaseQuery(below, now, CaseState(state)))
            rows = case_values(connection, found, now)
    finally:
        store.close()
    if as_json:
        print_json({"cases": rows})
        return
    if not rows:
        note("There are no such cases.")
        return
    from rich.table import Table

    table = Table("number", "kind", "place", "looked after by", "due (UTC)", "state", box=None)
    for row in rows:
        shown = "overdue" if row["is_overdue"] else row["state"]
        owner = row["owner"] or "nobody"
        table.add_row(str(row["number"]), row["kind"], row["place"], owner, clock(row["due_utc"])[:16], shown)
    console().print(table)


def run_close(db: str, number: int, outcome: str, as_json: bool) -> None:
    """Closes a case.

    Raises:
        Failure: 2, there is none of that number, it is closed, or it is not said what was done.
    """
    now = time.time()
    store = open_store(db)
    try:
        with store.writing() as connection:
            case = case_of_number(connection, number)
            if case is None:
                raise Failure(WRONG_USE, f"There is no case {number}.", "`hymio case list` shows them.")
            try:
                closed = change_case(connection, case, CaseChange(outcome=outcome), case.version, account(), now)
            except CaseError as error:
                raise Failure(WRONG_USE, str(error), f"Case {number} stays as it was.") from None
            record(connection, "case.change", {"case": case.id, "version": closed.version})
            [values] = case_values(connection, [closed], now)
    finally:
        store.close()
    if as_json:
        print_json(values)
    else:
        print_line(f"Case {number} is closed.")
