"""What a screen on a wall shows: the question, today's faces and how many answers they are; nothing of anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection

from hymio.figures.cells import FigureCell, FigureQuery, figure_cells
from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.subjects import FigureScope
from hymio.figures.wall_time import WallStretch, whole_days
from hymio.locale.language import LOCALES, SOURCE, Language, language_of
from hymio.site.model import Places, Scale, Site, Survey, SurveyType
from hymio.site.present import is_over, survey_time
from hymio.store.sites import StoredSite
from hymio.store.wall_links import WallLink, link_of

QUESTIONS_MAX: Final = 3
"""In so many languages a question is on the screen; more are too small to be read from afar."""


@dataclass(frozen=True, slots=True)
class WallState:
    """What is on the screen, and in its twin in JSON.

    questions: (locale, text), that of the organisation first. day: on the clock of the place. faces: None with too few
    answers, which are fewer than at_least; then there is nothing to be seen of them. done: what was changed because of
    answers, the newest first.
    """

    language: Language
    place: str
    zone: str
    questions: Sequence[tuple[str, str]]
    day: date
    faces: Sequence[int] | None
    happy_index: float | None
    at_least: int
    as_of_utc: float
    done: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        return {
            "place": self.place,
            "time_zone": self.zone,
            "questions": [{"locale": locale, "text": text} for locale, text in self.questions],
            "day": self.day.isoformat(),
            "faces": None if self.faces is None else list(self.faces),
            "votes": None if self.faces is None else sum(self.faces),
            "happy_index": self.happy_index,
            "suppressed": self.faces is None,
            "at_least": self.at_least,
            "as_of_utc": self.as_of_utc,
            "done": list(self.done),
        }


def wall_state(connection: Connection, sites: Sequence[StoredSite], secret: str, now_utc: float) -> WallState | None:
    """What the screen with that secret shows now; None: nothing, there is no such link or it was revoked."""
    link = link_of(connection, secret)
    if link is None:
        return None
    reader = FigureReader(connection, now_utc, tuple(sites))
    stored = next(one for one in reader.sites if one.id == link.organisation_id)
    organisation = stored.site.organisation
    key = None if link.node_id is None else stored.node_keys[link.node_id]
    place = OnePlace(organisation.key, key)
    scope = place.scope(reader)
    day = datetime.fromtimestamp(now_utc, scope.zone).date()
    stretch = whole_days(day.isoformat(), day.isoformat())
    survey = _survey(stored, link, place.tree(reader).places, now_utc)
    cell = _cell(reader, place, scope, survey, stretch)
    figures = None if cell is None else cell.figures
    return WallState(
        language_of(organisation.locale[:2] if organisation.locale[:2] in LOCALES else SOURCE),
        scope.name,
        scope.zone.key,
        () if survey is None else _texts(stored.site, survey),
        day,
        None if figures is None else figures.faces,
        None if figures is None else figures.happy_index,
        organisation.too_few_staff if survey and survey.type is SurveyType.STAFF else scope.at_least,
        now_utc,
    )


def _cell(
    reader: FigureReader, place: OnePlace, scope: FigureScope, survey: Survey | None, stretch: WallStretch
) -> FigureCell | None:
    """The day's figures: of the survey, or of the place if none runs there."""
    if survey is None:
        return place.cells(reader, None, stretch)[0]
    query = FigureQuery("survey", None, stretch, place.organisation, place.key)
    return next((cell for cell in figure_cells(reader, query).cells if cell.key == survey.key), None)


def _survey(stored: StoredSite, link: WallLink, places: Places, now_utc: float) -> Survey | None:
    """The one of the link, or the first that asks customers there now."""
    surveys = stored.site.surveys
    if link.survey_id is not None:
        wanted = stored.survey_keys[link.survey_id]
        return next(one for one in surveys if one.key == wanted)
    below = None if link.node_id is None else places.points_of(stored.node_keys[link.node_id])
    minute = int(now_utc // 60)
    for one in surveys:
        at = places.points_at(one) if below is None else places.points_at(one) & below
        if one.type is not SurveyType.CUSTOMER or one.scale is not Scale.FOUR:
            continue
        times = [survey_time(one, zone) for zone in {places.zone(point) for point in at}]
        if any(first <= minute and not is_over(until, minute) for first, until in times):
            return one
    return None


def _texts(site: Site, survey: Survey) -> list[tuple[str, str]]:
    texts = next(one.texts for one in site.questions if one.key == survey.question)
    own = site.organisation.locale
    return sorted(texts.items(), key=lambda one: (one[0] != own, one[0]))[:QUESTIONS_MAX]
