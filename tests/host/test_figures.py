"""Happy Index and its margin: the worked examples of the field, and a naive computation beside them."""

from __future__ import annotations

from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.measures.happy_index import happy_index, happy_index_margin


def test_the_field_s_own_examples() -> None:
    assert happy_index([17, 16, 60, 126]) == pytest.approx(78.23, abs=0.005)
    assert happy_index([4, 2, 12, 23, 51]) == pytest.approx(81, abs=0.5)


def test_few_votes_give_no_figure() -> None:
    assert happy_index([0, 0, 0, 0]) is None and happy_index_margin([0, 0, 0, 0]) is None
    assert happy_index([0, 0, 0, 1]) == 100 and happy_index_margin([0, 0, 0, 1]) is None
    assert happy_index_margin([0, 0, 0, 7]) == 0


@given(st.lists(st.integers(0, 40), min_size=4, max_size=4).filter(lambda faces: sum(faces) >= 2))
def test_margin_is_that_of_the_single_answers(faces: list[int]) -> None:
    answers = [100 * step / 3 for step, count in enumerate(faces) for _ in range(count)]
    assert happy_index(faces) == pytest.approx(sum(answers) / len(answers))
    assert happy_index_margin(faces) == pytest.approx(1.96 * stdev(answers) / len(answers) ** 0.5, abs=1e-9)
