"""What demo, benchmarks, proofs and tests share: a site on this machine, with real processes, a port and a folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hymio.common.child_processes import die_with_parent
from hymio.common.errors import NO_SERVICE, Failure
from hymio_sim.board.board_files import find_tool
from hymio_sim.board.journal import Event

_STOP_S = 20.0
"""How long a process may take to end before it is killed."""


def hymio(*arguments: str) -> list[str]:
    """The command line of `hymio` with these arguments, run by this same Python."""
    return [sys.executable, "-m", "hymio", *arguments]


def free_port() -> int:
    """A TCP port of 127.0.0.1 at which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Child:
    """One process that prints JSON Lines; a thread collects its events."""

    def __init__(self, name: str, command: list[str], stdin: int, errors: Path) -> None:
        self.name = name
        self.events: list[Event] = []
        self._changed = threading.Condition()
        self._errors = errors.open("ab")
        self.process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for the parent, which then stops its children in order
            preexec_fn=die_with_parent,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                with self._changed:
                    self.events.append(event)
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, name: str, timeout_s: float, count: int = 1) -> None:
        """Returns when the `count`-th event of that name has been seen.

        Raises:
            Failure: it did not come within `timeout_s`, or the process has ended.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: sum(e["event"] == name for e in self.events) >= count or self.process.poll() is not None,
                timeout_s,
            )
            if sum(e["event"] == name for e in self.events) < count:
                raise Failure(
                    NO_SERVICE, f"{self.name} did not start within {timeout_s:.0f} s.", f"See {self._errors.name}."
                )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process and collects what it still has to say."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(_STOP_S)
        self._errors.close()


@dataclass
class Stage:
    """A site on this machine: its folder, the port of its broker, its processes by name."""

    folder: Path
    runtime: str
    port: int
    broker_command: Callable[[int], list[str]]
    """Gives the command line of a broker at that port."""
    patience_s: float = 60.0
    """How long a process may take until it is there, on a busy machine."""
    children: dict[str, Child] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """The database of the collector."""
        return self.folder / "hymio.db"

    def link(self, device_id: str) -> Path:
        """The terminal's serial port."""
        return self.folder / f"{device_id}.tty"

    def start(self, name: str, command: list[str], stdin: int = subprocess.DEVNULL) -> Child:
        """Starts a process under that name."""
        child = Child(name, command, stdin, self.folder / f"{name}.log")
        self.children[name] = child
        return child

    def start_broker(self) -> None:
        """Starts the broker and waits until it can be reached.

        Raises:
            Failure: it can not be reached within `patience_s`.
        """
        broker = self.start("broker", self.broker_command(self.port))
        deadline = time.monotonic() + self.patience_s
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if broker.process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "broker.log").read_text()
                raise Failure(NO_SERVICE, f"The broker did not start within {self.patience_s:.0f} s.", said)
            time.sleep(0.05)

    def start_collector(self, *options: str) -> None:
        """Starts the collector; its event `ready` tells when it listens.

        options: of `hymio collect`; without any it finds the broker by plain TCP.
        """
        options = options or ("--broker", f"mqtt://127.0.0.1:{self.port}")
        self.start("collector", hymio("collect", *options, "--db", str(self.database), "--json"))

    def start_terminal(self, device_id: str, *options: str, with_mqtt: bool = True) -> Child:
        """Starts a terminal that obeys `tell`.

        options: further ones of `hymio sim terminal`; with_mqtt: it gets `--mqtt` with the broker of this stage.
        """
        pipe = self.folder / f"{device_id}.in"
        os.mkfifo(pipe)
        # Opened for reading and writing, so that the input does not end when there is no writer, or when one leaves.
        self.inputs[device_id] = os.open(pipe, os.O_RDWR)
        command = hymio(
            "sim", "terminal", "--device-id", device_id, "--flash", str(self.folder / f"{device_id}.bin"),
            "--link", str(self.link(device_id)), "--runtime", self.runtime, "--seed", str(len(self.inputs)), "--json",
        )  # fmt: skip
        command += options
        if with_mqtt:
            command += ["--mqtt", f"127.0.0.1:{self.port}"]
        return self.start(device_id, command, self.inputs[device_id])

    def tell(self, device_id: str, command: str) -> None:
        """Gives a terminal one command."""
        os.write(self.inputs[device_id], command.encode() + b"\n")

    def close(self) -> None:
        """Ends all processes at the same time."""
        for child in self.children.values():
            if child.process.poll() is None:
                child.process.terminate()
        for child in self.children.values():
            child.stop()
        self.children.clear()
        for pipe in self.inputs.values():
            os.close(pipe)
        self.inputs.clear()


def open_mosquitto(folder: Path) -> Callable[[int], list[str]]:
    """The broker command for `stage_set` of a mosquitto that accepts everybody on this machine.

    Its configuration is put into `folder`.
    """

    def command(port: int) -> list[str]:
        config = folder / "mosquitto.conf"
        root = "user root\n" if os.name == "posix" and os.geteuid() == 0 else ""
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{root}")
        return [str(find_tool("mosquitto")), "-c", str(config)]

    return command


@contextlib.contextmanager
def stage_set(runtime: str, broker_command: Callable[[int], list[str]] | None = None) -> Iterator[Stage]:
    """A stage with a folder and a free port; whatever was started is gone at the end, whatever happens.

    runtime: of the terminals; broker_command(port): the command line of the broker, without which it is `hymio broker`.
    """
    folder = Path(tempfile.mkdtemp(prefix="hymio-demo-"))
    stage = Stage(folder, runtime, free_port(), broker_command or _embedded)
    try:
        yield stage
    finally:
        with _deaf():
            stage.close()
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Ignores Ctrl-C while the block runs: a second one must not break off the cleaning up after the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _embedded(port: int) -> list[str]:
    return hymio("broker", "--listen", f"127.0.0.1:{port}", "--json")
