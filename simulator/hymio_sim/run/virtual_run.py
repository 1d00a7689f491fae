"""The command `hymio sim terminal --clock virtual`: lines of a script and of stdin, obeyed in simulated time."""

from __future__ import annotations

import io
import os
import signal
import stat
import sys
from collections.abc import Callable
from types import FrameType

from hymio.common.output import note
from hymio_sim.board.journal import Event
from hymio_sim.run.settings import Settings
from hymio_sim.run.virtual import VirtualTerminal

_AFTERWARDS_S = 5.0
"""How long time goes on after the last line, once no button moves, so that lights and uploads come to their end."""


class _Terminated(BaseException):
    """The process has been told to end, by SIGTERM or SIGINT."""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated


def run_terminal(settings: Settings, show: Callable[[Event], None]) -> int:
    """Runs one terminal until it is told to quit; gives the exit status.

    Time stands still between lines; only `wait` lets it pass. Lines of a script, or of a file as stdin, take effect
    exactly at their moment. The next line from a pipe is not known yet, so it takes effect after the flash operation
    that is under way. The end of the last line is the end, because nothing could make time go on after it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _terminate)
    if settings.broker is not None:
        host, port = settings.broker
        note(f"In virtual time the broker is a simulated one as well: nothing reaches {host}:{port}.")
    terminal = VirtualTerminal(
        settings.device_id,
        flash=settings.flash,
        flash_times=settings.flash_times,
        network=settings.broker is not None,
        seed=settings.seed,
        config=settings.extra_config,
        show=show,
    )
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Bytes that are not UTF-8 come back in an `error`, which has to be JSON that every reader takes.
        sys.stdin.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        terminal.script(settings.script)
        if stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode):
            terminal.script(sys.stdin)
        is_typed = sys.stdin.isatty()
        while not terminal.terminal.has_quit and (line := sys.stdin.readline()):
            terminal.obey(line, is_typed)
        if not terminal.terminal.has_quit:
            while terminal.terminal.is_played_on():
                terminal.run(1.0)
            terminal.run(_AFTERWARDS_S)
    except _Terminated:
        pass
    return terminal.exit()
