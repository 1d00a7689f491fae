"""Ctrl-C at any moment of the demo leaves no process, port or directory behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest


def of_session(marker):
    """Command lines of processes that were started for this demo, told by a variable in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_bytes())
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize(("after_s", "how"), [(0.4, signal.SIGINT), (1.5, signal.SIGINT), (6, signal.SIGTERM)])
def test_interrupted(after_s, how, tmp_path):
    marker = f"HYMIO_TEST_MARK={tmp_path}"
    environment = dict(os.environ, HYMIO_TEST_MARK=str(tmp_path), TMPDIR=str(tmp_path))
    demo = subprocess.Popen(
        [sys.executable, "-m", "hymio", "sim", "demo"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(after_s)
    demo.send_signal(how)
    time.sleep(0.05)
    demo.send_signal(signal.SIGINT)  # an impatient second one changes nothing
    _, errors = demo.communicate(timeout=240)
    # The second one may meet an interpreter that is already leaving: the shell shows 130 for both.
    assert demo.returncode in (130, -signal.SIGINT), errors
    assert "Traceback" not in errors
    deadline = time.monotonic() + 60
    while of_session(marker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert of_session(marker) == []
    left = [str(path) for path in tmp_path.rglob("*") if path.is_file() or path.is_fifo()]
    assert left == [] and tempfile.gettempdir() != str(tmp_path)
