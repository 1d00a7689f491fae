"""The demo: broker, collector, database and three terminals live through a scripted minute, and the books must balance.

Everything runs as its own process, just as a person would start it; the script only presses, cuts and kills.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from hymio.errors import NO_SERVICE, Failure
from hymio.words import counted
from hymio_sim.boardfiles import find_tool
from hymio_sim.fingers import Event, Verdict, compare
from hymio_sim.processes import die_with_parent

DOOR: Final = "door-1"
CANTEEN: Final = "canteen-2"
CELLAR: Final = "cellar-3"
TERMINALS: Final = (DOOR, CANTEEN, CELLAR)
LENGTH_S: Final = 60.0
_SETTLE_S: Final = 60.0
"""How long after the script the last votes may take: the longest wait of the terminals' backoff in the script."""
_START_S: Final = 60.0
"""How long a process may take to start, on a busy machine."""
_STOP_S: Final = 20.0
"""And to end, before it is killed."""


class Child:
    """One process that prints JSON Lines; its events are collected by a thread."""

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
            start_new_session=True,  # Ctrl-C is for the demo, which then stops its children in order
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
        """Returns when the `count`-th event of that name has been seen."""
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
        """Ends the process and collects what it still had to say."""
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
    """Where the demo plays: its directory, its port, its processes."""

    folder: Path
    runtime: str
    port: int
    broker_command: Callable[[int], list[str]]
    children: dict[str, Child] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "hymio.db"

    def link(self, device_id: str) -> Path:
        """The terminal's serial port."""
        return self.folder / f"{device_id}.tty"

    def start(self, name: str, command: list[str], stdin: int = subprocess.DEVNULL) -> Child:
        """Starts a process under `name`."""
        child = Child(name, command, stdin, self.folder / f"{name}.log")
        self.children[name] = child
        return child

    def start_broker(self) -> None:
        """Starts the broker and waits until it can be reached."""
        broker = self.start("broker", self.broker_command(self.port))
        deadline = time.monotonic() + _START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if broker.process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "broker.log").read_text()
                raise Failure(NO_SERVICE, f"The broker did not start within {_START_S:.0f} s.", said)
            time.sleep(0.05)

    def start_collector(self) -> None:
        url = f"mqtt://127.0.0.1:{self.port}"
        self.start("collector", _hymio("collect", "--broker", url, "--db", str(self.database), "--json"))

    def start_terminal(self, device_id: str) -> None:
        pipe = self.folder / f"{device_id}.in"
        os.mkfifo(pipe)
        # Opened for both ways, so that neither a missing nor a leaving writer ends the terminal's input.
        self.inputs[device_id] = os.open(pipe, os.O_RDWR)
        command = _hymio(
            "sim", "terminal", "--device-id", device_id, "--flash", str(self.folder / f"{device_id}.bin"),
            "--link", str(self.link(device_id)), "--runtime", self.runtime, "--seed", str(len(self.inputs)), "--json",
        )  # fmt: skip
        if device_id != CELLAR:
            command += ["--mqtt", f"127.0.0.1:{self.port}"]
        self.start(device_id, command, self.inputs[device_id])

    def tell(self, device_id: str, command: str) -> None:
        """Gives a terminal one command."""
        os.write(self.inputs[device_id], command.encode() + b"\n")

    def close(self) -> None:
        """Ends everything, all at once."""
        for child in self.children.values():
            if child.process.poll() is None:
                child.process.terminate()
        for child in self.children.values():
            child.stop()
        self.children.clear()
        for pipe in self.inputs.values():
            os.close(pipe)
        self.inputs.clear()


def _hymio(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hymio", *arguments]


Step = tuple[float, str, Callable[[Stage], None]]


def script() -> list[Step]:
    """(seconds, what a person would say of it, what to do), in order. An empty text means: nothing worth a line."""
    steps: list[Step] = []

    def press(at_s: float, device_id: str, *commands: str, every_s: float = 1.2, said: str = "") -> None:
        for i, command in enumerate(commands):
            steps.append((at_s + i * every_s, said if i == 0 else "", _telling(device_id, command)))

    press(0.0, DOOR, "press 4", "press 3 150 profile xb2", "press 1 90 profile kpb22", every_s=2.3,
          said="door-1: three visitors, on switches that bounce")  # fmt: skip
    press(0.5, CANTEEN, "press 4", "press 4 120 profile worn", "press 2 200 profile tactile", every_s=2.6)
    press(1.0, CELLAR, "press 3", "press 1 130 profile tc1103", "press 4", every_s=2.9,
          said="cellar-3: never on the network, counts all the same")  # fmt: skip
    press(9.0, CANTEEN, *["press 2 80"] * 12, *["press 1 80", "press 3 80"] * 4, every_s=0.2,
          said="canteen-2: a child mashes the buttons, five times a second")  # fmt: skip
    press(9.5, DOOR, "press 3", "press 1 60", "press 4 100", every_s=0.7, said="door-1: somebody corrects a vote")
    press(14.0, DOOR, *["press 4 80", "press 1 80", "press 2 80"] * 2, every_s=0.31,
          said="door-1: a burst, and a power cut in the middle of it")  # fmt: skip
    steps.append((14.935, "", _telling(DOOR, "power off")))  # 5 ms after first contact of the fourth press
    press(16.0, CELLAR, "chord 1 4", "press 2", every_s=2.5)
    steps.append((17.5, "door-1: power is back", _telling(DOOR, "power on")))
    press(20.5, DOOR, "press 4", "press 4 100 profile mps22", "press 2", every_s=2.2)
    steps.append((20.0, "canteen-2: 15 s without Wi-Fi", _telling(CANTEEN, "wifi off")))
    press(21.0, CANTEEN, "press 4", "press 1", "press 3 140 profile typical18", "press 4", every_s=3.0)
    steps.append((22.0, "the collector is killed", lambda stage: stage.children["collector"].stop(signal.SIGKILL)))
    press(26.0, CELLAR, "press 4 60", "press 4 60", "press 3", every_s=2.0)
    steps.append((29.0, "the collector is back", lambda stage: stage.start_collector()))
    press(30.0, DOOR, "press 1", "press 4", every_s=2.4)
    steps.append((35.0, "canteen-2: Wi-Fi is back", _telling(CANTEEN, "wifi on")))
    steps.append((37.0, "the broker is killed, and its queue with it",
                  lambda stage: stage.children["broker"].stop(signal.SIGKILL)))  # fmt: skip
    press(37.5, DOOR, "press 3", "press 4", every_s=1.9)
    press(38.0, CANTEEN, "press 4", "press 2", every_s=2.1)
    steps.append((41.0, "the broker is back, empty", lambda stage: stage.start_broker()))
    press(44.0, DOOR, "press 4", "press 2", "press 4 110 profile worn", every_s=2.6)
    press(45.0, CANTEEN, "press 3", "press 4", every_s=3.1)
    steps.append((48.0, "cellar-3: a technician comes with a cable", _pull))
    press(50.0, CELLAR, "press 4", said="cellar-3: one more visitor, after the technician has left")
    return sorted(steps, key=lambda step: step[0])


def _telling(device_id: str, command: str) -> Callable[[Stage], None]:
    return lambda stage: stage.tell(device_id, command)


def _pull(stage: Stage) -> None:
    subprocess.run(
        _hymio("votes", "--port", str(stage.link(CELLAR)), "--db", str(stage.database), "--json"),
        check=False, stdout=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip


def _facts(command: str, database: Path) -> dict[str, Any]:
    done = subprocess.run(
        _hymio(command, "--db", str(database), "--json"),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise Failure(done.returncode, f"`hymio {command}` failed: {done.stderr.strip()}", "See the lines above.")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _rows(database: Path) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM presses_v1")]


def judge(stage: Stage) -> list[Verdict]:
    """Holds what the fingers did against the database, terminal by terminal."""
    rows = _rows(stage.database)
    lost = {t["device_id"]: t["lost"] for t in _facts("ledger", stage.database)["terminals"]}
    return [
        compare(
            device_id,
            list(stage.children[device_id].events),
            [row for row in rows if row["device_id"] == device_id],
            lost.get(device_id, 0),
        )
        for device_id in TERMINALS
    ]


def play(stage: Stage, say: Callable[[float, str], None]) -> list[Verdict]:
    """Runs the script and waits until every vote that has a way to the office is there (or 60 s are over)."""
    stage.start_broker()
    stage.start_collector()
    for device_id in TERMINALS:
        stage.start_terminal(device_id)
    stage.children["collector"].wait_for("ready", _START_S)
    for device_id in TERMINALS:
        stage.children[device_id].wait_for("ready", _START_S)
    begin = time.monotonic()
    for at_s, text, action in script():
        time.sleep(max(0.0, begin + at_s - time.monotonic()))
        if text:
            say(at_s, text)
        action(stage)
    time.sleep(max(0.0, begin + 52.0 - time.monotonic()))
    say(time.monotonic() - begin, "the last votes are on their way")
    while True:
        verdicts = judge(stage)
        on_the_way = sum(v.waiting for v in verdicts if v.device_id != CELLAR)
        if not on_the_way or time.monotonic() - begin > 52.0 + _SETTLE_S:
            return verdicts
        time.sleep(1)


def open_mosquitto(folder: Path) -> Callable[[int], list[str]]:
    """For `stage_set`: a mosquitto that asks nobody on this machine who he is, its configuration in `folder`."""

    def command(port: int) -> list[str]:
        config = folder / "mosquitto.conf"
        root = "user root\n" if os.name == "posix" and os.geteuid() == 0 else ""
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{root}")
        return [str(find_tool("mosquitto")), "-c", str(config)]

    return command


@contextlib.contextmanager
def stage_set(runtime: str, broker_command: Callable[[int], list[str]] | None = None) -> Iterator[Stage]:
    """A directory and a free port; everything that was started is gone at the end, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="hymio-demo-"))
    stage = Stage(folder, runtime, _free_port(), broker_command or _embedded)
    try:
        yield stage
    finally:
        with _deaf():
            stage.close()
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """A second Ctrl-C must not break off the cleaning up after the first."""
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
    return _hymio("broker", "--listen", f"127.0.0.1:{port}", "--json")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _show(console: Console, stage: Stage, verdicts: list[Verdict]) -> bool:
    """Prints report, ledger and comparison; True if all agree."""
    for command in ("report", "ledger"):
        subprocess.run(_hymio(command, "--db", str(stage.database)), check=False, timeout=60)
    table = Table(title="What the fingers did, held against the database", box=None, header_style="bold")
    for column in ("terminal", "pushes", "in flash", "cut off", "in database", "waiting", "lost"):
        table.add_column(column, justify="left" if column == "terminal" else "right")
    for v in verdicts:
        numbers = (v.pushes, v.stored, v.unthanked, v.in_database, v.waiting, v.known_lost)
        table.add_row(v.device_id, *map(str, numbers))
    console.print(table)
    console.print("[dim]cut off: power failed before the press was in flash; no light had said thank you[/dim]")
    for v in verdicts:
        kinds = ", ".join(f"{n} {verdict}" for verdict, n in v.by_verdict.most_common())
        console.print(f"  {v.device_id}: {kinds}", highlight=False)
    agree = True
    for v in verdicts:
        for problem in v.problems:
            agree = False
            console.print(f"[red]{v.device_id}: {problem}[/red]")
        if v.waiting > 0:
            since = ""
            if v.waiting_since_utc is not None:
                since = time.strftime(" since %H:%M:%S", time.localtime(v.waiting_since_utc))
            if v.device_id == CELLAR:
                console.print(f"{v.device_id}: {v.waiting} waiting in the terminal{since}, for the next cable")
            else:
                agree = False
                console.print(f"[red]{v.device_id}: {v.waiting} still waiting{since}[/red]")
    ledger = _facts("ledger", stage.database)
    for row in ledger["terminals"]:
        mine = next(v for v in verdicts if v.device_id == row["device_id"])
        if row["rows"] != mine.in_database or (row["device_id"] != CELLAR and not row["balanced"]):
            agree = False
            console.print(f"[red]{row['device_id']}: the ledger does not balance[/red]")
    if agree:
        console.print("[green]Every press is counted, filtered with its reason, or known to wait; none twice.[/green]")
    return agree


def _show_how_to_go_on(console: Console, stage: Stage) -> None:
    door = stage.link(DOOR)
    lines = (
        ("press a button", f"echo 'press 4' > {stage.folder / DOOR}.in"),
        ("see its votes arrive", f"hymio report --db {stage.database}"),
        ("which terminals are here", "hymio ports"),
        ("ask a terminal how it is", f"hymio status --port {door}"),
        ("pull its votes", f"hymio votes --port {door}"),
        ("talk SMP to it", f"smpmgr --port {door} os echo hello"),
        ("stop it and look around", f"mpremote connect {door} fs ls"),
        ("start it again", f"mpremote connect {door} reset"),
    )
    console.print("\nEverything goes on running. In another window:\n")
    for what, command in lines:
        console.print(f"  {what + ':':28}{command}", highlight=False, soft_wrap=True)
    console.print("\nCtrl-C here stops it all.")


def run_demo(runtime: str, keep: bool) -> int:
    """The whole demo; gives the exit status."""
    console = Console()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    with stage_set(runtime) as stage:
        console.print(
            f"Three terminals run the firmware on {'the MicroPython VM' if runtime == 'micropython' else 'CPython'}, "
            f"with a broker on 127.0.0.1:{stage.port} and a collector. A minute of their lives:\n"
        )
        with console.status("starting") as status:

            def say(at_s: float, text: str) -> None:
                console.print(f"  {at_s:5.1f} s  {text}", highlight=False)
                status.update(f"{_count(stage)}")

            verdicts = play(stage, say)
        console.print()
        agree = _show(console, stage, verdicts)
        if keep:
            with contextlib.suppress(KeyboardInterrupt):
                _show_how_to_go_on(console, stage)
                signal.pause()
        return 0 if agree else 1


def _count(stage: Stage) -> str:
    pressed = sum(e["event"] == "press" for name in TERMINALS for e in stage.children[name].events)
    stored = sum(e["event"] == "record" for name in TERMINALS for e in stage.children[name].events)
    return f"{counted(pressed, 'push')}, {stored} in flash"
