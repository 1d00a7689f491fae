"""What has come and waits for its transaction: in bounded memory, and each terminal in a queue of its own.

Who costs more than a share waits: as long as anybody else has something, it is not its turn, and then it is alone. So
what one terminal does delays another by one small transaction, however much it sends and whatever that costs.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hymio.store.arrivals import Item
from hymio.wire import limits

SHARE: Final = 0.2
"""So much of the time a terminal may cost for long without standing back behind others."""
GRACE_S: Final = 0.5
"""And so many seconds at once: a terminal that comes back with a full log is no burden."""
TURN_S: Final = 0.25
"""What a transaction of one that stands back should take, by what its messages have cost so far."""
_KNOWN_MAX: Final = 100_000
"""Names that are remembered."""
FIRST_MESSAGES: Final = 4
"""Of a terminal whose messages have cost nobody knows what; twice as many each time."""


@dataclass(slots=True)
class _Queue:
    """One terminal's."""

    items: deque[Item] = field(default_factory=deque)
    bytes: int = 0
    debt_s: float = 0.0
    """What it has cost beyond its share; it falls with time."""
    as_of_s: float = 0.0
    cost_s: float = 0.0
    """What one of its messages costs, by the last ones."""
    first: int = FIRST_MESSAGES
    rests_until_s: float = 0.0
    taken: int = 0
    """Messages in the transaction at hand."""

    @property
    def affordable(self) -> int:
        """So many of its messages should not take longer than a turn."""
        return max(1, int(TURN_S / self.cost_s)) if self.cost_s else limits.TRANSACTION_MESSAGES

    def most(self, is_alone: bool) -> int:
        """Of its messages in one transaction."""
        known = self.first if is_alone else min(self.first, limits.TRANSACTION_MESSAGES_OF_ONE)
        return min(known, self.affordable)


class Inbox:
    """Queues by terminal; `put` in, `take` out, `settle` when it is known what it has cost."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._queues: dict[str, _Queue] = {}
        self._messages = 0
        self._bytes = 0
        self._known: set[str] = set()
        self.passed_over = 0
        """Messages for which there was no room; the terminals send them again."""

    def __len__(self) -> int:
        return self._messages

    @property
    def bytes(self) -> int:
        """What the messages take in memory, about."""
        return self._bytes

    def put(self, item: Item) -> bool:
        """Whether there was room: not if the terminal has too much here already. If all have, it is at the expense of
        the one that has most."""
        size = _size(item)
        queue = self._queues.setdefault(item.device_id, _Queue(as_of_s=self._now_s()))
        if (
            len(queue.items) >= limits.INBOX_MESSAGES_OF_ONE
            or queue.bytes + size > limits.INBOX_BYTES_OF_ONE
            or not self._make_room(queue, size)
        ):
            self.passed_over += 1
            self._forget_if_idle(item.device_id)
            return False
        self._append(queue, item)
        return True

    def put_back(self, items: Iterable[Item], rest_s: float) -> None:
        """What could not be committed is first in line again; its terminals rest for so long."""
        for item in reversed(list(items)):
            queue = self._queues.setdefault(item.device_id, _Queue(as_of_s=self._now_s()))
            queue.rests_until_s = self._now_s() + rest_s
            queue.debt_s = max(queue.debt_s, 2 * GRACE_S)  # it may be what stands in the way: next time it goes alone
            queue.items.appendleft(item)
            self._count(queue, 1, _size(item))

    def take(self) -> list[Item]:
        """What goes into the next transaction: something of all who have not cost too much, or, if there is nobody
        else, of one who has; nothing if nothing is due."""
        now_s = self._now_s()
        due = [one for one in self._queues.values() if one.items and one.rests_until_s <= now_s]
        for queue in due:
            queue.debt_s = max(0.0, queue.debt_s - SHARE * (now_s - queue.as_of_s))
            queue.as_of_s = now_s
        light = [one for one in due if one.debt_s <= GRACE_S]
        if not light and due:
            behind = min(due, key=lambda one: one.debt_s)
            return [self._pop(behind) for _ in range(min(len(behind.items), behind.most(is_alone=True)))]
        taken: list[Item] = []
        # Whose votes have been taken in before goes first: names that nobody knows may come by the thousand.
        light.sort(key=lambda one: (one.items[0].device_id not in self._known, one.debt_s))
        is_alone = len(light) == 1
        while light and len(taken) < limits.TRANSACTION_MESSAGES:
            for queue in light[: limits.TRANSACTION_MESSAGES - len(taken)]:
                taken.append(self._pop(queue))
            light = [one for one in light if one.items and one.taken < one.most(is_alone)]
        return taken

    def settle(self, costs_s: Mapping[str, float]) -> None:
        """What was taken last has cost this, by device id."""
        for device_id, cost_s in costs_s.items():
            queue = self._queues.get(device_id)
            if queue is not None and queue.taken:
                queue.debt_s += cost_s
                queue.cost_s = cost_s / queue.taken
        for device_id, queue in list(self._queues.items()):
            if queue.taken:
                queue.first = min(2 * queue.first, limits.TRANSACTION_MESSAGES)
                queue.taken = 0
            self._forget_if_idle(device_id)

    def know(self, device_ids: Iterable[str]) -> None:
        """Votes of these have been committed."""
        if len(self._known) > _KNOWN_MAX:
            self._known.clear()
        self._known.update(device_ids)

    def hurry(self, rest_s: float) -> None:
        """Whatever stood in the way is over: nobody rests longer than this."""
        for queue in self._queues.values():
            queue.rests_until_s = min(queue.rests_until_s, self._now_s() + rest_s)

    def next_due_s(self) -> float | None:
        """In how many seconds one that rests is due; None if nobody rests."""
        waits = [one.rests_until_s - self._now_s() for one in self._queues.values() if one.items]
        return max(0.0, min(waits)) if waits else None

    def _make_room(self, queue: _Queue, size: int) -> bool:
        """Room for `size` bytes more of `queue`, taken from whoever has more than that one."""
        while self._messages >= limits.INBOX_MESSAGES or self._bytes + size > limits.INBOX_BYTES:
            largest = max(self._queues.values(), key=lambda one: one.bytes)
            if largest.bytes <= queue.bytes + size:
                return False
            self._count(largest, -1, -_size(largest.items.pop()))
            self.passed_over += 1
        return True

    def _append(self, queue: _Queue, item: Item) -> None:
        queue.items.append(item)
        self._count(queue, 1, _size(item))

    def _pop(self, queue: _Queue) -> Item:
        item = queue.items.popleft()
        queue.taken += 1
        self._count(queue, -1, -_size(item))
        return item

    def _count(self, queue: _Queue, messages: int, size: int) -> None:
        queue.bytes += size
        self._messages += messages
        self._bytes += size

    def _forget_if_idle(self, device_id: str) -> None:
        queue = self._queues[device_id]
        paid_s = SHARE * (self._now_s() - queue.as_of_s)
        if not queue.items and not queue.taken and queue.debt_s <= paid_s:
            del self._queues[device_id]


def _size(item: Item) -> int:
    return len(item.payload) + limits.MESSAGE_OVERHEAD_BYTES
