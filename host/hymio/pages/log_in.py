"""Logging in by name and password: throttled for each name and each network, and noted in the audit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from starlette.requests import Request

from hymio.common.clients import address_of_client, network_of
from hymio.common.rate_limits import RateLimit
from hymio.locale.sentence import _
from hymio.pages.errors import Refused
from hymio.store import audit
from hymio.store.database import Store
from hymio.store.passwords import TooBusy, is_right
from hymio.store.sessions import begin_session
from hymio.store.users import NAME_MAX, User, change_user, normal_name, password_hash, user_named

NAME_AT_ONCE: Final = 10
"""Wrong passwords for one name, before one has to wait."""
NAME_A_SECOND: Final = 1 / 30
NETWORK_AT_ONCE: Final = 30
"""Wrong passwords from one network, whatever the names."""
NETWORK_A_SECOND: Final = 1 / 6


class LogIns:
    """Lets people in who know their password."""

    def __init__(
        self,
        store: Store,
        now_utc: Callable[[], float] = time.time,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Of a database; `now_s` is a clock that never goes back."""
        self._store, self._now_utc, self._now_s = store, now_utc, now_s
        self._names = RateLimit(NAME_A_SECOND, NAME_AT_ONCE)
        self._networks = RateLimit(NETWORK_A_SECOND, NETWORK_AT_ONCE)
        self._browsers = RateLimit(NAME_A_SECOND, NAME_AT_ONCE)

    def known(self, request: Request, name: str, password: str, browser: str | None) -> User | None:
        """Who has this name and password; None: one of them is wrong, which is not said.

        browser: by which it is told from others, if that name has logged in there before. It has a count of its own,
        so that nobody can lock somebody out by trying his name, or from his network.

        Raises:
            Refused: 429, there were too many wrong ones.
        """
        name = normal_name(name)[:NAME_MAX]
        with self.counted(request, name, browser) as right:
            with self._store.reading() as connection:
                user = user_named(connection, name)
                kept = None if user is None or user.disabled_utc is not None else password_hash(connection, user.id)
            try:
                if is_right(password, kept) and user is not None:
                    right()
                    return user
            except TooBusy:
                right()
                raise _too_many(1) from None
        if user is not None:
            with self._store.writing() as connection:
                audit.record(connection, "user.refused", {"name": user.name}, user.name)
        return None

    @contextmanager
    def counted(
        self, request: Request, name: str | None = None, browser: str | None = None
    ) -> Iterator[Callable[[], None]]:
        """Counts an attempt for its network, and for its name, or for its browser alone, if that is known.

        Gives what takes that back, for who was right.

        Raises:
            Refused: 429, there were too many wrong ones.
        """
        buckets = [(self._browsers, browser)] if browser is not None else []
        if browser is None:
            buckets.append((self._networks, network_of(_address(request))))
        if browser is None and name is not None:
            buckets.append((self._names, name))
        wait_s = max(limit.wait_s(key, self._now_s()) for limit, key in buckets)
        if wait_s:
            raise _too_many(math.ceil(wait_s))
        # Beforehand, so that many at once don't come through.
        for limit, key in buckets:
            limit.book(key, self._now_s())

        def right() -> None:
            for limit, key in buckets:
                limit.give_back(key)

        yield right

    def let_in(self, user: User, by: str) -> str:
        """Logs somebody in who has shown who it is, `by` that; gives the session."""
        with self._store.writing() as connection:
            now_utc = self._now_utc()
            session = begin_session(connection, user.id, now_utc)
            change_user(connection, user.id, last_login_utc=now_utc)
            audit.record(connection, "user.login", {"name": user.name, "by": by}, user.name)
        return session


def _too_many(wait_s: int) -> Refused:
    return Refused(
        429,
        _("Too many wrong passwords"),
        _("Wait %(seconds)s seconds, then try again.", seconds=wait_s),
        {"Retry-After": str(wait_s)},
    )


def _address(request: Request) -> str:
    return address_of_client(request.client.host if request.client else "", request.headers)
