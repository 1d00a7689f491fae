"""What takes a while to work out: kept, given as it was, and made anew behind the reader's back.

Whatever it costs, no page waits for it longer than it wants to, many readers share one piece of work, and what is
asked for again and again takes a small share of the processor.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

KEPT_MAX: Final = 400
"""Things; each is some 50 kB."""
_REST: Final = 20.0
"""After it was made, a thing stays for so many times as long as that took."""
_REST_MAX_S: Final = 600.0


@dataclass(slots=True)
class _Thing:
    version: Hashable
    value: Any
    made_s: float
    took_s: float


class Shelf:
    """Things by their names, each of a version: what they were made of."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, workers: int = 2) -> None:
        """Makes at most `workers` things at the same time."""
        self._clock = clock
        self._things: OrderedDict[Hashable, _Thing] = OrderedDict()
        self._making: dict[Hashable, tuple[Hashable, Future[Any]]] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(workers, "shelf")

    def get(self, name: Hashable, version: Hashable, make: Callable[[], Any], wait_s: float | None) -> Any:
        """The thing of that version; or an older one, if it is being made for longer than we wait; or None.

        Args:
            name: of the thing.
            version: what it is made of; while that stays, it is not made again.
            make: makes it; runs in a thread of the shelf.
            wait_s: how long to wait for it; None: as long as it takes, and then never for an older one. 0: what is not
                there is not made either.

        Raises:
            Exception: whatever `make` raised, if it was waited for.
        """
        while True:
            with self._lock:
                thing = self._things.get(name)
                if thing is not None:
                    self._things.move_to_end(name)
                    rest_s = min(_REST_MAX_S, _REST * thing.took_s)
                    if thing.version == version or (wait_s is not None and self._clock() < thing.made_s + rest_s):
                        return thing.value
                elif wait_s == 0 and name not in self._making:
                    return None
                made_of, future = self._making.get(name) or (
                    version,
                    self._pool.submit(self._make, name, version, make),
                )
                self._making.setdefault(name, (made_of, future))
            try:
                value = future.result(wait_s)
            except TimeoutError:
                return None if thing is None else thing.value
            if made_of == version or wait_s is not None:
                return value

    def _make(self, name: Hashable, version: Hashable, make: Callable[[], Any]) -> Any:
        begin_s = self._clock()
        try:
            value = make()
        except BaseException:
            with self._lock:
                self._making.pop(name, None)
            raise
        now_s = self._clock()
        self._keep(name, _Thing(version, value, now_s, now_s - begin_s))
        return value

    def has(self, name: Hashable, version: Hashable) -> bool:
        """Whether the thing of that version is there."""
        thing = self._things.get(name)
        return thing is not None and thing.version == version

    def put(self, name: Hashable, version: Hashable, value: Any) -> None:
        """Keeps what came of other work."""
        self._keep(name, _Thing(version, value, self._clock(), 0.0))

    def _keep(self, name: Hashable, thing: _Thing) -> None:
        with self._lock:
            self._things[name] = thing
            self._things.move_to_end(name)
            self._making.pop(name, None)
            while len(self._things) > KEPT_MAX:
                self._things.popitem(last=False)
