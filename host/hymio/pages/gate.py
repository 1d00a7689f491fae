"""Who comes to the pages: whoever is logged in, or the owner of this computer as long as there is no account."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs, quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from hymio.common.clients import is_of_this_computer
from hymio.locale.sentence import _
from hymio.pages.access import NOBODY, OWNER, Access
from hymio.pages.errors import LogInFirst, Refused
from hymio.pages.signed import SESSION, FormToken, Signer, cookie_name
from hymio.store.database import Store
from hymio.store.sessions import user_of_session
from hymio.store.users import any_user

BODY_MAX: Final = 64 * 1024
"""Bytes of a form."""
FIELDS_MAX: Final = 400
CSRF: Final = "form"
"""The field of every form that says which page it is from."""
CSRF_HEADER: Final = "x-hymio-form"
"""The same for what scripts send."""

Form = Mapping[str, Sequence[str]]


class Gate:
    """Stands before all pages."""

    def __init__(self, store: Store, always_log_in: bool = False, now_utc: Callable[[], float] = time.time) -> None:
        """Of a database; always_log_in: even who sits at this computer, and there is no account yet."""
        self.store, self._always_log_in, self.now_utc = store, always_log_in, now_utc
        self.signer = Signer(store, now_utc)
        self._has_users = False

    def session_of(self, request: Request) -> str | None:
        """The session that a browser shows; whether it holds is not looked at."""
        return self.signer.opened(SESSION, request.cookies.get(cookie_name(request, SESSION)))

    def access(self, request: Request) -> Access:
        """Who asks.

        Raises:
            LogInFirst: nobody is logged in there, or not any more.
            Refused: 403, there is no account at all, and it is not somebody at this computer who asks.
        """
        access = self.access_or_nobody(request)
        if access is not NOBODY:
            return access
        if not self.has_users():
            raise Refused(
                403,
                _("There are no accounts here yet"),
                _("Whoever runs this server makes the first one with %(command)s.", command="hymio user add"),
            )
        raise LogInFirst(log_in_address(request), had_session=self.session_of(request) is not None)

    def access_or_nobody(self, request: Request) -> Access:
        """Who asks; NOBODY if that is not known."""
        session = self.session_of(request)
        if session is not None:
            with self.store.reading() as connection:
                user = user_of_session(connection, session, self.now_utc())
            if user is not None:
                return Access(user)
        client = request.client.host if request.client else ""
        is_here = not self._always_log_in and is_of_this_computer(client, request.headers)
        if is_here and not self.has_users():
            return OWNER
        return NOBODY

    def has_users(self) -> bool:
        """Whether there is an account; they are never deleted."""
        if not self._has_users:
            with self.store.reading() as connection:
                self._has_users = any_user(connection)
        return self._has_users

    def token(self, request: Request) -> FormToken:
        """What the forms of an answer must send back."""
        return FormToken(self.signer, request, self.session_of(request))

    async def form(self, request: Request) -> Form:
        """What was sent with a POST; nothing but a form of a page that this very browser was given.

        Raises:
            Refused: 400 it is no form, 403 it is from elsewhere or too old.
        """
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise Refused(400)
        body = b""
        try:
            async for part in request.stream():
                body += part
                if len(body) > BODY_MAX:
                    raise Refused(400)
        except ClientDisconnect:  # nobody is there any more to be told
            raise Refused(400) from None
        try:
            form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
        except ValueError:
            raise Refused(400) from None
        if any("\0" in value for values in form.values() for value in values):
            raise Refused(400)  # PostgreSQL takes none
        came = request.headers.get(CSRF_HEADER) or next(iter(form.pop(CSRF, ())), "")
        token = self.token(request)
        if not _is_same_origin(request) or not await run_in_threadpool(token.is_right, came):
            raise Refused(
                403, _("This form is too old"), _("Go back, load the page again and repeat what you have done.")
            )
        return form


def _is_same_origin(request: Request) -> bool:
    """Whether the browser says that the form stood on a page of ours; old ones say nothing."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


LOGIN: Final = "/login"
NEXT: Final = "next"
NEXT_MAX: Final = 1000
"""Letters of where one goes after logging in, as an address has them: a cookie holds it meanwhile (`oidc`)."""


def log_in_address(request: Request) -> str:
    """Where one logs in and then comes back."""
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{LOGIN}?{urlencode({NEXT: where})}" if request.method == "GET" and where != "/" else LOGIN


def safe_next(asked: str) -> str:
    """Where one goes after logging in: a page of ours, whatever the address says."""
    is_short = len(quote(asked, errors="replace")) <= NEXT_MAX
    is_ours = asked.startswith("/") and not asked.startswith("//") and "\\" not in asked and asked.isprintable()
    return asked if is_short and is_ours and not asked.startswith(LOGIN) else "/"
