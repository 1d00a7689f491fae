"""Passwords: what may be one, and their Argon2id hashes; the database has nothing else of them."""

from __future__ import annotations

from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

from hymio.common.extras import missing_extra

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST: Final = 10
LONGEST: Final = 256
"""Characters of a password; hashing a longer one would only cost time."""
AT_WORK_MAX: Final = 2
"""Passwords that are looked at at the same time: each takes 64 MiB, and all else goes on meanwhile."""

WAITING_MAX: Final = 3
"""Those that wait for it; who comes then is turned away, so that pages go on however many passwords are tried."""

_at_work = BoundedSemaphore(AT_WORK_MAX)
_inside = BoundedSemaphore(AT_WORK_MAX + WAITING_MAX)


class TooBusy(Exception):
    """So many passwords are being looked at that this one was not."""


def is_good_password(password: str, name: str) -> bool:
    """Whether it is long enough, and not the account's own name."""
    return SHORTEST <= len(password) <= LONGEST and password.casefold() != name and len(set(password)) > 2


def hashed(password: str) -> str:
    """What is kept of a password.

    Raises:
        Failure: 2, the extra `serve` is not installed.
    """
    with _at_work:
        return _hasher().hash(password)


def is_right(password: str, kept: str | None) -> bool:
    """Whether a password is the one of which `kept` is the hash; it takes as long if there is none (None).

    Raises:
        TooBusy: too many are being looked at.
        Failure: 2, the extra `serve` is not installed.
    """
    from argon2.exceptions import Argon2Error, InvalidHashError

    if len(password) > LONGEST:
        return False
    if not _inside.acquire(blocking=False):
        raise TooBusy
    try:
        with _at_work:
            return _hasher().verify(kept or _of_nobody(), password) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False
    finally:
        _inside.release()


@cache
def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher
    except ModuleNotFoundError as error:
        raise missing_extra("serve", error) from error
    return PasswordHasher()  # RFC 9106, the second recommended option: 64 MiB, three passes


@cache
def _of_nobody() -> str:
    return _hasher().hash("the password of nobody")
