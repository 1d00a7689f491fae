"""A rule on votes that a place has had: the alerts that it would have raised, and how many chance alone makes."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from hymio.alerting.changes import Change, Raised, Vote
from hymio.alerting.rules import DAY_S, HOUR_S, Condition, RuleKind
from hymio.alerting.vote_rules import SHRINKS, VOTE_RULES, WEEK_HOURS, WEEK_S, BaselineRule
from hymio.measures.chance import poisson_tail
from hymio.measures.intervals import Interval

MONTH_S: Final = 365.25 / 12 * DAY_S
MONTHS: Final = 50
"""So many months of votes are drawn, unless somebody asks for others."""
_FACES: Final = 4


@dataclass(frozen=True, slots=True)
class ChanceAlarms:
    """What a rule does while nothing changes at the place: months that were drawn, and the alerts in them."""

    months: float
    alarms: int

    @property
    def a_month(self) -> float:
        """Alerts a month."""
        return self.alarms / self.months

    @property
    def interval(self) -> Interval:
        """The 95 % interval of that: of a Poisson count, by D. Rao and J. Scott's square roots, to 0.1 alerts."""
        # The variance of the root of a Poisson count is a quarter, whatever its mean.
        root = (self.alarms + 0.375) ** 0.5
        low = 0.0 if self.alarms == 0 else max(0.0, root - 0.98) ** 2
        return Interval(low / self.months, ((self.alarms + 1.375) ** 0.5 + 0.98) ** 2 / self.months)


def changes_of(kind: RuleKind, condition: Condition, votes: Sequence[Vote]) -> list[Change]:
    """All that a rule says of votes, in their order."""
    rule = VOTE_RULES[kind](condition, {})
    return [change for vote in votes for change in rule.vote(vote)]


def by_chance(
    kind: RuleKind, condition: Condition, votes: Sequence[Vote], months: int = MONTHS, seed: int = 1
) -> ChanceAlarms:
    """How often a rule is raised while nothing changes.

    Each vote stays when it was, but its face is drawn anew, of all faces of its hour of the week: what came together by
    more than chance does so no more. `votes` are drawn again and again until they are so many months.
    """
    chance = random.Random(seed)
    drawn = _Faces(votes)
    length_s = max(votes[-1].received_utc - votes[0].received_utc, DAY_S) if votes else MONTH_S
    rounds = max(1, round(months * MONTH_S / length_s)) if votes else 0
    alarms, seconds = 0, 0.0
    knows = known_state(kind, condition, votes)
    for _ in range(rounds):
        rule = VOTE_RULES[kind](condition, knows)
        alarms += sum(isinstance(one, Raised) for vote in drawn.again(votes, chance) for one in rule.vote(vote))
        seconds += length_s
    return ChanceAlarms(max(seconds / MONTH_S, 1e-9), alarms)


def known_state(kind: RuleKind, condition: Condition, votes: Sequence[Vote]) -> dict[str, Any]:
    """The state of a rule that knows what is usual at a place from votes that it had, and has seen nothing else."""
    if kind is not RuleKind.INDEX_BASELINE:
        return {}
    rule = BaselineRule(condition, {})
    for vote in votes:
        rule.learn(vote)
    state = rule.state()
    return {"week": state["week"], "hours": state["hours"]}


class _Faces:
    """The faces of each hour of the week, a little of the whole week among them where they are few."""

    def __init__(self, votes: Sequence[Vote]) -> None:
        counts = [[0.0] * _FACES for _ in range(WEEK_HOURS)]
        for vote in votes:
            counts[vote.week_hour][vote.button - 1] += 1
        whole = [sum(hour[face] for hour in counts) for face in range(_FACES)]
        total = sum(whole) or 1.0
        self._sums = []
        for hour in counts:
            more = SHRINKS if sum(hour) < SHRINKS else 0
            self._sums.append(
                [*accumulate(count + more * all_ / total for count, all_ in zip(hour, whole, strict=True))]
            )

    def again(self, votes: Sequence[Vote], chance: random.Random) -> Iterator[Vote]:
        for vote in votes:
            sums = self._sums[vote.week_hour]
            yield vote._replace(button=bisect(sums, chance.random() * sums[-1]) + 1)


def usual_counts(votes: Sequence[Vote]) -> list[float]:
    """Unhappy votes an hour, for each hour of the week, as they usually are."""
    if not votes:
        return [0.0] * WEEK_HOURS
    weeks = max((votes[-1].received_utc - votes[0].received_utc) / WEEK_S, 1.0)
    counts = [0] * WEEK_HOURS
    for vote in votes:
        counts[vote.week_hour] += vote.button <= 2
    return [count / weeks for count in counts]


def count_bound(condition: Condition, usual: Sequence[float]) -> float:
    """At most so many false alarms a month a rule `unhappy-count` raises, on average.

    As long as unhappy votes come one by one, as they usually do at that hour of the week (a Poisson process), one of
    them finds count - 1 others in the window before it with the probability of that number (J. Mecke's formula, 1967).

    Args:
        condition: of the rule.
        usual: unhappy votes an hour, for each of the 168 hours of the week.
    """
    window_h, least = condition["window_s"] / HOUR_S, int(condition["count"]) - 1
    back = min(int(window_h) + 1, WEEK_HOURS)
    total = 0.0
    for hour, rate in enumerate(usual):
        if rate > 0:
            # The window lies in this hour and those before it; the most that it can hold is what counts.
            before = sorted((usual[(hour - step) % WEEK_HOURS] for step in range(back + 1)), reverse=True)
            whole = int(window_h)
            most = sum(before[:whole]) + (window_h - whole) * (before[whole] if whole < len(before) else 0.0)
            total += rate * poisson_tail(least, most)
    return total * MONTH_S / WEEK_S
