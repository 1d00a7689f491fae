"""A rule tried on what its place has had: alerts that it would have raised, and how often chance alone raises one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from hymio.alerting.changes import Raised, Vote
from hymio.alerting.grounds import Grounds
from hymio.alerting.history import votes_of
from hymio.alerting.rules import DAY_S, TESTING_KINDS, VOTE_KINDS, Condition, RuleKind
from hymio.alerting.simulation import MONTH_S, ChanceAlarms, by_chance, changes_of, count_bound, usual_counts
from hymio.measures.happy_index import happy_index


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    days: of what length the votes are; None: it is no rule about votes, or there are none. raised: what it would have
    raised. chance: of votes with faces in any order. bound: false alarms a month at most, as it is proven; None: there
    is none. by_day: (day in UTC, votes, Happy Index, alerts).
    """

    kind: RuleKind
    condition: Condition
    days: float | None
    votes: int
    raised: Sequence[Raised]
    chance: ChanceAlarms | None
    bound: float | None
    by_day: Sequence[tuple[str, int, float | None, int]]

    @property
    def a_month(self) -> float:
        """Alerts a month."""
        return 0.0 if self.days is None else len(self.raised) * MONTH_S / (self.days * DAY_S)

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        chance = None
        if self.chance is not None:
            low, high = self.chance.interval
            chance = {
                "months": self.chance.months, "alarms": self.chance.alarms, "a_month": self.chance.a_month,
                "low": low, "high": high,
            }  # fmt: skip
        return {
            "kind": self.kind.value,
            "condition": dict(self.condition),
            "days": self.days,
            "votes": self.votes,
            "alerts": [{"utc": one.utc, "evidence": dict(one.evidence)} for one in self.raised],
            "a_month": None if self.days is None else self.a_month,
            "chance": chance,
            "bound": self.bound,
            "by_day": [
                {"day": day, "votes": votes, "happy_index": index, "alerts": alerts}
                for day, votes, index, alerts in self.by_day
            ],
        }


def tried(
    connection: Connection,
    grounds: Grounds,
    kind: RuleKind,
    condition: Condition,
    organisation_id: int,
    node_id: int | None,
    now_utc: float,
    months: int,
) -> Trial:
    """Tries a rule on the votes of its place.

    Args:
        connection: to the database.
        grounds: the sites.
        kind: which rule.
        condition: its numbers, all of them.
        organisation_id: whose it is.
        node_id: where; None: all of the organisation.
        now_utc: now.
        months: so many months with faces in any order.
    """
    if kind not in VOTE_KINDS:
        return Trial(kind, condition, None, 0, (), None, 0.0, ())
    votes = votes_of(connection, grounds, grounds.nodes_of(organisation_id, node_id), now_utc)
    if not votes:
        return Trial(kind, condition, None, 0, (), None, condition.get("false_alarms"), ())
    raised = [one for one in changes_of(kind, condition, votes) if isinstance(one, Raised)]
    length_s = max(votes[-1].received_utc - votes[0].received_utc, DAY_S)
    bound = condition["false_alarms"] if kind in TESTING_KINDS else count_bound(condition, usual_counts(votes))
    too_few = grounds.sites[organisation_id].site.organisation.too_few_customer
    return Trial(
        kind, condition, length_s / DAY_S, len(votes), raised, by_chance(kind, condition, votes, months), bound,
        _by_day(votes, raised, too_few),
    )  # fmt: skip


def _by_day(votes: Sequence[Vote], raised: Sequence[Raised], too_few: int) -> list[tuple[str, int, float | None, int]]:
    faces: dict[str, list[int]] = {}
    for vote in votes:
        faces.setdefault(_day(vote.received_utc), [0] * 4)[vote.button - 1] += 1
    alerts: Mapping[str, int] = {
        day: sum(_day(one.utc) == day for one in raised) for day in {_day(one.utc) for one in raised}
    }
    return [
        (day, sum(one), happy_index(one) if sum(one) >= too_few else None, alerts.get(day, 0))
        for day, one in sorted(faces.items())
    ]


def _day(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).date().isoformat()
