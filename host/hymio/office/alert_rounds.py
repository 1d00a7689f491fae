"""Has rules look at what comes as long as `hymio serve` runs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final

from hymio.alerting.evaluation import Evaluator
from hymio.common.errors import Failure
from hymio.store.database import Store

POLL_S: Final = 0.5
"""How often it is asked whether anything has come; that is all that an alert waits for."""
_END_S: Final = 5.0


class AlertRounds(threading.Thread):
    """Looks every `POLL_S`, from `start` to `end`."""

    def __init__(self, store: Store, url: str, on_told: Callable[[], None] = lambda: None) -> None:
        """Takes the database, the address of the pages for links, and what is called when somebody is to be told."""
        super().__init__(name="alerts", daemon=True)
        self._evaluator, self._on_told = Evaluator(store, url), on_told
        self._is_over = threading.Event()

    def run(self) -> None:
        """The rounds."""
        while not self._is_over.is_set():
            with contextlib.suppress(Failure):  # the database is away: those who ask for pages say so
                if self._evaluator.look(time.time()):
                    self._on_told()
            self._is_over.wait(POLL_S)

    def end(self) -> None:
        """Has it keep how far it has looked."""
        self._is_over.set()
        self.join(_END_S)
        if not self.is_alive():
            with contextlib.suppress(Failure):
                self._evaluator.end()
