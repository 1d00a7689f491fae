"""What there is at a minute: which places, which terminals stand there, and which surveys run."""

from __future__ import annotations

from collections.abc import Iterator

from hymio.site import moments
from hymio.site.model import Node, Placement, Site, Survey, places_of
from hymio.site.values import Values


def is_over(until: int | None, at_utc_minute: int) -> bool:
    """Whether something had ended by that minute; None: it goes on."""
    return until is not None and until <= at_utc_minute


def survey_time(survey: Survey, zone: str) -> tuple[int, int | None]:
    """The UTC minutes in which a survey begins in a time zone, and in which it has ended there."""
    first = moments.start_of_day(survey.first_day, zone)
    if survey.last_day is None:
        return first, None
    return first, moments.start_of_day(moments.day_after(survey.last_day), zone)


def standing(site: Site, at_utc_minute: int) -> Iterator[Placement]:
    """The placements of that minute, one of a terminal at most."""
    places = places_of(site)
    for one in site.placements:
        ends = (one.until_utc_minute, places.until(one.point))
        if one.from_utc_minute <= at_utc_minute and not any(is_over(end, at_utc_minute) for end in ends):
            yield one


def present_values(site: Site, at_utc_minute: int, with_past: bool = False) -> Values:
    """A site for `--json`, as of a minute: what places inherit is said of each of them.

    Args:
        site: a sound one.
        at_utc_minute: the minute.
        with_past: also places that had been given up by then, and surveys that were over.
    """
    places = places_of(site)
    texts = {question.key: question.texts for question in site.questions}
    organisation = site.organisation
    surveys = [
        survey
        for survey in site.surveys
        if with_past or not is_over(survey_time(survey, organisation.time_zone)[1], at_utc_minute)
    ]
    running: dict[str, list[str]] = {}
    for survey in site.surveys:
        for point in places.points_at(survey):
            first, until = survey_time(survey, places.zone(point))
            if first <= at_utc_minute and not is_over(until, at_utc_minute):
                running.setdefault(point, []).append(survey.key)
    terminals: dict[str, list[Placement]] = {}
    for placement in standing(site, at_utc_minute):
        terminals.setdefault(placement.point, []).append(placement)

    def values(node: Node) -> Values:
        zone, hours = places.zone(node.key), places.hours(node.key)
        level, until = places.level(node.key), places.until(node.key)
        return {
            "key": node.key,
            "name": node.name,
            "kind": node.kind.value,
            "parent": node.parent,
            "time_zone": zone,
            "hours": "always" if hours is None else str(hours),
            "level": None if level is None else level.value,
            "until": None if until is None else moments.text_of(until, zone),
            "surveys": running.get(node.key, []),
            "terminals": [
                {
                    "device_id": one.device_id,
                    "from": moments.text_of(one.from_utc_minute, zone),
                    "asks": one.asks.value,
                }
                for one in terminals.get(node.key, [])
            ],
        }

    return {
        "key": organisation.key,
        "name": organisation.name,
        "locale": organisation.locale,
        "time_zone": organisation.time_zone,
        "places": [
            values(node)
            for node in places.below(None)
            if with_past or not is_over(places.until(node.key), at_utc_minute)
        ],
        "surveys": [
            {
                "key": survey.key,
                "text": texts[survey.question].get(organisation.locale, ""),
                "type": survey.type.value,
                "scale": survey.scale.value,
                "first_day": survey.first_day.isoformat(),
                "last_day": None if survey.last_day is None else survey.last_day.isoformat(),
            }
            for survey in surveys
        ],
    }
