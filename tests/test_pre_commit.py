"""The hooks of a commit: they run the tools of .venv, and a file that `make check` would refuse is not committed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / ".pre-commit-config.yaml"

pytest.importorskip("pre_commit")


def test_every_hook_is_local_and_calls_what_there_is() -> None:
    text = CONFIG.read_text()
    assert re.findall(r"- repo: (.*)", text) == ["local"], "nothing is fetched, and no second version disagrees"
    entries = re.findall(r"entry: (.*)", text)
    makefile = (ROOT / "Makefile").read_text()
    for entry in entries:
        tool, *words = entry.split()
        if tool == "make":
            assert re.search(rf"^{words[-1]}:", makefile, re.MULTILINE)
        else:
            # As `make check` calls it, but for the files.
            assert tool.startswith(".venv/bin/") and tool.replace(".venv", "$(BIN)").replace("/bin", "") in makefile
    assert len(entries) == 4


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_a_commit_is_refused_for_what_make_check_would_refuse(tmp_path: Path) -> None:
    shutil.copy(CONFIG, tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "SKIP": "types,firmware"}
    environment |= {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert run("git", "init", "-q").returncode == 0
    installed = run(sys.executable, "-m", "pre_commit", "install")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    file = tmp_path / "new.py"
    for content, verdicts in (
        ('"""New."""\n\nimport os\n', {"ruff": "Failed", "ruff format": "Passed"}),
        ('"""New."""\n\nx = { 1:2 }\n', {"ruff": "Passed", "ruff format": "Failed"}),
        ('"""New."""\n\nx = {1: 2}\n', {"ruff": "Passed", "ruff format": "Passed"}),
    ):
        file.write_text(content)
        run("git", "add", "new.py")
        done = run("git", "commit", "-m", "x")
        told = done.stdout + done.stderr
        assert {name: re.search(rf"^{name}\.+(\w+)$", told, re.MULTILINE)[1] for name in verdicts} == verdicts, told
        assert (done.returncode == 0) is ("Failed" not in verdicts.values())
