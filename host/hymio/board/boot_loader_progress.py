"""What esptool says while it works: its progress goes to a bar of ours, its lines nowhere.

esptool has one logger for the whole process, and prints on stdout, which is the answer's. Several boards are written
at once, each in a thread of its own: so the bar belongs to the thread.
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
    """Within it this thread's esptool calls advance(share done, 0..1)."""
    _thread.advance = advance
    try:
        yield
    finally:
        del _thread.advance


@functools.cache
def install() -> None:
    """Takes the place of esptool's logger. Needs esptool."""
    from esptool.logger import TemplateLogger, log  # type: ignore[import-untyped]

    class Bar(TemplateLogger):  # type: ignore[misc]
        """Says nothing, and tells how far it has come."""

        def print(self, *args: Any, **kwargs: Any) -> None:
            """Nowhere."""

        note = warning = error = stage = set_verbosity = print

        def progress_bar(
            self, cur_iter: int, total_iters: int, prefix: str = "", suffix: str = "", bar_length: int = 30
        ) -> None:
            """To the bar of this thread."""
            advance = getattr(_thread, "advance", None)
            if advance and total_iters:
                advance(min(1.0, cur_iter / total_iters))

    log.set_logger(Bar())
