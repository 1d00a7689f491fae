"""Who may import whom (`[tool.importlinter]` in pyproject.toml): the tree keeps to it, and a breach is seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BREACHES = {
    "wire/acks.py": "from hymio.common.words import counted\n",
    "store/costs.py": "def lazily():\n    from hymio.office import report\n    return report\n",
    "pki/files.py": "from hymio.settings import board_pins\n",
    "wire/primitives.py": "def lazily():\n    from hymio.wire import records\n    return records\n",
    "office/report.py": "import aiomqtt\n",
    "board/labels.py": "import hymio_sim.cli\n",
    "site/hours.py": "from hymio.measures import zones\n",
    "measures/nps.py": "def lazily():\n    import sqlalchemy\n    return sqlalchemy\n",
}
"""What is added to a file, each a breach of another rule: layers, siblings, cycles, the one client, the simulator, the
layers below the store, and what knows no database."""


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """The check of `make check`, on the packages of this tree."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(tree / "host"), str(tree / "simulator")))},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for part in ("host/hymio", "simulator/hymio_sim"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_the_tree_keeps_to_it(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", BREACHES)
def test_a_breach_is_seen(tree: Path, file: str) -> None:
    path = tree / "host" / "hymio" / file
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(before + "\n\n" + BREACHES[file], encoding="utf-8")
        done = lint(tree)
        assert done.returncode == 1 and "hymio." in done.stdout.partition("Broken contracts")[2], done.stderr
    finally:
        path.write_text(before, encoding="utf-8")
