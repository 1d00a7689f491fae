"""requirements.lock, what a release is installed with: it agrees with pyproject.toml, whose ranges it stands for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FOR_WHO_WORKS_ON_IT = {"demo", "test", "check", "lock"}
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {name: wanted for name, wanted in PROJECT["optional-dependencies"].items() if name not in FOR_WHO_WORKS_ON_IT}
WANTED = [Requirement(one) for one in (*PROJECT["dependencies"], *(one for extra in EXTRAS.values() for one in extra))]


def locked() -> list[tuple[Requirement, list[str]]]:
    """Every release in the lock file, and the hashes of its files."""
    text = re.sub(r"^#.*\n", "", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    entries = [entry.split() for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]
    found = []
    for words in entries:
        hashes = [word for word in words if word.startswith("--hash")]
        found.append((Requirement(" ".join(word for word in words if word not in hashes)), hashes))
    return found


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_what_the_project_wants_is_locked_within_its_range(wanted: Requirement) -> None:
    name = canonicalize_name(wanted.name)
    versions = [one.specifier for one, _ in locked() if canonicalize_name(one.name) == name]
    assert versions, f"{wanted.name} is not in requirements.lock: make lock"
    for version in versions:
        (pinned,) = version
        assert pinned.operator == "==" and wanted.specifier.contains(pinned.version), f"{wanted}: make lock"


def test_every_release_has_its_hashes_and_nothing_says_where_it_came_from() -> None:
    found = locked()
    assert len(found) > len(PROJECT["dependencies"])
    for release, hashes in found:
        assert hashes and all(HASH.fullmatch(one) for one in hashes), release
        assert release.url is None
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host|file:", text)


def test_no_extra_is_left_out_of_the_lock() -> None:
    line = re.search(r"^LOCKED := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line is not None and set(line[1].split()) == set(EXTRAS)
