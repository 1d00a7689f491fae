"""The application: its routes, and how everything that goes wrong is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from hymio.serve.api_errors import ApiError, bad_request
from hymio.serve.guard import Guard, as_api_error, error_response
from hymio.serve.rate_limits import RateLimit
from hymio.serve.serving import Serving
from hymio.serve.v2_routes import answer_v2
from hymio.training.router import Training, is_of_training, training_router

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
    app = FastAPI(title="hymio", openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan)
    app.state.serving = serving
    app.add_route("/v2/{path:path}", answer_v2, methods=["GET"], include_in_schema=False)
    # Starlette answers the last of these and raises the error again, so that `guard` can tell of it.
    for kind in (ApiError, Exception):
        app.add_exception_handler(kind, _answered)
    app.add_exception_handler(HTTPException, _answered_http)
    app.add_exception_handler(RequestValidationError, _answered_validation)
    if training is None:
        return Guard(app, serving, rate, always_token)
    app.include_router(training_router(training))
    return Guard(app, serving, rate, always_token, is_of_training)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = AT_WORK_MAX
    yield


async def _answered(request: Request, error: Exception) -> Response:
    return error_response(as_api_error(error))


async def _answered_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {
        404: (f"There is no {request.url.path[:60]}.", "/api/v1/openapi.json names what there is."),
        405: (f"{request.method} is not taken here.", "Everything is read by GET."),
    }
    message, hint = said.get(error.status_code, (str(error.detail), "Mend the request."))
    return error_response(ApiError(error.status_code, message, hint, error.headers))


async def _answered_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name, came = str(first["loc"][-1]), str(first.get("input", ""))
    return error_response(bad_request(name, str(first["msg"]).lower(), came))
