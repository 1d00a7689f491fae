"""The terminals as whoever looks after them sees them: in an order, those of a kind, a page of them at a time.

A page costs what it shows, however many terminals there are: orders and kinds are indexes of `terminal_states` and
`logs`, and what the terminals have said is read for those of the page alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal_column, select, text, type_coerce
from sqlalchemy.types import ARRAY, String

from hymio.store.schema import TROUBLES, WAITS, logs, quarantine_sums, terminal_states

ON_PAGE: Final = 50
DAY_S: Final = 86_400.0
SILENT_S: Final = DAY_S
"""A terminal that has said nothing for so long is silent: one that sleeps uploads several times a day."""
WEAK_RSSI: Final = -80
"""dBm under which a radio loses every now and then."""
WORN_EDGES: Final = 6.0
"""Edges of a press from which on a switch is worn; a clean one has 2."""
EMPTY_SOON_S: Final = 30 * DAY_S
CERT_SOON_S: Final = 30 * DAY_S
_FEW: Final = 1000
"""Up to so many terminals are found one by one and then put in order; more are met on the way through the order."""

SORTS: Final = {
    "terminal": ("device_id", False),
    "heard": ("heard_utc", False),
    "unsent": ("unsent", True),
    "battery": ("supply_mv", False),
    "empty": ("empty_utc", False),
    "signal": ("rssi", False),
    "wear": ("edges_a_press", True),
    "firmware": ("firmware", False),
    "certificate": ("cert_ends_utc", False),
}
"""By their names in an address: the column, and whether the largest is what somebody has to look after."""

_STATE = terminal_states.c
KINDS: Final[Mapping[str, Callable[[float], ColumnElement[bool]]]] = {
    "silent": lambda now: _STATE.heard_utc < now - SILENT_S,
    "never": lambda now: _STATE.heard_utc.is_(None),
    "problem": lambda now: literal_column(TROUBLES["problem"]).self_group(),
    "clock": lambda now: literal_column(TROUBLES["clock_unset"]).self_group(),
    "low": lambda now: literal_column(TROUBLES["supply_low"]).self_group(),
    "empty": lambda now: _STATE.empty_utc < now + EMPTY_SOON_S,
    "weak": lambda now: _STATE.rssi < WEAK_RSSI,
    "worn": lambda now: _STATE.edges_a_press >= WORN_EDGES,
    "certificate": lambda now: _STATE.cert_ends_utc < now + CERT_SOON_S,
    "unsent": lambda now: _STATE.unsent > 0,
    "waiting": lambda now: _STATE.device_id.in_(select(logs.c.device_id).where(text(WAITS))),
    "lost": lambda now: _STATE.device_id.in_(select(logs.c.device_id).where(text("lost > 0"))),
}
"""Those of which somebody has to look after, by their names in an address; each from now."""


@dataclass(frozen=True, slots=True)
class FleetQuery:
    """Which terminals are wanted, and in which order."""

    now_utc: float
    sort: str = "heard"
    is_turned: bool = False
    """Whether those that need nobody come first."""
    kind: str | None = None
    """One of KINDS; None: all."""
    search: str = ""
    """A part of their names."""
    found: Collection[str] = ()
    """Terminals that a search has found otherwise, by their places."""
    only: Collection[str] | None = None
    """Those that the reader may see; None: all."""
    page: int = 1


@dataclass(frozen=True, slots=True)
class FleetLine:
    """One terminal: the columns of `terminal_states` by name, and its ledger."""

    device_id: str
    state: Mapping[str, Any]
    pressed: int | None
    """By the terminals' own word, over all its logs."""
    rows: int
    lost: int
    waiting: int


@dataclass(frozen=True, slots=True)
class FleetPage:
    """A page of terminals."""

    lines: Sequence[FleetLine]
    count: int
    """On all pages."""


def fleet_page(connection: Connection, query: FleetQuery) -> FleetPage:
    """The terminals of a page, and how many there are on all of them."""
    which = [*_which(connection, query)]
    count = connection.execute(select(func.count()).select_from(terminal_states).where(*which)).scalar_one()
    column, is_descending = SORTS[query.sort]
    order: Any = _STATE[column]
    if which and count <= _FEW and connection.dialect.name == "sqlite":
        # It does not know how few they are. With the + it finds them first, and then puts them in order.
        order = literal_column(f"+terminal_states.{column}")
    # Names in the same direction, so that the index has them so.
    order, name = (
        (order.desc(), _STATE.device_id.desc()) if is_descending != query.is_turned else (order, _STATE.device_id)
    )
    ordered: Select[Any] = select(_STATE.device_id).where(*which).order_by(order.nulls_last(), name)
    ids = list(connection.execute(ordered.limit(ON_PAGE).offset((query.page - 1) * ON_PAGE)).scalars())
    return FleetPage(fleet_lines(connection, ids), int(count))


def fleet_lines(connection: Connection, device_ids: Sequence[str]) -> list[FleetLine]:
    """These terminals, in their order; those that are not known are left out."""
    query = select(terminal_states).where(_STATE.device_id.in_(device_ids))
    states = {row["device_id"]: row for row in connection.execute(query).mappings()}
    sums = (func.sum(logs.c[name]) for name in ("pressed", "presses", "lost"))
    ledger = select(logs.c.device_id, *sums).where(logs.c.device_id.in_(device_ids)).group_by(logs.c.device_id)
    ledgers = {device_id: values for device_id, *values in connection.execute(ledger)}
    found = []
    for device_id in device_ids:
        if device_id in states:
            pressed, rows, lost = (None if one is None else int(one) for one in ledgers.get(device_id, (None, 0, 0)))
            waiting = 0 if pressed is None else pressed - (rows or 0) - (lost or 0)
            found.append(FleetLine(device_id, dict(states[device_id]), pressed, rows or 0, lost or 0, waiting))
    return found


def in_quarantine(connection: Connection, device_id: str) -> int:
    """Messages of a terminal that could not be counted, about which nobody has decided."""
    query = select(quarantine_sums.c.kept).where(quarantine_sums.c.device_id == device_id)
    return int(connection.execute(query).scalar() or 0)


def _which(connection: Connection, query: FleetQuery) -> list[Any]:
    found: list[Any] = []
    if query.kind is not None:
        found.append(KINDS[query.kind](query.now_utc))
    if query.search:
        by_name = _STATE.device_id.contains(query.search.lower(), autoescape=True)
        found.append(by_name | _among(connection, query.found))
    if query.only is not None:
        found.append(_among(connection, query.only))
    return found


def _among(connection: Connection, device_ids: Collection[str]) -> Any:
    """Whether a terminal is one of these."""
    if connection.dialect.name == "postgresql":
        return _STATE.device_id == func.any(type_coerce(sorted(device_ids), ARRAY(String)))
    values = text("SELECT value FROM json_each(:ids)").bindparams(
        bindparam("ids", json.dumps(sorted(device_ids)), unique=True)  # there may be two of these
    )
    # With the + SQLite does not look each of them up, but goes through the order until the page is full.
    name = _STATE.device_id if len(device_ids) <= _FEW else literal_column("+terminal_states.device_id")
    return name.in_(values)
