"""Who may ask: every request shows a token, or comes from this very computer; all else goes no further than here."""

from __future__ import annotations

import hashlib
import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connected

from hymio.common.clients import is_of_this_computer, network_of
from hymio.common.errors import Failure
from hymio.common.output import note
from hymio.common.rate_limits import RateLimit
from hymio.serve.api_errors import ApiError
from hymio.serve.serving import Asker, Serving
from hymio.store.tokens import Scope

TOKEN_HEADER: Final = "x-hon-api-token"
TOKEN_PARAMETER: Final = "auth"
BODY_MAX: Final = 64 * 1024
"""Bytes of a request's body."""
GOOD_MAX: Final = 1000
"""Tokens that are known to have been good lately."""

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """Stands before the application."""

    def __init__(
        self,
        app: ASGIApp,
        serving: Serving,
        rate: RateLimit,
        always_token: bool = False,
        has_own_door: Callable[[str], bool] = lambda path: False,
    ) -> None:
        """Guards `app`.

        always_token: whether this computer needs one, too; has_own_door(path): whether whatever is at that path looks
        itself who comes. Only there are WebSockets.
        """
        self._app, self.serving, self._rate, self._always_token = app, serving, rate, always_token
        self._has_own_door = has_own_door
        self._good: set[bytes] = set()

    async def __call__(self, scope: Connected, receive: Receive, send: Send) -> None:
        """Is the application, to the server."""
        has_own_door = scope["type"] != "lifespan" and self._has_own_door(scope["path"])
        if scope["type"] == "lifespan" or (has_own_door and scope["type"] == "websocket"):
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            if not has_own_door:
                scope.setdefault("state", {})["asker"] = await self._asker(scope)
            await self._app(scope, receive, send_guarded)
        except Exception as error:
            if not isinstance(error, ApiError | Failure):
                place = traceback.extract_tb(error.__traceback__)[-1]
                note(f"A bug in hymio: {type(error).__name__} in {place.name}, {place.filename}:{place.lineno}.")
            if not started:
                await error_response(as_api_error(error, self.serving))(scope, receive, send_guarded)

    async def _asker(self, scope: Connected) -> Asker:
        headers, query = Headers(scope=scope), QueryParams(scope["query_string"])
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_MAX:
            said = f"The request has a body of {length[:20]} bytes."
            raise ApiError(413, said, "64 KiB are taken at most.", {"connection": "close"})
        address = scope["client"][0] if scope.get("client") else ""
        now_s = time.monotonic()
        token = shown_token(headers, query)
        if token is None:
            asker = Asker(f"address {network_of(address)}", None)
            if self._always_token or not is_of_this_computer(address, headers):
                self._count(asker, now_s)
                raise unauthorized("No token was given.")
        else:
            # Nobody guesses a token, but looking for one that is none costs as much as any. Behind a proxy all have one
            # address: those who showed a good one lately don't suffer for the others.
            stranger, digest = Asker(f"stranger {network_of(address)}", None), hashlib.sha256(token.encode()).digest()
            if digest not in self._good:
                self._check(stranger, now_s)
            found = await run_in_threadpool(self._scope_of, token)
            if found is None:
                self._good.discard(digest)
                self._count(stranger, now_s)
                raise unauthorized("The token is none, has expired or was revoked.")
            if len(self._good) >= GOOD_MAX:
                self._good.clear()
            self._good.add(digest)
            asker = Asker(f"token {found.token_id}", found, token)
        self._count(asker, now_s)
        return asker

    def _check(self, asker: Asker, now_s: float) -> None:
        wait_s = self._rate.wait_s(asker.key, now_s)
        if wait_s:
            raise _too_many(wait_s)

    def _count(self, asker: Asker, now_s: float) -> None:
        self._check(asker, now_s)
        self._rate.book(asker.key, now_s)

    def _scope_of(self, token: str) -> Scope | None:
        with self.serving.store.reading() as connection:
            return self.serving.scope_of(connection, token)


def shown_token(headers: Mapping[str, str], query: QueryParams) -> str | None:
    """The token of a request: in a header, or behind the ?."""
    if TOKEN_HEADER in headers:
        return headers[TOKEN_HEADER]
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    return query.get(TOKEN_PARAMETER)


def unauthorized(message: str) -> ApiError:
    """401, as the field's API and everybody else expects it."""
    hint = "Show a token as X-HON-API-Token, or as Authorization: Bearer; `hymio token create` makes one."
    return ApiError(401, message, hint, {"www-authenticate": "Bearer"})


def _too_many(wait_s: float) -> ApiError:
    seconds = max(1, math.ceil(wait_s))
    return ApiError(
        429, "Too many requests.", f"Wait {seconds} s, and ask for more at once (limit).", {"retry-after": str(seconds)}
    )


def as_api_error(error: Exception, serving: Serving) -> ApiError:
    """What an error means to who asked; what is the matter with the database is for who runs this."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, Failure):
        serving.tell_trouble(error)
        return ApiError(503, "The database is not there at the moment.", "Try again later.", {"retry-after": "5"})
    return ApiError(500, "A bug in hymio.", "What has happened stands in its output; please report it.")


def error_response(error: ApiError) -> JSONResponse:
    """The answer to a request that failed."""
    return JSONResponse(error.body, error.status, error.headers)
