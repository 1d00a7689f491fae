"""The tree of places beside a page: what lies on the way to the place, and what lies right below each of those.

So it stays small however large the organisation is, and every place is a link away from the next; of very many beside
each other there are those around the one that is open, and all others a page at a time on their group's page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

from hymio.site.model import Node, Places

BESIDE_MAX: Final = 60
"""So many places beside each other are in the tree."""


def place_address(organisation: str, key: str | None = None) -> str:
    """Where the page of a place is; without a key the organisation's."""
    return "/".join(["/places", quote(organisation), *([] if key is None else [quote(key)])])


def terminal_address(device_id: str) -> str:
    """Where the page of a terminal is that stands nowhere."""
    return f"/lone/{device_id}"


def way_to(places: Places, key: str | None, tops: Sequence[str | None] = (None,)) -> list[dict[str, str]]:
    """The organisation and the groups above a place, the uppermost first; of a reader's `tops`, those within them."""
    own = places.organisation
    if key is None:
        return []
    up = places.up(key)
    if None not in tops:
        seen = next((number for number, node in enumerate(up) if node.key in tops), 0)
        up = up[: seen + 1]
    above = [{"name": node.name, "address": place_address(own.key, node.key)} for node in up[1:]]
    return [*([{"name": own.name, "address": place_address(own.key)}] if None in tops else []), *reversed(above)]


def branches(places: Places, key: str | None, tops: Sequence[str | None] = (None,)) -> list[dict[str, Any]]:
    """The tree with the branch of a place open, from a reader's `tops` on.

    Each has name, address, is_current and what is below it.
    """
    open_keys = {None, *(node.key for node in places.up(key))} if key is not None else {None}

    def those(nodes: Iterable[Node]) -> list[dict[str, Any]]:
        return [
            {
                "name": node.name,
                "address": place_address(places.organisation.key, node.key),
                "is_current": node.key == key,
                "below": those(places.children.get(node.key, ())) if node.key in open_keys else [],
            }
            for node in _around(sorted(nodes, key=lambda one: one.name.casefold()), open_keys)
        ]

    return those(places.children.get(None, ()) if None in tops else [places.by_key[one] for one in tops if one])


def _around(nodes: Sequence[Node], open_keys: Collection[str | None]) -> Sequence[Node]:
    at = next((number for number, node in enumerate(nodes) if node.key in open_keys), 0)
    first = max(0, min(at - BESIDE_MAX // 2, len(nodes) - BESIDE_MAX))
    return nodes[first : first + BESIDE_MAX]
