"""The version stands in one file, the firmware's, and everybody reads it there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hymio
import hymio_sim
from hymio_sim.run.virtual import VirtualTerminal

ROOT = Path(__file__).parents[1]
SOURCE = Path("firmware") / "terminal" / "__init__.py"
VERSION = re.findall(r'^VERSION = "([^"]+)"$', (ROOT / SOURCE).read_text(), re.MULTILINE)[0]
COPIES = {Path("firmware") / "package.json"}
"""The format of mip wants it written down, and a test of the ecosystem compares it."""


def test_firmware_host_and_simulator_agree() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    assert hymio.__version__ == hymio_sim.__version__ == VERSION
    with VirtualTerminal("till-1") as terminal:
        assert terminal.machine.console(b"\r").startswith(f"hymio {VERSION} till-1 boot 1, ".encode())
    copy = json.loads((ROOT / "firmware" / "package.json").read_text())
    assert copy["version"] == VERSION


def test_everybody_follows_when_it_changes(tmp_path: Path) -> None:
    """In a tree with another version all that asks for it is told the new one; the installed package plays no part."""
    for part in ("firmware", "host", "simulator"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tmp_path)
    source = tmp_path / SOURCE
    source.write_text(source.read_text().replace(f'"{VERSION}"', '"97.98.99"'))
    program = (
        "import sys; sys.path[:0] = ['host', 'simulator']; import hymio, hymio_sim;"
        "from hatchling.metadata.core import ProjectMetadata; from hatchling.plugin.manager import PluginManager;"
        "print(hymio.__version__, hymio_sim.__version__, ProjectMetadata('.', PluginManager()).version)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["97.98.99"] * 3, done.stderr


def programs_and_settings() -> list[Path]:
    """What programs read, tests and documents apart."""
    found = [ROOT / "pyproject.toml", ROOT / "Makefile", *(ROOT / ".ci").iterdir()]
    for part in ("firmware", "host", "simulator"):
        found += [path for path in (ROOT / part).rglob("*") if path.suffix in (".py", ".toml", ".json", ".mjs", ".cfg")]
    return [path.relative_to(ROOT) for path in found if path.is_file()]


def test_no_second_literal_exists() -> None:
    quoted = re.compile(rf"""["']{re.escape(VERSION)}["']""")
    files = programs_and_settings()
    assert SOURCE in files and len(files) > 200
    assert {path for path in files if quoted.search((ROOT / path).read_text())} == {SOURCE, *COPIES}


def test_the_version_is_in_the_changelog() -> None:
    headings = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased" and VERSION in headings


def test_a_name_that_is_not_there_is_still_an_error() -> None:
    for package in (hymio, hymio_sim):
        with pytest.raises(AttributeError):
            package.nothing_of_the_kind  # noqa: B018
