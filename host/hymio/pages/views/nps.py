"""Would they recommend us: scores of a place and all below it, and the same people in this time and the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.recommend import PanelSide, panel_json, panel_of, recommendations
from hymio.locale.sentence import Sentence, _
from hymio.measures.panel import Attitude
from hymio.pages.errors import Refused
from hymio.pages.labels import period_label
from hymio.pages.periods import KINDS, calendar_period
from hymio.pages.reader import PageOf, PageReader
from hymio.pages.tree import branches, place_address, way_to
from hymio.pages.views.places import address_of, asked_period, dashboard_of, shown_of
from hymio.pages.views.texts import VIAS

_PANEL_OF: Final = ("month", "quarter", "year")
"""Of which periods the same people are compared: of days or weeks, many panels would tell of one person."""
ATTITUDES: Final[Mapping[Attitude, Sentence]] = {
    Attitude.DETRACTOR: _("0 to 6: they advise against us"),
    Attitude.PASSIVE: _("7 and 8: neither"),
    Attitude.PROMOTER: _("9 and 10: they recommend us"),
}


def nps(reader: PageReader) -> PageOf:
    """The scores of a place and a time."""
    shown = shown_of(reader)
    if shown.site is None:
        raise Refused(404)
    period, site = asked_period(reader, shown), shown.site
    key = None if shown.node is None else shown.node.key
    place = OnePlace(site.organisation.key, key)
    with reader.store.reading() as connection:
        figures = FigureReader(connection, dashboard_of(reader).clock())
        found = recommendations(figures, place, period.stretch)
        panel = None
        if period.kind in _PANEL_OF:
            before, after = (
                PanelSide(period_label(reader.language, one), stretch=one.stretch) for one in (period.before, period)
            )
            panel = panel_json(panel_of(figures, place, before, after), before, after)
    own, tops = site.organisation, reader.access.tops(site)
    values: dict[str, Any] = {
        "organisation": {"key": own.key, "name": own.name, "address": place_address(own.key)},
        "place": {
            "key": key or own.key,
            "name": own.name if shown.node is None else shown.node.name,
            "kind": "organisation" if shown.node is None else shown.node.kind.value,
        },
        "period": period.as_json(),
        "rows": found.as_json()["rows"],
        "panel": panel,
    }
    around = {
        "address": address_of(shown),
        "time": period,
        "tree": branches(site.places, key, tops),
        "sees_all": None in tops,
        "way": way_to(site.places, key, tops),
        "calendar": {kind: calendar_period(kind, period.today, period.today) for kind in KINDS},
        "kinds": KINDS,
        "vias": VIAS,
        "attitudes": ATTITUDES,
        "people": {(one["was"], one["is"]): one["people"] for one in (panel or {}).get("changes", ())},
    }
    return PageOf("nps.html", values, around)
