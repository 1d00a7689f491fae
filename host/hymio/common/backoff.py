"""Pauses between attempts at something that fails: short at first, then ever longer up to a limit."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

FIRST_S: Final = 1.0
LONGEST_S: Final = 30.0
"""Long enough that a broker or a database that starts anew is not hammered, short enough for whoever waits for it."""


class Backoff:
    """The pause before the next attempt, in seconds; each is twice as long as the one before."""

    def __init__(self, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        """Begins with a pause of `first_s`; none is longer than `longest_s`."""
        self.first_s = first_s
        self.pause_s = first_s
        self._longest_s = longest_s

    @property
    def has_grown(self) -> bool:
        """Whether an attempt has failed since the last success."""
        return self.pause_s > self.first_s

    def failed(self) -> None:
        """Makes the next pause longer."""
        self.pause_s = min(2 * self.pause_s, self._longest_s)

    def succeeded(self) -> None:
        """Begins with the first pause again."""
        self.pause_s = self.first_s

    async def wait(self, stop: asyncio.Event) -> None:
        """Waits for the pause, or until `stop` is set; the next pause is longer."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), self.pause_s)
        self.failed()
