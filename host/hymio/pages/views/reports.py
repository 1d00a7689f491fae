"""The reports that go by e-mail every day, week or month, for whoever runs their places.

Into a folder they go by `hymio schedule` alone: nobody in a browser says where this computer writes files.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from hymio.locale.language import LOCALES
from hymio.locale.sentence import _
from hymio.pages.errors import Refused
from hymio.pages.forms import (
    Wrong,
    asked_number,
    chosen,
    chosen_place,
    done_of,
    need_to_run_places,
    place_choices,
    place_names,
    sees_root,
)
from hymio.pages.reader import PageOf, PageReader
from hymio.store.accounts import AccountError, checked_email
from hymio.store.audit import account, record
from hymio.store.report_schedules import (
    EMAIL,
    NewSchedule,
    StoredSchedule,
    add_schedule,
    end_schedule,
    over_before,
    schedule_values,
    stored_schedules,
)
from hymio.store.users import Root

REPORTS: Final = "/reports"

EVERY: Final = {"day": _("every day"), "week": _("every week"), "month": _("every month")}
FORMATS: Final = {"pdf": _("PDF, to be printed"), "html": _("a page for the browser (HTML)")}
DONE: Final = {
    "added": _("The report is added. The first one tells of the day, week or month that goes on now."),
    "removed": _("The report is not sent any more."),
}
"""What is said after a change, by what stands in the address then."""


class ReportPages:
    """The views."""

    def __init__(self, now_utc: Callable[[], float], sends_mail: bool) -> None:
        """now_utc: seconds of 1970; sends_mail: whether this server does."""
        self._now_utc, self._sends_mail = now_utc, sends_mail

    def reports(self, reader: PageReader, wrong: Wrong | None = None) -> PageOf:
        """Those that go, and a form for another one."""
        need_to_run_places(reader)
        stored = {site.stored.id: site.stored for site in reader.sites()}
        values: dict[str, Any] = {
            "reports": [schedule_values(one, stored[one.organisation_id]) for one in _going(reader)],
        }
        said = {name: reader.language.say(one) for name, one in (wrong or {}).items()}
        if said:
            values["wrong"] = said
        typed = {name: reader.said(name) for name in ("every", "place", "language", "format", "to")}
        if not wrong:
            own = "" if reader.access.user is None else reader.access.user.email or ""
            typed |= {"every": "week", "language": reader.language.code, "format": "pdf", "to": own}
        return PageOf(
            "reports.html",
            values,
            {
                "wrong": said,
                "done": done_of(reader, DONE),
                "every": EVERY,
                "formats": FORMATS,
                "moment": lambda utc: datetime.fromtimestamp(utc, UTC),
                "names": place_names(reader),
                "places": place_choices(reader),
                "sends_mail": self._sends_mail,
                "typed": typed,
            },
            400 if wrong else 200,
        )

    def post_reports(self, reader: PageReader) -> PageOf | Response:
        """Has one go from now on, or go no more."""
        need_to_run_places(reader)
        if "remove" in reader.form:
            return self._remove(reader)
        wrong: Wrong = {}
        every = chosen(reader, "every", EVERY, wrong)
        place = chosen_place(reader, wrong)
        language = chosen(reader, "language", LOCALES, wrong)
        kind = chosen(reader, "format", FORMATS, wrong)
        to = _address(reader, wrong)
        if wrong or place is None:
            return self.reports(reader, wrong)
        site, root = place
        key = None if root.node_id is None else site.stored.node_keys[root.node_id]
        by, now_utc = reader.access.name or account(), self._now_utc()
        through = over_before(every, site.stored, key, now_utc)
        new = NewSchedule(root.organisation_id, root.node_id, every, language, kind, EMAIL, to, by, now_utc, through)
        with reader.store.writing() as connection:
            if any(_is_same(one, new) for one in stored_schedules(connection)):
                wrong["to"] = _("This report goes there already.")
            else:
                added = add_schedule(connection, new)
                record(connection, "schedule.add", schedule_values(added, site.stored), by)
        return self.reports(reader, wrong) if wrong else RedirectResponse(f"{REPORTS}?done=added", 303)

    def _remove(self, reader: PageReader) -> Response:
        number = asked_number(reader, "remove")
        schedule = next((one for one in _going(reader) if one.id == number), None)
        if schedule is None:
            raise Refused(404, _("This report is not sent any more"), _("Load the list of reports again."))
        with reader.store.writing() as connection:
            end_schedule(connection, schedule.id, self._now_utc())
            details = {"id": schedule.id, "recipient": schedule.recipient}
            record(connection, "schedule.remove", details, reader.access.name)
        return RedirectResponse(f"{REPORTS}?done=removed", 303)


def _going(reader: PageReader) -> list[StoredSchedule]:
    """Those of their places that have not ended."""
    with reader.store.reading() as connection:
        all_ = [one for one in stored_schedules(connection) if one.ended_utc is None]
    return [one for one in all_ if sees_root(reader, Root(one.organisation_id, one.node_id))]


def _is_same(one: StoredSchedule, new: NewSchedule) -> bool:
    """Whether somebody would get the same twice."""
    names = ("organisation_id", "node_id", "every", "locale", "format", "kind", "recipient")
    return one.ended_utc is None and all(getattr(one, name) == getattr(new, name) for name in names)


def _address(reader: PageReader, wrong: Wrong) -> str:
    try:
        email = checked_email(reader.said("to"))
    except AccountError as error:
        wrong["to"] = error.said
        return ""
    if email is None:
        wrong["to"] = _("Name an e-mail address.")
    return email or ""
