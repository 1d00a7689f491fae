"""`hymio collect`: from the broker into the database, and only then the ack."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import signal
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import aiomqtt
from sqlalchemy.exc import SQLAlchemyError

from hymio.acks import COLLECTOR_ID_MAX_BYTES, Ack, encode_ack
from hymio.addresses import BrokerAddress, parse_broker
from hymio.broker_tls import TlsFiles, no_broker, tls_context, why_refused
from hymio.errors import NO_SERVICE, WRONG_USE, Failure
from hymio.homeassistant import HomeAssistant, check_prefix, zone_named
from hymio.ingest import Arrival, Told
from hymio.messages import Refused, read_message
from hymio.output import note, print_json, print_line, seconds_running
from hymio.parcels import Committed, DueAck, Parcel, Wanted, commit_whatever_comes, date_on
from hymio.store import Store, open_store

PARCEL_MESSAGES: Final = 200
"""Messages taken into one transaction at most. What comes while one is written goes into the next: a commit costs a
flush of the disk whatever is in it, and the first press of a quiet hour need not wait for company."""
BACKOFF_S: Final = (1.0, 30.0)
"""First and longest pause before the broker or the database is tried again."""
ASK_LASTS_S: Final = 300
"""A terminal that has not heard the request by then will be asked anew."""

VOTES_TOPIC: Final = "hymio/+/votes"
STATE_TOPIC: Final = "hymio/+/state"


class Collector:
    """Takes messages from the broker until it is told to stop."""

    def __init__(
        self,
        address: BrokerAddress,
        tls: ssl.SSLContext | None,
        store: Store,
        collector_id: str,
        as_json: bool,
        home: HomeAssistant | None = None,
    ) -> None:
        self._home = home
        self._address = address
        self._tls = tls
        self._store = store
        self._collector_id = collector_id
        self._as_json = as_json
        self._stop = asyncio.Event()
        self._ready = False
        self._inbox: deque[Arrival | Told | Refused | None] = deque()
        self._arrived = asyncio.Event()
        self._unsent: dict[tuple[str, int], DueAck] = {}
        self._undated = True

    def stop(self) -> None:
        """Ends `run` after the transaction at hand and its acks."""
        self._stop.set()

    async def run(self) -> None:
        """Until `stop`; Failure 4 if the broker can't be reached at the very start, later it is tried again."""
        pause_s = BACKOFF_S[0]
        while not self._stop.is_set():
            try:
                async with self._client() as client:
                    await self._subscribe(client)
                    pause_s = BACKOFF_S[0]
                    await self._work(client)
            except (aiomqtt.MqttError, OSError) as error:
                why = await asyncio.to_thread(why_refused, error, self._address, self._tls)
                if not self._ready:
                    raise no_broker(self._address, why) from error
                if not self._stop.is_set():
                    note(f"The broker {self._address} has gone ({why}); trying again in {pause_s:.0f} s.")
                    await self._pause(pause_s)
                    pause_s = min(2 * pause_s, BACKOFF_S[1])

    def _client(self) -> aiomqtt.Client:
        address = self._address
        return aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=self._collector_id,
            clean_session=False,
            tls_context=self._tls,
            keepalive=30,
            logger=_quiet_logger(),
        )

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        granted = await client.subscribe([(VOTES_TOPIC, 1), (STATE_TOPIC, 1)])
        if any(getattr(code, "is_failure", False) or code == 0x80 for code in granted):
            raise Failure(
                NO_SERVICE,
                f"The broker {self._address} does not let {self._collector_id} read the terminals' topics.",
                f"Allow this client to read {VOTES_TOPIC} and {STATE_TOPIC} and to write hymio/+/ack.",
            )
        if self._ready:
            note(f"The broker {self._address} is back.")
            return
        self._ready = True
        if self._as_json:
            print_json(
                {
                    "event": "ready",
                    "t": seconds_running(),
                    "broker": str(self._address),
                    "db": self._store.engine.url.render_as_string(hide_password=True),
                    "collector_id": self._collector_id,
                }
            )
        else:
            print_line(f"Collecting from {self._address} as {self._collector_id}. Ctrl-C stops.")

    async def _work(self, client: aiomqtt.Client) -> None:
        """Commits what comes, all that has come at a time, until told to stop or the broker goes (MqttError)."""
        await self._publish(client)
        # A task of its own reads: cancelling a read in time could drop the message that it just took.
        reader = asyncio.create_task(self._take_in(client))
        stopped = asyncio.create_task(self._stop.wait())
        telling = asyncio.create_task(self._tell_home(client))
        try:
            while not (reader.done() or stopped.done()):
                arrived = asyncio.create_task(self._arrived.wait())
                await asyncio.wait({reader, stopped, arrived}, return_when=asyncio.FIRST_COMPLETED)
                arrived.cancel()
                await self._empty_inbox(client)
        finally:
            reader.cancel()
            stopped.cancel()
            telling.cancel()
        if reader.done() and not reader.cancelled():
            reader.result()

    async def _take_in(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self._inbox.append(_read(message))
            self._arrived.set()
            if self._home is not None and isinstance(message.payload, bytes):
                self._home.heard(str(message.topic), message.payload, message.retain)

    async def _tell_home(self, client: aiomqtt.Client) -> None:
        if self._home is None:
            return

        async def publish(topic: str, payload: bytes) -> None:
            await client.publish(topic, payload, qos=1, retain=True)

        self._home.connected()
        with contextlib.suppress(aiomqtt.MqttError):  # the reader finds the connection gone, too
            await self._home.run(publish)

    async def _empty_inbox(self, client: aiomqtt.Client) -> None:
        while self._inbox:
            parcel = Parcel()
            for _ in range(min(PARCEL_MESSAGES, len(self._inbox))):
                parcel.add(self._inbox.popleft())
            committed = await self._commit(parcel)
            if committed is None:
                return
            self._undated = committed.undated
            self._announce(committed)
            self._unsent.update({(ack.device_id, ack.log_id): ack for ack in committed.acks})
            await self._publish(client)
            for wanted in committed.wanted:
                await self._ask_for(client, wanted)
        self._arrived.clear()
        # While nobody waits for an ack; what fails is tried again after the next message.
        with contextlib.suppress(Failure, SQLAlchemyError):
            while self._undated and not self._inbox and not self._stop.is_set():
                self._undated = await asyncio.to_thread(date_on, self._store)

    async def _commit(self, parcel: Parcel) -> Committed | None:
        """Commits, waiting for a database that has gone away; None when told to stop meanwhile."""
        pause_s = BACKOFF_S[0]
        while True:
            try:
                # In a thread, so that the broker's keep-alive goes on while the disk works.
                return await asyncio.to_thread(commit_whatever_comes, self._store, parcel)
            except (Failure, SQLAlchemyError) as error:
                said = error.message if isinstance(error, Failure) else str(error).splitlines()[0]
                note(f"{said} Trying again in {pause_s:.0f} s; nothing is acknowledged meanwhile.")
            await self._pause(pause_s)
            if self._stop.is_set():
                return None
            pause_s = min(2 * pause_s, BACKOFF_S[1])

    def _announce(self, committed: Committed) -> None:
        for one in committed.refused:
            note(f"Kept in quarantine, {one.source}: {one.reason}.")
        for outcome in committed.outcomes:
            if self._home is not None:
                self._home.counted(outcome.device_id)
            for conflict in outcome.conflicts:
                note(f"Conflict, {outcome.device_id} log {outcome.log_id}: {conflict}.")
            if outcome.last_seq < outcome.first_seq:
                continue
            if self._as_json:
                print_json(
                    {
                        "event": "committed",
                        "t": seconds_running(),
                        "device_id": outcome.device_id,
                        "log_id": outcome.log_id,
                        "first_seq": outcome.first_seq,
                        "last_seq": outcome.last_seq,
                        "rows": outcome.rows,
                        "duplicates": outcome.duplicates,
                    }
                )
            else:
                again = f", {outcome.duplicates} had come before" if outcome.duplicates else ""
                print_line(
                    f"{outcome.device_id}: {outcome.rows} presses, seqs {outcome.first_seq}..{outcome.last_seq}{again}"
                )

    async def _publish(self, client: aiomqtt.Client) -> None:
        """Publishes all acks due; those that fail stay due for the next connection."""
        for key, ack in list(self._unsent.items()):
            payload = encode_ack(Ack(ack.log_id, ack.mark, ack.nonce, time.time_ns() // 1_000_000, self._collector_id))
            await client.publish(f"hymio/{ack.device_id}/ack", payload, qos=1, retain=True)
            del self._unsent[key]

    async def _ask_for(self, client: aiomqtt.Client, wanted: Wanted) -> None:
        """Asks once: what does not come is asked for again at the next state message."""
        note(f"Asking {wanted.device_id} for seqs {wanted.first_seq}..{wanted.last_seq} once more: they are not here.")
        request = {
            "id": f"resync-{secrets.token_hex(8)}",
            "do": "resync",
            "from": wanted.first_seq,
            "to": wanted.last_seq,
            "expires_utc": int(time.time() + ASK_LASTS_S),
        }
        await client.publish(f"hymio/{wanted.device_id}/cmd", json.dumps(request).encode(), qos=1)

    async def _pause(self, pause_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), pause_s)


def _read(message: aiomqtt.Message) -> Arrival | Told | Refused | None:
    payload = bytes(message.payload) if isinstance(message.payload, bytes | bytearray) else b""
    return read_message(str(message.topic), payload, time.time())


def _quiet_logger() -> logging.Logger:
    """The MQTT library's own messages are for its authors; ours say what a person has to know."""
    logger = logging.getLogger("hymio.mqtt")
    logger.setLevel(logging.CRITICAL)
    return logger


def check_collector_id(collector_id: str) -> None:
    """Failure 2 unless it fits an ack."""
    size = len(collector_id.encode())
    if not 1 <= size <= COLLECTOR_ID_MAX_BYTES or not collector_id.isprintable():
        raise Failure(
            WRONG_USE,
            f"--collector-id {collector_id!r} is not 1..{COLLECTOR_ID_MAX_BYTES} bytes of text.",
            "It has to be the collector_id in the terminals' configuration; the default is office.",
        )


def run_collect(
    broker: str, db: str, collector_id: str, tls: TlsFiles, as_json: bool, home_assistant: str | None, tz: str
) -> None:
    """Collects until SIGINT or SIGTERM. home_assistant: its discovery prefix, None: it is told nothing.

    Raises:
        Failure: 2 wrong use, 4 no broker or database there, 5 a database of a newer hymio.
    """
    address = parse_broker(broker)
    context = tls_context(address, tls)
    check_collector_id(collector_id)
    zone = zone_named(tz)
    prefix = None if home_assistant is None else check_prefix(home_assistant)
    store = open_store(db, create=True)
    try:
        # On Windows only the selector loop can watch the sockets of the MQTT library.
        factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
        with asyncio.Runner(loop_factory=factory) as runner:
            home = None if prefix is None else HomeAssistant(store, prefix, zone)
            runner.run(_collect(Collector(address, context, store, collector_id, as_json, home)))
    finally:
        store.close()


async def _collect(collector: Collector) -> None:
    _on_signals((signal.SIGINT, signal.SIGTERM), collector.stop)
    await collector.run()


def _on_signals(signals: Iterable[signal.Signals], stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for one in signals:
        try:
            loop.add_signal_handler(one, stop)
        except NotImplementedError:  # Windows
            signal.signal(one, lambda *_: loop.call_soon_threadsafe(stop))
