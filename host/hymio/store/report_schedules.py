"""Which reports go where and how often; which have gone, so that each goes once whoever else sends them, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Update, insert, or_, select, update

from hymio.measures.report_periods import day_of_reports, newest_period
from hymio.site.model import places_of
from hymio.site.moments import zone_of
from hymio.store.schema import report_schedules
from hymio.store.sites import StoredSite

EMAIL: Final = "email"
FOLDER: Final = "folder"
LEASE_S: Final = 600.0
"""Whoever has begun to send a report and said nothing for so long is dead: somebody else sends it."""

_rows: Final = report_schedules.c


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """What is asked for.

    node_id: of this place and all below it; None: all of the organisation. every: day, week or month. locale: the code
    of a language. format: html or pdf. kind: email or folder, which is what recipient names. sent_through: the last day
    (2026-03-29) that is not told of any more.
    """

    organisation_id: int
    node_id: int | None
    every: str
    locale: str
    format: str
    kind: str
    recipient: str
    created_by: str
    created_utc: float
    sent_through: str


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """What is kept; its columns are told of in `schema`."""

    id: int
    organisation_id: int
    node_id: int | None
    every: str
    locale: str
    format: str
    kind: str
    recipient: str
    created_by: str
    created_utc: float
    ended_utc: float | None
    sent_utc: float | None
    sent_through: str
    tried_utc: float | None
    trouble: str | None


_KEPT: Final = [_rows[name] for name in StoredSchedule.__dataclass_fields__]


def reports_today(stored: StoredSite, place: str | None, now_utc: float) -> date:
    """The day before which everything is over, where that place is; None: where its organisation is."""
    own = stored.site.organisation.time_zone
    return day_of_reports(zone_of(own if place is None else places_of(stored.site).zone(place)), now_utc)


def over_before(every: str, stored: StoredSite, place: str | None, now_utc: float) -> str:
    """What a new schedule is not to tell of any more (`sent_through`): its first report is of what goes on now."""
    return newest_period(every, reports_today(stored, place, now_utc)).last.isoformat()


def add_schedule(connection: Connection, new: NewSchedule) -> StoredSchedule:
    """Adds one, in a transaction of `Store.writing`."""
    values = {name: getattr(new, name) for name in NewSchedule.__dataclass_fields__}
    made = insert(report_schedules).values(values).returning(*_KEPT)
    return StoredSchedule(*connection.execute(made).one())


def stored_schedules(connection: Connection) -> Iterator[StoredSchedule]:
    """All that there ever were, the oldest first."""
    for row in connection.execute(select(*_KEPT).order_by(_rows.id)):
        yield StoredSchedule(*row)


def end_schedule(connection: Connection, schedule_id: int, now_utc: float) -> None:
    """From now on it sends nothing."""
    goes_on = (_rows.id == schedule_id) & _rows.ended_utc.is_(None)
    connection.execute(update(report_schedules).where(goes_on).values(ended_utc=now_utc))


def claim(connection: Connection, schedule: StoredSchedule, now_utc: float, rest_s: float) -> bool:
    """Takes it upon us to send the report that is due; False: somebody else has, or has sent it.

    Args:
        connection: comes from `Store.writing`. What it says holds once that has been committed.
        schedule: as it was read.
        now_utc: now, by which `sent` and `failed` know that it is still ours.
        rest_s: so long after it failed it is not tried again.
    """
    is_free = or_(
        _rows.tried_utc.is_(None),
        _rows.trouble.is_not(None) & (_rows.tried_utc <= now_utc - rest_s),
        _rows.tried_utc <= now_utc - LEASE_S,
    )
    as_read = (_rows.id == schedule.id) & (_rows.sent_through == schedule.sent_through) & _rows.ended_utc.is_(None)
    taken = update(report_schedules).where(as_read & is_free).values(tried_utc=now_utc, trouble=None)
    return connection.execute(taken).rowcount == 1


def sent(connection: Connection, schedule_id: int, claimed_utc: float, through: str, now_utc: float) -> None:
    """The report that tells of everything up to that day has gone."""
    values = {"sent_through": through, "sent_utc": now_utc, "tried_utc": None, "trouble": None}
    connection.execute(_ours(schedule_id, claimed_utc).values(values))


def failed(connection: Connection, schedule_id: int, claimed_utc: float, trouble: str) -> None:
    """It has not, and why; it is tried again."""
    connection.execute(_ours(schedule_id, claimed_utc).values(trouble=trouble))


def _ours(schedule_id: int, claimed_utc: float) -> Update:
    return update(report_schedules).where((_rows.id == schedule_id) & (_rows.tried_utc == claimed_utc))


def schedule_values(one: StoredSchedule, stored: StoredSite) -> dict[str, Any]:
    """A schedule of an organisation as it is shown, in JSON too."""
    return {
        "id": one.id,
        "organisation": stored.site.organisation.key,
        "place": None if one.node_id is None else stored.node_keys[one.node_id],
        "every": one.every,
        "language": one.locale,
        "format": one.format,
        "kind": one.kind,
        "recipient": one.recipient,
        "created_by": one.created_by,
        "created_utc": one.created_utc,
        "ended_utc": one.ended_utc,
        "sent_utc": one.sent_utc,
        "sent_through": one.sent_through,
        "trouble": one.trouble,
    }
