"""The line that a terminal prints on its cable when it starts: waiting for it, and what it says."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Final

from hymio.errors import NO_TERMINAL, Failure
from hymio.network_ports import serial_port

_LIMIT_S: Final = 30.0
_RESET: Final = (b"\r\x03", b"\r\x02", b"import machine\r", b"machine.reset()\r")
"""Ctrl-C, Ctrl-B (to the friendly prompt), and what is typed there; one by one, as Ctrl-C throws away what follows."""
_LINE: Final = re.compile(
    r"hymio (?P<version>\S+) (?P<device_id>\S+) (?:boot (?P<boot>\d+), log (?P<log_id>[0-9a-f]{8})(?P<rest>.*)"
    r"|does not count: (?P<problem>.*))"
)
_CONFIG_PROBLEM: Final = re.compile(r"; (?P<problem>.*): running with the defaults")


@dataclass
class Start:
    """What a terminal said on the cable when it started."""

    line: str
    version: str
    device_id: str
    problem: str
    """Why it does not count, or ""."""
    boot: int | None = None
    log_id: int | None = None
    config_problem: str = ""


def read_start(line: str) -> Start | None:
    """What a line on the cable says if it is the one that a terminal prints when it starts."""
    found = _LINE.search(line)
    if found is None:
        return None
    start = Start(found[0].strip(), found["version"], found["device_id"], (found["problem"] or "").strip())
    if found["boot"]:
        start.boot, start.log_id = int(found["boot"]), int(found["log_id"], 16)
    config = _CONFIG_PROBLEM.search(found["rest"] or found["problem"] or "")
    start.config_problem = config["problem"] if config else ""
    return start


def listen(port: str, limit_s: float = _LIMIT_S) -> Start:
    """Resets the board, which stands at its prompt, and waits for the line with which the terminal starts.

    Raises:
        Failure: it does not come.
    """
    heard = b""
    wanted = list(_RESET)
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            with serial_port(port, baudrate=115200, timeout=0.2, exclusive=True) as cable:
                while time.monotonic() < deadline:
                    if wanted:
                        cable.write(wanted.pop(0))
                    heard += cable.read(256)
                    *lines, _rest = heard.split(b"\n")
                    for line in lines:
                        start = read_start(line.decode(errors="replace"))
                        if start:
                            return start
        except OSError:
            # A board with USB of its own takes its port away while it resets.
            time.sleep(0.2)
    text = heard.decode(errors="replace")
    said = [line.strip() for line in text.splitlines() if line.strip(" >\r\x1b")]
    if said:
        loader = [line for line in said if line.startswith("hymio: ")]  # main.py tells what it can't import
        raise Failure(
            NO_TERMINAL,
            f"The firmware is on the board, but it does not start. It said: {(loader or said)[-1]}",
            f"`mpremote connect {port}` and Ctrl-D show the whole start.",
        )
    raise Failure(
        NO_TERMINAL,
        "The firmware is on the board, but it stays silent.",
        "Press its reset button and run the same command again.",
    )
