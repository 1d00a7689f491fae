"""A collector in virtual time that dies between any two statements: `hymio collect`'s own code on a real database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import event

from hymio.store.arrivals import read_message
from hymio.store.database import Store
from hymio.store.transaction import DueAck, Transaction, commit_whatever_comes
from hymio.wire.acks import Ack, encode_ack
from hymio.wire.limits import TRANSACTION_MESSAGES
from hymio_sim.board.sim_time import SimClock
from hymio_sim.net.mqtt_watch import Publish
from hymio_sim.rigs.faulty_broker import FaultyBroker, Session

_THINKS_US: Final = 20_000
"""How long it takes from a message to its transaction; other messages may come meanwhile."""


class Killed(BaseException):
    """The process has ended here; it is no Exception, so that nobody catches it."""


class Fuse:
    """Counts down at every statement, before and after it, and at every BEGIN, COMMIT and publish.

    At zero the process ends, and the system closes its connections. `points` counts what has been passed; None in
    `left` is a fuse that never burns down.
    """

    def __init__(self) -> None:
        self.left: int | None = None
        self.points = 0
        self._connections: list[sqlite3.Connection] = []

    def burn(self, *_: Any) -> None:
        """Counts one point."""
        self.points += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                self._roll_back()
                raise Killed

    @contextlib.contextmanager
    def laid(self, store: Store) -> Iterator[None]:
        """While the block runs, every statement of the store counts."""

        def connected(connection: sqlite3.Connection, _record: object) -> None:
            self._connections.append(connection)

        store.engine.dispose()
        listeners = dict.fromkeys(("begin", "before_cursor_execute", "after_cursor_execute", "commit"), self.burn)
        for name, listener in (listeners | {"connect": connected}).items():
            event.listen(store.engine, name, listener)
        try:
            yield
        finally:
            for name, listener in (listeners | {"connect": connected}).items():
                event.remove(store.engine, name, listener)

    def _roll_back(self) -> None:
        """Does what a database does with the transaction of a process that has died.

        It does so at once: closing a connection, as SQLAlchemy does when it sees the exception, would wait for the
        cursors that a traceback still holds.
        """
        for connection in self._connections:
            with contextlib.suppress(sqlite3.ProgrammingError):  # it is closed already
                connection.rollback()
        self._connections.clear()


class MortalCollector:
    """Takes what the broker has for it, commits, and publishes acks.

    `on_ack(ack)` is called before each ack leaves.
    """

    def __init__(
        self,
        store: Store,
        fuse: Fuse,
        broker: FaultyBroker,
        clock: SimClock,
        utc: Callable[[], float],
        on_ack: Callable[[DueAck], None],
    ) -> None:
        self.kills = 0
        self.fuse = fuse
        self._store = store
        self._broker = broker
        self._clock = clock
        self._utc = utc
        self._on_ack = on_ack
        self._life = 0
        self._inbox: list[Publish] = []
        self._unsent: dict[tuple[str, int], DueAck] = {}
        self._session = broker.session = Session(self._take)

    def _take(self, message: Publish) -> None:
        # The MQTT library acknowledges at once, so what is in the inbox is lost with the process.
        self._inbox.append(message)
        if len(self._inbox) == 1:
            self._later(_THINKS_US, self._work)

    def _later(self, after_us: int, act: Callable[[], None]) -> None:
        life = self._life
        self._clock.call_at_us(self._clock.now_us() + after_us, lambda: act() if life == self._life else None)

    def _work(self) -> None:
        try:
            while self._inbox:
                transaction = Transaction()
                for message in self._inbox[:TRANSACTION_MESSAGES]:
                    transaction.add(read_message(message.topic, message.payload, self._utc()))
                del self._inbox[:TRANSACTION_MESSAGES]
                committed = commit_whatever_comes(self._store, transaction)
                self.fuse.burn()
                self._unsent.update({(ack.device_id, ack.log_id): ack for ack in committed.acks})
                self._publish()
        except Killed:
            self._store.engine.dispose()
            self.die(10.0)

    def _publish(self) -> None:
        for key, due in list(self._unsent.items()):
            ack = Ack(due.log_id, due.mark, due.nonce, round(self._utc() * 1000), "office")
            self._on_ack(due)
            self._broker.publish(f"hymio/{due.device_id}/ack", encode_ack(ack), True)
            self.fuse.burn()
            del self._unsent[key]

    def die(self, seconds: float) -> None:
        """The process ends, and all that it had in memory is gone; it starts again after so many seconds."""
        self._life += 1
        self.kills += 1
        self._inbox.clear()
        self._unsent.clear()
        self._session.is_connected = False
        self._later(round(seconds * 1e6), self._start)

    def _start(self) -> None:
        self._session.is_connected = True
        self._broker.reconnected()
