"""Addresses as people type them: HOST:PORT of a listener, mqtt:// URLs of a broker, names of terminals."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from hymio.errors import WRONG_USE, Failure

MQTT_PORT: Final = 1883
MQTTS_PORT: Final = 8883

_DEVICE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,31}")

_PASSWORD: Final = re.compile(r"((?:^|//)[^:/@]*:).*@", re.DOTALL)
"""Greedy up to the last @: a password that should have been quoted may hold any sign."""


def is_device_id(name: str) -> bool:
    """Whether a terminal may be called so."""
    return _DEVICE_ID.fullmatch(name) is not None


def parse_listen(listen: str, option: str = "--listen") -> tuple[str, int]:
    """(host, port) of HOST:PORT; port 0 means any free one."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or int(port) > 65535:
        raise Failure(WRONG_USE, f"{option} {listen!r} is not HOST:PORT.", f"For example: {option} 127.0.0.1:1883.")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is and how to log in."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None = field(repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def without_password(url: str) -> str:
    """`url` as it may be shown: whatever lies between the user's name and the last @ is hidden."""
    return _PASSWORD.sub(r"\1***@", url)


def parse_broker(url: str) -> BrokerAddress:
    """The broker of `mqtt://[user:password@]host[:port]`, `mqtts://...` (TLS) or just `host[:port]`."""
    try:
        parts = urlsplit(url if "://" in url else f"mqtt://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("mqtt", "mqtts") or not host or parts.path.strip("/"):
        raise Failure(
            WRONG_USE,
            f"--broker {without_password(url)!r} is not the address of a broker.",
            "For example: --broker mqtt://127.0.0.1:1883, or mqtts://user:password@broker.example for TLS.",
        )
    tls = parts.scheme == "mqtts"
    username = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password) if parts.password is not None else None
    return BrokerAddress(host, port or (MQTTS_PORT if tls else MQTT_PORT), tls, username, password)
