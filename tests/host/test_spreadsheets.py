"""CSV for spreadsheets: nothing in it is a formula, and everything comes out as it went in."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.common.spreadsheets import csv_text, in_cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""), (True, "true"), (False, "false"), (-5, "-5"), (0.25, "0.25"), ("Ward 3", "Ward 3"), ("", ""),
        ("=1+1", "'=1+1"), ("+49 30", "'+49 30"), ("-", "'-"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"),
        ("\rx", "'\rx"), ("1-1", "1-1"), ("'=1", "'=1"),
    ],
)  # fmt: skip
def test_how_values_stand_in_cells(value: object, cell: str) -> None:
    assert in_cell(value) == cell


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=5), st.sampled_from([",", ";", "\t", "=", "ä", "a"]))
def test_a_reader_gets_every_cell_back_and_none_begins_a_formula(rows: list[list[str]], separator: str) -> None:
    text = csv_text(["one", "two"], rows, separator)
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    assert read == [["one", "two"], *([in_cell(value) for value in row] for row in rows)]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in read for cell in row)
