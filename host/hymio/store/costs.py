"""What the work of a transaction has cost, terminal by terminal."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable


class Costs:
    """The seconds that the work for each terminal has taken, by device id, with the time waited for the database."""

    def __init__(self, seconds: Callable[[], float] = time.perf_counter) -> None:
        """Begins with no costs; `seconds` gives seconds of a monotonic clock."""
        self.by_device: dict[str, float] = defaultdict(float)
        self.seconds = seconds

    def of(self, device_id: str) -> _Booking:
        """Books the time that a `with` block takes on this terminal, also if the block fails."""
        return _Booking(self, device_id)


class _Booking:
    """One block. It is entered several times for each message, and a generator would take three times as long."""

    __slots__ = ("_began", "_costs", "_device_id")

    def __init__(self, costs: Costs, device_id: str) -> None:
        self._costs = costs
        self._device_id = device_id

    def __enter__(self) -> None:
        self._began = self._costs.seconds()

    def __exit__(self, *_: object) -> None:
        costs = self._costs
        costs.by_device[self._device_id] += costs.seconds() - self._began
