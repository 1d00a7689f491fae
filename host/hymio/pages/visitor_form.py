"""The form on a visitor's phone: what it asks at a place, and what somebody has sent with it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from hymio.locale.sentence import Sentence, _
from hymio.pages.access import SiteNow
from hymio.site.model import Node, Scale, Survey, SurveyType
from hymio.site.present import is_over, survey_time
from hymio.site.rules import is_line
from hymio.store import schema
from hymio.store.consents import consents_of
from hymio.store.persons import ADDRESS_MAX, normal_address
from hymio.store.visitor_answers import Contact, SurveyAnswer

TEXT_MAX: Final = 2_000
"""Characters of a free text."""
NAME_MAX: Final = 80
FAST_S: Final = 1.0
"""Nobody reads a question, chooses a face and sends it in less."""
LINKS_MAX: Final = 1
"""Who writes of a web page names one; advertising names several."""

_TOP: Final = {Scale.FOUR: 4, Scale.FIVE: 5, Scale.NPS: 10}
_ORDER: Final = list(_TOP)
_LINK: Final = re.compile(r"https?://|www\.|\[url|<a\s", re.IGNORECASE)

Sent = Mapping[str, Sequence[str]]
"""The fields of a form, as they came."""


class FormFault(Exception):
    """What was sent can't be taken; nothing of it is kept."""

    def __init__(self, said: Sentence) -> None:
        """Takes what the visitor should do about it."""
        super().__init__(str(said))
        self.said = said


class Wording(NamedTuple):
    """A text of a site in the language that suits the visitor best."""

    text: str
    lang: str
    """As HTML has it: fi, sv-FI."""


@dataclass(frozen=True, slots=True)
class Why:
    """A follow-up. options: by the id of each, those first that are asked now."""

    positive: bool
    texts: Mapping[str, str]
    options: Mapping[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A survey that runs there."""

    survey_id: int
    scale: Scale
    texts: Mapping[str, str]
    whys: Sequence[Why]
    known_options: Mapping[int, bool]
    """Whether each option that was ever asked is one of the happy follow-up."""

    def mood(self, value: int) -> bool | None:
        """Whether an answer is a happy one; None: neither, so that nothing more is asked."""
        if self.scale is Scale.NPS:
            return True if value >= 9 else False if value <= 6 else None
        middle = (1 + _TOP[self.scale]) / 2
        return None if value == middle else value > middle

    @property
    def values(self) -> Sequence[int]:
        """What may be answered."""
        return range(0 if self.scale is Scale.NPS else 1, _TOP[self.scale] + 1)


@dataclass(frozen=True, slots=True)
class AskedForm:
    """All that is asked at a place. consents: texts by id, the one in force first; none: no address is asked for."""

    site: SiteNow
    node: Node
    questions: Sequence[AskedQuestion]
    consents: Mapping[int, Mapping[str, str]]

    def values(self, wishes: Sequence[str]) -> dict[str, Any]:
        """The form as values, in the languages that a visitor wishes, the first one most."""
        own = self.site.organisation.locale

        def worded(texts: Mapping[str, str]) -> dict[str, str]:
            return wording(texts, wishes, own)._asdict()

        consent = next(iter(self.consents.items()), None)
        return {
            "organisation": self.site.organisation.name,
            "place": self.node.name,
            "key": self.node.key,
            "questions": [
                {
                    "survey": one.survey_id,
                    "scale": one.scale.value,
                    **worded(one.texts),
                    "answers": [{"value": value, "is_happy": one.mood(value)} for value in one.values],
                    "follow_ups": [
                        {
                            "is_happy": why.positive,
                            **worded(why.texts),
                            "options": [{"id": number, **worded(texts)} for number, texts in why.options.items()],
                        }
                        for why in one.whys
                    ],
                }
                for one in self.questions
            ],
            "consent": None if consent is None else {"id": consent[0], **worded(consent[1])},
        }


@dataclass(frozen=True, slots=True)
class SentForm:
    """What somebody has said."""

    answers: Sequence[SurveyAnswer]
    text: str | None
    contact: Contact | None
    is_trapped: bool
    """Whether a field has something that people do not see."""


def wording(texts: Mapping[str, str], wishes: Sequence[str], own: str) -> Wording:
    """The text in the first wished language in which there is one; else in the organisation's own."""
    by_language = {locale.partition("_")[0]: locale for locale in sorted(texts, reverse=True)}
    locale = next((by_language[code] for code in wishes if code in by_language), own)
    if locale not in texts:
        locale = next(iter(texts))
    return Wording(texts[locale], locale.replace("_", "-"))


def asked_form(connection: Connection, site: SiteNow, node: Node, utc_minutes: Collection[int]) -> AskedForm:
    """What customers are asked at a place in any of these minutes: at most one question on each scale in each."""
    zone, places = site.places.zone(node.key), site.places
    running = [
        survey
        for survey in site.stored.site.surveys
        if survey.type is SurveyType.CUSTOMER and not survey.is_withdrawn and node.key in places.points_at(survey)
        if any(_runs(survey, zone, minute) for minute in utc_minutes)
    ]
    running.sort(key=lambda survey: (_ORDER.index(survey.scale), survey.first_day))
    ids = {survey.key: site.stored.surveys[survey.key] for survey in running}
    options = options_of(connection, ids.values())
    texts = {question.key: question.texts for question in site.stored.site.questions}
    questions = [
        AskedQuestion(
            ids[survey.key],
            survey.scale,
            texts[survey.question],
            [
                Why(
                    follow_up.positive,
                    follow_up.texts,
                    {options[ids[survey.key], follow_up.positive, one.key]: one.texts for one in follow_up.options},
                )
                for follow_up in survey.follow_ups
            ],
            {number: positive for (of, positive, _key), number in options.items() if of == ids[survey.key]},
        )
        for survey in running
    ]
    agreed = {one.id: one.texts for one in consents_of(connection, site.stored.id)}
    return AskedForm(site, node, questions, agreed)


def _runs(survey: Survey, zone: str, utc_minute: int) -> bool:
    first, until = survey_time(survey, zone)
    return first <= utc_minute and not is_over(until, utc_minute)


def options_of(connection: Connection, surveys: Collection[int]) -> dict[tuple[int, bool, str], int]:
    """The ids of all options of some surveys, those that are not asked any more, too."""
    options, asked = schema.follow_up_options.c, schema.follow_ups.c
    query = (
        select(asked.survey_id, asked.positive, options.key, options.id)
        .join(schema.follow_ups, asked.id == options.follow_up_id)
        .where(asked.survey_id.in_(list(surveys)))
    )
    return {(survey_id, bool(positive), key): number for survey_id, positive, key, number in connection.execute(query)}


def read_form(asked: AskedForm, sent: Sent) -> SentForm:
    """What was sent, if it can be.

    Raises:
        FormFault: a field says what it can't say; nothing was chosen; an address without consent, or none that is one.
    """
    answers = [answer for one in asked.questions if (answer := _answer(one, sent)) is not None]
    if not answers:
        raise FormFault(_("Please choose an answer to the question."))
    return SentForm(answers, _text(sent), _contact(asked, sent), bool(_said(sent, "website")))


def spam_reason(form: SentForm, seconds: float | None, is_elsewhere: bool, is_crowded: bool) -> str | None:
    """Why a form does not count; None: it does.

    Args:
        form: what was sent.
        seconds: from when the form was given to when it was answered; None: it is not one of ours.
        is_elsewhere: whether the browser says that a page of somebody else sent it.
        is_crowded: whether so much comes from there that it can't be people.
    """
    name = form.contact.name if form.contact else None
    links = len(_LINK.findall(f"{name or ''} {form.text or ''}"))
    reasons = {
        "trap": form.is_trapped,
        "forged": seconds is None,
        "elsewhere": is_elsewhere,
        "fast": seconds is not None and seconds < FAST_S,
        "links": links > LINKS_MAX,
        "rate": is_crowded,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _answer(question: AskedQuestion, sent: Sent) -> SurveyAnswer | None:
    number = question.survey_id
    came = _said(sent, f"a{number}")
    if not came:
        return None
    value = _number(came)
    if value not in question.values:
        raise _unreadable()
    chosen = {_number(one) for one in sent.get(f"o{number}", ())}
    if not chosen <= question.known_options.keys():
        raise _unreadable()
    # Who changes from one face to another leaves reasons behind that are not shown any more.
    mood = question.mood(value)
    options = sorted(option for option in chosen if question.known_options[option] is mood)
    if question.scale is Scale.NPS:
        return SurveyAnswer(number, score=value, options=options)
    return SurveyAnswer(number, face=value, options=options)


def _number(came: str) -> int:
    if not (came.isascii() and came.isdecimal() and len(came) < 10):
        raise _unreadable()
    return int(came)


def _said(sent: Sent, name: str) -> str:
    came = sent.get(name, ())
    if len(came) > 1:
        raise _unreadable()
    return came[0] if came else ""


def _text(sent: Sent) -> str | None:
    text = unicodedata.normalize("NFC", _said(sent, "text").replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(text) > TEXT_MAX:
        raise FormFault(_("The text has %(count)s characters; write at most %(most)s.", count=len(text), most=TEXT_MAX))
    if any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t" for sign in text):
        raise FormFault(_("The text has characters that cannot be shown: type it again."))
    return text or None


def _contact(asked: AskedForm, sent: Sent) -> Contact | None:
    address, name, consent = (_said(sent, field).strip() for field in ("address", "name", "consent"))
    if not address:
        return None  # whatever else is filled in, there is nobody to be called
    try:
        if len(address) > ADDRESS_MAX:
            raise ValueError
        normal_address(address)
    except ValueError:
        raise FormFault(_("Give an e-mail address like eva@example.com, or a telephone number.")) from None
    if name and not is_line(name, NAME_MAX):
        raise FormFault(_("A name has at most %(most)s characters in one line.", most=NAME_MAX))
    if not consent:
        raise FormFault(_("May we keep your address? Tick the box, or take the address away."))
    if _number(consent) not in asked.consents:
        raise _unreadable()
    return Contact(unicodedata.normalize("NFC", address), int(consent), name or None)


def _unreadable() -> FormFault:
    return FormFault(_("This form cannot be read. Load the page again, and answer once more."))
