"""An office's session with a broker: orders go out to terminals, and what they say and answer comes in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hymio.common.errors import BROKEN_OFF, NO_SERVICE, WRONG_USE, Failure
from hymio.mqtt.client import CONNECTION_ERRORS, BrokerAccess, BrokerConnection, MqttError
from hymio.wire.device_ids import is_device_id

RETAINED_S: Final = 1.0
"""How long to wait for retained messages. They come right behind the answer to SUBSCRIBE; one that has not come by then
does not exist."""
_MESSAGE_MAX_BYTES: Final = 8192
"""A longer message is not looked at; a terminal sends at most half of that."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message from a terminal."""

    device_id: str
    topic: str
    """The part behind hymio/<device_id>/."""
    payload: bytes
    is_retained: bool

    def facts(self) -> dict[str, Any]:
        """The JSON object in the message; empty if it holds none."""
        try:
            found = json.loads(self.payload)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def checked_device_id(device_id: str) -> str:
    """Gives the device id back if a terminal may be called so.

    Raises:
        Failure: 2, no terminal may be called so.
    """
    if not is_device_id(device_id):
        raise Failure(
            WRONG_USE,
            f"{device_id!r} is no device id: 3 to 32 of a-z, 0-9 and -, not beginning with -.",
            "`hymio pki list` and `hymio ledger` show those that there are.",
        )
    return device_id


class BrokerSession:
    """What an office says to terminals over one connection, and what it hears of them; see `open_session`."""

    def __init__(self, connection: BrokerConnection) -> None:
        """Speaks over this connection; `listen` has to run beside it."""
        self._connection = connection
        self._inbox: asyncio.Queue[Heard | None] = asyncio.Queue()
        self.has_published = False
        """Whether anything has been handed to the broker."""

    async def publish(self, device_id: str, topic: str, payload: bytes, is_retained: bool = False) -> None:
        """Publishes on hymio/<device_id>/<topic> with QoS 1."""
        self.has_published = True
        await self._connection.publish(f"hymio/{device_id}/{topic}", payload, is_retained)

    async def order(self, device_id: str, lasts_s: float, known_as: str = "", **request: Any) -> str:
        """Gives a terminal an order, which it does not obey any more after so many seconds.

        Args:
            device_id: the terminal.
            lasts_s: seconds from now.
            known_as: the id of an order that is repeated; a terminal obeys one id once. By default a new one.
            request: the order itself, as firmware/spec/mqtt.md says.

        Returns:
            The id of the order.
        """
        order_id = known_as or secrets.token_hex(8)
        message = {"id": order_id, **request, "expires_utc": int(time.time() + lasts_s)}
        await self.publish(device_id, "cmd", json.dumps(message).encode())
        return order_id

    async def heard(self, until_s: float) -> Heard | None:
        """The next message; None if none has come by `until_s` of the loop's clock.

        Raises:
            MqttError: the broker has ended the connection.
        """
        left_s = max(0.0, until_s - asyncio.get_running_loop().time())
        with contextlib.suppress(TimeoutError):
            one = await asyncio.wait_for(self._inbox.get(), left_s)
            if one is None:
                raise MqttError("the broker has ended the connection")
            return one
        return None

    async def listen(self) -> None:
        """Keeps what comes for `heard`, until the connection ends."""
        # This needs a task of its own: a read that is cancelled because its time is over could drop the message that it
        # just took.
        try:
            async for message in self._connection.messages():
                root, _, rest = message.topic.partition("/")
                device_id, _, topic = rest.partition("/")
                if root == "hymio" and len(message.payload) <= _MESSAGE_MAX_BYTES:
                    self._inbox.put_nowait(Heard(device_id, topic, message.payload, message.is_retained))
        except MqttError:
            self._inbox.put_nowait(None)


@contextlib.asynccontextmanager
async def open_session(
    access: BrokerAccess, device_ids: Sequence[str], topics: Sequence[str], gives_orders: bool = True
) -> AsyncIterator[BrokerSession]:
    """A session that hears these topics of these terminals from before it is given.

    Args:
        access: the broker.
        device_ids: the terminals.
        topics: what is heard of them, below hymio/<device_id>/.
        gives_orders: whether the broker has to allow orders to the first of them.

    Raises:
        Failure: 4 there is no broker, or it refuses; 6 it went in the middle.
    """
    session: BrokerSession | None = None
    # This comes before the other connection, because a broker that goes by certificates lets nobody in twice.
    if gives_orders and await access.is_forbidden(f"hymio/{device_ids[0]}/cmd"):
        raise forbidden(access)
    try:
        async with access.connect() as connection:
            if await connection.subscribe([f"hymio/{one}/{topic}" for one in device_ids for topic in topics]):
                raise forbidden(access, "hear")
            session = BrokerSession(connection)
            listener = asyncio.create_task(session.listen())
            try:
                yield session
            finally:
                listener.cancel()
    except CONNECTION_ERRORS as error:
        if session is None or not session.has_published:
            raise await access.failure(error) from error
        raise await _why_gone(access) from error


async def _why_gone(access: BrokerAccess) -> Failure:
    """What it means that the connection has ended after something was published.

    A broker may end the connection of whoever publishes what is not allowed, and say no more than that.
    """
    try:
        async with access.connect():
            return forbidden(access)
    except CONNECTION_ERRORS:
        return Failure(
            BROKEN_OFF,
            f"The broker {access.address} has gone; what was sent may have arrived.",
            "Run the same command again when it is back.",
        )


def forbidden(access: BrokerAccess, what: str = "give orders to") -> Failure:
    """Status 4: the broker has refused to let us do this to terminals."""
    return Failure(
        NO_SERVICE,
        f"The broker {access.address} does not let us {what} terminals, or somebody else came by our certificate.",
        "Come with a certificate of your own: `hymio pki issue --operator ID`, `hymio broker config --operator ID`.",
    )
