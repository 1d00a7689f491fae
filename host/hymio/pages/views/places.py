"""The start page, and the page of an organisation, a group, an experience point, or a terminal that stands nowhere."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from markupsafe import Markup
from sqlalchemy import select
from starlette.responses import HTMLResponse, RedirectResponse

from hymio.common.roles import Role
from hymio.locale.language import Language
from hymio.locale.sentence import _
from hymio.pages.access import SiteNow
from hymio.pages.asked import asked_place, asked_site
from hymio.pages.dashboard import Dashboard, Shown, today_at
from hymio.pages.errors import Refused
from hymio.pages.labels import BEFORE, bucket_label
from hymio.pages.periods import KINDS, NoPeriod, Period, calendar_period, day_of, period_of
from hymio.pages.place_figures import Values
from hymio.pages.reader import PageOf, PageReader, wants_json
from hymio.pages.render import rendered
from hymio.pages.stand_out import standing_out
from hymio.pages.tree import branches, place_address, terminal_address, way_to
from hymio.site.model import CUSTOMERS_AT_LEAST, Level, Node, Organisation
from hymio.store import schema
from hymio.store.actions import actions_of
from hymio.store.schema import NOWHERE, CellSpan
from hymio.wire.device_ids import is_device_id

NOW_WAIT_S: Final = 5.0
"""A page waits so long for its main figures; they are ready at once but after a start, on a large database."""
REST_WAIT_S: Final = 0.4
"""And so long for the others, at a small site; elsewhere, and later, the page comes without them, and they follow."""
SMALL_SITE: Final = 20
"""Of so many terminals, everything is worked out within that."""
LARGE_SITE: Final = 2000
"""With more terminals the main figures take longer than a page may: it comes without them, and they follow."""
LARGE_WAIT_S: Final = 0.03
WAIT: Final = "wait"
"""The query parameter by which a reader without scripts gets them all the same."""
_LISTED_MAX: Final = 200

BELOW: Final = "below"
"""The query parameter that says which page of the places in it is listed: 1, 2, ..."""
BELOW_ON_PAGE: Final = 60

PART: Final = "part"
"""The query parameter that asks for a part of a page: `now`, the main figures, or `rest`, all others."""


def start(reader: PageReader) -> PageOf | RedirectResponse:
    """The organisations, and terminals that stand nowhere; of one organisation only, its page."""
    sites = reader.sites()
    lone = _lone_terminals(reader)
    if len(sites) == 1 and not lone and not wants_json(reader.request):
        return RedirectResponse(place_address(sites[0].organisation.key))
    return PageOf(
        "start.html",
        {"organisations": [_organisation(site.organisation) for site in sites], "terminals": lone},
    )


def organisation(reader: PageReader) -> PageOf | HTMLResponse | RedirectResponse:
    """An organisation, the root of its tree; to who sees parts of it alone, those."""
    site = asked_site(reader)
    tops = reader.access.tops(site)
    if None in tops:
        return _page(reader, Shown(site))
    own = [_place(site, site.places.by_key[key]) for key in tops if key is not None]
    if len(own) == 1 and not wants_json(reader.request):
        return RedirectResponse(own[0]["address"])
    return PageOf("start.html", {"organisations": own, "terminals": []})


def place(reader: PageReader) -> PageOf | HTMLResponse:
    """A group or an experience point."""
    return _page(reader, shown_of(reader))


def terminal(reader: PageReader) -> PageOf | HTMLResponse:
    """A terminal, as far as it stood nowhere."""
    return _page(reader, shown_of(reader))


def shown_of(reader: PageReader) -> Shown:
    """What the address names.

    Raises:
        Refused: 404 there is no such thing, 403 the reader may not see it.
    """
    device_id = reader.request.path_params.get("terminal")
    if device_id is None:
        return Shown(*asked_place(reader))
    if not is_device_id(device_id) or not _lone_terminals(reader, device_id):
        raise Refused(404, _("There is no terminal %(key)s without a place", key=device_id))
    return Shown(None, None, device_id)


def asked_period(reader: PageReader, shown: Shown) -> Period:
    """The time that the address names.

    Raises:
        Refused: 400, it names none.
    """
    dashboard = dashboard_of(reader)
    try:
        return period_of(reader.request.query_params, today_at(shown.zone, dashboard.clock()))
    except NoPeriod as error:
        raise Refused(400, error.said) from error


def dashboard_of(reader: PageReader) -> Dashboard:
    """Where figures come from."""
    found: Dashboard = reader.request.app.state.dashboard
    return found


def address_of(shown: Shown) -> str:
    """The page of what is shown."""
    if shown.site is None:
        return terminal_address(str(shown.device_id))
    return place_address(shown.site.organisation.key, None if shown.node is None else shown.node.key)


def now_around(shown: Shown, period: Period, now_utc: float) -> dict[str, Any]:
    """What the template of the main figures needs beside them."""
    own = None if shown.site is None else shown.site.organisation
    levels: dict[str, float] = {}
    if own is not None:
        levels = {Level.GOOD: own.good, Level.EXCELLENT: own.excellent, Level.THE_VERY_BEST: own.the_very_best}
    return {
        "address": address_of(shown),
        "time": period,
        "before_word": BEFORE[period.kind],
        "thresholds": levels,
        "least": CUSTOMERS_AT_LEAST if own is None else own.too_few_customer,
        "now_utc": now_utc,
    }


def _trend_chart(
    trend: dict[str, Any], language: Language, actions: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """What draws the chart of a trend: rows of numbers, and all words in the reader's language."""
    # A day on which nobody came is no point of a line, one of which nothing may be told is a gap.
    points = [point for point in trend["points"] if point["votes"] != 0]
    say = language.say
    begins = [point["start_local"][:10] for point in points]
    return {
        "labels": [bucket_label(language, trend["per"], point["start_local"]) for point in points],
        **{
            name: [None if point[name] is None else round(point[name], 2) for point in points]
            for name in ("votes", "happy_index", "low", "high", "expected", "expected_low", "expected_high")
        },
        "words": {
            "happy_index": say(_("Happy Index")), "expected": say(_("Usually")), "votes": say(_("Answers")),
            "few": say(_("Too few answers")),
        },
        "marks": [
            {"at": bisect_right(begins, one["day"]) - 1, "text": one["title"]}
            for one in actions
            if begins and one["day"] >= begins[0]
        ],
        "locale": language.code,
    }  # fmt: skip


def _strip_ends(places: dict[str, Any] | None) -> dict[str, float]:
    """From where to where the intervals of places are drawn: tens, so that they fill the scale."""
    rows = [] if places is None else [row for row in places["rows"] if row["happy_index"] is not None]
    low = min((row["low"] if row["low"] is not None else row["happy_index"] for row in rows), default=0.0)
    high = max((row["high"] if row["high"] is not None else row["happy_index"] for row in rows), default=100.0)
    return {"strip_low": int(low // 10 * 10), "strip_high": min(100, int(high // 10 * 10 + 10))}


def _organisation(organisation: Organisation) -> dict[str, str]:
    return {"key": organisation.key, "name": organisation.name, "address": place_address(organisation.key)}


def _place(site: SiteNow, node: Node) -> dict[str, str]:
    return {"key": node.key, "name": node.name, "address": place_address(site.organisation.key, node.key)}


def _lone_terminals(reader: PageReader, device_id: str | None = None) -> list[dict[str, str]]:
    """Those with presses of a time when they stood nowhere; the first ones, or this one. They are an admin's."""
    if reader.access.role is not Role.ADMIN:
        return []
    cells = schema.cells.c
    query = select(cells.device_id).where(
        cells.span == int(CellSpan.EVER), cells.start_utc_minute == 0, cells.node_id == NOWHERE
    )
    if device_id is not None:
        query = query.where(cells.device_id == device_id)
    elif any(site.stored.site.placements for site in reader.known_sites()):
        return []  # where terminals have places, what they did before is no page's business
    with reader.store.reading() as connection:
        found = connection.execute(query.distinct().order_by(cells.device_id).limit(_LISTED_MAX)).scalars().all()
    return [{"device_id": one, "address": terminal_address(one)} for one in found]


def _page(reader: PageReader, shown: Shown) -> PageOf | HTMLResponse:
    dashboard, period = dashboard_of(reader), asked_period(reader, shown)
    part = reader.request.query_params.get(PART)
    is_part, waits = part == "rest", wants_json(reader.request)
    waits_long = waits or bool(reader.request.query_params.get(WAIT))
    version = dashboard.version()
    terminals = 0 if shown.site is None else len(shown.site.stored.site.placements)
    now_wait_s = NOW_WAIT_S if terminals <= LARGE_SITE else LARGE_WAIT_S
    now = dashboard.now(shown, period, version, None if waits_long or part == "now" else now_wait_s)
    wait_s = None if waits_long or is_part else REST_WAIT_S if terminals <= SMALL_SITE else 0.0
    rest = dashboard.rest(shown, period, version, wait_s)
    values: dict[str, Any] = {
        **_named(reader, shown, dashboard.clock()),
        "period": period.as_json(),
        "questions": _questions(shown, period, reader.language.code),
        "now": _now_told(reader, now),
        "rest": rest,
        "change": _change(reader, shown, period, version),
        "arrival": version[0],
        "actions": _actions(reader, shown, period),
    }
    around: dict[str, Any] = {
        **now_around(shown, period, dashboard.clock()),
        "kinds": KINDS,
        "calendar": {kind: calendar_period(kind, period.today, period.today) for kind in KINDS},
        "time_fields": parse_qsl(period.query),
        "asked_change": reader.request.query_params.get("changed", ""),
        "tree": None,
        "sees_all": True,
        "sees_presses": reader.access.sees_presses,
    }
    if part == "now":
        return HTMLResponse(rendered("now.html", reader.language, {**values, **around}))
    all_of_it = rest
    if shown.site is not None:
        key = None if shown.node is None else shown.node.key
        tops = reader.access.tops(shown.site)
        around |= {"tree": branches(shown.site.places, key, tops), "sees_all": None in tops}
        # What lies beside a place is its group's business, which not everybody sees.
        if rest is not None and not reader.access.sees(shown.site, shown.neighbours(dashboard.clock())[0]):
            values["rest"] = rest = rest | {"places": None}
    if waits or rest is None or all_of_it is None:
        return PageOf("place.html", values, around)

    def draw() -> str:
        drawn = {
            "stands_out": standing_out(now, rest, values["place"], period, reader.language),
            "trend_chart": _trend_chart(rest["trend"], reader.language, values["actions"]),
            **_strip_ends(rest["places"]),
        }
        return rendered("rest.html", reader.language, {**values, **around, **drawn})

    done = tuple((one["id"], one["address"]) for one in values["actions"])
    name = (shown.name, period, reader.language.code, reader.access.sees_presses, rest is all_of_it, done)
    text = draw() if around["asked_change"] else dashboard.drawn(name, all_of_it, now, draw)
    return HTMLResponse(text) if is_part else PageOf("place.html", values, {**around, "rest_html": Markup(text)})


def _now_told(reader: PageReader, now: Values | None) -> Values | None:
    """The main figures, to who sees figures alone without the terminals but those of which something is the matter."""
    if now is None or reader.access.sees_presses or not now["terminals"]:
        return now
    return now | {"terminals": [one for one in now["terminals"] if one["is_silent"] or one["undated"]]}


def _named(reader: PageReader, shown: Shown, now_utc: float) -> dict[str, Any]:
    """What it is, where it lies, and what lies below."""
    if shown.site is None:
        name = str(shown.device_id)
        return {
            "organisation": None,
            "place": {"key": name, "name": name, "kind": "terminal"},
            "way": [],
            "below": [],
            "below_count": 0,
            "below_page": 1,
        }
    own, node = shown.site.organisation, shown.node
    key = None if node is None else node.key
    place = {"key": own.key, "name": own.name, "kind": "organisation"}
    if node is not None:
        place = {"key": node.key, "name": node.name, "kind": node.kind.value}
    children = shown.children(key, now_utc)
    page = _below_page(reader, len(children))
    return {
        "organisation": _organisation(own),
        "place": place,
        "way": way_to(shown.site.places, key, reader.access.tops(shown.site)),
        "below": [_place(shown.site, child) for child in children[(page - 1) * BELOW_ON_PAGE : page * BELOW_ON_PAGE]],
        "below_count": len(children),
        "below_page": page,
    }


def _below_page(reader: PageReader, count: int) -> int:
    said, last = reader.request.query_params.get(BELOW) or "1", max(1, -(-count // BELOW_ON_PAGE))
    if not said.isascii() or not said.isdigit() or not 1 <= int(said[:9]) <= last:
        raise Refused(
            400, _("There is no page %(page)s of these places: expected 1 to %(last)s", page=said[:40], last=last)
        )
    return int(said)


def _questions(shown: Shown, period: Period, language: str) -> list[str]:
    """What customers were asked there in that time, in the reader's language where there is a text."""
    if shown.site is None:
        return []
    site, places = shown.site.stored.site, shown.site.places
    points = None if shown.node is None else places.points_of(shown.node.key)
    texts = {question.key: question.texts for question in site.questions}
    found = []
    for survey in site.surveys:
        runs = survey.first_day <= period.last and (survey.last_day is None or survey.last_day >= period.first)
        if runs and survey.type.value == "customer" and (points is None or places.points_at(survey) & points):
            text = texts[survey.question]
            found.append(text.get(language) or text.get(site.organisation.locale) or next(iter(text.values())))
    return list(dict.fromkeys(found))


def _actions(reader: PageReader, shown: Shown, period: Period) -> list[dict[str, Any]]:
    """What was changed there, above it and below it in that time, the newest first."""
    if shown.site is None:
        return []
    stored, places = shown.site.stored, shown.site.places
    key = None if shown.node is None else shown.node.key
    near = None
    if key is not None:
        near = {stored.nodes[one.key] for one in (*places.up(key), *places.below(key))}
    with reader.store.reading() as connection:
        found = actions_of(connection, stored.id, near)
    address = address_of(shown)
    return [
        {
            "id": one.id,
            "day": one.day.isoformat(),
            "title": one.title,
            "address": f"{address}?{period.query}&changed={one.day.isoformat()}#change",
        }
        for one in found
        if period.first <= one.day <= period.last
    ]


def _change(reader: PageReader, shown: Shown, period: Period, version: tuple[int, ...]) -> Any:
    said = reader.request.query_params.get("changed")
    if not said:
        return None
    try:
        changed = day_of("changed", said)
    except NoPeriod as error:
        raise Refused(400, error.said) from error
    if changed > period.today:
        raise Refused(400, _("%(day)s is still to come: nothing has changed then yet", day=changed))
    return dashboard_of(reader).change(shown, period, changed, version)
