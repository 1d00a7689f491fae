"""Ctrl-C at any moment of a command, its very first and its very last as well: two sentences or nothing, never more.

A command has three times. While it loads and reads its command line there is nothing to clean up, and an interrupted
import is a traceback, so Ctrl-C ends the process at once. While it works Ctrl-C is a KeyboardInterrupt, as everywhere.
When it is over it is told its status by nobody any more. What goes on until Ctrl-C (`ends_well`) ends by it with 0.
"""

# Imported before everything else, so it imports next to nothing.

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
"""Ctrl-C, as shells report it: 128 + SIGINT."""
MESSAGE: Final = "Interrupted."
HINT: Final = "What is done stands; run the command again to go on."

_is_process = False
"""Whether this process is the command; in a test, or another program, signals are not ours."""
_ends_well = False


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether `--json` stands among the options (it is looked for before parsing, which may be what fails)."""
    options = list(arguments)
    if "--" in options:
        options = options[: options.index("--")]
    return "--json" in options


def guard() -> None:
    """From the entry point, before anything is imported: from now on Ctrl-C ends the process at once."""
    global _is_process
    # One that is ignored stays so: a shell without job control starts what is to run in the background like that.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _is_process = True
        signal.signal(signal.SIGINT, _leave)


def begin() -> None:
    """From now on Ctrl-C is a KeyboardInterrupt: there is something to clean up, or to say."""
    global _ends_well
    _ends_well = False
    _unwind()


@contextlib.contextmanager
def ends_well(*, is_service: bool = False) -> Iterator[None]:
    """This command goes on until Ctrl-C, that is its end and no failure; a service ends by SIGTERM as well.

    In the block is what it still has to load: there Ctrl-C ends the process at once.
    """
    global _ends_well
    _ends_well = True
    if not _is_process:
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    if is_service:
        signal.signal(signal.SIGTERM, _leave)
    yield
    _unwind()


def is_end() -> bool:
    """Whether Ctrl-C is this command's end, and no failure."""
    return _ends_well


def over() -> None:
    """The command is over: whoever is impatient changes nothing about its status, and gets no traceback."""
    if _is_process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if _ends_well:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # A KeyboardInterrupt in a string that is executed (`dataclasses` does so while it is imported) ends the process
        # by SIGINT whatever its status, though it was caught; the next such string makes Python forget it:
        # https://github.com/python/cpython/blob/3.11/Python/pythonrun.c, run_eval_code_obj
        exec("")


def _unwind() -> None:
    if not _is_process:
        return
    # asyncio looks for this very handler, and cancels its main task then.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGTERM) is _leave:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    over()
    if not _ends_well:
        form = '{"error": {"exit": 130, "message": "%s", "hint": "%s"}}\n' if wants_json(sys.argv[1:]) else "%s\n%s\n"
        with contextlib.suppress(OSError):
            os.write(2, (form % (MESSAGE, HINT)).encode())
    os._exit(0 if _ends_well else INTERRUPTED)
