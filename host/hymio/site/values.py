"""A site as plain values, in the shape of its TOML: for files, for `--json` and for comparing key by key."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from hymio.site import moments
from hymio.site.model import (
    FollowUp,
    Node,
    NodeKind,
    Organisation,
    Placement,
    Places,
    Question,
    Scale,
    Site,
    Survey,
    SurveyType,
    places_of,
)

Values = dict[str, Any]
"""Texts, numbers, booleans, dates, date-times, and tables and arrays of them; keys in the order of the file."""


def site_values(site: Site) -> Values:
    """All of it. What is as usual or inherited is left out; moments have the offset of their place."""
    places = places_of(site)
    return {
        "organisation": organisation_values(site.organisation),
        **{
            kind.value: {node.key: node_values(node, places) for node in site.nodes if node.kind is kind}
            for kind in NodeKind
        },
        "question": {question.key: question_values(question) for question in site.questions},
        "survey": {survey.key: survey_values(survey) for survey in site.surveys},
        "placement": [placement_values(placement, places) for placement in site.placements],
    }


def organisation_values(organisation: Organisation) -> Values:
    """The table `organisation`: always with all its keys, it is the page that people read first."""
    return {
        "key": organisation.key,
        "name": organisation.name,
        "locale": organisation.locale,
        "time_zone": organisation.time_zone,
        "levels": {
            "good": organisation.good,
            "excellent": organisation.excellent,
            "the_very_best": organisation.the_very_best,
        },
        "too_few": {"customer": organisation.too_few_customer, "staff": organisation.too_few_staff},
    }


def node_values(node: Node, places: Places) -> Values:
    """A table of `group` or `point`."""
    values: Values = {"name": node.name}
    if node.parent is not None:
        values["parent"] = node.parent
    if node.time_zone is not None:
        values["time_zone"] = node.time_zone
    if node.hours is not None:
        values["hours"] = str(node.hours)
    if node.level is not None:
        values["level"] = node.level.value
    if node.until_utc_minute is not None:
        values["until"] = moments.moment_of(node.until_utc_minute, places.zone(node.key))
    if node.custom:
        values["custom"] = dict(sorted(node.custom.items()))
    return values


def question_values(question: Question) -> Values:
    """A table of `question`."""
    return {"text": dict(sorted(question.texts.items()))}


def survey_values(survey: Survey) -> Values:
    """A table of `survey`."""
    values: Values = {"question": survey.question, "at": list(survey.at)}
    if survey.type is not SurveyType.CUSTOMER:
        values["type"] = survey.type.value
    if survey.scale is not Scale.FOUR:
        values["scale"] = survey.scale.value
    values["first_day"] = survey.first_day
    if survey.last_day is not None:
        values["last_day"] = survey.last_day
    for follow_up in survey.follow_ups:
        values[follow_up.name] = _follow_up_values(follow_up)
    return values


def _follow_up_values(follow_up: FollowUp) -> Values:
    return {
        "text": dict(sorted(follow_up.texts.items())),
        "option": [{"key": option.key, "text": dict(sorted(option.texts.items()))} for option in follow_up.options],
    }


def placement_values(placement: Placement, places: Places) -> Values:
    """An element of `placement`."""
    zone = places.zone(placement.point)
    values: Values = {
        "device_id": placement.device_id,
        "at": placement.point,
        "from": moments.moment_of(placement.from_utc_minute, zone),
    }
    if placement.until_utc_minute is not None:
        values["until"] = moments.moment_of(placement.until_utc_minute, zone)
    if placement.asks is not SurveyType.CUSTOMER:
        values["asks"] = placement.asks.value
    return values


def as_json_values(value: Any) -> Any:
    """The same for JSON: days and moments are texts (RFC 3339)."""
    if isinstance(value, dict):
        return {key: as_json_values(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_json_values(one) for one in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
