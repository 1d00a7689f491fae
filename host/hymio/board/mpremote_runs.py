"""Running mpremote, which puts files on a board and runs code there, and telling what its failures mean."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from hymio.cable.network_ports import cannot_reach, check_address, is_network
from hymio.common.errors import ANSWERED_ERROR, BROKEN_OFF, NO_TERMINAL, Failure

Runner = Callable[[Sequence[str], float, Callable[[str], None]], tuple[int, str]]
"""Takes the arguments of mpremote, the seconds for which it may be silent, and what is called with each line of stdout;
gives (exit status, stderr)."""

_TIMED_OUT = -1
_COMMAND = (sys.executable, "-m", "mpremote")
_STEP_S = 10
"""How long mpremote waits for one step of a copy, and for the prompt; it has no option to wait longer."""
_AGAIN = "Run the same command again: files that are there already are not copied twice."


class SlowBoard(Failure):
    """The board is there and does what it is told, but more slowly than mpremote waits: it may be asked once more."""


def run_mpremote(arguments: Sequence[str], limit_s: float, on_line: Callable[[str], None]) -> tuple[int, str]:
    """Runs mpremote; this is the `Runner` that is no test's."""
    process = subprocess.Popen(
        [*_COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
    )
    assert process.stdout is not None and process.stderr is not None
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    said: list[str] = []
    stderr = process.stderr
    drain = threading.Thread(target=lambda: said.append(stderr.read()), daemon=True)
    drain.start()
    timer = _started(limit_s, end)
    try:
        for line in process.stdout:
            timer.cancel()
            timer = _started(limit_s, end)  # each line is a sign of life
            on_line(line.rstrip("\r\n"))
        status = process.wait()
    finally:
        timer.cancel()
        with contextlib.suppress(OSError):
            process.kill()
        drain.join(5)
        process.stdout.close()
        process.stderr.close()
    return (_TIMED_OUT if late.is_set() else status), "".join(said)


def _started(seconds: float, then: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, then)
    timer.daemon = True
    timer.start()
    return timer


class MpRemote:
    """Runs mpremote on one serial port."""

    def __init__(self, port: str, runner: Runner = run_mpremote) -> None:
        """Runs mpremote on `port`; tests bring another `runner`."""
        self.port = port
        self._runner = runner
        self._answered = False
        """Whether MicroPython has ever answered."""

    def execute(self, code: str, limit_s: float = 30.0) -> str:
        """Stops the program on the board, runs `code` there, and gives what the code printed."""
        return self.run(["exec", code], limit_s)

    def run(self, arguments: Sequence[str], limit_s: float, on_line: Callable[[str], None] = lambda line: None) -> str:
        """Connects and does what `arguments` say (mpremote's own, joined by "+").

        Args:
            arguments: of mpremote.
            limit_s: for how many seconds nothing may be printed.
            on_line: is called with each line.

        Returns:
            What was printed.

        Raises:
            SlowBoard: the board is there, but takes longer than mpremote waits.
            Failure: 3 there is no MicroPython to talk to, 6 it was lost on the way, 5 the board said no.
        """
        check_address(self.port)
        lines: list[str] = []

        def keep(line: str) -> None:
            lines.append(line)
            on_line(line)

        status, said = self._runner(["connect", self.port, *arguments], limit_s, keep)
        if status:
            raise self._failure(status, said + "\n" + "\n".join(lines), limit_s)
        self._answered = True
        return "\n".join(lines)

    def _failure(self, status: int, said: str, limit_s: float) -> Failure:
        port = self.port
        if "failed to access" in said and is_network(port):
            return cannot_reach(port, OSError("nobody serves it there, or it is in use"))
        if "failed to access" in said or "no device" in said:
            return Failure(
                NO_TERMINAL,
                f"{port} can't be opened: there is no such port, or another program uses it.",
                "Check the cable, close other serial terminals; `hymio ports` lists what is there.",
            )
        if "timeout waiting for" in said and "EOF reception" in said:
            return SlowBoard(
                BROKEN_OFF,
                f"The board on {port} took more than {_STEP_S} s for one step: its file system is slow, or it hangs.",
                _AGAIN,
            )
        if "could not enter raw repl" in said and self._answered:
            return SlowBoard(
                BROKEN_OFF,
                f"The board on {port} has answered before, but was not ready again within {_STEP_S} s.",
                _AGAIN,
            )
        if "could not enter raw repl" in said:
            return Failure(
                NO_TERMINAL,
                f"Nothing on {port} answers as MicroPython does.",
                "Is a MicroPython image on the board, and is it the right port? Unplug it, plug it in, try again.",
            )
        if status == _TIMED_OUT:
            return Failure(
                NO_TERMINAL,
                f"The board on {port} fell silent: nothing came for {limit_s:.0f} s.",
                "Unplug it, plug it in and run the command again.",
            )
        last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), f"status {status}")
        if "SerialException" in said or "OSError: [Errno 5]" in said or "device disconnected" in said:
            return Failure(BROKEN_OFF, f"The board on {port} was lost: {last}", "Check the cable and run it again.")
        if "ENOSPC" in said or "Errno 28" in said:
            return Failure(
                BROKEN_OFF,
                f"The file system of the board on {port} is full.",
                "Remove files of yours and run it again.",
            )
        return Failure(ANSWERED_ERROR, f"The board on {port} says: {last}", "Unplug it, plug it in and try again.")
