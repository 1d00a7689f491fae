"""What `make` does beside calling what is tested elsewhere: Ctrl-C, and one install for tests and checks."""

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make here")


def test_ctrl_c_ends_make_demo_keep_as_it_says_it_does(tmp_path):
    """Everybody in a terminal's foreground gets Ctrl-C. What runs here instead of the demo ends well by it, and so does
    make."""
    demo = tmp_path / "hymio"
    demo.write_text("#!/bin/sh\ntrap 'exit 0' INT\necho \"runs $*\"\nwhile :; do sleep 0.1; done\n")
    demo.chmod(0o755)
    command = ["make", "--old-file", ".venv/.ready-demo", "demo", "KEEP=1", f"BIN={tmp_path}"]
    pid, screen = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execvp("make", command)
    seen = b""
    try:
        while b"runs sim demo --keep" not in seen:
            assert select.select([screen], [], [], 20)[0], seen
            seen += os.read(screen, 1024)
        os.write(screen, b"\x03")
        with contextlib.suppress(OSError):  # the other end is closed
            while select.select([screen], [], [], 20)[0] and (more := os.read(screen, 1024)):
                seen += more
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
        assert b"Interrupt" not in seen and b"Error" not in seen
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.close(screen)


PYTHON = """#!/bin/sh
case "$*" in
*"pip install"*) echo "$*" >>pip.log ;;
*importlib.metadata*) echo 1.26 ;;
-V) echo Python 3.11 ;;
esac
"""


@pytest.mark.parametrize("verbs", [["all"], ["check", "test"], ["test", "check"]])
def test_tests_and_checks_are_installed_once(verbs, tmp_path):
    """On a machine that has everything, so that nothing is installed but by the pip that is watched here."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "setup", tmp_path / ".ci" / "setup")
    (tmp_path / "pyproject.toml").touch()
    programs = {f"bin/{name}": "#!/bin/sh\n" for name in ("mosquitto", "pgbouncer", "npm")}
    for path, text in {".venv/bin/python": PYTHON, **programs}.items():
        tool = tmp_path / path
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.write_text(text)
        tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    told = ""
    for verb in verbs:
        done = subprocess.run(
            [tmp_path / ".ci" / "setup", verb], env=environment, capture_output=True, text=True, timeout=240, check=True
        )
        told += done.stderr
    installs = (tmp_path / "pip.log").read_text().splitlines()
    assert sum("-e .[test,check]" in line for line in installs) == 1 and len(installs) == 2, installs
    assert told.count("ready after ") == len(verbs) and "one to four minutes" in told
    ready = {path.name.removeprefix(".ready-") for path in (tmp_path / ".venv").glob(".ready-*")}
    assert ready >= {"demo", "flash", "check", "test", *verbs}


def test_setup_is_one_call() -> None:
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        ["make", "--always-make", "--dry-run", "setup"],
        cwd=ROOT, env=alone, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[:-1] == [".ci/setup all"]
