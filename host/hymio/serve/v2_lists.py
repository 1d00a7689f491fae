"""What the field's API tells of places, surveys, questions and terminals: lists, each object as its document says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from hymio.serve.api_errors import forbidden
from hymio.serve.catalogue import SeenFollowUp, SeenOption, SeenSurvey, View
from hymio.serve.ids import phone_smiley, terminal_smiley
from hymio.serve.v2_parameters import V2Parameters
from hymio.site.model import NodeKind, Scale
from hymio.site.moments import MINUTE_S, moment_of

Row = dict[str, Any]
_TYPES: Final = {NodeKind.GROUP: "GROUP", NodeKind.POINT: "EXPERIENCE-POINT"}
_FILTERS: Final = {"GROUP": NodeKind.GROUP, "EXPERIENCE_POINT": NodeKind.POINT, "EXPERIENCE-POINT": NodeKind.POINT}
"""The document writes the one in its filter and the other in its answers."""

_ANSWERED_AT: Final = text(
    "SELECT id FROM nodes WHERE EXISTS (SELECT 1 FROM answers WHERE answers.node_id = nodes.id) ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What is asked, of what may be seen."""

    view: View
    parameters: V2Parameters
    now_utc: float
    connection: Connection


@dataclass(frozen=True, slots=True)
class V2List:
    """A list that does not page."""

    columns: tuple[str, ...]
    """Of its CSV: the properties of its objects, in the order of the document."""
    rows: Callable[[ListRequest], Iterator[Row]]


def asked_place(view: View, parameters: V2Parameters, name: str) -> int | None:
    """The place that a parameter names.

    Raises:
        ApiError: 400 or 403.
    """
    return _known(parameters, name, view.places)


def asked_survey(view: View, parameters: V2Parameters) -> int | None:
    """The survey that `surveyId` names.

    Raises:
        ApiError: 400 or 403.
    """
    return _known(parameters, "surveyId", view.surveys)


def _known(parameters: V2Parameters, name: str, known: Any) -> int | None:
    number = parameters.integer(name)
    if number is not None and number not in known:
        raise forbidden(name, number)
    return number


def _places(asked: ListRequest) -> Iterator[Row]:
    kind = asked.parameters.choice("type", tuple(_FILTERS))
    root = asked_place(asked.view, asked.parameters, "rootExperiencePointId")
    among = asked.view.places.keys() if root is None else asked.view.below(root)
    for place in asked.view.places.values():
        if place.id in among and (kind is None or place.kind is _FILTERS[kind]):
            row = {"experiencePointId": place.id, "name": place.name}
            # Of a part of the tree its root hangs on nothing.
            if place.parent_id is not None and place.id != root:
                row["parent"] = place.parent_id
            yield row | {"type": _TYPES[place.kind]}


def _custom_data(asked: ListRequest) -> Iterator[Row]:
    one = asked_place(asked.view, asked.parameters, "experiencePointId")
    root = asked_place(asked.view, asked.parameters, "rootExperiencePointId")
    among = {one} if one is not None else asked.view.places.keys() if root is None else asked.view.below(root)
    for place in asked.view.places.values():
        if place.id in among and place.node is not None:
            for label, value in sorted(place.node.custom.items()):
                yield {"experiencePointId": place.id, "label": label, "value": value}


def _company_custom_data(asked: ListRequest) -> Iterator[Row]:
    labels = {label for place in asked.view.places.values() if place.node is not None for label in place.node.custom}
    for label in sorted(labels):
        yield {"id": label, "label": label, "type": "text"}


def _surveys(asked: ListRequest) -> Iterator[Row]:
    for seen in sorted(asked.view.surveys.values(), key=lambda one: one.id):
        survey, organisation = seen.survey, seen.stored.site.organisation
        yield {
            "surveyId": seen.id,
            "questionId": seen.question_id,
            "defaultLocale": organisation.locale,
            "questionTextInDefaultLocale": seen.question.texts.get(organisation.locale, ""),
            "surveyType": "EMPLOYEE" if seen.is_staff else "CUSTOMER",
            "feedbackScale": survey.scale.value,
            "indexType": "NPS" if survey.scale is Scale.NPS else "HAPPY",
            "state": _state(seen, asked.now_utc),
        }


def _state(seen: SeenSurvey, now_utc: float) -> str:
    """By the calendar of the organisation; its places may be a day apart."""
    today = moment_of(int(now_utc // MINUTE_S), seen.stored.site.organisation.time_zone).date()
    if seen.survey.last_day is not None and (seen.survey.last_day < today or seen.survey.is_withdrawn):
        return "ended"
    return "upcoming" if seen.survey.first_day > today else "active"


def _questions(asked: ListRequest) -> Iterator[Row]:
    for number, (question, locale) in sorted(asked.view.questions.items(), key=lambda one: one[0]):
        yield {
            "questionId": number,
            "defaultLocale": locale,
            "questionTextInDefaultLocale": question.texts.get(locale, ""),
        }


def _question_texts(asked: ListRequest) -> Iterator[Row]:
    wanted = _known(asked.parameters, "questionId", asked.view.questions)
    for number, (question, _) in sorted(asked.view.questions.items(), key=lambda one: one[0]):
        if wanted in (None, number):
            for locale, text in sorted(question.texts.items()):
                yield {"questionId": number, "locale": locale, "text": text}


def _seen_follow_ups(view: View) -> dict[int, SeenFollowUp]:
    return {one.id: one for survey in view.surveys.values() for one in survey.follow_ups}


def _seen_options(view: View) -> dict[int, SeenOption]:
    return {option.id: option for one in _seen_follow_ups(view).values() for option in one.options}


def _follow_ups(asked: ListRequest) -> Iterator[Row]:
    for number, one in sorted(_seen_follow_ups(asked.view).items()):
        yield {
            "followupQuestionId": number,
            "surveyId": one.survey_id,
            "positive": one.positive,
            "questionTextInDefaultLocale": one.texts.get(one.locale, ""),
        }


def _follow_up_texts(asked: ListRequest) -> Iterator[Row]:
    seen = _seen_follow_ups(asked.view)
    wanted = _known(asked.parameters, "followupQuestionId", seen)
    for number, one in sorted(seen.items()):
        if wanted in (None, number):
            for locale, text in sorted(one.texts.items()):
                yield {"followupQuestionId": number, "locale": locale, "text": text}


def _options(asked: ListRequest) -> Iterator[Row]:
    for number, option in sorted(_seen_options(asked.view).items()):
        yield {
            "followupOptionId": number,
            "followupQuestionId": option.follow_up_id,
            "optionTextInDefaultLocale": option.texts.get(option.locale, ""),
        }


def _option_texts(asked: ListRequest) -> Iterator[Row]:
    seen = _seen_options(asked.view)
    wanted = _known(asked.parameters, "followupOptionId", seen)
    for number, option in sorted(seen.items()):
        if wanted in (None, number):
            for locale, text in sorted(option.texts.items()):
                yield {"followupOptionId": number, "locale": locale, "text": text}


def _smileys(asked: ListRequest) -> Iterator[Row]:
    for device_id in sorted(asked.view.device_ids):
        yield {
            "smileyId": terminal_smiley(device_id),
            "name": device_id,
            "serialNumber": device_id,
            "smileyType": "SMILEY_TERMINAL",
        }
    for (node_id,) in asked.connection.execute(_ANSWERED_AT):
        if node_id in asked.view.places:
            name = asked.view.places[node_id].name
            yield {"smileyId": phone_smiley(node_id), "name": name, "smileyType": "SMILEY_DIGITAL"}


def _nothing(asked: ListRequest) -> Iterator[Row]:
    return iter(())


_ALERT_TYPE: Final = ("alertSpecificationType", "parameters")
LISTS: Final = {
    "experience-points": V2List(("experiencePointId", "name", "parent", "type"), _places),
    "experience-point-custom-data": V2List(("experiencePointId", "label", "value"), _custom_data),
    "company-custom-data": V2List(("id", "label", "type", "options"), _company_custom_data),
    "surveys": V2List(
        (
            "surveyId", "questionId", "defaultLocale", "questionTextInDefaultLocale", "surveyType", "feedbackScale",
            "indexType", "state",
        ),
        _surveys,
    ),
    "questions": V2List(("questionId", "defaultLocale", "questionTextInDefaultLocale"), _questions),
    "question-localizations": V2List(("questionId", "locale", "text"), _question_texts),
    "follow-up-questions": V2List(
        ("followupQuestionId", "surveyId", "positive", "questionTextInDefaultLocale"), _follow_ups
    ),
    "follow-up-question-localizations": V2List(("followupQuestionId", "locale", "text"), _follow_up_texts),
    "follow-up-options": V2List(("followupOptionId", "followupQuestionId", "optionTextInDefaultLocale"), _options),
    "follow-up-option-localizations": V2List(("followupOptionId", "locale", "text"), _option_texts),
    "alert-specifications": V2List(
        ("alertSpecificationId", "surveyId", "experiencePointId", *_ALERT_TYPE), _nothing
    ),
    "users": V2List(
        (
            "userId", "email", "firstName", "lastName", "rootExperiencePointId", "role", "locale", "loginAllowed",
            "loginMethod", "lastLogin", "created",
        ),
        _nothing,
    ),
    "smileys": V2List(("smileyId", "name", "serialNumber", "token", "smileyType"), _smileys),
}  # fmt: skip
