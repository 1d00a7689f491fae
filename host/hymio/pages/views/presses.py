"""The presses behind a figure, a day at once: for who may see them; never those of staff, or of too few answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection
from starlette.datastructures import URL

from hymio.figures.wall_time import whole_days
from hymio.locale.sentence import _
from hymio.pages.dashboard import Shown
from hymio.pages.errors import Refused
from hymio.pages.forms import need_to_see_presses
from hymio.pages.labels import FILTERED, period_label
from hymio.pages.periods import NoPeriod, day_of
from hymio.pages.place_figures import DAYS_LISTED
from hymio.pages.reader import PageOf, PageReader
from hymio.pages.tree import branches, way_to
from hymio.pages.views.places import address_of, asked_period, dashboard_of, shown_of
from hymio.site.attribution import FOR_EVER
from hymio.site.hours import OpeningHours
from hymio.site.model import SurveyType
from hymio.site.moments import MINUTE_S, WallClock, zone_of
from hymio.store.arrival_order import newest_arrival
from hymio.store.cells import COUNTED
from hymio.store.time_order import Position, PressKind, PressLine, PressReader, RowStretch, in_time_order

LISTED_MAX: Final = 100
_SCANNED_MAX: Final = 5000
"""Rows that one page goes over when it looks for one face among many."""
_STRETCHES_MAX: Final = 200
CLOSED: Final = "closed"
_VERDICTS: Final = {COUNTED: _("a vote"), "answer": _("an answer"), "test": _("a test"), **FILTERED}


def presses(reader: PageReader) -> PageOf:
    """The days of a time, and the presses of one of them, the newest first."""
    shown, dashboard = shown_of(reader), dashboard_of(reader)
    need_to_see_presses(reader)
    period = asked_period(reader, shown)
    query = reader.request.query_params
    face, verdict = query.get("face"), query.get("verdict")
    if face is not None and face not in "1234":
        raise Refused(400, _("There is no face %(face)s; expected 1 to 4", face=face[:40]))
    if verdict is not None and verdict not in _VERDICTS:
        raise Refused(400, _("There is no reason %(verdict)s", verdict=verdict[:40]))
    before = _position(query.get("before"))
    version = dashboard.version()
    days = dashboard.days(shown, period, version)["rows"]
    chosen = _chosen_day(reader, days)
    rows: list[dict[str, Any]] = []
    more, left_out = None, 0
    if chosen is not None:
        told = dashboard.shown_on(shown, chosen, version)
        with reader.store.reading() as connection:
            rows, more, left_out = _Behind(shown, chosen, told, connection).rows(face, verdict, before)
    values: dict[str, Any] = {
        "organisation": None,
        "place": {"key": shown.name[-1], "name": shown.name[-1], "kind": "terminal"},
        "period": period.as_json(),
        "days": days,
        "day": chosen,
        "face": face and int(face),
        "verdict": verdict,
        "presses": rows,
        "left_out": left_out,
        "more": more,
    }
    around: dict[str, Any] = {"address": address_of(shown), "time": period, "tree": None, "sees_all": True, "way": []}
    if shown.site is not None:
        own, key, tops = (
            shown.site.organisation,
            None if shown.node is None else shown.node.key,
            reader.access.tops(shown.site),
        )
        values["organisation"] = {"key": own.key, "name": own.name, "address": address_of(Shown(shown.site))}
        values["place"] = {
            "key": key or own.key, "name": own.name if shown.node is None else shown.node.name,
            "kind": "organisation" if shown.node is None else shown.node.kind.value,
        }  # fmt: skip
        around |= {"tree": branches(shown.site.places, key, tops), "sees_all": None in tops}
        around["way"] = way_to(shown.site.places, key, tops)
    url = reader.request.url
    around |= {
        "verdicts": _VERDICTS,
        "this": lambda **changes: _address(url, **changes),
        "when": period_label(reader.language, period),
        "is_long": (period.last - period.first).days >= DAYS_LISTED,
    }
    return PageOf("presses.html", values, around)


class _Behind:
    """The presses behind the figures of what is shown, on one day."""

    def __init__(self, shown: Shown, day: str, told: Mapping[str, Any], connection: Connection) -> None:
        """told: of which places figures are shown on that day, as `Dashboard.shown_on` has it."""
        self._shown, self._day, self._told_of, self._connection = shown, day, told, connection

    def rows(
        self, face: str | None, verdict: str | None, before: Position | None
    ) -> tuple[list[dict[str, Any]], str | None, int]:
        """The presses from a position on; where the next page begins; how many places are left out."""
        stretches, left_out = self._stretches()
        if len(stretches) > _STRETCHES_MAX:
            raise Refused(400, _("That is too many terminals at once"), _("Choose a place below this one."))
        kind = PressKind.VOTES if face and not verdict else PressKind.ALL
        source = PressReader(kind, newest_arrival(self._connection), descending=True)
        found: list[dict[str, Any]] = []
        scanned = 0
        for line, stretch in in_time_order(self._connection, [(source, stretches)], before, True, LISTED_MAX + 1):
            assert isinstance(line, PressLine)
            if line.position == before:
                continue
            scanned += 1
            told = self._told(line, *stretch.belongs)
            is_meant = (not face or (str(line.button) == face and told["verdict"] == COUNTED)) and (
                not verdict or told["verdict"] == verdict
            )
            if is_meant and len(found) == LISTED_MAX:
                return found, found[-1]["position"], left_out
            if is_meant:
                found.append(told)
            if scanned >= _SCANNED_MAX:
                return found, _position_text(line.position), left_out
        return found, None, left_out

    def _told(
        self, line: PressLine, key: str | None, name: str | None, is_open: Callable[[float], bool]
    ) -> dict[str, Any]:
        verdict = CLOSED if line.verdict == COUNTED and not is_open(line.pressed_utc) else line.verdict
        return {
            "position": _position_text(line.position),
            "pressed_utc": line.pressed_utc,
            "pressed_local": datetime.fromtimestamp(line.pressed_utc, self._shown.zone).isoformat(timespec="seconds"),
            "button": line.button,
            "verdict": verdict,
            "count": line.presses,
            "device_id": line.device_id,
            "place": key,
            "place_name": name,
        }

    def _stretches(self) -> tuple[list[RowStretch[Any]], int]:
        """Which terminals stood where on that day; of places with too few answers none, but how many they are."""
        stretch, site = whole_days(self._day, self._day), self._shown.site
        if site is None:
            if not self._told_of["is_shown"]:
                return [], 1
            begin, end = stretch.bounds_utc([self._shown.zone])
            return [RowStretch(str(self._shown.device_id), begin, end, (None, None, lambda _utc: True))], 0
        shown = set(self._told_of["points"]) if self._told_of["is_shown"] else set()
        found, left_out = [], set()
        for one in site.stored.site.placements:
            if one.asks is SurveyType.STAFF or not self._is_within(one.point):
                continue
            zone = site.places.zone(one.point)
            begin, end = stretch.bounds_utc([zone_of(zone)])
            until = FOR_EVER if one.until_utc_minute is None else one.until_utc_minute
            low, high = max(float(begin), 60.0 * one.from_utc_minute), min(float(end), 60.0 * until)
            if low >= high:
                continue
            if one.point not in shown:
                left_out.add(one.point)
                continue
            is_open = partial(_is_open, site.places.hours(one.point), WallClock(zone))
            found.append(RowStretch(one.device_id, low, high, (one.point, site.places.by_key[one.point].name, is_open)))
        return found, len(left_out)

    def _is_within(self, point: str) -> bool:
        site, node = self._shown.site, self._shown.node
        return site is not None and (node is None or point in site.places.points_of(node.key))


def _is_open(hours: OpeningHours | None, clock: WallClock, utc: float) -> bool:
    return hours is None or hours.has(clock.local_minute(int(utc // MINUTE_S)))


def _chosen_day(reader: PageReader, days: list[dict[str, Any]]) -> str | None:
    said = reader.request.query_params.get("day")
    if said:
        try:
            return day_of("day", said).isoformat()
        except NoPeriod as error:
            raise Refused(400, error.said) from error
    return next((one["day"] for one in days if one["per"] == "day" and one["votes"] is not None), None)


def _position_text(position: Position) -> str:
    return f"{position.utc!r}~{position.name}~{position.log_id}~{position.seq}"


def _position(said: str | None) -> Position | None:
    if not said:
        return None
    try:
        utc, name, log_id, seq = said.split("~")
        return Position(float(utc), name, int(log_id), int(seq))
    except ValueError:
        raise Refused(400) from None


def _address(url: URL, **changes: Any) -> str:
    """This page with another parameter; None takes one away."""
    url = url.remove_query_params([name for name, value in changes.items() if value is None])
    url = url.include_query_params(**{name: value for name, value in changes.items() if value is not None})
    return f"{url.path}?{url.query}" if url.query else url.path
