"""What people said beyond a face: would they recommend us (0 to 10), and why were they unhappy, or happy."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.regions import Leaf, PlaceTree, Region, TimeVotes
from hymio.figures.wall_time import WallStretch, hour_at
from hymio.measures.answers import option_shares
from hymio.measures.faces import FaceFigures, figures
from hymio.measures.intervals import Share
from hymio.measures.nps import NetPromoterScore, RecommendAnswers, net_promoter_score
from hymio.site.model import Scale, SurveyType
from hymio.store import schema
from hymio.store.cells import COUNTED

_ANSWER: Final = "answer"


@dataclass(frozen=True, slots=True)
class FollowUpAnswers:
    """How the "why" of a survey was answered. counts: by option; shares: the same in per cent, with intervals.

    is_happy: asked after a happy vote. Both are None if there are too few answers.
    """

    survey: str
    is_happy: bool
    counts: Mapping[str, int] | None
    shares: Mapping[str, Share | None] | None


class GivenAnswer(NamedTuple):
    """A row of `answers`, where it belongs, and the hour in which it was given on the clock there.

    via: how it came, as email. person: who was invited, see `answers`.
    """

    leaf: Leaf
    utc: float
    hour: str
    via: str
    face: int | None
    score: int | None
    options: tuple[int, ...]
    person: str | None


def recommendation_of(reader: FigureReader, place: OnePlace, stretch: WallStretch) -> NetPromoterScore | None:
    """The Net Promoter Score of a place, from the 0-10 question alone; None if there are too few answers."""
    tree = place.tree(reader)
    answers = [one for one in given_answers(reader, tree) if one.score is not None]
    within = _within(place, tree, answers, stretch)
    if within is None:
        return None
    return net_promoter_score(RecommendAnswers.of(one.score for one in within if one.score is not None))


def faces_given(reader: FigureReader, place: OnePlace, stretch: WallStretch) -> dict[Scale, FaceFigures | None]:
    """The faces that visitors chose on their phones, on web pages and by personal links, by scale.

    They are never added to those of terminals: who answers there has chosen to. None: there are too few answers; a
    scale of which there are none at all is left out.
    """
    tree = place.tree(reader)
    scales = {survey.key: survey.scale for survey in tree.stored.site.surveys}
    points = place.scope(reader).points(tree)
    found: dict[Scale, FaceFigures | None] = {}
    for scale, top in ((Scale.FOUR, 4), (Scale.FIVE, 5)):
        answers = [
            one
            for one in given_answers(reader, tree)
            if one.face is not None and scales[one.leaf.survey or ""] is scale
        ]
        if not any(one.leaf.point in points for one in answers):
            continue
        within = _within(place, tree, answers, stretch)
        counts = None if within is None else Counter(one.face for one in within)
        found[scale] = None if counts is None else figures([counts[face] for face in range(1, top + 1)])
    return found


def follow_ups_of(reader: FigureReader, place: OnePlace, stretch: WallStretch) -> list[FollowUpAnswers]:
    """The answers to the follow-ups of all surveys of customers at a place: by survey, the unhappy one first.

    A terminal asks one follow-up, the unhappy one if there are both, and its buttons are the options in their order.
    """
    tree = place.tree(reader)
    given = given_answers(reader, tree)
    found, asked_by_terminal = [], set[int]()
    for (survey_id, is_happy), options in _options(reader, tree).items():
        ids = {option.id for option in options}
        answers = [one for one in given if not ids.isdisjoint(one.options)]
        within = _within(place, tree, answers, stretch)
        pressed: Counter[int] | None = Counter()
        if survey_id not in asked_by_terminal:
            asked_by_terminal.add(survey_id)
            pressed = _pressed(reader, place, tree, survey_id, stretch)
        counts = shares = None
        if within is not None and pressed is not None:
            chosen = Counter(option for one in within for option in one.options)
            counts = {one.key: chosen[one.id] + pressed[one.position or 0] for one in options}
            shares = option_shares(counts)
        found.append(FollowUpAnswers(tree.stored.survey_keys[survey_id], bool(is_happy), counts, shares))
    return found


def _options(reader: FigureReader, tree: PlaceTree) -> dict[tuple[int, int], list[Any]]:
    """The options of each follow-up, by the survey's id and whether it is the happy one: in order, those ended last."""
    options, asked = schema.follow_up_options.c, schema.follow_ups.c
    query = (
        select(options.id, options.key, options.position, asked.survey_id, asked.positive)
        .join(schema.follow_ups, asked.id == options.follow_up_id)
        .order_by(asked.survey_id, asked.positive, options.position.is_(None), options.position, options.id)
    )
    stored = tree.stored
    customers = {stored.surveys[one.key] for one in stored.site.surveys if one.type is SurveyType.CUSTOMER}
    found: dict[tuple[int, int], list[Any]] = {}
    for row in reader.connection.execute(query):
        if row.survey_id in customers:
            found.setdefault((row.survey_id, row.positive), []).append(row)
    return found


def _pressed(
    reader: FigureReader, place: OnePlace, tree: PlaceTree, survey_id: int, stretch: WallStretch
) -> Counter[int] | None:
    """Answers given on terminals, by button; None if they are too few."""
    region, points = reader.region(tree.stored, _ANSWER), place.scope(reader).points(tree)
    survey = tree.stored.survey_keys[survey_id]
    nodes = {
        leaf.name.rpartition("/")[0] for leaf in tree.leaves.values() if leaf.survey == survey and leaf.point in points
    }
    if not region.may_show(nodes, region.take_in(stretch, "month")):
        return None
    pressed: Counter[int] = Counter()
    for leaf, _, button, verdict, presses in place.scope(reader).presses(stretch, "month"):
        if verdict == _ANSWER and leaf.survey == survey:
            pressed[button] += presses
    return pressed


def given_answers(reader: FigureReader, tree: PlaceTree) -> list[GivenAnswer]:
    """All that customers of an organisation have said on their phones, on web pages and by personal links."""
    known: list[GivenAnswer] | None = reader.given.get(tree.stored.id)
    if known is not None:
        return known
    table = schema.answers.c
    query = select(
        table.node_id, table.survey_id, table.answered_utc, table.via, table.face, table.score, table.options,
        table.person,
    ).where(table.verdict == COUNTED)  # fmt: skip
    found: list[GivenAnswer] = []
    for node_id, survey_id, utc, via, face, score, options, person in reader.connection.execute(query):
        # Where a leaf has its terminal stands how it came, in brackets: no terminal is called so.
        leaf = tree.leaf(f"({via})", node_id, survey_id, 0)
        if leaf is not None:
            hour = hour_at(utc, leaf.zone)
            chosen = tuple(json.loads(options or "[]"))
            found.append(GivenAnswer(leaf, utc, hour, via, face, score, chosen, person))
    reader.given[tree.stored.id] = found
    return found


def answer_region(tree: PlaceTree, answers: Sequence[GivenAnswer]) -> Region:
    """Which of these answers may be shown: all that were ever given to what is asked."""

    def counted(length: int, wholes: Collection[str] | None = None) -> TimeVotes:
        """By times whose names have this length: of all time, or of months, or of days."""
        times: dict[str, Counter[str]] = {}
        for one in answers:
            if wholes is None or not {one.hour[:7], one.hour[:10]}.isdisjoint(wholes):
                times.setdefault(one.hour[:length], Counter())[one.leaf.name] += 1
        return times

    return Region(
        tree.tree(), tree.zones(tree.points), counted(7), partial(counted, 10), partial(counted, 99),
        tree.organisation.too_few_customer,
    )  # fmt: skip


def is_within(one: GivenAnswer, stretch: WallStretch) -> bool:
    """Whether it was given in that time, on the clock of its place."""
    return stretch.holds(one.hour) or stretch.holds_day(one.hour[:10])


def _within(
    place: OnePlace, tree: PlaceTree, answers: list[GivenAnswer], stretch: WallStretch
) -> list[GivenAnswer] | None:
    """Those of a place and a time; None if they are too few to be told, or would give others away."""
    region = answer_region(tree, answers)
    node = tree.root if place.key is None else tree.name(place.key)
    if not region.may_show([node], region.take_in(stretch, "month")):
        return None
    points = tree.points if place.key is None else tree.places.points_of(place.key)
    return [one for one in answers if one.leaf.point in points and is_within(one, stretch)]
