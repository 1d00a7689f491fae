"""Presses as they come, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from hymio.common.errors import Failure
from hymio.pages.event_stream import EventStream
from hymio.serve.api_errors import ApiError
from hymio.serve.followed_presses import FollowedPage, followed_page, newest_position
from hymio.serve.serving import Asker, Serving, asker_of, serving_of
from hymio.serve.v1_routes import ERRORS, LATEST, POSITION, position_of
from hymio.store.arrival_order import ArrivalPosition, newest_arrival

POLL_S: Final = 0.25
"""How often the database is asked whether anything has come, for all listeners together."""
ALIVE_S: Final = 15.0
"""A comment goes out after so long without a press: proxies take silence for the end."""
LISTENERS_MAX: Final = 64
LISTENERS_EACH: Final = 8
_AT_ONCE: Final = 200

router = APIRouter(prefix="/api/v1", responses=ERRORS)


class Arrivals:
    """Asks the database for the number of the newest transaction, as long as somebody listens."""

    def __init__(self, serving: Serving) -> None:
        """Asks nothing yet."""
        self._serving = serving
        self._listeners: Counter[str] = Counter()
        self._poller: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._newest = -1

    def enter(self, asker: Asker) -> None:
        """Counts one more listener.

        Raises:
            ApiError: 503, there are too many.
        """
        if self._listeners.total() >= LISTENERS_MAX or self._listeners[asker.key] >= LISTENERS_EACH:
            said = f"There are {LISTENERS_EACH} listeners of yours, or {LISTENERS_MAX} of all, already."
            raise ApiError(503, said, "End one of them, or ask /api/v1/presses now and then.", {"retry-after": "30"})
        self._listeners[asker.key] += 1
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())

    def leave(self, asker: Asker) -> None:
        """Counts one less."""
        self._listeners -= Counter({asker.key: 1})
        if not self._listeners and self._poller is not None:
            self._poller.cancel()
            self._poller = None

    async def wait(self, newest: int) -> int:
        """Waits until there is another number than this one, at most `ALIVE_S`; gives it.

        Raises:
            TimeoutError: nothing has come.
        """
        async with asyncio.timeout(ALIVE_S), self._changed:
            await self._changed.wait_for(lambda: self._newest != newest or self._serving.is_ending())
        return self._newest

    async def _poll(self) -> None:
        while True:
            try:
                newest = await run_in_threadpool(self._ask)
            except Failure:  # the database is away: there is nothing new until it is back
                newest = self._newest
            if newest != self._newest or self._serving.is_ending():
                async with self._changed:
                    self._newest = newest
                    self._changed.notify_all()
            await asyncio.sleep(POLL_S)

    def _ask(self) -> int:
        with self._serving.store.reading() as connection:
            return newest_arrival(connection)


@router.get(
    "/events",
    summary="Presses as they come, live",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A stream of events `press`; `id` is where to go on, `data` a press as in `/presses`.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: 18231.till-1.48879.5161\nevent: press\ndata: {"device_id": "till-1"}\n\n',
                }
            },
        }
    },
)
async def events(
    request: Request,
    cursor: Annotated[
        str | None,
        Query(description=f"Where to begin, as with `/presses`; without it, and as `{LATEST}`: now.", pattern=POSITION),
    ] = None,
    last_event_id: Annotated[
        str | None, Header(description="Of the last event that came: what came since then is told first.")
    ] = None,
) -> StreamingResponse:
    """Within a second of its commit; presses of staff are never told of. A comment goes out every 15 s of silence."""
    serving, asker = serving_of(request), asker_of(request)
    arrivals: Arrivals = request.app.state.arrivals
    said = last_event_id or cursor
    after = None if said in (None, LATEST) else position_of(said)
    if after is None:
        after = await run_in_threadpool(_newest, serving)
    arrivals.enter(asker)
    return EventStream(_told(serving, asker, arrivals, after), lambda: arrivals.leave(asker))


async def _told(serving: Serving, asker: Asker, arrivals: Arrivals, after: ArrivalPosition) -> AsyncIterator[str]:
    # What was told up to here stands at once, so that whoever reconnects before the first press misses none.
    yield f"retry: 1000\nid: {after}\n\n"
    newest = -1
    while not serving.is_ending():
        try:
            page = await run_in_threadpool(_page, serving, asker, after)
        except Failure as failure:
            serving.tell_trouble(failure)
            yield ": the database is not there at the moment\n\n"
            await asyncio.sleep(4 * POLL_S)
            continue
        if page is None:
            return  # the token has expired or was revoked
        for press in page.presses:
            yield f"id: {press['id']}\nevent: press\ndata: {json.dumps(press, ensure_ascii=False)}\n\n"
        after = page.scanned
        if page.more:
            continue
        try:
            newest = await arrivals.wait(newest)
        except TimeoutError:
            yield ": still here\n\n"


def _newest(serving: Serving) -> ArrivalPosition:
    with serving.store.reading() as connection:
        return newest_position(connection)


def _page(serving: Serving, asker: Asker, after: ArrivalPosition) -> FollowedPage | None:
    with serving.store.reading() as connection:
        if asker.token is not None and serving.scope_of(connection, asker.token) is None:
            return None
        return followed_page(connection, serving.view(connection, asker.scope), after, _AT_ONCE)
