"""What has come and waits for its transaction: in bounded memory, and each terminal in a queue of its own.

A terminal that costs more than its share waits: it has no turn as long as another one has something, and then it goes
alone. So what one terminal does delays another by one small transaction, however much it sends and whatever that costs.
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
"""The share of the time that a terminal may cost in the long run without standing back behind others."""
GRACE_S: Final = 0.5
"""How many seconds it may cost beyond that at once: a terminal that comes back with a full log is no burden."""
TURN_S: Final = 0.25
"""How long a transaction of a terminal that stands back should take, judged by what its messages have cost so far."""
_KNOWN_MAX: Final = 100_000
"""How many device ids are remembered."""
FIRST_MESSAGES: Final = 4
"""How many messages are taken at first of a terminal whose cost is not known; twice as many each time after that."""


@dataclass(slots=True)
class _Queue:
    """The queue of one terminal."""

    items: deque[Item] = field(default_factory=deque)
    bytes: int = 0
    debt_s: float = 0.0
    """What the terminal has cost beyond its share, in seconds; it falls with time."""
    as_of_s: float = 0.0
    cost_s: float = 0.0
    """What one of its messages costs, in seconds, judged by the last ones."""
    first: int = FIRST_MESSAGES
    rests_until_s: float = 0.0
    taken: int = 0
    """How many of its messages are in the transaction at hand."""

    @property
    def affordable(self) -> int:
        """How many of its messages should not take longer than a turn."""
        return max(1, int(TURN_S / self.cost_s)) if self.cost_s else limits.TRANSACTION_MESSAGES

    def most(self, is_alone: bool) -> int:
        """How many of its messages may be in one transaction."""
        known = self.first if is_alone else min(self.first, limits.TRANSACTION_MESSAGES_OF_ONE)
        return min(known, self.affordable)


class Inbox:
    """One queue for each terminal: `put` fills them, `take` empties them, and `settle` is told what that has cost."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begins empty; `now_s` gives seconds of a monotonic clock."""
        self._now_s = now_s
        self._queues: dict[str, _Queue] = {}
        self._messages = 0
        self._bytes = 0
        self._known: set[str] = set()
        self.passed_over = 0
        """How many messages there was no room for; the terminals send them again."""

    def __len__(self) -> int:
        return self._messages

    @property
    def bytes(self) -> int:
        """How much memory the messages take, roughly."""
        return self._bytes

    def put(self, item: Item) -> bool:
        """Puts a message into its terminal's queue.

        If the inbox is full, the terminal that has most in it gives way.

        Returns:
            Whether there was room: there is none if the terminal itself has too much in the inbox.
        """
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
        """Puts what could not be committed first in line again; its terminals rest for `rest_s` seconds."""
        for item in reversed(list(items)):
            queue = self._queues.setdefault(item.device_id, _Queue(as_of_s=self._now_s()))
            queue.rests_until_s = self._now_s() + rest_s
            # it may be what stands in the way, so it goes alone next time
            queue.debt_s = max(queue.debt_s, 2 * GRACE_S)
            queue.items.appendleft(item)
            self._count(queue, 1, _size(item))

    def take(self) -> list[Item]:
        """Takes what goes into the next transaction.

        That is something of every terminal that has not cost too much or, if there is none, of one that has; nothing if
        nothing is due.
        """
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
        # Terminals whose votes have been taken in before go first, because unknown names may come by the thousand.
        light.sort(key=lambda one: (one.items[0].device_id not in self._known, one.debt_s))
        is_alone = len(light) == 1
        while light and len(taken) < limits.TRANSACTION_MESSAGES:
            for queue in light[: limits.TRANSACTION_MESSAGES - len(taken)]:
                taken.append(self._pop(queue))
            light = [one for one in light if one.items and one.taken < one.most(is_alone)]
        return taken

    def settle(self, costs_s: Mapping[str, float]) -> None:
        """Notes what the messages that were taken last have cost, in seconds by device id."""
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
        """Notes that votes of these terminals have been committed."""
        if len(self._known) > _KNOWN_MAX:
            self._known.clear()
        self._known.update(device_ids)

    def hurry(self, rest_s: float) -> None:
        """Notes that what stood in the way is over: no terminal rests for longer than this any more."""
        for queue in self._queues.values():
            queue.rests_until_s = min(queue.rests_until_s, self._now_s() + rest_s)

    def next_due_s(self) -> float | None:
        """In how many seconds the next resting terminal is due; None if none rests."""
        waits = [one.rests_until_s - self._now_s() for one in self._queues.values() if one.items]
        return max(0.0, min(waits)) if waits else None

    def _make_room(self, queue: _Queue, size: int) -> bool:
        """Makes room for `size` bytes more of `queue`, taken from terminals that have more than that one."""
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
