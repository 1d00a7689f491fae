"""Making, ending and acknowledging by the rules that hold everywhere, each change noted in the audit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from hymio.alerting.grounds import Grounds
from hymio.alerting.history import votes_a_month, votes_of
from hymio.alerting.rules import TESTING_KINDS, RuleError, RuleKind, condition_of
from hymio.alerting.simulation import known_state
from hymio.alerting.telling import Telling
from hymio.locale.sentence import _
from hymio.site import hours
from hymio.site.rules import NAME_MAX, is_line
from hymio.store import audit
from hymio.store.alerts import (
    COMMENT_MAX,
    RULES_MAX,
    Alert,
    AlertRule,
    NewAlertRule,
    acknowledge_alert,
    add_rule,
    alert_of_id,
    end_rule,
    going_on,
    rule_of_id,
)
from hymio.store.arrival_order import ArrivalPosition, newest_arrival
from hymio.store.channels import stored_channels

ESCALATE_LEAST_S: Final = 60
VOTES_LEAST: Final = 300
"""Answers a month, ten a day, that a rule reckons with at least: a place that has just opened has had none, and a bound
for so few would not hold for those to come. One for more holds for fewer, too."""


@dataclass(frozen=True, slots=True)
class RuleWish:
    """What somebody asks for: see `NewAlertRule`. numbers: those of the condition that are not left to us."""

    kind: RuleKind
    name: str
    numbers: Mapping[str, float]
    channels: Sequence[int] = ()
    escalate_s: float | None = None
    escalate_to: Sequence[int] = ()
    quiet: str | None = None


def make_rule(
    connection: Connection,
    grounds: Grounds,
    organisation_id: int,
    node_id: int | None,
    wish: RuleWish,
    who: str | None,
    now_utc: float,
) -> AlertRule:
    """Adds a rule, in a transaction of `Store.writing`; it looks at what comes from now on.

    Args:
        connection: to the database.
        grounds: the sites.
        organisation_id: whose it is.
        node_id: where; None: all of the organisation.
        wish: as it was asked for.
        who: by whom; None: the account on the computer.
        now_utc: now.

    Raises:
        RuleError: something about it is not as it has to be.
    """
    condition = complete_condition(connection, grounds, organisation_id, node_id, wish, now_utc)
    if not is_line(wish.name, NAME_MAX):
        raise RuleError(
            _("A name has 1 to %(most)s characters in one line.", most=NAME_MAX), _("Give it another name.")
        )
    if going_on(connection, organisation_id) >= RULES_MAX:
        raise RuleError(
            _("There are %(most)s rules already.", most=RULES_MAX), _("End one; one rule may look after many places.")
        )
    known = {one.id for one in stored_channels(connection) if one.ended_utc is None
             and one.organisation_id == organisation_id}  # fmt: skip
    _check_channels(known, [*wish.channels, *wish.escalate_to])
    if (wish.escalate_s is None) == bool(wish.escalate_to) or (wish.escalate_s or ESCALATE_LEAST_S) < ESCALATE_LEAST_S:
        raise RuleError(
            _("To escalate takes a time of a minute at least, and a channel."), _("Give both, or none of them.")
        )
    state = {}
    if wish.kind is RuleKind.INDEX_BASELINE:
        votes = votes_of(connection, grounds, grounds.nodes_of(organisation_id, node_id), now_utc)
        state = known_state(wish.kind, condition, votes)
    # Of presses: before the first one of the next transaction; of answers: the last transaction that was looked at.
    position = ArrivalPosition(newest_arrival(connection) + (wish.kind is not RuleKind.UNHAPPY_CONTACT))
    made = add_rule(connection, NewAlertRule(
        organisation_id, node_id, wish.name, wish.kind.value, condition, list(wish.channels),
        None if wish.escalate_s is None else int(wish.escalate_s), list(wish.escalate_to), _quiet(wish.quiet), state,
        str(position), who or audit.account(), now_utc,
    ))  # fmt: skip
    audit.record(connection, "alert.add", rule_values(grounds, made), who)
    return made


def complete_condition(
    connection: Connection,
    grounds: Grounds,
    organisation_id: int,
    node_id: int | None,
    wish: RuleWish,
    now_utc: float,
) -> dict[str, float]:
    """The condition of a rule, what was left to us found out: the place's level, and how many votes it has.

    Raises:
        RuleError: a number can't be.
    """
    given = dict(wish.numbers)
    if wish.kind is RuleKind.INDEX_LEVEL:
        given.setdefault("level", grounds.level(organisation_id, node_id))
    if wish.kind in TESTING_KINDS and "votes_a_month" not in given:
        nodes = grounds.nodes_of(organisation_id, node_id)
        given["votes_a_month"] = max(VOTES_LEAST, round(votes_a_month(connection, grounds, nodes, now_utc)))
    too_few = grounds.sites[organisation_id].site.organisation.too_few_customer
    return condition_of(wish.kind, given, too_few)


def _check_channels(known: Collection[int], asked: Sequence[int]) -> None:
    for one in asked:
        if one not in known:
            raise RuleError(
                _("There is no channel %(number)s here.", number=str(one)),
                _("Make one, then the rule: hymio channel add"),
            )


def _quiet(typed: str | None) -> str | None:
    if typed is None or not typed.strip():
        return None
    try:
        return str(hours.parse(typed))
    except ValueError as error:
        raise RuleError(
            _("Quiet hours: expected %(what)s.", what=str(error)), _("As in %(example)s.", example=hours.EXPECTED)
        ) from None


def remove_rule(connection: Connection, rule: AlertRule, who: str | None, now_utc: float) -> None:
    """Ends a rule, in a transaction of `Store.writing`; its open alerts are closed."""
    if rule.ended_utc is None:
        end_rule(connection, rule.id, now_utc)
        audit.record(connection, "alert.remove", {"id": rule.id, "name": rule.name}, who)


def acknowledge(
    connection: Connection,
    grounds: Grounds,
    alert_id: int,
    who: str,
    comment: str,
    now_utc: float,
    url: str = "",
    account: str | None = None,
) -> Alert:
    """Somebody takes care of an alert, in a transaction of `Store.writing`.

    Args:
        connection: to the database.
        grounds: the sites.
        alert_id: one that there is.
        who: their name.
        comment: what they say; it may be empty.
        now_utc: now.
        url: of the pages, for programs that are told.
        account: for the audit; None: the account on the computer.

    Raises:
        RuleError: somebody has already, or name or comment can't be.
    """
    if not is_line(who, NAME_MAX):
        raise RuleError(
            _("A name has 1 to %(most)s characters in one line.", most=NAME_MAX), _("Say who takes care of it.")
        )
    if len(comment) > COMMENT_MAX or "\0" in comment:
        raise RuleError(_("A comment has %(most)s characters at most.", most=COMMENT_MAX), _("Say it shorter."))
    alert = alert_of_id(connection, alert_id)
    assert alert is not None, alert_id
    rule = rule_of_id(connection, alert.rule_id)
    assert rule is not None, alert.rule_id
    # What is a fact is never over by itself; it is when somebody has seen it.
    closes = rule.kind == RuleKind.UNHAPPY_CONTACT or "lost" in alert.evidence
    done = acknowledge_alert(connection, alert_id, who, comment, now_utc, closes)
    if done is None:
        raise RuleError(
            _("%(name)s takes care of it already.", name=alert.acknowledged_by), _("Nothing is to be done any more.")
        )
    audit.record(connection, "alert.ack", {"id": alert_id, "rule": rule.id, "by": who}, account)
    Telling(connection, grounds, url, now_utc).machines("alert.acknowledged", done)
    return done


def rule_values(grounds: Grounds, rule: AlertRule) -> dict[str, Any]:
    """A rule for programs, as the contract has it."""
    return {
        "id": rule.id,
        "name": rule.name,
        "kind": rule.kind,
        "organisation": grounds.sites[rule.organisation_id].site.organisation.key,
        "place": grounds.key_of(rule),
        "condition": dict(rule.condition),
        "channels": list(rule.channels),
        "escalate_s": rule.escalate_s,
        "escalate_to": list(rule.escalate_to),
        "quiet": rule.quiet,
        "created_by": rule.created_by,
        "created_utc": rule.created_utc,
        "ended_utc": rule.ended_utc,
    }
