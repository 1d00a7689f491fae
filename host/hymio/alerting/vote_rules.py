"""Rules that follow votes: state machines that take one vote after another and say what is to be raised or closed.

A machine knows no time but that of what it is given: the arrival of a vote, or the moment that `advance` names. So the
same stream gives the same alerts, however often it is broken off: `state()` is all that a machine remembers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import Any, Final

from hymio.alerting.changes import Change, Closed, Evidence, Raised, Vote
from hymio.alerting.rules import DAY_S, Condition, RuleKind
from hymio.measures.chance import least_unlikely
from hymio.measures.e_detector import FLOOR_MAX, NOTHING, evidence, threshold_for, wealth_after
from hymio.measures.faces import figures
from hymio.measures.intervals import share

PARTS: Final = 60
"""A window moves on in so many steps: it is shorter than it should be by one of them at most."""
LATE_S: Final = DAY_S
"""Votes that come later than that after their press are in the figures, and in no alert."""
WEEK_S: Final = 7 * DAY_S
WEEK_HOURS: Final = 168
KEEPS: Final = 0.9
"""So much of what a baseline knows is left after a week: it looks back some ten weeks."""
LEARNED: Final = 200
"""Votes before there is a baseline."""
SHRINKS: Final = 30
"""So many votes of the whole week are added to those of an hour, which has few."""
OVER_AFTER: Final = 60
"""Votes in a row that have to reach the floor until a fall is over."""
_BEGAN_BET: Final = 0.24
_STEPS: Final = 3
_WHOLE: Final = 1000
"""What votes of a baseline are counted in: whole numbers, so that it is the same however often it is broken off."""


class _Window:
    """Votes of a stretch of time up to now, all of them and the unhappy ones."""

    def __init__(self, length_s: float, state: Mapping[str, Any]) -> None:
        self._part_s = length_s / PARTS
        self._parts: deque[list[int]] = deque([list(one) for one in state.get("parts", [])])
        """[number of the part of time, votes, those of them that are unhappy]."""
        self.votes = sum(one[1] for one in self._parts)
        self.unhappy = sum(one[2] for one in self._parts)

    def state(self) -> list[list[int]]:
        return [list(one) for one in self._parts]

    @property
    def began_utc(self) -> float:
        return self._parts[0][0] * self._part_s if self._parts else 0.0

    def move(self, utc: float) -> Iterator[float]:
        """Has parts that are past go, one after the other; gives the moment at which each does."""
        oldest = int(utc // self._part_s) - PARTS
        while self._parts and self._parts[0][0] <= oldest:
            number, votes, unhappy = self._parts.popleft()
            self.votes -= votes
            self.unhappy -= unhappy
            yield (number + PARTS) * self._part_s

    def add(self, utc: float, now_utc: float, is_unhappy: bool) -> bool:
        """Counts a vote; gives whether it is of the window."""
        number = int(utc // self._part_s)
        if number <= int(now_utc // self._part_s) - PARTS:
            return False
        at = len(self._parts)
        while at and self._parts[at - 1][0] > number:
            at -= 1
        if not at or self._parts[at - 1][0] != number:
            self._parts.insert(at, [number, 0, 0])
            at += 1
        self._parts[at - 1][1] += 1
        self._parts[at - 1][2] += is_unhappy
        self.votes += 1
        self.unhappy += is_unhappy
        return True


class VoteRule:
    """What such rules have in common: at most one alert is open at a time."""

    def __init__(self, condition: Condition, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was; it is empty at first."""
        self.condition = condition
        self.open: str | None = state.get("open")
        """The cause of the alert that is open."""
        self.clock_utc: float = state.get("clock_utc", 0.0)

    def state(self) -> dict[str, Any]:
        """All that it remembers, for JSON."""
        return {"open": self.open, "clock_utc": self.clock_utc}

    def vote(self, vote: Vote) -> Iterator[Change]:
        """Takes the next vote in the order of arrival."""
        yield from self.advance(vote.received_utc)
        yield from self._vote(vote, min(vote.pressed_utc, vote.received_utc))

    def advance(self, utc: float) -> Iterator[Change]:
        """Takes it that nothing came until then; what that changes is given. Going back changes nothing."""
        if utc > self.clock_utc:
            self.clock_utc = utc
            yield from self._move()

    def _vote(self, vote: Vote, utc: float) -> Iterator[Change]:
        raise NotImplementedError

    def _move(self) -> Iterator[Change]:
        return iter(())

    def _raise(self, vote: Vote, evidence: Evidence) -> Raised:
        self.open = vote.name
        return Raised(vote.name, vote.received_utc, evidence)

    def _close(self, utc: float) -> Closed:
        assert self.open is not None
        cause, self.open = self.open, None
        return Closed(cause, utc)


class _WindowRule(VoteRule):
    def __init__(self, condition: Condition, state: Mapping[str, Any]) -> None:
        super().__init__(condition, state)
        self._window = _Window(condition["window_s"], state)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "parts": self._window.state()}

    def _move(self) -> Iterator[Change]:
        for utc in self._window.move(self.clock_utc):
            if self.open is not None and self._is_drained():
                yield self._close(utc)

    def _is_drained(self) -> bool:
        raise NotImplementedError

    def _counts(self) -> dict[str, Any]:
        window = self._window
        found = share(window.unhappy, window.votes)
        assert found is not None
        return {
            "from_utc": max(window.began_utc, self.clock_utc - self.condition["window_s"]),
            "to_utc": self.clock_utc,
            "votes": window.votes,
            "unhappy": window.unhappy,
            "share": found.value,
            "low": found.low,
            "high": found.high,
        }


class NegativeRule(_WindowRule):
    """The share of unhappy votes in a window, at least `least` of them, is surely above `share`.

    Surely: so many unhappy votes come by chance, if the share is `share` or less, once in votes_a_month / false_alarms
    looks, and one looks once after each vote. So there are at most false_alarms a month by chance, on average, whatever
    the windows overlap. It is over when the share is not above `share` any more, or hardly anybody votes.
    """

    def _vote(self, vote: Vote, utc: float) -> Iterator[Change]:
        window, asked = self._window, self.condition
        if not window.add(utc, self.clock_utc, vote.button <= 2) or window.votes < asked["least"]:
            return
        rate = asked["false_alarms"] / asked["votes_a_month"]
        if self.open is None:
            if window.unhappy >= least_unlikely(window.votes, asked["share"] / 100, min(1.0, rate)):
                yield self._raise(vote, {**self._counts(), "limit": asked["share"]})
        elif 100 * window.unhappy <= asked["share"] * window.votes:
            yield self._close(vote.received_utc)

    def _is_drained(self) -> bool:
        return 2 * self._window.votes < self.condition["least"]


class UnhappyCountRule(_WindowRule):
    """`count` unhappy votes in a window; it is over when fewer than half of that are left in it."""

    def _vote(self, vote: Vote, utc: float) -> Iterator[Change]:
        window, limit = self._window, self.condition["count"]
        is_new = window.add(utc, self.clock_utc, vote.button <= 2) and vote.button <= 2
        if is_new and self.open is None and window.unhappy >= limit:
            yield self._raise(vote, {**self._counts(), "limit": limit})

    def _is_drained(self) -> bool:
        return 2 * self._window.unhappy < self.condition["count"]


class IndexRule(VoteRule):
    """The Happy Index is below a floor: the e-detector, whose false alarms are at most `false_alarms` a month.

    It is over when `OVER_AFTER` votes reach the floor again, on average.
    """

    def __init__(self, condition: Condition, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was."""
        super().__init__(condition, state)
        self._threshold = threshold_for(condition["votes_a_month"], condition["false_alarms"])
        self._wealth: Sequence[float] = state.get("wealth", NOTHING)
        self._began_log: float = state.get("began_log", 0.0)
        """Rises as long as votes speak for a fall: where it was 0 last, the fall has probably begun."""
        self._faces: list[int] = list(state.get("faces", (0,) * 4))
        """The votes since then."""
        self._floors: float = state.get("floors", 0.0)
        """The sum of their floors."""
        self._began_utc: float | None = state.get("began_utc")
        self._after: tuple[int, float] = tuple(state.get("after", (0, 0.0)))
        """Of an alert that is open: votes of the stretch that decides whether it is over, and how far above the floor
        they are, summed up."""

    def state(self) -> dict[str, Any]:
        """All that it remembers."""
        return {
            **super().state(), "wealth": list(self._wealth), "began_log": self._began_log, "faces": self._faces,
            "floors": self._floors, "began_utc": self._began_utc, "after": list(self._after),
        }  # fmt: skip

    def _vote(self, vote: Vote, utc: float) -> Iterator[Change]:
        if vote.received_utc - utc > LATE_S:
            return
        floor = self._floor(vote)
        if floor is not None:
            if self.open is None:
                yield from self._watch(vote, utc, floor)
            else:
                yield from self._wait(vote, floor)
        self.learn(vote)

    def _floor(self, vote: Vote) -> float | None:
        """What the score of the next vote should reach on average, 0..1; None: that is not known yet."""
        return self.condition["level"] / 100

    def learn(self, vote: Vote) -> None:
        """Takes a vote into what the next ones are held against."""

    def _watch(self, vote: Vote, utc: float, floor: float) -> Iterator[Change]:
        score = (vote.button - 1) / _STEPS
        self._wealth = wealth_after(self._wealth, floor, score)
        self._began_log += log(1 + _BEGAN_BET * (floor - score) / (1 - floor))
        if self._began_log <= 0:
            self._forget()
        else:
            self._began_utc = utc if self._began_utc is None else self._began_utc
            self._faces[vote.button - 1] += 1
            self._floors += floor
        votes = sum(self._faces)
        if evidence(self._wealth) >= self._threshold and votes >= self.condition["least"]:
            found = figures(self._faces)
            yield self._raise(vote, {
                "from_utc": self._began_utc, "to_utc": self.clock_utc, "votes": votes, "faces": list(self._faces),
                "happy_index": found.happy_index, "margin": found.happy_index_margin,
                "limit": 100 * self._floors / votes,
                # By chance it would take so many votes on average, at least.
                "once_in_votes": self._threshold,
            })  # fmt: skip
            self._wealth, self._after = NOTHING, (0, 0.0)
            self._forget()

    def _wait(self, vote: Vote, floor: float) -> Iterator[Change]:
        votes, above = self._after[0] + 1, self._after[1] + (vote.button - 1) / _STEPS - floor
        if votes == OVER_AFTER:
            if above >= 0:
                yield self._close(vote.received_utc)
            votes, above = 0, 0.0
        self._after = votes, above

    def _forget(self) -> None:
        self._began_log, self._faces, self._floors, self._began_utc = 0.0, [0] * 4, 0.0, None


class BaselineRule(IndexRule):
    """The Happy Index is by `drop` points or more below what it usually is at that hour of the week."""

    def __init__(self, condition: Condition, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was."""
        super().__init__(condition, state)
        self._week: int | None = state.get("week")
        self._hours: list[list[int]] = [list(one) for one in state.get("hours", [[0, 0]] * WEEK_HOURS)]
        """Of each hour of the week: votes, and the sum of their steps (0 to 3), in thousandths."""
        self._recount()

    def state(self) -> dict[str, Any]:
        """All that it remembers."""
        return {**super().state(), "week": self._week, "hours": self._hours}

    def _floor(self, vote: Vote) -> float | None:
        if self._votes < LEARNED * _WHOLE:
            return None
        votes, steps = self._hours[vote.week_hour]
        more = SHRINKS * _WHOLE
        usual = (steps + more * self._steps / self._votes) / (votes + more) / _STEPS
        return min(FLOOR_MAX, max(0.01, usual - self.condition["drop"] / 100))

    def learn(self, vote: Vote) -> None:
        """Takes a vote into what is usual."""
        week = int(vote.received_utc // WEEK_S)
        if self._week is not None and week > self._week:
            part = KEEPS ** min(week - self._week, 100)
            self._hours = [[round(votes * part), round(steps * part)] for votes, steps in self._hours]
        if self._week is None or week > self._week:
            self._week = week
            self._recount()
        hour = self._hours[vote.week_hour]
        hour[0] += _WHOLE
        hour[1] += _WHOLE * (vote.button - 1)
        self._votes += _WHOLE
        self._steps += _WHOLE * (vote.button - 1)

    def _recount(self) -> None:
        self._votes = sum(one[0] for one in self._hours)
        self._steps = sum(one[1] for one in self._hours)


VOTE_RULES: Final[Mapping[RuleKind, type[VoteRule]]] = {
    RuleKind.NEGATIVE: NegativeRule,
    RuleKind.UNHAPPY_COUNT: UnhappyCountRule,
    RuleKind.INDEX_LEVEL: IndexRule,
    RuleKind.INDEX_BASELINE: BaselineRule,
}
