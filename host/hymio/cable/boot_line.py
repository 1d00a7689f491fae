"""The line that a terminal prints on its cable when it starts: waiting for it, and what it says."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hymio.cable.network_ports import serial_port
from hymio.common.errors import ANSWER_NO, NO_TERMINAL, Failure
from hymio.common.output import note

_LIMIT_S: Final = 30.0
"""How long to wait for the first sign of life, and for a board that stands at a prompt."""
_SLOW_S: Final = 300.0
"""How long to wait for a board that is starting. It may take many times longer to mount a large file system for the
first time than later, and says nothing meanwhile."""
_TELL_S: Final = 20.0
"""How often a person is told that the board is still waited for."""
_LOOPS: Final = 6
"""After so many starts of the ROM's loader, one after the other, nothing more is expected."""
_ROM: Final = re.compile(rb"rst:0x|ESP-ROM:|Guru Meditation")
_RESET: Final = (b"\r\x03", b"\r\x02", b"import machine\r", b"machine.reset()\r")
"""Ctrl-C, Ctrl-B (to the friendly prompt), and what is typed there. They are sent one by one, as Ctrl-C throws away
what follows."""
_LINE: Final = re.compile(
    r"hymio (?P<version>\S+) (?P<device_id>\S+) (?:boot (?P<boot>\d+), log (?P<log_id>[0-9a-f]{8})(?P<rest>.*)"
    r"|does not count: (?P<problem>.*))"
)
_CONFIG_PROBLEM: Final = re.compile(r"; (?P<problem>.*): running with the defaults")


@dataclass
class Start:
    """What a terminal has said on the cable when it started."""

    line: str
    version: str
    device_id: str
    problem: str
    """Why the terminal does not count; "" if it does."""
    boot: int | None = None
    log_id: int | None = None
    config_problem: str = ""

    def demand_counting(self) -> None:
        """Raises Failure 1 if the terminal, whose firmware has just been put on it, does not count."""
        if self.problem:
            raise Failure(
                ANSWER_NO,
                f"The firmware is on the board, but it does not count: {self.problem}.",
                "It blinks its first light and takes no votes until that is put right.",
            )


def read_start(line: str) -> Start | None:
    """What the line that a terminal prints when it starts says; None if it is another line."""
    found = _LINE.search(line)
    if found is None:
        return None
    start = Start(found[0].strip(), found["version"], found["device_id"], (found["problem"] or "").strip())
    if found["boot"]:
        start.boot, start.log_id = int(found["boot"]), int(found["log_id"], 16)
    config = _CONFIG_PROBLEM.search(found["rest"] or found["problem"] or "")
    start.config_problem = config["problem"] if config else ""
    return start


@dataclass
class StartPatience:
    """How long to go on waiting for a start, judged by what is heard. Times are seconds of any monotonic clock."""

    begin_s: float
    limit_s: float = _LIMIT_S
    slow_s: float = _SLOW_S
    heard: bytes = b""
    _last_s: float | None = None
    """When something was heard last."""
    _told_s: float = -math.inf

    def hears(self, now_s: float, data: bytes) -> None:
        """Takes what has come; b"" stands for a port that went away, as that of a board with USB of its own does."""
        self.heard += data
        self._last_s = now_s

    def is_over(self, now_s: float) -> bool:
        """Whether there is no point in waiting any longer."""
        since_begin_s = now_s - self.begin_s
        if since_begin_s >= self.slow_s or len(_ROM.findall(self.heard)) >= 2 * _LOOPS:
            return True
        if self._last_s is None:
            return since_begin_s >= self.limit_s
        # If the prompt shows behind the last line with the order to reset, no firmware was started.
        _, ordered, after = self.heard.rpartition(_RESET[-1].rstrip())
        is_at_prompt = (after if ordered else self.heard).rstrip().endswith(b">>>")
        return is_at_prompt and now_s - self._last_s >= self.limit_s

    def news(self, now_s: float) -> str:
        """A line for a person every now and then; "" if none is due."""
        if now_s - max(self.begin_s, self._told_s) < _TELL_S:
            return ""
        self._told_s = now_s
        waited_s = now_s - self.begin_s
        if self._last_s is None:
            return f"nothing heard for {waited_s:.0f} s ..."
        return f"still starting after {waited_s:.0f} s; the first time a large file system takes its time ..."


def listen(
    port: str,
    *,
    opened: Callable[[str], Any] = lambda port: serial_port(port, baudrate=115200, timeout=0.2, exclusive=True),
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    tell: Callable[[str], None] = note,
) -> Start:
    """Resets the board, which stands at its prompt, and waits for the line with which the terminal starts.

    Args:
        port: a serial port or the address of one.
        opened: gives the port, unopened.
        now: seconds of a monotonic clock.
        sleep: waits for so many seconds.
        tell: is called with a line for a person while it takes long.

    Raises:
        Failure: 3, the line does not come.
    """
    wanted = list(_RESET)
    patience = StartPatience(now())
    while not patience.is_over(now()):
        try:
            with opened(port) as cable:
                while not patience.is_over(now()):
                    if wanted:
                        cable.write(wanted.pop(0))
                    data = cable.read(256)
                    if data:
                        patience.hears(now(), data)
                    *lines, _rest = patience.heard.split(b"\n")
                    for line in lines:
                        start = read_start(line.decode(errors="replace"))
                        if start:
                            return start
                    if news := patience.news(now()):
                        tell(f"{port}: {news}")
        except OSError:
            # A board with USB of its own takes its port away while it resets.
            if not wanted:
                patience.hears(now(), b"")
            sleep(0.2)
    raise _no_start(port, patience)


def _no_start(port: str, patience: StartPatience) -> Failure:
    text = patience.heard.decode(errors="replace")
    said = [line.strip() for line in text.splitlines() if line.strip(" >\r\x1b")]
    if len(_ROM.findall(patience.heard)) >= 2 * _LOOPS:
        return Failure(
            NO_TERMINAL,
            f"The firmware is on the board, but it starts over and over (boot loop). It said: {said[-1]}",
            "Try another cable and power supply; if that does not help, flash it again.",
        )
    loader = [line for line in said if line.startswith("hymio: ")]  # main.py prints what it can't import
    orders = tuple(order.decode().strip() for order in _RESET)
    answers = [line for line in said if not line.removeprefix(">>> ").startswith(orders[2:])]
    if loader or answers:
        return Failure(
            NO_TERMINAL,
            f"The firmware is on the board, but it does not start. It said: {(loader or answers)[-1]}",
            f"`mpremote connect {port}` and Ctrl-D show the whole start.",
        )
    if said:
        return Failure(
            NO_TERMINAL,
            f"The firmware is on the board and was told to start, but nothing came for {patience.slow_s / 60:.0f} min.",
            "Press its reset button and look with `hymio status`: perhaps its file system takes still longer.",
        )
    return Failure(
        NO_TERMINAL,
        "The firmware is on the board, but it stays silent.",
        "Press its reset button and run the same command again.",
    )
