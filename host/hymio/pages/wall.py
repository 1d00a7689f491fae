"""What a screen on a wall shows: the question, today's faces and how many answers they are; nothing of anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from hymio.figures.cells import FigureQuery, figure_cells
from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.wall_time import whole_days
from hymio.locale.language import LOCALES, SOURCE, Language, language_of
from hymio.measures.faces import FaceFigures
from hymio.pages.access import SiteNow
from hymio.site.model import Scale, Site, Survey, SurveyType
from hymio.site.moments import zone_of
from hymio.site.present import is_over, survey_time
from hymio.store.actions import actions_of
from hymio.store.wall_links import WallLink

QUESTIONS_MAX: Final = 3
"""In so many languages a question is on the screen; more are too small to be read from afar."""

DONE_MAX: Final = 3
DONE_DAYS: Final = 180
"""What was done longer ago is no news to anybody who passes by."""


@dataclass(frozen=True, slots=True)
class WallScreen:
    """What a screen is about, which costs nothing to know.

    place: key; None: the organisation. survey: None, none runs there. day: on the clock of the place.
    """

    link: WallLink
    site: SiteNow
    place: str | None
    survey: Survey | None
    day: date

    @property
    def language(self) -> Language:
        """That of the organisation."""
        code = self.site.organisation.locale[:2]
        return language_of(code if code in LOCALES else SOURCE)

    @property
    def zone(self) -> str:
        """By whose clock its day begins."""
        return self.site.organisation.time_zone if self.place is None else self.site.places.zone(self.place)

    @property
    def questions(self) -> Sequence[tuple[str, str]]:
        """(locale, text), that of the organisation first."""
        return () if self.survey is None else _texts(self.site.stored.site, self.survey)

    @property
    def at_least(self) -> int:
        """Fewer answers are too few."""
        own = self.site.organisation
        is_staff = self.survey is not None and self.survey.type is SurveyType.STAFF
        return own.too_few_staff if is_staff else own.too_few_customer


@dataclass(frozen=True, slots=True)
class WallState:
    """What is on a screen, and in its twin in JSON.

    figures: of the day; None: too few answers. as_of_utc: when they were worked out; None: they are not known yet.
    done: what was changed because of answers, the newest first.
    """

    screen: WallScreen
    figures: FaceFigures | None
    as_of_utc: float | None
    done: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        screen, shown = self.screen, self.figures
        organisation, key = screen.site.organisation, screen.place
        return {
            "place": organisation.name if key is None else screen.site.places.by_key[key].name,
            "time_zone": screen.zone,
            "questions": [{"locale": locale, "text": text} for locale, text in screen.questions],
            "day": screen.day.isoformat(),
            "faces": None if shown is None else list(shown.faces),
            "votes": None if shown is None else shown.votes,
            "happy_index": None if shown is None else shown.happy_index,
            "suppressed": shown is None and self.as_of_utc is not None,
            "at_least": screen.at_least,
            "as_of_utc": self.as_of_utc,
            "done": list(self.done),
        }


def wall_screen(link: WallLink, sites: Sequence[SiteNow], now_utc: float) -> WallScreen:
    """What the screen with that link is about now."""
    site = next(one for one in sites if one.stored.id == link.organisation_id)
    key = None if link.node_id is None else site.stored.node_keys[link.node_id]
    screen = WallScreen(link, site, key, _survey(site, link, key, now_utc), date.min)
    return replace(screen, day=datetime.fromtimestamp(now_utc, zone_of(screen.zone)).date())


def figures_of_day(reader: FigureReader, screen: WallScreen) -> FaceFigures | None:
    """The day's figures: of the survey, or of the place if none runs there; None: too few answers."""
    organisation = screen.site.organisation.key
    stretch = whole_days(screen.day.isoformat(), screen.day.isoformat())
    if screen.survey is None:
        return OnePlace(organisation, screen.place).cells(reader, None, stretch)[0].figures
    query = FigureQuery("survey", None, stretch, organisation, screen.place)
    cells = (cell for cell in figure_cells(reader, query).cells if cell.key == screen.survey.key)
    cell = next(cells, None)
    return None if cell is None else cell.figures


def done_there(connection: Connection, screen: WallScreen) -> Sequence[str]:
    """What was done there, around it and within it lately, as far as it is to be shown; the newest first."""
    stored, places = screen.site.stored, screen.site.places
    near = None
    if screen.place is not None:
        near = {stored.nodes[one.key] for one in (*places.up(screen.place), *places.below(screen.place))}
    since = screen.day - timedelta(DONE_DAYS)
    found = actions_of(connection, stored.id, near, published_alone=True)
    return [one.title for one in found if since <= one.day <= screen.day][:DONE_MAX]


def _survey(site: SiteNow, link: WallLink, place: str | None, now_utc: float) -> Survey | None:
    """The one of the link, or the first that asks customers there now."""
    surveys, places = site.stored.site.surveys, site.places
    if link.survey_id is not None:
        wanted = site.stored.survey_keys[link.survey_id]
        return next(one for one in surveys if one.key == wanted)
    below = None if place is None else places.points_of(place)
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
