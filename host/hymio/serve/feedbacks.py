"""Feedback one by one, as the field's API has it: buttons, answers to follow-ups and texts, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

from hymio.serve.catalogue import SeenOption, SeenPlace, SeenSurvey, View
from hymio.serve.days import Days
from hymio.serve.ids import answer_feedback, phone_smiley, press_feedback, terminal_smiley
from hymio.site.model import TERMINAL_OPTIONS_MAX, Scale
from hymio.site.moments import MINUTE_S, zone_of
from hymio.store.cells import COUNTED
from hymio.store.time_order import (
    AnswerKind,
    AnswerLine,
    AnswerReader,
    Line,
    Position,
    PressKind,
    PressLine,
    PressReader,
    Reader,
    RowStretch,
    in_time_order,
)

_SPAM: Final = "spam"
_HAPPY_FROM: Final = 3
"""The lowest button after which the happy follow-up is asked."""
_UIS: Final = ("digital", "touchless", "qr", "link", "email")

FeedbackRow = dict[str, Any]
"""An object of the document's, its properties in the order of the document."""


class FeedbackKind(Enum):
    """What is asked for: which rows tell of it, and what is a terminal's."""

    BUTTON = "button"
    FOLLOW_UP = "follow-up"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class FeedbackQuery:
    """Which feedback is asked for."""

    kind: FeedbackKind
    places: frozenset[int]
    surveys: frozenset[int]
    days: Days
    watermark: int
    """What came by later transactions is not among it."""
    include_misuse: bool = False
    include_spam: bool = True
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far a page went: the row that it ended with, and how many feedbacks of that row it has given."""

    position: Position
    given: int


@dataclass(slots=True)
class FeedbackPage:
    """Some of it, and whether there is more."""

    rows: list[FeedbackRow] = field(default_factory=list)
    end: Bookmark | None = None
    """None: nothing has been given, by this page or before it."""
    more: bool = False
    skipped: int = 0


Place = tuple[SeenPlace, SeenSurvey | None]


def feedback_page(
    connection: Connection, view: View, query: FeedbackQuery, begin: Bookmark | None, skip: int, limit: int
) -> FeedbackPage:
    """A page of feedback in the order of time.

    Args:
        connection: to the database, in one transaction.
        view: what may be seen.
        query: what is asked for.
        begin: where the page before ended; None: the first page.
        skip: so many are passed over then, one by one.
        limit: at most so many are given.
    """
    page = FeedbackPage(end=begin)
    at = None if begin is None else begin.position
    sources = list(_sources(view, query))
    for line, stretch in in_time_order(connection, sources, at, query.descending, skip + limit + 1):
        first = begin.given if begin is not None and line.position == at else 0
        for number, row in islice(enumerate(_rows(view, query, line, stretch.belongs)), first, None):
            if page.skipped < skip:
                page.skipped += 1
            elif len(page.rows) == limit:
                page.more = True
                return page
            else:
                page.rows.append(row)
            page.end = Bookmark(line.position, number + 1)
    return page


def _sources(view: View, query: FeedbackQuery) -> Iterator[tuple[Reader, Sequence[RowStretch[Place]]]]:
    watermark, descending = query.watermark, query.descending
    if query.kind is not FeedbackKind.TEXT:  # a terminal has no keys
        kind = PressKind.ALL if query.include_misuse else PressKind.VOTES
        if query.kind is FeedbackKind.FOLLOW_UP:
            kind = PressKind.ANSWERS
        yield PressReader(kind, watermark, descending), list(_of_terminals(view, query))
    answers = {
        FeedbackKind.BUTTON: AnswerKind.FACES,
        FeedbackKind.FOLLOW_UP: AnswerKind.OPTIONS,
        FeedbackKind.TEXT: AnswerKind.TEXTS,
    }
    yield AnswerReader(answers[query.kind], watermark, descending), list(_of_phones(view, query))


def _of_terminals(view: View, query: FeedbackQuery) -> Iterator[RowStretch[Place]]:
    for stay in view.stays:
        survey = stay.survey
        if survey is None or survey.id not in query.surveys or stay.place.id not in query.places:
            continue
        if query.kind is FeedbackKind.FOLLOW_UP and not survey.follow_ups:
            continue
        begin, end = query.days.bounds(stay.place.zone)
        begin, end = max(begin, 60.0 * stay.from_utc_minute), min(end, 60.0 * stay.until_utc_minute)
        if begin < end:
            yield RowStretch(stay.device_id, begin, end, (stay.place, survey))


def _of_phones(view: View, query: FeedbackQuery) -> Iterator[RowStretch[Place]]:
    for place_id in sorted(query.places):
        place = view.places[place_id]
        if place.node is not None:
            yield RowStretch(place_id, *query.days.bounds(place.zone), (place, None))


def _rows(view: View, query: FeedbackQuery, line: Line, belongs: Place) -> Iterator[FeedbackRow]:
    """The feedbacks that a row is: none if it is not asked for, several for folded presses and several options."""
    place, survey = belongs
    if isinstance(line, PressLine):
        assert survey is not None
        return _of_press(view, query, line, place, survey)
    assert isinstance(line, AnswerLine)
    seen = view.surveys.get(line.survey_id)
    if seen is None or seen.is_staff or seen.id not in query.surveys:
        return iter(())
    return _of_answer(query, line, place, seen)


def _of_press(
    view: View, query: FeedbackQuery, line: PressLine, place: SeenPlace, survey: SeenSurvey
) -> Iterator[FeedbackRow]:
    button, verdict = line.button, line.verdict
    if query.kind is FeedbackKind.FOLLOW_UP:
        assert line.vote_button is not None and line.vote_verdict is not None
        button, verdict = line.vote_button, line.vote_verdict
    # A vote while the place is closed is none there, as in its figures.
    misuse = verdict != COUNTED or not view.is_open(place, int(line.pressed_utc // MINUTE_S))
    if misuse and not query.include_misuse:
        return

    def row(seq: int, number: int, position: int) -> FeedbackRow:
        return {
            "feedbackId": press_feedback(line.device_id, line.log_id, seq, number),
            "smileyId": terminal_smiley(line.device_id),
            **_common(line.pressed_utc, place, survey, button - 1, misuse),
            "position": position,
            "ui": "physical",
            "smileyType": "SMILEY_TERMINAL",
        }

    if query.kind is FeedbackKind.BUTTON:
        for number in range(line.presses):
            yield row(line.seq, number, 0)
        return
    option = _terminal_option(survey, positive=button >= _HAPPY_FROM, button=line.button)
    if option is not None and line.vote_seq is not None:
        yield row(line.vote_seq, 0, 1) | _option_values(option)


def _of_answer(query: FeedbackQuery, line: AnswerLine, place: SeenPlace, survey: SeenSurvey) -> Iterator[FeedbackRow]:
    # A text that is spam is told of as that; any other answer that does not count is misuse.
    spam = line.verdict == _SPAM
    is_spam_text = spam and query.kind is FeedbackKind.TEXT
    misuse = line.verdict != COUNTED and not is_spam_text
    if (misuse and not query.include_misuse) or (is_spam_text and not query.include_spam):
        return
    index = line.score if survey.survey.scale is Scale.NPS else None if line.face is None else line.face - 1
    if index is None:
        return

    def row(position: int) -> FeedbackRow:
        return {
            "feedbackId": answer_feedback(line.answer_id),
            "smileyId": phone_smiley(place.id),
            **_common(line.answered_utc, place, survey, index, misuse),
            "position": position,
            **({"ui": line.via} if line.via in _UIS else {}),
            "smileyType": "SMILEY_DIGITAL",
        }

    match query.kind:
        case FeedbackKind.BUTTON:
            yield row(0)
        case FeedbackKind.FOLLOW_UP:
            options = {option.id: option for follow_up in survey.follow_ups for option in follow_up.options}
            for number in json.loads(line.options or "[]"):
                if number in options:
                    yield row(1) | _option_values(options[number])
        case FeedbackKind.TEXT:
            text = line.text or ""
            yield row(2 if line.options else 1) | {
                "text": text,
                "textInEnglish": text if (line.locale or "").startswith("en") else "",
                "spam": spam,
                "categories": "",
                "themes": "",
            }


def _common(utc: float, place: SeenPlace, survey: SeenSurvey, button_index: int, misuse: bool) -> FeedbackRow:
    return {
        "localTime": datetime.fromtimestamp(utc, zone_of(place.zone)).isoformat(timespec="seconds"),
        "surveyId": survey.id,
        "experiencePointId": place.id,
        "buttonIndex": button_index,
        "misuse": misuse,
    }


def _terminal_option(survey: SeenSurvey, positive: bool, button: int) -> SeenOption | None:
    """What a button meant after a happy vote, or after an unhappy one."""
    for follow_up in survey.follow_ups:
        for option in follow_up.options:
            if follow_up.positive is positive and option.button == button <= TERMINAL_OPTIONS_MAX:
                return option
    return None


def _option_values(option: SeenOption) -> FeedbackRow:
    return {
        "followupQuestionId": option.follow_up_id,
        "followupOptionId": option.id,
        "followupOptionTextInDefaultLocale": option.texts.get(option.locale, ""),
    }
