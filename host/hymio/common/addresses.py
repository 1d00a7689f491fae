"""Addresses as people type them: HOST:PORT of a listener, mqtt:// URLs of a broker."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.hidden_passwords import hide, hide_passwords_in, without_password

MQTT_PORT: Final = 1883
MQTTS_PORT: Final = 8883


def parse_listen(listen: str, option: str = "--listen") -> tuple[str, int]:
    """(host, port) of HOST:PORT; port 0 means any free one."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise Failure(WRONG_USE, f"{option} {listen!r} is not HOST:PORT.", f"For example: {option} 127.0.0.1:1883.")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is, and how to log in there."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None = field(repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


HOW_TO_QUOTE: Final = "#, ?, /, @ and % in a user's name or password are written %23, %3F, %2F, %40 and %25."
_NO_PORT: Final = re.compile(r"(\w:)(?!\d+/?$)[^/\]]+$")
"""Matches what stands in the place of a port and is none."""


def address_in(given: str, option: str) -> str:
    """Gives `given`, or the first line of FILE if it is @FILE: an address in a file appears in no list of processes.

    Args:
        given: what was typed.
        option: the option that it was typed for, which an error names.

    Raises:
        Failure: 2, the file can't be read, or is empty.
    """
    if not given.startswith("@"):
        return given
    try:
        lines = Path(given[1:]).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Failure(
            WRONG_USE,
            f"{option} {given}: {said}.",
            f"Behind the @ stands the name of a file with the address in it, as in {option} @/etc/hymio/address.",
        ) from None
    address = lines[0].strip() if lines else ""
    if not address:
        raise Failure(WRONG_USE, f"{option} {given}: the file is empty.", "The address is its first line.")
    hide_passwords_in([address])
    return address


def shown_address(url: str) -> str:
    """How an address that is refused may be shown: without what is a password, or seems to be one."""
    return without_password(url) if "@" in url else _NO_PORT.sub(r"\1***", without_password(url))


class Login(NamedTuple):
    """An address of a server, and who wants to log in there; `port` None: the one that everybody knows."""

    host: str
    port: int | None
    tls: bool
    username: str | None
    password: str | None


def split_login(url: str, plain: str, tls: str) -> Login:
    """Reads `plain://[user:password@]host[:port]`, the same with the scheme `tls`, or without any: the plain one.

    The password is hidden from now on.

    Raises:
        ValueError: it is no such address.
    """
    # urlsplit leaves out tabs and line ends without a word, and a # or ? ends the address for it.
    if any(sign in url for sign in "#?\t\r\n"):
        raise ValueError
    parts = urlsplit(url if "://" in url else f"{plain}://{url}")
    host, port = parts.hostname, parts.port
    username, password = (
        None if one is None else unquote(one, errors="strict") for one in (parts.username, parts.password)
    )
    if parts.scheme not in (plain, tls) or not host or port == 0 or parts.path.strip("/"):
        raise ValueError
    hide(password)
    return Login(host, port, parts.scheme == tls, username, password)


def parse_broker(url: str) -> BrokerAddress:
    """Reads `mqtt://[user:password@]host[:port]`, `mqtts://...` (TLS) or just `host[:port]`; @FILE holds one of them.

    Raises:
        Failure: 2, it is no address of a broker.
    """
    url = address_in(url, "--broker")
    try:
        login = split_login(url, "mqtt", "mqtts")
    except ValueError:
        raise Failure(
            WRONG_USE,
            f"--broker {shown_address(url)!r} is not the address of a broker.",
            HOW_TO_QUOTE
            if "@" in url
            else "For example: --broker mqtt://127.0.0.1:1883, or mqtts://user:password@broker.example for TLS.",
        ) from None
    port = login.port or (MQTTS_PORT if login.tls else MQTT_PORT)
    return BrokerAddress(login.host, port, login.tls, login.username, login.password)


def check_database(url: str) -> None:
    """Checks that no @ in the user's name or the password of a database's URL ends them too early.

    SQLAlchemy takes what comes between the first @ and the next / for the host, and shows it.

    Raises:
        Failure: 2, there is such an @.
    """
    if "://" in url and url.count("@") > 1:
        raise Failure(WRONG_USE, f"--db {without_password(url)!r} is not the address of a database.", HOW_TO_QUOTE)
