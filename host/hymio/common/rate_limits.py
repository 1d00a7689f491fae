"""How many requests one asker may make: a bucket that empties with each, and fills again with time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

ASKERS_MAX: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float


class RateLimit:
    """So many requests a second for each asker, and some at once after a pause. It has no clock of its own."""

    def __init__(self, a_second: float, at_once: float, askers_max: int = ASKERS_MAX) -> None:
        """Beyond `askers_max` the one that asked least lately is forgotten."""
        self._a_second, self._at_once, self._askers_max = a_second, at_once, askers_max
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, asker: str, now_s: float) -> float:
        """How long an asker has to wait before its next request; 0: not at all."""
        left = self._left(asker, now_s)
        return 0.0 if left >= 1 else (1 - left) / self._a_second

    def book(self, asker: str, now_s: float) -> None:
        """Counts a request."""
        left = self._left(asker, now_s)
        self._buckets[asker] = _Bucket(max(0.0, left - 1), now_s)
        self._buckets.move_to_end(asker)
        while len(self._buckets) > self._askers_max:
            self._buckets.popitem(last=False)

    def give_back(self, asker: str) -> None:
        """Takes back what was counted last: it was none of those that are limited."""
        bucket = self._buckets.get(asker)
        if bucket is not None:
            bucket.left = min(self._at_once, bucket.left + 1)

    def _left(self, asker: str, now_s: float) -> float:
        bucket = self._buckets.get(asker)
        if bucket is None:
            return self._at_once
        return min(self._at_once, bucket.left + max(0.0, now_s - bucket.at_s) * self._a_second)
