"""Every test runs once, in whatever order."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from order import COMPUTING, WAITING, in_shares

ROOT = Path(__file__).parents[1]
FILES = ("tests/test_scenario.py", "tests/firmware/test_bitrot.py", "tests/simulator/test_a_day.py", "tests/test_x.py")
TESTS = [SimpleNamespace(nodeid=f"{file}::test_{number}") for file in FILES for number in range(20)]
TESTS += [SimpleNamespace(nodeid=f"tests/test_y.py::test_{number}") for number in range(320)]


@pytest.mark.parametrize("processes", [2, 3, 4, 8, 200])
@pytest.mark.parametrize("count", [0, 1, 3, 400])
def test_no_test_is_lost_or_runs_twice(processes: int, count: int) -> None:
    found = in_shares(TESTS[:count], processes)
    assert Counter(test.nodeid for test in found) == Counter(test.nodeid for test in TESTS[:count])


def test_half_of_the_shares_begin_with_what_waits_and_half_with_what_computes() -> None:
    found = in_shares(TESTS, 4)
    begins = [found[share * 100].nodeid.split("::")[0] for share in range(4)]
    assert begins[:2] == ["tests/test_scenario.py"] * 2
    assert begins[2:] == ["tests/firmware/test_bitrot.py"] * 2


def test_what_is_named_is_there() -> None:
    for name in (*WAITING, *COMPUTING):
        file, _, test = name.partition("::")
        assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8"), name
