"""What Ctrl-C does at any moment of a command, the first and the last included: it prints two sentences or nothing.

A command has three phases. While it loads and reads its command line there is nothing to clean up, and an interrupted
import would print a traceback, so Ctrl-C ends the process at once. While it works, Ctrl-C is a KeyboardInterrupt, as
everywhere. Once it is over, Ctrl-C changes its status no more. A command that goes on until Ctrl-C (`ends_well`) ends
by it with status 0.
"""

# This module is imported before everything else, so it imports next to nothing.

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
"""The exit status after Ctrl-C, as shells report it: 128 + SIGINT."""
MESSAGE: Final = "Interrupted."
HINT: Final = "What is done stands; run the command again to go on."

_is_process = False
"""Whether this process is the command; in a test, or in another program, the signals are not ours."""
_ends_well = False


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether `--json` stands among the options; it is looked for before parsing, because that may be what fails."""
    options = list(arguments)
    if "--" in options:
        options = options[: options.index("--")]
    return "--json" in options


def guard() -> None:
    """Has Ctrl-C end the process at once; the entry point calls it before anything else is imported."""
    global _is_process
    # A signal that is ignored stays ignored: a shell without job control starts background processes like that.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _is_process = True
        signal.signal(signal.SIGINT, _leave)


def begin() -> None:
    """Makes Ctrl-C a KeyboardInterrupt from now on: there is something to clean up, or to say."""
    global _ends_well
    _ends_well = False
    _unwind()


@contextlib.contextmanager
def ends_well(*, is_service: bool = False) -> Iterator[None]:
    """For a command that goes on until Ctrl-C, which is then its end and no failure.

    The block holds what the command still has to load; Ctrl-C ends the process at once while it runs.

    Args:
        is_service: whether SIGTERM ends the command in the same way.
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
    """Marks the command as over: another Ctrl-C changes nothing about its status, and prints no traceback."""
    if _is_process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if _ends_well:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # A KeyboardInterrupt in a string that is executed (as `dataclasses` does while it is imported) ends the process
        # by SIGINT whatever its status, even if it was caught. The next such string makes Python forget it:
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
