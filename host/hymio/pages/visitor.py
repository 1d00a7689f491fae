"""The page that a poster's QR code opens: faces, reasons, a text, perhaps an address; no log-in, and no cookie is read.

It is one page of plain HTML. A small script keeps an answer on the phone while there is no network, and sends it later;
every form has an id of ours, so that it counts once however often it comes.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID, uuid4, uuid5

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from hymio.common.clients import address_of_client, network_of
from hymio.common.errors import NO_SERVICE, Failure
from hymio.common.rate_limits import RateLimit
from hymio.locale.language import LOCALES, SOURCE, Language, language_of, wishes
from hymio.locale.sentence import Sentence, _
from hymio.pages.access import SiteNow
from hymio.pages.assets import FOLDER, assets
from hymio.pages.errors import shown_path
from hymio.pages.reader import CHOICE, KnownSites, wants_json
from hymio.pages.render import rendered
from hymio.pages.security_headers import POLICY
from hymio.pages.signed import Signer
from hymio.pages.visitor_form import TEXT_MAX, AskedForm, FormFault, Sent, asked_form, read_form, spam_reason
from hymio.site.model import Node, NodeKind
from hymio.site.moments import MINUTE_S
from hymio.site.present import is_over
from hymio.store.database import Store
from hymio.store.visitor_answers import VisitorForm, take_form

PATH: Final = "/f"
WIDGET: Final = "/widget.js"
FRAMED: Final = "framed"
"""The query parameter of a form that stands in somebody's web page."""
BODY_MAX: Final = 16 * 1024
"""Bytes of a form: a text of 2,000 characters, each of which may be written in 12."""
FIELDS_MAX: Final = 100
OLDEST_S: Final = 7 * 86_400.0
"""An answer that a phone kept for longer is taken to be of now, and answers what is asked now."""
PURPOSE: Final = "visitor form"
RETRY_S: Final = 10

NETWORK_AT_ONCE: Final = 30
"""Forms from one network (everybody in a hall may share one), before more count for spam; and then one in 10 s."""
NETWORK_A_SECOND: Final = 1 / 10
PLACE_AT_ONCE: Final = 300
PLACE_A_SECOND: Final = 1.0
ADDRESSES_AT_ONCE: Final = 10
"""Of the forms from one network those with an address, and then one in 5 minutes: each of them finds somebody."""
ADDRESSES_A_SECOND: Final = 1 / 300
REFUSED_AFTER: Final = 10
"""At so many times as much nothing is taken any more, not even as spam: who sends that may fill a disk."""

_log = logging.getLogger(__name__)
_FORGED: Final = UUID("5d2c6d0e-8a0f-5c52-9d0b-0b8a4f6b1f5a")
"""The namespace of forms that are none of ours: made up once, to stay."""
_VIAS: Final = ("qr", "link")
_HEADERS: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True, slots=True)
class GivenForm:
    """Which form a visitor had. made_utc: when we gave it; None: it is none of ours."""

    id: UUID
    made_utc: float | None


class Ended(Exception):
    """Ends a request with a page that says something."""

    def __init__(self, status: int, said: Sentence, hint: Sentence, more: dict[str, Any] | None = None) -> None:
        """Takes the status, what is the matter, what to do about it, and what else the page is to know."""
        super().__init__(status)
        self.status, self.said, self.hint, self.more = status, said, hint, more or {}


class Visitors:
    """The forms of all places."""

    def __init__(
        self,
        store: Store,
        sites: KnownSites,
        signer: Signer,
        now_utc: Callable[[], float] = time.time,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Asks nothing yet. now_utc: seconds of 1970; now_s: a clock that never goes back."""
        self._store, self._sites, self._signer, self._now_utc, self._now_s = store, sites, signer, now_utc, now_s
        self._marks = _Limits(1)
        self._refuses = _Limits(REFUSED_AFTER)
        self._addresses = RateLimit(ADDRESSES_A_SECOND, ADDRESSES_AT_ONCE)

    def routes(self) -> Iterator[Route]:
        """By the place's key alone, and by that of its organisation, too; and what puts a form into a web page."""
        yield Route(WIDGET, answer_widget)
        for path in (f"{PATH}/{{place}}", f"{PATH}/{{organisation}}/{{place}}"):
            for end in (".json", ""):
                yield Route(path + end, self._answer, methods=["GET", "POST"])

    async def _answer(self, request: Request) -> Response:
        body = b""
        if request.method == "POST":
            async for part in request.stream():
                body += part
                if len(body) > BODY_MAX:
                    break
        return await run_in_threadpool(self._answered, request, body)

    def _answered(self, request: Request, body: bytes) -> Response:
        wished = wished_languages(request)
        language = language_of(next((code for code in wished if code in LOCALES), SOURCE))
        try:
            template, values, status = self._page(request, body, wished)
        except Ended as told:
            template, status = "visitor_said.html", told.status
            values = {"said": told.said, "hint": told.hint, **told.more}
        except Exception as error:
            template, status = "visitor_said.html", 500
            hint = _("Try again in a moment.")
            if isinstance(error, Failure) and error.exit_status == NO_SERVICE:
                _log.error("%s: %s", shown_path(request), error.message)
                status = 503
            else:
                code = secrets.token_hex(3)
                _log.error("%s: code %s", shown_path(request), code, exc_info=error)
                hint = _(
                    "Try again in a moment; if it stays so, tell whoever runs this server the code %(code)s.", code=code
                )
            values = {"said": _("Your answer cannot be kept just now"), "hint": hint}
        return _response(request, language, template, values, status)

    def _page(self, request: Request, body: bytes, wished: Sequence[str]) -> tuple[str, dict[str, Any], int]:
        now_utc = self._now_utc()
        sent = sent_fields(request, body) if request.method == "POST" else None
        given = self._given(sent) if sent is not None else None
        minutes = {int(now_utc // MINUTE_S)}
        if given is not None and given.made_utc is not None and now_utc - given.made_utc <= OLDEST_S:
            # What was asked when the form was given is answered, though it has ended since.
            minutes.add(int(given.made_utc // MINUTE_S))
        with self._store.reading() as connection:
            site, node = _place(self._sites.of(connection), request.path_params, min(minutes))
            asked = asked_form(connection, site, node, minutes)
        if not asked.questions:
            raise Ended(404, _("Nothing is asked here just now"), _("Thank you for coming. Try again another day."))
        if sent is None:
            return "visitor_form.html", self._form(asked, wished), 200
        assert given is not None
        try:
            return "visitor_said.html", self._taken(request, asked, sent, given, wished), 200
        except FormFault as fault:
            return "visitor_form.html", self._form(asked, wished, sent) | {"fault": fault.said}, 400

    def _form(self, asked: AskedForm, wished: Sequence[str], sent: Sent | None = None) -> dict[str, Any]:
        """The form; after a fault once more with what was filled in, and its id."""
        signed = next(iter((sent or {}).get("id", ())), "")
        if self._opened(signed) is None:
            signed = self._signer.signed(PURPOSE, f"{uuid4()}.{round(self._now_utc() * 1000)}")
        return {**asked.values(wished), "id": signed, "sent": sent or {}, "text_max": TEXT_MAX, "fault": None}

    def _taken(
        self, request: Request, asked: AskedForm, sent: Sent, given: GivenForm, wished: Sequence[str]
    ) -> dict[str, Any]:
        form = read_form(asked, sent)
        now_utc = self._now_utc()
        answered_utc = answered_at(now_utc, given.made_utc, next(iter(sent.get("age", ())), ""))
        seconds = None if given.made_utc is None else answered_utc - given.made_utc
        is_elsewhere = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        node_id = asked.site.stored.nodes[asked.node.key]
        is_crowded = self._is_crowded(request, node_id) or (form.contact is not None and self._has_called(request))
        whole = VisitorForm(
            given.id,
            node_id,
            form.answers,
            answered_utc,
            now_utc,
            "digital" if FRAMED in request.query_params else _via(request),
            next(iter(wished), None),
            form.text,
            form.contact,
            reason=spam_reason(form, seconds, is_elsewhere, is_crowded),
        )
        with self._store.writing() as connection:
            is_new = take_form(connection, whole)
        hint = _("Your answer has arrived.") if is_new else _("Your answer had arrived already. It counts once.")
        return {"said": _("Thank you!"), "hint": hint, "is_new": is_new, "is_thanks": True}

    def _is_crowded(self, request: Request, node_id: int) -> bool:
        """Whether more comes from there than people send.

        Raises:
            Ended: 429, it is far more.
        """
        keys = _network(request), str(node_id)
        wait_s = self._refuses.wait_s(*keys, self._now_s())
        if wait_s:
            raise Ended(
                429,
                _("Too many answers come from here"),
                _("Wait a moment, then send it again."),
                {"retry_s": math.ceil(wait_s)},
            )
        is_crowded = self._marks.wait_s(*keys, self._now_s()) > 0
        for limits in (self._marks, self._refuses):
            limits.book(*keys, self._now_s())
        return is_crowded

    def _has_called(self, request: Request) -> bool:
        """Whether more people want to be called from there than can be."""
        network, now_s = _network(request), self._now_s()
        waits = self._addresses.wait_s(network, now_s) > 0
        self._addresses.book(network, now_s)
        return waits

    def _given(self, sent: Sent) -> GivenForm:
        signed = next(iter(sent.get("id", ())), "")
        found = self._opened(signed)
        if found is not None:
            return found
        # Whoever made it up, twice the same is once, too.
        return GivenForm(uuid5(_FORGED, signed[:200]) if signed else uuid4(), None)

    def _opened(self, signed: str) -> GivenForm | None:
        text = self._signer.opened(PURPOSE, signed)
        if text is None:
            return None
        number, _dot, made_ms = text.partition(".")
        return GivenForm(UUID(number), int(made_ms) / 1000)


def _network(request: Request) -> str:
    return network_of(address_of_client(request.client.host if request.client else "", request.headers))


class _Limits:
    """How much may come from a network, and how much at a place."""

    def __init__(self, times: int) -> None:
        self._networks = RateLimit(NETWORK_A_SECOND * times, NETWORK_AT_ONCE * times)
        self._places = RateLimit(PLACE_A_SECOND * times, PLACE_AT_ONCE * times)

    def wait_s(self, network: str, place: str, now_s: float) -> float:
        return max(self._networks.wait_s(network, now_s), self._places.wait_s(place, now_s))

    def book(self, network: str, place: str, now_s: float) -> None:
        self._networks.book(network, now_s)
        self._places.book(place, now_s)


def answered_at(now_utc: float, made_utc: float | None, age: str) -> float:
    """When a form was answered that a phone has kept for a while.

    Args:
        now_utc: when it came.
        made_utc: when the form was given; None: that is not known.
        age: for how many seconds it was kept, as the phone says. It is believed if the answer is not older than the
            form, to a minute, nor than a week; a phone's own clock is asked for nothing but that difference.
    """
    try:
        kept_s = float(age)
    except ValueError:
        return now_utc
    if made_utc is None or not 0 <= kept_s <= OLDEST_S or now_utc - kept_s < made_utc - MINUTE_S:
        return now_utc
    return max(made_utc, now_utc - kept_s)


def wished_languages(request: Request) -> list[str]:
    """What a visitor can read: what the address says, then what the browser asks for. No cookie is looked at."""
    chosen = request.query_params.get(CHOICE, "")
    asked = wishes(request.headers.get("accept-language", ""))
    return list(dict.fromkeys([chosen, *asked])) if chosen in LOCALES else asked


async def answer_widget(request: Request) -> Response:
    """The script that other people's pages name, so that its address never changes."""
    headers = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(assets()["form/widget.js"].body, media_type="text/javascript", headers=headers)


@cache
def face_drawing(name: str) -> Markup:
    """A face, to stand in a page: the name that is beside it says what it is."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return Markup(text.replace("<svg ", '<svg class="face" aria-hidden="true" ', 1).strip())


def _via(request: Request) -> str:
    via = request.query_params.get("via", "")
    return via if via in _VIAS else _VIAS[0]


def sent_fields(request: Request, body: bytes) -> Sent:
    """What was sent with a form.

    Raises:
        Ended: 400, it is too long, or none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    try:
        if len(body) > BODY_MAX or kind != "application/x-www-form-urlencoded":
            raise ValueError
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Ended(
            400,
            _("This form cannot be read"),
            _("It is too long, or damaged. Load the page again, and answer once more."),
        ) from None


def _place(sites: Sequence[SiteNow], named: dict[str, str], utc_minute: int) -> tuple[SiteNow, Node]:
    """The experience point of an address.

    Raises:
        Ended: 404 there is none, 410 it was given up, 200 there are several.
    """
    key, organisation = named["place"].lower(), named.get("organisation")
    found = [
        (site, site.places.by_key[key])
        for site in sites
        if organisation in (None, site.organisation.key) and key in site.places.by_key
        if site.places.by_key[key].kind is NodeKind.POINT
    ]
    if not found:
        raise Ended(404, _("There is no such place"), _("Scan the code again, or look whether a letter is missing."))
    there = [(site, node) for site, node in found if not is_over(site.places.until(key), utc_minute)]
    if not there:
        raise Ended(410, _("Nothing is asked here any more"), _("This place was given up. Thank you for coming."))
    if len(there) > 1:
        choices = [
            {
                "address": f"{PATH}/{site.organisation.key}/{key}",
                "name": node.name,
                "organisation": site.organisation.name,
            }
            for site, node in there
        ]
        raise Ended(200, _("Which place is it?"), _("Several places have this address."), {"choices": choices})
    return there[0]


def _response(request: Request, language: Language, template: str, values: dict[str, Any], status: int) -> Response:
    answer: Response
    is_framed = FRAMED in request.query_params
    if wants_json(request):
        said = {
            name: language.say(value) if isinstance(value, Sentence) else value
            for name, value in values.items()
            if name != "sent"
        }
        answer = JSONResponse(said, status)
    else:
        around: dict[str, Any] = {
            "choices": None,
            "is_thanks": False,
            "face_drawing": face_drawing,
            "is_framed": is_framed,
            "is_invited": False,
        }
        around |= {"url": request.url, "action": f"?{request.url.query}" if request.url.query else ""}
        answer = HTMLResponse(rendered(template, language, around | values), status)
    answer.headers.update(_HEADERS)
    answer.headers["Content-Language"] = language.code
    answer.headers["Vary"] = "Accept, Accept-Language"
    if status == 503 or "retry_s" in values:
        answer.headers["Retry-After"] = str(values.get("retry_s", RETRY_S))
    if is_framed:
        # Nobody is logged in here: there is nothing that a page around it could trick anybody into.
        answer.headers["Content-Security-Policy"] = POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")
    return answer
