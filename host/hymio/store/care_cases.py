"""Cases: somebody who wants to be called back, until it is said what was done.

An unhappy answer with a contact opens one in the transaction that keeps the answer; so does a happy one, to ask for a
recommendation. Whoever may be told of it (`channels`) is told of it without the contact.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from hymio.common.roles import Role
from hymio.locale.language import Language
from hymio.locale.sentence import Sentence, _
from hymio.site.moments import zone_of
from hymio.store.schema import (
    answers,
    case_notes,
    cases,
    contacts,
    nodes,
    organisations,
    surveys,
    user_places,
    users,
)
from hymio.store.telling import Words, above, tell_of
from hymio.store.users import User, all_users

DUE_S: Final = 86_400.0
"""So long somebody waits at most, unless another time is given."""
LATEST_UTC: Final = 32_503_680_000.0
"""The year 3000: no time limit is later."""
TEXT_MAX: Final = 4000
"""Characters of a note or an outcome."""
EXTERNAL_MAX: Final = 200
LIST_MAX: Final = 200

_rows: Final = cases.c


class CaseKind(StrEnum):
    """What is to be done."""

    UNHAPPY = "unhappy"
    """Phone them."""
    PROMOTER = "promoter"
    """Ask whether they recommend us."""


class CaseState(StrEnum):
    """Which cases are meant."""

    OPEN = "open"
    OVERDUE = "overdue"
    CLOSED = "closed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Case:
    """What is kept; its columns are told of in `schema`."""

    id: int
    uid: str
    organisation_id: int
    node_id: int
    answer_id: str | None
    kind: CaseKind
    owner_id: int | None
    external: str | None
    opened_utc: float
    due_utc: float
    closed_utc: float | None
    closed_by: str | None
    outcome: str | None
    version: int


@dataclass(frozen=True, slots=True)
class CaseNote:
    """What was done, by whom. action: opened, assigned, noted, due, closed or reopened."""

    at_utc: float
    who: str
    action: str
    text: str


@dataclass(frozen=True, slots=True)
class NewCase:
    """What somebody opens by hand, or a CRM. external: what it calls it; one of that name is there once."""

    organisation_id: int
    node_id: int
    kind: CaseKind
    external: str | None = None
    due_utc: float | None = None
    owner_id: int | None = None
    answer_id: str | None = None


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What is to change; None: it stays. owner: a number, and 0 is nobody. outcome: closes it."""

    owner: int | None = None
    due_utc: float | None = None
    note: str | None = None
    outcome: str | None = None
    reopens: bool = False
    external: str | None = None


class CaseError(Exception):
    """A change that is refused; nothing was done. is_conflict: somebody else was faster."""

    def __init__(self, said: Sentence, is_conflict: bool = False) -> None:
        """Takes what was expected, and what came."""
        super().__init__(str(said))
        self.said, self.is_conflict = said, is_conflict


_KEPT: Final = [_rows[name] for name in Case.__dataclass_fields__]

TITLES: Final[Mapping[tuple[str, CaseKind], Sentence]] = {
    ("case.opened", CaseKind.UNHAPPY): _("An unhappy visitor wants to be called"),
    ("case.opened", CaseKind.PROMOTER): _("A happy visitor may recommend us"),
    ("case.assigned", CaseKind.UNHAPPY): _("Somebody else looks after an unhappy visitor"),
    ("case.assigned", CaseKind.PROMOTER): _("Somebody else looks after a happy visitor"),
    ("case.overdue", CaseKind.UNHAPPY): _("An unhappy visitor still waits to be called"),
    ("case.overdue", CaseKind.PROMOTER): _("A happy visitor still waits to be called"),
    ("case.closed", CaseKind.UNHAPPY): _("An unhappy visitor was looked after"),
    ("case.closed", CaseKind.PROMOTER): _("A happy visitor was looked after"),
    ("case.reopened", CaseKind.UNHAPPY): _("An unhappy visitor is looked after again"),
    ("case.reopened", CaseKind.PROMOTER): _("A happy visitor is looked after again"),
}


# Opening


def open_case_for(
    connection: Connection, node_id: int, said: Iterable[tuple[str, int, int | None, int | None]], now_utc: float
) -> Case | None:
    """Opens the case of a form with a contact, in the transaction that keeps it; None: nobody has to be called.

    One that is unhappy anywhere is called; happy is who is nowhere unhappy and gives the best face, or 9 or 10.

    Args:
        connection: comes from `Store.writing`.
        node_id: where it was said.
        said: answer_id, survey_id, face and score of each answer of the form.
        now_utc: now.
    """
    rows = list(said)
    asked = {row.id: row for row in connection.execute(_surveys([one[1] for one in rows]))}
    found: dict[CaseKind, str] = {}
    for answer_id, survey_id, face, score in rows:
        kind = _kind(asked[survey_id].scale, face, score)
        # Who works here is asked without being known.
        if kind is not None and asked[survey_id].type == "customer":
            found.setdefault(kind, answer_id)
    for kind in CaseKind:
        if kind in found:
            organisation_id = next(row.organisation_id for row in asked.values())
            # The contact is kept with the first answer, whichever it was that was unhappy.
            new = NewCase(organisation_id, node_id, kind, answer_id=rows[0][0])
            return open_case(connection, new, None, now_utc)[0]
    return None


def _surveys(ids: Sequence[int]) -> Any:
    return select(surveys.c.id, surveys.c.organisation_id, surveys.c.scale, surveys.c.type).where(
        surveys.c.id.in_(list(ids))
    )


def _kind(scale: str, face: int | None, score: int | None) -> CaseKind | None:
    if score is not None:
        return CaseKind.UNHAPPY if score <= 6 else CaseKind.PROMOTER if score >= 9 else None
    if face is None:
        return None
    best = 5 if scale == "five" else 4
    return CaseKind.UNHAPPY if face <= 2 else CaseKind.PROMOTER if face == best else None


def open_case(connection: Connection, new: NewCase, who: str | None, now_utc: float) -> tuple[Case, bool]:
    """Opens a case, and has those be told who want to hear of it.

    Args:
        connection: comes from `Store.writing`.
        new: what is asked for. Without an owner it is the manager of the smallest group around the place who has least
            to do; without a time limit it is a day.
        who: opens it; None: nobody, an answer does.
        now_utc: now.

    Returns:
        The case, and whether it is new: one with that name of a CRM, or of that answer, is there once.
    """
    owner_id = new.owner_id or _manager(connection, new.organisation_id, above(connection, new.node_id))
    values = {
        "uid": str(uuid.uuid4()),
        "organisation_id": new.organisation_id,
        "node_id": new.node_id,
        "answer_id": new.answer_id,
        "kind": new.kind.value,
        "owner_id": owner_id,
        "external": new.external,
        "opened_utc": now_utc,
        "due_utc": now_utc + DUE_S if new.due_utc is None else new.due_utc,
    }
    same = (_rows.organisation_id == new.organisation_id) & (_rows.external == new.external)
    if new.external is not None:
        _lock(connection, new.organisation_id)
        row = connection.execute(select(*_KEPT).where(same)).first()
        if row is not None:
            return _case(row), False
    made = _case(connection.execute(insert(cases).values(values).returning(*_KEPT)).one())
    _note(connection, made, who or "", "opened", "", now_utc)
    _tell(connection, made, "case.opened", f"case {made.id}", now_utc)
    return made, True


def _lock(connection: Connection, organisation_id: int) -> None:
    """Nobody else opens a case of the organisation until this transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(organisations.c.id).where(organisations.c.id == organisation_id).with_for_update())


def _manager(connection: Connection, organisation_id: int, places: Sequence[int]) -> int | None:
    load = select(_rows.owner_id, func.count().label("open")).where(_rows.closed_utc.is_(None)).group_by(_rows.owner_id)
    busy = load.subquery()
    managers = (
        select(user_places.c.node_id, users.c.id)
        .join(users, users.c.id == user_places.c.user_id)
        .outerjoin(busy, busy.c.owner_id == users.c.id)
        .where(users.c.role == Role.MANAGER.value, users.c.disabled_utc.is_(None))
        .where(user_places.c.organisation_id == organisation_id)
        .order_by(func.coalesce(busy.c.open, 0), users.c.id)
    )
    by_place: dict[int | None, int] = {}
    for node_id, user_id in connection.execute(managers):
        by_place.setdefault(node_id, user_id)
    return next((by_place[one] for one in (*places, None) if one in by_place), None)


# Changing


def change_case(connection: Connection, case: Case, change: CaseChange, version: int, who: str, now_utc: float) -> Case:
    """Changes a case, if it still is as whoever changes it has seen it.

    Args:
        connection: comes from `Store.writing`.
        case: the one.
        change: what is to change; at least something.
        version: as it was seen.
        who: changes it.
        now_utc: now.

    Raises:
        CaseError: it has changed meanwhile, or what is asked for can't be.
    """
    values, notes = _changed(connection, case, change, who, now_utc)
    if not notes:
        raise CaseError(_("Nothing is to change."))
    as_seen = (_rows.id == case.id) & (_rows.version == version)
    changing = update(cases).where(as_seen).values(**values, version=version + 1).returning(*_KEPT)
    row = connection.execute(changing).first()
    if row is None:
        raise CaseError(_("Somebody else has changed the case meanwhile: look at it again."), is_conflict=True)
    changed = _case(row)
    for action, text in notes:
        _note(connection, changed, who, action, text, now_utc)
    for event in {"assigned", "closed", "reopened"} & {action for action, _text in notes}:
        _tell(connection, changed, f"case.{event}", f"case {case.id} version {changed.version}", now_utc)
    return changed


def _changed(
    connection: Connection, case: Case, change: CaseChange, who: str, now_utc: float
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    values: dict[str, Any] = {}
    notes: list[tuple[str, str]] = []
    is_closed = case.closed_utc is not None
    if change.reopens:
        if not is_closed:
            raise CaseError(_("The case is open."), is_conflict=True)
        values |= {"closed_utc": None, "closed_by": None, "outcome": None}
        notes.append(("reopened", ""))
    elif is_closed and change != CaseChange(note=change.note):
        raise CaseError(_("The case is closed: open it again first."), is_conflict=True)
    if change.owner is not None and (change.owner or None) != case.owner_id:
        able = {0, *(one.id for one in owners_at(connection, case.organisation_id, case.node_id))}
        if change.owner not in able:
            raise CaseError(_("That account can't look after cases there."))
        values["owner_id"] = change.owner or None
        notes.append(("assigned", _name_of(connection, change.owner or None) or ""))
    if change.due_utc is not None and change.due_utc != case.due_utc:
        if not 0 < change.due_utc < LATEST_UTC:
            raise CaseError(_("The time limit is no moment."))
        values |= {"due_utc": change.due_utc, "told_overdue_utc": None}
        notes.append(("due", datetime.fromtimestamp(change.due_utc, UTC).isoformat(timespec="minutes")))
    if change.external is not None and change.external != case.external:
        _lock(connection, case.organisation_id)
        same = (_rows.organisation_id == case.organisation_id) & (_rows.external == change.external)
        if connection.execute(select(_rows.id).where(same)).first() is not None:
            raise CaseError(_("Another case has that external id."), is_conflict=True)
        values["external"] = checked_external(change.external)
        notes.append(("noted", f"external: {change.external}"))
    if change.note is not None:
        notes.append(("noted", checked_text(change.note)))
    if change.outcome is not None:
        outcome = checked_text(change.outcome)
        values |= {"closed_utc": now_utc, "closed_by": who, "outcome": outcome}
        notes.append(("closed", outcome))
    return values, notes


def checked_text(text: str) -> str:
    """What is written to a case.

    Raises:
        CaseError: it is empty, or too long, or has in it what is no text.
    """
    said = text.strip().replace("\r\n", "\n")
    if not said or len(said) > TEXT_MAX or any(not (one.isprintable() or one == "\n") for one in said):
        raise CaseError(_("Write what was done, in up to %(most)s characters.", most=TEXT_MAX))
    return said


def checked_external(text: str) -> str:
    """What a CRM calls a case.

    Raises:
        CaseError: it can't be that.
    """
    if not text.strip() or len(text) > EXTERNAL_MAX or not text.isprintable():
        raise CaseError(_("An external id has 1 to %(most)s characters in one line.", most=EXTERNAL_MAX))
    return text


def tell_overdue(connection: Connection, now_utc: float) -> int:
    """Has those be told who want to hear of it which cases are late, each once for each time limit; gives how many."""
    late = [_case(row) for row in connection.execute(select(*_KEPT).where(_is_late(now_utc)).order_by(_rows.id))]
    for case in late:
        connection.execute(update(cases).where(_rows.id == case.id).values(told_overdue_utc=now_utc))
        _tell(connection, case, "case.overdue", f"case {case.id} due {int(case.due_utc)}", now_utc)
    return len(late)


def is_any_late(connection: Connection, now_utc: float) -> bool:
    """Whether `tell_overdue` would tell anything."""
    return connection.execute(select(_rows.id).where(_is_late(now_utc)).limit(1)).first() is not None


def _is_late(now_utc: float) -> ColumnElement[bool]:
    """Of which it is to be told now that their time limit is over."""
    return _rows.closed_utc.is_(None) & (_rows.due_utc <= now_utc) & _rows.told_overdue_utc.is_(None)


# Reading


def case_of(connection: Connection, uid: str) -> Case | None:
    """The case of that name; None: there is none."""
    row = connection.execute(select(*_KEPT).where(_rows.uid == uid)).first()
    return None if row is None else _case(row)


def case_of_number(connection: Connection, number: int) -> Case | None:
    """The case of that number; None: there is none."""
    row = connection.execute(select(*_KEPT).where(_rows.id == number)).first()
    return None if row is None else _case(row)


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases. places: ids of nodes; before: with a smaller number than this; owner_id: of somebody."""

    places: Collection[int]
    now_utc: float
    state: CaseState = CaseState.OPEN
    kind: CaseKind | None = None
    owner_id: int | None = None
    external: str | None = None
    before: int | None = None
    limit: int = LIST_MAX


def cases_of(connection: Connection, query: CaseQuery) -> list[Case]:
    """The cases, the newest first."""
    which: list[ColumnElement[bool]] = []
    match query.state:
        case CaseState.OPEN:
            which.append(_rows.closed_utc.is_(None))
        case CaseState.OVERDUE:
            which.append(_rows.closed_utc.is_(None) & (_rows.due_utc <= query.now_utc))
        case CaseState.CLOSED:
            which.append(_rows.closed_utc.is_not(None))
    if query.kind is not None:
        which.append(_rows.kind == query.kind.value)
    if query.owner_id is not None:
        which.append(_rows.owner_id == query.owner_id)
    if query.external is not None:
        which.append(_rows.external == query.external)
    if query.before is not None:
        which.append(_rows.id < query.before)
    found: list[Case] = []
    # An organisation may have more places than a statement takes.
    places = sorted(query.places)
    for at in range(0, len(places), 400):
        some = select(*_KEPT).where(_rows.node_id.in_(places[at : at + 400]), *which)
        found += [_case(row) for row in connection.execute(some.order_by(_rows.id.desc()).limit(query.limit))]
    return sorted(found, key=lambda one: -one.id)[: query.limit]


def notes_of(connection: Connection, case: Case) -> list[CaseNote]:
    """What was done, in order."""
    note = case_notes.c
    asked = select(note.at_utc, note.who, note.action, note.text).where(note.case_id == case.id).order_by(note.id)
    return [CaseNote(*row) for row in connection.execute(asked)]


def contact_of(connection: Connection, case: Case) -> dict[str, str | None] | None:
    """Name and address of whom to call, for those who may; None: nobody knows, or not any more."""
    asked = select(contacts.c.name, contacts.c.address).where(contacts.c.answer_id == case.answer_id)
    row = connection.execute(asked).first()
    return None if row is None else {"name": row.name, "address": row.address}


def said_of(connection: Connection, case: Case) -> list[dict[str, Any]]:
    """What was answered: survey, face or score, text, of the form that the case is of."""
    if case.answer_id is None:
        return []
    first = connection.execute(select(answers).where(answers.c.answer_id == case.answer_id)).first()
    if first is None:
        return []
    # The answers of one form came at the same moment to the same place.
    same = (answers.c.node_id == first.node_id) & (answers.c.arrival == first.arrival)
    asked = select(answers, surveys.c.key, surveys.c.scale).join(surveys, surveys.c.id == answers.c.survey_id)
    rows = connection.execute(asked.where(same & (answers.c.answered_utc == first.answered_utc))).all()
    return [
        {"survey": row.key, "scale": row.scale, "face": row.face, "score": row.score, "text": row.text} for row in rows
    ]


def case_values(connection: Connection, some: Sequence[Case], now_utc: float) -> list[dict[str, Any]]:
    """The cases as programs have them, without who it is that wants to be called."""
    places = {
        row.id: row
        for row in connection.execute(
            select(nodes.c.id, nodes.c.key, nodes.c.name, organisations.c.key.label("organisation"))
            .join(organisations, organisations.c.id == nodes.c.organisation_id)
            .where(nodes.c.id.in_({one.node_id for one in some}))
        )
    }
    owner_ids = {one.owner_id for one in some if one.owner_id is not None}
    owners = dict(connection.execute(select(users.c.id, users.c.name).where(users.c.id.in_(owner_ids))).all())
    known = {
        row.answer_id: json.loads(row.external)
        for row in connection.execute(
            select(answers.c.answer_id, answers.c.external).where(
                answers.c.answer_id.in_([one.answer_id for one in some if one.answer_id]),
                answers.c.external.is_not(None),
            )
        )
    }
    return [
        {
            "id": one.uid,
            "number": one.id,
            "kind": one.kind.value,
            "state": "open" if one.closed_utc is None else "closed",
            "is_overdue": one.closed_utc is None and one.due_utc <= now_utc,
            "organisation": places[one.node_id].organisation,
            "place": places[one.node_id].key,
            "place_name": places[one.node_id].name,
            "owner": None if one.owner_id is None else owners.get(one.owner_id),
            "external": one.external,
            "known_as": known.get(one.answer_id),
            "opened_utc": one.opened_utc,
            "due_utc": one.due_utc,
            "closed_utc": one.closed_utc,
            "closed_by": one.closed_by,
            "outcome": one.outcome,
            "version": one.version,
        }
        for one in some
    ]


def owners_at(connection: Connection, organisation_id: int, node_id: int) -> list[User]:
    """Who can look after cases of a place: the managers who see it, and admins."""
    places = above(connection, node_id)

    def may(user: User) -> bool:
        sees = (root.organisation_id == organisation_id and root.node_id in (None, *places) for root in user.roots)
        return user.role is Role.ADMIN or (user.role is Role.MANAGER and any(sees))

    return [one for one in all_users(connection) if one.disabled_utc is None and may(one)]


# Telling


def _tell(connection: Connection, case: Case, event: str, subject: str, now_utc: float) -> None:
    def of() -> tuple[Words, Mapping[str, Any]]:
        [values] = case_values(connection, [case], now_utc)
        zone = _zone(connection, case)
        # What somebody has written may name whom it is about.
        data = {"case": {**values, "outcome": None}}
        return lambda language: (language.say(TITLES[event, case.kind]), _text(language, values, zone)), data

    tell_of(connection, case.organisation_id, case.node_id, event, subject, of, now_utc)


def _text(language: Language, values: Mapping[str, Any], zone: str) -> str:
    due = language.moment(datetime.fromtimestamp(values["due_utc"], zone_of(zone)))
    said = [
        _("Place: %(place)s.", place=values["place_name"]),
        _("Looks after it: %(name)s.", name=values["owner"]) if values["owner"] else _("Nobody looks after it yet."),
        _("By when: %(moment)s.", moment=due),
        _("Case %(number)s, on the page “Cases”.", number=values["number"]),
    ]
    return "\n".join(language.say(one) for one in said)


def _zone(connection: Connection, case: Case) -> str:
    places = above(connection, case.node_id)
    own = dict(connection.execute(select(nodes.c.id, nodes.c.time_zone).where(nodes.c.id.in_(places))).all())
    found = next((own[one] for one in places if own.get(one)), None)
    of_all = select(organisations.c.time_zone).where(organisations.c.id == case.organisation_id)
    return found or str(connection.execute(of_all).scalar_one())


def _name_of(connection: Connection, user_id: int | None) -> str | None:
    return connection.execute(select(users.c.name).where(users.c.id == user_id)).scalar()


def _note(connection: Connection, case: Case, who: str, action: str, text: str, now_utc: float) -> None:
    values = {"case_id": case.id, "at_utc": now_utc, "who": who, "action": action, "text": text}
    connection.execute(insert(case_notes).values(values))


def _case(row: Row[tuple[Any, ...]]) -> Case:
    return Case(**{**row._mapping, "kind": CaseKind(row.kind)})
