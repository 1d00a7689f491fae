"""The application: its routes, and how everything that goes wrong is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from hymio import __version__
from hymio.common.rate_limits import RateLimit
from hymio.serve import live_events, v1_cases, v1_measures, v1_routes
from hymio.serve.api_errors import ApiError
from hymio.serve.guard import TOKEN_PARAMETER, Guard, as_api_error, error_response
from hymio.serve.live_events import Arrivals
from hymio.serve.serving import Serving
from hymio.serve.v2_routes import answer_v2
from hymio.training.router import Training, is_of_training, training_router

_ROUTERS: Final = (v1_routes.router, v1_measures.router, v1_cases.router, live_events.router)
AT_WORK_MAX: Final = 8
"""Requests that read the database at the same time; the others wait."""


def create_app(
    serving: Serving, rate: RateLimit, always_token: bool = False, training: Training | None = None
) -> ASGIApp:
    """The application with its guard.

    Args:
        serving: what its requests share.
        rate: how many requests one asker may make.
        always_token: whether requests from this computer need a token, too.
        training: the terminals on the screen; None: there are none.

    Raises:
        Failure: 2, such terminals can't be had here.
    """
    app = FastAPI(
        title="hymio",
        version=__version__,
        summary="Places, figures and presses, as they come. What BI reports of the field expect is at /v2.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # to an absolute address: whatever Host says, and without the TLS of a proxy
        lifespan=_lifespan,
    )
    app.state.serving, app.state.arrivals = serving, Arrivals(serving)
    for router in _ROUTERS:
        app.include_router(router)
    app.add_route("/v2/{path:path}", answer_v2, methods=["GET"], include_in_schema=False)
    # Starlette answers the last of these and raises the error again, so that `guard` can tell of it.
    for kind in (ApiError, Exception):
        app.add_exception_handler(kind, _answered)
    app.add_exception_handler(HTTPException, _answered_http)
    app.add_exception_handler(RequestValidationError, _answered_validation)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    if training is None:
        return Guard(app, serving, rate, always_token)
    app.include_router(training_router(training))
    return Guard(app, serving, rate, always_token, is_of_training)


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI of our own API: as FastAPI makes it, but for what it can't know."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)  # it is 400 here, as everywhere
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
        document["components"]["securitySchemes"] = {
            "header": {"type": "apiKey", "in": "header", "name": "X-HON-API-Token"},
            "bearer": {"type": "http", "scheme": "bearer"},
            "query": {"type": "apiKey", "in": "query", "name": TOKEN_PARAMETER},
        }
        document["security"] = [{name: []} for name in document["components"]["securitySchemes"]]
        app.openapi_schema = document
    return app.openapi_schema


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = AT_WORK_MAX
    yield


async def _answered(request: Request, error: Exception) -> Response:
    return error_response(as_api_error(error, request.app.state.serving))


async def _answered_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {
        404: (f"There is no {request.url.path[:60]}.", "/api/v1/openapi.json names what there is."),
        405: (
            f"{request.method} is not taken here.",
            "Everything but cases is read by GET; /api/v1/openapi.json tells more.",
        ),
    }
    message, hint = said.get(error.status_code, (str(error.detail), "Mend the request."))
    headers = dict(error.headers or {})
    if error.status_code == 405 and (methods := _methods_at(request.url.path)):
        headers["Allow"] = ", ".join(sorted(methods))  # FastAPI tells those of the first route at that address alone
    return error_response(ApiError(error.status_code, message, hint, headers))


def _methods_at(path: str) -> set[str]:
    """With which methods something may be asked at an address of ours."""
    routes = (route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}


async def _answered_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name, came, said = str(first["loc"][-1]), str(first.get("input", ""))[:60], str(first["msg"])
    return error_response(ApiError(400, f"{name} is {came!r}. {said}.", "Mend or leave out that parameter."))
