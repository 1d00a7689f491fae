"""The start page, and the page of an organisation, a group or an experience point."""

from __future__ import annotations

from starlette.responses import RedirectResponse

from hymio.pages.access import SiteNow
from hymio.pages.asked import asked_place, asked_site
from hymio.pages.reader import PageOf, PageReader, wants_json
from hymio.pages.tree import branches, place_address, way_to
from hymio.site.model import Node, Organisation


def start(reader: PageReader) -> PageOf | RedirectResponse:
    """The organisations; of one only, its page."""
    sites = reader.sites()
    if len(sites) == 1 and not wants_json(reader.request):
        return RedirectResponse(place_address(sites[0].organisation.key))
    return PageOf("start.html", {"organisations": [_organisation(site.organisation) for site in sites]})


def organisation(reader: PageReader) -> PageOf | RedirectResponse:
    """An organisation, the root of its tree; to who sees parts of it alone, those."""
    site = asked_site(reader)
    tops = reader.access.tops(site)
    if None in tops:
        return _page(reader, site, None)
    shown = [_place(site, site.places.by_key[key]) for key in tops if key is not None]
    if len(shown) == 1 and not wants_json(reader.request):
        return RedirectResponse(shown[0]["address"])
    return PageOf("start.html", {"organisations": shown})


def place(reader: PageReader) -> PageOf:
    """A group or an experience point."""
    return _page(reader, *asked_place(reader))


def _organisation(organisation: Organisation) -> dict[str, str]:
    return {"key": organisation.key, "name": organisation.name, "address": place_address(organisation.key)}


def _place(site: SiteNow, node: Node) -> dict[str, str]:
    return {"key": node.key, "name": node.name, "address": place_address(site.organisation.key, node.key)}


def _page(reader: PageReader, site: SiteNow, node: Node | None) -> PageOf:
    """The page of a place; None: of the organisation."""
    own, key = site.organisation, None if node is None else node.key
    shown = {"key": own.key, "name": own.name, "kind": "organisation"}
    if node is not None:
        shown = {"key": node.key, "name": node.name, "kind": node.kind.value}
    below = [_place(site, child) for child in site.places.children.get(key, [])]
    tops = reader.access.tops(site)
    return PageOf(
        "place.html",
        {"organisation": _organisation(own), "place": shown, "way": way_to(site.places, key, tops), "below": below},
        {"tree": branches(site.places, key, tops)},
    )
