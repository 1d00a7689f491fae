"""One terminal on the screen from its start to its end: its events, its flash and its rows, told to the page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hymio.common.errors import Failure
from hymio.store.database import Store
from hymio.training.books import Books, read_books
from hymio.training.journeys import Journey, Journeys
from hymio.training.ring import Ring, RingReader
from hymio.training.stands import Stand
from hymio.training.terminal_process import TerminalProcess

LOOK_S: Final = 0.1
"""How often its flash is looked at, and the database while a press is on its way there."""
QUIET_LOOK_S: Final = 2.0
"""How often the database is looked at while none is."""

Say = Callable[[dict[str, Any]], Awaitable[None]]
"""Sends a message to the page, as host/spec/office.md has them."""


class TerminalLife:
    """What happens to one terminal."""

    def __init__(self, stand: Stand, terminal: TerminalProcess, store: Store, say: Say) -> None:
        """Takes a terminal that has been started, and the database in which its presses arrive."""
        self._stand = stand
        self._terminal = terminal
        self._store = store
        self._say = say
        self._journeys = Journeys()
        self._reader = RingReader()
        self._image = b""
        self._ring: Ring | None = None
        self._told_acked_seq = -1
        self._ledger: dict[str, Any] | None = None
        self._look_by_s = 0.0
        self._ahead_s = float("inf")
        """The clock of this process less the one of the events: the least that was seen, for none comes too early."""

    async def run(self) -> None:
        """Lasts as long as the terminal.

        Raises:
            Failure: it ended by itself.
        """
        looking = asyncio.create_task(self._look_on())
        try:
            async for event in self._terminal.events():
                self._ahead_s = min(self._ahead_s, time.monotonic() - event["t"])
                await self._say({"kind": "event", "event": event})
                await self._tell(self._journeys.take(event))
                if event["event"] in ("published", "answered", "acked"):
                    self._look_by_s = 0.0
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _tell(self, journeys: list[Journey]) -> None:
        if journeys:
            await self._say({"kind": "presses", "presses": [journey.as_json() for journey in journeys]})

    async def _look_on(self) -> None:
        while True:
            await self._look_at_flash()
            await self._tell(self._journeys.unnoticed(time.monotonic() - self._ahead_s))
            on_the_way = any(journey.published_s is not None for journey in self._journeys.unsettled())
            if self._journeys.log_id is not None and (on_the_way or time.monotonic() >= self._look_by_s):
                self._look_by_s = time.monotonic() + QUIET_LOOK_S
                await self._look_at_books(self._journeys.log_id)
            await asyncio.sleep(LOOK_S)

    async def _look_at_flash(self) -> None:
        image = await asyncio.to_thread(self._stand.flash.read_bytes)
        acked_seq = self._journeys.acked_seq
        if image == self._image and acked_seq == self._told_acked_seq:
            return
        ring = await asyncio.to_thread(self._reader.read, image)
        presses, records = ring.waiting(acked_seq)
        changes = ring.changes(self._ring)
        self._image, self._ring, self._told_acked_seq = image, ring, acked_seq
        await self._say(
            {
                "kind": "ring",
                "sectors": changes,
                "oldest_seq": ring.oldest_seq,
                "next_seq": ring.next_seq,
                "acked_seq": acked_seq,
                "outbox": {"presses": presses, "records": records},
            }
        )
        await self._tell(self._journeys.overwritten_below(ring.oldest_seq))

    async def _look_at_books(self, log_id: int) -> None:
        seqs = [journey.seq for journey in self._journeys.unsettled() if journey.seq is not None]
        try:
            books = await asyncio.to_thread(
                read_books, self._store, self._stand.device_id, log_id, min(seqs, default=0xFFFFFFFF)
            )
        except Failure:
            books = Books(frozenset(), None)  # the database is away for a while, and so are its figures
        await self._tell(self._journeys.committed(log_id, books.seqs, time.monotonic() - self._ahead_s))
        if books.ledger != self._ledger:
            self._ledger = books.ledger
            await self._say({"kind": "books", "ledger": books.ledger})
