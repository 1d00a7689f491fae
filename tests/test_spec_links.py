"""What READMEs, specification and code refer to is there: every link, and every section named by its heading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        ROOT / "README.md",
        *(ROOT / folder / "README.md" for folder in ("firmware", "host", "simulator")),
        *ROOT.glob("*/spec/*.md"),
    ]
)
SPECIFICATION = {path.name: path for path in ROOT.glob("*/spec/*.md")}
"""Every page by its name: no two of them have the same one."""


def headings(path: Path) -> set[str]:
    return set(re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE))


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_are_pages() -> None:
    pages = {"design.md", "log.md", "batch.md", "mqtt.md", "cable.md", "config.md", "contract.md"}
    assert pages <= SPECIFICATION.keys()
    assert len(SPECIFICATION) == len(list(ROOT.glob("*/spec/*.md")))


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target, section in re.findall(r"\]\(([^)\s]+)\)(?:,? \"([^\"]+)\")?", text):
        if target.startswith(("http://", "https://")):
            continue
        there = (path.parent / target).resolve()
        assert there.exists(), target
        if section and there.suffix == ".md":
            assert section in headings(there), (target, section)


def code_references() -> Iterator[tuple[Path, str, str]]:
    """(file, page, section or nothing) of every reference to the specification in a file of Python."""
    for folder in ("firmware", "host", "simulator", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            for page, section in re.findall(r"\bspec/(\w+\.md)(?:,? \"([A-Z][^\"\n]+)\")?", text):
                yield path, page, section


def test_references_in_code_lead_somewhere() -> None:
    wrong = [
        f"{ids(path)}: {page} {section}".strip()
        for path, page, section in code_references()
        if page not in SPECIFICATION or (section and section not in headings(SPECIFICATION[page]))
    ]
    assert not wrong
