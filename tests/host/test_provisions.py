"""The table of security provisions in host/spec/security.md names only tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_table_names_exists() -> None:
    chapter = (ROOT / "host" / "spec" / "security.md").read_text(encoding="utf-8").split("## ETSI EN 303 645")[1]
    named = set(re.findall(r"`(test_\w+)`", chapter))
    there = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert len(named) > 15
    assert named <= there, named - there
