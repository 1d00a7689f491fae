"""Who asks over HTTP: from which network, and whether it is somebody at this very computer."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final

_FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


def is_of_this_computer(address: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a program of this computer, by nobody's order but its own.

    A page from anywhere can make a browser ask 127.0.0.1, by that address or by a name that leads there, and a proxy
    passes on what others ask.
    """
    if not _is_loopback(address) or any(name in headers for name in _FORWARDED):
        return False
    host = headers.get("host", "")
    if not _is_loopback_host(host) or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == host


def address_of_client(address: str, headers: Mapping[str, str]) -> str:
    """Where somebody comes from: a proxy on this computer says it last of all."""
    forwarded = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded if forwarded and _is_loopback(address) else address


def is_loopback_name(host: str) -> bool:
    """Whether a host, as people write it, is this computer."""
    return host.lower() == "localhost" or _is_loopback(host)


def network_of(address: str) -> str:
    """Whose failures are counted together: an IPv6 address costs nothing, its network does."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


def _is_loopback_host(host: str) -> bool:
    return is_loopback_name(host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0])


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return found.is_loopback or (mapped is not None and mapped.is_loopback)
