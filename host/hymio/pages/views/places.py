"""The start page, and the page of an organisation, a group or an experience point."""

from __future__ import annotations

from starlette.responses import RedirectResponse

from hymio.locale.sentence import _
from hymio.pages.errors import Refused
from hymio.pages.reader import PageOf, PageReader, SiteNow, wants_json
from hymio.pages.tree import branches, place_address, way_to
from hymio.site.model import Node, Organisation


def start(reader: PageReader) -> PageOf | RedirectResponse:
    """The organisations; of one only, its page."""
    sites = reader.sites()
    if len(sites) == 1 and not wants_json(reader.request):
        return RedirectResponse(place_address(sites[0].organisation.key))
    return PageOf("start.html", {"organisations": [_organisation(site.organisation) for site in sites]})


def organisation(reader: PageReader) -> PageOf:
    """An organisation, the root of its tree."""
    return _page(_site(reader), None)


def place(reader: PageReader) -> PageOf:
    """A group or an experience point."""
    site = _site(reader)
    node = site.places.by_key.get(reader.request.path_params["place"])
    if node is None:
        key = reader.request.path_params["place"]
        raise Refused(404, _("%(organisation)s has no place %(key)s", organisation=site.organisation.name, key=key))
    return _page(site, node)


def _site(reader: PageReader) -> SiteNow:
    key = reader.request.path_params["organisation"]
    for site in reader.sites():
        if site.organisation.key == key:
            return site
    raise Refused(404, _("There is no organisation %(key)s", key=key))


def _organisation(organisation: Organisation) -> dict[str, str]:
    return {"key": organisation.key, "name": organisation.name, "address": place_address(organisation.key)}


def _page(site: SiteNow, node: Node | None) -> PageOf:
    """The page of a place; None: of the organisation."""
    own, key = site.organisation, None if node is None else node.key
    shown = {"key": own.key, "name": own.name, "kind": "organisation"}
    if node is not None:
        shown = {"key": node.key, "name": node.name, "kind": node.kind.value}
    below = [
        {"key": child.key, "name": child.name, "address": place_address(own.key, child.key)}
        for child in site.places.children.get(key, [])
    ]
    return PageOf(
        "place.html",
        {"organisation": _organisation(own), "place": shown, "way": way_to(site.places, key), "below": below},
        {"tree": branches(site.places, key)},
    )
