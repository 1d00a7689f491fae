"""The presses behind a figure, a day at once: for who may see them; never those of staff, or of too few answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.datastructures import URL

from hymio.figures.one_place import LoneTerminal, OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.wall_time import whole_days
from hymio.locale.sentence import _
from hymio.measures.buckets import Per
from hymio.pages.dashboard import Dashboard, Shown
from hymio.pages.errors import Refused
from hymio.pages.labels import FILTERED, period_label
from hymio.pages.periods import NoPeriod, Period, day_of
from hymio.pages.reader import PageOf, PageReader
from hymio.pages.tree import branches, way_to
from hymio.pages.views.places import address_of, asked_period, dashboard_of, shown_of
from hymio.site.attribution import FOR_EVER
from hymio.site.model import NodeKind, SurveyType
from hymio.site.moments import MINUTE_S, WallClock
from hymio.store.arrival_order import newest_arrival
from hymio.store.cells import COUNTED
from hymio.store.time_order import Position, PressKind, PressLine, PressReader, RowStretch, in_time_order

LISTED_MAX: Final = 100
_SCANNED_MAX: Final = 5000
"""Rows that one page goes over when it looks for one face among many."""
_STRETCHES_MAX: Final = 200
_DAYS_LISTED: Final = 62
CLOSED: Final = "closed"
_VERDICTS: Final = {COUNTED: _("a vote"), "answer": _("an answer"), "test": _("a test"), **FILTERED}


def presses(reader: PageReader) -> PageOf:
    """The days of a time, and the presses of one of them, the newest first."""
    shown, dashboard = shown_of(reader), dashboard_of(reader)
    if not reader.access.sees_presses:
        raise Refused(403)
    period = asked_period(reader, shown)
    query = reader.request.query_params
    face, verdict = query.get("face"), query.get("verdict")
    if face is not None and face not in "1234":
        raise Refused(400, _("There is no face %(face)s; expected 1 to 4", face=face[:40]))
    if verdict is not None and verdict not in _VERDICTS:
        raise Refused(400, _("There is no reason %(verdict)s", verdict=verdict[:40]))
    with reader.store.reading() as connection:
        found = _Behind(dashboard, shown, period, connection)
        days = found.days()
        chosen = _chosen_day(reader, days)
        rows, more, left_out = found.rows(chosen, face, verdict, _position(query.get("before")))
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
        "is_long": (period.last - period.first).days >= _DAYS_LISTED,
    }
    return PageOf("presses.html", values, around)


class _Behind:
    """What lies behind the figures of a place and a time."""

    def __init__(self, dashboard: Dashboard, shown: Shown, period: Period, connection: Connection) -> None:
        self._shown, self._period, self._connection = shown, period, connection
        sites = () if shown.site is None else (shown.site.stored,)
        self._reader = FigureReader(connection, dashboard.clock(), sites, shown.device_id)

    def days(self) -> list[dict[str, Any]]:
        """The days with presses and those of too few, the newest first; of a long time its months."""
        period, place = self._period, self._shown.place
        per: Per = "month" if (period.last - period.first).days >= _DAYS_LISTED else "day"
        return [
            {
                "day": f"{cell.slot.start_local[:10]}",
                "per": per,
                "votes": None if cell.figures is None else cell.figures.votes,
                "filtered": None if cell.misuse is None else sum(cell.misuse.values()),
            }
            for cell in reversed(place.cells(self._reader, per, period.stretch))
            if cell.figures is None or cell.figures.votes or cell.misuse
        ]

    def rows(
        self, day: str | None, face: str | None, verdict: str | None, before: Position | None
    ) -> tuple[list[dict[str, Any]], str | None, int]:
        """The presses of a day, from a position on; where the next page begins; how many places are left out."""
        if day is None:
            return [], None, 0
        stretches, left_out = self._stretches(day)
        if len(stretches) > _STRETCHES_MAX:
            raise Refused(400, _("That is too many terminals at once"), _("Choose a place below this one."))
        kind = PressKind.VOTES if face and not verdict else PressKind.ALL
        source = PressReader(kind, newest_arrival(self._connection), descending=True)
        found: list[dict[str, Any]] = []
        scanned = 0
        lines = in_time_order(self._connection, [(source, stretches)], before, True, LISTED_MAX + 1)
        for line, stretch in lines:
            assert isinstance(line, PressLine)
            if before is not None and line.position == before:
                continue
            scanned += 1
            key, name, is_open = stretch.belongs
            told = self._told(line, key, name, is_open(line.pressed_utc))
            if (face and (str(line.button) != face or told["verdict"] != COUNTED)) or (
                verdict and told["verdict"] != verdict
            ):
                at = line.position
                if scanned >= _SCANNED_MAX:
                    return found, _position_text(at), left_out
                continue
            if len(found) == LISTED_MAX:
                return found, found[-1]["position"], left_out
            found.append(told)
        return found, None, left_out

    def _told(self, line: PressLine, key: str | None, name: str | None, is_open: bool) -> dict[str, Any]:
        verdict = line.verdict if is_open or line.verdict != COUNTED else CLOSED
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

    def _stretches(self, day: str) -> tuple[list[RowStretch[Any]], int]:
        """Which terminals stood where on a day; of places with too few answers on it none, but how many they are."""
        place, stretch = self._shown.place, whole_days(day, day)
        if isinstance(place, LoneTerminal):
            (cell,) = place.cells(self._reader, None, stretch)
            if cell.figures is None:
                return [], 1
            begin, end = stretch.bounds_utc([self._shown.zone])
            return [RowStretch(place.device_id, begin, end, (None, None, lambda _utc: True))], 0
        site = self._shown.site
        assert site is not None
        left_out = {key for key in self._points() if not self._may_show(OnePlace(place.organisation, key), day)}
        if not self._may_show(place, day):
            return [], len(self._points())
        found = []
        for one in site.stored.site.placements:
            if one.asks is SurveyType.STAFF or one.point not in self._points() or one.point in left_out:
                continue
            zone = site.places.zone(one.point)
            begin, end = stretch.bounds_utc([self._reader.place_tree(site.stored).zone(one.point)])
            until = FOR_EVER if one.until_utc_minute is None else one.until_utc_minute
            low, high = max(float(begin), 60.0 * one.from_utc_minute), min(float(end), 60.0 * until)
            if low < high:
                hours, clock = site.places.hours(one.point), WallClock(zone)

                def is_open(utc: float, hours: Any = hours, clock: WallClock = clock) -> bool:
                    return hours is None or hours.has(clock.local_minute(int(utc // MINUTE_S)))

                found.append(
                    RowStretch(one.device_id, low, high, (one.point, site.places.by_key[one.point].name, is_open))
                )
        return found, len(left_out)

    def _points(self) -> frozenset[str]:
        site, node = self._shown.site, self._shown.node
        assert site is not None
        if node is not None:
            return site.places.points_of(node.key)
        return frozenset(one.key for one in site.stored.site.nodes if one.kind is NodeKind.POINT)

    def _may_show(self, place: OnePlace, day: str) -> bool:
        return all(cell.figures is not None for cell in place.cells(self._reader, None, whole_days(day, day)))


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
