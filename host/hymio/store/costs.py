"""What the work of a transaction has cost, terminal by terminal."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Costs:
    """The seconds that the work for each terminal has taken, by device id, with the time waited for the database."""

    def __init__(self, seconds: Callable[[], float] = time.perf_counter) -> None:
        """Begins with no costs; `seconds` gives seconds of a monotonic clock."""
        self.by_device: dict[str, float] = defaultdict(float)
        self._seconds = seconds

    @contextmanager
    def of(self, device_id: str) -> Iterator[None]:
        """Books the time that the block takes on this terminal, also if the block fails."""
        began = self._seconds()
        try:
            yield
        finally:
            self.by_device[device_id] += self._seconds() - began
