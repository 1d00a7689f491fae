"""Would they recommend us: the score by place and channel, how many of the invited answered, the same people again.

All of it is from the 0-10 question alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from hymio.figures.further_answers import GivenAnswer, answer_region, given_answers, is_within
from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.regions import PlaceTree
from hymio.figures.subjects import FigureScope
from hymio.figures.wall_time import WallStretch, hour_at, whole_days
from hymio.measures.anonymity import Snapshot, Tree
from hymio.measures.intervals import Share, share
from hymio.measures.nps import NetPromoterScore, RecommendAnswers, net_promoter_score
from hymio.measures.panel import Panel, panel
from hymio.measures.zones import start_local
from hymio.site.model import Scale, SurveyType
from hymio.store.invitations import sent_invitations

_PERIOD: Final = re.compile(r"(\d{4})(?:-(\d\d)|-Q([1-4]))?", re.ASCII)
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Response:
    """What became of the invitations that went in a time. rate: those answered among those that did not bounce.

    It is never hidden: who has answered is not what they have said.
    """

    sent: int
    bounced: int
    answered: int
    rate: Share | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The score of a place. channel: of answers that came that way; None: of all. score: None if they are too few.

    response: of invitations; None if nobody was invited there, or it is of another channel.
    """

    key: str
    name: str
    kind: str
    channel: str | None
    score: NetPromoterScore | None
    response: Response | None

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        score, response = self.score, self.response
        interval = None if score is None else score.interval
        rate = None if response is None else response.rate
        return {
            "key": self.key,
            "name": self.name,
            "kind": self.kind,
            "channel": self.channel,
            "suppressed": score is None,
            "answers": None if score is None else score.promoters + score.passives + score.detractors,
            "promoters": None if score is None else score.promoters,
            "passives": None if score is None else score.passives,
            "detractors": None if score is None else score.detractors,
            "nps": None if score is None else score.score,
            "nps_low": None if interval is None else interval.low,
            "nps_high": None if interval is None else interval.high,
            "sent": None if response is None else response.sent,
            "bounced": None if response is None else response.bounced,
            "answered": None if response is None else response.answered,
            "response": None if rate is None else rate.value,
            "response_low": None if rate is None else rate.low,
            "response_high": None if rate is None else rate.high,
        }


@dataclass(frozen=True, slots=True)
class Recommendations:
    """All of a place and of what lies below it, in the order of the tree, each place's own sum before its channels."""

    name: str
    from_local: str
    to_local: str
    rows: tuple[Recommendation, ...]

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        return {
            "scope": self.name,
            "from_local": self.from_local,
            "to_local": self.to_local,
            "rows": [row.as_json() for row in self.rows],
        }


def recommendations(reader: FigureReader, place: OnePlace, stretch: WallStretch) -> Recommendations:
    """The scores of a place and of all below it.

    Args:
        reader: the look at the database.
        place: the place.
        stretch: when answers were given, on the clock of each place, or invitations were sent.

    Raises:
        ValueError: there is no such place, as a sentence.
    """
    scope, tree = place.scope(reader), place.tree(reader)
    answers = [one for one in given_answers(reader, tree) if one.score is not None]
    region = answer_region(tree, answers)
    times = region.take_in(stretch, "month")
    within = [one for one in answers if is_within(one, stretch)]
    sent = _sent(reader, tree, stretch)
    rows: list[Recommendation] = []
    for key, name, kind in _places(tree, scope, place.key):
        points = tree.points if key is None else tree.places.points_of(key)
        own = [one for one in within if one.leaf.point in points]
        node = tree.root if key is None else tree.name(key)
        invited = {via: [one for point, via_, one in sent if point in points and via_ == via] for via in _ways(sent)}
        everybody = [one for some in invited.values() for one in some]
        shown = _score(own) if region.may_show([node], times) else None
        if not own and not everybody:
            continue
        of = key or tree.root, name, kind
        rows.append(Recommendation(*of, None, shown, _response(everybody)))
        for via in sorted({one.via for one in own} | {via for via, some in invited.items() if some}):
            # Of all time, so that nobody finds out by what is not there.
            leaves = {one.leaf.name for one in answers if one.via == via and one.leaf.point in points}
            may_show = not leaves or region.may_show(leaves, times)
            score = _score([one for one in own if one.via == via]) if may_show else None
            rows.append(Recommendation(*of, via, score, _response(invited.get(via, []))))
    begin, end = stretch.bounds_utc([scope.zone])
    return Recommendations(scope.name, start_local(scope.zone, begin), start_local(scope.zone, end), tuple(rows))


_Sent = tuple[str, str, tuple[bool, bool]]
"""Of an invitation: key of the point, how it went, and whether it came back and whether it was answered."""


def _ways(sent: Sequence[_Sent]) -> set[str]:
    return {via for _, via, _ in sent}


def _score(answers: Sequence[GivenAnswer]) -> NetPromoterScore:
    return net_promoter_score(RecommendAnswers.of(one.score for one in answers if one.score is not None))


def _places(tree: PlaceTree, scope: FigureScope, key: str | None) -> Iterator[tuple[str | None, str, str]]:
    if key is None:
        yield None, scope.name, "organisation"
    for node in tree.below(key):
        yield node.key, node.name, node.kind.value


def _sent(reader: FigureReader, tree: PlaceTree, stretch: WallStretch) -> list[_Sent]:
    """The invitations to 0-10 questions of customers that went in that time."""
    stored = tree.stored
    asked = {
        stored.surveys[one.key] for one in stored.site.surveys
        if one.scale is Scale.NPS and one.type is SurveyType.CUSTOMER
    }  # fmt: skip
    found = []
    for one in sent_invitations(reader.connection, *stretch.bounds_utc(tree.zones(tree.points))):
        point = stored.node_keys.get(one.node_id)
        if one.survey_id in asked and point is not None and stretch.holds(hour_at(one.sent_utc, tree.zone(point))):
            found.append((point, one.via, (one.has_bounced, one.has_answered)))
    return found


def _response(invited: Sequence[tuple[bool, bool]]) -> Response | None:
    if not invited:
        return None
    bounced, answered = sum(one[0] for one in invited), sum(one[1] for one in invited)
    # An answer of somebody whose mail came back came by a reminder, or from a second address.
    return Response(len(invited), bounced, answered, share(answered, max(answered, len(invited) - bounced)))


@dataclass(frozen=True, slots=True)
class PanelSide:
    """One of the two times that the same people were asked: a survey, or a month, quarter or year."""

    said: str
    survey: str | None = None
    stretch: WallStretch | None = None

    def holds(self, one: GivenAnswer) -> bool:
        """Whether an answer belongs to it."""
        if self.stretch is not None:
            return is_within(one, self.stretch)
        return one.leaf.survey == self.survey


def panel_side(reader: FigureReader, place: OnePlace, said: str) -> PanelSide:
    """What `2026-03`, `2026-Q1`, `2026` or the key of a survey means.

    There are no other times: of those that overlap as one likes, the difference may be a single person.

    Raises:
        ValueError: there is no such survey with a 0-10 question; a sentence.
    """
    stored = place.tree(reader).stored
    known = {one.key for one in stored.site.surveys if one.scale is Scale.NPS and one.type is SurveyType.CUSTOMER}
    if said in known:
        return PanelSide(said, survey=said)
    found = _PERIOD.fullmatch(said)
    month = 0 if found is None else int(found[2] or 3 * int(found[3] or 0) or 12)
    if found is None or not 1 <= month <= 12 or not 1971 <= int(found[1]) <= 2200:
        raise ValueError(
            f"{said!r} is no time and no survey; expected one as 2026-03, 2026-Q1 or 2026, or of"
            f" {', '.join(sorted(known)) or 'the surveys with a 0-10 question, of which there are none'}."
        )
    first = date(int(found[1]), month if found[2] else month - 2 if found[3] else 1, 1)
    last = date(int(found[1]) + month // 12, month % 12 + 1, 1)
    return PanelSide(said, stretch=whole_days(first.isoformat(), date.fromordinal(last.toordinal() - 1).isoformat()))


def panel_of(reader: FigureReader, place: OnePlace, before: PanelSide, after: PanelSide) -> Panel | None:
    """What those say who were invited and have answered both times at a place or below it, of each the last answer.

    Args:
        reader: the look at the database.
        place: the place.
        before: the first time.
        after: the second one; an answer counts only if it was given later than that of the first time.

    Returns:
        None if they are too few, or their number would give others away: those at a place beside it, or those who have
        answered one time alone.

    Raises:
        ValueError: there is no such place, as a sentence.
    """
    place.scope(reader)
    tree = place.tree(reader)
    least = tree.organisation.too_few_customer
    answers = [one for one in given_answers(reader, tree) if one.score is not None]
    pairs = _pairs(answers, before, after)
    counts: dict[str, int] = {}
    moved: dict[str, list[str]] = {}
    points_by_name = {tree.name(point) for point in tree.points}
    for one, other in pairs:
        node = _together(tree, one, other)
        if node not in points_by_name:
            moved[node], node = [f"{node}//"], f"{node}//"
        counts[node] = counts.get(node, 0) + 1
    children = {
        tree.root if key is None else tree.name(key): [tree.name(node.key) for node in nodes]
        for key, nodes in tree.places.children.items()
    }
    for node, leaf in moved.items():
        children[node] = [*children.get(node, ()), *leaf]
    whole = Tree(tree.root, children)
    shown = Snapshot(
        whole, Tree(_ALL, {}), lambda name, _: sum(counts.get(leaf, 0) for leaf in whole.leaves(name)), least
    )
    own = tree.root if place.key is None else tree.name(place.key)
    if shown.is_hidden(own, _ALL):
        return None
    points = tree.points if place.key is None else tree.places.points_of(place.key)
    inside = [pair for pair in pairs if all(one.leaf.point in points for one in pair)]
    for side in (before, after):
        others = sum(1 for one in answers if one.leaf.point in points and side.holds(one)) - len(inside)
        if 0 < others < least:
            return None
    return panel(((one.score or 0, other.score or 0) for one, other in inside), least)


def _pairs(
    answers: Sequence[GivenAnswer], before: PanelSide, after: PanelSide
) -> list[tuple[GivenAnswer, GivenAnswer]]:
    of: dict[str, list[GivenAnswer]] = {}
    for one in sorted(answers, key=lambda one: one.utc):
        if one.person is not None:
            of.setdefault(one.person, []).append(one)
    found = []
    for own in of.values():
        first = next((one for one in reversed(own) if before.holds(one)), None)
        second = next((one for one in reversed(own) if after.holds(one)), None)
        if first is not None and second is not None and first.utc < second.utc:
            found.append((first, second))
    return found


def _together(tree: PlaceTree, one: GivenAnswer, other: GivenAnswer) -> str:
    """The node that holds both, the smallest one."""
    above = {node.key for node in tree.places.up(one.leaf.point or "")}
    shared = (node.key for node in tree.places.up(other.leaf.point or "") if node.key in above)
    return next((tree.name(key) for key in shared), tree.root)


def panel_json(found: Panel | None, before: PanelSide, after: PanelSide) -> dict[str, Any]:
    """As the contract has it."""
    said: Mapping[str, Any] = {"before": before.said, "after": after.said, "suppressed": found is None}
    if found is None:
        none = ("pairs", "nps_before", "nps_after", "difference", "difference_low", "difference_high")
        return {**said, **dict.fromkeys(none), "changes": []}
    return {
        **said,
        "pairs": found.pairs,
        "nps_before": found.before,
        "nps_after": found.after,
        "difference": found.difference,
        "difference_low": found.interval.low,
        "difference_high": found.interval.high,
        "changes": [
            {"was": str(was), "is": str(now), "people": people} for (was, now), people in found.changes.items()
        ],
    }
