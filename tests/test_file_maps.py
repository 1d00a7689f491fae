"""The file maps of the three READMEs: a line for each file of Python, and no line for a file that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("firmware", "host", "simulator")


def file_map(folder: str) -> list[tuple[str, str]]:
    """(path below the folder, what the line says) of every line of the map."""
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    assert len(sections) > 1 and sections[1].startswith("The files\n"), f"{folder}/README.md begins with its map"
    return re.findall(r"^\| `([\w/]+\.py)` \| (.*) \|$", sections[1], re.MULTILINE)


def files(folder: str) -> set[str]:
    """Every file of Python below the folder, but those that only say that a directory is a package."""
    found = (path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*.py") if path.name != "__init__.py")
    return {path.as_posix() for path in found if "__pycache__" not in path.parts and path.parts[0] != "build"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_has_a_line_and_every_line_a_file(folder: str) -> None:
    mapped = {path for path, _ in file_map(folder)}
    there = files(folder)
    assert mapped - there == set(), f"{folder}/README.md has lines for files that are not there"
    assert there - mapped == set(), f"{folder}/README.md has no line for these files"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_file_has_one_line_that_says_something(folder: str) -> None:
    lines = file_map(folder)
    assert len({path for path, _ in lines}) == len(lines)
    for path, said in lines:
        assert 8 <= len(said) <= 120, (path, said)
