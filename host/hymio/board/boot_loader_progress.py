"""What becomes of esptool's output while it works: its progress goes to a bar of ours, its lines go nowhere.

esptool has one logger for the whole process, and it prints on stdout, which belongs to the answer of the command.
Several boards are written at once, each in a thread of its own, so each thread has its own bar.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

_thread = threading.local()


@contextlib.contextmanager
def shown_by(advance: Callable[[float], None]) -> Iterator[None]:
    """While the block runs, esptool's work in this thread calls `advance` with the share that is done, 0..1."""
    _thread.advance = advance
    try:
        yield
    finally:
        del _thread.advance


@functools.cache
def install() -> None:
    """Replaces esptool's logger by one that prints nothing. esptool has to be installed."""
    from esptool.logger import TemplateLogger, log  # type: ignore[import-untyped]

    class Bar(TemplateLogger):  # type: ignore[misc]
        """A logger that prints nothing and tells how far the work has come."""

        def print(self, *args: Any, **kwargs: Any) -> None:
            """Drops the line."""

        note = warning = error = stage = set_verbosity = print

        def progress_bar(
            self, cur_iter: int, total_iters: int, prefix: str = "", suffix: str = "", bar_length: int = 30
        ) -> None:
            """Tells the bar of this thread how far the work has come."""
            advance = getattr(_thread, "advance", None)
            if advance and total_iters:
                advance(min(1.0, cur_iter / total_iters))

    log.set_logger(Bar())
