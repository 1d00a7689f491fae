"""One word names one thing: no two classes of the host share a name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

HOST = Path(__file__).parents[2] / "host" / "hymio"


def test_no_two_classes_share_a_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(HOST.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(HOST)}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
    assert len(places) > 80
