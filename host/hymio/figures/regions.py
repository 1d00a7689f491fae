"""Where votes belong and what of them may be shown: an organisation with its places, or one terminal that has none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hymio.figures.wall_time import WallStretch, hours_of
from hymio.measures.anonymity import Snapshot, Tree, tree_of_hours
from hymio.measures.levels import Thresholds
from hymio.site.attribution import compile_site
from hymio.site.model import CUSTOMERS_AT_LEAST, Node, NodeKind, SurveyType, places_of
from hymio.site.moments import zone_of
from hymio.store.sites import StoredSite

DayVotes = Mapping[str, Mapping[str, int]]
"""Day, or hour -> leaf -> votes."""


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


LeafOf = Callable[[str, int, int], Leaf | None]
"""From the device_id, node_id and survey_id of a cell to where it belongs; None: not to what is asked."""


class PlaceTree:
    """The tree of an organisation's places; below each experience point its surveys, and below these the terminals.

    A node is named by the organisation's key and its own, `acme:ward-3`; the organisation itself is `acme`.
    """

    def __init__(self, stored: StoredSite) -> None:
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
        self._known: dict[tuple[str, int, int], Leaf | None] = {}
        compiled = compile_site(stored.site)
        for device_id in compiled.device_ids:
            for piece in compiled.pieces(device_id):
                if piece.point is not None:
                    self._leaf(device_id, piece.point, piece.survey)

    def name(self, key: str) -> str:
        """Of the node with that key."""
        return f"{self.root}:{key}"

    def leaf(self, device_id: str, node_id: int, survey_id: int) -> Leaf | None:
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


class Region:
    """A tree of places, the votes in it by day, and those of some days by hour."""

    def __init__(
        self,
        tree: Tree,
        zones: Iterable[ZoneInfo],
        days: DayVotes,
        read_hours: Callable[[Collection[str]], DayVotes],
        at_least: int = CUSTOMERS_AT_LEAST,
    ) -> None:
        """Takes all votes there have ever been.

        Args:
            tree: of the places; votes belong to its leaves.
            zones: of the places.
            days: the votes by day.
            read_hours: those of these days by hour.
            at_least: fewer votes are too few.
        """
        self.tree, self.zones, self.at_least = tree, frozenset(zones), at_least
        self._days, self._read_hours = days, read_hours
        self._hours: dict[str, Mapping[str, int]] = {}
        self._names = set(days)
        self._cut: set[str] = set()
        self._rolled_up: dict[str, Counter[str]] = {}
        self._snapshot: Snapshot | None = None

    @property
    def first_day(self) -> str | None:
        """The first one with votes."""
        return min(self._days, default=None)

    def take_in(self, stretch: WallStretch, by_hour: bool) -> list[str]:
        """Makes the times of a stretch known, with and without votes, and gives them: leaves of the tree of time.

        They are days; those that are not whole, or all `by_hour`, are hours. What may be shown of all else stays.
        """
        days = stretch.days()
        cut = [day for day in days if by_hour or not stretch.holds_day(day)]
        hours = {hour for hour in hours_of(stretch, self.zones) if hour[:10] in set(cut)} if cut else set()
        fresh = set(cut) - self._cut
        if fresh:
            self._cut |= fresh
            self._hours.update(self._read_hours(fresh))
        names = {*days, *hours, *self._hours}
        if not names <= self._names:
            self._names |= names
            self._snapshot = None
        return [
            time
            for day in days
            for time in sorted(self.snapshot.times.leaves(day))
            if stretch.holds(time) or stretch.holds_day(day)
        ]

    def may_show(self, places: Collection[str], times: Collection[str]) -> bool:
        """Whether the votes of these nodes of the tree in these leaves of time may be shown together."""
        if len(places) == len(times) == 1:
            return not self.snapshot.is_hidden(*places, *times)  # the same, and faster
        return self.snapshot.may_show(places, times)

    @property
    def snapshot(self) -> Snapshot:
        """Of all votes, for all times that were taken in."""
        if self._snapshot is None:
            times = tree_of_hours(self._names)
            self._snapshot = Snapshot(
                self.tree, times, lambda place, time: self._votes(times, time)[place], self.at_least
            )
        return self._snapshot

    def _votes(self, times: Tree, time: str) -> Counter[str]:
        """By node of the tree of places."""
        if time not in self._rolled_up:
            total: Counter[str] = Counter()
            if time in self._hours or time in self._days:
                for leaf, votes in (self._hours.get(time) or self._days.get(time) or {}).items():
                    at: str | None = leaf
                    while at is not None:
                        total[at] += votes
                        at = self.tree.parent(at)
            elif len(time) < len("2026-03-29"):
                for child in times.children(time):
                    total.update(self._votes(times, child))
            self._rolled_up[time] = total
        return self._rolled_up[time]
