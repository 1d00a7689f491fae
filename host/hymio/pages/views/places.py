"""The start page, and the page of an organisation, a group or an experience point."""

from __future__ import annotations

from starlette.responses import RedirectResponse

from hymio.locale.sentence import _
from hymio.pages.errors import Refused
from hymio.pages.reader import PageOf, Reader, wants_json
from hymio.pages.tree import branches, place_address, way_to
from hymio.site.model import NodeKind, Site, places_of


def start(reader: Reader) -> PageOf | RedirectResponse:
    """The organisations; of one only, its page."""
    sites = reader.sites()
    if len(sites) == 1 and not wants_json(reader.request):
        return RedirectResponse(place_address(sites[0].site.organisation.key))
    organisations = [stored.site.organisation for stored in sites]
    return PageOf(
        "start.html",
        {
            "organisations": [
                {"key": one.key, "name": one.name, "address": place_address(one.key)} for one in organisations
            ]
        },
    )


def organisation(reader: Reader) -> PageOf:
    """An organisation, the root of its tree."""
    site = _site(reader)
    return _page(site, None)


def place(reader: Reader) -> PageOf:
    """A group or an experience point."""
    site = _site(reader)
    key = reader.request.path_params["place"]
    if key not in places_of(site).by_key:
        raise Refused(404, _("%(organisation)s has no place %(key)s", organisation=site.organisation.name, key=key))
    return _page(site, key)


def _site(reader: Reader) -> Site:
    key = reader.request.path_params["organisation"]
    for stored in reader.sites():
        if stored.site.organisation.key == key:
            return stored.site
    raise Refused(404, _("There is no organisation %(key)s", key=key))


def _page(site: Site, key: str | None) -> PageOf:
    places = places_of(site)
    own = site.organisation
    node = None if key is None else places.by_key[key]
    return PageOf(
        "place.html",
        {
            "organisation": {"key": own.key, "name": own.name, "address": place_address(own.key)},
            "place": {
                "key": own.key if node is None else node.key,
                "name": own.name if node is None else node.name,
                "kind": "organisation" if node is None else node.kind.value,
            },
            "way": way_to(places, key),
            "below": [
                {"key": child.key, "name": child.name, "address": place_address(own.key, child.key)}
                for child in places.children.get(key, [])
                if node is None or node.kind is NodeKind.GROUP
            ],
        },
        {"tree": branches(places, key)},
    )
