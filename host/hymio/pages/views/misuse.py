"""Which terminals of a place are mashed, when and how; and what its votes would be with another lock-out."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from hymio.figures.misuse import DAYS, LOCKOUTS_MS, REJUDGED_MAX, SAID, misuse_of, other_lockout
from hymio.measures.rejudging import default_windows
from hymio.pages.asked import asked_place
from hymio.pages.dashboard import Shown
from hymio.pages.errors import Refused
from hymio.pages.forms import need_to_see_presses
from hymio.pages.reader import PageOf, PageReader, wants_json
from hymio.pages.shelf import Shelf
from hymio.pages.tree import branches, way_to
from hymio.pages.views.places import address_of, dashboard_of

LISTED_MAX: Final = 100
WAIT_S: Final = 3.0
"""A page waits so long for votes to be judged again; then it says that it goes on."""
ANEW_S: Final = 600.0
"""The weeks end at a full ten minutes, so that what was worked out holds for a while."""


class MisusePages:
    """The view; what was judged again is kept until presses come."""

    def __init__(self) -> None:
        """Has worked out nothing yet."""
        self._shelf = Shelf(workers=1)

    def misuse(self, reader: PageReader) -> PageOf:
        """The terminals, the most mashed first, and what another lock-out would make of it."""
        need_to_see_presses(reader)
        site, node = asked_place(reader)
        lockout_ms = _lockout(reader)
        key = None if node is None else node.key
        dashboard = dashboard_of(reader)
        version = dashboard.version()
        now_utc = dashboard.clock() // ANEW_S * ANEW_S
        # A terminal is seen where it stands: what its readers don't see of the place is not in it either.
        with reader.store.reading() as connection:
            found = misuse_of(connection, site.stored, site.places, key, now_utc)

        def make() -> Any:
            with reader.store.reading() as connection:
                return other_lockout(connection, site.stored, site.places, key, now_utc, lockout_ms)

        wait_s = None if wants_json(reader.request) else WAIT_S
        other = self._shelf.get((site.stored.id, key, lockout_ms), (version[:2], now_utc), make, wait_s)
        hours: Counter[tuple[int, int]] = Counter()
        for one in found:
            hours.update(one.hours)
        values = {
            "days": DAYS,
            "terminals": [one.as_json() for one in found[:LISTED_MAX]],
            "more": max(0, len(found) - LISTED_MAX),
            "hours": [{"weekday": day, "hour": hour, "presses": hours[day, hour]} for day, hour in sorted(hours)],
            "other": None if other is None else other.as_json(),
        }
        shown = Shown(site, node)
        names = {one.key: one.name for one in site.stored.site.nodes}
        span = range(min((hour for _, hour in hours), default=0), max((hour for _, hour in hours), default=-1) + 1)
        around = {
            "place": site.organisation.name if node is None else node.name,
            "address": address_of(shown),
            "way": way_to(site.places, key, reader.access.tops(site)),
            "tree": branches(site.places, key, reader.access.tops(site)),
            "organisation": site.organisation,
            "names": names,
            "said": {kind.value: one for kind, one in SAID.items()},
            "rows": [[hours[day, hour] for hour in span] for day in range(7)],
            "span": list(span),
            "most": max(hours.values(), default=0),
            "lockout_ms": lockout_ms,
            "lockouts": LOCKOUTS_MS,
            "usual_ms": default_windows()["lockout_ms"],
            "looked_max": REJUDGED_MAX,
        }
        return PageOf("misuse.html", values, around)


def _lockout(reader: PageReader) -> int:
    """That of the address: the nearest one that may be asked for; 3 s without any."""
    said = reader.request.query_params.get("lockout", "3")
    try:
        wanted = float(said)
    except ValueError:
        raise Refused(400) from None
    if not 0 < wanted <= LOCKOUTS_MS[-1] / 1000:
        raise Refused(400)
    return min(LOCKOUTS_MS, key=lambda ms: (abs(ms - 1000 * wanted), ms))
