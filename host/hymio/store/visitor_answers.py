"""What visitors say on their phones, on web pages and by personal links: each form once, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy import Connection, insert, select

from hymio.store.arrival_order import next_arrival
from hymio.store.cells import COUNTED
from hymio.store.persons import person_of
from hymio.store.schema import answers, contacts

SPAM: Final = "spam"
"""The verdict of answers that are kept, and count for nothing; `reason` says why."""


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
    return True
