"""The MQTT client: how a broker is reached, and what goes over a connection, for the collector and for single orders.

A collector keeps its connection (`keep_connected`); an order makes one, says what it has to say and ends it
(`BrokerAccess.connect`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import aiomqtt

from hymio.common.addresses import BrokerAddress, parse_broker
from hymio.common.backoff import Backoff
from hymio.common.errors import Failure
from hymio.common.output import note
from hymio.mqtt.broker_tls import TlsFiles, no_broker, tls_context, why_refused

T = TypeVar("T")
MqttError = aiomqtt.MqttError

CONNECTION_ERRORS: Final = (aiomqtt.MqttError, OSError)
"""What is raised when a connection can't be made, or has ended."""

_CONNECT_S: Final = 10.0
_KEEP_ALIVE_S: Final = 30
_LOOK_S: Final = 0.05
_NOT_AUTHORIZED: Final = 0x87
"""Section 3.4.2.1 of https://docs.oasis-open.org/mqtt/mqtt/v5.0/."""
_SUBSCRIPTION_FAILED: Final = 0x80
"""Section 3.9.3 of https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that the broker has passed on."""

    topic: str
    payload: bytes
    is_retained: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a client presents itself. A broker with certificates goes by those, and not by the client id."""

    client_id: str = field(default_factory=lambda: f"hymio-{secrets.token_hex(6)}")
    """By default a name that nobody else has, so that no other client is thrown off the broker."""
    is_kept: bool = False
    """Whether the broker keeps the subscriptions, and messages for them, while the client is away."""
    will: tuple[str, bytes] | None = None
    """(topic, payload) that the broker publishes, retained, if the client goes without a farewell."""
    speaks_mqtt_5: bool = False
    """For what 3.1.1 has no word for: a broker without shared subscriptions says so then."""


class BrokerConnection:
    """A connection to a broker that is open. Every method raises MqttError when it has ended."""

    def __init__(self, client: aiomqtt.Client) -> None:
        """Speaks through a client that is connected."""
        self._client = client

    async def subscribe(self, topics: Sequence[str]) -> list[str]:
        """Subscribes with QoS 1; returns those of the topics that the broker refuses."""
        granted = await self._client.subscribe([(topic, 1) for topic in topics])
        return [
            topic
            for topic, code in zip(topics, granted, strict=True)
            if getattr(code, "is_failure", False) or code == _SUBSCRIPTION_FAILED
        ]

    async def publish(self, topic: str, payload: bytes, is_retained: bool = False) -> None:
        """Publishes with QoS 1; returns when the broker has acknowledged it."""
        await self._client.publish(topic, payload, qos=1, retain=is_retained)

    async def messages(self) -> AsyncIterator[Message]:
        """What comes, without end. A task of its own should read it: cancelling a read may drop a message."""
        async for message in self._client.messages:
            payload = bytes(message.payload) if isinstance(message.payload, bytes | bytearray) else b""
            yield Message(str(message.topic), payload, bool(message.retain))


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """How to reach a broker: its address, and TLS made of files that have been checked (None: without TLS)."""

    address: BrokerAddress
    tls: ssl.SSLContext | None

    @contextlib.asynccontextmanager
    async def connect(self, identity: Identity | None = None) -> AsyncIterator[BrokerConnection]:
        """Makes a connection, which is closed at the end of the block.

        Args:
            identity: as whom; None stands for a client of which the broker keeps nothing.

        Raises:
            MqttError, OSError: the connection can't be made, or has ended; `failure` says why in words for a person.
        """
        async with self._client(Identity() if identity is None else identity) as client:
            yield BrokerConnection(client)

    async def is_forbidden(self, topic: str) -> bool:
        """Whether the broker says that we may not publish on this topic; an empty message goes there if we may.

        MQTT 3.1.1 has no word for that: the broker acknowledges what it drops. MQTT 5 has one, in its PUBACK. False is
        also the answer if the broker speaks no MQTT 5, or if there is neither TLS nor a user's name to go by.
        """
        if not (self.address.tls or self.address.username):
            return False
        codes: list[int] = []
        try:
            async with self._client(Identity(speaks_mqtt_5=True)) as client:
                # aiomqtt keeps the reason to itself; the paho client that it is built on does not.
                paho = client._client
                paho.on_publish = lambda *said: codes.append(int(said[3].value))
                paho.publish(topic, b"", qos=1)
                for _ in range(20):
                    if codes:
                        break
                    await asyncio.sleep(_LOOK_S)
        except (*CONNECTION_ERRORS, ValueError):
            return False
        return _NOT_AUTHORIZED in codes

    async def why(self, error: BaseException) -> str:
        """Why a connection failed, in words for a person.

        This may take seconds, since the broker may be asked once more.
        """
        return await asyncio.to_thread(why_refused, error, self.address, self.tls)

    async def failure(self, error: BaseException) -> Failure:
        """Status 4: the connection could not be made, with the reason."""
        return no_broker(self.address, await self.why(error))

    def _client(self, identity: Identity) -> aiomqtt.Client:
        return aiomqtt.Client(
            self.address.host,
            self.address.port,
            username=self.address.username,
            password=self.address.password,
            identifier=identity.client_id,
            clean_session=False if identity.is_kept else None,
            will=None if identity.will is None else aiomqtt.Will(*identity.will, qos=1, retain=True),
            tls_context=self.tls,
            keepalive=_KEEP_ALIVE_S,
            timeout=_CONNECT_S,
            logger=_quiet_logger(),
            protocol=aiomqtt.ProtocolVersion.V5 if identity.speaks_mqtt_5 else aiomqtt.ProtocolVersion.V311,
        )


def access_to(broker: str, tls: TlsFiles) -> BrokerAccess:
    """How to reach the broker that a command line names.

    Raises:
        Failure: 2, it is no address of a broker, or the files are not what they should be.
    """
    address = parse_broker(broker)
    return BrokerAccess(address, tls_context(address, tls))


async def keep_connected(
    access: BrokerAccess,
    identity: Identity,
    topics: Sequence[str],
    work: Callable[[BrokerConnection], Awaitable[None]],
    stop: asyncio.Event,
    not_allowed: Failure,
) -> None:
    """Works over one connection after another until `stop` is set; a person is told when the broker goes and is back.

    Args:
        access: the broker.
        identity: as whom.
        topics: what each connection hears, from before the work begins.
        work: is called with each connection; it returns when it is told to stop, and raises MqttError when the
            connection ends.
        stop: ends it all.
        not_allowed: is raised if the broker refuses any of the topics.

    Raises:
        Failure: 4, the very first connection can't be made; later ones are tried again, with ever longer pauses.
    """
    backoff = Backoff()
    has_worked = False
    while not stop.is_set():
        try:
            async with access.connect(identity) as connection:
                if await connection.subscribe(topics):
                    raise not_allowed
                backoff.succeeded()
                if has_worked:
                    note(f"The broker {access.address} is back.")
                has_worked = True
                await work(connection)
        except CONNECTION_ERRORS as error:
            if not has_worked:
                raise await access.failure(error) from error
            why = await access.why(error)
            if not stop.is_set():
                note(f"The broker {access.address} has gone ({why}); trying again in {backoff.pause_s:.0f} s.")
                await backoff.wait(stop)


def run_on_loop(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine on an event loop of its own, one that can watch the sockets of the MQTT library."""
    # On Windows only the selector loop can.
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def _quiet_logger() -> logging.Logger:
    """A logger for the MQTT library whose messages nobody sees: ours say what a person has to know."""
    logger = logging.getLogger("hymio.mqtt")
    logger.setLevel(logging.CRITICAL)
    return logger
