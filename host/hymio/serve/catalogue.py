"""The sites made ready for questions: what may be seen, what is asked where, where a press belongs."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from hymio.serve.ids import organisation_place
from hymio.site.attribution import FOR_EVER, compile_site
from hymio.site.hours import OpeningHours
from hymio.site.model import Node, NodeKind, Question, Survey, SurveyType, places_of
from hymio.site.moments import WallClock
from hymio.store import schema
from hymio.store.places import staff_stays_of, without
from hymio.store.sites import StoredSite, load_sites, sites_version
from hymio.store.tokens import Scope

_VIEWS_KEPT: Final = 200
"""Of scopes that asked lately; each may know all places."""


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """A place, or the organisation as the root of all of them (without a node)."""

    id: int
    stored: StoredSite
    node: Node | None
    parent_id: int | None
    """None: it is the root of what may be seen."""
    zone: str
    hours: OpeningHours | None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.node.name if self.node is not None else self.stored.site.organisation.name

    @property
    def kind(self) -> NodeKind:
        """Group or point."""
        return self.node.kind if self.node is not None else NodeKind.GROUP


@dataclass(frozen=True, slots=True)
class SeenOption:
    """An answer to a follow-up."""

    id: int
    follow_up_id: int
    key: str
    button: int | None
    """By which a terminal takes it, if that many buttons are asked; None: it is not asked any more."""
    texts: Mapping[str, str]
    locale: str


@dataclass(frozen=True, slots=True)
class SeenFollowUp:
    """The "why" of a survey; one that is not asked any more, too."""

    id: int
    survey_id: int
    positive: bool
    texts: Mapping[str, str]
    locale: str
    options: tuple[SeenOption, ...]


@dataclass(frozen=True, slots=True)
class SeenSurvey:
    """A survey that runs at a place that may be seen."""

    id: int
    stored: StoredSite
    survey: Survey
    question_id: int
    question: Question
    follow_ups: tuple[SeenFollowUp, ...]

    @property
    def is_staff(self) -> bool:
        """Whether staff is asked: then nothing of it is ever told one by one."""
        return self.survey.type is SurveyType.STAFF


@dataclass(frozen=True, slots=True)
class Stay:
    """A terminal at a place that may be seen, with one survey or none, for a stretch of time; never one of staff."""

    device_id: str
    from_utc_minute: int
    until_utc_minute: int
    place: SeenPlace
    survey: SeenSurvey | None


class View:
    """What one scope may see of the sites."""

    def __init__(self, catalogue: Catalogue, scope: Scope | None) -> None:
        """None: everything."""
        self.places: dict[int, SeenPlace] = {}
        """By id, parents before children; organisations among them, unless a token is for one place."""
        self.surveys: dict[int, SeenSurvey] = {}
        self.questions: dict[int, tuple[Question, str]] = {}
        """With the locale of the organisation."""
        self.stays: list[Stay] = []
        self.clocks = catalogue.clocks
        self.is_everything = scope is None
        self.is_organisation = scope is not None and scope.node_id is None
        self._staff_stays = catalogue.staff_stays
        self.device_ids: set[str] = set()
        """The terminals that stood at one of the places at any time, those of staff, too."""
        for stored in catalogue.sites:
            if scope is None or scope.organisation_id == stored.id:
                self._add(catalogue, stored, None if scope is None else scope.node_id)
        self.own_device_ids = frozenset(
            device_id
            for device_id in self.device_ids
            if device_id not in catalogue.staff_stays and catalogue.stood_at[device_id] <= self.places.keys()
        )
        """Those of them that stood nowhere else and never asked staff: all of theirs may be told of."""

    def _add(self, catalogue: Catalogue, stored: StoredSite, node_id: int | None) -> None:
        site, tree = stored.site, catalogue.trees[stored.id]
        at: dict[str, SeenPlace] = {}
        if node_id is None:
            root = organisation_place(stored.id)
            self.places[root] = SeenPlace(root, stored, None, None, site.organisation.time_zone, None)
        for node in tree.below(None if node_id is None else stored.node_keys[node_id]):
            parent = at.get(node.parent) if node.parent is not None else None
            above = parent.id if parent is not None else None if node_id is not None else root
            number = stored.nodes[node.key]
            at[node.key] = self.places[number] = SeenPlace(
                number, stored, node, above, tree.zone(node.key), tree.hours(node.key)
            )
        asked = {}
        for survey in site.surveys:
            number = stored.surveys[survey.key]
            if node_id is None or not tree.points_at(survey).isdisjoint(at):
                asked[survey.key] = self.surveys[number] = catalogue.surveys[number]
        for question in site.questions:
            number = stored.questions[question.key]
            if node_id is None or any(one.question_id == number for one in asked.values()):
                self.questions[number] = question, site.organisation.locale
        its = {placement.device_id for placement in site.placements if placement.point in at}
        self.device_ids |= its
        for device_id in sorted(its):
            stays = list(_stays(catalogue, stored, device_id, at, asked))
            self.stays += stays

    @cached_property
    def _by_device(self) -> dict[str, list[Stay]]:
        found: dict[str, list[Stay]] = {}
        for stay in self.stays:
            found.setdefault(stay.device_id, []).append(stay)
        return {device_id: sorted(stays, key=lambda stay: stay.from_utc_minute) for device_id, stays in found.items()}

    def stay_at(self, device_id: str, utc_minute: int) -> Stay | None:
        """Where a press of a terminal belongs; None: nowhere that may be seen, or it is one of staff."""
        stays = self._by_device.get(device_id, [])
        index = bisect_right(stays, utc_minute, key=lambda stay: stay.from_utc_minute) - 1
        return stays[index] if index >= 0 and utc_minute < stays[index].until_utc_minute else None

    def may_be_staff(self, device_id: str, utc_minute: int | None) -> bool:
        """Whether a press of a terminal may be one of staff; None: nobody knows when it was."""
        stays = self._staff_stays.get(device_id, [])
        return bool(stays) if utc_minute is None else any(low <= utc_minute < high for low, high in stays)

    def below(self, place_id: int) -> frozenset[int]:
        """The ids of a place and all below it."""
        found = {place_id}
        for place in self.places.values():  # parents come before their children
            if place.parent_id in found:
                found.add(place.id)
        return frozenset(found)

    def is_open(self, place: SeenPlace, utc_minute: int) -> bool:
        """By its opening hours."""
        return place.hours is None or place.hours.has(self.clocks(place.zone).local_minute(utc_minute))


class Catalogue:
    """All sites as of one version of them."""

    def __init__(self, connection: Connection, version: int) -> None:
        """Reads them."""
        self.version = version
        self.sites = load_sites(connection)
        self.trees = {stored.id: places_of(stored.site) for stored in self.sites}
        self.compiled = {stored.id: compile_site(stored.site) for stored in self.sites}
        self.surveys = {survey.id: survey for survey in _surveys(connection, self.sites)}
        self.staff_stays = staff_stays_of(self.sites)
        self.stood_at: dict[str, set[int]] = {}
        """The ids of the places where a terminal ever stood."""
        for stored in self.sites:
            for stay in stored.site.placements:
                self.stood_at.setdefault(stay.device_id, set()).add(stored.nodes[stay.point])
        self._clocks: dict[str, WallClock] = {}
        self._views: dict[tuple[int, int | None] | None, View] = {}

    def clocks(self, zone: str) -> WallClock:
        """The clock on the wall of a zone."""
        if zone not in self._clocks:
            self._clocks[zone] = WallClock(zone)
        return self._clocks[zone]

    def view(self, scope: Scope | None) -> View:
        """What a scope may see; None: everything."""
        key = None if scope is None else (scope.organisation_id, scope.node_id)
        view = self._views.get(key)
        if view is None:
            if len(self._views) >= _VIEWS_KEPT:
                self._views.clear()
            view = self._views[key] = View(self, scope)
        return view


class Catalogues:
    """The newest catalogue: read again when the sites have changed."""

    def __init__(self) -> None:
        """None has been read yet."""
        self._lock = Lock()
        self._newest: Catalogue | None = None

    def current(self, connection: Connection) -> Catalogue:
        """That of the version which the transaction sees."""
        version = sites_version(connection)
        with self._lock:
            if self._newest is None or self._newest.version != version:
                self._newest = Catalogue(connection, version)
            return self._newest


def _stays(
    catalogue: Catalogue,
    stored: StoredSite,
    device_id: str,
    at: Mapping[str, SeenPlace],
    asked: Mapping[str, SeenSurvey],
) -> Iterator[Stay]:
    pieces = catalogue.compiled[stored.id].pieces(device_id)
    ends = [*(piece.from_utc_minute for piece in pieces[1:]), FOR_EVER]
    for piece, end in zip(pieces, ends, strict=True):
        if piece.point is None or piece.point not in at:
            continue
        survey = None if piece.survey is None else asked[piece.survey]
        if survey is not None and survey.is_staff:
            continue
        asks_staff = catalogue.staff_stays.get(device_id, ()) if survey is None else ()
        for begin, until in without(piece.from_utc_minute, end, asks_staff):
            yield Stay(device_id, begin, until, at[piece.point], survey)


def _surveys(connection: Connection, sites: Iterable[StoredSite]) -> Iterator[SeenSurvey]:
    owners = {number: stored for stored in sites for number in stored.surveys.values()}
    asked_by: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(select(schema.follow_up_options).order_by(schema.follow_up_options.c.id)):
        asked_by.setdefault(row.follow_up_id, []).append(row)
    follow_ups: dict[int, list[SeenFollowUp]] = {}
    for row in connection.execute(select(schema.follow_ups).order_by(schema.follow_ups.c.id)):
        locale = owners[row.survey_id].site.organisation.locale
        options = tuple(
            SeenOption(one.id, row.id, one.key, one.position, json.loads(one.texts), locale)
            for one in asked_by.get(row.id, ())
        )
        follow_up = SeenFollowUp(row.id, row.survey_id, bool(row.positive), json.loads(row.texts), locale, options)
        follow_ups.setdefault(row.survey_id, []).append(follow_up)
    for stored in sites:
        questions = {question.key: question for question in stored.site.questions}
        for survey in stored.site.surveys:
            number, asked = stored.surveys[survey.key], tuple(follow_ups.get(stored.surveys[survey.key], ()))
            question_id = stored.questions[survey.question]
            yield SeenSurvey(number, stored, survey, question_id, questions[survey.question], asked)
