"""An office's place at the broker: orders go out to terminals, what they say of themselves and answer comes in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import ssl
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import aiomqtt

from hymio.common.addresses import BrokerAddress, parse_broker
from hymio.common.errors import BROKEN_OFF, NO_SERVICE, WRONG_USE, Failure
from hymio.mqtt.broker_tls import TlsFiles, no_broker, tls_context, why_refused
from hymio.wire.device_ids import is_device_id

T = TypeVar("T")

RETAINED_S: Final = 1.0
"""What the broker has kept comes right behind its answer to SUBSCRIBE; what is not there by then is not there."""
_CONNECT_S: Final = 10.0
_LOOK_S: Final = 0.05
_NOT_AUTHORIZED: Final = 0x87
"""Section 3.4.2.1 of https://docs.oasis-open.org/mqtt/mqtt/v5.0/."""
_MESSAGES_MAX: Final = 8192
"""Bytes of a message that is looked at; a terminal sends at most half of that."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a terminal."""

    device_id: str
    topic: str
    """Behind hymio/<device_id>/."""
    payload: bytes
    is_retained: bool

    def facts(self) -> dict[str, Any]:
        """The JSON object in it; empty if it holds none."""
        try:
            found = json.loads(self.payload)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Way:
    """How to get to the broker: an address, and files for TLS that have been looked at."""

    address: BrokerAddress
    tls: ssl.SSLContext | None

    def client(self, protocol: aiomqtt.ProtocolVersion = aiomqtt.ProtocolVersion.V311) -> aiomqtt.Client:
        """A client that nobody knows by its name; a broker with certificates goes by those."""
        logger = logging.getLogger("hymio.mqtt")
        logger.setLevel(logging.CRITICAL)
        return aiomqtt.Client(
            self.address.host,
            self.address.port,
            username=self.address.username,
            password=self.address.password,
            identifier=f"hymio-{secrets.token_hex(6)}",
            tls_context=self.tls,
            keepalive=30,
            timeout=_CONNECT_S,
            logger=logger,
            protocol=protocol,
        )

    async def is_forbidden(self, device_id: str) -> bool:
        """Whether the broker says that we may not give orders to this terminal.

        MQTT 3.1.1 has no word for that: the broker acknowledges what it drops. MQTT 5 has, in its PUBACK; an empty
        order means nothing to a terminal. False, too, if the broker speaks no MQTT 5, or knows nobody by name.
        """
        if not (self.address.tls or self.address.username):
            return False
        codes: list[int] = []
        try:
            async with self.client(aiomqtt.ProtocolVersion.V5) as client:
                # aiomqtt keeps the reason to itself, the client of its own beneath it does not.
                beneath = client._client
                beneath.on_publish = lambda *said: codes.append(int(said[3].value))
                beneath.publish(f"hymio/{device_id}/cmd", b"", qos=1)
                for _ in range(20):
                    if codes:
                        break
                    await asyncio.sleep(_LOOK_S)
        except (aiomqtt.MqttError, OSError, ValueError):
            return False
        return _NOT_AUTHORIZED in codes


def way_to(broker: str, tls: TlsFiles) -> Way:
    """Failure 2: no address of a broker, or files that won't do."""
    address = parse_broker(broker)
    return Way(address, tls_context(address, tls))


def checked_device_id(device_id: str) -> str:
    """It; Failure 2 if no terminal may be called so."""
    if not is_device_id(device_id):
        raise Failure(
            WRONG_USE,
            f"{device_id!r} is no device id: 3 to 32 of a-z, 0-9 and -, not beginning with -.",
            "`hymio pki list` and `hymio ledger` show those that there are.",
        )
    return device_id


class Desk:
    """What `open_desk` gives."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._inbox: asyncio.Queue[Heard | None] = asyncio.Queue()
        self.has_published = False

    async def publish(self, device_id: str, topic: str, payload: bytes, is_retained: bool = False) -> None:
        """Hands it to the broker, QoS 1."""
        self.has_published = True
        await self._client.publish(f"hymio/{device_id}/{topic}", payload, qos=1, retain=is_retained)

    async def order(self, device_id: str, lasts_s: float, known_as: str = "", **request: Any) -> str:
        """Publishes a command that lapses after so many seconds; gives its id. known_as: that of one to be repeated,
        which a terminal obeys once."""
        order_id = known_as or secrets.token_hex(8)
        message = {"id": order_id, **request, "expires_utc": int(time.time() + lasts_s)}
        await self.publish(device_id, "cmd", json.dumps(message).encode())
        return order_id

    async def heard(self, until_s: float) -> Heard | None:
        """The next message, None if none has come by this moment of the loop's clock; MqttError: the broker went."""
        left_s = max(0.0, until_s - asyncio.get_running_loop().time())
        with contextlib.suppress(TimeoutError):
            one = await asyncio.wait_for(self._inbox.get(), left_s)
            if one is None:
                raise aiomqtt.MqttError("the broker has ended the connection")
            return one
        return None

    async def take_in(self) -> None:
        """Puts what comes into the inbox, until the connection ends."""
        # A task of its own: to cancel a read in time could drop the message that it just took.
        try:
            async for message in self._client.messages:
                root, _, rest = str(message.topic).partition("/")
                device_id, _, topic = rest.partition("/")
                payload = bytes(message.payload) if isinstance(message.payload, bytes | bytearray) else b""
                if root == "hymio" and len(payload) <= _MESSAGES_MAX:
                    self._inbox.put_nowait(Heard(device_id, topic, payload, bool(message.retain)))
        except aiomqtt.MqttError:
            self._inbox.put_nowait(None)


@contextlib.asynccontextmanager
async def open_desk(
    way: Way, device_ids: Sequence[str], topics: Sequence[str], gives_orders: bool = True
) -> AsyncIterator[Desk]:
    """A desk that hears these topics of these terminals from before it is given.

    Raises:
        Failure: 4 no broker, or it refuses; 6 it went in the middle.
    """
    desk: Desk | None = None
    # Before the other connection: a broker that goes by certificates lets nobody in twice.
    if gives_orders and await way.is_forbidden(device_ids[0]):
        raise forbidden(way)
    try:
        async with way.client() as client:
            granted = await client.subscribe([(f"hymio/{one}/{topic}", 1) for one in device_ids for topic in topics])
            if any(getattr(code, "is_failure", False) or code == 0x80 for code in granted):
                raise forbidden(way, "hear")
            desk = Desk(client)
            reader = asyncio.create_task(desk.take_in())
            try:
                yield desk
            finally:
                reader.cancel()
    except (aiomqtt.MqttError, OSError) as error:
        if desk is None or not desk.has_published:
            raise no_broker(way.address, await asyncio.to_thread(why_refused, error, way.address, way.tls)) from error
        raise await _why_gone(way) from error


async def _why_gone(way: Way) -> Failure:
    """A broker may end the connection of whom publishes what it does not allow, and say no more than that."""
    try:
        async with way.client():
            return forbidden(way)
    except (aiomqtt.MqttError, OSError):
        return Failure(
            BROKEN_OFF,
            f"The broker {way.address} has gone; what was sent may have arrived.",
            "Run the same command again when it is back.",
        )


def forbidden(way: Way, what: str = "give orders to") -> Failure:
    """Status 4."""
    return Failure(
        NO_SERVICE,
        f"The broker {way.address} does not let us {what} terminals, or somebody else came by our certificate.",
        "Come with a certificate of your own: `hymio pki issue --operator ID`, `hymio broker config --operator ID`.",
    )


def at_desk(work: Coroutine[Any, Any, T]) -> T:
    """Runs it on an event loop of its own."""
    # On Windows only the selector loop can watch the sockets of the MQTT library.
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
