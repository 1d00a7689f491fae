"""Running the `hymio` command: from outside, as another program would, or in this process where that is no matter."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from hymio.cli.app import app
from hymio.common.errors import run_cli

TIMEOUT_S = 120.0
MODULE = ["-m", "hymio"]
"""What Python runs as the command."""


def hymio(
    *arguments: str, timeout_s: float = TIMEOUT_S, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    command = [sys.executable, *MODULE, *arguments]
    given = os.environ | (environment or {})
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, env=given)


def hymio_here(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the command in this process, which spares its start."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(stdin))
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            status = run_cli(app, list(arguments))
    return subprocess.CompletedProcess(arguments, status, stdout.getvalue(), stderr.getvalue())


class Service:
    """A command that goes on running and prints JSON lines."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *MODULE, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | (environment or {}),
        )
        self.lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.stderr: list[str] = []
        threading.Thread(target=self._read_stdout, daemon=True).start()
        self._errors = threading.Thread(target=self._read_stderr, daemon=True)
        self._errors.start()

    def _read_stdout(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        self.stderr.extend(self.process.stderr)

    def wait_for(self, event: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The next line with this event; others before it are passed over."""
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = deadline - time.monotonic()
            try:
                line = self.lines.get(timeout=max(0.0, left_s))
            except queue.Empty:
                raise AssertionError(f"no {event} within {timeout_s} s; stderr: {self.stderr}") from None
            if line["event"] == event:
                return line

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal and gives the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(TIMEOUT_S)
        self._errors.join(TIMEOUT_S)
        return status


@contextlib.contextmanager
def service(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[Service]:
    """Starts a service and sees to it that it is gone afterwards."""
    running = Service(arguments, environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait(TIMEOUT_S)
