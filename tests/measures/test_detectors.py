"""Chance and the e-detector: against scipy and statsmodels, and what they promise over a thousand seeded months."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, poisson  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from hymio.measures.chance import binomial_tail, least_unlikely, poisson_tail
from hymio.measures.e_detector import BETS, FLOOR_MAX, NOTHING, evidence, threshold_for, wealth_after

shares = st.floats(0.001, 0.999)


@given(st.integers(0, 500), st.integers(0, 500), shares)
def test_binomial_tail_is_scipys(least: int, of: int, share: float) -> None:
    expected = binom.sf(least - 1, of, share)
    assert binomial_tail(least, of, share) == pytest.approx(expected, rel=1e-7, abs=1e-280)


@given(st.integers(0, 300), st.floats(0.001, 500))
def test_poisson_tail_is_scipys(least: int, mean: float) -> None:
    assert poisson_tail(least, mean) == pytest.approx(poisson.sf(least - 1, mean), rel=1e-7, abs=1e-280)


@given(st.integers(1, 200), shares, st.floats(1e-7, 0.5))
def test_from_there_on_the_exact_bound_lies_above_the_share(of: int, share: float, at_most: float) -> None:
    least = least_unlikely(of, share, at_most)
    assert binom.sf(least - 1, of, share) <= at_most * (1 + 1e-9)
    assert least == 0 or binom.sf(least - 2, of, share) > at_most * (1 - 1e-9)
    if 0 < least <= of:
        low, _ = proportion_confint(least, of, 2 * at_most, method="beta")
        assert low >= share * (1 - 1e-6)


@given(st.floats(0.01, FLOOR_MAX), st.floats(0, 1))
def test_no_bet_is_ever_worth_less_than_nothing(floor: float, score: float) -> None:
    after = wealth_after(NOTHING, floor, score)
    assert len(after) == len(BETS) and all(one >= 0 for one in after)


@given(st.floats(0.05, FLOOR_MAX), st.lists(st.floats(0, 50), min_size=len(BETS), max_size=len(BETS)))
def test_wealth_grows_by_one_a_score_at_most(floor: float, wealth: list[float]) -> None:
    """On average, by the worst distribution with that mean: all 0 or 1. With a mean above it, by less."""
    for mean in (floor, min(1.0, floor + 0.1)):
        none, all_ = wealth_after(wealth, floor, 0.0), wealth_after(wealth, floor, 1.0)
        for before, low, high in zip(wealth, none, all_, strict=True):
            assert (1 - mean) * low + mean * high <= before + 1 + 1e-9 * (1 + before)


VOTES = 1500
FALSE_ALARMS = 0.5
FACES = (0.08, 0.12, 0.30, 0.50)
"""Shares of buttons 1 to 4: Happy Index 74.0."""
MEAN = sum(share * step / 3 for step, share in enumerate(FACES))


SEEDED = 20_261


def alarms_in(scores: Any, threshold: float) -> Any:
    """(alarms, votes up to the first of them) of many months at once: scores has a row for each month."""
    months, votes = scores.shape
    wealth: Any = [np.zeros(months) for _ in BETS]
    alarms, first = np.zeros(months, int), np.full(months, votes + 1)
    for number in range(votes):
        wealth = wealth_after(wealth, MEAN, scores[:, number])
        is_alarm = evidence(wealth) >= threshold
        first[is_alarm & (alarms == 0)] = number + 1
        alarms += is_alarm
        wealth = [np.where(is_alarm, 0.0, one) for one in wealth]
    return alarms, first


def months(faces: tuple[float, ...], number: int, votes: int = VOTES) -> Any:
    return np.random.default_rng(SEEDED).choice(4, (number, votes), p=faces) / 3


def test_a_thousand_months_at_the_floor_have_no_more_alarms_than_promised() -> None:
    alarms, _ = alarms_in(months(FACES, 1000), threshold_for(VOTES, FALSE_ALARMS))
    print(f"e-detector: {alarms.mean()} false alarms a month, at most {FALSE_ALARMS} promised")
    assert 0 < alarms.mean() <= FALSE_ALARMS, "none at all would be a test that sleeps"


def test_votes_that_hang_together_make_no_more_of_them() -> None:
    """Whole classes press alike: the mean is what it was, given all before, but for those who come together."""
    scores = np.repeat(months(FACES, 1000, VOTES // 5), 5, axis=1)
    alarms, _ = alarms_in(scores, threshold_for(VOTES, FALSE_ALARMS))
    print(f"e-detector, five at a time: {alarms.mean()} false alarms a month; not what is promised, and this is why")
    assert alarms.mean() > FALSE_ALARMS


@pytest.mark.parametrize(("faces", "within"), [((0.18, 0.17, 0.27, 0.38), 330), ((0.4, 0.25, 0.15, 0.2), 60)])
def test_a_fall_is_found_within_so_many_votes(faces: tuple[float, ...], within: int) -> None:
    """By 12 points in 330 votes, by 36 points in 60: nine times of ten."""
    _, first = alarms_in(months(faces, 1000, 1000), threshold_for(VOTES, FALSE_ALARMS))
    half, nine_of_ten = np.quantile(first, [0.5, 0.9])
    print(f"e-detector: half of them within {half} votes, nine of ten within {nine_of_ten}")
    assert nine_of_ten <= within
