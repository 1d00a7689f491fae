"""The pages as one ASGI application, beside the API.

A view is a function from a PageReader to a PageOf; it runs in a thread of its own, so it may ask the database. Each
page has its twin in JSON at the same address: with .json, or where the Accept header asks for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hymio.pages.assets import PREFIX, answer_asset
from hymio.pages.dashboard import Dashboard
from hymio.pages.errors import answer_error
from hymio.pages.live import LiveFigures
from hymio.pages.reader import KnownSites, PageOf, PageReader, reader_language, remember_choice, wants_json
from hymio.pages.render import rendered
from hymio.pages.security_headers import SecurityHeaders
from hymio.pages.views import places
from hymio.store.database import Store

View = Callable[[PageReader], PageOf | Response]


API_PATHS: Final = ("/v2", "/api")
"""What is below these is the API's; everything else is a page's."""


def mount_pages(api: ASGIApp, store: Store, is_ending: Callable[[], bool] = lambda: False) -> ASGIApp:
    """The API and the pages as one application.

    The pages stand beside the API's guard, not behind it: people have other keys than programs.

    Args:
        api: what answers below `API_PATHS`.
        store: the database.
        is_ending: whether the server ends: what goes on without end ends then.
    """
    pages = pages_app(store, is_ending=is_ending)

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_api = scope["type"] == "lifespan" or any(path == one or path.startswith(f"{one}/") for one in API_PATHS)
        await (api if is_api else pages)(scope, receive, send)

    return both


def pages_app(
    store: Store, clock: Callable[[], float] = time.time, is_ending: Callable[[], bool] = lambda: False
) -> Starlette:
    """The pages of a database; clock: seconds of 1970."""
    sites = KnownSites(store)
    dashboard = Dashboard(store, sites, clock)
    live = LiveFigures(dashboard, is_ending)

    def page(path: str, view: View) -> Iterator[Route]:
        async def answer(request: Request) -> Response:
            reader = PageReader(request, store, reader_language(request), sites.now)
            return await run_in_threadpool(_answered, reader, view)

        # First the twin: a place's key would match "ward-3.json" too.
        yield Route(path + (".json" if path != "/" else "index.json"), answer)
        yield Route(path, answer)

    def listening(path: str) -> Route:
        async def answer(request: Request) -> Response:
            reader = PageReader(request, store, reader_language(request), sites.now)
            try:
                return await live.answer(reader)
            except Exception as error:  # whatever it is, it gets a page
                return answer_error(request, error)

        return Route(path + "/live", answer)

    app = Starlette(
        routes=[
            Route(PREFIX + "{name:path}", answer_asset),
            *map(listening, ("/terminals/{terminal}", "/places/{organisation}", "/places/{organisation}/{place}")),
            *page("/", places.start),
            *page("/terminals/{terminal}", places.terminal),
            *page("/places/{organisation}", places.organisation),
            *page("/places/{organisation}/{place}", places.place),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(GZipMiddleware, minimum_size=500)],
        exception_handlers={HTTPException: answer_error},
    )
    app.state.dashboard = dashboard
    return app


def _answered(reader: PageReader, view: View) -> Response:
    request = reader.request
    try:
        page = view(reader)
        if isinstance(page, Response):
            answer = page
        elif wants_json(request):
            answer = JSONResponse(dict(page.values))
        else:
            values = {**page.values, **page.around, "url": request.url}
            answer = HTMLResponse(rendered(page.template, reader.language, values))
    except Exception as error:  # whatever it is, it gets a page
        return answer_error(request, error)
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers["Content-Language"] = reader.language.code
    answer.headers.add_vary_header("Accept, Accept-Language, Cookie")
    remember_choice(request, answer)
    return answer
