"""Who may come to the terminals on the screen: whoever sits at this computer, unless it was told otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from hymio.common.clients import is_of_this_computer


def may_visit(client: str, headers: Mapping[str, str], hosts: Collection[str], trusts_this_computer: bool) -> bool:
    """Whether a request may be answered.

    Args:
        client: the address that it comes from.
        headers: its headers.
        hosts: the names, without ports, under which visitors of other computers may come.
        trusts_this_computer: whether what comes from this computer may; a proxy on it passes on what others ask.
    """
    is_named = _name(headers.get("host", "")) in hosts
    return is_named or (trusts_this_computer and is_of_this_computer(client, headers))


def is_own_page(headers: Mapping[str, str]) -> bool:
    """Whether a WebSocket was opened by a page that came from here: browsers let every page open one to anybody."""
    scheme, _, whence = headers.get("origin", "").partition("://")
    return scheme in ("http", "https") and whence != "" and whence.lower() == headers.get("host", "").lower()


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
