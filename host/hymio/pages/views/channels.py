"""Channels and what became of their messages, for whoever runs the places: made, ended, tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from hymio.locale.language import languages
from hymio.locale.sentence import Sentence, _
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
from hymio.store.audit import record
from hymio.store.channels import (
    FAMILIES,
    Channel,
    ChannelError,
    ChannelKind,
    ChannelWish,
    channel_values,
    end_channel,
    make_channel,
    stored_channels,
)
from hymio.store.deliveries import Delivery, counts_of, deliveries_of, retry
from hymio.store.users import Root

CHANNELS: Final = "/channels"
DELIVERIES: Final = "/deliveries"
SHOWN_MAX: Final = 200

KINDS: Final[Mapping[str, Sentence]] = {
    ChannelKind.EMAIL: _("by e-mail"),
    ChannelKind.WEBHOOK: _("a program, over HTTPS"),
    ChannelKind.MQTT: _("over MQTT"),
    ChannelKind.APPRISE: _("by another service"),
}
MADE_HERE: Final = (ChannelKind.EMAIL, ChannelKind.WEBHOOK)
"""The others reach whatever this computer reaches: they are made where it is run."""
TOLD: Final[Mapping[str, Sentence]] = {
    "alert": _("alerts"),
    "case": _("cases"),
    "answer": _("each answer from a phone"),
}
assert TOLD.keys() == set(FAMILIES)
DONE: Final = {
    "added": _("The channel is there."),
    "ended": _("Nothing goes there any more."),
    "retried": _("It is tried again at once."),
}


class ChannelPages:
    """The views."""

    def __init__(self, now_utc: Callable[[], float], may_be_inside: bool) -> None:
        """now_utc: seconds of 1970. may_be_inside: whether webhooks may lead into our own network."""
        self._now_utc, self._may_be_inside = now_utc, may_be_inside

    def channels(
        self,
        reader: PageReader,
        wrong: Wrong | None = None,
        refused: Sentence | None = None,
        made: dict[str, Any] | None = None,
    ) -> PageOf:
        """Those in use, and a form for another one."""
        need_to_run_places(reader)
        with reader.store.reading() as connection:
            counts = counts_of(connection)
        stored = {site.stored.id: site.stored for site in reader.sites()}
        lines = [
            channel_values(one, stored[one.organisation_id], counts.get(one.id, (0, 0, 0))) for one in _own(reader)
        ]
        said = {name: reader.language.say(one) for name, one in (wrong or {}).items()}
        is_again = bool(wrong or refused)
        values: dict[str, Any] = {"channels": lines} | ({"made": made} if made else {})
        if is_again:
            values["wrong"] = said | ({"": reader.language.say(refused)} if refused else {})
        return PageOf(
            "channels.html",
            values,
            {
                "wrong": said,
                "refused": refused or (_("Nothing was made: look at what is marked below.") if said else None),
                "done": done_of(reader, DONE),
                "made": made,
                "names": place_names(reader),
                "places": place_choices(reader),
                "kinds": KINDS,
                "made_here": {kind: KINDS[kind] for kind in MADE_HERE},
                "told": TOLD,
                "locales": {one.code: one.name for one in languages()},
                "typed": {name: reader.said(name) if is_again else "" for name in ("name", "kind", "target", "place")},
                "events": reader.form.get("events", ()) if is_again else ("alert", "case"),
                "locale": reader.said("locale") if is_again else reader.language.code,
            },
            400 if is_again else 200,
        )

    def post_channels(self, reader: PageReader) -> PageOf | Response:
        """Makes one, or has nothing go there any more."""
        need_to_run_places(reader)
        if "end" in reader.form:
            return self._end(reader)
        wrong: Wrong = {}
        place = chosen_place(reader, wrong)
        kind = chosen(reader, "kind", [one.value for one in MADE_HERE], wrong)
        locale = chosen(reader, "locale", [one.code for one in languages()], wrong)
        if wrong or place is None:
            return self.channels(reader, wrong)
        root = place[1]
        events = list(reader.form.get("events", ()))
        wish = ChannelWish(
            reader.said("name"), ChannelKind(kind), reader.said("target"), events, locale, self._may_be_inside
        )
        try:
            with reader.store.writing() as connection:
                made = make_channel(
                    connection, root.organisation_id, root.node_id, wish, reader.access.name, self._now_utc()
                )
        except ChannelError as error:
            return self.channels(reader, refused=error.said)
        if made.secret is None:
            return RedirectResponse(f"{CHANNELS}?done=added", 303)
        return self.channels(reader, made={"name": made.name, "secret": made.secret})

    def _end(self, reader: PageReader) -> Response:
        number = asked_number(reader, "end")
        channel = next((one for one in _own(reader) if one.id == number), None)
        if channel is None:
            raise Refused(404, _("There is no such channel"), _("Load the list of channels again."))
        with reader.store.writing() as connection:
            end_channel(connection, channel.id, self._now_utc())
            record(connection, "channel.remove", {"id": channel.id, "name": channel.name}, reader.access.name)
        return RedirectResponse(f"{CHANNELS}?done=ended", 303)

    def deliveries(self, reader: PageReader) -> PageOf:
        """The newest messages, or those that were given up."""
        need_to_run_places(reader)
        show = reader.request.query_params.get("show", "all")
        if show not in ("all", "dead"):
            raise Refused(400)
        channels = {one.id: one for one in _own(reader, ended=True)}
        with reader.store.reading() as connection:
            found = list(deliveries_of(connection, list(channels), show == "dead", SHOWN_MAX))
        values = {"deliveries": [_line(one, channels[one.channel_id]) for one in found]}
        around = {"show": show, "done": done_of(reader, DONE), "moment": lambda utc: datetime.fromtimestamp(utc, UTC)}
        return PageOf("deliveries.html", values, around)

    def post_deliveries(self, reader: PageReader) -> Response:
        """Has one that was given up be tried again."""
        need_to_run_places(reader)
        number = asked_number(reader, "retry")
        channels = [one.id for one in _own(reader)]
        with reader.store.writing() as connection:
            if not retry(connection, number, channels, self._now_utc()):
                raise Refused(404, _("There is no such message"), _("Load the list of messages again."))
            record(connection, "delivery.retry", {"id": number}, reader.access.name)
        return RedirectResponse(f"{DELIVERIES}?done=retried", 303)


def _own(reader: PageReader, ended: bool = False) -> list[Channel]:
    """The channels of their places."""
    with reader.store.reading() as connection:
        found = list(stored_channels(connection))
    return [
        one
        for one in found
        if (ended or one.ended_utc is None) and sees_root(reader, Root(one.organisation_id, one.node_id))
    ]


def _line(one: Delivery, channel: Channel) -> dict[str, Any]:
    state = "taken" if one.taken_utc is not None else "dead" if one.dead_utc is not None else "waiting"
    return {
        "id": one.id,
        "uid": one.uid,
        "channel": channel.name,
        "is_ended": channel.ended_utc is not None,
        "event": one.event,
        "subject": one.subject,
        "title": one.payload["title"],
        "created_utc": one.created_utc,
        "state": state,
        "tries": one.tries,
        "due_utc": one.due_utc,
        "trouble": one.trouble,
    }
