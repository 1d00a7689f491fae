"""What visitors wrote, for who looks after the places: what is spam is marked, and can be unmarked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from starlette.responses import RedirectResponse

from hymio.locale.sentence import Sentence, _
from hymio.pages.access import SiteNow
from hymio.pages.dashboard import Shown
from hymio.pages.errors import Refused
from hymio.pages.forms import need_to_run_places, need_to_see_presses
from hymio.pages.labels import period_label, text_in
from hymio.pages.reader import PageOf, PageReader
from hymio.pages.tree import branches, way_to
from hymio.pages.views.places import address_of, asked_period, dashboard_of, shown_of
from hymio.pages.visitor_form import options_of
from hymio.site.model import SurveyType
from hymio.site.moments import zone_of
from hymio.store import audit
from hymio.store.visitor_answers import SPAM, SaidAnswer, mark_form, said_answer, texts_of

LISTED_MAX: Final = 50
REASONS: Final[Mapping[str, Sentence]] = {
    "trap": _("a field was filled in that people do not see"),
    "forged": _("the form was not one of ours"),
    "elsewhere": _("another page sent it"),
    "fast": _("faster than people are"),
    "links": _("it is full of links"),
    "rate": _("too many came from there"),
    "person": _("somebody marked it"),
}
"""Why something is spam."""
VIAS: Final[Mapping[str, Sentence]] = {
    "qr": _("code on the poster"),
    "link": _("link"),
    "email": _("invitation"),
    "digital": _("web page"),
}
"""How an answer came."""


def texts(reader: PageReader) -> PageOf:
    """The texts of a place and a time, the newest first."""
    shown, site = _shown(reader)
    period = asked_period(reader, shown)
    spam_alone = reader.request.query_params.get("show", "all") == "spam"
    zones = {site.places.zone(key) for key in _points(site, shown)} or {site.organisation.time_zone}
    between = period.stretch.bounds_utc([zone_of(zone) for zone in sorted(zones)])
    with reader.store.reading() as connection:
        rows = texts_of(
            connection,
            [site.stored.nodes[key] for key in _points(site, shown)],
            _surveys(site),
            between,
            spam_alone,
            LISTED_MAX + 1,
            _position(reader.request.query_params.get("before")),
        )
        options = {number: key for (_of, _positive, key), number in options_of(connection, _surveys(site)).items()}
    more = f"{rows[LISTED_MAX - 1].answered_utc!r}~{rows[LISTED_MAX - 1].answer_id}" if len(rows) > LISTED_MAX else None
    own, key, tops = (
        site.organisation,
        None if shown.node is None else shown.node.key,
        reader.access.tops(site),
    )
    names = {
        option.key: option.texts
        for survey in site.stored.site.surveys
        for follow_up in survey.follow_ups
        for option in follow_up.options
    }
    values: dict[str, Any] = {
        "organisation": {"key": own.key, "name": own.name, "address": address_of(Shown(site))},
        "place": {
            "key": key or own.key,
            "name": own.name if shown.node is None else shown.node.name,
            "kind": "organisation" if shown.node is None else shown.node.kind.value,
        },
        "period": period.as_json(),
        "show": "spam" if spam_alone else "all",
        "texts": [_values(site, one, options) for one in rows[:LISTED_MAX]],
        "more": more,
    }
    around = {
        "address": address_of(shown),
        "time": period,
        "tree": branches(site.places, key, tops),
        "sees_all": None in tops,
        "way": way_to(site.places, key, tops),
        "when": period_label(reader.language, period),
        "reasons": REASONS,
        "vias": VIAS,
        "option_text": lambda key: text_in(reader.language, dict(names.get(key, {}))) or key,
    }
    return PageOf("texts.html", values, around)


def post_texts(reader: PageReader) -> RedirectResponse:
    """Marks a form as spam, or has it count."""
    shown, site = _shown(reader)
    need_to_run_places(reader)
    answer_id, is_spam = reader.said("answer"), reader.said("mark") == SPAM
    with reader.store.writing() as connection:
        one = said_answer(connection, answer_id)
        nodes = {site.stored.nodes[key] for key in _points(site, shown)}
        if one is None or one.node_id not in nodes or one.survey_id not in _surveys(site):
            raise Refused(404)
        if mark_form(connection, answer_id, is_spam, dashboard_of(reader).clock()):
            action = "answer.spam" if is_spam else "answer.counted"
            place = site.stored.node_keys[one.node_id]
            details = {"organisation": site.organisation.key, "place": place, "answer": answer_id}
            audit.record(connection, action, details, reader.access.name)
    query = f"?{reader.request.url.query}" if reader.request.url.query else ""
    return RedirectResponse(f"{address_of(shown)}/texts{query}", 303)


def _shown(reader: PageReader) -> tuple[Shown, SiteNow]:
    shown = shown_of(reader)
    need_to_see_presses(reader)
    if shown.site is None:
        raise Refused(404)
    return shown, shown.site


def _points(site: SiteNow, shown: Shown) -> set[str]:
    """The experience points of what is shown."""
    nodes = site.places.below(None if shown.node is None else shown.node.key)
    return {node.key for node in nodes if node.kind.value == "point"}


def _surveys(site: SiteNow) -> set[int]:
    """Those of customers: nobody reads what one of the staff says."""
    return {site.stored.surveys[one.key] for one in site.stored.site.surveys if one.type is SurveyType.CUSTOMER}


def _values(site: SiteNow, one: SaidAnswer, options: Mapping[int, str]) -> dict[str, Any]:
    key = site.stored.node_keys[one.node_id]
    zone = site.places.zone(key)
    survey = site.stored.survey_keys[one.survey_id]
    scales = {each.key: each.scale.value for each in site.stored.site.surveys}
    return {
        "answer_id": one.answer_id,
        "answered_utc": one.answered_utc,
        "answered_local": datetime.fromtimestamp(one.answered_utc, zone_of(zone)).isoformat(timespec="seconds"),
        "place": key,
        "place_name": site.places.by_key[key].name,
        "survey": survey,
        "scale": scales[survey],
        "via": one.via,
        "face": one.face,
        "score": one.score,
        "options": [options[number] for number in json.loads(one.options or "[]") if number in options],
        "locale": one.locale,
        "text": one.text,
        "is_spam": one.verdict == SPAM,
        "reason": one.reason,
        "wants_contact": one.wants_contact,
    }


def _position(said: str | None) -> tuple[float, str] | None:
    if not said:
        return None
    utc, _tilde, answer_id = said.partition("~")
    try:
        return float(utc), answer_id
    except ValueError:
        raise Refused(400) from None
