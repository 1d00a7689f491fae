"""The tree of places beside a page: what lies on the way to the place, and what lies right below each of those.

So it stays small however large the organisation is, and every place is a link away from the next.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hymio.site.model import Places


def place_address(organisation: str, key: str | None = None) -> str:
    """Where the page of a place is; without a key the organisation's."""
    return "/".join(["/places", quote(organisation), *([] if key is None else [quote(key)])])


def terminal_address(device_id: str) -> str:
    """Where the page of a terminal is that stands nowhere."""
    return f"/terminals/{device_id}"


def way_to(places: Places, key: str | None) -> list[dict[str, str]]:
    """The organisation and the groups above a place, the uppermost first."""
    own = places.organisation
    if key is None:
        return []
    above = [{"name": node.name, "address": place_address(own.key, node.key)} for node in places.up(key)[1:]]
    return [{"name": own.name, "address": place_address(own.key)}, *reversed(above)]


def branches(places: Places, key: str | None) -> list[dict[str, Any]]:
    """The tree with the branch of a place open: each has name, address, is_current, is_group and what is below it."""
    open_keys = {None, *(node.key for node in places.up(key))} if key is not None else {None}

    def below(parent: str | None) -> list[dict[str, Any]]:
        return [
            {
                "name": node.name,
                "address": place_address(places.organisation.key, node.key),
                "is_current": node.key == key,
                "below": below(node.key) if node.key in open_keys else [],
            }
            for node in sorted(places.children.get(parent, []), key=lambda one: one.name.casefold())
        ]

    return below(None)
