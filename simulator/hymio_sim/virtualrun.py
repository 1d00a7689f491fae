"""The command `hymio sim terminal --clock virtual`: lines of a script and of stdin, obeyed in simulated time."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable
from types import FrameType

from hymio_sim.journal import Event
from hymio_sim.realtime import Settings
from hymio_sim.virtual import VirtualTerminal

_AFTERWARDS_S = 60.0
"""When there are no more lines, what has begun comes to its end."""


class _Terminated(BaseException):
    """SIGTERM."""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated


def run_terminal(settings: Settings, show: Callable[[Event], None]) -> int:
    """Runs one terminal until it is told to quit; gives the exit status. Time stands still between lines: only `wait`
    lets it pass. Lines of a script, or of a file as stdin, take effect at their moment exactly; from a pipe, whose next
    line nobody knows yet, after the flash operation that is under way."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _terminate)
    terminal = VirtualTerminal(
        settings.device_id,
        flash=settings.flash,
        flash_times=settings.flash_times,
        network=settings.broker is not None,
        seed=settings.seed,
        config=settings.extra_config,
        show=show,
    )
    try:
        terminal.script(settings.script)
        if stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode):
            terminal.script(sys.stdin)
        while not terminal.terminal.has_quit and (line := sys.stdin.readline()):
            terminal.obey(line)
        if not terminal.terminal.has_quit:
            terminal.run(_AFTERWARDS_S)
            signal.pause()
    except _Terminated:
        pass
    terminal.exit()
    return 0
