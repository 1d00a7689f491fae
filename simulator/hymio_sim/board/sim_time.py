"""The time that a simulated terminal lives in: real, on an asyncio loop, or virtual, on a heap of due moments."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A callback that waits for its moment."""

    def cancel(self) -> None:
        """Takes the callback back; it is not called any more."""
        ...


class SimClock(Protocol):
    """A clock in microseconds that never goes back, and that calls callbacks at given moments."""

    def now_us(self) -> int:
        """The present moment, in microseconds."""
        ...

    def call_at_us(self, when_us: int, callback: Callable[[], None]) -> Timer:
        """Calls `callback` once at that moment, or as soon as possible if that is past."""
        ...


class RealClock:
    """This machine's CLOCK_MONOTONIC, which a VM on it reads too: its `time.ticks_us()` is `now_us()` here."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now_us(self) -> int:
        """See `SimClock`."""
        return time.monotonic_ns() // 1000

    def call_at_us(self, when_us: int, callback: Callable[[], None]) -> Timer:
        """See `SimClock`."""
        return self._loop.call_at(when_us / 1e6, callback)


class _Due:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """A clock that jumps from one due moment to the next."""

    def __init__(self) -> None:
        self._now_us = 0
        self._order = itertools.count()
        self._heap: list[tuple[int, int, _Due]] = []

    def now_us(self) -> int:
        """See `SimClock`."""
        return self._now_us

    def call_at_us(self, when_us: int, callback: Callable[[], None]) -> Timer:
        """See `SimClock`."""
        due = _Due(callback)
        heapq.heappush(self._heap, (max(when_us, self._now_us), next(self._order), due))
        return due

    def next_due_us(self) -> int | None:
        """The moment at which the next callback is due, or None if there is no callback."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def advance_to(self, when_us: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Lets time pass until that moment, and calls what becomes due; stops early once `stop()` is true after a call.

        A callback may itself let time pass, even beyond `when_us`.
        """
        while (due_us := self.next_due_us()) is not None and due_us <= when_us:
            _, _, due = heapq.heappop(self._heap)
            self._now_us = max(self._now_us, due_us)
            callback = due.callback
            assert callback is not None
            callback()
            if stop():
                return
        self._now_us = max(self._now_us, when_us)

    def leap_us(self, us: int) -> None:
        """Lets time pass without calling anything. What became due meanwhile is called late, by `advance_to`."""
        self._now_us += us
