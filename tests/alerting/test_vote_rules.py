"""Rules that follow votes: what is raised and when it is over, and that nothing depends on where one breaks off."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.alerting.changes import Change, Closed, Raised, Vote
from hymio.alerting.rules import DAY_S, HOUR_S, NUMBERS, TERMINAL_KINDS, VOTE_KINDS, RuleError, RuleKind, condition_of
from hymio.alerting.simulation import MONTH_S, by_chance, changes_of, count_bound, usual_counts
from hymio.alerting.vote_rules import OVER_AFTER, VOTE_RULES, WEEK_S

MONDAY = 1_790_000_000 // WEEK_S * WEEK_S + 4 * DAY_S
GIVEN: dict[RuleKind, dict[str, float]] = {
    RuleKind.NEGATIVE: {"votes_a_month": 1500, "false_alarms": 0.5, "share": 30},
    RuleKind.INDEX_LEVEL: {"votes_a_month": 1500, "false_alarms": 0.5, "level": 74},
    RuleKind.INDEX_BASELINE: {"votes_a_month": 1500, "false_alarms": 0.5},
    RuleKind.UNHAPPY_COUNT: {"count": 9},
}
CONDITIONS = {kind: condition_of(kind, given, 5) for kind, given in GIVEN.items()}
FACES = (0.08, 0.12, 0.30, 0.50)
"""Happy Index 74.0, one of five unhappy."""


def vote(utc: float, button: int, late_s: float = 0.0) -> Vote:
    hour = int((utc - late_s - MONDAY) // HOUR_S) % 168
    return Vote(utc, utc - late_s, button, hour, f"{utc:.0f}")


def stream(seed: int, days: int, a_day: int = 50, faces: Sequence[float] = FACES, first: int = 0) -> list[Vote]:
    """Votes from nine to five, each day, at random moments."""
    chance = random.Random(seed)
    found = []
    for day in range(first, first + days):
        moments = sorted(MONDAY + day * DAY_S + (9 + 8 * chance.random()) * HOUR_S for _ in range(a_day))
        found += [
            vote(utc, button) for utc, button in zip(moments, chance.choices((1, 2, 3, 4), faces, k=a_day), strict=True)
        ]
    return found


def raised(changes: Sequence[Change]) -> list[Raised]:
    return [one for one in changes if isinstance(one, Raised)]


def test_a_bad_hour_raises_once_and_is_over_when_it_is_better() -> None:
    votes = [vote(MONDAY + 60 * number, 1 if number < 40 else 4) for number in range(140)]
    changes = changes_of(RuleKind.NEGATIVE, CONDITIONS[RuleKind.NEGATIVE], votes)
    first, over = changes
    assert isinstance(first, Raised) and isinstance(over, Closed) and first.cause == over.cause
    assert first.evidence["votes"] == first.evidence["unhappy"] == 20 and first.evidence["limit"] == 30
    assert first.evidence["low"] > 30 and first.evidence["to_utc"] == votes[19].received_utc
    # Of 120 votes in two hours 36 are 30 %.
    assert over.utc == votes[123].received_utc


def test_below_the_minimum_nothing_is_told() -> None:
    votes = [vote(MONDAY + number, 1) for number in range(19)]
    assert changes_of(RuleKind.NEGATIVE, CONDITIONS[RuleKind.NEGATIVE], votes) == []


def test_it_is_over_when_hardly_anybody_votes_any_more() -> None:
    rule = VOTE_RULES[RuleKind.NEGATIVE](CONDITIONS[RuleKind.NEGATIVE], {})
    changes = [change for number in range(20) for change in rule.vote(vote(MONDAY + 60 * number, 1))]
    changes += rule.advance(MONDAY + 12 * HOUR_S)
    assert [type(one) for one in changes] == [Raised, Closed]
    # The eleventh of the twenty left the window then, and fewer than ten were left.
    assert changes[1].utc == MONDAY + 2 * HOUR_S + 660 - 660 % 120
    assert list(rule.advance(MONDAY)) == [] and list(rule.advance(MONDAY + 13 * HOUR_S)) == []


def test_many_unhappy_votes_at_once() -> None:
    votes = [vote(MONDAY + 60 * number, 1 + number % 3) for number in range(20)]
    changes = changes_of(RuleKind.UNHAPPY_COUNT, CONDITIONS[RuleKind.UNHAPPY_COUNT], votes)
    assert [one.evidence["unhappy"] for one in raised(changes)] == [9]
    assert raised(changes)[0].utc == votes[12].received_utc


@pytest.mark.parametrize("kind", [RuleKind.INDEX_LEVEL, RuleKind.INDEX_BASELINE])
def test_a_fall_is_found_and_its_end_too(kind: RuleKind) -> None:
    good, bad = stream(3, 40), stream(4, 10, faces=(0.3, 0.3, 0.2, 0.2))
    bad = [vote(one.received_utc + 40 * DAY_S, one.button) for one in bad]
    again = [vote(one.received_utc + 50 * DAY_S, one.button) for one in stream(5, 10, faces=(0.04, 0.06, 0.3, 0.6))]
    changes = changes_of(kind, CONDITIONS[kind], good + bad + again)
    first, over = changes
    assert isinstance(first, Raised) and isinstance(over, Closed)
    assert bad[0].received_utc < first.utc < bad[150].received_utc
    assert first.evidence["happy_index"] < 60 < first.evidence["limit"] <= 76
    assert sum(first.evidence["faces"]) == first.evidence["votes"] and first.evidence["once_in_votes"] == 3000
    assert abs(first.evidence["from_utc"] - bad[0].pressed_utc) < 2 * DAY_S
    assert again[0].received_utc < over.utc < again[3 * OVER_AFTER].received_utc


def test_a_baseline_knows_the_hours_of_the_week() -> None:
    """Evenings that are always bad are no alarm; the same faces at noon are one."""

    def week(number: int) -> Iterator[Vote]:
        chance = random.Random(number)
        for day in range(7):
            for hour, faces in ((12, (0, 0.05, 0.35, 0.6)), (19, (0.4, 0.3, 0.2, 0.1))):
                begin = MONDAY + number * WEEK_S + day * DAY_S + hour * HOUR_S
                yield from (vote(begin + 60 * at, chance.choices((1, 2, 3, 4), faces)[0]) for at in range(20))

    condition = condition_of(RuleKind.INDEX_BASELINE, {"votes_a_month": 1200, "drop": 8}, 5)
    votes = [one for number in range(12) for one in week(number)]
    assert raised(changes_of(RuleKind.INDEX_BASELINE, condition, votes))[1:] == []
    evenings = [one for one in votes[-280:] if one.week_hour % 24 == 19]
    noon = [vote(one.received_utc - 7 * HOUR_S + WEEK_S, one.button) for one in evenings]
    rule = VOTE_RULES[RuleKind.INDEX_BASELINE](condition, {})
    for one in votes:
        list(rule.vote(one))
    assert len(raised([change for one in noon for change in rule.vote(one)])) == 1


def test_what_comes_days_late_raises_nothing() -> None:
    votes = [vote(MONDAY + number, 1, late_s=3 * DAY_S) for number in range(600)]
    for kind in (RuleKind.NEGATIVE, RuleKind.UNHAPPY_COUNT, RuleKind.INDEX_LEVEL):
        assert changes_of(kind, CONDITIONS[kind], votes) == []


# Broken off anywhere

moments = st.lists(
    st.tuples(st.floats(-120, 4 * HOUR_S), st.integers(1, 4), st.sampled_from((0.0, 0.0, 300.0, 2 * DAY_S))),
    min_size=1, max_size=120,
)  # fmt: skip
EASY: dict[RuleKind, dict[str, float]] = {
    RuleKind.NEGATIVE: {"votes_a_month": 100, "false_alarms": 10, "share": 20, "least": 5},
    RuleKind.INDEX_LEVEL: {"votes_a_month": 100, "false_alarms": 10, "level": 90},
    RuleKind.INDEX_BASELINE: {"votes_a_month": 100, "false_alarms": 10, "drop": 1},
    RuleKind.UNHAPPY_COUNT: {"count": 5},
}
"""Those are raised every now and then."""


@pytest.mark.parametrize("kind", sorted(VOTE_KINDS))
@given(moments, st.integers(1, 40), st.data())
def test_cut_anywhere_and_asked_at_any_moment_it_says_the_same(
    kind: RuleKind, given: list[tuple[float, int, float]], times: int, data: Any
) -> None:
    condition = condition_of(kind, EASY[kind], 5)
    utc, votes = float(MONDAY), []
    for gap, button, late_s in given * (3 if kind is RuleKind.INDEX_BASELINE else 1):
        utc += gap
        votes.append(vote(utc, button, late_s))
    whole = changes_of(kind, condition, votes)
    assert changes_of(kind, condition, votes) == whole
    cuts = data.draw(st.sets(st.integers(0, len(votes) - 1), max_size=times))
    rule = VOTE_RULES[kind](condition, {})
    found: list[Change] = []
    for number, one in enumerate(votes):
        if number in cuts:
            # Somebody looks before the vote comes, and is killed; another one goes on from what is stored.
            found += rule.advance(one.received_utc - data.draw(st.floats(0, 3 * HOUR_S)))
            rule = VOTE_RULES[kind](condition, json.loads(json.dumps(rule.state())))
        found += rule.vote(one)
    assert found == whole
    opens = [isinstance(one, Raised) for one in whole]
    assert all(opens[::2]) and not any(opens[1::2]), "raised, closed, raised, ..."


@given(st.lists(st.tuples(st.floats(0, 900), st.sampled_from((0.0, 0.0, 200.0, 3000.0))), max_size=80))
def test_a_window_holds_what_it_says(given: list[tuple[float, float]]) -> None:
    """Against the same by looking at all votes each time, some of which come late."""
    condition, utc, votes = {"window_s": HOUR_S, "count": 5, "least": 5}, float(MONDAY), []
    for gap, late_s in given:
        utc += gap
        votes.append(vote(utc, 1, late_s))
    rule = VOTE_RULES[RuleKind.UNHAPPY_COUNT](condition, {})
    for number, one in enumerate(votes, 1):
        before = rule.open
        found = raised(list(rule.vote(one)))
        oldest = one.received_utc // 60 - 60
        held = sum(other.pressed_utc // 60 > oldest for other in votes[:number])
        if before is None and one.pressed_utc // 60 > oldest:
            assert [each.evidence["unhappy"] for each in found] == ([held] if held >= 5 else [])


# What is promised


@pytest.mark.parametrize("kind", sorted(VOTE_KINDS - {RuleKind.INDEX_LEVEL}))
def test_over_a_thousand_seeded_months_there_are_no_more_false_alarms_than_said(kind: RuleKind) -> None:
    """Of a small place that is as it always is; the thousand months of `index-level` are in test_detectors.py."""
    small: dict[RuleKind, dict[str, float]] = {
        RuleKind.NEGATIVE: {"share": 20, "least": 5, "window_s": DAY_S, "votes_a_month": 150, "false_alarms": 2},
        RuleKind.INDEX_BASELINE: {"drop": 1, "votes_a_month": 150, "false_alarms": 2},
        RuleKind.UNHAPPY_COUNT: {"count": 3, "window_s": 8 * HOUR_S},
    }
    condition = condition_of(kind, small[kind], 3)
    votes = stream(1, 30, a_day=5)
    if kind is RuleKind.UNHAPPY_COUNT:
        # One unhappy vote a day, from nine to five.
        promised = count_bound(condition, [1 / 8 if 9 <= hour % 24 < 17 else 0.0 for hour in range(168)])
        many = [one for seed in range(1000) for one in stream(seed, 30, 5, first=30 * seed)]
        alarms, months = len(raised(changes_of(kind, condition, many))), 1000.0
    else:
        promised = condition["false_alarms"]
        drawn = by_chance(kind, condition, votes, months=1000, seed=7)
        alarms, months = drawn.alarms, drawn.months
    print(f"{kind}: {alarms / months:.3f} false alarms a month, at most {promised:.3f} promised")
    assert months > 990 and 0 < alarms <= promised * months, "none at all would be a test that sleeps"


def test_what_is_usual() -> None:
    usual = usual_counts(stream(2, 70))
    assert sum(usual) == pytest.approx(0.2 * 350, rel=0.1) and sum(one > 0 for one in usual) == 56
    assert count_bound({"window_s": HOUR_S, "count": 1}, usual) == pytest.approx(sum(usual) * MONTH_S / WEEK_S)


# What can't be


def test_every_kind_has_its_numbers() -> None:
    assert NUMBERS.keys() == set(RuleKind) and VOTE_RULES.keys() == VOTE_KINDS and not VOTE_KINDS & TERMINAL_KINDS


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (RuleKind.SILENT, {"after_s": 1}, "after_s: expected a number from 600.0 to 31536000.0, came 1."),
        (RuleKind.SILENT, {"days": 1}, "A rule silent has no days."),
        (RuleKind.UNHAPPY_COUNT, {}, "A rule unhappy-count needs count."),
        (RuleKind.UNHAPPY_COUNT, {"count": 5.5}, "count: expected a number"),
        (RuleKind.UNHAPPY_COUNT, {"count": 4}, "count: expected 5 at least, came 4."),
        (RuleKind.NEGATIVE, {**GIVEN[RuleKind.NEGATIVE], "least": 3}, "least: expected 5 at least, came 3."),
        (RuleKind.INDEX_LEVEL, {"level": float("nan"), "votes_a_month": 3}, "level: expected a number"),
    ],
)
def test_a_condition_that_cannot_be(kind: RuleKind, given: dict[str, float], said: str) -> None:
    with pytest.raises(RuleError, match=said.split("(")[0]):
        condition_of(kind, given, 5)
