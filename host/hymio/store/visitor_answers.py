"""What visitors say on their phones, on web pages and by personal links: each form once, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, Connection, Select, insert, or_, select, update

from hymio.locale.sentence import _
from hymio.store.arrival_order import next_arrival
from hymio.store.care_cases import open_case_for
from hymio.store.cells import COUNTED
from hymio.store.persons import person_of
from hymio.store.rows import chunks
from hymio.store.schema import answers, cases, contacts, nodes, surveys
from hymio.store.telling import Words, tell_of

SPAM: Final = "spam"
"""The verdict of answers that are kept, and count for nothing; `reason` says why."""
BY_HAND: Final = "person"
"""The reason of those that somebody who looks after the place has marked."""


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    """What was said to one question. face: 1 to 4, or 1 to 5, 1 the unhappiest; score: 0 to 10; one of them is None.

    options: ids of `follow_up_options`.
    """

    survey_id: int
    face: int | None = None
    score: int | None = None
    options: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """Who wants to be called back. address: as it was typed; consent_id: to which text exactly they agreed."""

    address: str
    consent_id: int
    name: str | None = None


@dataclass(frozen=True, slots=True)
class VisitorForm:
    """A form that somebody has sent.

    id: a UUID that whoever was asked had from us, so that it counts once. node_id: where. answers: at least one, the
    most important first. via: qr, link, email, digital (a web page). external: what the sender of an invitation calls
    them; person: see `persons`, of who was invited. reason: why it is spam; None: it counts.
    """

    id: UUID
    node_id: int
    answers: Sequence[SurveyAnswer]
    answered_utc: float
    received_utc: float
    via: str
    locale: str | None = None
    text: str | None = None
    contact: Contact | None = None
    external: Mapping[str, str] | None = None
    person: str | None = None
    reason: str | None = None

    def answer_id(self, number: int) -> str:
        """The name of an answer: of the first one the form's, with which text and contact are kept."""
        return str(self.id if number == 0 else uuid5(self.id, str(self.answers[number].survey_id)))


def take_form(connection: Connection, form: VisitorForm) -> bool:
    """Keeps all that a form says, spam too, unless that form is there already; then nothing changes.

    One with a contact opens a case, if it is unhappy or very happy (`care_cases`).

    Args:
        connection: comes from `Store.writing`.
        form: what it says has been checked.

    Returns:
        Whether it is new.

    Raises:
        ValueError: the contact has no address.
    """
    arrival = next_arrival(connection)  # and nobody else takes a form in until this transaction ends
    if connection.execute(select(answers.c.answer_id).where(answers.c.answer_id == form.answer_id(0))).first():
        return False
    common = {
        "node_id": form.node_id,
        "answered_utc": form.answered_utc,
        "received_utc": form.received_utc,
        "via": form.via,
        "locale": form.locale,
        "verdict": COUNTED if form.reason is None else SPAM,
        "reason": form.reason,
        "external": None if form.external is None else json.dumps(form.external, ensure_ascii=False, sort_keys=True),
        "person": form.person,
        "arrival": arrival,
    }
    rows = [
        {
            **common,
            "answer_id": form.answer_id(number),
            "survey_id": one.survey_id,
            "face": one.face,
            "score": one.score,
            "options": json.dumps(sorted(one.options)) if one.options else None,
            "text": form.text if number == 0 else None,
        }
        for number, one in enumerate(form.answers)
    ]
    connection.execute(insert(answers), rows)
    if form.reason is None:
        _tell(connection, form)
    if form.contact is not None:
        row = {
            "answer_id": form.answer_id(0),
            "name": form.contact.name,
            "address": form.contact.address,
            "person": person_of(connection, form.contact.address, form.received_utc),
            "consent_id": form.contact.consent_id,
            "consented_utc": form.answered_utc,
        }
        connection.execute(insert(contacts), [row])
        if form.reason is None:
            said = [(form.answer_id(at), one.survey_id, one.face, one.score) for at, one in enumerate(form.answers)]
            open_case_for(connection, form.node_id, said, form.received_utc)
    return True


def _tell(connection: Connection, form: VisitorForm) -> None:
    """Has those be told who want to hear of every answer; of what staff says nobody is."""
    asked = select(surveys.c.id, surveys.c.key, surveys.c.organisation_id).where(
        surveys.c.id.in_([one.survey_id for one in form.answers]), surveys.c.type == "customer"
    )
    known = {row.id: row for row in connection.execute(asked)}
    given = [one for one in form.answers if one.survey_id in known]
    if not given:
        return

    def of() -> tuple[Words, Mapping[str, Any]]:
        place = connection.execute(select(nodes.c.key, nodes.c.name).where(nodes.c.id == form.node_id)).one()
        said = [{"survey": known[one.survey_id].key, "face": one.face, "score": one.score} for one in given]
        words = _("A visitor has answered: %(place)s", place=place.name)
        # What somebody has written may say who they are.
        data = {"answer": {"id": form.answer_id(0), "place": place.key, "said": said, "known_as": form.external}}
        return lambda language: (language.say(words), language.say(words)), data

    organisation_id = known[given[0].survey_id].organisation_id
    subject = f"answer {form.answer_id(0)}"
    tell_of(connection, organisation_id, form.node_id, "answer.given", subject, of, form.received_utc)


@dataclass(frozen=True, slots=True)
class SaidAnswer:
    """What was written with an answer, or came as spam; its columns are told of in `schema`.

    wants_contact: whether an address was left.
    """

    answer_id: str
    node_id: int
    survey_id: int
    answered_utc: float
    via: str
    face: int | None
    score: int | None
    options: str | None
    locale: str | None
    text: str | None
    verdict: str
    reason: str | None
    wants_contact: bool


def said_answer(connection: Connection, answer_id: str) -> SaidAnswer | None:
    """The answer of that name; None: there is none."""
    row = connection.execute(_said().where(answers.c.answer_id == answer_id)).first()
    return None if row is None else SaidAnswer(*row)


def _said() -> Select[Any]:
    columns = [answers.c[name] for name in SaidAnswer.__dataclass_fields__ if name != "wants_contact"]
    left = contacts.c.answer_id == answers.c.answer_id
    return select(*columns, contacts.c.answer_id.is_not(None)).join(contacts, left, isouter=True)


def texts_of(
    connection: Connection,
    node_ids: Collection[int],
    survey_ids: Collection[int],
    between_utc: tuple[float, float],
    spam_alone: bool,
    most: int,
    before: tuple[float, str] | None = None,
) -> list[SaidAnswer]:
    """The texts of places, the newest first.

    Args:
        connection: in a transaction.
        node_ids: of which places.
        survey_ids: to which surveys.
        between_utc: from when until before when they were given, seconds of 1970.
        spam_alone: only what is spam, then without a text, too; else all texts.
        most: so many at most.
        before: what stands before that (`answered_utc`, `answer_id`); None: from the newest on.
    """
    begin, end = between_utc
    query = (
        _said()
        .where(answers.c.answered_utc >= begin, answers.c.answered_utc < end, answers.c.survey_id.in_(survey_ids))
        .where(answers.c.verdict == SPAM if spam_alone else answers.c.text.is_not(None))
        .order_by(answers.c.answered_utc.desc(), answers.c.answer_id.desc())
        .limit(most)
    )
    if before is not None:
        utc, answer_id = before
        is_earlier = (answers.c.answered_utc == utc) & (answers.c.answer_id < answer_id)
        query = query.where(or_(answers.c.answered_utc < utc, is_earlier))
    found: list[SaidAnswer] = []
    for chunk in chunks(sorted(node_ids)):
        found += (SaidAnswer(*row) for row in connection.execute(query.where(answers.c.node_id.in_(chunk))))
    found.sort(key=lambda one: (one.answered_utc, one.answer_id), reverse=True)
    return found[:most]


def mark_form(connection: Connection, answer_id: str, is_spam: bool, now_utc: float) -> bool:
    """Has all answers of a form count, or be spam by somebody's word; `connection` comes from `Store.writing`.

    Whoever follows the database hears that something has changed. What counts now after all opens a case as it would
    have when it came. False: it was so before.
    """
    form = select(answers.c.arrival, answers.c.verdict, answers.c.node_id).where(answers.c.answer_id == answer_id)
    found = connection.execute(form).one()
    if (found.verdict == SPAM) is is_spam:
        return False
    next_arrival(connection)
    # A form is all that its transaction brought.
    whole = answers.c.arrival == found.arrival if found.arrival else answers.c.answer_id == answer_id
    values = {"verdict": SPAM, "reason": BY_HAND} if is_spam else {"verdict": COUNTED, "reason": None}
    connection.execute(update(answers).where(whole).values(values))
    if not is_spam:
        _open_late_case(connection, whole, found.node_id, now_utc)
    return True


def _open_late_case(connection: Connection, whole: ColumnElement[bool], node_id: int, now_utc: float) -> None:
    """The case of a form with a contact, unless it has one."""
    columns = (answers.c.answer_id, answers.c.survey_id, answers.c.face, answers.c.score)
    rows = [tuple(row) for row in connection.execute(select(*columns).where(whole))]
    left = select(contacts.c.answer_id).where(contacts.c.answer_id.in_([row[0] for row in rows]))
    first = connection.execute(left).scalar()
    if first is None or connection.execute(select(cases.c.id).where(cases.c.answer_id == first)).first():
        return
    rows.sort(key=lambda row: row[0] != first)
    open_case_for(connection, node_id, rows, now_utc)
