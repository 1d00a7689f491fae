"""Deliveries: who is still to be told of what, kept in the transaction in which it happened, until it has gone.

At least once: whoever sends one takes it upon himself before (`claim`), and says afterwards that it has gone (`taken`).
One that is killed in between leaves it to another, who sends it again under the same uid.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hymio.store.channels import ChannelKind, end_channel
from hymio.store.schema import channels, deliveries

PAUSES_S: Final = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""After the first, second, ... try that failed it rests for so long, three days in all; after one more it is given up.

The schedule of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
"""
LEASE_S: Final = 60.0
"""Whoever has begun to send one and said nothing for so long is dead: it is sent again."""
MAIL_LEASE_S: Final = 600.0
"""The same for mail, of which nothing lets the reader drop a repetition: longer than a slow mail server takes."""
EVENTS: Final = (
    "alert.raised", "alert.escalated", "alert.acknowledged", "alert.closed", "alert.summary",
    "answer.given",
    "case.opened", "case.assigned", "case.closed", "case.reopened", "case.overdue",
    "channel.test",
)  # fmt: skip
"""What may happen."""
TROUBLE_MAX: Final = 300
KEPT_S: Final = 90 * 86_400.0
"""So long it can be looked up what has gone."""

_rows: Final = deliveries.c


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one channel.

    uid: the same each time it is tried. subject: of what it is, as `case 3`. payload: `title` and `text` for people, in
    the channel's language; and whatever programs may want.
    """

    id: int
    uid: str
    channel_id: int
    event: str
    subject: str
    payload: Mapping[str, Any]
    created_utc: float
    due_utc: float | None
    tries: int
    taken_utc: float | None
    dead_utc: float | None
    trouble: str | None


_KEPT: Final = [_rows[name] for name in Delivery.__dataclass_fields__]


def queue(
    connection: Connection, channel_id: int, event: str, subject: str, payload: Mapping[str, Any], now_utc: float
) -> bool:
    """Has a channel be told, once however often this is called; False: it was queued before.

    Args:
        connection: comes from `Store.writing`: it is queued if what it tells of is committed.
        channel_id: who is told.
        event: one of `EVENTS`.
        subject: of what it is, up to 64 characters; one event of one subject is one message.
        payload: see `Delivery`; for JSON.
        now_utc: when it happened.
    """
    assert event in EVENTS, event
    values = {
        "uid": str(uuid.uuid4()),
        "channel_id": channel_id,
        "event": event,
        "subject": subject,
        "payload": json.dumps(payload, ensure_ascii=False),
        "created_utc": now_utc,
        "due_utc": now_utc,
    }
    own = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    put = own(deliveries).values(values).on_conflict_do_nothing().returning(_rows.id)
    return connection.execute(put).first() is not None


def claim(
    connection: Connection, kinds: Collection[ChannelKind], busy: Collection[int], now_utc: float
) -> Delivery | None:
    """Takes it upon us to send the delivery that waits longest; None: there is none that we can send now.

    Args:
        connection: comes from `Store.writing`. What it says holds once that has been committed.
        kinds: of channels that we can reach.
        busy: channels to which we are sending something: nothing overtakes it, and one that is slow holds up no other.
        now_utc: now.
    """
    ours = (_rows.due_utc <= now_utc) & channels.c.kind.in_(list(kinds)) & _rows.channel_id.not_in(list(busy))
    waiting = select(_rows.id, _rows.due_utc, channels.c.kind).join(channels).where(ours)
    for row in connection.execute(waiting.order_by(_rows.due_utc, _rows.id).limit(8)).all():
        lease_s = MAIL_LEASE_S if row.kind == ChannelKind.EMAIL else LEASE_S
        as_read = (_rows.id == row.id) & (_rows.due_utc == row.due_utc)
        taken_on = update(deliveries).where(as_read).values(due_utc=now_utc + lease_s, tries=_rows.tries + 1)
        mine = connection.execute(taken_on.returning(*_KEPT)).first()
        if mine is not None:
            return _delivery(mine)
    return None


def is_any_due(connection: Connection, kinds: Collection[ChannelKind], now_utc: float) -> bool:
    """Whether `claim` would find one; costs a look into an index."""
    due = select(_rows.id).join(channels).where(_rows.due_utc <= now_utc, channels.c.kind.in_(list(kinds))).limit(1)
    return connection.execute(due).first() is not None


def waiting_kinds(connection: Connection, now_utc: float) -> Mapping[ChannelKind, int]:
    """How many deliveries are due, by the kind of their channel."""
    due = select(channels.c.kind, func.count()).select_from(deliveries.join(channels))
    found = connection.execute(due.where(_rows.due_utc <= now_utc).group_by(channels.c.kind))
    return {ChannelKind(kind): int(count) for kind, count in found}


def counts_of(connection: Connection) -> Mapping[int, tuple[int, int, int]]:
    """How many deliveries of each channel were taken, wait and were given up."""
    counted = select(_rows.channel_id, *(func.count(_rows[one]) for one in ("taken_utc", "due_utc", "dead_utc")))
    found = connection.execute(counted.group_by(_rows.channel_id))
    return {channel: (int(a), int(b), int(c)) for channel, a, b, c in found}


def taken(connection: Connection, delivery: Delivery, now_utc: float) -> None:
    """The other side has it; that holds whoever else has begun to send it meanwhile."""
    untold = (_rows.id == delivery.id) & _rows.taken_utc.is_(None)
    values = {"taken_utc": now_utc, "due_utc": None, "dead_utc": None, "trouble": None}
    connection.execute(update(deliveries).where(untold).values(values))


def failed(
    connection: Connection,
    delivery: Delivery,
    trouble: str,
    now_utc: float,
    retry_after_s: float | None = None,
    is_gone: bool = False,
) -> None:
    """The other side does not have it: it is tried again later, or given up.

    Args:
        connection: comes from `Store.writing`.
        delivery: as it was claimed; if somebody else has claimed it since, it is theirs to say.
        trouble: what went wrong, in one sentence.
        now_utc: now.
        retry_after_s: so long at least it is left alone.
        is_gone: there is nobody there any more: the channel ends.
    """
    at = delivery.tries - 1
    pause_s = PAUSES_S[at] if at < len(PAUSES_S) else None
    if pause_s is not None and retry_after_s is not None:
        pause_s = max(pause_s, retry_after_s)
    is_dead = pause_s is None or is_gone
    values = {
        "due_utc": None if pause_s is None or is_gone else now_utc + pause_s,
        "dead_utc": now_utc if is_dead else None,
        "trouble": trouble[:TROUBLE_MAX],
    }
    is_ours = (_rows.id == delivery.id) & (_rows.tries == delivery.tries) & _rows.due_utc.is_not(None)
    connection.execute(update(deliveries).where(is_ours).values(values))
    if is_gone:
        end_channel(connection, delivery.channel_id, now_utc, trouble[:TROUBLE_MAX])


def retry(connection: Connection, delivery_id: int, among: Collection[int], now_utc: float) -> bool:
    """Has one that was given up, of channels among these, be tried from the beginning; False: there is no such one."""
    goes_on = select(channels.c.id).where(channels.c.ended_utc.is_(None), channels.c.id.in_(list(among)))
    is_dead = (_rows.id == delivery_id) & _rows.dead_utc.is_not(None) & _rows.channel_id.in_(goes_on)
    again = update(deliveries).where(is_dead).values(due_utc=now_utc, dead_utc=None, tries=0)
    return connection.execute(again).rowcount == 1


def deliveries_of(
    connection: Connection, channel_ids: Sequence[int], only_dead: bool, limit: int
) -> Iterator[Delivery]:
    """The newest deliveries of channels, the newest first."""
    of_them = _rows.channel_id.in_(list(channel_ids))
    which: ColumnElement[bool] = of_them & _rows.dead_utc.is_not(None) if only_dead else of_them
    for row in connection.execute(select(*_KEPT).where(which).order_by(_rows.id.desc()).limit(limit)):
        yield _delivery(row)


def forget_messages(
    connection: Connection,
    answer_ids: Sequence[str],
    case_ids: Sequence[int],
    alert_ids: Sequence[int],
    now_utc: float,
) -> None:
    """Takes out of messages what they say of answers, cases and alerts; those that have not gone yet never go.

    Args:
        connection: comes from `Store.writing`.
        answer_ids: of somebody.
        case_ids: alike.
        alert_ids: alike.
        now_utc: now.
    """
    subjects = [f"answer {one}" for one in answer_ids] + [f"case {one}" for one in case_ids]
    subjects += [f"alert {one}" for one in alert_ids]
    theirs = or_(_rows.subject.in_(subjects), *(_rows.subject.like(f"case {one} %") for one in case_ids))
    waits = theirs & _rows.due_utc.is_not(None)
    connection.execute(update(deliveries).where(waits).values(due_utc=None, dead_utc=now_utc, trouble="erased"))
    connection.execute(update(deliveries).where(theirs).values(payload=json.dumps({"title": "", "text": ""})))


def forget_old(connection: Connection, now_utc: float) -> int:
    """Deletes messages that were taken or given up `KEPT_S` ago; gives how many."""
    before = now_utc - KEPT_S
    old = _rows.due_utc.is_(None) & or_(_rows.taken_utc < before, _rows.dead_utc < before)
    return connection.execute(delete(deliveries).where(old)).rowcount


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    return Delivery(**{**row._mapping, "payload": json.loads(row.payload)})
