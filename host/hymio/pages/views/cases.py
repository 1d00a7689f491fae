"""Cases, for whoever looks after them: which there are, and one with whom to call and what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from hymio.locale.sentence import Sentence, _
from hymio.pages.access import SiteNow
from hymio.pages.errors import Refused
from hymio.pages.forms import done_of, need_to_run_places, number_in
from hymio.pages.reader import PageOf, PageReader
from hymio.pages.tree import place_address
from hymio.site.moments import zone_of
from hymio.store import audit
from hymio.store.care_cases import (
    Case,
    CaseChange,
    CaseError,
    CaseKind,
    CaseQuery,
    CaseState,
    case_of_number,
    case_values,
    cases_of,
    change_case,
    contact_of,
    notes_of,
    owners_at,
    said_of,
)

CASES: Final = "/cases"
ON_PAGE: Final = 50

STATES: Final[Mapping[str, Sentence]] = {
    "open": _("Open"),
    "mine": _("Mine, open"),
    "overdue": _("Overdue"),
    "closed": _("Closed"),
    "all": _("All of them"),
}
KINDS: Final[Mapping[str, Sentence]] = {
    CaseKind.UNHAPPY: _("Call the unhappy visitor"),
    CaseKind.PROMOTER: _("Ask for a recommendation"),
}
STEPS: Final[Mapping[str, Sentence]] = {
    "opened": _("opened"),
    "assigned": _("given to"),
    "noted": _("noted"),
    "due": _("another time limit"),
    "closed": _("closed"),
    "reopened": _("opened again"),
}
DONE: Final = {
    "assigned": _("Somebody else looks after it now."),
    "noted": _("It is noted."),
    "closed": _("The case is closed."),
    "reopened": _("The case is open again."),
}


class CasePages:
    """The views."""

    def __init__(self, now_utc: Callable[[], float]) -> None:
        """now_utc: seconds of 1970."""
        self._now_utc = now_utc

    def cases(self, reader: PageReader) -> PageOf:
        """Those of their places, the newest first, without who it is."""
        need_to_run_places(reader)
        asked, now_utc = reader.request.query_params, self._now_utc()
        show, before = asked.get("show", "open"), asked.get("before", "")
        before_number = number_in(before)
        if show not in STATES or (before and before_number is None):
            raise Refused(400)
        user = reader.access.user
        query = CaseQuery(
            _places(reader),
            now_utc,
            CaseState.OPEN if show == "mine" else CaseState(show),
            owner_id=(user.id if user else 0) if show == "mine" else None,
            before=before_number,
            limit=ON_PAGE + 1,
        )
        with reader.store.reading() as connection:
            found = cases_of(connection, query)
            lines = case_values(connection, found[:ON_PAGE], now_utc)
        values = {"cases": lines, "next": found[ON_PAGE - 1].id if len(found) > ON_PAGE else None}
        around = {"show": show, "states": STATES, "kinds": KINDS, "due": self._due, "is_first": not before}
        return PageOf("cases.html", values, around)

    def case(self, reader: PageReader, wrong: Sentence | None = None, status: int = 400) -> PageOf:
        """One of them, with whom to call; that it was looked at is noted."""
        need_to_run_places(reader)
        now_utc = self._now_utc()
        with reader.store.writing() as connection:
            case, site = _asked(reader, connection)
            contact = contact_of(connection, case)
            if contact is not None:
                audit.record(connection, "case.read", {"case": case.id}, reader.access.name)
            [values] = case_values(connection, [case], now_utc)
            owners = owners_at(connection, case.organisation_id, case.node_id)
            said = said_of(connection, case)
            steps = [
                {"at_utc": one.at_utc, "who": one.who, "action": one.action, "text": one.text}
                for one in notes_of(connection, case)
            ]
        key = site.stored.node_keys[case.node_id]
        zone = zone_of(site.places.zone(key))
        return PageOf(
            "case.html",
            {"case": values, "contact": contact, "said": said, "steps": steps},
            {
                "wrong": wrong,
                "done": done_of(reader, DONE),
                "owners": [one.name for one in owners],
                "place": {"name": values["place_name"], "address": place_address(site.organisation.key, key)},
                "kinds": KINDS,
                "actions": STEPS,
                "typed": {name: reader.said(name) if wrong else "" for name in ("text", "outcome")},
                "moment": lambda utc: datetime.fromtimestamp(utc, zone),
                "due": self._due,
            },
            status if wrong else 200,
        )

    def post_case(self, reader: PageReader) -> PageOf | Response:
        """Changes one, if it still is as its reader has seen it."""
        need_to_run_places(reader)
        what, version = reader.said("change"), number_in(reader.said("version"))
        if what not in DONE or version is None:
            raise Refused(400)
        try:
            with reader.store.writing() as connection:
                case, _site = _asked(reader, connection)
                change = self._wanted(connection, reader, case, what)
                who = reader.access.name or audit.account()
                changed = change_case(connection, case, change, version, who, self._now_utc())
                audit.record(connection, "case.change", {"case": case.id, "version": changed.version}, who)
        except CaseError as error:
            return self.case(reader, error.said, 409 if error.is_conflict else 400)
        return RedirectResponse(f"{CASES}/{changed.id}?done={what}", 303)

    def _wanted(self, connection: Connection, reader: PageReader, case: Case, what: str) -> CaseChange:
        match what:
            case "assigned":
                name = reader.said("owner")
                able = {one.name: one.id for one in owners_at(connection, case.organisation_id, case.node_id)}
                if name and name not in able:
                    raise Refused(400)
                return CaseChange(owner=able[name] if name else 0)
            case "noted":
                return CaseChange(note=reader.said("text"))
            case "closed":
                return CaseChange(outcome=reader.said("outcome"))
        return CaseChange(reopens=True)

    def _due(self, due_utc: float, is_open: bool) -> Sentence:
        """How far the time limit is away."""
        hours = (due_utc - self._now_utc()) / 3600
        if not is_open:
            return _("done")
        if hours <= -48:
            return _("late by %(days)s days", days=int(-hours / 24))
        if hours < 0:
            return _("late by %(hours)s h", hours=int(-hours) or "< 1")
        return _("within %(hours)s h", hours=int(hours) or "1")


def _places(reader: PageReader) -> set[int]:
    return {site.stored.nodes[node.key] for site in reader.sites() for node in reader.access.nodes(site)}


def _asked(reader: PageReader, connection: Connection) -> tuple[Case, SiteNow]:
    asked = reader.request.path_params["case"]
    number = number_in(asked)
    case = None if number is None else case_of_number(connection, number)
    if case is None or case.node_id not in _places(reader):
        # Whether there is one elsewhere is not said.
        raise Refused(404, _("There is no case %(key)s", key=asked[:20]))
    return case, next(site for site in reader.sites() if site.stored.id == case.organisation_id)
