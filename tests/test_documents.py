"""What CONTRIBUTING, SECURITY and CHANGELOG say can be done: the verbs, files and examples that they name are there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "mutants"))
from plants import PLANTS

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
VERBS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_verb_of_make_that_is_named_exists(document: str) -> None:
    named = set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", text(document), re.MULTILINE))
    assert named <= VERBS
    assert document != "CONTRIBUTING.md" or {"setup", "check", "test", "mutants", "release", "matrix"} <= named


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    """Paths in backticks and after a command, and the places that links lead to."""
    said = text(document)
    named = re.findall(r"(?:`|\s)((?:\.ci|tests|firmware|host|simulator)/[\w./-]*\w/?)", said)
    named += [link for link in re.findall(r"\]\(([^)]+)\)", said) if "://" not in link]
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert named or document == "CHANGELOG.md"


@pytest.mark.parametrize("verb", sorted(VERBS - {"check-style", "check-types", "check-firmware", "help"}))
def test_every_verb_has_a_line_of_help(verb: str) -> None:
    assert re.search(rf"^{verb}:.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_planted_bug_that_is_shown_is_one_of_ours() -> None:
    shown = re.search(
        r'^ {4}_host\("([\w-]+)", "([^"]+)", "([^"]+)", "([^"]+)", "([^"]+)"\),$', text("CONTRIBUTING.md"), re.M
    )
    assert shown is not None
    name, file, old, new, tests = shown.groups()
    (plant,) = [plant for plant in PLANTS if plant.name == name]
    assert (plant.file, plant.old, plant.new, plant.tests) == (f"host/hymio/{file}", old, new, (tests,))


def test_the_policy_says_what_the_standard_asks_for() -> None:
    """ETSI EN 303 645, provision 5.2-1: a contact, and when an acknowledgement and news of the matter come."""
    policy = text("SECURITY.md")
    chapters = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", policy, re.MULTILINE | re.DOTALL))
    assert set(chapters) == {"How to report", "What happens then", "Supported versions", "What is in scope"}
    assert "private vulnerability reporting" in chapters["How to report"]
    rows = re.findall(r"^\| (within|every) (\d+) days.*?\| (.+) \|$", chapters["What happens then"], re.MULTILINE)
    days = [int(number) for _, number, _ in rows]
    assert days == sorted(days) and days[-1] <= 90
    assert "acknowledges" in rows[0][2] and any(every == "every" and "update" in what for every, _, what in rows)
    # Nobody has an address for this yet; one that was made up would swallow reports.
    assert not re.search(r"[\w.]+@[\w.]+|PGP|TODO|example\.(com|org)", policy)
