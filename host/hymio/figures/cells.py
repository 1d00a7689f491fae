"""The figures of an organisation by place and time: what `hymio report --by`, the API and pages show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from hymio.figures.reading import FigureReader
from hymio.figures.staff import shown_blocks
from hymio.figures.subjects import By, FigureScope, Subject
from hymio.figures.wall_time import Slot, WallStretch, bucket_of, finest_of, slots
from hymio.measures.answers import NO_MISUSE
from hymio.measures.buckets import Per
from hymio.measures.faces import FaceFigures, figures, together
from hymio.measures.zones import start_local
from hymio.site.model import Level
from hymio.store.cells import COUNTED
from hymio.store.schema import OUT_OF_HOURS

_Where = tuple[str, str]

CLOSED: Final = "closed"
"""The verdict of presses while the place was closed, whether the terminal filtered them or the office."""

CELLS_MAX: Final = 100_000
"""More cells than anybody reads; each costs memory before the first one can be shown."""


@dataclass(frozen=True, slots=True)
class FigureQuery:
    """What is asked.

    scope: key of a group or experience point, of which and of all below it the figures are to be; None: of the whole
    organisation, and of terminals also those that stand nowhere. per: None is the whole stretch. only: the keys whose
    cells are wanted; None: all.
    """

    by: By
    per: Per | None
    stretch: WallStretch
    organisation: str | None = None
    scope: str | None = None
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class FigureCell:
    """One cell of an answer.

    key, name: of the terminal, place, group or survey. slot: its time. figures: None if the answers are too few to be
    shown, or would give away others that are. level: reached by the Happy Index. goal: the level that the place has set
    itself; distance: points above that one. misuse: filtered presses by verdict; none where figures are None.
    """

    key: str
    name: str
    slot: Slot
    figures: FaceFigures | None
    level: Level | None = None
    goal: Level | None = None
    distance: float | None = None
    misuse: Mapping[str, int] | None = None

    @property
    def suppressed(self) -> bool:
        """Whether it says "too few answers"."""
        return self.figures is None

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        shown = self.figures
        csat, negative = (None, None) if shown is None else (shown.csat, shown.negative)
        return {
            "key": self.key,
            "name": self.name,
            "bucket": self.slot.bucket,
            "start_utc": float(self.slot.start_utc),
            "start_local": self.slot.start_local,
            "faces": None if shown is None else list(shown.faces),
            "votes": None if shown is None else shown.votes,
            "happy_index": None if shown is None else shown.happy_index,
            "happy_index_margin": None if shown is None else shown.happy_index_margin,
            "csat": None if csat is None else csat.value,
            "csat_low": None if csat is None else csat.low,
            "csat_high": None if csat is None else csat.high,
            "negative": None if negative is None else negative.value,
            "level": self.level,
            "goal": self.goal,
            "distance": self.distance,
            "suppressed": self.suppressed,
            "misuse": dict(self.misuse or {}),
        }


@dataclass(frozen=True, slots=True)
class FigureAnswer:
    """The cells that were asked for: by key in the order of the tree, then by time; each key has all of its slots.

    zone: whose clock tells the range of the whole.
    """

    query: FigureQuery
    name: str
    """Of the scope."""
    questions: tuple[str, ...]
    """What customers were asked there."""
    zone: ZoneInfo
    cells: tuple[FigureCell, ...]

    def range_json(self) -> dict[str, Any]:
        """Of what place and time it is."""
        from_utc, to_utc = self.query.stretch.bounds_utc([self.zone])
        return {
            "name": self.name,
            "from_utc": float(from_utc),
            "from_local": start_local(self.zone, from_utc),
            "to_utc": float(to_utc),
            "to_local": start_local(self.zone, to_utc),
        }

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        return {
            "by": self.query.by,
            "per": self.query.per,
            **self.range_json(),
            "questions": list(self.questions),
            "cells": [cell.as_json() for cell in self.cells],
        }


def figure_cells(reader: FigureReader, query: FigureQuery) -> FigureAnswer:
    """Answers a query.

    Raises:
        ValueError: there is no such organisation or place, or the answer would have more than `CELLS_MAX` cells; a
            sentence for people.
    """
    scope = FigureScope(reader, query.organisation, query.scope, query.by == "terminal")
    stretch, per = query.stretch, query.per
    subjects = [one for one in scope.subjects(query.by, stretch) if query.only is None or one.key in query.only]
    a_day = {"hour": 24.0, "day": 1.0, "week": 1 / 7, "month": 1 / 28, "quarter": 1 / 90}.get(per or "", 0.0)
    if (number := int(len(subjects) * (1 + a_day * len(stretch.days())))) > CELLS_MAX:
        raise ValueError(f"That would be some {number} cells; expected {CELLS_MAX} at most, so less time at once.")
    rows = {subject.key: slots(per, stretch, subject.zone, subject.zones) for subject in subjects}
    times: dict[int, dict[str, set[str]]] = {}
    for region in scope.regions():
        of_region = times[id(region)] = {}
        for time in region.take_in(stretch, finest_of(per)):
            of_region.setdefault(bucket_of(per, time), set()).add(time)
    faces, misuse = _sums(scope, query)
    staff = {one.key: _staff_faces(reader, scope, one.staff_survey, query) for one in subjects if one.staff_survey}

    def cell(subject: Subject, slot: Slot, buckets: Sequence[str]) -> FigureCell:
        if subject.staff_survey:
            return _cell(subject, slot, staff[subject.key].get(slot.bucket), {})
        may_show = all(
            region.may_show(nodes, set().union(*(times[id(region)].get(bucket, ()) for bucket in buckets)))
            for region, nodes in subject.parts
        )
        where = [(subject.key, bucket) for bucket in buckets]
        votes = together(faces[one] for one in where if one in faces) if may_show else None
        return _cell(subject, slot, votes, sum((misuse[one] for one in where if one in misuse), Counter()))

    cells = (cell(one, slot, buckets) for one in subjects for slot, buckets in rows[one.key].items())
    return FigureAnswer(query, scope.name, scope.questions(stretch), scope.zone, tuple(cells))


def _cell(subject: Subject, slot: Slot, faces: Sequence[int] | None, misuse: Mapping[str, int]) -> FigureCell:
    if faces is None:
        return FigureCell(subject.key, subject.name, slot, None, goal=subject.goal)
    shown = figures(faces)
    distance = subject.thresholds.distance(shown.happy_index, subject.goal) if subject.goal else None
    level = subject.thresholds.reached(shown.happy_index)
    return FigureCell(
        subject.key, subject.name, slot, shown, level, subject.goal, distance, dict(sorted(misuse.items()))
    )


def _sums(scope: FigureScope, query: FigureQuery) -> tuple[dict[_Where, list[int]], dict[_Where, Counter[str]]]:
    """Votes by face, and filtered presses by verdict, by (key, bucket)."""
    faces: dict[_Where, list[int]] = {}
    misuse: dict[_Where, Counter[str]] = {}
    keys_of = scope.keys_of(query.by)
    for leaf, time, button, verdict, presses in scope.presses(query.stretch, finest_of(query.per)):
        bucket = bucket_of(query.per, time)
        for key in keys_of(leaf):
            if verdict == COUNTED:
                faces.setdefault((key, bucket), [0, 0, 0, 0])[button - 1] += presses
            elif verdict not in NO_MISUSE:
                misuse.setdefault((key, bucket), Counter())[CLOSED if verdict == OUT_OF_HOURS else verdict] += presses
    return faces, misuse


def _staff_faces(
    reader: FigureReader, scope: FigureScope, survey_id: int, query: FigureQuery
) -> dict[str, tuple[int, ...]]:
    """Answers to a survey of staff by bucket; those without a block that may be shown are not there."""
    tree = scope.organisation
    if tree is None or query.per == "hour":
        return {}
    zones = {tree.stored.nodes[point]: tree.zone(point) for point in scope.points(tree)}
    found: dict[str, tuple[int, ...]] = {}
    for day, faces in shown_blocks(reader.connection, survey_id, zones, reader.now_utc):
        if query.stretch.holds_day(day):
            bucket = bucket_of(query.per, day)
            found[bucket] = together([found.get(bucket, (0, 0, 0, 0)), faces])
    return found
