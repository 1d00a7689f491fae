"""Passwords that came in an address are never shown: not in a message, a traceback or the list of processes."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Sequence
from typing import Final

BROKER_VARIABLE: Final = "HYMIO_BROKER"
DB_VARIABLE: Final = "HYMIO_DB"
SMTP_VARIABLE: Final = "HYMIO_SMTP"
VARIABLES: Final = (BROKER_VARIABLE, DB_VARIABLE, SMTP_VARIABLE)
"""The environment variables for --broker, --db and --smtp: what stands on a command line also stands in the list of
processes."""

_USER_INFO: Final = re.compile(r"((?:^(?![\w+.-]+://)|//)[^:@]*:)(.*)@", re.DOTALL)
"""Matches up to the last @, since a password that should have been quoted may hold any sign."""
_PARAMETER: Final = re.compile(r"([?&;](?:ssl)?password=)([^&;]*)", re.IGNORECASE)
"""Matches a password among the parameters of a URL, where PostgreSQL takes one as well."""
_PAGES: Final = ("http://", "https://")
"""The beginnings of addresses for people, which may have an @ in their path and hold no password."""
_TOLD_APART: Final = 4
"""Shorter passwords are not looked for in texts, since they stand in the middle of words."""

_WORDS: Final = frozenset(
    {
        "admin",
        "broker",
        "collector",
        "database",
        "hymio",
        "mosquitto",
        "mqtt",
        "mqtts",
        "office",
        "password",
        "postgres",
        "postgresql",
        "secret",
        "terminal",
        "votes",
    }
)
"""Passwords that are none, and words of our own sentences, which have to stay readable."""

_secrets: set[str] = set()


def without_password(url: str) -> str:
    """`url` as it may be shown: whatever stands between the user's name and the last @ is hidden."""
    return _PARAMETER.sub(r"\1***", _USER_INFO.sub(r"\1***@", url))


def hide(secret: str | None) -> None:
    """Has `without_secrets` hide the secret from now on, unless anybody would guess it."""
    if secret and len(secret) >= _TOLD_APART and secret != "***" and secret.lower() not in _WORDS:
        _secrets.add(secret)


def hide_passwords_in(arguments: Sequence[str]) -> None:
    """Has the passwords of all addresses on a command line hidden, before an error can repeat one of them."""
    for argument in arguments:
        if not argument.startswith(_PAGES):
            for found in (*_USER_INFO.finditer(argument), *_PARAMETER.finditer(argument)):
                hide(found[2])


def without_secrets(text: str) -> str:
    """`text` as it may be shown, whatever passwords others have put into it."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def hide_in_process_list(arguments: Sequence[str]) -> bool:
    """Shows the command line without its passwords to whoever lists processes.

    Returns:
        False if setproctitle is not installed, so that they can be read there.
    """
    shown = [one if one.startswith(_PAGES) else without_password(one) for one in arguments]
    if shown == list(arguments):
        return True
    with contextlib.suppress(ImportError):
        from setproctitle import setproctitle

        setproctitle(shlex.join(["hymio", *shown]))
        return True
    return False
