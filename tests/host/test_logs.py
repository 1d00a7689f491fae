"""`hymio logs`: from which line on."""

from __future__ import annotations

import pytest

from hymio.cable.text_log import Since, TextLine, lines_since, parse_line, parse_since
from hymio.common.errors import WRONG_USE, Failure

NOW_UTC_S = 1_795_334_400.0  # 2026-11-22T08:00:00Z


@pytest.mark.parametrize(
    ("given", "begin"),
    [
        ("0", Since(0)),
        ("120", Since(120)),
        ("20261122", Since(20261122)),  # digits alone are always a line's number
        ("10m", Since(0, NOW_UTC_S - 600)),
        ("2h", Since(0, NOW_UTC_S - 7200)),
        ("1d", Since(0, NOW_UTC_S - 86400)),
        ("36500d", Since(0, 0.0)),
        ("2026-11-22T08:00", Since(0, NOW_UTC_S)),
        ("2026-11-22 08:00:00Z", Since(0, NOW_UTC_S)),
        ("2026-11-22T10:00+02:00", Since(0, NOW_UTC_S)),
        ("2026-11-22", Since(0, NOW_UTC_S - 8 * 3600)),
        ("0001-01-01T00:00+14:00", Since(0, 0.0)),
    ],
)
def test_a_number_a_duration_or_a_time(given: str, begin: Since) -> None:
    assert parse_since(given, NOW_UTC_S) == begin


@pytest.mark.parametrize(
    "given", ["", "noon", "-1", "1.5", "2w", "0.0001s", "2026-11-22T25:00", "2026-02-29", "08:00", "9" * 16, "\u0663"]
)
def test_anything_else_is_told(given: str) -> None:
    with pytest.raises(Failure) as failed:
        parse_since(given, NOW_UTC_S)
    assert failed.value.exit_status == WRONG_USE
    assert failed.value.message.endswith(f"a line number, a duration or a UTC time, came {given!r}.")
    assert "2026-11-22T08:00" in failed.value.hint


def test_lines_without_a_date_go_with_the_dated_one_before_them() -> None:
    dates: list[int | None] = [None, 100, None, 200, None, 150, 300]
    lines = [TextLine(number, 1, 0, utc_s, "I", "text") for number, utc_s in enumerate(dates, 1)]

    def numbers(utc_s: float | None) -> list[int]:
        return [line.number for line in lines_since(lines, utc_s)]

    assert numbers(None) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(0) == [2, 3, 4, 5, 6, 7]
    assert numbers(100) == [2, 3, 4, 5, 6, 7]
    assert numbers(100.5) == numbers(200) == [4, 5, 6, 7]
    assert numbers(201) == [7]
    assert numbers(301) == []


def test_a_line_as_a_person_reads_it() -> None:
    dated, undated = parse_line("7 3 1500 1795334400 W one | two"), parse_line("8 3 1600 - E three")
    assert str(dated) == "     7 2026-11-22 08:00:00 UTC  W one\n    two"
    assert str(undated) == "     8 boot 3 + 1.600 s         E three"
    assert parse_line("9 3 16") is None
