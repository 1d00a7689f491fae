"""The HTTP server: uvicorn, which here lets go of who is slow, and tells when it can be used."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from hymio.common.errors import WRONG_USE, Failure

CONNECTIONS_MAX: Final = 900
"""The next one is closed at once. Linux gives a process 1024 open files where nobody says otherwise."""
REQUESTS_MAX: Final = 850
"""With so many connections or requests at work, further requests are answered with 503."""
REQUEST_S: Final = 10.0
"""How long a client may take to say what it wants."""
STALLED_S: Final = 30.0
"""How long a client may take nothing of its answer."""
KEEP_ALIVE_S: Final = 5
END_S: Final = 5
"""How long requests may go on when the server ends."""
MESSAGE_MAX: Final = 4 * 1024
"""Bytes of a message by WebSocket."""
TARGET_MAX: Final = 16 * 1024
"""Bytes of a request's address and headers."""

_LINGER: Final = "hh" if sys.platform == "win32" else "ii"


class TimedProtocol(H11Protocol):
    """A connection that may not be slow without end: uvicorn itself waits for ever for a request, and for a reader."""

    watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to watch it."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        # asyncio does so only where a socket says that it is TCP; without it an answer waits 40 ms for its second half.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._asked_s = self._moved_s = self.loop.time()
        self._unsent = 0
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends that."""
        if self.watch is not None:
            self.watch.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leaves the connection to who speaks WebSocket, and finds out by pings whether the other end is there."""
        if self.watch is not None:
            self.watch.cancel()
        super().handle_websocket_upgrade(event)

    def _look(self) -> None:
        now_s = self.loop.time()
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            self._asked_s = now_s  # its request is here as a whole, and is being answered
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent:
            self._moved_s = now_s
        self._unsent = unsent
        if (now_s - self._asked_s > REQUEST_S + KEEP_ALIVE_S and not unsent) or now_s - self._moved_s > STALLED_S:
            # What the system still holds for this client goes, too: else it would wait for the client in our place.
            own = self.transport.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
            self.transport.abort()
            return
        self.watch = self.loop.call_later(1.0, self._look)


class HttpServer(uvicorn.Server):
    """A server on a socket that is bound already."""

    def __init__(
        self, app: ASGIApp, tls: ssl.SSLContext | None, on_ready: Callable[[], None], takes_websockets: bool = False
    ) -> None:
        """on_ready is called once requests are answered; tls is None for plain HTTP."""
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=TimedProtocol,
                ws="websockets-sansio" if takes_websockets else "none",
                ws_max_size=MESSAGE_MAX,
                lifespan="on",
                log_config=None,
                log_level="error",
                access_log=False,  # it would have tokens in it
                proxy_headers=False,  # who asks is told by the connection alone
                server_header=False,
                limit_concurrency=REQUESTS_MAX,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=END_S,
                h11_max_incomplete_event_size=TARGET_MAX,
                ssl_context_factory=None if tls is None else lambda config, default: tls,
            )
        )
        self._on_ready = on_ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends by SIGINT and SIGTERM alike, with status 0, however often they come."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and says so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def tls_of(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS with a certificate and its key; None if neither is given.

    Raises:
        Failure: 2, they can't be used.
    """
    if cert is None and key is None:
        return None
    hint = "Give both as PEM: --cert server.pem --key server.key; the key without a passphrase."
    if cert is None or key is None:
        raise Failure(WRONG_USE, "--cert and --key go together.", hint)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key, password=lambda: "")  # OpenSSL itself would ask at the terminal
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Failure(WRONG_USE, f"{cert} and {key} can't be used: {said}.", hint) from error
    return context
