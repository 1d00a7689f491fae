"""A simulated terminal as a child process, as an outside program uses it, every event checked for its shape."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from hymio_sim.board.board_files import find_tool

PATIENCE_S = 120.0
_SCHEMA = Path(__file__).parents[1] / "schemas" / "sim-event.json"
is_event = Draft202012Validator(json.loads(_SCHEMA.read_text())).is_valid


class SimTerminal:
    """`hymio sim terminal` with its events; `expect` waits for one."""

    def __init__(self, directory: Path, *options: str, device_id: str = "till-1") -> None:
        self.flash = directory / f"{device_id}.bin"
        self.events = []
        self._fresh = queue.Queue()
        command = [sys.executable, "-m", "hymio_sim", "terminal", "--device-id", device_id, "--flash", str(self.flash)]
        self.process = subprocess.Popen(
            [*command, "--json", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._fresh.put(json.loads(line))
        self._fresh.put(None)

    def tell(self, *lines):
        """Writes command lines."""
        for line in lines:
            self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def expect(self, name, **keys):
        """The next event of that name with these keys; those that come before it are kept in `events`."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                event = self._fresh.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                event = None
            if event is None:
                raise AssertionError(f"no {name} {keys} came; these did: {self.events[-12:]}")
            assert is_event(event), f"not of the contract's shape: {event}"
            self.events.append(event)
            if event["event"] == name and all(event[key] == value for key, value in keys.items()):
                return event

    def of(self, name):
        return [event for event in self.events if event["event"] == name]

    def finish(self, status=0):
        """Quits; gives the exit status."""
        self.tell("quit")
        self.expect("exit", status=status)
        return self.process.wait(PATIENCE_S)

    def children(self):
        """The process ids of its VM, if there is one."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        self.process.stdin.close()


def is_alive(pid):
    """Whether the process runs (a zombie does not)."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until(condition, what):
    """Waits for what another process does; there is nothing to be told by."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


RUNTIMES = [
    pytest.param("micropython", marks=pytest.mark.skipif(find_tool("micropython") is None, reason="no VM here")),
    "cpython",
]
SIGTERM = signal.SIGTERM
