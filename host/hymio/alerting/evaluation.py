"""Has the rules of a database look at what has come, and keeps what they say.

What a rule has seen, what it raises and who is told are one transaction, in which nobody else has the rule: however
many servers look, and wherever one of them is killed, each press is looked at once by each rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from hymio.alerting.changes import Change, Closed, ContactAnswer, Raised, Vote
from hymio.alerting.grounds import Grounds
from hymio.alerting.rules import TERMINAL_KINDS, VOTE_KINDS, RuleKind
from hymio.alerting.telling import Telling
from hymio.alerting.terminal_rules import TERMINAL_RULES, contact_alert
from hymio.alerting.terminals import troubled
from hymio.alerting.vote_rules import VOTE_RULES
from hymio.site.model import SurveyType
from hymio.store.alerts import (
    AlertRule,
    NewAlert,
    close_alert,
    has_waiting,
    locked_rules,
    raise_alert,
    remember,
    rules_with_open,
    stored_rules,
)
from hymio.store.arrival_order import ArrivalPosition, ArrivedPress, arrival_position, newest_arrival, presses_after
from hymio.store.cells import COUNTED
from hymio.store.database import Store
from hymio.store.schema import answers, contacts, surveys

AT_ONCE: Final = 2_000
"""Presses, or answers, of one transaction."""
LOOK_S: Final = 15.0
"""How often terminals are looked at, and whether anything is over."""
SETTLED_S: Final = 10.0
"""A vote is committed within so long after it has come: nothing is over before that."""
KEPT_EVERY: Final = 10_000
"""After so many presses that were none of its business a rule keeps how far it has looked."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What came for whom, up to where."""

    votes: Mapping[int, Sequence[tuple[ArrivalPosition, Vote]]]
    contacts: Sequence[tuple[int, ContactAnswer]]
    """With the number of their arrival, in its order."""
    contact_rules: Sequence[int]
    end: ArrivalPosition
    newest: int
    rows: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left."""
        return self.rows < AT_ONCE and len(self.contacts) < AT_ONCE


class Evaluator:
    """Looks at a database on behalf of all its rules."""

    def __init__(self, store: Store, url: str = "") -> None:
        """Of a database; url: of the pages, for links in messages."""
        self._store, self._url = store, url
        self._grounds: Grounds | None = None
        self._at: ArrivalPosition | None = None
        """Every rule that is known has looked up to here."""
        self._known: frozenset[int] = frozenset()
        self._asked: dict[int, int] = {}
        """By rule that waits for contacts: the number of the arrival up to which it has looked."""
        self._unkept = 0
        self._newest = -1
        self._rules_seen = -1
        self._looked_utc = -math.inf

    def look(self, now_utc: float, everywhere: bool = False) -> bool:
        """Looks at what has come since; whether somebody is to be told of anything that was not queued before.

        Args:
            now_utc: now.
            everywhere: at terminals, too, though it is not `LOOK_S` since the last time.
        """
        told = False
        while True:
            page = self._read()
            if page is None:
                break
            told |= self._take(page, now_utc)
            if page.is_whole:
                break
        if everywhere or not 0 <= now_utc - self._looked_utc < LOOK_S:
            told |= self._look_around(now_utc)
            self._looked_utc = now_utc
        return told

    def end(self) -> None:
        """Keeps how far the rules have looked, so that whoever goes on does not begin long ago."""
        if self._unkept:
            self._keep()

    def _read(self) -> _Page | None:
        with self._store.reading() as connection:
            newest = newest_arrival(connection)
            if newest == self._newest:
                return None
            rules = [one for one in stored_rules(connection) if one.ended_utc is None]
            following = [one for one in rules if one.kind in VOTE_KINDS]
            asking = [one for one in rules if one.kind == RuleKind.UNHAPPY_CONTACT]
            if not following and not asking:
                self._newest, self._known = newest, frozenset()
                return None
            grounds = self._now(connection)
            begin = self._begin(following, newest)
            rows = presses_after(connection, begin, AT_ONCE) if following else []
            seen = [max(arrival_position(one.position).arrival, self._asked.get(one.id, 0)) for one in asking]
            given = _contacts(connection, min(seen), newest) if seen else []
        votes = _sorted(grounds, following, rows)
        end = rows[-1].position if len(rows) == AT_ONCE else ArrivalPosition(newest + 1)
        page = _Page(votes, given, [one.id for one in asking], end, newest, len(rows))
        if page.is_whole:
            self._newest = newest
            self._asked = {one.id: newest for one in asking}
        self._known = frozenset(one.id for one in following)
        return page

    def _begin(self, following: Sequence[AlertRule], newest: int) -> ArrivalPosition:
        """Where the first of the rules is that nobody has looked for yet, or all are."""
        starts = [arrival_position(one.position) for one in following if one.id not in self._known]
        if self._at is not None:
            starts.append(self._at)
        return min(starts, default=ArrivalPosition(newest + 1))

    def _take(self, page: _Page, now_utc: float) -> bool:
        told = False
        if page.votes or page.contacts:
            with self._store.writing() as connection:
                rules = locked_rules(connection, [*page.votes, *(page.contact_rules if page.contacts else ())])
                changes = {one.id: self._fed(connection, one, page) for one in rules}
                # Whoever was away for days tells of what is the matter now, and not of what was.
                told = self._keep_changes(connection, rules, changes, now_utc, tells=page.is_whole)
        self._at = page.end
        self._unkept += page.rows
        if self._unkept >= KEPT_EVERY:
            self._keep()
        return told

    def _fed(self, connection: Connection, rule: AlertRule, page: _Page) -> list[Change]:
        changes: list[Change] = []
        if rule.kind == RuleKind.UNHAPPY_CONTACT:
            seen = arrival_position(rule.position).arrival
            for arrival, answer in page.contacts:
                is_its = arrival > seen and self._now(connection).is_at(rule, answer.node_id)
                found = contact_alert(answer) if is_its else None
                changes += [] if found is None else [found]
            # Of the last transaction there may be more on the next page.
            newest = page.newest if page.is_whole else page.contacts[-1][0] - 1
            remember(connection, rule.id, rule.state, str(ArrivalPosition(max(seen, newest))))
            return changes
        machine = VOTE_RULES[RuleKind(rule.kind)](rule.condition, rule.state)
        at = arrival_position(rule.position)
        for position, vote in page.votes[rule.id]:
            if position > at:
                changes += machine.vote(vote)
                at = position
        remember(connection, rule.id, machine.state(), str(max(at, page.end)))
        return changes

    def _look_around(self, now_utc: float) -> bool:
        with self._store.reading() as connection:
            rules = {one.id: one for one in stored_rules(connection) if one.ended_utc is None}
            wanted = {number for number, one in rules.items() if one.kind in TERMINAL_KINDS}
            wanted |= {one for one in rules_with_open(connection) if one in rules and rules[one].kind in VOTE_KINDS}
            if not wanted and not has_waiting(connection, now_utc):
                return False
        with self._store.writing() as connection:
            locked = locked_rules(connection, wanted)
            grounds = self._now(connection)
            standing = grounds.standing(now_utc)
            changes: dict[int, list[Change]] = {}
            for rule in locked:
                kind = RuleKind(rule.kind)
                if kind in TERMINAL_KINDS:
                    terminal_rule = TERMINAL_RULES[kind](rule.condition, rule.state)
                    found = troubled(connection, grounds, rule, standing, now_utc)
                    changes[rule.id] = list(terminal_rule.look(now_utc, found))
                    state = terminal_rule.state()
                else:
                    vote_rule = VOTE_RULES[kind](rule.condition, rule.state)
                    changes[rule.id] = list(vote_rule.advance(now_utc - SETTLED_S))
                    state = vote_rule.state()
                if changes[rule.id] or (kind in TERMINAL_KINDS and state != rule.state):
                    remember(connection, rule.id, state, rule.position)
            return self._keep_changes(connection, locked, changes, now_utc)

    def _keep_changes(
        self,
        connection: Connection,
        rules: Iterable[AlertRule],
        changes: Mapping[int, Sequence[Change]],
        now_utc: float,
        tells: bool = True,
    ) -> bool:
        if not any(changes.values()) and not has_waiting(connection, now_utc):
            return False
        telling = Telling(connection, self._now(connection), self._url, now_utc)
        for rule in rules:
            for change in changes[rule.id]:
                match change:
                    case Raised():
                        new = NewAlert(
                            rule.id, rule.node_id if change.node_id is None else change.node_id, change.device_id,
                            change.cause, change.evidence, change.utc,
                        )  # fmt: skip
                        raise_alert(connection, new)
                    case Closed():
                        closed = close_alert(connection, rule.id, change.cause, change.utc)
                        if closed is not None:
                            telling.machines("alert.closed", closed)
        return tells and telling.waiting() > 0

    def _keep(self) -> None:
        if self._at is None:
            return
        with self._store.writing() as connection:
            for rule in locked_rules(connection, self._known):
                if arrival_position(rule.position) < self._at:
                    remember(connection, rule.id, rule.state, str(self._at))
        self._unkept = 0

    def _now(self, connection: Connection) -> Grounds:
        if self._grounds is None or not self._grounds.is_current(connection):
            self._grounds = Grounds(connection)
        return self._grounds


def _sorted(
    grounds: Grounds, rules: Sequence[AlertRule], rows: Iterable[ArrivedPress]
) -> dict[int, list[tuple[ArrivalPosition, Vote]]]:
    """By rule the votes at its places."""
    at: dict[int, list[int]] = {}
    """By place the rules that look after it."""
    found: dict[int, list[tuple[ArrivalPosition, Vote]]] = {}
    for row in rows:
        if row.verdict != COUNTED or row.pressed_utc is None:
            continue
        node_id = grounds.place_of_vote(row.device_id, row.pressed_utc)
        if node_id is None:
            continue
        if node_id not in at:
            at[node_id] = [one.id for one in rules if grounds.is_at(one, node_id)]
        if at[node_id]:
            position = row.position
            hour = grounds.week_hour(node_id, row.pressed_utc)
            vote = Vote(row.received_utc, row.pressed_utc, row.button, hour, str(position))
            for number in at[node_id]:
                found.setdefault(number, []).append((position, vote))
    return found


def _contacts(connection: Connection, after: int, newest: int) -> list[tuple[int, ContactAnswer]]:
    """The answers with an address of transactions after one and up to another, `AT_ONCE` at most."""
    columns = answers.c
    query = (
        select(columns.arrival, columns.answer_id, columns.answered_utc, columns.node_id, columns.face, columns.score)
        .select_from(answers.join(contacts).join(surveys))
        .where(columns.arrival > after, columns.arrival <= newest, columns.verdict == COUNTED)
        .where(surveys.c.type == SurveyType.CUSTOMER.value)
        .order_by(columns.arrival, columns.answer_id)
        .limit(AT_ONCE)
    )
    return [(arrival, ContactAnswer(*row)) for arrival, *row in connection.execute(query)]
