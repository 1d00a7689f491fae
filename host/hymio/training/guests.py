"""Who may come to the terminals on the screen: whoever sits at this computer, unless it was told otherwise."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit


def may_visit(client: str | None, host: str | None, hosts: Collection[str]) -> bool:
    """Whether a request may be answered.

    A page of somebody else's can't come by a name of its own that leads here (DNS rebinding): the name has to be ours.

    Args:
        client: the address that it comes from.
        host: its header Host.
        hosts: the names, without ports, under which visitors of other computers may come.
    """
    name = _name(host)
    if name is not None and name in hosts:
        return True
    return name is not None and _is_loopback(name) and client is not None and _is_loopback(client)


def is_own_page(origin: str | None, host: str | None) -> bool:
    """Whether a WebSocket was opened by a page that came from here: browsers let every page open one to anybody.

    origin, host: the headers of these names.
    """
    if origin is None or host is None:
        return False
    scheme, separator, whence = origin.partition("://")
    return scheme in ("http", "https") and bool(separator) and whence.lower() == host.lower()


def _name(host: str | None) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname if host else None
    except ValueError:
        return None


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
