"""What is kept of people: all of one person's shown or taken away, and old data taken away by itself.

What was counted stays counted: a face, a score and reasons say nothing of who chose them. Text, address, name and what
a CRM calls somebody go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, or_, select, text, update

from hymio.store.deliveries import forget_messages
from hymio.store.invitations import ERASED
from hymio.store.schema import (
    alerts,
    answers,
    case_notes,
    cases,
    contacts,
    invitations,
    nodes,
    retention,
    unsubscribed,
)

DAY_S: Final = 86_400.0


class DataKind(StrEnum):
    """Data of people that are kept for so many days each."""

    TEXTS = "texts"
    """What visitors wrote."""
    CONTACTS = "contacts"
    """Addresses and names that they left, with consent."""
    INVITATIONS = "invitations"
    """Addresses, names and ids of who was invited, and by which an answer is theirs."""
    CASES = "cases"
    """What was written about a case, once it is closed."""


Counts = dict[str, int]
"""How many rows of each table there are, or were changed."""


def kept_days(connection: Connection, organisation_id: int) -> dict[DataKind, int | None]:
    """For how many days each kind of data is kept; None: until somebody says otherwise."""
    query = select(retention.c.kind, retention.c.days).where(retention.c.organisation_id == organisation_id)
    days = {row.kind: row.days for row in connection.execute(query)}
    return {kind: days.get(kind.value) for kind in DataKind}


def keep_days(connection: Connection, organisation_id: int, kind: DataKind, days: int | None) -> None:
    """Says so; None: until somebody says otherwise. `connection` comes from `Store.writing`."""
    own = (retention.c.organisation_id == organisation_id) & (retention.c.kind == kind.value)
    connection.execute(delete(retention).where(own))
    if days is not None:
        row = {"organisation_id": organisation_id, "kind": kind.value, "days": days}
        connection.execute(retention.insert().values(row))


def data_of(connection: Connection, organisation_id: int, person: str) -> dict[str, list[dict[str, Any]]]:
    """All that an organisation has of one person, by table, as it is kept; what it is called by inside is left out."""
    of = _Person(connection, organisation_id, person)
    found = {
        "answers": _rows(connection, select(answers).where(of.answers)),
        "contacts": _rows(connection, select(contacts).where(of.contacts)),
        "invitations": _rows(connection, select(invitations).where(of.invitations)),
        "cases": _rows(connection, select(cases).where(of.cases)),
        "case_notes": _rows(connection, select(case_notes).where(case_notes.c.case_id.in_(of.case_ids))),
        "unsubscribed": _rows(connection, select(unsubscribed).where(of.unsubscribed)),
    }
    for table, rows in found.items():
        for row in rows:
            for name in ("person", "digest", "arrival"):
                row.pop(name, None)
            for name in ("external", "options"):
                if table != "cases" and row.get(name) is not None:
                    row[name] = json.loads(row[name])
    return found


def erase(connection: Connection, organisation_id: int, person: str, who: str, now_utc: float) -> Counts:
    """Takes away all that says who somebody is, and what they wrote; `connection` comes from `Store.writing`.

    That somebody is not to be written to stays known, by a digest alone.

    Args:
        connection: see there.
        organisation_id: whose data.
        person: see `persons`.
        who: closes cases that are open still: there is nobody to be called any more.
        now_utc: now.

    Returns:
        How many rows of each table were changed.
    """
    _overwrite(connection)
    of = _Person(connection, organisation_id, person)
    is_open = and_(of.cases, cases.c.closed_utc.is_(None))
    closed = {"closed_utc": now_utc, "closed_by": who, "version": cases.c.version + 1}
    connection.execute(update(cases).where(is_open).values(closed))
    # What somebody wrote who took care of their alert may say who they are, too.
    theirs = alerts.c.cause.in_([f"answer {one}" for one in of.answer_ids])
    cleared = update(alerts).where(theirs).values(comment=None).returning(alerts.c.id)
    alert_ids = list(connection.execute(cleared).scalars())
    forget_messages(connection, of.answer_ids, of.case_ids, alert_ids, now_utc)
    done = {
        "cases": _changed(connection, cases, of.cases, external=None, outcome=""),
        "case_notes": _changed(connection, case_notes, case_notes.c.case_id.in_(of.case_ids), text=""),
        "invitations": _forget_invited(connection, of.invitations),
        "contacts": connection.execute(delete(contacts).where(of.contacts)).rowcount,
        "answers": _changed(connection, answers, of.answers, text=None, external=None, person=None),
    }
    return done


def sweep(connection: Connection, organisation_id: int, now_utc: float) -> Counts:
    """Takes away what is older than it is to be kept; `connection` comes from `Store.writing`.

    Returns:
        How many rows of each table were changed; those that were not are left out.
    """
    until = {
        kind: now_utc - days * DAY_S
        for kind, days in kept_days(connection, organisation_id).items()
        if days is not None
    }
    if not until:
        return {}
    _overwrite(connection)
    here = answers.c.node_id.in_(select(nodes.c.id).where(nodes.c.organisation_id == organisation_id))
    done: Counts = {}

    def count(name: str, rows: int) -> None:
        if rows:
            done[name] = done.get(name, 0) + rows

    if (before := until.get(DataKind.TEXTS)) is not None:
        old = and_(here, answers.c.received_utc < before, answers.c.text.is_not(None))
        count("answers", _changed(connection, answers, old, text=None))
    if (before := until.get(DataKind.CONTACTS)) is not None:
        theirs = select(answers.c.answer_id).where(here, answers.c.received_utc < before)
        count("contacts", connection.execute(delete(contacts).where(contacts.c.answer_id.in_(theirs))).rowcount)
    if (before := until.get(DataKind.INVITATIONS)) is not None:
        old = and_(
            invitations.c.node_id.in_(select(nodes.c.id).where(nodes.c.organisation_id == organisation_id)),
            invitations.c.created_utc < before,
            ~invitations.c.person.startswith(ERASED),
        )
        count("invitations", _forget_invited(connection, old))
        named = or_(answers.c.person.is_not(None), answers.c.external.is_not(None))
        old = and_(here, answers.c.received_utc < before, named)
        count("answers", _changed(connection, answers, old, external=None, person=None))
    if (before := until.get(DataKind.CASES)) is not None:
        old = and_(cases.c.organisation_id == organisation_id, cases.c.closed_utc < before)
        noted = and_(case_notes.c.case_id.in_(select(cases.c.id).where(old)), case_notes.c.text != "")
        count("case_notes", _changed(connection, case_notes, noted, text=""))
        said = or_(cases.c.external.is_not(None), cases.c.outcome != "")
        count("cases", _changed(connection, cases, and_(old, said), external=None, outcome=""))
    return done


class _Person:
    """Which rows are somebody's, in an organisation."""

    def __init__(self, connection: Connection, organisation_id: int, person: str) -> None:
        here = select(nodes.c.id).where(nodes.c.organisation_id == organisation_id)
        contacted = (
            select(contacts.c.answer_id)
            .join(answers, answers.c.answer_id == contacts.c.answer_id)
            .where(contacts.c.person == person, answers.c.node_id.in_(here))
        )
        left = list(connection.execute(contacted).scalars())
        own = and_(answers.c.person == person, answers.c.node_id.in_(here))
        given = [*left, *connection.execute(select(answers.c.answer_id).where(own)).scalars()]
        self.answer_ids: Sequence[str] = given
        self.contacts: ColumnElement[bool] = contacts.c.answer_id.in_(left)
        self.answers: ColumnElement[bool] = answers.c.answer_id.in_(given)
        self.cases: ColumnElement[bool] = and_(cases.c.organisation_id == organisation_id, cases.c.answer_id.in_(given))
        self.case_ids: Sequence[int] = list(connection.execute(select(cases.c.id).where(self.cases)).scalars())
        self.invitations: ColumnElement[bool] = and_(invitations.c.person == person, invitations.c.node_id.in_(here))
        self.unsubscribed: ColumnElement[bool] = and_(
            unsubscribed.c.organisation_id == organisation_id, unsubscribed.c.person == person
        )


def _forget_invited(connection: Connection, which: ColumnElement[bool]) -> int:
    """Takes out of invitations whose they were; that each was sent, where and when, stays."""
    nobody = {"person": ERASED + invitations.c.uid, "address": None, "name": None, "external": None, "due_utc": None}
    return connection.execute(update(invitations).where(which).values(nobody)).rowcount


def _changed(connection: Connection, table: Table, which: ColumnElement[bool], **values: Any) -> int:
    return connection.execute(update(table).where(which).values(values)).rowcount


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(query)]


def _overwrite(connection: Connection) -> None:
    """SQLite would leave what is deleted in the free parts of its file, where anybody can read it."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete = ON"))
