"""What an import would do to a site: added, changed key by key, ended. Nothing is ever deleted.

What the new site no longer names is ended at the moment of the import. Where the new site says something else of the
same time, it is ended there: the new one is the truth for the time that it covers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from hymio.site import moments
from hymio.site.model import Node, Organisation, Placement, Places, Question, Site, Survey, places_of
from hymio.site.rules import Problem, Subject, node_subject, placement_subject, problems, run_at_once
from hymio.site.values import (
    Values,
    as_json_values,
    node_values,
    organisation_values,
    placement_values,
    question_values,
    survey_values,
)

Thing = Organisation | Node | Question | Survey | Placement

_FIXED: Final = {
    "group": "a group stays a group: give the experience point a key of its own",
    "point": "an experience point stays one: give the group a key of its own",
    "type": "who is asked can't change afterwards, it decides what is shown: give the survey a key of its own",
    "scale": "answers on one scale are none on another: give the survey a key of its own",
    "organisation": "this is the site of another organisation",
}


class ChangeKind(StrEnum):
    """What happens to a thing."""

    ADDED = "added"
    CHANGED = "changed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key of a thing: None where it was not there, or is no longer."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class SiteChange:
    """One thing of a site, before (None: it was not there) and after."""

    kind: ChangeKind
    before: Thing | None
    after: Thing
    keys: tuple[KeyChange, ...]
    """What differs, as the file calls it; all that it has, if it is added."""

    @property
    def subject(self) -> Subject:
        """Which thing: ("point", KEY), ("placement", DEVICE_ID, UTC MINUTE)..."""
        return subject_of(self.after)

    def as_values(self) -> dict[str, Any]:
        """For `--json`."""
        kind, *names = self.subject
        values: dict[str, Any] = {"change": self.kind.value, "of": kind, "key": names[0] if names else ""}
        if isinstance(self.after, Placement):
            values["key"] = self.after.device_id
            values["from"] = moments.text_of(self.after.from_utc_minute)
        values["keys"] = [
            {"key": one.key, "before": as_json_values(one.before), "after": as_json_values(one.after)}
            for one in self.keys
        ]
        return values

    def __str__(self) -> str:
        """For people: a line, and a further one for each key that has changed."""
        name = _name(self.after)
        if self.kind is ChangeKind.ADDED:
            said = "; ".join(f"{one.key} {_said(one.after)}" for one in self.keys)
            return f"+ {name}: {said}"
        if self.kind is ChangeKind.ENDED:
            return f"- {name}: {_ended(self.after)}"
        lines = [f"    {one.key}: {_said(one.before)} -> {_said(one.after)}" for one in self.keys]
        return "\n".join([f"~ {name}", *lines])


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import does."""

    changes: tuple[SiteChange, ...]
    site: Site
    """What there is afterwards: the new site, and what of the old one has been ended."""
    problems: tuple[Problem, ...]
    """Why it can't be done; none: it can."""


def plan_import(old: Site | None, new: Site, at_utc_minute: int) -> ImportPlan:
    """What importing `new` into a store that has `old` does at that minute. Both are sound; None: it has nothing."""
    first: tuple[SiteChange, ...] = ()
    if old is None:
        keys = _keys({}, organisation_values(new.organisation))
        old, first = Site(new.organisation), (SiteChange(ChangeKind.ADDED, None, new.organisation, keys),)
    refused = tuple(_refusals(old, new))
    changes = (*first, *diff(old, new, at_utc_minute))
    site = apply(old, changes)
    return ImportPlan(changes, site, refused or tuple(problems(site)))


def diff(old: Site, new: Site, at_utc_minute: int) -> tuple[SiteChange, ...]:
    """What differs, in the order in which it can be done: places before what stands at them.

    Questions have no time: one that the new site does not name stays as it is, nobody asks it any more.
    """
    return tuple(_diff(old, new, at_utc_minute))


def apply(old: Site, changes: Iterable[SiteChange]) -> Site:
    """The old site with the changes."""
    things = {subject_of(thing): thing for thing in _things(old)}
    organisation = old.organisation
    for change in changes:
        things[change.subject] = change.after
        if isinstance(change.after, Organisation):
            organisation = change.after
    kept: Sequence[Thing] = list(things.values())
    return Site(
        organisation,
        tuple(thing for thing in kept if isinstance(thing, Node)),
        tuple(thing for thing in kept if isinstance(thing, Question)),
        tuple(thing for thing in kept if isinstance(thing, Survey)),
        tuple(thing for thing in kept if isinstance(thing, Placement)),
    )


def subject_of(thing: Thing) -> Subject:
    """What names a thing for ever. A group and a point of one key are one thing that must not change its kind."""
    if isinstance(thing, Organisation):
        return ("organisation",)
    if isinstance(thing, Node):
        return node_subject(thing)
    if isinstance(thing, Placement):
        return placement_subject(thing)
    return ("question" if isinstance(thing, Question) else "survey", thing.key)


def _things(site: Site) -> Iterator[Thing]:
    yield site.organisation
    yield from _groups_first(site)
    yield from site.questions
    yield from site.surveys
    yield from site.placements


def _groups_first(site: Site) -> Iterator[Node]:
    """Every place after the group above it: in this order rows can be written that refer to rows."""
    places = places_of(site)
    yield from sorted(site.nodes, key=lambda node: (len(places.up(node.key)), node.kind.value, node.key))


def _refusals(old: Site, new: Site) -> Iterator[Problem]:
    if old.organisation.key != new.organisation.key:
        yield Problem(("organisation",), ("key",), _FIXED["organisation"], new.organisation.key)
    kinds = {node.key: node.kind for node in old.nodes}
    for node in new.nodes:
        if kinds.get(node.key, node.kind) is not node.kind:
            yield Problem(node_subject(node), (), _FIXED[kinds[node.key].value], node.kind.value)
    surveys = {survey.key: survey for survey in old.surveys}
    for survey in new.surveys:
        before = surveys.get(survey.key, survey)
        for name in ("type", "scale"):
            if getattr(before, name) is not getattr(survey, name):
                yield Problem(("survey", survey.key), (name,), _FIXED[name], getattr(survey, name).value)


def _diff(old: Site, new: Site, at: int) -> Iterator[SiteChange]:
    before = {subject_of(thing): thing for thing in _things(old)}
    after = {subject_of(thing): thing for thing in _things(new)}
    old_places, new_places = places_of(old), places_of(new)
    for subject, thing in after.items():
        was = before.get(subject)
        if was is None:
            yield SiteChange(ChangeKind.ADDED, None, thing, _keys({}, _values(thing, new_places)))
        elif was != thing:
            yield SiteChange(
                ChangeKind.CHANGED, was, thing, _keys(_values(was, old_places), _values(thing, new_places))
            )
    gone = [thing for subject, thing in before.items() if subject not in after]
    merged = Places(new.organisation, (*new.nodes, *(thing for thing in gone if isinstance(thing, Node))))
    rivals: dict[str, list[Placement]] = {}
    for placement in new.placements:
        rivals.setdefault(placement.device_id, []).append(placement)
    named = {placement_subject(placement) for placement in old.placements}
    for thing in gone:
        if isinstance(thing, Placement):
            ended: Thing = _placement_ended(thing, rivals.get(thing.device_id, ()), named, at)
        elif isinstance(thing, Survey):
            ended = _survey_ended(thing, new.surveys, merged, at)
        elif isinstance(thing, Node):
            until = thing.until_utc_minute
            ended = replace(thing, until_utc_minute=at if until is None else min(until, at))
        else:
            continue
        if ended != thing:
            yield SiteChange(
                ChangeKind.ENDED, thing, ended, _keys(_values(thing, old_places), _values(ended, old_places))
            )


def _placement_ended(gone: Placement, rivals: Sequence[Placement], named: set[Subject], at: int) -> Placement:
    """One that the new site does not name, as it stays.

    Where the new site has the same terminal at the same point at an overlapping time, and the old site knew nothing of
    that, the beginning was corrected: then the old one never was.
    """
    until = at if gone.until_utc_minute is None else min(gone.until_utc_minute, at)
    for rival in rivals:
        is_later = gone.until_utc_minute is not None and rival.from_utc_minute >= gone.until_utc_minute
        is_earlier = rival.until_utc_minute is not None and rival.until_utc_minute <= gone.from_utc_minute
        if is_later or is_earlier:
            continue
        if rival.point == gone.point and placement_subject(rival) not in named:
            until = gone.from_utc_minute
        until = min(until, rival.from_utc_minute)
    return replace(gone, until_utc_minute=max(until, gone.from_utc_minute))


def _survey_ended(gone: Survey, rivals: Sequence[Survey], places: Places, at: int) -> Survey:
    """One that the new site does not name, as it stays: today is its last day, if no other one asks there today."""
    today = moments.moment_of(at, places.organisation.time_zone).date()
    last_day = today if gone.last_day is None else min(gone.last_day, today)
    points = places.points_at(gone)
    for rival in rivals:
        if run_at_once(gone, rival) and not points.isdisjoint(places.points_at(rival)):
            last_day = min(last_day, rival.first_day - timedelta(days=1))
    return replace(gone, last_day=max(last_day, gone.first_day - timedelta(days=1)))


def _values(thing: Thing, places: Places) -> Values:
    if isinstance(thing, Organisation):
        return organisation_values(thing)
    if isinstance(thing, Node):
        return node_values(thing, places)
    if isinstance(thing, Question):
        return question_values(thing)
    return survey_values(thing) if isinstance(thing, Survey) else placement_values(thing, places)


def _keys(before: Values, after: Values) -> tuple[KeyChange, ...]:
    olds, news = dict(_flat("", before)), dict(_flat("", after))
    return tuple(
        KeyChange(key, olds.get(key), news.get(key)) for key in {**olds, **news} if olds.get(key) != news.get(key)
    )


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Dotted keys and plain values; options go by their keys, and where one stands among them is a value too."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _flat(f"{path}.{name}" if path else name, one)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, one in enumerate(value):
            yield f"{path}.{one['key']}.place", index + 1
            yield from _flat(f"{path}.{one['key']}", {name: text for name, text in one.items() if name != "key"})
    else:
        yield path, value


def _name(thing: Thing) -> str:
    if isinstance(thing, Placement):
        return f"terminal {thing.device_id} at {thing.point} from {moments.text_of(thing.from_utc_minute)}"
    return f"{' '.join(subject_of(thing))}"


def _ended(thing: Thing) -> str:
    if isinstance(thing, Survey):
        return "withdrawn, it never asked" if thing.is_withdrawn else f"ended, its last day is {thing.last_day}"
    if isinstance(thing, Placement):
        if thing.until_utc_minute == thing.from_utc_minute:
            return "withdrawn, it never stood there"
        assert thing.until_utc_minute is not None
        return f"ended {moments.text_of(thing.until_utc_minute)}"
    if isinstance(thing, Node) and thing.until_utc_minute is not None:
        return f"ended {moments.text_of(thing.until_utc_minute)}"
    return "ended"


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
