"""The plants of `make mutants` fit the tree, and its runner tells a survivor from a bug that was caught."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from plants import PLANTS, Plant
from runner import ROOT, main, planted, run


@pytest.mark.parametrize("plant", PLANTS, ids=[plant.name for plant in PLANTS])
def test_a_plant_fits_the_tree(plant: Plant) -> None:
    text = (ROOT / plant.file).read_text(encoding="utf-8")
    with_bug = planted(plant, text)
    assert with_bug is not None, (
        f"{plant.name} is stale: {plant.old!r} stands {text.count(plant.old)} times in {plant.file}, not once;"
        " tests/mutants/plants.py says how to mend it"
    )
    ast.parse(with_bug)
    assert plant.tests
    for test in plant.tests:
        file, _, name = test.partition("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert not name or f"def {name}(" in source, test


def test_names_are_names() -> None:
    names = [plant.name for plant in PLANTS]
    assert len(set(names)) == len(names) >= 25


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of one function, of whose two halves one is tested."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # it needs none, and they take a second to load
    (tmp_path / "host").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "host" / "toy.py").write_text("def half(n):\n    return n // 2 if n > 0 else 0\n")
    (tmp_path / "tests" / "test_toy.py").write_text(
        "from toy import half\n\n\ndef test_half():\n    assert half(8) == 4\n\n\ndef test_nothing():\n    half(1)\n"
    )
    return tmp_path


def plant(old: str, new: str, tests: str = "tests/test_toy.py", file: str = "host/toy.py") -> Plant:
    return Plant("toy", file, old, new, (tests,))


CAUGHT = plant("n // 2", "n // 4")


def test_what_becomes_of_a_plant(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = (
        (CAUGHT, "caught"),
        (plant("n > 0", "n > 1"), "survived"),  # that half has no test
        (plant("n // 2", "n // 4", "tests/test_toy.py::test_nothing"), "survived"),  # another test
        (plant("n // 3", "n // 4"), "stale"),
        (plant("n", "m"), "stale"),  # more than once
        (plant("return n", "retrun n"), "broken"),
    )
    before = (toy / "host" / "toy.py").read_text()
    assert run([one for one, _ in table], toy, jobs=1, as_json=True, options=()) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [one["status"] for one in answer["plants"]] == [status for _, status in table]
    assert answer["plants"][0]["by"] == "tests/test_toy.py::test_half"
    assert (answer["ok"], answer["clean"], answer["caught"]) == (False, True, 1)
    assert (toy / "host" / "toy.py").read_text() == before


def test_the_status_is_0_only_if_all_are_caught(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([CAUGHT], toy, jobs=1, options=()) == 0
    assert "1 of 1 bugs caught" in capsys.readouterr().out
    assert run([plant("n > 0", "n > 1")], toy, jobs=1, options=()) == 1
    out = capsys.readouterr().out
    assert "toy (host/toy.py) survived. No test noticed." in out and "0 of 1 bugs caught" in out


def test_tests_that_fail_by_themselves_prove_nothing(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (toy / "host" / "toy.py").write_text("def half(n):\n    return n // 2 + 1 if n > 0 else 0\n")
    assert run([CAUGHT], toy, jobs=1, as_json=True, options=()) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["plants"] == [] and answer["clean"] is False and answer["ok"] is False


def test_a_test_that_is_not_there_catches_nothing(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([plant("n // 2", "n // 4", "tests/test_gone.py")], toy, jobs=1, as_json=True, options=()) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "no-such-plant"])
    assert ended.value.code == 2 and "no-such-plant" in capsys.readouterr().err
