"""The terminals, for whoever looks after them: all of them in an order, one of them with all that it says of itself."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from hymio.common.errors import NO_TERMINAL, Failure
from hymio.locale.sentence import Sentence, _
from hymio.pages.access import SiteNow, asks_staff, full_hour, stands
from hymio.pages.errors import Refused
from hymio.pages.forms import need_to_see_presses
from hymio.pages.reader import PageOf, PageReader
from hymio.pages.tree import place_address
from hymio.site.model import SurveyType
from hymio.site.moments import MINUTE_S
from hymio.store import audit
from hymio.store.fleet import (
    KINDS,
    ON_PAGE,
    SILENT_S,
    SORTS,
    FleetLine,
    FleetQuery,
    fleet_lines,
    fleet_page,
    in_quarantine,
)
from hymio.store.ledger import ledger_lines

_log = logging.getLogger(__name__)

TERMINALS: Final = "/terminals"
SEARCH_MAX: Final = 100
LOGS_AT_ONCE: Final = 2
"""Terminals that are asked for their text log at the same time; each holds a thread meanwhile."""

TextLog = Callable[[str], Sequence[Mapping[str, Any]]]
"""Asks a terminal for the end of its text log: number, boot, uptime_s, utc, level and text of each line. Failure 3 if
it is away, another one if the broker is."""

COLUMNS: Final[Mapping[str, Sentence]] = {
    "terminal": _("Terminal"),
    "heard": _("Last word"),
    "unsent": _("Unsent"),
    "clock": _("Clock"),
    "battery": _("Battery"),
    "empty": _("Lasts until"),
    "signal": _("Signal"),
    "wear": _("Switch wear"),
    "firmware": _("Firmware"),
    "certificate": _("Certificate until"),
    "ledger": _("Presses: made, here, lost, waiting"),
}
SHOWN: Final[Mapping[str, Sentence]] = {
    "": _("All terminals"),
    "silent": _("Silent for a day"),
    "never": _("Never heard of"),
    "problem": _("With a problem"),
    "clock": _("Clock not set"),
    "low": _("Battery low"),
    "empty": _("Battery low within a month"),
    "weak": _("Weak signal"),
    "worn": _("Worn switch"),
    "certificate": _("Certificate ends within a month"),
    "unsent": _("With unsent presses"),
    "waiting": _("With presses that wait"),
    "lost": _("With lost presses"),
}
assert SHOWN.keys() == {"", *KINDS}


class TerminalPages:
    """The views; what they need beyond a reader is theirs."""

    def __init__(self, now_utc: Callable[[], float], text_log: TextLog | None = None) -> None:
        """text_log: asks terminals from afar; None: there is no way to them."""
        self._now_utc, self._text_log = now_utc, text_log
        self._asking = threading.BoundedSemaphore(LOGS_AT_ONCE)

    def terminals(self, reader: PageReader) -> PageOf:
        """A page of them."""
        need_to_see_presses(reader)
        asked = reader.request.query_params
        now_utc = self._now_utc()
        search = asked.get("q", "").strip()[:SEARCH_MAX]
        query = FleetQuery(
            now_utc,
            _one_of(asked, "sort", SORTS, "heard"),
            _one_of(asked, "turned", ("", "1"), "") == "1",
            _one_of(asked, "show", SHOWN, "") or None,
            search,
            _at_places(reader, search, now_utc) if search else (),
            _seen(reader, now_utc),
            _page_number(asked),
        )
        with reader.store.reading() as connection:
            page = fleet_page(connection, query)
        lines = [self._values(reader, one, now_utc) for one in page.lines]
        pages = max(1, -(-page.count // ON_PAGE))
        values = {"count": page.count, "page": query.page, "pages": pages, "terminals": lines}
        return PageOf(
            "terminals.html",
            values,
            {
                **_shown(now_utc),
                "columns": COLUMNS,
                "kinds": SHOWN,
                "sorts": SORTS,
                "query": query,
                "address": lambda **changes: _address(asked, changes),
            },
        )

    def terminal(
        self, reader: PageReader, log: Sequence[Mapping[str, Any]] | None = None, wrong: Sentence | None = None
    ) -> PageOf:
        """One of them."""
        line = self._asked(reader)
        now_utc = self._now_utc()
        with reader.store.reading() as connection:
            is_whole = not _is_of_others(reader, line.device_id)
            ledger = [one.as_json() for one in ledger_lines(connection, [line.device_id])] if is_whole else []
            quarantined = in_quarantine(connection, line.device_id)
        values = {
            "terminal": self._values(reader, line, now_utc),
            "facts": json.loads(line.state["facts"] or "{}") if is_whole else {},
            "ledger": ledger,
            "quarantined": quarantined,
        }
        if log is not None:
            values["log"] = list(log)
        around = {
            **_shown(now_utc), "wrong": wrong, "log": log, "can_ask": self._text_log is not None, "is_whole": is_whole,
        }  # fmt: skip
        return PageOf("terminal.html", values, around)

    def post_terminal(self, reader: PageReader) -> PageOf:
        """Asks it for its text log."""
        line = self._asked(reader)
        if self._text_log is None:
            raise Refused(404)
        if not self._asking.acquire(blocking=False):
            return self.terminal(reader, wrong=_("Other terminals are being asked just now. Try again in a moment."))
        try:
            log = self._text_log(line.device_id)
        except Failure as failure:
            _log.error("%s: %s", reader.request.url.path, failure.message)
            is_away = failure.exit_status == NO_TERMINAL
            said = _("It does not answer: it sleeps, or is away. A terminal that sleeps can be asked when it uploads.")
            return self.terminal(reader, wrong=said if is_away else _("There is no way to the terminals just now."))
        finally:
            self._asking.release()
        with reader.store.writing() as connection:
            audit.record(connection, "terminal.log", {"device_id": line.device_id}, reader.access.name)
        return self.terminal(reader, log)

    def _asked(self, reader: PageReader) -> FleetLine:
        need_to_see_presses(reader)
        device_id = reader.request.path_params["terminal"]
        seen = _seen(reader, self._now_utc())
        with reader.store.reading() as connection:
            found = fleet_lines(connection, [device_id]) if seen is None or device_id in seen else []
        if not found:
            # Whether there is one elsewhere is not said.
            raise Refused(404, _("There is no terminal %(key)s", key=device_id[:40]))
        return found[0]

    def _values(self, reader: PageReader, line: FleetLine, now_utc: float) -> dict[str, Any]:
        state, is_whole = line.state, not _is_of_others(reader, line.device_id)
        heard_utc = state["heard_utc"]
        if heard_utc is not None and not is_whole and asks_staff(reader.known_sites(), line.device_id, now_utc):
            heard_utc = full_hour(heard_utc)
        return {
            "device_id": line.device_id,
            "address": f"{TERMINALS}/{line.device_id}",
            "place": _place(reader, line.device_id, now_utc),
            "heard_utc": heard_utc,
            "is_silent": heard_utc is None or now_utc - heard_utc > SILENT_S,
            **{
                name: state[name]
                for name in (
                    "state", "problem", "unsent", "supply_mv", "empty_utc", "rssi", "worst_button", "edges_a_press",
                    "firmware", "cert_ends_utc",
                )
            },
            "clock": {None: None, 0: "unset", 1: "set"}[state["clock_set"]],
            "supply_low": None if state["supply_low"] is None else bool(state["supply_low"]),
            "pressed": line.pressed if is_whole else None,
            "rows": line.rows if is_whole else None,
            "lost": line.lost if is_whole else None,
            "waiting": line.waiting if is_whole else None,
        }  # fmt: skip


def _is_of_others(reader: PageReader, device_id: str) -> bool:
    """Whether presses of a terminal are not the reader's to count: of staff, or of a place that he does not see."""
    if reader.access.may_manage_accounts:
        return False
    return any(
        one.asks is SurveyType.STAFF or not reader.access.sees(site, one.point)
        for site in reader.known_sites()
        for one in site.stays.get(device_id, ())
    )


def _seen(reader: PageReader, now_utc: float) -> set[str] | None:
    """The terminals that stand at a place of the reader's; None: all, also those that stand nowhere."""
    if reader.access.may_manage_accounts:
        return None
    found: set[str] = set()
    for site in reader.sites():
        keys = {node.key for node in reader.access.nodes(site)}
        found |= _standing(site, now_utc, keys)
    return found


def _at_places(reader: PageReader, search: str, now_utc: float) -> set[str]:
    """The terminals that stand at places whose name or key has that in it."""
    found: set[str] = set()
    wanted = search.casefold()
    for site in reader.sites():
        found |= _standing(site, now_utc, (key for key, words in site.searched if wanted in words))
    return found


def _standing(site: SiteNow, now_utc: float, keys: Iterable[str]) -> set[str]:
    minute = int(now_utc // MINUTE_S)
    return {one.device_id for key in keys for one in site.stays_at.get(key, ()) if stands(one, minute)}


def _place(reader: PageReader, device_id: str, now_utc: float) -> dict[str, str] | None:
    for site in reader.known_sites():
        node = site.place_of(device_id, int(now_utc // MINUTE_S))
        if node is not None:
            return {"name": node.name, "address": place_address(site.organisation.key, node.key)}
    return None


def _one_of(asked: QueryParams, name: str, choices: Collection[str], default: str) -> str:
    came = asked.get(name, default)
    if came not in choices:
        raise Refused(400)
    return came


def _page_number(asked: QueryParams) -> int:
    came = asked.get("page", "1")
    if not (came.isascii() and came.isdigit() and len(came) < 7 and int(came) > 0):
        raise Refused(400)
    return int(came)


def _address(asked: QueryParams, changes: Mapping[str, str]) -> str:
    """The same list, but for what is to change; that begins at its first page."""
    kept = {name: asked.get(name, "") for name in ("sort", "turned", "show", "q")}
    said = {name: value for name, value in {**kept, **changes}.items() if value}
    return f"{TERMINALS}?{urlencode(said)}" if said else TERMINALS


def _shown(now_utc: float) -> dict[str, Any]:
    """What templates write moments with."""

    def day(utc: float) -> date:
        return datetime.fromtimestamp(utc, UTC).date()

    return {"now_utc": now_utc, "day": day, "moment": lambda utc: datetime.fromtimestamp(utc, UTC)}
