"""The same people asked twice: the difference and its interval against scipy, and what of the table may be shown."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hymio.measures.nps import RecommendAnswers, net_promoter_score
from hymio.measures.panel import Attitude, attitude_of, panel

answers = st.integers(0, 10)
some_pairs = st.lists(st.tuples(answers, answers), min_size=5, max_size=60)


def points(score: int) -> int:
    return 100 if score >= 9 else 0 if score >= 7 else -100


@given(some_pairs)
def test_the_difference_is_that_of_two_scores(pairs: list[tuple[int, int]]) -> None:
    found = panel(pairs, 5)
    assert found is not None and found.pairs == len(pairs)
    before, after = (net_promoter_score(RecommendAnswers.of(side)).score for side in zip(*pairs, strict=True))
    assert found.before == pytest.approx(before) and found.after == pytest.approx(after)
    assert found.difference == pytest.approx(found.after - found.before)
    assert -200 <= found.interval.low <= found.difference <= found.interval.high <= 200
    turned = panel([(after, before) for before, after in pairs], 5)
    assert turned is not None and turned.interval.low == pytest.approx(-found.interval.high)


@pytest.mark.parametrize("seed", range(5))
def test_of_many_the_interval_is_that_of_the_paired_test(seed: int) -> None:
    dice = random.Random(seed)
    pairs = [(before := dice.randint(0, 10), min(10, before + dice.randint(-3, 4)) % 11) for _ in range(2_000)]
    found = panel(pairs, 5)
    assert found is not None
    ours = [[points(pair[side]) for pair in pairs] for side in (1, 0)]
    theirs = stats.ttest_rel(*ours).confidence_interval(0.95)
    assert tuple(found.interval) == pytest.approx((theirs.low, theirs.high), abs=0.15)


@pytest.mark.parametrize(
    "weights", [(4, 1, 1, 2, 8, 3, 1, 4, 9), (1, 1, 1, 1, 1, 1, 1, 1, 1), (30, 0, 0, 10, 20, 10, 0, 0, 30)]
)
@pytest.mark.parametrize("number", [8, 40])
def test_it_holds_the_truth_as_often_as_it_says(weights: tuple[int, ...], number: int) -> None:
    cells = [(was, now) for was in (3, 8, 10) for now in (3, 8, 10)]
    truth = sum(weight * (points(now) - points(was)) for weight, (was, now) in zip(weights, cells, strict=True)) / sum(
        weights
    )
    dice = random.Random(number)
    found = [panel(dice.choices(cells, weights, k=number), 5) for _ in range(600)]
    # 600 draws of 95 % have a standard deviation of 0.9 %.
    assert sum(one is not None and one.interval.holds(truth) for one in found) / 600 >= 0.925


def test_a_handful_that_all_stay_what_they_were_is_no_certainty() -> None:
    found = panel([(10, 10)] * 5, 5)
    assert found is not None and found.difference == 0 and found.interval.low < -20 and found.interval.high > 20


def test_too_few_are_not_shown() -> None:
    assert panel([(10, 0)] * 4, 5) is None and panel([], 5) is None
    with pytest.raises(ValueError, match="11"):
        attitude_of(11)


def test_a_table_whose_sums_are_large_enough_hides_its_small_cells_and_others() -> None:
    pairs = [(10, 10)] * 30 + [(10, 3)] * 2 + [(3, 10)] * 8 + [(3, 3)] * 20
    found = panel(pairs, 5)
    assert found is not None
    assert found.changes[Attitude.PROMOTER, Attitude.DETRACTOR] is None
    assert found.changes[Attitude.PASSIVE, Attitude.PASSIVE] == 0
    hidden = [cell for cell, people in found.changes.items() if people is None]
    for side in (0, 1):
        assert all(sum(cell[side] is one for cell in hidden) != 1 for one in Attitude), "or it comes out by subtraction"
    few = panel([(10, 10)] * 30 + [(3, 3)] * 2, 5)
    assert few is not None and set(few.changes.values()) == {None}


@given(some_pairs)
def test_no_small_cell_is_shown(pairs: list[tuple[int, int]]) -> None:
    found = panel(pairs, 5)
    assert found is not None
    assert all(people is None or people == 0 or people >= 5 for people in found.changes.values())
