"""What a site is: its organisation, the tree of its places, what is asked there and which terminal stood where.

Plain values without a clock and without a database. `rules` says whether they make sense together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from hymio.site.hours import OpeningHours

TERMINAL_OPTIONS_MAX: Final = 4
"""Options of a follow-up that a terminal can ask: it has four buttons. The first ones are meant."""
PHONE_OPTIONS_MAX: Final = 6

GOOD_FROM: Final = 70.0
"""The lowest Happy Index of this level, and the next two alike, where the organisation says nothing else.

It is a beginning, which comes from no study."""
EXCELLENT_FROM: Final = 80.0
THE_VERY_BEST_FROM: Final = 90.0

CUSTOMERS_AT_LEAST: Final = 5
"""Votes of customers under which a cell says "too few answers", where the organisation says nothing else."""
STAFF_AT_LEAST: Final = 10
"""The same of staff surveys."""


class NodeKind(StrEnum):
    """What a place in the tree is."""

    GROUP = "group"
    POINT = "point"


class Level(StrEnum):
    """What a place wants to reach, the lowest first."""

    GOOD = "GOOD"
    EXCELLENT = "EXCELLENT"
    THE_VERY_BEST = "THE VERY BEST"


class SurveyType(StrEnum):
    """Who is asked: it decides how few answers are too few."""

    CUSTOMER = "customer"
    STAFF = "staff"


class Scale(StrEnum):
    """What an answer is: one of four faces (a terminal's buttons), of five, or 0 to 10 (on the visitor's phone)."""

    FOUR = "four"
    FIVE = "five"
    NPS = "nps"


@dataclass(frozen=True, slots=True)
class Organisation:
    """Whose site it is; the root of the tree."""

    key: str
    name: str
    locale: str = "en"
    """In which every text must be there; `en` or `en_US`."""
    time_zone: str = "UTC"
    """Of places that name none, nor any group above them."""
    good: float = GOOD_FROM
    """The Happy Index from which on it is GOOD; the next two alike."""
    excellent: float = EXCELLENT_FROM
    the_very_best: float = THE_VERY_BEST_FROM
    too_few_customer: int = CUSTOMERS_AT_LEAST
    """Cells with fewer answers are not shown."""
    too_few_staff: int = STAFF_AT_LEAST


@dataclass(frozen=True, slots=True)
class Node:
    """A group or an experience point. What is None is as in the group above."""

    key: str
    name: str
    kind: NodeKind
    parent: str | None = None
    """Key of a group; None: right under the organisation."""
    time_zone: str | None = None
    hours: OpeningHours | None = None
    level: Level | None = None
    custom: Mapping[str, str] = field(default_factory=dict)
    """Custom data, by label."""
    until_utc_minute: int | None = None
    """When it was given up. Its past stays."""


@dataclass(frozen=True, slots=True)
class Question:
    """The text on the poster, by locale."""

    key: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to a follow-up. Answers are kept by its key; its place in the row is the terminal's button."""

    key: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The "why" after a happy press (3 or 4), or after an unhappy one."""

    positive: bool
    texts: Mapping[str, str]
    options: tuple[Option, ...]

    @property
    def name(self) -> str:
        """As files call it."""
        return "happy" if self.positive else "unhappy"

    @property
    def terminal_options(self) -> tuple[Option, ...]:
        """Those that a terminal asks; a phone asks all."""
        return self.options[:TERMINAL_OPTIONS_MAX]


@dataclass(frozen=True, slots=True)
class Survey:
    """One question at some places for a stretch of days, which are days in the local time of each place."""

    key: str
    question: str
    at: tuple[str, ...]
    """Keys of experience points, and of groups: those stand for all points below them. Sorted."""
    first_day: date
    last_day: date | None = None
    """None: until further notice. The day before `first_day`: it was withdrawn, and never asked anything."""
    type: SurveyType = SurveyType.CUSTOMER
    scale: Scale = Scale.FOUR
    follow_ups: tuple[FollowUp, ...] = ()
    """The unhappy one first; at most one of each."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", tuple(sorted(self.at)))
        object.__setattr__(self, "follow_ups", tuple(sorted(self.follow_ups, key=lambda one: one.positive)))

    @property
    def is_withdrawn(self) -> bool:
        """Whether it has no day at all."""
        return self.last_day is not None and self.last_day < self.first_day


@dataclass(frozen=True, slots=True)
class Placement:
    """A terminal stood at an experience point, from one UTC minute until before another one."""

    device_id: str
    point: str
    from_utc_minute: int
    until_utc_minute: int | None = None
    """None: it still stands there. The same as `from_utc_minute`: it was withdrawn, the terminal never stood there."""
    asks: SurveyType = SurveyType.CUSTOMER
    """To which of the surveys that run at the point its presses belong."""


@dataclass(frozen=True, slots=True)
class Site:
    """All of it. In order of the keys, whatever order it was given in, so that equal sites are equal."""

    organisation: Organisation
    nodes: tuple[Node, ...] = ()
    questions: tuple[Question, ...] = ()
    surveys: tuple[Survey, ...] = ()
    placements: tuple[Placement, ...] = ()

    def __post_init__(self) -> None:
        for name in ("nodes", "questions", "surveys"):
            object.__setattr__(self, name, tuple(sorted(getattr(self, name), key=lambda thing: str(thing.key))))
        in_order = sorted(self.placements, key=lambda one: (one.device_id, one.from_utc_minute))
        object.__setattr__(self, "placements", tuple(in_order))


class Places:
    """The tree of a site: what a place inherits, and what lies below it.

    It answers on trees with faults too (a parent that is missing, a cycle): those end where they begin to repeat.
    """

    def __init__(self, organisation: Organisation, nodes: tuple[Node, ...]) -> None:
        """The organisation is the root; of nodes with one key the last holds."""
        self.organisation = organisation
        self.by_key = {node.key: node for node in nodes}
        self.children: dict[str | None, list[Node]] = {}
        for node in nodes:
            self.children.setdefault(node.parent, []).append(node)
        self._zones: dict[str, str] = {}
        self._points: dict[str, frozenset[str]] = {}
        self._points_at: dict[tuple[str, ...], frozenset[str]] = {}

    def up(self, key: str) -> list[Node]:
        """The place itself, then the groups above it, the uppermost last."""
        found: list[Node] = []
        seen: set[str] = set()
        at: str | None = key
        while at is not None and at in self.by_key and at not in seen:
            seen.add(at)
            found.append(self.by_key[at])
            at = self.by_key[at].parent
        return found

    def zone(self, key: str) -> str:
        """The time zone that holds there."""
        if key not in self._zones:
            found = (node.time_zone for node in self.up(key) if node.time_zone)
            self._zones[key] = next(found, self.organisation.time_zone)
        return self._zones[key]

    def hours(self, key: str) -> OpeningHours | None:
        """The opening hours that hold there; None: it is always open."""
        return next((node.hours for node in self.up(key) if node.hours is not None), None)

    def level(self, key: str) -> Level | None:
        """The level that the place is to reach."""
        return next((node.level for node in self.up(key) if node.level is not None), None)

    def until(self, key: str) -> int | None:
        """The UTC minute in which it was given up, or a group above it."""
        ends = [node.until_utc_minute for node in self.up(key) if node.until_utc_minute is not None]
        return min(ends, default=None)

    def below(self, key: str | None) -> Iterator[Node]:
        """The place itself and all that lies in it, each before what lies in it; None: all places."""
        seen: set[str] = set()
        todo = list(reversed(self.children.get(None, []))) if key is None else [self.by_key[key]]
        while todo:
            node = todo.pop()
            if node.key not in seen:
                seen.add(node.key)
                yield node
                todo += reversed(self.children.get(node.key, []))

    def points_of(self, key: str) -> frozenset[str]:
        """The experience points that a place stands for: itself, or all below it."""
        known = self._points.get(key)
        if known is None:
            nodes = self.below(key) if key in self.by_key else ()
            known = self._points[key] = frozenset(node.key for node in nodes if node.kind is NodeKind.POINT)
        return known

    def points_at(self, survey: Survey) -> frozenset[str]:
        """The experience points at which a survey runs."""
        known = self._points_at.get(survey.at)
        if known is None:
            known = frozenset().union(*(self.points_of(key) for key in survey.at))
            self._points_at[survey.at] = known
        return known


def places_of(site: Site) -> Places:
    """The tree of a site."""
    return Places(site.organisation, site.nodes)
