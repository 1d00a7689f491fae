"""The addresses of the on-screen terminal: its page, the page's files, and the WebSocket to the terminal."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.output import note
from hymio.store.database import Store
from hymio.training.far_end import own_far_end, plain_broker
from hymio.training.guests import is_own_page, may_visit
from hymio.training.stands import SECTORS, Stands
from hymio.training.visit import Gone, Visit
from hymio.training.wishes import LONGEST_BYTES
from hymio.wire.records import SLOTS

TERMINALS: Final = 3
"""So many at a time unless told otherwise: each is a virtual machine that takes a few percent of a core."""
IDLE_S: Final = 600.0
PREFIX: Final = "/training"

_PAGE_FILES: Final = Path(__file__).parent / "static"
_FILES: Final = {
    "training.css": "text/css",
    "training.js": "text/javascript",
    "ring.js": "text/javascript",
}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_NOT_HERE: Final = (
    "The on-screen terminal is for whoever sits at this computer."
    " hymio serve --training-host NAME opens it to others.\n"
)

# Codes with which a WebSocket ends (RFC 6455, section 7.4.1, and the registry of IANA).
_POLICY: Final = 1008
_TOO_BIG: Final = 1009
_INTERNAL: Final = 1011
_TRY_LATER: Final = 1013


@dataclass(frozen=True, slots=True)
class Training:
    """What the on-screen terminals need.

    store, db: the database, opened and as it was given for --db; broker: the address of a broker whose collector writes
    to it, None: both are made here; terminals: so many at once; idle_s: a visit without a word is over after so long;
    hosts: the names of this server under which visitors of other computers may come; trusts_this_computer: whether
    those of this one may come.
    """

    store: Store
    db: str
    broker: str | None = None
    terminals: int = TERMINALS
    idle_s: float = IDLE_S
    runtime: str = "micropython"
    hosts: Collection[str] = ()
    trusts_this_computer: bool = True


def is_of_training(path: str) -> bool:
    """Whether a path is one of the router's."""
    return path == PREFIX or path.startswith((f"{PREFIX}.", f"{PREFIX}/"))


def training_router(training: Training) -> APIRouter:
    """The routes below `/training`; the broker and the collector run as long as the application that includes them.

    Raises:
        Failure: 2, the broker that is given is none for terminals on the screen, or one of our own can't be had here.
    """
    if os.name != "posix":
        raise Failure(
            WRONG_USE,
            "This system has no pseudo-terminals, so no terminal can be simulated in real time.",
            "Linux, macOS and WSL have them.",
        )
    if training.broker is None and find_spec("iotcore") is None:
        raise missing_extra("broker", ModuleNotFoundError("No module named 'iotcore'", name="iotcore"))
    given_broker = None if training.broker is None else plain_broker(training.broker)
    scratch = tempfile.TemporaryDirectory(prefix="hymio-training-")
    folder = Path(scratch.name)
    stands = Stands(folder, training.terminals)
    broker = given_broker or ""
    trouble: Failure | None = None

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal broker, trouble
        with scratch:
            async with contextlib.AsyncExitStack() as stack:
                try:
                    if given_broker is None:
                        broker = await stack.enter_async_context(own_far_end(training.db, folder))
                except Failure as failure:
                    trouble = failure  # whatever else is served does not suffer from it
                    note(f"There are no terminals on the screen. {failure.message} {failure.hint}")
                yield

    router = APIRouter(prefix=PREFIX, lifespan=lifespan, include_in_schema=False)

    def is_guest(request: Request | WebSocket) -> bool:
        client = request.client.host if request.client else ""
        return may_visit(client, request.headers, training.hosts, training.trusts_this_computer)

    @router.get("")
    def page(request: Request) -> Response:
        if not is_guest(request):
            return PlainTextResponse(_NOT_HERE, 403)
        return FileResponse(_PAGE_FILES / "training.html", headers=_HEADERS, media_type="text/html; charset=utf-8")

    @router.get(".json")
    def places(request: Request) -> Response:
        if not is_guest(request):
            return PlainTextResponse(_NOT_HERE, 403)
        terminals = [{"device_id": s.device_id, "taken": s.device_id not in stands.free} for s in stands.all]
        return JSONResponse({"terminals": terminals}, headers={"Cache-Control": "no-store"})

    @router.get("/static/{name}")
    def file(name: str) -> Response:
        if name not in _FILES:
            return PlainTextResponse("There is no such file.\n", 404)
        return FileResponse(_PAGE_FILES / name, headers=_HEADERS, media_type=_FILES[name])

    @router.websocket("/terminal")
    async def terminal(socket: WebSocket, wanted: str | None = None) -> None:
        if not is_guest(socket) or not is_own_page(socket.headers):
            await socket.close(_POLICY)  # before it is accepted: a plain 403
            return
        page = _SocketPage(socket)
        await socket.accept()
        stand = None if trouble else stands.take(wanted)
        with contextlib.suppress(Gone):
            if trouble is not None:
                await page.say({"kind": "over", "why": "failed", "message": f"{trouble.message} {trouble.hint}"})
                await page.close(_INTERNAL)
                return
            if stand is None:
                await page.say({"kind": "over", "why": "full", "terminals": training.terminals})
                await page.close(_TRY_LATER)
                return
            try:
                welcome = {"device_id": stand.device_id, "sectors": SECTORS, "slots": SLOTS}
                await page.say({"kind": "welcome", **welcome})
                visit = Visit(page, stand, training.store, broker, training.runtime, training.idle_s)
                await visit.run()
            finally:
                stands.give_back(stand)
            await page.close(1000)

    return router


class _SocketPage:
    """The page at the other end of a WebSocket."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def hear(self) -> str:
        """See `Page`."""
        try:
            message = await self._socket.receive()
        except (RuntimeError, WebSocketDisconnect):
            raise Gone from None
        if message["type"] == "websocket.disconnect":
            raise Gone
        text: str | None = message.get("text")
        if text is None or len(text) > LONGEST_BYTES:
            await self.close(_TOO_BIG)
            raise Gone
        return text

    async def say(self, message: dict[str, Any]) -> None:
        """See `Page`."""
        try:
            await self._socket.send_text(json.dumps(message))
        except (RuntimeError, WebSocketDisconnect):
            raise Gone from None

    async def close(self, code: int) -> None:
        """Ends the connection, if the page has not done so."""
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.close(code)
