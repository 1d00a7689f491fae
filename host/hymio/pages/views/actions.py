"""What was changed because of answers, and whether the figure moved with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from hymio.locale.sentence import Sentence, _
from hymio.pages.access import SiteNow
from hymio.pages.dashboard import Shown, today_at
from hymio.pages.errors import Refused
from hymio.pages.forms import (
    Wrong,
    chosen_place,
    done_of,
    need_to_run_places,
    number_in,
    place_choices,
    place_names,
    sees_root,
)
from hymio.pages.periods import NoPeriod, calendar_period, day_of
from hymio.pages.reader import PageOf, PageReader
from hymio.pages.tree import place_address
from hymio.pages.views.places import dashboard_of
from hymio.store.actions import (
    TITLE_MAX,
    Action,
    ActionError,
    NewAction,
    action_of,
    action_values,
    actions_of,
    add_action,
    end_action,
    publish_action,
)
from hymio.store.users import Root

ACTIONS: Final = "/actions"
SHOWN_MAX: Final = 200

DONE: Final = {
    "added": _("It is written down."),
    "published": _("Screens of the place show it now."),
    "hidden": _("No screen shows it any more."),
    "removed": _("It is taken back."),
}


class ActionPages:
    """The views."""

    def __init__(self, now_utc: Callable[[], float]) -> None:
        """now_utc: seconds of 1970."""
        self._now_utc = now_utc

    def actions(self, reader: PageReader, wrong: Wrong | None = None, refused: Sentence | None = None) -> PageOf:
        """What was done at their places, the newest first, and a form for more."""
        need_to_run_places(reader)
        with reader.store.reading() as connection:
            found = [
                action_values(one, site.stored)
                for site in reader.sites()
                for one in actions_of(connection, site.stored.id, None)
                if sees_root(reader, Root(one.organisation_id, one.node_id))
            ]
        said = {name: reader.language.say(one) for name, one in (wrong or {}).items()}
        is_again = bool(wrong or refused)
        values: dict[str, Any] = {"actions": sorted(found, key=lambda one: one["day"], reverse=True)[:SHOWN_MAX]}
        if is_again:
            values["wrong"] = said | ({"": reader.language.say(refused)} if refused else {})
        return PageOf(
            "actions.html",
            values,
            {
                "wrong": said,
                "refused": refused or (_("Nothing was added: look at what is marked below.") if said else None),
                "done": done_of(reader, DONE),
                "names": place_names(reader),
                "places": place_choices(reader),
                "typed": {name: reader.said(name) if is_again else "" for name in ("title", "details", "day", "place")},
                "published": "published" in reader.form if is_again else False,
                "longest": TITLE_MAX,
                "day_of": date.fromisoformat,
            },
            400 if is_again else 200,
        )

    def post_actions(self, reader: PageReader) -> PageOf | Response:
        """Writes down what was done."""
        need_to_run_places(reader)
        wrong: Wrong = {}
        place = chosen_place(reader, wrong)
        day = date.min
        try:
            day = day_of("day", reader.said("day"))
        except NoPeriod:
            wrong["day"] = _("Choose the day from which it held.")
        if wrong or place is None:
            return self.actions(reader, wrong)
        site, root = place
        details = next(iter(reader.form.get("details", ())), "") or None
        new = NewAction(
            root.organisation_id, root.node_id, day, reader.said("title"), details, "published" in reader.form
        )
        try:
            with reader.store.writing() as connection:
                today = today_at(_shown(site, root.node_id).zone, self._now_utc())
                made = add_action(connection, new, today, reader.access.name, self._now_utc())
        except ActionError as error:
            return self.actions(reader, refused=error.said)
        return RedirectResponse(f"{ACTIONS}/{made.id}?done=added", 303)

    def action(self, reader: PageReader) -> PageOf:
        """One of them, with the figure before and after."""
        need_to_run_places(reader)
        action, site = _asked(reader)
        shown, dashboard = _shown(site, action.node_id), dashboard_of(reader)
        today = today_at(shown.zone, dashboard.clock())
        period = calendar_period("day", today, today)
        change = dashboard.change(shown, period, action.day, dashboard.version()) if action.day <= today else None
        address = place_address(site.organisation.key, None if shown.node is None else shown.node.key)
        return PageOf(
            "action.html",
            {"action": action_values(action, site.stored), "change": change},
            {
                "done": done_of(reader, DONE),
                "place": {"name": shown.node.name if shown.node else site.organisation.name, "address": address},
                "least": site.organisation.too_few_customer,
                "day_of": date.fromisoformat,
            },
        )

    def post_action(self, reader: PageReader) -> Response:
        """Shows it on walls, or not; or takes it back."""
        need_to_run_places(reader)
        what = reader.said("change")
        if what not in DONE or what == "added":
            raise Refused(400)
        action, _site = _asked(reader)
        with reader.store.writing() as connection:
            if what == "removed":
                end_action(connection, action, reader.access.name, self._now_utc())
                return RedirectResponse(f"{ACTIONS}?done=removed", 303)
            publish_action(connection, action, what == "published", reader.access.name)
        return RedirectResponse(f"{ACTIONS}/{action.id}?done={what}", 303)


def _asked(reader: PageReader) -> tuple[Action, SiteNow]:
    asked = reader.request.path_params["action"]
    with reader.store.reading() as connection:
        action = action_of(connection, number_in(asked) or 0)
    if (
        action is None
        or action.ended_utc is not None
        or not sees_root(reader, Root(action.organisation_id, action.node_id))
    ):
        raise Refused(404, _("There is no action %(key)s", key=asked[:20]))
    return action, next(site for site in reader.sites() if site.stored.id == action.organisation_id)


def _shown(site: SiteNow, node_id: int | None) -> Shown:
    return Shown(site, None if node_id is None else site.places.by_key[site.stored.node_keys[node_id]])
