"""The addresses of wall displays: page, twin, worker, and the same again with every press, as server-sent events.

The secret in the address is all the key there is: nobody logs in at a screen. What is sent is the state, not a step; it
is worked out once for all screens with one link.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hymio.common.errors import Failure
from hymio.figures.reading import FigureReader
from hymio.locale.language import LOCALES, language_of
from hymio.locale.sentence import _
from hymio.measures.faces import FaceFigures
from hymio.pages.access import SiteNow
from hymio.pages.assets import assets
from hymio.pages.errors import Refused, answer_error
from hymio.pages.event_stream import EventStream
from hymio.pages.reader import CHOICE, KnownSites, wants_json
from hymio.pages.render import rendered
from hymio.pages.shelf import Shelf
from hymio.pages.wall import WallScreen, WallState, done_there, figures_of_day, wall_screen
from hymio.store.arrival_order import newest_arrival
from hymio.store.database import Store
from hymio.store.sites import sites_version
from hymio.store.wall_links import WallLink, link_of

_log = logging.getLogger(__name__)

PATH: Final = "/wall/"
POLL_S: Final = 0.25
"""How often the database is asked whether anything has come, for all screens together."""
ALIVE_S: Final = 10.0
"""A screen that hears nothing for more than twice as long says that it is not live."""
ANEW_S: Final = 30.0
"""So long after it was worked out a state is worked out again, presses or not: days end, and dates are mended."""
CHECK_S: Final = 5.0
"""How often it is looked whether links are good still."""
WAIT_S: Final = 0.05
"""How long a page waits for figures that are not worked out yet."""
REST: Final = 3.0
"""After working for a while we rest for so many times as long: screens never take more than a part of a processor."""
LISTENERS_MAX: Final = 500
LISTENERS_EACH: Final = 100
"""Screens with one link: whoever has read it off one does not take the place of all others."""
OVER: Final = "event: over\ndata:\n\n"

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
        self._shelf = Shelf()
        self._known: dict[int, tuple[Sequence[SiteNow], int, WallScreen]] = {}

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
                # A page comes at once, and what is not known yet by the stream; a program waits for it.
                wait_s = None if wants_json(request) else WAIT_S
                state = self._state(request.path_params["secret"], wait_s)
                if state is None:
                    raise _NOTHING
                if wants_json(request):
                    made = JSONResponse(state.as_json())
                else:
                    made = HTMLResponse(_rendered("wall", state, _chosen(request)))
            except Exception as error:  # whatever it is, it gets a page
                made = answer_error(request, error)
            made.headers.update(_HEADERS)
            made.headers.add_vary_header("Accept")
            return made

        return await run_in_threadpool(answer)

    async def _live(self, request: Request) -> Response:
        name = request.path_params["secret"], _chosen(request)
        headers = _HEADERS | {"Cache-Control": "no-store"}
        if not await run_in_threadpool(self._may_be_good, name[0]):
            return Response(OVER, media_type=EventStream.media_type, headers=headers)
        listeners = [(one.secret, one.listeners) for one in self._screens.values()]
        of_link = sum(count for secret, count in listeners if secret == name[0])
        if of_link >= LISTENERS_EACH or sum(count for _, count in listeners) >= LISTENERS_MAX:
            return PlainTextResponse("", 503, {"retry-after": "30"})
        screen = self._screens.setdefault(name, _Screen(*name))
        screen.listeners += 1
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        told = self._told(screen, request.headers.get("last-event-id", ""))
        return EventStream(told, lambda: self._leave(name), headers)

    def _may_be_good(self, secret: str) -> bool:
        try:
            with self._store.reading() as connection:
                return link_of(connection, secret) is not None
        except Failure:  # the database is away: that is seen once it is back
            return True

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
                yield OVER
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
        checked_s = time.monotonic()
        while True:
            began_s = time.monotonic()
            try:
                if began_s - checked_s >= CHECK_S:
                    checked_s = began_s
                    await run_in_threadpool(self._check)
                newest = await run_in_threadpool(self._newest)
                for screen in list(self._screens.values()):
                    if newest != screen.arrival or began_s - screen.made_s > ANEW_S:
                        await self._look(screen, newest)
                        screen.made_s = began_s
            except Failure:  # the database is away: nothing is new until it is back
                pass
            for screen in self._screens.values():
                if screen.is_over or self._is_ending():
                    screen.news.set()
            await asyncio.sleep(max(POLL_S, REST * (time.monotonic() - began_s)))

    async def _look(self, screen: _Screen, newest: int) -> None:
        try:
            state = await run_in_threadpool(self._state, screen.secret, None)
        except Failure:
            raise
        except Exception:  # a bug: all other screens go on
            _log.exception("What a wall shows can't be told")
            screen.arrival = newest
            return
        text = ""
        if state is not None:
            lines = _rendered("wall_now", state, screen.lang).splitlines()
            text = "\n".join(f"data: {line}" for line in lines)
        screen.is_over = state is None
        if text != screen.text:
            screen.text = text
            screen.news.set()
            screen.news = asyncio.Event()
        screen.arrival = newest

    def _check(self) -> None:
        """Marks screens whose links are good no more."""
        with self._store.reading() as connection:
            for screen in list(self._screens.values()):
                screen.is_over = link_of(connection, screen.secret) is None

    def _newest(self) -> int:
        with self._store.reading() as connection:
            return newest_arrival(connection)

    def _state(self, secret: str, wait_s: float | None) -> WallState | None:
        """What a screen shows; None: nothing. After `wait_s` it is what was known before; None: as long as it takes."""
        now_utc = self._now_utc()
        with self._store.reading() as connection:
            sites = self._sites.of(connection)  # as of the same moment: the link may be of a place that is new
            link = link_of(connection, secret)
            version = newest_arrival(connection), sites_version(connection), int(now_utc // ANEW_S)
            if link is None:
                return None
            screen = self._screen(link, sites, now_utc)
            done = done_there(connection, screen)

        def make() -> tuple[FaceFigures | None, float]:
            with self._store.reading() as connection:
                reader = FigureReader(connection, now_utc, tuple(one.stored for one in sites))
                return figures_of_day(reader, screen), now_utc

        asks = None if screen.survey is None else screen.survey.key
        found = self._shelf.get((link.id, asks, screen.day), version, make, wait_s)
        figures, as_of_utc = found or (None, None)
        return WallState(screen, figures, as_of_utc, done)

    def _screen(self, link: WallLink, sites: Sequence[SiteNow], now_utc: float) -> WallScreen:
        """What a link is about, looked up once a minute: an organisation may have 25,000 places."""
        minute = int(now_utc // 60)
        known = self._known.get(link.id)
        if known is None or known[0] is not sites or known[1] != minute:
            known = self._known[link.id] = sites, minute, wall_screen(link, sites, now_utc)
        return known[2]


def _chosen(request: Request) -> str | None:
    """The language of the address; None: that of the organisation."""
    chosen = request.query_params.get(CHOICE)
    return chosen if chosen in LOCALES else None


def _rendered(name: str, state: WallState, lang: str | None) -> str:
    language = state.screen.language if lang is None else language_of(lang)
    values: dict[str, Any] = {"wall": state.as_json(), "is_known": state.as_of_utc is not None}
    return rendered(f"{name}.html", language, values)
