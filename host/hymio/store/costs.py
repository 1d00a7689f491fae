"""What the work of a transaction has cost, terminal by terminal."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Costs:
    """Seconds by device id, waiting for the database included."""

    def __init__(self, seconds: Callable[[], float] = time.perf_counter) -> None:
        self.by_device: dict[str, float] = defaultdict(float)
        self._seconds = seconds

    @contextmanager
    def of(self, device_id: str) -> Iterator[None]:
        """Books what the block takes, also if it fails."""
        began = self._seconds()
        try:
            yield
        finally:
            self.by_device[device_id] += self._seconds() - began
