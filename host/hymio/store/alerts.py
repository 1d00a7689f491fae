"""Rules that raise alerts, the alerts that they have raised, and who has taken care of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, String, cast, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hymio.store.schema import alert_rules, alerts, cases, deliveries

RULES_MAX: Final = 200
"""That go on at the same time in one organisation: each costs a little with every vote of its places."""
COMMENT_MAX: Final = 1000

_rules: Final = alert_rules.c
_rows: Final = alerts.c


@dataclass(frozen=True, slots=True)
class NewAlertRule:
    """What is asked for.

    node_id: of this place and all below it; None: all of the organisation. kind, condition: which rule, and its numbers
    by name. channels: the ids of those that are told; escalate_to: of those that are, if nobody has acknowledged an
    alert after escalate_s (None: never). quiet: local times in which nobody is told, as opening hours are written.
    state, position: where it begins.
    """

    organisation_id: int
    node_id: int | None
    name: str
    kind: str
    condition: Mapping[str, float]
    channels: Sequence[int]
    escalate_s: int | None
    escalate_to: Sequence[int]
    quiet: str | None
    state: Mapping[str, Any]
    position: str
    created_by: str
    created_utc: float


@dataclass(frozen=True, slots=True)
class AlertRule(NewAlertRule):
    """What is kept."""

    id: int
    ended_utc: float | None


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; its columns are told of in `schema`."""

    id: int
    uid: str
    rule_id: int
    node_id: int | None
    device_id: str | None
    cause: str
    evidence: Mapping[str, Any]
    raised_utc: float
    told_utc: float | None
    acknowledged_utc: float | None
    acknowledged_by: str | None
    comment: str | None
    escalated_utc: float | None
    closed_utc: float | None


_RULE: Final = [_rules[name] for name in AlertRule.__dataclass_fields__]
_ALERT: Final = [_rows[name] for name in Alert.__dataclass_fields__]


def add_rule(connection: Connection, new: NewAlertRule) -> AlertRule:
    """Adds one, in a transaction of `Store.writing`."""
    values = {name: getattr(new, name) for name in NewAlertRule.__dataclass_fields__}
    for name in ("condition", "channels", "escalate_to", "state"):
        values[name] = json.dumps(values[name] if isinstance(values[name], Mapping) else list(values[name]))
    return _rule(connection.execute(insert(alert_rules).values(values).returning(*_RULE)).one())


def stored_rules(connection: Connection) -> list[AlertRule]:
    """All that there ever were, the oldest first; what they remember is not read."""
    query = select(*(one for one in _RULE if one.name != "state")).order_by(_rules.id)
    return [_rule(row, {"state": "{}"}) for row in connection.execute(query)]


def locked_rules(connection: Connection, ids: Collection[int]) -> list[AlertRule]:
    """Those of these that go on, as nobody else has them until the transaction of `Store.writing` ends."""
    query = select(*_RULE).where(_rules.id.in_(sorted(ids)), _rules.ended_utc.is_(None)).order_by(_rules.id)
    return [_rule(row) for row in connection.execute(query.with_for_update())]


def rule_of_id(connection: Connection, rule_id: int) -> AlertRule | None:
    """One of them; None: there is none of that number."""
    row = connection.execute(select(*_RULE).where(_rules.id == rule_id)).first()
    return None if row is None else _rule(row)


def going_on(connection: Connection, organisation_id: int) -> int:
    """How many rules of an organisation go on."""
    query = select(func.count()).where(_rules.organisation_id == organisation_id, _rules.ended_utc.is_(None))
    return int(connection.execute(query).scalar_one())


def end_rule(connection: Connection, rule_id: int, now_utc: float) -> None:
    """From now on it raises nothing; what it had raised is closed."""
    connection.execute(
        update(alert_rules).where((_rules.id == rule_id) & _rules.ended_utc.is_(None)).values(ended_utc=now_utc)
    )
    is_open = (_rows.rule_id == rule_id) & _rows.closed_utc.is_(None)
    connection.execute(update(alerts).where(is_open).values(closed_utc=now_utc))


def remember(connection: Connection, rule_id: int, state: Mapping[str, Any], position: str) -> None:
    """How far a rule has looked, and what it remembers."""
    values = {"state": json.dumps(state), "position": position}
    connection.execute(update(alert_rules).where(_rules.id == rule_id).values(values))


@dataclass(frozen=True, slots=True)
class NewAlert:
    """What a rule has seen: see `Alert`."""

    rule_id: int
    node_id: int | None
    device_id: str | None
    cause: str
    evidence: Mapping[str, Any]
    raised_utc: float


def raise_alert(connection: Connection, new: NewAlert) -> None:
    """Keeps an alert. The same cause is the same alert: it is open again, and nobody is told of it again."""
    own = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {name: getattr(new, name) for name in NewAlert.__dataclass_fields__}
    values |= {"uid": str(uuid.uuid4()), "evidence": json.dumps(new.evidence)}
    made = own(alerts).values(values)
    again = made.on_conflict_do_update(index_elements=["rule_id", "cause"], set_={"closed_utc": None})
    connection.execute(again)


def close_alert(connection: Connection, rule_id: int, cause: str, utc: float) -> Alert | None:
    """It is over; None: it was, or there is none."""
    mine = (_rows.rule_id == rule_id) & (_rows.cause == cause) & _rows.closed_utc.is_(None)
    row = connection.execute(update(alerts).where(mine).values(closed_utc=utc).returning(*_ALERT)).first()
    return None if row is None else _alert(row)


def acknowledge_alert(
    connection: Connection, alert_id: int, who: str, comment: str, now_utc: float, closes: bool
) -> Alert | None:
    """Somebody takes care of an alert; None: somebody has already.

    Args:
        connection: comes from `Store.writing`.
        alert_id: which.
        who: who it is.
        comment: what they say.
        now_utc: now.
        closes: whether that is the end of it.
    """
    values: dict[str, Any] = {"acknowledged_utc": now_utc, "acknowledged_by": who, "comment": comment}
    if closes:
        values["closed_utc"] = func.coalesce(_rows.closed_utc, now_utc)
    mine = (_rows.id == alert_id) & _rows.acknowledged_utc.is_(None)
    row = connection.execute(update(alerts).where(mine).values(values).returning(*_ALERT)).first()
    return None if row is None else _alert(row)


def mark_told(connection: Connection, alert_ids: Collection[int], now_utc: float) -> None:
    """They are among the deliveries."""
    connection.execute(update(alerts).where(_rows.id.in_(sorted(alert_ids))).values(told_utc=now_utc))


def mark_escalated(connection: Connection, alert_id: int, now_utc: float) -> None:
    """Others were told, since nobody had taken care of it."""
    connection.execute(update(alerts).where(_rows.id == alert_id).values(escalated_utc=now_utc))


_OPEN: Final = _rows.closed_utc.is_(None)
_OF_THEM: Final = _rules.id == _rows.rule_id


def untold_alerts(connection: Connection, most: int) -> list[Alert]:
    """Open ones that nobody has been told of yet, the oldest first."""
    query = select(*_ALERT).where(_OPEN & _rows.told_utc.is_(None)).order_by(_rows.id).limit(most)
    return _alerts(connection, query)


def to_escalate(connection: Connection, now_utc: float, most: int) -> list[Alert]:
    """Open ones that nobody has acknowledged within the time of their rule, the oldest first."""
    waits = _OPEN & _rows.acknowledged_utc.is_(None) & _rows.escalated_utc.is_(None)
    is_due = _rows.told_utc + _rules.escalate_s <= now_utc
    return _alerts(connection, select(*_ALERT).join(alert_rules).where(waits & is_due).order_by(_rows.id).limit(most))


def told_since(connection: Connection, organisation_id: int, since_utc: float) -> int:
    """Of how many alerts somebody in an organisation was told since then."""
    query = select(func.count()).select_from(alerts.join(alert_rules))
    query = query.where(_rules.organisation_id == organisation_id, _rows.told_utc > since_utc)
    # Nobody is told before it is raised, and hardly anybody a week later: by the index of time.
    return int(connection.execute(query.where(_rows.raised_utc > since_utc - 7 * 86_400)).scalar_one())


def told_of(connection: Connection, causes: Collection[str]) -> list[Alert]:
    """The alerts of such causes of which somebody was told."""
    query = select(*_ALERT).where(_rows.cause.in_(sorted(causes)), _rows.told_utc.is_not(None))
    return _alerts(connection, query)


def told_of_cases(connection: Connection, answer_ids: Collection[str]) -> set[tuple[int, str]]:
    """(channel, answer) of those channels that were told that such an answer has opened a case."""
    subject = literal("case ") + cast(cases.c.id, String)
    opened = (deliveries.c.event == "case.opened") & (deliveries.c.subject == subject)
    query = select(deliveries.c.channel_id, cases.c.answer_id).where(opened, cases.c.answer_id.in_(sorted(answer_ids)))
    return {(channel_id, answer_id) for channel_id, answer_id in connection.execute(query)}


def rules_with_open(connection: Connection) -> set[int]:
    """The rules that have an open alert."""
    return set(connection.execute(select(_rows.rule_id).where(_OPEN).distinct()).scalars())


def has_waiting(connection: Connection, now_utc: float) -> bool:
    """Whether anybody is to be told of an alert, for the first time or since nobody has taken care of it."""
    return bool(untold_alerts(connection, 1) or to_escalate(connection, now_utc, 1))


def alert_of_id(connection: Connection, alert_id: int) -> Alert | None:
    """One of them; None: there is none of that number."""
    row = connection.execute(select(*_ALERT).where(_rows.id == alert_id)).first()
    return None if row is None else _alert(row)


def alerts_of(
    connection: Connection, rule_ids: Collection[int], is_open: bool | None = None, most: int = 100
) -> list[Alert]:
    """The newest alerts of rules, the newest first; is_open: only open ones, or only closed ones."""
    which: ColumnElement[bool] = _rows.rule_id.in_(sorted(rule_ids))
    if is_open is not None:
        which &= _OPEN if is_open else _rows.closed_utc.is_not(None)
    return _alerts(connection, select(*_ALERT).where(which).order_by(_rows.id.desc()).limit(most))


def unacknowledged_alerts(connection: Connection, most: int) -> list[Alert]:
    """Open ones that nobody takes care of."""
    waits = _OPEN & _rows.acknowledged_utc.is_(None)
    return _alerts(connection, select(*_ALERT).where(waits).order_by(_rows.id).limit(most))


def _alerts(connection: Connection, query: Select[Any]) -> list[Alert]:
    return [_alert(row) for row in connection.execute(query)]


def _alert(row: Row[Any]) -> Alert:
    return Alert(**{**row._mapping, "evidence": json.loads(row.evidence)})


def _rule(row: Row[Any], more: Mapping[str, Any] | None = None) -> AlertRule:
    values = {**row._mapping, **(more or {})}
    for name in ("condition", "channels", "state"):
        values[name] = json.loads(values[name] or "{}")
    values["escalate_to"] = json.loads(values["escalate_to"] or "[]")
    return AlertRule(**values)
