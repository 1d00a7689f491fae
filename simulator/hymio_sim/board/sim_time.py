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
        """It is not wanted any more."""
        ...


class Clock(Protocol):
    """Microseconds that never go back, and callbacks at given ones."""

    def now_us(self) -> int:
        """The present moment."""
        ...

    def call_at_us(self, when_us: int, callback: Callable[[], None]) -> Timer:
        """Calls once at that moment, or as soon as possible when it is past."""
        ...


class RealClock:
    """CLOCK_MONOTONIC, which a VM on the same machine reads as well: `time.ticks_us()` there is `now_us()` here."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now_us(self) -> int:
        return time.monotonic_ns() // 1000

    def call_at_us(self, when_us: int, callback: Callable[[], None]) -> Timer:
        return self._loop.call_at(when_us / 1e6, callback)


class _Due:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """Time that jumps from one due moment to the next."""

    def __init__(self) -> None:
        self._now_us = 0
        self._order = itertools.count()
        self._heap: list[tuple[int, int, _Due]] = []

    def now_us(self) -> int:
        return self._now_us

    def call_at_us(self, when_us: int, callback: Callable[[], None]) -> Timer:
        due = _Due(callback)
        heapq.heappush(self._heap, (max(when_us, self._now_us), next(self._order), due))
        return due

    def next_due_us(self) -> int | None:
        """When the next callback is due; None if there is none."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def advance_to(self, when_us: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Lets time pass, calling what becomes due, until `stop()` after one of the calls. A callback may itself let
        time pass, beyond `when_us` even."""
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
        """Lets time pass in which nothing is called: what was due meanwhile is called late, by `advance_to`."""
        self._now_us += us
