"""The main figures of a page again with every press, as server-sent events.

One task asks the database whether presses have come, for all listeners together; the figures of a place are worked out
and put into words once for all who look at it in one language. What is sent is the state, not a step: whoever has
missed some gets the newest, and nothing piles up for who is slow.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hymio.common.errors import Failure
from hymio.common.roles import Role
from hymio.locale.language import Language
from hymio.pages.access import Access, SiteNow
from hymio.pages.dashboard import Dashboard, Shown, today_at
from hymio.pages.errors import LogInFirst, Refused
from hymio.pages.event_stream import EventStream
from hymio.pages.periods import Period
from hymio.pages.reader import PageReader
from hymio.pages.render import rendered
from hymio.pages.views.places import asked_period, now_around, shown_of
from hymio.store.arrival_order import ArrivalPosition, presses_after

_log = logging.getLogger(__name__)

POLL_S: Final = 0.2
ALIVE_S: Final = 10.0
"""A page that hears nothing for twice as long says that it is not live; proxies take silence for the end, too."""
LISTENERS_MAX: Final = 700
"""So that there is room for others among the connections of the server."""
LISTENERS_EACH: Final = 50
"""Of one account, so that nobody takes the place of all others; as many browsers as it may be logged in with."""
LONG_S: Final = 0.5
REST: Final = 3.0
"""After figures that took longer than `LONG_S` we rest for so many times as long before they are worked out again: an
organisation of 25,000 terminals has presses all the time, and may not have a processor for itself."""
_BURST: Final = 2000
"""Presses that are looked at one by one; of more than that all pages are made anew."""


@dataclass(slots=True)
class _Topic:
    """What some listeners look at."""

    shown: Shown
    period: Period
    language: Language
    sees_presses: bool
    listeners: int = 0
    arrival: int = -1
    """Of the newest transaction that the text knows of."""
    is_stale: bool = False
    """Whether presses have come since."""
    rests_until_s: float = 0.0
    text: str = ""
    changed_at: int = -1
    """The transaction with which the text became what it is."""
    is_over: bool = False
    """Whether the page that shows it is to be loaded anew."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced by another one, when the text has changed."""

    def tell(self) -> None:
        """Has all who listen look at what is new."""
        self.news.set()
        self.news = asyncio.Event()


class LiveFigures:
    """All who listen."""

    def __init__(self, dashboard: Dashboard, is_ending: Callable[[], bool]) -> None:
        """Asks nothing yet."""
        self._dashboard, self._is_ending = dashboard, is_ending
        self._topics: dict[tuple[object, ...], _Topic] = {}
        self._listeners: Counter[str] = Counter()
        self._poller: asyncio.Task[None] | None = None
        self._known = -1
        self._touches: tuple[int, dict[str, set[tuple[str, ...]]]] = (-1, {})

    async def answer(self, reader: PageReader, access: Callable[[], Access]) -> Response:
        """A stream of events `figures`: `id` is where to go on, `data` the main figures of the page as HTML.

        Args:
            reader: who listens.
            access: what they may see by now; raises if they are logged out.
        """
        whose = reader.access.name or ""
        # Whoever sits at this computer can do as he likes with it.
        is_too_many = not reader.access.is_owner and self._listeners[whose] >= LISTENERS_EACH
        if is_too_many or self._listeners.total() >= LISTENERS_MAX:
            return PlainTextResponse("", 503, {"retry-after": "30"})
        shown, period = await run_in_threadpool(_asked, reader)
        sees_presses = reader.access.sees_presses
        # Of another site by the same name there is another topic: places have moved since then.
        name = (shown.name, id(shown.site), period, reader.language.code, sees_presses)
        topic = self._topics.setdefault(name, _Topic(shown, period, reader.language, sees_presses))

        def may_listen() -> bool:
            try:
                now = access()
            except (LogInFirst, Refused):
                return False
            except Failure:  # the database is away, and so is what is new
                return True
            if now.sees_presses != sees_presses:
                return False
            if shown.site is None:
                return now.role is Role.ADMIN
            return now.sees(shown.site, None if shown.node is None else shown.node.key)

        topic.listeners += 1
        self._listeners[whose] += 1
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        told = self._told(topic, _after(reader.request), may_listen)
        return EventStream(told, lambda: self._leave(name, whose), {"cache-control": "no-store"})

    def _leave(self, name: tuple[object, ...], whose: str) -> None:
        self._listeners -= Counter({whose: 1})
        topic = self._topics[name]
        topic.listeners -= 1
        if not topic.listeners:
            del self._topics[name]
        if not self._topics and self._poller is not None:
            self._poller.cancel()
            self._poller = None
            self._known = -1

    async def _told(self, topic: _Topic, after: int, may_listen: Callable[[], bool]) -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        asked_s = monotonic()
        while not self._is_ending():
            news = topic.news
            if monotonic() - asked_s > ALIVE_S:
                asked_s = monotonic()
                if not await run_in_threadpool(may_listen):
                    return
            if topic.is_over:
                yield "event: over\ndata:\n\n"
                return
            if topic.text and topic.changed_at > after:
                after = topic.changed_at
                yield f"id: {after}\nevent: figures\n{topic.text}\n\n"
                continue
            try:
                async with asyncio.timeout(ALIVE_S):
                    await news.wait()
            except TimeoutError:
                if today_at(topic.shown.zone, self._dashboard.clock()) != topic.period.today:
                    yield "event: over\ndata:\n\n"  # it is another day: the page is to be loaded anew
                    return
                yield "event: alive\ndata:\n\n"

    async def _poll(self) -> None:
        while True:
            try:
                touched, version, sites = await run_in_threadpool(self._look)
                for topic in list(self._topics.values()):
                    site = topic.shown.site
                    if site is not None and not any(one is site for one in sites):
                        # Another tree, and maybe other readers: each is looked at anew, with its page.
                        topic.is_over = True
                        topic.tell()
                    # A new one has come with a page that may be older than now: it is looked at once, too.
                    elif topic.arrival < 0 or touched is None or topic.shown.name in touched:
                        topic.is_stale = True
                    if topic.is_stale and not topic.is_over and monotonic() >= topic.rests_until_s:
                        is_first, began_s = topic.arrival < 0, monotonic()
                        await self._make(topic, version)
                        took_s = monotonic() - began_s
                        # The first time nothing is kept that the next time goes on from.
                        rests = took_s > LONG_S and not is_first
                        topic.rests_until_s = began_s + took_s * (1 + REST) if rests else 0.0
            except Failure:  # the database is away: nothing is new until it is back
                pass
            if self._is_ending():
                for topic in self._topics.values():
                    topic.news.set()
            await asyncio.sleep(POLL_S)

    async def _make(self, topic: _Topic, version: tuple[int, ...]) -> None:
        try:
            text = await run_in_threadpool(self._text, topic, version)
        except Failure:
            raise
        except Exception:  # a bug: all others go on, and its page says what is to be said
            _log.exception("The figures of %s can't be told", "/".join(topic.shown.name))
            topic.is_over = True
            topic.tell()
            return
        if text != topic.text:
            topic.text, topic.changed_at = text, version[0]
            topic.tell()
        topic.arrival, topic.is_stale = version[0], False

    def _look(self) -> tuple[set[tuple[str, ...]] | None, tuple[int, ...], Sequence[SiteNow]]:
        """Which things have had presses since the last look (None: anything may have); the version; the sites."""
        with self._dashboard.store.reading() as connection:
            version = self._dashboard.version_in(connection)
            sites = self._dashboard.sites.of(connection)
            known, self._known = self._known, version[0]
            if known < 0 or known == version[0]:
                return set(), version, sites
            rows = presses_after(connection, ArrivalPosition(known + 1), _BURST)
            if len(rows) == _BURST:
                return None, version, sites
            touches = self._touched_by(version[1], sites)
        found: set[tuple[str, ...]] = set()
        for device_id in {row.device_id for row in rows}:
            found |= touches.get(device_id, set()) | {("terminal", device_id)}
        return found, version, sites

    def _touched_by(self, version: int, sites: Sequence[SiteNow]) -> dict[str, set[tuple[str, ...]]]:
        """By terminal the names of all that shows its presses."""
        if self._touches[0] != version:
            self._touches = version, _touches(sites)
        return self._touches[1]

    def _text(self, topic: _Topic, version: tuple[int, ...]) -> str:
        """The main figures as lines of an event."""
        values = self._dashboard.now(topic.shown, topic.period, version, None)
        around = now_around(topic.shown, topic.period, self._dashboard.clock())
        html = rendered("now.html", topic.language, {"now": values, "sees_presses": topic.sees_presses, **around})
        return "\n".join(f"data: {line}" for line in html.splitlines() if line.strip())


def _asked(reader: PageReader) -> tuple[Shown, Period]:
    shown = shown_of(reader)
    return shown, asked_period(reader, shown)


def _after(request: Request) -> int:
    """What the listener has: by the header of a reconnecting browser, or by the address that a page gives it."""
    said = request.headers.get("last-event-id") or request.query_params.get("after") or ""
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 18 else -1


def _touches(sites: Sequence[SiteNow]) -> dict[str, set[tuple[str, ...]]]:
    found: dict[str, set[tuple[str, ...]]] = {}
    for site in sites:
        own = site.organisation.key
        for placement in site.stored.site.placements:
            names = found.setdefault(placement.device_id, {("place", own)})
            names.add(("place", own))
            names |= {("place", own, node.key) for node in site.places.up(placement.point)}
    return found
