"""`hymio alert`: rules made, shown, tried on what a place has had, and ended; alerts acknowledged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from hymio.alerting.evaluation import Evaluator
from hymio.alerting.grounds import Grounds
from hymio.alerting.making import RuleWish, acknowledge, complete_condition, make_rule, remove_rule, rule_values
from hymio.alerting.rules import RuleError, RuleKind
from hymio.alerting.telling import alert_values
from hymio.alerting.trial import Trial, tried
from hymio.alerting.words import condition_said, rate_of
from hymio.common.durations import parse_duration
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import console, note, print_json, print_line
from hymio.common.words import counted
from hymio.office.numbered import numbered_or_named
from hymio.office.site import chosen_place, chosen_site
from hymio.office.tokens import clock
from hymio.site.model import Level
from hymio.store.alerts import AlertRule, alert_of_id, alerts_of, stored_rules
from hymio.store.audit import account
from hymio.store.channels import stored_channels
from hymio.store.database import Store, open_store
from hymio.store.sites import StoredSite

LISTED: Final = 100
"""Closed alerts that `hymio alert list` shows."""


@dataclass(frozen=True, slots=True)
class AlertOptions:
    """The options of `hymio alert add` and `simulate`, as they were typed."""

    kind: str
    place: str | None
    organisation: str | None
    name: str | None
    window: str | None
    after: str | None
    share: float | None
    least: int | None
    level: str | None
    drop: float | None
    count: int | None
    days: float | None
    votes: float | None
    false_alarms: float | None
    channels: Sequence[str]
    escalate_after: str | None
    escalate_to: Sequence[str]
    quiet: str | None

    def numbers(self) -> dict[str, float]:
        """Those of the condition.

        Raises:
            Failure: 2, one of them is none.
        """
        given: dict[str, float | None] = {
            "window_s": None if self.window is None else parse_duration("--window", self.window) / 1000,
            "after_s": None if self.after is None else parse_duration("--after", self.after) / 1000,
            "share": self.share,
            "least": self.least,
            "drop": self.drop,
            "count": self.count,
            "days": self.days,
            "votes_a_month": self.votes,
            "false_alarms": self.false_alarms,
        }
        return {name: value for name, value in given.items() if value is not None}


def run_add(db: str, asked: AlertOptions, as_json: bool) -> None:
    """Makes a rule, which looks at what comes from now on.

    Raises:
        Failure: 2, there is no such place or channel, or a number can't be.
    """
    with _opened(db) as store, _refusals(), store.writing() as connection:
        grounds = Grounds(connection)
        stored, node_id, wish = _wish(connection, grounds, asked)
        rule = make_rule(connection, grounds, stored.id, node_id, wish, None, time.time())
        said = {**rule_values(grounds, rule), "rate": str(rate_of(wish.kind, rule.condition))}
    if as_json:
        print_json(said)
        return
    print_line(f"Rule {rule.id} ({rule.name}): {said['place'] or said['organisation']}, {_told(rule)}.")
    note(said["rate"])


def run_list(db: str, show_all: bool, as_json: bool) -> None:
    """Shows the rules that go on and their alerts; show_all: those that have ended and are closed, too."""
    with _opened(db) as store, store.reading() as connection:
        grounds = Grounds(connection)
        rules = {one.id: one for one in stored_rules(connection) if show_all or one.ended_utc is None}
        alerts = alerts_of(connection, rules.keys(), None if show_all else True, LISTED)
        shown = [alert_values(grounds, rules[one.rule_id], one) for one in alerts]
        values = [rule_values(grounds, one) for one in rules.values()]
    if as_json:
        print_json({"rules": values, "alerts": shown})
        return
    if not rules:
        note("There are no rules. `hymio alert add` makes one.")
        return
    from rich.table import Table

    table = Table("rule", "name", "of", "looks at", "state", box=None)
    for rule, one in zip(rules.values(), values, strict=True):
        state = "ended" if rule.ended_utc else "goes on"
        table.add_row(str(rule.id), rule.name, one["place"] or one["organisation"], _told(rule), state)
    console().print(table)
    if shown:
        table = Table("alert", "rule", "where", "raised (UTC)", "taken care of by", "state", box=None)
        for row in shown:
            where = row["device_id"] or row["place"] or row["organisation"]
            state = "closed" if row["closed_utc"] else "open"
            table.add_row(
                str(row["id"]), row["name"], where, clock(row["raised_utc"])[:16], row["acknowledged_by"] or "", state
            )  # fmt: skip
        console().print(table)


def run_remove(db: str, wanted: str, as_json: bool) -> None:
    """Ends a rule; its open alerts are closed.

    Raises:
        Failure: 2, there is none of that number or name.
    """
    now = time.time()
    with _opened(db) as store, store.writing() as connection:
        rule = _rule(connection, wanted)
        remove_rule(connection, rule, None, now)
    if as_json:
        print_json({"id": rule.id, "ended_utc": rule.ended_utc or now})
    else:
        print_line(f"Rule {rule.id} ({rule.name}) raises nothing any more.")


def run_ack(db: str, alert_id: int, who: str | None, comment: str, as_json: bool) -> None:
    """Notes that somebody takes care of an alert.

    Raises:
        Failure: 2, there is none of that number, or somebody does already.
    """
    with _opened(db) as store, _refusals(), store.writing() as connection:
        if alert_of_id(connection, alert_id) is None:
            raise Failure(WRONG_USE, f"There is no alert {alert_id}.", "`hymio alert list` shows those that are open.")
        grounds = Grounds(connection)
        done = acknowledge(connection, grounds, alert_id, who or account(), comment, time.time())
        rules = {one.id: one for one in stored_rules(connection)}
        said = alert_values(grounds, rules[done.rule_id], done)
    if as_json:
        print_json(said)
    else:
        print_line(f"{done.acknowledged_by} takes care of alert {alert_id}.")


def run_simulate(db: str, wanted: str | None, asked: AlertOptions, months: int, as_json: bool) -> None:
    """Tries a rule, one that there is or one that might be made, on what its place has had; nothing is changed.

    Raises:
        Failure: 2, there is no such rule or place, or a number can't be.
    """
    with _opened(db) as store, _refusals(), store.reading() as connection:
        grounds = Grounds(connection)
        now = time.time()
        if wanted is not None:
            rule = _rule(connection, wanted)
            kind, organisation, node_id, condition = (
                RuleKind(rule.kind), rule.organisation_id, rule.node_id, rule.condition,
            )  # fmt: skip
        else:
            stored, node_id, wish = _wish(connection, grounds, asked)
            kind, organisation = wish.kind, stored.id
            condition = complete_condition(connection, grounds, organisation, node_id, wish, now)
        trial = tried(connection, grounds, kind, condition, organisation, node_id, now, months)
    if as_json:
        print_json(trial.as_json())
        return
    for line in trial_lines(trial):
        print_line(line)


def trial_lines(trial: Trial) -> Iterator[str]:
    """What came of a trial, for people."""
    if trial.days is None:
        yield str(rate_of(trial.kind, trial.condition))
        return
    votes, days = counted(trial.votes, "answer"), counted(round(trial.days), "day")
    yield f"{votes} of {days}: {counted(len(trial.raised), 'alert')}, {trial.a_month:.2f} a month."
    for one in trial.raised:
        yield f"  {clock(one.utc)[:16]} UTC"
    if trial.chance is not None:
        low, high = trial.chance.interval
        yield (
            f"With the same answers in any order, {trial.chance.months:.0f} months of them:"
            f" {trial.chance.a_month:.3f} a month ({low:.3f} to {high:.3f})."
        )
    yield str(rate_of(trial.kind, trial.condition, trial.bound))


def run_once(db: str, url: str, as_json: bool) -> None:
    """Has all rules look at what has come, once; for a timer (cron, systemd) where no server runs."""
    with _opened(db) as store:
        with store.reading() as connection:
            before = max((one.id for one in alerts_of(connection, _ids(connection), None, 1)), default=0)
        evaluator = Evaluator(store, url.rstrip("/"))
        evaluator.look(time.time(), everywhere=True)
        evaluator.end()
        with store.reading() as connection:
            rules = {one.id: one for one in stored_rules(connection)}
            grounds = Grounds(connection)
            new = [one for one in alerts_of(connection, rules, None, LISTED) if one.id > before][::-1]
            shown = [alert_values(grounds, rules[one.rule_id], one) for one in new]
    if as_json:
        print_json({"raised": shown})
        return
    for row in shown:
        print_line(f"Alert {row['id']}: {row['name']}, {row['device_id'] or row['place'] or row['organisation']}")
    if not shown:
        note("Nothing is the matter that was not before.")


def _ids(connection: Connection) -> list[int]:
    return [one.id for one in stored_rules(connection)]


def _wish(connection: Connection, grounds: Grounds, asked: AlertOptions) -> tuple[StoredSite, int | None, RuleWish]:
    stored = chosen_site(tuple(grounds.sites.values()), asked.organisation)
    node_id = chosen_place(stored, asked.place, "--place")
    kind, numbers = RuleKind(asked.kind), asked.numbers()
    if asked.level is not None:
        numbers["level"] = _level(stored, asked.level)
    channels = [one for one in stored_channels(connection) if one.organisation_id == stored.id]

    def ids(names: Sequence[str]) -> list[int]:
        return [numbered_or_named(channels, name, lambda one: one.ended_utc is None, "channel").id for name in names]

    escalate_s = (
        None if asked.escalate_after is None else parse_duration("--escalate-after", asked.escalate_after) / 1000
    )
    name = asked.name or f"{kind.value} {asked.place or stored.site.organisation.key}"
    wish = RuleWish(kind, name, numbers, ids(asked.channels), escalate_s, ids(asked.escalate_to), asked.quiet)
    return stored, node_id, wish


def _level(stored: StoredSite, typed: str) -> float:
    organisation = stored.site.organisation
    named = {
        Level.GOOD: organisation.good,
        Level.EXCELLENT: organisation.excellent,
        Level.THE_VERY_BEST: organisation.the_very_best,
    }
    try:
        return {str(level).lower(): value for level, value in named.items()}.get(typed.lower()) or float(typed)
    except ValueError:
        levels = ", ".join(f"'{level}'" for level in named)
        raise Failure(
            WRONG_USE, f"--level: expected a Happy Index or {levels}, came {typed!r}.", "For example: --level 75"
        ) from None


def _rule(connection: Connection, wanted: str) -> AlertRule:
    rules = stored_rules(connection)
    hint = f"There is no rule {wanted[:60]!r}."
    return numbered_or_named(rules, wanted, lambda one: one.ended_utc is None, "alert", hint)


def _told(rule: AlertRule) -> str:
    numbers = ", ".join(str(one) for one in condition_said(RuleKind(rule.kind), rule.condition))
    return f"{rule.kind}: {numbers}" if numbers else rule.kind


@contextmanager
def _opened(db: str) -> Iterator[Store]:
    store = open_store(db)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except RuleError as error:
        raise Failure(WRONG_USE, str(error.said), str(error.hint)) from None
