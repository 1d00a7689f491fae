"""Actions: what was changed because of answers, where and when; for before and after, and for walls ("we did")."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from hymio.locale.sentence import Sentence, _
from hymio.site.rules import is_line
from hymio.store import audit
from hymio.store.schema import actions
from hymio.store.sites import StoredSite

TITLE_MAX: Final = 120
"""Characters that a wall display shows in two lines."""
DETAILS_MAX: Final = 4000
EARLIEST: Final = date(2000, 1, 1)

_rows: Final = actions.c


class ActionError(Exception):
    """An action that is refused; nothing was done."""

    def __init__(self, said: Sentence) -> None:
        """Takes what was expected, and what came."""
        super().__init__(str(said))
        self.said = said


@dataclass(frozen=True, slots=True)
class NewAction:
    """What somebody says was done.

    node_id: at this place and all below it; None: in all of the organisation. day: from which it held, on the clock of
    the place. published: whether walls show its title.
    """

    organisation_id: int
    node_id: int | None
    day: date
    title: str
    details: str | None
    published: bool


@dataclass(frozen=True, slots=True)
class Action(NewAction):
    """What is kept; ended_utc: when it was taken back."""

    id: int
    created_by: str
    created_utc: float
    ended_utc: float | None


_KEPT: Final = [_rows[name] for name in Action.__dataclass_fields__]


def add_action(connection: Connection, new: NewAction, today: date, who: str | None, now_utc: float) -> Action:
    """Adds one, noted in the audit; in a transaction of `Store.writing`.

    Args:
        connection: to the database.
        new: as it was typed.
        today: on the clock of the place.
        who: by whom; None: the account on the computer.
        now_utc: now.

    Raises:
        ActionError: something about it is not as it has to be.
    """
    if not is_line(new.title, TITLE_MAX):
        raise ActionError(_("Say what was done in one line of up to %(most)s characters.", most=TITLE_MAX))
    details = None if new.details is None else new.details.strip().replace("\r\n", "\n") or None
    if details is not None and (
        len(details) > DETAILS_MAX or any(not (one.isprintable() or one == "\n") for one in details)
    ):
        raise ActionError(_("More about it has up to %(most)s characters.", most=DETAILS_MAX))
    if not EARLIEST <= new.day <= today:
        raise ActionError(_("The day is to be one from 2000 on, and not still to come."))
    values = {
        "organisation_id": new.organisation_id,
        "node_id": new.node_id,
        "day": new.day.isoformat(),
        "title": new.title,
        "details": details,
        "published": int(new.published),
        "created_by": who or audit.account(),
        "created_utc": now_utc,
    }
    made = _action(connection.execute(insert(actions).values(values).returning(*_KEPT)).one())
    audit.record(connection, "action.add", {"id": made.id, "title": made.title, "published": made.published}, who)
    return made


def action_of(connection: Connection, number: int) -> Action | None:
    """The one of that number, also if it was taken back; None: there is none."""
    row = connection.execute(select(*_KEPT).where(_rows.id == number)).first()
    return None if row is None else _action(row)


def actions_of(
    connection: Connection, organisation_id: int, places: Collection[int] | None, published_alone: bool = False
) -> list[Action]:
    """What was done and not taken back, the newest first.

    Args:
        connection: to the database.
        organisation_id: whose.
        places: ids of nodes; what was done in all of the organisation is always among it. None: everywhere.
        published_alone: only what walls show.
    """
    holds = (_rows.organisation_id == organisation_id) & _rows.ended_utc.is_(None)
    if published_alone:
        holds &= _rows.published == 1
    rows = connection.execute(select(*_KEPT).where(holds).order_by(_rows.day.desc(), _rows.id.desc()))
    found = (_action(row) for row in rows)
    return [one for one in found if places is None or one.node_id is None or one.node_id in places]


def action_values(one: Action, stored: StoredSite) -> dict[str, Any]:
    """An action for programs."""
    return {
        "id": one.id,
        "organisation": stored.site.organisation.key,
        "place": None if one.node_id is None else stored.node_keys[one.node_id],
        "day": one.day.isoformat(),
        "title": one.title,
        "details": one.details,
        "published": one.published,
        "created_by": one.created_by,
        "created_utc": one.created_utc,
    }


def publish_action(connection: Connection, action: Action, published: bool, who: str | None) -> None:
    """Has walls show it, or not any more."""
    connection.execute(update(actions).where(_rows.id == action.id).values(published=int(published)))
    audit.record(connection, "action.publish", {"id": action.id, "published": published}, who)


def end_action(connection: Connection, action: Action, who: str | None, now_utc: float) -> None:
    """Takes it back: it is shown nowhere any more."""
    goes_on = (_rows.id == action.id) & _rows.ended_utc.is_(None)
    connection.execute(update(actions).where(goes_on).values(ended_utc=now_utc))
    audit.record(connection, "action.remove", {"id": action.id, "title": action.title}, who)


def _action(row: Row[tuple[Any, ...]]) -> Action:
    values = {**row._mapping, "day": date.fromisoformat(row.day), "published": bool(row.published)}
    return Action(**values)
