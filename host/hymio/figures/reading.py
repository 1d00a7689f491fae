"""What is read of the roll-ups for a figure, and no more: cells as presses of a place on the clock of that place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from itertools import takewhile
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from hymio.figures.regions import Leaf, LeafOf, PlaceTree, Region, TimeVotes
from hymio.figures.wall_time import Finest, WallStretch, day_named, days_of, whole_days
from hymio.measures.anonymity import Tree
from hymio.measures.zones import wall_name
from hymio.site.attribution import FOR_EVER, FROM_EVER
from hymio.site.hours import DAY_MIN
from hymio.site.model import CUSTOMERS_AT_LEAST
from hymio.site.moments import MINUTE_S, day_after, zone_of
from hymio.store import schema
from hymio.store.cells import COUNTED, read_cells
from hymio.store.places import stored_places
from hymio.store.rows import chunks
from hymio.store.schema import NO_TIME, NOWHERE, CellSpan
from hymio.store.sites import StoredSite, load_sites

_SPANS: Final = (CellSpan.MONTH, CellSpan.DAY, CellSpan.HOUR)
"""Of the `TimeParts`, one by one."""


class NamedPresses(NamedTuple):
    """Presses of one leaf in a month, a day or an hour, which is named as the clock there shows it."""

    leaf: Leaf
    time: str
    button: int
    verdict: str
    presses: int


class FigureReader:
    """One look at the database: what figures are made of, each cell read when it is first needed."""

    def __init__(
        self,
        connection: Connection,
        now_utc: float,
        sites: tuple[StoredSite, ...] | None = None,
        knows_lone: bool = True,
        lone: str | None = None,
    ) -> None:
        """Reads which places there are.

        Args:
            connection: comes from `Store.reading`; all figures are of the moment at which that began.
            now_utc: seconds of 1970.
            sites: all of them as of that moment, if they are known; else they are read.
            knows_lone: whether what terminals count while they stand nowhere is anybody's; of a token it is not.
            lone: the one terminal that is asked for of those that stand nowhere; None: all.
        """
        self.connection = connection
        self._only_lone = lone
        self.now_utc = now_utc
        self.rows = 0
        """How many rows of roll-ups have been read."""
        self.sites = load_sites(connection) if sites is None else sites
        self._stored_places = stored_places(connection)
        self.given: dict[int, list[Any]] = {}
        """By organisation what visitors have said beside pressing, once it was read; see `further_answers`."""
        self._trees: dict[int, PlaceTree] = {}
        self._regions: dict[tuple[int, str], Region] = {}
        self._lone: dict[str, Region] | None = None if knows_lone else {}

    def site(self, organisation: str | None) -> StoredSite:
        """That of an organisation, by key; None: of the only one.

        Raises:
            ValueError: there is none, or it has to be said which.
        """
        known = {stored.site.organisation.key: stored for stored in self.sites}
        if organisation is None and len(known) == 1:
            return self.sites[0]
        if organisation in known:
            return known[organisation]
        if not known:
            raise ValueError("There are no places in this database; expected those of `hymio site import`.")
        said = f"There is no organisation {organisation!r}" if organisation else "There are several organisations"
        raise ValueError(f"{said}; expected one of {', '.join(sorted(known))}.")

    def place_tree(self, stored: StoredSite) -> PlaceTree:
        """The places of a site."""
        if stored.id not in self._trees:
            self._trees[stored.id] = PlaceTree(stored, self._stored_places)
        return self._trees[stored.id]

    def region(self, stored: StoredSite, verdict: str = COUNTED) -> Region:
        """An organisation with all votes that it has ever had, or all presses of another verdict."""
        key = stored.id, verdict
        if key not in self._regions:
            places = self.place_tree(stored)
            device_ids, zones = places.device_ids(places.points), places.zones(places.points)
            months = self._votes(places.leaf, device_ids, verdict, CellSpan.MONTH, FROM_EVER, FOR_EVER)
            of = places.leaf, device_ids, verdict, zones
            self._regions[key] = Region(
                places.tree(), zones, months, partial(self._parts, *of, CellSpan.DAY),
                partial(self._parts, *of, CellSpan.HOUR), places.organisation.too_few_customer, places.used,
            )  # fmt: skip
        return self._regions[key]

    def lone_regions(self) -> Mapping[str, Region]:
        """Terminals by id, as far as they stood nowhere: each a region of its own, and its only place."""
        if self._lone is None:
            logs, cells = schema.logs.c, schema.cells.c
            have_any = select(cells.device_id).where(
                cells.device_id.in_(select(logs.device_id)),
                cells.span == int(CellSpan.EVER),
                cells.start_utc_minute == 0,
                cells.node_id == NOWHERE,
                *([] if self._only_lone is None else [cells.device_id == self._only_lone]),
            )
            device_ids = sorted({device_id for (device_id,) in self.connection.execute(have_any)})
            by_device: dict[str, dict[str, Mapping[str, int]]] = {device_id: {} for device_id in device_ids}
            votes = self._votes(self.lone_leaf, device_ids, COUNTED, CellSpan.MONTH, FROM_EVER, FOR_EVER)
            for month, by_leaf in votes.items():
                for device_id, number in by_leaf.items():
                    by_device[device_id][month] = {device_id: number}
            at_least = self.sites[0].site.organisation.too_few_customer if len(self.sites) == 1 else CUSTOMERS_AT_LEAST
            self._lone = {}
            for device_id, months in by_device.items():
                zones = self.lone_zones(device_id)
                of = self.lone_leaf, [device_id], COUNTED, zones
                self._lone[device_id] = Region(
                    Tree(device_id, {}), zones, months, partial(self._parts, *of, CellSpan.DAY),
                    partial(self._parts, *of, CellSpan.HOUR), at_least,
                )  # fmt: skip
        return self._lone

    def lone_zones(self, device_id: str | None = None) -> set[ZoneInfo]:
        """In whose days a terminal counts while it stands nowhere; None: all lone ones."""
        if device_id is None:
            return {zone for lone in self.lone_regions() for zone in self.lone_zones(lone)}
        pieces = self._stored_places.pieces(device_id)
        return {zone_of(piece.zone) for piece in pieces if piece.node_id == NOWHERE}

    def lone_leaf(self, device_id: str, node_id: int, _survey_id: int, start_utc_minute: int) -> Leaf | None:
        """Where a cell belongs among the lone regions; None: the terminal stood somewhere."""
        if node_id != NOWHERE:
            return None
        # The day in which it was taken away began before that.
        latest = start_utc_minute + DAY_MIN
        pieces = (piece for piece in self._stored_places.pieces(device_id) if piece.node_id == NOWHERE)
        *_, piece = takewhile(lambda one: one.from_utc_minute <= latest, pieces)
        return Leaf(device_id, None, None, device_id, zone_of(piece.zone))

    def presses(
        self,
        leaf_of: LeafOf,
        device_ids: Sequence[str],
        zones: Iterable[ZoneInfo],
        stretch: WallStretch,
        finest: Finest,
    ) -> Iterator[NamedPresses]:
        """All presses of a stretch, by the month, day or hour, each as long as may be."""
        zones = list(zones)
        for span, some in zip(_SPANS, stretch.parts(finest), strict=True):
            wanted = set(some)
            for from_minute, until_minute in _minutes(some, zones):
                for row in read_cells(self.connection, device_ids, span, from_minute, until_minute):
                    self.rows += 1
                    leaf = leaf_of(row.device_id, row.node_id, row.survey_id, row.start_utc_minute)
                    if leaf is None:
                        continue
                    time = _named(leaf.zone, span, row.start_utc_minute)
                    # Days of several zones overlap: what is of the day beside is read with that one.
                    if time[:10] in wanted and (span is not CellSpan.HOUR or stretch.holds(time)):
                        yield NamedPresses(leaf, time, row.button, row.verdict, row.presses)

    def _parts(
        self,
        leaf_of: LeafOf,
        device_ids: Sequence[str],
        verdict: str,
        zones: Iterable[ZoneInfo],
        span: CellSpan,
        wholes: Collection[str],
    ) -> TimeVotes:
        """The votes of months by day, or of days by hour."""
        found: dict[str, dict[str, int]] = {}
        length = len("2026-03") if span is CellSpan.DAY else len("2026-03-29")
        for bounds in _minutes(wholes, zones):
            for time, votes in self._votes(leaf_of, device_ids, verdict, span, *bounds).items():
                if time[:length] in wholes:
                    found[time] = votes
        return found

    def _votes(
        self,
        leaf_of: LeafOf,
        device_ids: Sequence[str],
        verdict: str,
        span: CellSpan,
        from_minute: int,
        until_minute: int,
    ) -> dict[str, dict[str, int]]:
        """Presses, whatever the button, by time and leaf."""
        cells = schema.cells.c
        all_buttons = cells.n1 + cells.n2 + cells.n3 + cells.n4
        found: dict[str, dict[str, int]] = {}
        for chunk in chunks(device_ids):
            query = select(
                cells.device_id, cells.start_utc_minute, cells.node_id, cells.survey_id, all_buttons
            ).where(
                cells.device_id.in_(chunk), cells.span == int(span), cells.verdict == verdict,
                cells.start_utc_minute >= from_minute, cells.start_utc_minute < until_minute,
            )  # fmt: skip
            for device_id, start, node_id, survey_id, presses in self.connection.execute(
                query
            ).all():  # row by row takes thrice as long
                self.rows += 1
                leaf = leaf_of(device_id, node_id, survey_id, start)
                if leaf is not None and start != NO_TIME:
                    by_leaf = found.setdefault(_named(leaf.zone, span, start), {})
                    by_leaf[leaf.name] = by_leaf.get(leaf.name, 0) + int(presses)
        return found


@lru_cache(maxsize=100_000)
def _named(zone: ZoneInfo, span: CellSpan, start_utc_minute: int) -> str:
    """The month, the day or the hour that began then."""
    name = wall_name(zone, start_utc_minute * MINUTE_S)
    return name[:7] if span is CellSpan.MONTH else name[:10] if span is CellSpan.DAY else name


def _minutes(parts: Collection[str], zones: Iterable[ZoneInfo]) -> Iterator[tuple[int, int]]:
    """From which UTC minute until which one it is one of these months or days in any of the zones.

    Those that follow each other come as one.
    """
    zones = list(zones)
    days = sorted(day for part in parts for day in (days_of(part) if len(part) == len("2026-03") else [part]))
    run: list[str] = []
    for day in [*days, ""]:
        if run and day != day_named(day_after(date.fromisoformat(run[-1]))):
            from_utc, until_utc = whole_days(run[0], run[-1]).bounds_utc(zones)
            yield from_utc // MINUTE_S, until_utc // MINUTE_S
            run = []
        run.append(day)
