"""Where votes belong and what of them may be shown: an organisation with its places, or one terminal that has none."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from zoneinfo import ZoneInfo

from hymio.figures.wall_time import Finest, WallStretch, hours_of
from hymio.measures.anonymity import Snapshot, Tree, tree_of_hours
from hymio.measures.levels import Thresholds
from hymio.measures.zones import wall_name
from hymio.site.attribution import FOR_EVER
from hymio.site.model import CUSTOMERS_AT_LEAST, Node, NodeKind, SurveyType, places_of
from hymio.site.moments import MINUTE_S, is_in_bounds, zone_of
from hymio.store.places import StoredPlaces
from hymio.store.sites import StoredSite

TimeVotes = Mapping[str, Mapping[str, int]]
"""Month, day or hour -> leaf -> votes."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What all presses of a leaf of a region's tree have in common.

    name: of the leaf. point, survey: keys; None: of none. zone: whose clock tells their time.
    """

    name: str
    point: str | None
    survey: str | None
    device_id: str
    zone: ZoneInfo


LeafOf = Callable[[str, int, int, int], Leaf | None]
"""From the device_id, node_id, survey_id and start (UTC minute) of a cell to where it belongs; None: not to what is
asked."""


class PlaceTree:
    """The tree of an organisation's places; below each experience point its surveys, and below these the terminals.

    A node is named by the organisation's key and its own, `acme:ward-3`; the organisation itself is `acme`.
    """

    def __init__(self, stored: StoredSite, stored_places: StoredPlaces) -> None:
        """Its leaves are those that the placements tell of; `leaf` adds what it is asked for."""
        self.stored = stored
        self.places = places_of(stored.site)
        self.organisation = stored.site.organisation
        self.root = self.organisation.key
        self.thresholds = Thresholds(
            self.organisation.good, self.organisation.excellent, self.organisation.the_very_best
        )
        self.points = frozenset(node.key for node in stored.site.nodes if node.kind is NodeKind.POINT)
        self._staff = {survey.key for survey in stored.site.surveys if survey.type is SurveyType.STAFF}
        # What a terminal for staff takes when none of their surveys runs is nobody else's answer either.
        self._asks_staff = {
            (one.device_id, one.point) for one in stored.site.placements if one.asks is SurveyType.STAFF
        }
        self.leaves: dict[str, Leaf] = {}
        self.used: dict[str, list[tuple[str, str]]] = {}
        """From which day to which presses can belong to a leaf; others have no such days."""
        self._known: dict[tuple[str, int, int], Leaf | None] = {}
        for device_id in self.device_ids(self.points):
            pieces = stored_places.pieces(device_id)
            untils = [*(piece.from_utc_minute for piece in pieces[1:]), FOR_EVER]
            for piece, until in zip(pieces, untils, strict=True):
                if stored.node_keys.get(piece.node_id) == piece.point is not None:
                    leaf = self._leaf(device_id, piece.point, piece.survey)
                    if leaf is not None:
                        days = (_day(leaf.zone, piece.from_utc_minute), _day(leaf.zone, until))
                        self.used.setdefault(leaf.name, []).append(days)

    def name(self, key: str) -> str:
        """Of the node with that key."""
        return f"{self.root}:{key}"

    def leaf(self, device_id: str, node_id: int, survey_id: int, _start_utc_minute: int) -> Leaf | None:
        """Where a cell belongs; None: to staff, or to another organisation."""
        cell = device_id, node_id, survey_id
        if cell not in self._known:
            point = self.stored.node_keys.get(node_id)
            survey = self.stored.survey_keys.get(survey_id)
            self._known[cell] = None if point is None else self._leaf(device_id, point, survey)
        return self._known[cell]

    def _leaf(self, device_id: str, point: str, survey: str | None) -> Leaf | None:
        if survey in self._staff or (survey is None and (device_id, point) in self._asks_staff):
            return None
        name = f"{self.name(point)}/{survey or ''}/{device_id}"
        if name not in self.leaves:
            self.leaves[name] = Leaf(name, point, survey, device_id, self.zone(point))
        return self.leaves[name]

    def zone(self, key: str | None) -> ZoneInfo:
        """Of a place; None: of the organisation."""
        return zone_of(self.places.zone(key) if key else self.organisation.time_zone)

    def device_ids(self, points: Collection[str]) -> list[str]:
        """Terminals that ever stood at one of these experience points."""
        return sorted({one.device_id for one in self.stored.site.placements if one.point in points})

    def zones(self, points: Iterable[str]) -> set[ZoneInfo]:
        """Of these experience points; of none that of the organisation."""
        return {self.zone(point) for point in points} or {self.zone(None)}

    def below(self, key: str | None) -> Iterator[Node]:
        """The place itself and all below it, each group before what it holds; None: all of the organisation."""
        if key is not None:
            yield self.places.by_key[key]
        for node in self.places.children.get(key, ()):
            yield from self.below(node.key)

    def tree(self) -> Tree:
        """Of all nodes, and of the leaves known so far."""
        children: dict[str, list[str]] = {
            self.root if key is None else self.name(key): [self.name(node.key) for node in nodes]
            for key, nodes in self.places.children.items()
        }
        for name in sorted(self.leaves):
            above = name.rpartition("/")[0]
            if above not in children:
                children.setdefault(above.rpartition("/")[0], []).append(above)
            children.setdefault(above, []).append(name)
        return Tree(self.root, children)


def _day(zone: ZoneInfo, utc_minute: int) -> str:
    """The day of a minute; one before all days, or after them, where there is none."""
    if not is_in_bounds(utc_minute):
        return "" if utc_minute < 0 else "9999"
    return wall_name(zone, MINUTE_S * utc_minute)[:10]


class Region:
    """A tree of places and the votes in it: by the month, of some months by the day, of some days by the hour."""

    def __init__(
        self,
        tree: Tree,
        zones: Iterable[ZoneInfo],
        months: TimeVotes,
        read_days: Callable[[Collection[str]], TimeVotes],
        read_hours: Callable[[Collection[str]], TimeVotes],
        at_least: int = CUSTOMERS_AT_LEAST,
        used: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    ) -> None:
        """Takes all votes there have ever been.

        Args:
            tree: of the places; votes belong to its leaves.
            zones: of the places.
            months: the votes by month.
            read_days: those of these months by day.
            read_hours: those of these days by hour.
            at_least: fewer votes are too few.
            used: of leaves that can have votes on some days alone, from which day to which; everybody knows them.
        """
        self.tree, self.zones, self.at_least = tree, frozenset(zones), at_least
        self._votes_in: dict[str, Mapping[str, int]] = dict(months)
        self._read_days, self._read_hours = read_days, read_hours
        self._opened: set[str] = set()
        # Presses that were folded stay where they were, on whatever days a terminal is said to have stood there now.
        elsewhere = {
            leaf for month, votes in months.items() for leaf in votes if not _overlap((used or {}).get(leaf, ()), month)
        }
        self._used = {leaf: its for leaf, its in (used or {}).items() if leaf not in elsewhere}
        self._idle_in: dict[frozenset[str], frozenset[str]] = {}
        self._names = set(months)
        self._order = _Order(tree)
        self._in_order: dict[str, tuple[array[int], array[int]]] = {}
        """Of a month, a day or an hour the places of its leaves in their order, and the sums of votes before each."""
        self._snapshot: Snapshot | None = None

    @property
    def first_day(self) -> str | None:
        """That of the first month with votes."""
        return f"{min(self._votes_in)[:7]}-01" if self._votes_in else None

    def take_in(self, stretch: WallStretch, finest: Finest) -> list[str]:
        """Makes the times of a stretch known, with and without votes, and gives them: leaves of the tree of time.

        What may be shown of all else stays.
        """
        parts = stretch.parts(finest)
        days = {*parts.days, *parts.by_hour}
        by_hour = set(parts.by_hour)
        hours: Iterable[str] = ()
        if by_hour:
            hours = (hour for hour in hours_of(stretch, self.zones) if hour[:10] in by_hour)
        names = {*parts.months, *(day[:7] for day in days), *days, *hours}
        names |= self._open(sorted({day[:7] for day in days}), self._read_days)
        names |= self._open(parts.by_hour, self._read_hours)
        if not names <= self._names:
            self._names |= names
            self._snapshot = None
        return [
            time
            for part in sorted({*parts.months, *days})
            for time in sorted(self.snapshot.times.leaves(part))
            if part not in by_hour or stretch.holds(time)
        ]

    def _open(self, wholes: Sequence[str], read: Callable[[Collection[str]], TimeVotes]) -> set[str]:
        """Reads what is not known yet of the parts of months, or of days; gives the parts with votes."""
        fresh = [whole for whole in wholes if whole not in self._opened]
        self._opened.update(fresh)
        found = read(fresh) if fresh else {}
        self._votes_in.update(found)
        return set(found)

    def may_show(self, places: Collection[str], times: Collection[str]) -> bool:
        """Whether the votes of these nodes of the tree in these leaves of time may be shown together."""
        if len(places) == len(times) == 1:
            return not self.snapshot.is_hidden(*places, *times)  # the same, and faster
        # A survey that does not run then adds nothing, and what it lacks of a place is no lack.
        return self.snapshot.may_show({*places, *self._idle(frozenset(times))}, times)

    def is_hidden(self, place: str, time: str) -> bool:
        """Whether that cell says "too few answers"."""
        return self.snapshot.is_hidden(place, time)

    def _idle(self, times: frozenset[str]) -> frozenset[str]:
        """Leaves of the tree of places that can't have votes in these times."""
        if times not in self._idle_in:
            first, last = min(times)[:10], max(times)[:10]
            self._idle_in[times] = frozenset(
                leaf for leaf, stretches in self._used.items() if not _overlap(stretches, first, last)
            )
        return self._idle_in[times]

    @property
    def snapshot(self) -> Snapshot:
        """Of all votes, for all times that were taken in."""
        if self._snapshot is None:
            times = tree_of_hours(self._names)
            self._snapshot = Snapshot(self.tree, times, partial(self._votes, times), self.at_least)
        return self._snapshot

    def _votes(self, times: Tree, place: str, time: str) -> int:
        """Of a node of the tree of places. What is asked for once, the snapshot keeps."""
        if time not in self._names:
            return sum(self._votes(times, place, child) for child in times.children(time))
        if time not in self._in_order:
            by_place = sorted(
                (self._order.position[leaf], votes) for leaf, votes in self._votes_in.get(time, {}).items()
            )
            self._in_order[time] = (
                array("L", (position for position, _ in by_place)),
                array("Q", accumulate((votes for _, votes in by_place), initial=0)),
            )
        positions, sums = self._in_order[time]
        first, end = self._order.bounds(place)
        return sums[bisect_left(positions, end)] - sums[bisect_left(positions, first)]


class _Order:
    """The leaves of a tree one after the other, so that those below any node follow each other."""

    def __init__(self, tree: Tree) -> None:
        self.position: dict[str, int] = {}
        self._bounds: dict[str, tuple[int, int]] = {}
        self._place(tree, tree.root)

    def _place(self, tree: Tree, name: str) -> None:
        first, below = len(self.position), tree.children(name)
        if not below:
            self.position[name] = first
        for child in below:
            self._place(tree, child)
        self._bounds[name] = first, len(self.position)

    def bounds(self, name: str) -> tuple[int, int]:
        """From the first leaf below a node to the one after the last."""
        return self._bounds[name]


def _overlap(stretches: Iterable[tuple[str, str]], first: str, last: str | None = None) -> bool:
    """Whether one of these stretches of days has a day in a month or day, or from one to another."""
    return any(begin <= f"{last or first}~" and first <= end for begin, end in stretches)
