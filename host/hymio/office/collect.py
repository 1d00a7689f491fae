"""`hymio collect`: takes votes from the broker into the database, and acknowledges them only then."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import json
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from hymio.common import interrupts
from hymio.common.backoff import Backoff
from hymio.common.errors import NO_SERVICE, WRONG_USE, Failure
from hymio.common.hidden_passwords import without_password
from hymio.common.output import note, print_json, print_line, seconds_running
from hymio.common.words import counted, if_one
from hymio.mqtt.broker_tls import TlsFiles
from hymio.mqtt.client import (
    BrokerAccess,
    BrokerConnection,
    Identity,
    MqttError,
    access_to,
    keep_connected,
    run_on_loop,
)
from hymio.office.home_assistant import HomeAssistant, zone_named
from hymio.office.home_discovery import OFFLINE, ONLINE, check_prefix
from hymio.office.inbox import Inbox
from hymio.pki.revocation import remind
from hymio.store.arrivals import Item, Uncountable, UnreadBatch, judge
from hymio.store.database import Store, open_store
from hymio.store.database_errors import shown
from hymio.store.log_update import BatchOutcome
from hymio.store.quarantine import Kept, counts
from hymio.store.transaction import Committed, DueAck, Transaction, Wanted, commit_whatever_comes, date_on
from hymio.wire import limits
from hymio.wire.acks import COLLECTOR_ID_MAX_BYTES, Ack, encode_ack

STOP_S: Final = 1.0
"""How long what has come may still take, in seconds, once the collector is told to stop."""
ASK_LASTS_S: Final = 300
"""For how many seconds a request holds; a terminal that has not heard it by then will be asked anew."""
TOLD_ONE_BY_ONE: Final = 10
"""A message that goes to quarantine is told of by itself, up to this many of one terminal."""
TOLD_OF_ALL: Final = 200
"""And up to this many of all terminals together: on an open broker anybody may take thousands of names."""
ASK_EVERY_S: Final = 10.0
"""How often one terminal is asked at most, even if it says all the time that something is missing here."""
MONTHS_EVERY_S: Final = 86_400.0
"""How often it is looked whether the database has partitions for the months to come."""

VOTES_TOPIC: Final = "hymio/+/votes"
STATE_TOPIC: Final = "hymio/+/state"
SHARED_VOTES_TOPIC: Final = f"$share/hymio/{VOTES_TOPIC}"
"""Of those who subscribe to it, the broker gives each message to one."""


class Collector:
    """Takes messages from the broker until it is told to stop."""

    def __init__(
        self,
        access: BrokerAccess,
        store: Store,
        collector_id: str,
        as_json: bool,
        home: HomeAssistant | None = None,
        shares: bool = False,
    ) -> None:
        """Collects for `store`.

        Args:
            access: the broker.
            store: the database.
            collector_id: the name in the acks.
            as_json: whether lines are JSON.
            home: is told what is heard and counted; None: nobody is.
            shares: whether others of the same name collect, too, each its part of the votes.
        """
        self._home = home
        self._shares = shares
        self._access = access
        self._store = store
        self._collector_id = collector_id
        self._as_json = as_json
        self._stop = asyncio.Event()
        self._stop_by_s = 0.0
        self._ready = False
        self._inbox = Inbox()
        self._arrived = asyncio.Event()
        self._left_backoff = Backoff()
        """The pause before what the database had no room for is tried again."""
        self._kept: dict[str, int] = {}
        self._kept_of_all = 0
        self._not_kept: dict[str, int] = {}
        self._asked: dict[str, float] = {}
        self._unsent: dict[tuple[str, int], DueAck] = {}
        self._undated = True

    @property
    def is_ready(self) -> bool:
        """Whether the collector has ever been connected."""
        return self._ready

    def stop(self) -> None:
        """Ends `run` once what has come is committed and acknowledged.

        If that takes longer than STOP_S it ends after the transaction at hand, and the terminals send the rest again.
        """
        self._stop_by_s = time.monotonic() + STOP_S
        self._stop.set()

    async def run(self) -> None:
        """Collects until `stop`.

        Raises:
            Failure: 4, the broker can't be reached at the very start, or does not let us read.
        """
        home = self._home
        will = None if home is None else (home.availability_topic, OFFLINE)
        needs = f"Allow this client to read {VOTES_TOPIC} and {STATE_TOPIC} and to write hymio/+/ack"
        if self._shares:
            # The broker goes on giving an absent one its part if it keeps a place for it; so it must not.
            identity, votes = Identity(will=will, speaks_mqtt_5=True), SHARED_VOTES_TOPIC
            needs += f", on a broker that knows shared subscriptions ({SHARED_VOTES_TOPIC}), or leave --share out"
        else:
            identity, votes = Identity(self._collector_id, is_kept=True, will=will), VOTES_TOPIC
        not_allowed = Failure(
            NO_SERVICE,
            f"The broker {self._access.address} does not let {self._collector_id} read the terminals' topics.",
            f"{needs}.",
        )
        topics = (votes, STATE_TOPIC)
        months = asyncio.create_task(self._make_months())
        try:
            await keep_connected(self._access, identity, topics, self._work, self._stop, not_allowed)
        finally:
            months.cancel()

    async def _make_months(self) -> None:
        """Has the partitions of the next months made in time; when the collector starts, `open_store` has done so."""
        while True:
            await asyncio.sleep(MONTHS_EVERY_S)
            try:
                await asyncio.to_thread(self._store.make_months)
            except Failure as error:
                note(f"The months to come have no partitions yet, and will be tried again: {error.message}")

    def _say_ready(self) -> None:
        if self._ready:
            return
        self._ready = True
        if self._as_json:
            print_json(
                {
                    "event": "ready",
                    "t": seconds_running(),
                    "broker": str(self._access.address),
                    "db": shown(self._store.engine.url),
                    "collector_id": self._collector_id,
                }
            )
        else:
            print_line(f"Collecting from {self._access.address} as {self._collector_id}. Ctrl-C stops.")

    async def _work(self, connection: BrokerConnection) -> None:
        """Commits what comes, all that is there at a time, until told to stop; MqttError: the broker has gone."""
        self._say_ready()
        await self._publish(connection)
        # A task of its own reads, because a read that is cancelled could drop the message that it just took.
        reader = asyncio.create_task(self._take_in(connection))
        stopped = asyncio.create_task(self._stop.wait())
        telling = asyncio.create_task(self._tell_home(connection))
        try:
            while not (reader.done() or stopped.done()):
                arrived = asyncio.create_task(self._arrived.wait())
                await asyncio.wait({reader, stopped, arrived}, return_when=asyncio.FIRST_COMPLETED)
                arrived.cancel()
                await self._empty_inbox(connection)
        finally:
            reader.cancel()
            stopped.cancel()
            telling.cancel()
            if self._home is not None:
                # A client that ends its connection properly takes its will with it, so it says by itself what the will
                # would have said. If the broker has gone, the will does it.
                with contextlib.suppress(MqttError):
                    await connection.publish(self._home.availability_topic, OFFLINE, is_retained=True)
        if reader.done() and not reader.cancelled():
            reader.result()

    async def _take_in(self, connection: BrokerConnection) -> None:
        async for message in connection.messages():
            self.hear(message.topic, message.payload, message.is_retained, time.time())

    def hear(self, topic: str, payload: bytes, is_retained: bool, received_utc: float) -> None:
        """Judges a message and takes it into the inbox."""
        item = judge(topic, payload, received_utc, is_retained)
        # Votes are passed on once they are committed.
        if self._home is not None and not isinstance(item, UnreadBatch | Uncountable):
            self._home.heard(topic, payload, is_retained)
        if item is None:
            return
        if not self._inbox.put(item) and _is_round(self._inbox.passed_over):
            note(
                f"{item.device_id or topic} sends more than can be taken in at present: {self._inbox.passed_over}"
                " messages of terminals have been passed over; terminals send again what is not acknowledged."
            )
        self._arrived.set()

    async def _tell_home(self, connection: BrokerConnection) -> None:
        if self._home is None:
            return

        async def publish(topic: str, payload: bytes) -> None:
            await connection.publish(topic, payload, is_retained=True)

        self._home.connected()
        with contextlib.suppress(MqttError):  # the reader finds out that the connection has gone, too
            await publish(self._home.availability_topic, ONLINE)
            await self._home.run(publish)

    async def _empty_inbox(self, connection: BrokerConnection) -> None:
        while items := self._inbox.take():
            committed = await self._commit(items)
            if committed is None:
                return
            self._undated = committed.undated
            self._announce(committed)
            self._unsent.update({(ack.device_id, ack.log_id): ack for ack in committed.acks})
            await self._publish(connection)
            for wanted in committed.wanted:
                await self._ask_for(connection, wanted)
            if self._stop.is_set() and time.monotonic() > self._stop_by_s:
                return
        self._arrived.clear()
        due_s = self._inbox.next_due_s()
        if due_s is not None:
            asyncio.get_running_loop().call_later(due_s, self._arrived.set)
        # This is done while nobody waits for an ack; what fails is tried again after the next message.
        with contextlib.suppress(Failure):
            while self._undated and not self._inbox and not self._stop.is_set():
                self._undated = await asyncio.to_thread(date_on, self._store)

    async def _commit(self, items: list[Item]) -> Committed | None:
        """Commits the items, and waits for a database that has gone away; None if it was told to stop meanwhile."""
        backoff, is_again = Backoff(), False
        while True:
            try:
                # In a thread, so that the broker's keep-alive goes on while the disk works.
                committed = await asyncio.to_thread(_commit, self._store, items, is_again)
            except Failure as error:
                why = error
            else:
                self._inbox.settle(committed.costs.by_device)
                self._inbox.know(outcome.device_id for outcome in committed.outcomes)
                self._put_back(committed)
                return committed
            note(
                f"{why.message} {why.hint} Trying again in {backoff.pause_s:.0f} s; nothing is acknowledged meanwhile."
            )
            await backoff.wait(self._stop)
            if self._stop.is_set():
                return None
            is_again = True

    def _put_back(self, committed: Committed) -> None:
        """Keeps what the database had no room for, so that everybody else goes on."""
        if not committed.left:
            if self._left_backoff.has_grown:
                self._inbox.hurry(self._left_backoff.first_s)
            self._left_backoff.succeeded()
            return
        pause_s = self._left_backoff.pause_s
        self._inbox.put_back(committed.left, pause_s)
        self._left_backoff.failed()
        whose = sorted({item.device_id for item in committed.left})
        names = ", ".join(whose[:3]) + (f" and {len(whose) - 3} more" if len(whose) > 3 else "")
        trouble = committed.trouble
        said = f"{trouble.message} {trouble.hint}" if trouble else "There is no memory for more just now."
        waiting = f"{counted(len(committed.left), 'message')} of {names} {if_one(len(committed.left), 'waits', 'wait')}"
        note(f"{said} {waiting} for {pause_s:.0f} s, not acknowledged.")

    def _announce(self, committed: Committed) -> None:
        for one, kept in committed.refused:
            self._tell_of_quarantine(one.device_id, kept, f"Kept in quarantine, {one.source}: {one.reason}.")
            if self._home is not None:
                self._home.counted(one.device_id)
        for outcome in committed.outcomes:
            if self._home is not None:
                self._home.counted(outcome.device_id)
            if outcome.kept is not None:
                self._tell_of_quarantine(outcome.device_id, outcome.kept, _conflict(outcome))
        told = [outcome for outcome in committed.outcomes if outcome.first_seq <= outcome.last_seq]
        if not told:
            return
        if self._as_json:
            print_json(*map(_committed_event, told))
        else:
            print_line("\n".join(map(_committed_line, told)))

    def _tell_of_quarantine(self, device_id: str, kept: Kept, said: str) -> None:
        """Tells of a message that went to quarantine: of the first ones of a terminal each, then ever more seldom."""
        if kept is Kept.NEW:
            number = self._kept[device_id] = self._kept.get(device_id, 0) + 1
            self._kept_of_all += 1
            if self._kept_of_all > TOLD_OF_ALL:
                if _is_round(self._kept_of_all):
                    note(f"{said} {self._kept_of_all} messages have gone to quarantine since the start.")
            elif number <= TOLD_ONE_BY_ONE:
                note(said)
            elif _is_round(number):
                note(f"{said} It is the {number}th of {device_id or 'those that name no terminal'}.")
        elif kept is Kept.NO_ROOM:
            self._not_kept[device_id] = self._not_kept.get(device_id, 0) + 1
            if _is_round(self._not_kept[device_id]):
                note(
                    f"{device_id or 'Whoever names no terminal'} has filled its part of the quarantine:"
                    f" {self._not_kept[device_id]} messages were counted and not kept (hymio quarantine list)."
                )

    async def _publish(self, connection: BrokerConnection) -> None:
        """Publishes all acks that are due; those that fail stay due for the next connection."""
        utc_ms = time.time_ns() // 1_000_000
        due = [
            (f"hymio/{one.device_id}/ack", encode_ack(Ack(one.log_id, one.mark, one.nonce, utc_ms, self._collector_id)))
            for one in self._unsent.values()
        ]
        await connection.publish_all(due, is_retained=True)
        self._unsent.clear()

    async def _ask_for(self, connection: BrokerConnection, wanted: Wanted) -> None:
        """Asks a terminal once; what does not come is asked for again after its next state message."""
        now_s = time.monotonic()
        if now_s - self._asked.get(wanted.device_id, -ASK_EVERY_S) < ASK_EVERY_S:
            return
        self._asked = {one: asked_s for one, asked_s in self._asked.items() if now_s - asked_s < ASK_EVERY_S}
        self._asked[wanted.device_id] = now_s
        note(f"Asking {wanted.device_id} for seqs {wanted.first_seq}..{wanted.last_seq} once more: they are not here.")
        request = {
            # A terminal obeys an id once, whichever collector's order comes first.
            "id": f"resync-{hashlib.sha256(wanted.shown_by).hexdigest()[:16]}",
            "do": "resync",
            "from": wanted.first_seq,
            "to": wanted.last_seq,
            "expires_utc": int(time.time() + ASK_LASTS_S),
        }
        await connection.publish(f"hymio/{wanted.device_id}/cmd", json.dumps(request).encode())


def _commit(store: Store, items: list[Item], is_again: bool) -> Committed:
    return commit_whatever_comes(store, Transaction.of(items), is_again)


def _committed_event(outcome: BatchOutcome) -> dict[str, Any]:
    return {
        "event": "committed",
        "t": seconds_running(),
        "device_id": outcome.device_id,
        "log_id": outcome.log_id,
        "first_seq": outcome.first_seq,
        "last_seq": outcome.last_seq,
        "rows": outcome.rows,
        "duplicates": outcome.duplicates,
    }


def _committed_line(outcome: BatchOutcome) -> str:
    again = f", {outcome.duplicates} had come before" if outcome.duplicates else ""
    seqs = f"{outcome.first_seq}..{outcome.last_seq}"
    return f"{outcome.device_id}: {counted(outcome.rows, 'press')}, seqs {seqs}{again}"


def _conflict(outcome: BatchOutcome) -> str:
    more = f" And {len(outcome.conflicts) - 1} more of its seqs." if len(outcome.conflicts) > 1 else ""
    return f"Conflict, {outcome.device_id} log {outcome.log_id}: {outcome.conflicts[0]}.{more}"


def _is_round(number: int) -> bool:
    """Whether the number is 1, 2, 4, 8 and so on: told so often it is noticed, and does not fill a disk."""
    return number & (number - 1) == 0


def check_collector_id(collector_id: str) -> None:
    """Checks that the name fits an ack, and may be the name of a client and a part of a topic.

    Raises:
        Failure: 2, it does not.
    """
    size = len(collector_id.encode(errors="surrogateescape"))
    is_name = collector_id.isprintable() and not any(sign in " +#/" for sign in collector_id)
    if not 1 <= size <= COLLECTOR_ID_MAX_BYTES or not is_name:
        raise Failure(
            WRONG_USE,
            f"--collector-id {collector_id!r} is not 1..{COLLECTOR_ID_MAX_BYTES} bytes of text"
            " without blanks, +, # or /.",
            "It has to be the collector_id in the terminals' configuration; the default is office.",
        )


def run_collect(
    broker: str,
    db: str,
    collector_id: str,
    tls: TlsFiles,
    as_json: bool,
    home_assistant: str | None,
    tz: str,
    shares: bool = False,
    logs_a_day: int = limits.NEW_LOGS_PER_DAY,
) -> None:
    """Collects until SIGINT or SIGTERM.

    Args:
        broker: its address.
        db: the database, which is made if it is not there.
        collector_id: the name in the acks.
        tls: the files for TLS.
        as_json: whether lines are JSON.
        home_assistant: the prefix of Home Assistant's discovery; None: it is told nothing.
        tz: the time zone of Home Assistant's days.
        shares: whether other collectors of the same name take a part of the votes.
        logs_a_day: how many logs a terminal may begin within 24 hours.

    Raises:
        Failure: 2 wrong use, 4 no broker or no database there, 5 a database of a newer hymio.
    """
    access = access_to(broker, tls)
    check_collector_id(collector_id)
    if tls.ca is not None:
        remind(tls.ca.with_name("crl.pem"))  # it lies there if this is the CA's own directory, or a broker's
    zone = zone_named(tz)
    prefix = None if home_assistant is None else check_prefix(home_assistant)
    store = open_store(db, create=True)
    store.logs_a_day = logs_a_day
    try:
        with store.reading() as connection:
            in_quarantine = sum(counts(connection).values())
        if in_quarantine:
            what = f"{counted(in_quarantine, 'message')} {if_one(in_quarantine, 'is', 'are')} in quarantine"
            note(f"{what}: hymio quarantine list --db {without_password(db)}")
        home = None if prefix is None else HomeAssistant(store, prefix, zone, time.time, collector_id, shares)
        run_on_loop(_collect(Collector(access, store, collector_id, as_json, home, shares)))
        interrupts.over()
    finally:
        store.close()


async def _collect(collector: Collector) -> None:
    running = asyncio.create_task(collector.run())

    def stop() -> None:
        collector.stop()
        if not collector.is_ready:
            running.cancel()  # nothing has come yet, and a broker that does not answer would hold it up

    _on_signals((signal.SIGINT, signal.SIGTERM), stop)
    with contextlib.suppress(asyncio.CancelledError):
        await running
    if not collector.is_ready:
        # The MQTT library closes its socket when it is garbage-collected and then calls this loop, which has to be open
        # for that.
        await asyncio.get_running_loop().shutdown_default_executor()
        gc.collect()


def _on_signals(signals: Iterable[signal.Signals], stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for one in signals:
        try:
            loop.add_signal_handler(one, stop)
        except NotImplementedError:  # this loop has none on Windows
            signal.signal(one, lambda *_: loop.call_soon_threadsafe(stop))
