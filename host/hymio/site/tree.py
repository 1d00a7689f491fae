"""The tree of a site for people: places, what is asked there and which terminals stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hymio.common.words import counted
from hymio.site import moments
from hymio.site.model import Node, NodeKind, Placement, Places, Scale, Site, Survey, SurveyType, places_of
from hymio.site.present import is_over, standing, survey_time

if TYPE_CHECKING:
    from rich.tree import Tree


def site_tree(site: Site, at_utc_minute: int, with_past: bool = False) -> Tree:
    """A tree for rich, as of a minute.

    Args:
        site: a sound one.
        at_utc_minute: the minute.
        with_past: also what had ended by then; it is dim.
    """
    from rich.text import Text
    from rich.tree import Tree

    places = places_of(site)
    surveys: dict[str, list[Survey]] = {}
    for survey in sorted(site.surveys, key=lambda one: (one.first_day, one.key)):
        for key in survey.at:
            surveys.setdefault(key, []).append(survey)
    placements: dict[str, list[Placement]] = {}
    for placement in site.placements:
        placements.setdefault(placement.point, []).append(placement)
    questions = {question.key: question for question in site.questions}
    organisation = site.organisation

    def line(words: str, style: str) -> Text:
        return Text(words, style=style)  # no markup: names are people's

    def hang(branch: Tree, node: Node) -> None:
        past = is_over(places.until(node.key), at_utc_minute)
        if past and not with_past:
            return
        below = branch.add(line(_node_words(node, places), "dim" if past else "bold"))
        for survey in surveys.get(node.key, []):
            first, until = survey_time(survey, places.zone(node.key))
            state = "upcoming" if first > at_utc_minute else ""
            over = is_over(until, at_utc_minute)
            if not over or with_past:
                question = questions.get(survey.question)
                text = question.texts.get(organisation.locale, "") if question else ""
                below.add(line(_survey_words(survey, text, state), "dim" if over else "cyan"))
        for placement in placements.get(node.key, []):
            over = past or is_over(placement.until_utc_minute, at_utc_minute)
            if not over or with_past:
                below.add(line(_placement_words(placement, places.zone(node.key)), "dim" if over else "green"))
        for child in places.children.get(node.key, []):
            hang(below, child)

    root = Tree(line(f"{organisation.name}  {organisation.key} · {organisation.time_zone}", "bold"))
    for node in places.children.get(None, []):
        hang(root, node)
    terminals = sum(1 for _ in standing(site, at_utc_minute))
    points = sum(
        node.kind is NodeKind.POINT and not is_over(places.until(node.key), at_utc_minute) for node in site.nodes
    )
    root.add(
        line(
            f"{counted(points, 'experience point')}, {counted(terminals, 'terminal')}",
            "italic",
        )
    )
    return root


def _node_words(node: Node, places: Places) -> str:
    words = [node.key]
    if node.kind is NodeKind.GROUP:
        words.append("group")
    if node.time_zone is not None:
        words.append(node.time_zone)
    if node.hours is not None:
        words.append(str(node.hours))
    level = places.level(node.key)
    if level is not None and (node.level is not None or node.kind is NodeKind.POINT):
        words.append(level.value)
    if node.until_utc_minute is not None:
        words.append(f"given up {_clock(node.until_utc_minute, places.zone(node.key))}")
    return f"{node.name}  {' · '.join(words)}"


def _survey_words(survey: Survey, question: str, state: str) -> str:
    if survey.is_withdrawn:
        days = "withdrawn"
    elif survey.last_day is None:
        days = f"since {survey.first_day}" if not state else f"from {survey.first_day}"
    else:
        days = f"{survey.first_day} to {survey.last_day}"
    words = [days]
    if survey.type is SurveyType.STAFF:
        words.append("staff")
    if survey.scale is not Scale.FOUR:
        words.append(survey.scale.value)
    words += [f"asks why if {follow_up.name}" for follow_up in survey.follow_ups]
    if state:
        words.append(state)
    return f"asks {survey.key}: {question}  {' · '.join(words)}"


def _placement_words(placement: Placement, zone: str) -> str:
    said = f"terminal {placement.device_id}  "
    if placement.until_utc_minute == placement.from_utc_minute:
        return f"{said}withdrawn"
    since = _clock(placement.from_utc_minute, zone)
    if placement.until_utc_minute is None:
        said += f"since {since}"
    else:
        said += f"{since} to {_clock(placement.until_utc_minute, zone)}"
    return said + (" · asks staff" if placement.asks is SurveyType.STAFF else "")


def _clock(utc_minute: int, zone: str) -> str:
    return f"{moments.moment_of(utc_minute, zone):%Y-%m-%d %H:%M}"
