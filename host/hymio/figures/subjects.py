"""Whose figures an answer tells: terminals, experience points, groups or surveys, and which votes are theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from hymio.figures.reading import FigureReader, NamedPresses
from hymio.figures.regions import Leaf, PlaceTree, Region
from hymio.figures.wall_time import Finest, WallStretch, utc_of
from hymio.measures.levels import Thresholds
from hymio.site.hours import OpeningHours
from hymio.site.model import Level, Node, NodeKind, Question, Scale, SurveyType
from hymio.site.moments import MINUTE_S, zone_of

By = Literal["terminal", "place", "group", "survey"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose figures a row of cells is.

    zone: whose clock tells their time. zones: those of its places. parts: of which regions it is the sum of which
    nodes. goal: the level that it has set itself. staff_survey: the id of a survey of staff, whose answers are in no
    region.
    """

    key: str
    name: str
    zone: ZoneInfo
    zones: frozenset[ZoneInfo]
    parts: tuple[tuple[Region, frozenset[str]], ...]
    thresholds: Thresholds
    goal: Level | None = None
    staff_survey: int | None = None


class FigureScope:
    """A group or an experience point with all below it, an organisation, or all terminals of the database."""

    def __init__(self, reader: FigureReader, organisation: str | None, key: str | None, terminals: bool) -> None:
        """Finds it.

        Args:
            reader: the look at the database.
            organisation: its key; None: the only one.
            key: of the group or experience point; None: the organisation.
            terminals: whether terminals are asked for. Then, if nothing is named, those that stand nowhere belong to
                it too, and there may be several organisations, or none.

        Raises:
            ValueError: there is no such organisation or place.
        """
        self._reader, self._key = reader, key
        self._has_lone = terminals and key is None and (organisation is None or len(reader.sites) == 1)
        is_all = self._has_lone and len(reader.sites) != 1
        self._trees = [reader.place_tree(one) for one in (reader.sites if is_all else [reader.site(organisation)])]
        tree = None if is_all else self._trees[0]
        self._node: Node | None = None
        if tree is not None and key is not None:
            self._node = tree.places.by_key.get(key)
            if self._node is None:
                raise ValueError(f"There is no place {key!r} in {tree.root}; expected a key of `hymio site show`.")
        self.name = self._node.name if self._node else "All terminals" if tree is None else tree.organisation.name
        """What people call it."""
        self.zone = zone_of("UTC") if tree is None else tree.zone(key)
        """Whose clock tells its time."""

    @property
    def organisation(self) -> PlaceTree | None:
        """That in which it lies; None if it is several, or none."""
        return self._trees[0] if len(self._trees) == 1 else None

    @property
    def is_point(self) -> bool:
        """Whether it is a single experience point."""
        return self._node is not None and self._node.kind is NodeKind.POINT

    @property
    def subject_key(self) -> str:
        """Of its own cells, by place or group."""
        return self._key or self._trees[0].root

    @property
    def hours(self) -> OpeningHours | None:
        """Its opening hours; None if it has none."""
        return self._trees[0].places.hours(self._key) if self._key else None

    @property
    def at_least(self) -> int:
        """Fewer votes are too few."""
        return self._trees[0].organisation.too_few_customer

    def questions(self, stretch: WallStretch) -> tuple[str, ...]:
        """The texts of what customers were asked there, in that time."""
        found = (one for tree in self._trees for one in self._surveys(tree, stretch) if one.staff_survey is None)
        return tuple(dict.fromkeys(one.name for one in found))

    def points(self, tree: PlaceTree) -> frozenset[str]:
        """Keys of the experience points of an organisation that lie within."""
        if self._key is not None:
            return tree.places.points_of(self._key)
        return tree.points

    def regions(self) -> list[Region]:
        """Whose times are asked for."""
        found = [self._reader.region(tree.stored) for tree in self._trees]
        return [*found, *self._reader.lone_regions().values()] if self._has_lone else found

    @property
    def first_day(self) -> str | None:
        """That of the first month with votes."""
        return min((day for region in self.regions() if (day := region.first_day) is not None), default=None)

    def presses(self, stretch: WallStretch, finest: Finest) -> Iterator[NamedPresses]:
        """All that lie within, of a stretch; see `FigureReader.presses`."""
        for tree in self._trees:
            points = self.points(tree)
            for one in self._reader.presses(tree.leaf, tree.device_ids(points), tree.zones(points), stretch, finest):
                if one.leaf.point in points:
                    yield one
        lone = list(self._reader.lone_regions()) if self._has_lone else []
        if lone:
            yield from self._reader.presses(self._reader.lone_leaf, lone, self._reader.lone_zones(), stretch, finest)

    def subjects(self, by: By, stretch: WallStretch) -> list[Subject]:
        """Those that there were in a stretch, in the order of the tree; terminals and surveys in that of their keys."""
        if by == "terminal":
            return list(self._terminals(stretch))
        return [
            subject
            for tree in self._trees
            for subject in (self._surveys(tree, stretch) if by == "survey" else self._nodes(tree, by, stretch))
        ]

    def keys_of(self, by: By) -> Callable[[Leaf], Iterable[str]]:
        """To whose cells the presses of a leaf are to be added."""
        if by == "terminal":
            return lambda leaf: (leaf.device_id,)
        if by == "place":
            return lambda leaf: (leaf.point or "",)
        if by == "survey":
            return lambda leaf: (leaf.survey or "",)
        tree = self._trees[0]
        return lambda leaf: (tree.root, *(node.key for node in tree.places.up(leaf.point or "")))

    def _terminals(self, stretch: WallStretch) -> Iterator[Subject]:
        parts: dict[str, list[tuple[Region, frozenset[str]]]] = {}
        zones: dict[str, list[ZoneInfo]] = {}
        thresholds: dict[str, Thresholds] = {}
        for tree in self._trees:
            points = self.points(tree)
            leaves: dict[str, list[Leaf]] = {}
            for leaf in tree.leaves.values():
                if leaf.point in points:
                    leaves.setdefault(leaf.device_id, []).append(leaf)
            stood = {
                one.device_id
                for one in tree.stored.site.placements
                if one.point in points and not _is_over(one.until_utc_minute, stretch, tree.zone(one.point))
            }
            for device_id, its in leaves.items():
                if device_id in stood:
                    region = self._reader.region(tree.stored)
                    parts.setdefault(device_id, []).append((region, frozenset(leaf.name for leaf in its)))
                    zones.setdefault(device_id, []).extend(leaf.zone for leaf in its)
                    thresholds[device_id] = tree.thresholds
        for device_id, region in self._reader.lone_regions().items() if self._has_lone else ():
            parts.setdefault(device_id, []).append((region, frozenset({device_id})))
            zones.setdefault(device_id, []).extend(region.zones)
        for device_id in sorted(parts):
            its_zones = zones[device_id]
            yield Subject(
                device_id, device_id, its_zones[0], frozenset(its_zones), tuple(parts[device_id]),
                thresholds.get(device_id, Thresholds()),
            )  # fmt: skip

    def _nodes(self, tree: PlaceTree, by: By, stretch: WallStretch) -> Iterator[Subject]:
        region = self._reader.region(tree.stored)
        kind = NodeKind.POINT if by == "place" else NodeKind.GROUP
        if self._key is None and by == "group":
            name = tree.organisation.name
            zones = frozenset(tree.zones(self.points(tree)))
            yield Subject(tree.root, name, tree.zone(None), zones, ((region, frozenset({tree.root})),), tree.thresholds)
        for node in tree.below(self._key):
            if node.kind is not kind or _is_over(tree.places.until(node.key), stretch, tree.zone(node.key)):
                continue
            yield Subject(
                node.key, node.name, tree.zone(node.key), frozenset(tree.zones(tree.places.points_of(node.key))),
                ((region, frozenset({tree.name(node.key)})),), tree.thresholds, tree.places.level(node.key),
            )  # fmt: skip

    def _surveys(self, tree: PlaceTree, stretch: WallStretch) -> Iterator[Subject]:
        region, points = self._reader.region(tree.stored), self.points(tree)
        first, last = (date.fromisoformat(day) for day in (stretch.days()[0], stretch.days()[-1]))
        questions = {question.key: question for question in tree.stored.site.questions}
        for survey in tree.stored.site.surveys:
            at = points & tree.places.points_at(survey)
            is_over = survey.last_day is not None and survey.last_day < max(first, survey.first_day)
            if not at or is_over or survey.first_day > last or survey.scale is not Scale.FOUR:
                continue
            is_staff = survey.type is SurveyType.STAFF
            nodes = frozenset(
                leaf.name.rpartition("/")[0]
                for leaf in tree.leaves.values()
                if leaf.survey == survey.key and leaf.point in at
            )
            yield Subject(
                survey.key, _text(questions[survey.question], tree.organisation.locale), self.zone,
                frozenset(tree.zones(at)), () if is_staff else ((region, nodes),), tree.thresholds,
                staff_survey=tree.stored.surveys[survey.key] if is_staff else None,
            )  # fmt: skip


def _text(question: Question, locale: str) -> str:
    return question.texts.get(locale) or next(iter(question.texts.values()), question.key)


def _is_over(until_utc_minute: int | None, stretch: WallStretch, zone: ZoneInfo) -> bool:
    return until_utc_minute is not None and until_utc_minute * MINUTE_S <= utc_of(stretch.start, zone)
