"""What the requests of one `hymio serve` share: the database, the sites, where pages ended; and who asks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection
from starlette.datastructures import URL
from starlette.requests import Request

from hymio.common.errors import Failure
from hymio.common.output import note
from hymio.serve.catalogue import Catalogues, View
from hymio.serve.page_memory import PageMemory
from hymio.store.database import Store
from hymio.store.tokens import Scope, resolve_token

TOLD_AGAIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks."""

    key: str
    """By which it is told from others: its token, or its address."""
    scope: Scope | None
    """None: somebody on this computer, who may read everything."""
    token: str | None = field(default=None, repr=False)
    """What was shown."""


@dataclass(slots=True)
class Serving:
    """Shared by all requests."""

    store: Store
    now_utc: Callable[[], float] = time.time
    catalogues: Catalogues = field(default_factory=Catalogues)
    pages: PageMemory = field(default_factory=PageMemory)
    is_ending: Callable[[], bool] = lambda: False
    """Whether the server ends: what goes on without end ends then."""
    _told: tuple[str, float] = ("", -math.inf)

    def tell_trouble(self, failure: Failure) -> None:
        """Says on stderr what is the matter with the database, the same not more often than once in `TOLD_AGAIN_S`."""
        now_s = time.monotonic()
        if failure.message != self._told[0] or now_s - self._told[1] > TOLD_AGAIN_S:
            self._told = failure.message, now_s
            note(f"{failure.message} {failure.hint}")

    def scope_of(self, connection: Connection, token: str) -> Scope | None:
        """What a token opens now; None: nothing."""
        return resolve_token(connection, token, self.now_utc())

    def view(self, connection: Connection, scope: Scope | None) -> View:
        """What a scope may see of the sites as the transaction sees them."""
        return self.catalogues.current(connection).view(scope)


def serving_of(request: Request) -> Serving:
    """What the requests share."""
    serving: Serving = request.app.state.serving
    return serving


def asker_of(request: Request) -> Asker:
    """Who asks, as `guard` has found."""
    asker: Asker = request.state.asker
    return asker


def public_url(request: Request) -> URL:
    """The address of a request, as its client wrote it."""
    # A proxy on this computer that ends TLS says so; the next page must not be fetched without it.
    if request.headers.get("x-forwarded-proto") == "https":
        return request.url.replace(scheme="https")
    return request.url
