"""The addresses of wall displays: page, twin, worker, and the same again with every press, as server-sent events.

The secret in the address is all the key there is: nobody logs in at a screen. What is sent is the state, not a step; it
is worked out once for all screens with one link.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hymio.common.errors import Failure
from hymio.locale.language import LOCALES, language_of
from hymio.locale.sentence import _
from hymio.pages.assets import assets
from hymio.pages.errors import Refused, answer_error
from hymio.pages.reader import CHOICE, KnownSites, wants_json
from hymio.pages.render import rendered
from hymio.pages.wall import WallState, wall_state
from hymio.store.arrival_order import newest_arrival
from hymio.store.database import Store

PATH: Final = "/wall/"
POLL_S: Final = 0.25
"""How often the database is asked whether anything has come, for all screens together."""
ALIVE_S: Final = 10.0
"""A screen that hears nothing for more than twice as long says that it is not live."""
ANEW_S: Final = 30.0
"""So long after it was worked out a state is worked out again, presses or not: days end, and links are revoked."""
REST: Final = 3.0
"""After working for a while we rest for so many times as long: screens never take more than a part of a processor."""
LISTENERS_MAX: Final = 500

_HEADERS: Final = {"Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_NOTHING: Final = Refused(
    404,
    _("This link shows nothing"),
    _("It was revoked, or a letter of it is missing. %(command)s makes a new one.", command="hymio wall create"),
)


@dataclass(slots=True)
class _Screen:
    """What is on all screens with one link, in one language."""

    secret: str
    lang: str | None
    listeners: int = 0
    arrival: int = -1
    """Of the newest transaction that the text knows of."""
    made_s: float = float("-inf")
    text: str = ""
    is_over: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced by another one, when the text has changed."""


class Walls:
    """All screens."""

    def __init__(
        self,
        store: Store,
        sites: KnownSites,
        is_ending: Callable[[], bool],
        now_utc: Callable[[], float] = time.time,
    ) -> None:
        """Asks nothing yet. is_ending: whether the server ends; now_utc: seconds of 1970."""
        self._store, self._sites, self._is_ending, self._now_utc = store, sites, is_ending, now_utc
        self._screens: dict[tuple[str, str | None], _Screen] = {}
        self._poller: asyncio.Task[None] | None = None

    def routes(self) -> Iterator[Route]:
        """The worker first: its name looks like a secret."""
        yield Route(f"{PATH}worker.js", self._worker)
        yield Route(f"{PATH}{{secret}}/live", self._live)
        yield Route(f"{PATH}{{secret}}.json", self._page)
        yield Route(f"{PATH}{{secret}}", self._page)

    async def _worker(self, request: Request) -> Response:
        # Not below /static/: a worker answers only for what is below its own address.
        return Response(assets()["wall/worker.js"].body, media_type="text/javascript", headers=_HEADERS)

    async def _page(self, request: Request) -> Response:
        def answer() -> Response:
            made: Response
            try:
                state = self._state(request.path_params["secret"], _chosen(request))
                if state is None:
                    raise _NOTHING
                made = JSONResponse(state.as_json()) if wants_json(request) else HTMLResponse(_rendered("wall", state))
            except Exception as error:  # whatever it is, it gets a page
                made = answer_error(request, error)
            made.headers.update(_HEADERS)
            made.headers.add_vary_header("Accept")
            return made

        return await run_in_threadpool(answer)

    async def _live(self, request: Request) -> Response:
        if sum(one.listeners for one in self._screens.values()) >= LISTENERS_MAX:
            return PlainTextResponse("", 503, {"retry-after": "30"})
        name = request.path_params["secret"], _chosen(request)
        screen = self._screens.setdefault(name, _Screen(*name))
        screen.listeners += 1
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        return _Stream(self._told(screen, request.headers.get("last-event-id", "")), lambda: self._leave(name))

    def _leave(self, name: tuple[str, str | None]) -> None:
        screen = self._screens[name]
        screen.listeners -= 1
        if not screen.listeners:
            del self._screens[name]
        if not self._screens and self._poller is not None:
            self._poller.cancel()
            self._poller = None

    async def _told(self, screen: _Screen, has: str) -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        while not self._is_ending():
            news = screen.news
            if screen.is_over:
                yield "event: over\ndata:\n\n"
                return
            name = f"{screen.arrival}.{hash(screen.text) & 0xFFFFFFFF:x}"
            if screen.text and name != has:
                has = name
                yield f"id: {name}\nevent: now\n{screen.text}\n\n"
                continue
            try:
                async with asyncio.timeout(ALIVE_S):
                    await news.wait()
            except TimeoutError:
                yield "event: alive\ndata:\n\n"

    async def _poll(self) -> None:
        while True:
            began_s = time.monotonic()
            try:
                newest = await run_in_threadpool(self._newest)
                for screen in list(self._screens.values()):
                    if newest != screen.arrival or began_s - screen.made_s > ANEW_S:
                        await self._look(screen, newest)
                        screen.made_s = began_s
            except Failure:  # the database is away: nothing is new until it is back
                pass
            if self._is_ending():
                for screen in self._screens.values():
                    screen.news.set()
            await asyncio.sleep(max(POLL_S, REST * (time.monotonic() - began_s)))

    async def _look(self, screen: _Screen, newest: int) -> None:
        state = await run_in_threadpool(self._state, screen.secret, screen.lang)
        text = "" if state is None else "\n".join(f"data: {line}" for line in _rendered("wall_now", state).splitlines())
        if (text, state is None) != (screen.text, screen.is_over):
            screen.text, screen.is_over = text, state is None
            screen.news.set()
            screen.news = asyncio.Event()
        screen.arrival = newest

    def _newest(self) -> int:
        with self._store.reading() as connection:
            return newest_arrival(connection)

    def _state(self, secret: str, lang: str | None) -> WallState | None:
        sites = [one.stored for one in self._sites.now()]
        with self._store.reading() as connection:
            state = wall_state(connection, sites, secret, self._now_utc())
        return state if state is None or lang is None else replace(state, language=language_of(lang))


class _Stream(StreamingResponse):
    """Leaves when it is over, however that comes: what is never begun has no end of its own."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[str], leave: Callable[[], None]) -> None:
        # nginx would hold events back
        super().__init__(content, headers={**_HEADERS, "X-Accel-Buffering": "no", "Cache-Control": "no-store"})
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


def _chosen(request: Request) -> str | None:
    """The language of the address; None: that of the organisation."""
    chosen = request.query_params.get(CHOICE)
    return chosen if chosen in LOCALES else None


def _rendered(name: str, state: WallState) -> str:
    values: dict[str, Any] = {"wall": state, "votes": sum(state.faces or ())}
    return rendered(f"{name}.html", state.language, values)
