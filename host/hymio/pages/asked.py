"""What an address asks for, if whoever asks may see it."""

from __future__ import annotations

from hymio.locale.sentence import _
from hymio.pages.access import SiteNow
from hymio.pages.errors import Refused
from hymio.pages.reader import PageReader
from hymio.site.model import Node


def asked_site(reader: PageReader) -> SiteNow:
    """The organisation of an address of which the reader may see anything.

    Raises:
        Refused: 404, there is none; which others there are is nobody's business.
    """
    key = reader.request.path_params["organisation"]
    for site in reader.sites():
        if site.organisation.key == key:
            return site
    raise Refused(404, _("There is no organisation %(key)s", key=key))


def asked_place(reader: PageReader) -> tuple[SiteNow, Node | None]:
    """The place of an address; None: the organisation as a whole.

    Raises:
        Refused: 404 there is none, 403 the reader may not see it.
    """
    site, key = asked_site(reader), reader.request.path_params.get("place")
    node = None if key is None else site.places.by_key.get(key)
    if key is not None and node is None:
        raise Refused(404, _("%(organisation)s has no place %(key)s", organisation=site.organisation.name, key=key))
    if not reader.access.sees(site, key):
        raise Refused(403)
    return site, node
