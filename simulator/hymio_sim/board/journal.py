"""What happened on the board, as the events of host/spec/contract.md, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hymio_sim.board.sim_time import SimClock

Event = dict[str, Any]
"""The keys `event` (its name), `t` (seconds since the process started), and those that the event itself has."""

CONTRACT = 1


class Journal:
    """Stamps events with the time and hands them to `show`, which prints or keeps them.

    The first event is `ready`. What the hardware sees before it (the header of a first sector, for example) is held
    back and told after it.
    """

    def __init__(self, clock: SimClock, start_us: int, show: Callable[[Event], None]) -> None:
        self._clock = clock
        self._start_us = start_us
        self._show = show
        self._early: list[tuple[str, dict[str, Any]]] | None = []

    def tell(self, event: str, **keys: Any) -> None:
        """Tells an event that has happened now, with its keys."""
        if self._early is not None and event not in ("ready", "exit"):
            self._early.append((event, keys))
            return
        if event == "ready":
            self._tell(event, keys)
            self.hold_back_no_more()
        else:
            self.hold_back_no_more()
            self._tell(event, keys)

    def hold_back_no_more(self) -> None:
        """Tells what was held back: `ready` has come, or nobody expects it any more."""
        early, self._early = self._early, None
        for name, told in early or ():
            self._tell(name, told)

    def _tell(self, event: str, keys: dict[str, Any]) -> None:
        seconds = (self._clock.now_us() - self._start_us) / 1e6
        self._show({"event": event, "t": seconds, **keys})
