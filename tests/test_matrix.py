"""`make matrix` finds what is there, says what is not, and its status is that of the worst."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FAKE = """#!/bin/sh
# An interpreter of version {version} whose tests end with status {status}.
case "$*" in
*version_info*) echo {said} ;;
*"-m venv"*) for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
*"-m pip"*) exit {pip} ;;
*"-m pytest"*) echo "tests of {version}: $*"; exit {status} ;;
esac
"""


def matrix(
    tmp_path: Path, pythons: dict[str, dict[str, object]], *options: str
) -> tuple[int, dict[str, str], subprocess.CompletedProcess[str]]:
    """Runs it where there are no interpreters but these fakes; gives the status and what was said of each version."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    for place, fake in pythons.items():
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FAKE.format(**{"said": fake["version"], "status": 0, "pip": 0} | fake))
        path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "matrix.py", "--venvs", tmp_path / "venvs", *options],
        env={"PATH": f"{folder}:{tools(tmp_path)}", "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    said = dict(line.removeprefix("Python ").split(": ") for line in done.stdout.splitlines() if line[:7] == "Python ")
    return done.returncode, said, done


def tools(tmp_path: Path) -> Path:
    """What the fakes are made of, and no Python beside it."""
    folder = tmp_path / "tools"
    folder.mkdir(exist_ok=True)
    for name in ("mkdir", "cp", "sh"):
        if not (folder / name).exists():
            found = next(place for place in ("/bin", "/usr/bin") if os.access(f"{place}/{name}", os.X_OK))
            (folder / name).symlink_to(f"{found}/{name}")
    return folder


Fakes = dict[str, dict[str, object]]
GOOD: Fakes = {"bin/python3.11": {"version": "3.11"}}
BAD: Fakes = {"bin/python3.12": {"version": "3.12", "status": 1}}
SHIM: Fakes = {"bin/python3.13": {"version": "3.13", "said": "3.11"}}
IN_PYENV: Fakes = {".pyenv/versions/3.13.5/bin/python": {"version": "3.13"}}
NO_NETWORK: Fakes = {"bin/python3.14": {"version": "3.14", "pip": 1}}


def test_each_version_is_told_and_one_that_fails_is_the_status(tmp_path: Path) -> None:
    status, said, done = matrix(tmp_path, GOOD | BAD | SHIM)
    assert status == 1, done.stderr
    assert said == {
        "3.11": "passed", "3.12": "failed (pytest's status 1)", "3.13": "not found", "3.14": "not found",
    }  # fmt: skip
    assert "tests of 3.11: -m pytest --alone" in done.stdout


def test_what_is_not_found_fails_only_if_all_are_wanted(tmp_path: Path) -> None:
    assert matrix(tmp_path, GOOD | SHIM | IN_PYENV)[:2] == (
        0, {"3.11": "passed", "3.12": "not found", "3.13": "passed", "3.14": "not found"},
    )  # fmt: skip
    assert matrix(tmp_path, {}, "--complete")[0] == 2
    assert matrix(tmp_path, {}, "--only", "3.11")[:2] == (0, {"3.11": "passed"})


@pytest.mark.parametrize(("pythons", "expected"), [({}, 2), (NO_NETWORK, 1)])
def test_nothing_found_or_nothing_installed_is_no_success(
    pythons: dict[str, dict[str, object]], expected: int, tmp_path: Path
) -> None:
    status, said, _ = matrix(tmp_path, pythons)
    assert status == expected
    assert said["3.14"] == ("could not be set up" if pythons else "not found")


def test_an_environment_is_made_once(tmp_path: Path) -> None:
    assert "installing" in matrix(tmp_path, GOOD)[2].stdout
    assert "installing" not in matrix(tmp_path, GOOD)[2].stdout
