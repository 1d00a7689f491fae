"""The broker of virtual time on a real TCP port: for tests and trials, where nothing else has to be installed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from hymio_sim.net.broker import Broker, Connection
from hymio_sim.net.far_end import Office


class BrokerServer:
    """A broker on 127.0.0.1:`port`, with an office beside it that acknowledges every batch."""

    def __init__(self) -> None:
        self.broker = Broker(on_publish=lambda message: self.office.heard(message))
        self.office = Office(self.broker.publish, time.time)
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(send=writer.write, drop=writer.close)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(4096):
                self.broker.received(connection, data)
                await writer.drain()
        self.broker.lost(connection)
        writer.close()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[BrokerServer]:
        """Serves while the block runs."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
