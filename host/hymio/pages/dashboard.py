"""The figures of places for pages and for who listens: each worked out once for all who look, in the background."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from hymio.common.errors import Failure
from hymio.figures.one_place import LoneTerminal, OnePlace
from hymio.figures.reading import FigureReader
from hymio.pages import place_figures
from hymio.pages.access import SiteNow, asks_staff, full_hour
from hymio.pages.periods import Period
from hymio.pages.place_figures import Asked, Values
from hymio.pages.reader import KnownSites
from hymio.pages.shelf import Shelf
from hymio.site.model import Node, NodeKind
from hymio.site.moments import MINUTE_S, zone_of
from hymio.store import schema
from hymio.store.arrival_order import newest_arrival
from hymio.store.cells import read_cells
from hymio.store.database import Store
from hymio.store.places import stored_places
from hymio.store.rows import chunks
from hymio.store.schema import NO_TIME, CellSpan
from hymio.store.sites import sites_version

SILENT_S: Final = 26 * 3600.0
"""Who has not been heard of for so long is silent: a terminal on batteries speaks four times a day."""
_DRAWN_MAX: Final = 400
"""Of some 30 kB each."""
_TERMINALS_MAX: Final = 200
"""Of a place with more of them the fleet's page tells."""
_MADE_AGAIN_S: Final = 60.0
"""What comes without a press (a verdict that was amended, a date that was found) shows after so long."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page is about: a place, an organisation (without a node), or a terminal that stands nowhere."""

    site: SiteNow | None
    node: Node | None = None
    device_id: str | None = None

    @property
    def name(self) -> tuple[str, ...]:
        """By which it is told from others."""
        if self.site is None:
            return ("terminal", str(self.device_id))
        return ("place", self.site.organisation.key, *(() if self.node is None else (self.node.key,)))

    @property
    def zone(self) -> ZoneInfo:
        """Whose clock it has."""
        if self.site is None:
            return zone_of("UTC")
        return zone_of(self.site.organisation.time_zone if self.node is None else self.site.places.zone(self.node.key))

    @property
    def place(self) -> OnePlace | LoneTerminal:
        """Of which figures are asked."""
        if self.site is None:
            return LoneTerminal(str(self.device_id))
        return OnePlace(self.site.organisation.key, None if self.node is None else self.node.key)

    def neighbours(self, now_utc: float) -> tuple[str | None, list[Node]]:
        """What is compared: what lies right below a group, or beside a point; and in which group."""
        if self.site is None:
            return None, []
        above = None if self.node is None else self.node.key
        if self.node is not None and self.node.kind is NodeKind.POINT:
            above = self.node.parent
        return above, self.children(above, now_utc)

    def children(self, key: str | None, now_utc: float) -> list[Node]:
        """What lies right below a group and was not given up."""
        if self.site is None:
            return []
        return [
            node
            for node in self.site.places.children.get(key, [])
            if node.until_utc_minute is None or node.until_utc_minute * MINUTE_S > now_utc
        ]


class Dashboard:
    """Works out the parts of pages."""

    def __init__(self, store: Store, sites: KnownSites, clock: Callable[[], float] = time.time) -> None:
        """clock: seconds of 1970."""
        self.store, self.sites, self.clock = store, sites, clock
        # What people wait for does not queue behind what they don't.
        self._now_shelf, self._rest_shelf = Shelf(), Shelf(workers=1)
        self._both: OrderedDict[Hashable, tuple[Values, Values, Values]] = OrderedDict()
        self._drawn: OrderedDict[Hashable, tuple[Values, Values | None, str]] = OrderedDict()

    def warm_up(self) -> None:
        """Reads what is read once for all pages: seconds, of 25,000 terminals, which the first reader is spared.

        If the database is away, that reader is told.
        """
        with suppress(Failure), self.store.reading() as connection:
            self.sites.of(connection)
            stored_places(connection)

    def version(self) -> tuple[int, ...]:
        """Of everything that figures are made of; the first number is that of the newest transaction with presses."""
        with self.store.reading() as connection:
            return self.version_in(connection)

    def version_in(self, connection: Connection) -> tuple[int, ...]:
        """The same, in a transaction."""
        return newest_arrival(connection), sites_version(connection), int(self.clock() // _MADE_AGAIN_S)

    def now(self, shown: Shown, period: Period, version: tuple[int, ...], wait_s: float | None) -> Values | None:
        """The figures of all of the time, and of the time before; None: they are not ready yet."""
        # What is over changes by what comes late alone: no press of now works it out again.
        before_name, before_version = ("before", *shown.name, period.before), (0, *version[1:])

        def make(reader: FigureReader) -> Values:
            whole = place_figures.whole_part(reader, shown.place, period)
            if not self._now_shelf.has(before_name, before_version):  # one look at the database does for both
                part = place_figures.whole_part(reader, shown.place, period.before)
                self._now_shelf.put(before_name, before_version, part)
            return whole | {"terminals": self._terminals(reader.connection, shown)}

        whole = self._part("now", shown, period, version, wait_s, make)
        if whole is None:
            return None
        before = self._part(
            "before", shown, period.before, before_version, wait_s,
            lambda reader: place_figures.whole_part(reader, shown.place, period.before),
        )  # fmt: skip
        if before is None:
            return None
        known = self._both.get((shown.name, period))
        if known is None or known[0] is not whole or known[1] is not before:
            difference = place_figures.difference_of(whole["figures"], before["figures"])
            both = {**whole, "before": before["figures"], "difference": difference}
            known = self._both[shown.name, period] = whole, before, both
            while len(self._both) > _DRAWN_MAX:
                self._both.popitem(last=False)
        return known[2]

    def rest(self, shown: Shown, period: Period, version: tuple[int, ...], wait_s: float | None) -> Values | None:
        """All other figures; None: they are not ready yet.

        With a `wait_s` of 0 they are not even begun with: whoever shows a page asks for them once that is shown.
        """

        def make(reader: FigureReader) -> Values:
            place = shown.place
            if isinstance(place, LoneTerminal):
                trend = place_figures.trend_part(reader, place, period)
                return {"trend": trend, "hours": None, "moments": None, "places": None, "reasons": [], "phones": None}
            above, nodes = shown.neighbours(self.clock())
            children = {node.key: node.kind is NodeKind.POINT for node in nodes}
            return place_figures.rest_part(reader, Asked(place, period, children, above))

        return self._part("rest", shown, period, version, wait_s, make)

    def change(self, shown: Shown, period: Period, changed: date, version: tuple[int, ...]) -> Values | None:
        """Before and after a day."""
        place = shown.place
        if isinstance(place, LoneTerminal):
            return None
        return self._part(
            f"change {changed}", shown, period, version, None,
            lambda reader: place_figures.change_part(reader, place, changed, period.today),
        )  # fmt: skip

    def days(self, shown: Shown, period: Period, version: tuple[int, ...]) -> Values:
        """The days of a time, with how many presses each has."""
        found = self._part(
            "days", shown, period, version, None, lambda reader: place_figures.days_part(reader, shown.place, period)
        )
        assert found is not None
        return found

    def shown_on(self, shown: Shown, day: str, version: tuple[int, ...]) -> Values:
        """Of which places figures are shown on a day."""
        that = date.fromisoformat(day)
        found = self._part(
            "shown", shown, Period("day", that, that, that), version, None,
            lambda reader: place_figures.shown_part(reader, shown.place, day),
        )  # fmt: skip
        assert found is not None
        return found

    def _part(
        self, name: str, shown: Shown, period: Period, version: tuple[int, ...], wait_s: float | None,
        make: Callable[[FigureReader], Values],
    ) -> Values | None:  # fmt: skip
        def read() -> Values:
            with self.store.reading() as connection:
                now_utc = self.clock()
                if shown.site is None:
                    return make(FigureReader(connection, now_utc, (), lone=shown.device_id))
                return make(FigureReader(connection, now_utc, tuple(one.stored for one in self.sites.of(connection))))

        # Another day is another thing: what was today is not.
        shelf = self._rest_shelf if name == "rest" else self._now_shelf
        found: Values | None = shelf.get((name, *shown.name, period), version, read, wait_s)
        return found

    def drawn(self, name: Hashable, rest: Values, now: Values | None, draw: Callable[[], str]) -> str:
        """The other figures as HTML: drawn again only when they, or the main ones, are others."""
        known = self._drawn.get(name)
        if known is not None and known[0] is rest and known[1] is now:
            return known[2]
        text = draw()
        self._drawn[name] = rest, now, text
        while len(self._drawn) > _DRAWN_MAX:
            self._drawn.popitem(last=False)
        return text

    def _terminals(self, connection: Connection, shown: Shown) -> list[Values] | None:
        """The terminals that stand there, the longest silent first; None: they are too many for this page."""
        device_ids = self._device_ids(shown)
        if len(device_ids) > _TERMINALS_MAX:
            return None
        heard = dict.fromkeys(device_ids, 0.0)
        undated = dict.fromkeys(device_ids, 0)
        for chunk in chunks(device_ids):
            logs = schema.logs.c
            query = select(logs.device_id, func.max(logs.last_seen_utc)).where(logs.device_id.in_(chunk))
            heard |= {row[0]: row[1] for row in connection.execute(query.group_by(logs.device_id))}
        for row in read_cells(connection, device_ids, CellSpan.MONTH, NO_TIME, NO_TIME + 1):
            undated[row.device_id] += row.presses
        now_utc = self.clock()
        for device_id in device_ids:
            if shown.site is not None and asks_staff([shown.site], device_id, now_utc):
                heard[device_id], undated[device_id] = full_hour(heard[device_id]), 0
        return [
            {
                "device_id": device_id,
                "heard_utc": heard[device_id] or None,
                "is_silent": now_utc - heard[device_id] > SILENT_S,
                "undated": undated[device_id],
            }
            for device_id in sorted(device_ids, key=lambda one: (heard[one], one))
        ]

    def _device_ids(self, shown: Shown) -> list[str]:
        if shown.site is None:
            return [str(shown.device_id)]
        points = None if shown.node is None else shown.site.places.points_of(shown.node.key)
        minute = self.clock() // MINUTE_S
        return sorted(
            {
                one.device_id
                for one in shown.site.stored.site.placements
                if (points is None or one.point in points)
                and one.from_utc_minute <= minute
                and (one.until_utc_minute is None or one.until_utc_minute > minute)
            }
        )


def today_at(zone: ZoneInfo, now_utc: float) -> date:
    """The day there."""
    return datetime.fromtimestamp(now_utc, zone).date()
