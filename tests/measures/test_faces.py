"""From faces to figures: the worked examples of the field, and statsmodels and a naive computation beside them."""

from __future__ import annotations

import subprocess
import sys
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from hymio.measures.answers import misuse, option_shares
from hymio.measures.faces import figures, together
from hymio.measures.intervals import share, two_sided_p
from hymio.measures.levels import Thresholds
from hymio.measures.nps import RecommendAnswers, net_promoter_score
from hymio.site.model import Level

ALPHA_OF_1_96 = 2 * norm.sf(1.96)

counts = st.integers(0, 400)
four_or_five = st.one_of(st.lists(counts, min_size=4, max_size=4), st.lists(counts, min_size=5, max_size=5))


# ---- faces ----


def test_the_field_s_own_examples() -> None:
    assert figures([17, 16, 60, 126]).happy_index == pytest.approx(78.23, abs=0.005)
    assert figures([4, 2, 12, 23, 51]).happy_index == pytest.approx(81, abs=0.5)
    assert figures([4, 2, 12, 23, 51]).happy_index == 100 * (4 * 51 + 3 * 23 + 2 * 12 + 2) / (4 * 92)


def test_csat_and_negative_share_of_the_example() -> None:
    one = figures([17, 16, 60, 126])
    assert one.votes == 219 and one.csat is not None and one.negative is not None
    assert one.csat.value == pytest.approx(100 * 186 / 219) and one.negative.value == pytest.approx(100 * 33 / 219)
    assert one.csat.low == pytest.approx(79.59, abs=0.01) and one.csat.high == pytest.approx(89.06, abs=0.01)


def test_of_five_faces_the_middle_one_is_neither() -> None:
    one = figures([4, 2, 12, 23, 51])
    assert one.csat is not None and one.csat.value == pytest.approx(100 * 74 / 92)
    assert one.negative is not None and one.negative.value == pytest.approx(100 * 6 / 92)


@pytest.mark.parametrize("faces", [[0] * 4, [0] * 5])
def test_no_votes_give_no_figure(faces: list[int]) -> None:
    one = figures(faces)
    assert one.votes == 0
    assert (one.happy_index, one.happy_index_margin, one.csat, one.negative) == (None, None, None, None)


def test_one_vote_has_no_margin() -> None:
    one = figures([0, 0, 0, 1])
    assert one.happy_index == 100 and one.happy_index_margin is None
    assert one.csat is not None and one.csat.low == pytest.approx(20.65, abs=0.01) and one.csat.high == 100


@pytest.mark.parametrize("faces", [[1, 2, 3], [1] * 6, [1] * 11, [1, 2, 3, -1], []])
def test_what_is_no_faces_is_refused(faces: list[int]) -> None:
    with pytest.raises(ValueError, match=r"[Ff]aces"):
        figures(faces)


@given(four_or_five.filter(lambda faces: sum(faces) >= 2))
def test_the_margin_is_that_of_the_single_answers(faces: list[int]) -> None:
    answers = [100 * step / (len(faces) - 1) for step, count in enumerate(faces) for _ in range(count)]
    one = figures(faces)
    assert one.happy_index == pytest.approx(sum(answers) / len(answers))
    assert one.happy_index_margin == pytest.approx(1.96 * stdev(answers) / len(answers) ** 0.5, abs=1e-9)


@given(whole=st.integers(1, 100_000), of=st.floats(0, 1))
def test_wilson_s_interval_is_that_of_statsmodels(whole: int, of: float) -> None:
    part = round(of * whole)
    one = share(part, whole)
    low, high = proportion_confint(part, whole, alpha=ALPHA_OF_1_96, method="wilson")
    assert one is not None
    assert (one.low, one.high) == pytest.approx((100 * low, 100 * high), abs=1e-7)
    assert 0 <= one.low <= one.value <= one.high <= 100


def test_a_share_of_less_than_nothing_is_refused() -> None:
    for part, whole in ((3, 2), (-1, 2), (0, -1)):
        with pytest.raises(ValueError, match="0 <= part <= whole"):
            share(part, whole)
    assert share(0, 0) is None


@given(st.floats(-30, 30))
def test_the_normal_distribution_is_that_of_scipy(z: float) -> None:
    assert two_sided_p(z) == pytest.approx(2 * norm.sf(abs(z)), rel=1e-9)


def test_a_group_s_figure_is_that_of_its_votes() -> None:
    """A kiosk with one angry vote and a hall with a thousand happy ones: no mean of 0 and 100."""
    kiosk, hall = [1, 0, 0, 0], [0, 0, 0, 999]
    assert figures(together([kiosk, hall])).happy_index == 99.9


@given(st.lists(st.lists(counts, min_size=4, max_size=4), max_size=6))
def test_the_sum_of_cells_has_each_vote_once(cells: list[list[int]]) -> None:
    assert together(cells) == tuple(sum(cell[face] for cell in cells) for face in range(4))


def test_four_and_five_faces_have_no_sum() -> None:
    with pytest.raises(ValueError, match="4 and of 5"):
        together([[1] * 4, [1] * 5])
    assert together([], of=5) == (0,) * 5


# ---- NPS ----


def test_promoters_less_detractors() -> None:
    answers = RecommendAnswers.of([10] * 30 + [9] * 20 + [8] * 15 + [7] * 15 + [6] * 10 + [0] * 10)
    one = net_promoter_score(answers)
    assert (one.promoters, one.passives, one.detractors, one.score) == (50, 30, 20, 30)
    assert one.interval is not None
    # By hand: 50.75 and 20.75 of 103 make 29.126 +- 1.96 * sqrt((0.69417 - 0.29126 ** 2) / 103).
    assert one.interval.low == pytest.approx(14.05, abs=0.01) and one.interval.high == pytest.approx(44.20, abs=0.01)


def test_no_answers_give_no_score() -> None:
    assert net_promoter_score(RecommendAnswers.of([])) == net_promoter_score(RecommendAnswers((0,) * 11))
    assert net_promoter_score(RecommendAnswers.of([])).score is None


@pytest.mark.parametrize("faces", [(17, 16, 60, 126), (4, 2, 12, 23, 51)])
def test_faces_never_make_a_score(faces: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="can't be had from faces"):
        RecommendAnswers(faces)


def test_answers_beyond_the_scale_are_refused() -> None:
    for answer in (-1, 11):
        with pytest.raises(ValueError, match=r"0\.\.10"):
            RecommendAnswers.of([5, answer])
    with pytest.raises(ValueError, match="0 or more"):
        RecommendAnswers((0,) * 10 + (-1,))


@given(st.lists(st.integers(0, 10), min_size=1, max_size=200))
def test_the_score_lies_on_its_scale_and_in_its_interval(answers: list[int]) -> None:
    one = net_promoter_score(RecommendAnswers.of(answers))
    assert one.score is not None and one.interval is not None
    naive = 100 * (sum(answer >= 9 for answer in answers) - sum(answer <= 6 for answer in answers)) / len(answers)
    assert one.score == pytest.approx(naive)
    assert -100 <= one.interval.low < one.interval.high <= 100
    assert one.interval.holds(one.score)


# ---- levels ----


def test_level_reached_and_distance() -> None:
    ours = Thresholds(good=60, excellent=75, the_very_best=85)
    assert [ours.reached(index) for index in (None, 0.0, 59.9, 60.0, 74.9, 75.0, 84.9, 85.0, 100.0)] == [
        None,
        None,
        None,
        Level.GOOD,
        Level.GOOD,
        Level.EXCELLENT,
        Level.EXCELLENT,
        Level.THE_VERY_BEST,
        Level.THE_VERY_BEST,
    ]
    assert ours.distance(72.5, Level.EXCELLENT) == -2.5 and ours.distance(90, Level.THE_VERY_BEST) == 5
    assert ours.distance(None, Level.GOOD) is None
    assert [str(level) for level in Level] == ["GOOD", "EXCELLENT", "THE VERY BEST"]


@pytest.mark.parametrize("values", [(0, 50, 60), (70, 70, 80), (80, 70, 90), (70, 90, 80), (70, 80, 100.1), (-5, 1, 2)])
def test_thresholds_out_of_order_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="0 < good < excellent"):
        Thresholds(*values)


# ---- follow-ups and misuse ----


def test_answers_to_a_follow_up_are_shares_of_all_answers() -> None:
    found = option_shares({"waiting": 30, "price": 10, "other": 0})
    assert {option: one and one.value for option, one in found.items()} == {"waiting": 75, "price": 25, "other": 0}
    assert option_shares({"waiting": 0, "price": 0}) == {"waiting": None, "price": None}


def test_misuse_by_reason() -> None:
    found = misuse({"counted": 80, "mash": 5, "repeat": 12, "answer": 9, "test": 4, "chord": 0, "closed": 3})
    assert found.by_reason == {"repeat": 12, "mash": 5, "closed": 3} and next(iter(found.by_reason)) == "repeat"
    assert found.presses == 20 and found.share is not None and found.share.value == 20
    assert misuse({}).share is None and misuse({"test": 3}).presses == 0


# ---- start-up ----


def test_no_figure_imports_a_library_of_statistics() -> None:
    code = (
        "import sys, pkgutil, importlib, hymio.measures as m\n"
        "for one in pkgutil.iter_modules(m.__path__): importlib.import_module(f'hymio.measures.{one.name}')\n"
        "print(sorted({'numpy', 'scipy', 'pandas', 'statsmodels', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
