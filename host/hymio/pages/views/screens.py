"""The links of screens on walls, for whoever runs their places: made, shown this once, revoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from hymio.locale.sentence import _
from hymio.pages.access import SiteNow
from hymio.pages.errors import Refused
from hymio.pages.forms import (
    CHOICES_MAX,
    Choice,
    Wrong,
    asked_number,
    chosen_place,
    need_to_run_places,
    place_choices,
    place_names,
    sees_root,
)
from hymio.pages.labels import text_in
from hymio.pages.reader import PageOf, PageReader
from hymio.pages.signed import is_secure
from hymio.pages.wall_live import PATH
from hymio.site.model import Survey
from hymio.site.rules import NAME_MAX
from hymio.store.audit import account, record
from hymio.store.users import Root
from hymio.store.wall_links import (
    WallLink,
    create_link,
    is_link_name,
    link_named,
    link_surveys,
    link_values,
    revoke_link,
    stored_links,
)

SCREENS: Final = "/screens"
_DONE: Final = _("The screen shows nothing any more.")


class ScreenPages:
    """The views."""

    def __init__(self, now_utc: Callable[[], float]) -> None:
        """now_utc: seconds of 1970."""
        self._now_utc = now_utc

    def screens(self, reader: PageReader, wrong: Wrong | None = None, made: dict[str, Any] | None = None) -> PageOf:
        """Those that show something, and a form for another one."""
        need_to_run_places(reader)
        stored = {site.stored.id: site.stored for site in reader.sites()}
        values: dict[str, Any] = {
            "screens": [link_values(one, stored[one.organisation_id]) for one in _shown(reader)],
        }
        if made:
            values["made"] = made
        said = {name: reader.language.say(one) for name, one in (wrong or {}).items()}
        if said:
            values["wrong"] = said
        names = ("name", "place", "survey")
        return PageOf(
            "screens.html",
            values,
            {
                "wrong": said,
                "done": _DONE if reader.request.query_params.get("done") == "revoked" else None,
                "made": made,
                "day": lambda utc: datetime.fromtimestamp(utc, UTC).date(),
                "names": place_names(reader),
                "places": place_choices(reader),
                "surveys": _survey_choices(reader),
                "typed": {name: reader.said(name) if wrong else "" for name in names},
            },
            400 if wrong else 200,
        )

    def post_screens(self, reader: PageReader) -> PageOf | Response:
        """Makes one, or has one show nothing any more."""
        need_to_run_places(reader)
        if "revoke" in reader.form:
            return self._revoke(reader)
        wrong: Wrong = {}
        name = reader.said("name")
        if not is_link_name(name):
            wrong["name"] = _("A name has 1 to %(most)s characters in one line, and is not a number.", most=NAME_MAX)
        place = chosen_place(reader, wrong)
        survey_id = None if place is None else _survey(reader, place[0], wrong)
        if wrong or place is None:
            return self.screens(reader, wrong)
        site, root = place
        with reader.store.writing() as connection:
            if link_named(connection, site.stored.id, name) is None:
                by = reader.access.name or account()
                ids = root.organisation_id, root.node_id, survey_id
                link, secret = create_link(connection, name, *ids, by, self._now_utc())
                said = link_values(link, site.stored)
                record(connection, "wall.create", said, by)
            else:
                wrong["name"] = _("Another screen is called so: take another name, or revoke that one.")
        if wrong:
            return self.screens(reader, wrong)
        return self.screens(reader, made={"address": f"{_base(reader)}{PATH}{secret}", **said})

    def _revoke(self, reader: PageReader) -> Response:
        number = asked_number(reader, "revoke")
        link = next((one for one in _shown(reader) if one.id == number), None)
        if link is None:
            raise Refused(404, _("This screen shows nothing any more"), _("Load the list of screens again."))
        with reader.store.writing() as connection:
            revoke_link(connection, link.id, self._now_utc())
            record(connection, "wall.revoke", {"id": link.id, "name": link.name}, reader.access.name)
        return RedirectResponse(f"{SCREENS}?done=revoked", 303)


def _shown(reader: PageReader) -> list[WallLink]:
    """The links of their places that are good."""
    with reader.store.reading() as connection:
        links = [one for one in stored_links(connection) if one.revoked_utc is None]
    return [one for one in links if sees_root(reader, Root(one.organisation_id, one.node_id))]


def _base(reader: PageReader) -> str:
    """By which address this browser has found us; a screen finds us by the same one."""
    url = reader.request.url
    return f"{'https' if is_secure(reader.request) else 'http'}://{url.netloc}"


def _surveys(reader: PageReader, site: SiteNow) -> list[Survey]:
    """Those with four faces that run at a place of theirs."""
    keys = {node.key for node in reader.access.nodes(site)}
    return [one for one in link_surveys(site.stored) if site.places.points_at(one) & keys]


def _survey_value(site: SiteNow, survey: Survey) -> str:
    return f"{site.organisation.key}/{survey.key}"


def _survey_choices(reader: PageReader) -> list[Choice] | None:
    """What the field `survey` offers; None: that would be too many."""
    found = []
    for site in reader.sites():
        texts = {one.key: one.texts for one in site.stored.site.questions}
        for one in _surveys(reader, site):
            question = text_in(reader.language, dict(texts[one.question]))
            found.append(Choice(_survey_value(site, one), f"{question} ({one.key})", []))
    return found if len(found) <= CHOICES_MAX else None


def _survey(reader: PageReader, site: SiteNow, wrong: Wrong) -> int | None:
    """The survey of the form; None: whichever runs there."""
    said = reader.said("survey")
    if not said:
        return None
    for one in _surveys(reader, site):
        if said in (one.key, _survey_value(site, one)):
            return site.stored.surveys[one.key]
    wrong["survey"] = _("No survey %(key)s with four faces runs there.", key=said[:60])
    return None
