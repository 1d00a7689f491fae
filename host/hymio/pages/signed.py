"""What browsers keep for us: signed, so that nobody gives us anything else, and what a form must send back."""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from hymio.store.database import Store
from hymio.store.server_keys import COOKIES, make_key, stored_key

SESSION: Final = "hymio_session"
"""The cookie of who is logged in."""
FORM: Final = "hymio_form"
"""The cookie of a browser in which nobody is logged in, so that its forms are its own."""
KNOWN: Final = "hymio_known"
"""The cookie of a browser in which somebody has logged in: the name's digest, and by what it is told from others."""
_LONGEST: Final = 4000
"""Characters; browsers keep no longer ones."""
_RANDOM_BYTES: Final = 18


class Signer:
    """Signs texts with the key of the database, which it makes when there is none."""

    def __init__(self, store: Store, now_utc: Callable[[], float] = time.time) -> None:
        """Reads nothing yet."""
        self._store, self._now_utc = store, now_utc
        self._key: bytes | None = None

    def signature(self, purpose: str, text: str) -> str:
        """The signature of a text for one purpose, in letters."""
        made = hmac.digest(self._secret(), f"{purpose}\0{text}".encode(), sha256)
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    def signed(self, purpose: str, text: str) -> str:
        """A text with its signature."""
        return f"{text}.{self.signature(purpose, text)}"

    def opened(self, purpose: str, signed: str | None) -> str | None:
        """The text, if its signature is ours."""
        if signed is None or len(signed) > _LONGEST or not signed.isascii():
            return None
        text, _, signature = signed.rpartition(".")
        return text if text and hmac.compare_digest(signature, self.signature(purpose, text)) else None

    def _secret(self) -> bytes:
        # Several threads may ask first; what each finds is the same.
        key = self._key
        if key is None:
            with self._store.reading() as connection:
                key = stored_key(connection, COOKIES)
        if key is None:
            with self._store.writing() as connection:
                key = make_key(connection, COOKIES, self._now_utc())
        self._key = key
        return key


class FormToken:
    """What the forms of a page must send back: it is asked for by pages that have any."""

    def __init__(self, signer: Signer, request: Request, session: str | None) -> None:
        """Of the session of this browser; None: nobody is logged in."""
        self._signer, self._session = signer, session
        self._own = signer.opened(FORM, request.cookies.get(cookie_name(request, FORM)))
        self._made: str | None = None

    def __str__(self) -> str:
        if self._session is None and self._own is None:
            self._own = self._made = secrets.token_urlsafe(_RANDOM_BYTES)
        return self._signer.signature("form", self._session or self._own or "")

    def is_right(self, came: str) -> bool:
        """Whether a form has it."""
        whose = self._session or self._own
        return whose is not None and hmac.compare_digest(came.encode(), self._signer.signature("form", whose).encode())

    def remember(self, request: Request, response: Response) -> None:
        """Has the browser keep what the next request of a form that was just made is known by."""
        if self._made is not None:
            set_cookie(request, response, FORM, self._signer.signed(FORM, self._made), None)


def is_secure(request: Request) -> bool:
    """Whether the browser came by https; a proxy on this computer that ends TLS says so."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"


def cookie_name(request: Request, name: str) -> str:
    """By https no other host, and nobody who changes what goes by http, can give the browser one of this name."""
    return f"__Host-{name}" if is_secure(request) else name


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: float | None) -> None:
    """Has the browser keep something; None: until it is closed."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        max_age=None if seconds is None else int(seconds),
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Has the browser forget it."""
    response.delete_cookie(cookie_name(request, name), httponly=True, samesite="lax", secure=is_secure(request))
