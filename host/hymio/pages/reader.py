"""Who reads a page, in which language, and what the reader gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from hymio.locale.language import LOCALES, SOURCE, Language, language_of, negotiated
from hymio.pages.access import Access, SiteNow
from hymio.site.model import places_of
from hymio.store.database import Store
from hymio.store.sites import load_sites, sites_version

CHOICE: Final = "lang"
"""The query parameter that chooses a language, and the cookie that remembers it."""
_YEAR_S: Final = 365 * 24 * 3600


class KnownSites:
    """The sites of a database, read again only when one has changed."""

    def __init__(self, store: Store) -> None:
        """Reads nothing yet."""
        self._store = store
        self._known: tuple[int, Sequence[SiteNow]] = (-1, ())
        self._reads = Lock()
        """So that all who ask first have the same objects: who looks at a page live is told when they are others."""

    def now(self) -> Sequence[SiteNow]:
        """As they are."""
        with self._store.reading() as connection:
            return self.of(connection)

    def of(self, connection: Connection) -> Sequence[SiteNow]:
        """As a transaction sees them."""
        version = sites_version(connection)
        known = self._known
        if version != known[0]:
            with self._reads:
                known = self._known
                if version != known[0]:
                    known = version, [SiteNow(stored, places_of(stored.site)) for stored in load_sites(connection)]
                    self._known = known
        return known[1]


@dataclass(frozen=True)
class PageReader:
    """What a view knows of whom it answers."""

    request: Request
    store: Store
    language: Language
    access: Access
    """What it may see and do."""
    known_sites: Callable[[], Sequence[SiteNow]]
    """All of them, whoever reads; the same throughout a request."""
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What was sent with a POST, by field; it is from a page of ours."""

    def sites(self) -> Sequence[SiteNow]:
        """Those of which the reader may see anything."""
        return [site for site in self.known_sites() if self.access.tops(site)]

    def said(self, name: str) -> str:
        """The value of a field of the form; empty if it is not there."""
        return next(iter(self.form.get(name, ())), "").strip()


@dataclass(frozen=True)
class PageOf:
    """What a view found."""

    template: str
    values: Mapping[str, Any]
    """What the page shows; they are also its JSON."""
    around: Mapping[str, Any] = field(default_factory=dict)
    """What only stands around it, such as the tree."""
    status: int = 200


def reader_language(request: HTTPConnection) -> Language:
    """What the reader has chosen, now or earlier; otherwise what the browser asks for, or English."""
    for chosen in (request.query_params.get(CHOICE), request.cookies.get(CHOICE)):
        if chosen in LOCALES:
            return language_of(chosen)
    return negotiated(request.headers.get("accept-language", "")) or language_of(SOURCE)


def remember_choice(request: Request, response: Response) -> None:
    """Keeps a language that was chosen by this request for the next ones."""
    chosen = request.query_params.get(CHOICE)
    if chosen in LOCALES:
        response.set_cookie(
            CHOICE, chosen, max_age=_YEAR_S, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )


def wants_json(request: Request) -> bool:
    """Whether a program asks: every page has its twin in JSON, at the address with .json or by the Accept header."""
    accepted = request.headers.get("accept", "")
    return request.url.path.endswith(".json") or ("application/json" in accepted and "text/html" not in accepted)
