"""The addresses of the on-screen terminal: its page, and the WebSocket to the terminal."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, JSONResponse

from hymio.common.child_processes import scratch_folder
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.output import note
from hymio.locale.sentence import _
from hymio.pages.assets import PREFIX as ASSETS
from hymio.pages.assets import answer_asset
from hymio.pages.errors import Refused, answer_error
from hymio.pages.reader import reader_language, remember_choice, wants_json
from hymio.pages.render import rendered
from hymio.pages.security_headers import HEADERS
from hymio.store.database import Store
from hymio.training.far_end import own_far_end, plain_broker
from hymio.training.guests import is_own_page, may_visit
from hymio.training.scenes import HISTORY
from hymio.training.stands import SECTORS, Stands
from hymio.training.visit import Gone, Visit
from hymio.training.wishes import LONGEST_BYTES
from hymio.wire.records import SLOTS

TERMINALS: Final = 3
"""So many at a time unless told otherwise: each is a virtual machine that takes a few percent of a core."""
IDLE_S: Final = 600.0
PREFIX: Final = "/training"

_NOT_OPEN: Final = Refused(
    403,
    _("The on-screen terminal is for whoever sits at this computer"),
    _("Whoever runs this server can open it to others: %(command)s", command="hymio serve --training-host NAME"),
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
    return path == PREFIX or path.startswith((f"{PREFIX}.", f"{PREFIX}/", ASSETS))


def training_router(training: Training) -> APIRouter:
    """The routes below `/training`, and the files of its page.

    The broker and the collector run as long as the application that includes them.

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
    stands = Stands(training.terminals)
    broker = given_broker or ""
    trouble: Failure | None = None

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        nonlocal broker, trouble
        with scratch_folder("hymio-training-") as folder:
            stands.furnish(folder)
            async with contextlib.AsyncExitStack() as stack:
                try:
                    if given_broker is None:
                        broker = await stack.enter_async_context(own_far_end(training.db, folder))
                except Failure as failure:
                    trouble = failure  # whatever else is served does not suffer from it
                    note(f"There are no terminals on the screen. {failure.message} {failure.hint}")
                yield

    router = APIRouter(lifespan=lifespan, include_in_schema=False)
    router.add_route(ASSETS + "{name:path}", answer_asset)

    def is_guest(request: Request | WebSocket) -> bool:
        client = request.client.host if request.client else ""
        return may_visit(client, request.headers, training.hosts, training.trusts_this_computer)

    @router.get(PREFIX)
    @router.get(f"{PREFIX}.json")
    def page(request: Request) -> Response:
        if not is_guest(request):
            answer = answer_error(request, _NOT_OPEN)
        elif wants_json(request):
            terminals = [{"device_id": name, "taken": name not in stands.free} for name in stands.names]
            answer = JSONResponse({"terminals": terminals})
        else:
            language = reader_language(request)
            answer = HTMLResponse(rendered("training.html", language, {"url": request.url, "history": HISTORY}))
            answer.headers["Content-Language"] = language.code
            remember_choice(request, answer)
        answer.headers.update(HEADERS)
        answer.headers["Cache-Control"] = "private, no-cache"
        answer.headers.add_vary_header("Accept, Accept-Language, Cookie")
        return answer

    @router.websocket(f"{PREFIX}/terminal")
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
