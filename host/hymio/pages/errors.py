"""What somebody gets who asks for what is not to be had: a page that says what to do, with the right status."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from hymio.common.errors import NO_SERVICE, Failure
from hymio.locale.sentence import Sentence, _
from hymio.pages.reader import reader_language, remember_choice, wants_json
from hymio.pages.render import rendered

_log = logging.getLogger(__name__)

_RETRY_S: Final = "10"
_SAID: Final[dict[int, tuple[Sentence, Sentence]]] = {
    400: (
        _("This address says something that cannot be read"),
        _("Check it, or begin again at the start page."),
    ),
    401: (
        _("Please log in"),
        _("This page is for people with an account. Log in, then open it again."),
    ),
    403: (
        _("This page is not open to you"),
        _("Your account may not see it. Ask whoever manages the accounts of your organisation."),
    ),
    404: (
        _("There is no such page"),
        _("It may have moved, or the place was given up. Begin again at the start page."),
    ),
    405: (
        _("That cannot be done here"),
        _("Go back and use the buttons of the page."),
    ),
    409: (
        _("This page was out of date"),
        _("Somebody has changed the same thing in the meantime. Load the page again and repeat your change."),
    ),
    429: (
        _("Too many attempts"),
        _("Wait a minute, then try again."),
    ),
    500: (
        _("Something went wrong here"),
        _("It is not your fault. Try again; if it stays so, tell whoever runs this server the code %(code)s."),
    ),
    503: (
        _("The figures cannot be reached just now"),
        _("The database does not answer. Terminals keep their votes until it does. Try again in a moment."),
    ),
}
"""By status: what is the matter, and what to do about it."""


class Refused(Exception):
    """Ends a view with a page of this status, with sentences of its own where the usual ones say too little."""

    def __init__(
        self,
        status: int,
        said: Sentence | None = None,
        hint: Sentence | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Takes the status, one of those that there are sentences for."""
        super().__init__(status)
        self.status, self.headers = status, headers
        self.said, self.hint = (given or usual for given, usual in zip((said, hint), _SAID[status], strict=True))


class LogInFirst(Exception):
    """Ends a view that is not for everybody: the reader is sent to log in."""

    def __init__(self, address: str, had_session: bool) -> None:
        """Takes where that is, and whether somebody was logged in there before."""
        super().__init__(address)
        self.address, self.had_session = address, had_session


def answer_error(request: Request, error: Exception) -> Response:
    """The page of whatever ended a view: a refusal, a status of the framework, no database there, a bug."""
    match error:
        case Refused():
            return _page(request, error.status, error.said, error.hint, error.headers)
        case LogInFirst(had_session=True):
            return _page(
                request,
                401,
                _("You are not logged in any more"),
                _("Log in again, then go on where you were."),
                log_in=error.address,
            )
        case LogInFirst() if wants_json(request):
            return _page(request, 401, *_SAID[401])
        case LogInFirst():
            answer = RedirectResponse(error.address, 303, {"Cache-Control": "no-store"})
            remember_choice(request, answer)
            return answer
        case HTTPException(status_code=status) if status < 500:
            said, hint = _SAID.get(status, _SAID[400])
            return _page(request, status, said, hint, error.headers)
        case Failure(exit_status=exit_status) if exit_status == NO_SERVICE:
            _log.error("%s: %s", shown_path(request), error.message)
            return _page(request, 503, *_SAID[503], {"Retry-After": _RETRY_S})
    code = secrets.token_hex(3)
    _log.error("%s: code %s", shown_path(request), code, exc_info=error)
    said, hint = _SAID[500]
    return _page(request, 500, said, Sentence(hint.text, values={"code": code}))


def shown_path(request: Request) -> str:
    """The address for the log; that of a wall display is its key, and that of an invitation."""
    path = request.url.path
    return next((f"{secret}***" for secret in ("/wall/", "/i/") if path.startswith(secret)), path)


def _page(
    request: Request,
    status: int,
    said: Sentence,
    hint: Sentence,
    headers: Mapping[str, str] | None = None,
    log_in: str | None = None,
) -> Response:
    language = reader_language(request)
    answer: Response
    if wants_json(request):
        sentences = {"status": status, "message": language.say(said), "hint": language.say(hint)}
        answer = JSONResponse({"error": sentences}, status)
    else:
        values = {"url": request.url, "status": status, "said": said, "hint": hint, "log_in": log_in}
        answer = HTMLResponse(rendered("error.html", language, values), status)
    answer.headers.update(headers or {})
    answer.headers["Cache-Control"] = "no-store"
    remember_choice(request, answer)
    return answer
