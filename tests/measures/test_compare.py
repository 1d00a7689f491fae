"""Two places, two periods, many hours: differences, what is chance in them, and who is ranked before whom."""

from __future__ import annotations

import random
from itertools import combinations
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from hymio.measures.compare import (
    Difference,
    before_and_after,
    compare_cells,
    csat_difference,
    index_difference,
    negative_difference,
    ranks,
    share_difference,
    told_apart,
)
from hymio.measures.faces import figures

ALPHA_OF_1_96 = 2 * norm.sf(1.96)

faces_st = st.lists(st.integers(0, 300), min_size=4, max_size=4)
parts = st.integers(1, 5000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


def sure(one: Difference | None) -> Difference:
    assert one is not None
    return one


# ---- shares ----


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((6, 7, 2, 7), 0.0582, 0.8062)],
)
def test_newcombe_s_own_examples(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    """Table II of the paper, method 10, examples a, b and c."""
    one = sure(share_difference(*counts))
    assert one.interval == pytest.approx((100 * low, 100 * high), abs=0.006)


@given(parts, parts)
@settings(deadline=None)
def test_newcombe_s_interval_is_that_of_statsmodels(first: tuple[int, int], second: tuple[int, int]) -> None:
    one = sure(share_difference(*first, *second))
    low, high = confint_proportions_2indep(*first, *second, compare="diff", method="newcomb", alpha=ALPHA_OF_1_96)
    assert one.interval.low == pytest.approx(100 * low, abs=1e-7)
    assert one.interval.high == pytest.approx(100 * high, abs=1e-7)
    assert one.interval.holds(one.value) and one.interval.low >= -100 - 1e-9 and one.interval.high <= 100 + 1e-9


@given(parts, parts)
@settings(deadline=None)
def test_p_is_that_of_the_pooled_z_test(first: tuple[int, int], second: tuple[int, int]) -> None:
    one = sure(share_difference(*first, *second))
    if 0 < first[0] + second[0] < first[1] + second[1]:
        _, p = proportions_ztest([first[0], second[0]], [first[1], second[1]])
        assert one.p == pytest.approx(p, rel=1e-6, abs=1e-12)
    else:
        assert one.p == 1


def test_no_votes_have_no_difference() -> None:
    nobody, some = [0, 0, 0, 0], [1, 2, 3, 4]
    for difference in (csat_difference, negative_difference, index_difference):
        assert difference(nobody, some) is None and difference(some, nobody) is None


def test_csat_and_negative_share_of_four_faces_mirror_each_other() -> None:
    first, second = [4, 6, 10, 30], [20, 10, 10, 10]
    csat, negative = sure(csat_difference(first, second)), sure(negative_difference(first, second))
    assert csat.value == pytest.approx(40) and negative.value == pytest.approx(-40)
    assert csat.interval.low == pytest.approx(-negative.interval.high) and csat.is_told_apart


# ---- Happy Indices ----


@given(faces_st.filter(any), faces_st.filter(any))
def test_the_difference_the_other_way_round_is_its_mirror(first: list[int], second: list[int]) -> None:
    one, other = sure(index_difference(first, second)), sure(index_difference(second, first))
    assert one.value == pytest.approx(-other.value)
    assert one.interval.low == pytest.approx(-other.interval.high) and one.p == pytest.approx(other.p)
    assert one.is_told_apart == (one.p < ALPHA_OF_1_96)


def test_many_votes_have_the_interval_of_the_two_margins() -> None:
    first, second = [1700, 1600, 6000, 12600], [2700, 2600, 5000, 9600]
    one = sure(index_difference(first, second))
    margins = [figures(faces).happy_index_margin or inf for faces in (first, second)]
    assert one.interval.high - one.value == pytest.approx((margins[0] ** 2 + margins[1] ** 2) ** 0.5, rel=0.001)


def test_five_votes_for_one_face_are_no_certainty() -> None:
    one = sure(index_difference([0, 0, 0, 5], [0, 0, 1, 4]))
    assert not one.is_told_apart and one.p > 0.1
    assert sure(index_difference([0, 0, 0, 50], [50, 0, 0, 0])).is_told_apart


@pytest.mark.parametrize(("votes", "weights"), [(8, (1, 1, 3, 5)), (20, (0, 1, 2, 17)), (60, (1, 1, 3, 5))])
def test_of_100_intervals_95_hold_the_truth(votes: int, weights: tuple[int, ...]) -> None:
    """Two samples of one population, whose true difference is 0: seeded, 2,000 times."""
    chance = random.Random(votes)

    def sample() -> list[int]:
        answers = chance.choices(range(4), weights, k=votes)
        return [answers.count(face) for face in range(4)]

    held = sum(not sure(index_difference(sample(), sample())).is_told_apart for _ in range(2000))
    assert held >= 0.94 * 2000


# ---- many at once ----


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0.001, 0.5))
@settings(deadline=None)
def test_benjamini_and_hochberg_as_statsmodels_have_it(p_values: list[float], rate: float) -> None:
    expected = multipletests(p_values, alpha=rate, method="fdr_bh")[0].tolist() if p_values else []
    assert told_apart(p_values, rate) == expected


def test_the_example_of_benjamini_and_hochberg() -> None:
    """Their 15 p values of a heart study, section 4: the first four are called real, and by Bonferroni three."""
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p_values += [0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert told_apart(p_values) == [True] * 4 + [False] * 11


def test_what_is_no_probability_is_refused() -> None:
    for p_values, rate in (([1.5], 0.05), ([-0.1], 0.05), ([0.5], 0.0), ([0.5], 1.0), ([float("nan")], 0.05)):
        with pytest.raises(ValueError, match=r"p value|false discovery"):
            told_apart(p_values, rate)


def test_a_hundred_hours_of_chance_give_next_to_no_discovery() -> None:
    chance = random.Random(7)

    def hour() -> list[int]:
        answers = chance.choices(range(4), (1, 1, 3, 5), k=30)
        return [answers.count(face) for face in range(4)]

    found = compare_cells({str(number): (hour(), hour()) for number in range(100)})
    assert sum(one is not None and one[0].is_told_apart for one in found.values()) > 0, "alone, some look real"
    assert sum(one is not None and one[1] for one in found.values()) == 0


def test_among_many_cells_the_real_one_is_found_and_the_empty_one_is_none() -> None:
    found = compare_cells(
        {"9": ([5, 5, 20, 70], [50, 30, 10, 10]), "10": ([9, 9, 9, 9], [9, 9, 8, 9]), "11": ([0] * 4, [9] * 4)}
    )
    assert found["9"] is not None and found["9"][1]
    assert found["10"] is not None and not found["10"][1]
    assert found["11"] is None


# ---- ranks ----


def test_who_overlaps_is_not_ranked() -> None:
    found = ranks({"till 1": [4, 6, 30, 60], "till 2": [5, 6, 30, 59], "exit": [60, 30, 6, 4], "attic": [0, 0, 0, 0]})
    assert [(one.name, one.best, one.worst) for one in found] == [("till 1", 1, 2), ("till 2", 1, 2), ("exit", 3, 3)]


@given(st.lists(faces_st, max_size=7))
@settings(deadline=None)
def test_ranks_hold_together(cells: list[list[int]]) -> None:
    found = ranks({str(place): faces for place, faces in enumerate(cells)})
    assert len(found) == sum(any(faces) for faces in cells)
    for place, one in enumerate(found, 1):
        assert one.best <= place <= one.worst
    for better, worse in combinations(found, 2):
        assert better.happy_index >= worse.happy_index


# ---- before and after ----


def test_before_and_after_a_dated_change() -> None:
    cells = [(0, 10, [5, 5, 0, 0]), (10, 20, [5, 5, 5, 0]), (20, 30, [0, 3, 0, 0]), (30, 40, [0, 0, 10, 20])]
    found = before_and_after(cells, 25.0)
    assert (found.before, found.after, found.left_out) == ((10, 10, 5, 0), (0, 0, 10, 20), 3)
    assert found.difference is not None and found.difference.value > 0 and found.difference.is_told_apart
    assert before_and_after(cells, 20).left_out == 0


def test_a_change_with_nothing_after_it_is_no_change() -> None:
    found = before_and_after([(0, 10, [5, 5, 0, 0])], 10)
    assert found.difference is None and found.after == (0, 0, 0, 0)
    assert before_and_after([], 10).before == (0, 0, 0, 0)
