"""Presses as they came, for who follows them: pages and live events show the same, staff never."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from hymio.serve.catalogue import View
from hymio.site.moments import MINUTE_S
from hymio.store.arrival_order import ArrivalPosition, ArrivedPress, newest_arrival, presses_after
from hymio.store.cells import COUNTED

SCANNED_MAX: Final = 20_000
"""Rows that one look goes over: what others may see is among them."""
_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class FollowedPage:
    """What came after a position."""

    presses: list[dict[str, Any]]
    next: ArrivalPosition
    """Where to go on. It names no press but those that were told of: what else came is nobody's business."""
    scanned: ArrivalPosition
    """How far this went."""
    more: bool
    """Whether there is more by now."""


def newest_position(connection: Connection) -> ArrivalPosition:
    """After all that there is now."""
    return ArrivalPosition(newest_arrival(connection) + 1)


def followed_page(connection: Connection, view: View, after: ArrivalPosition, limit: int) -> FollowedPage:
    """What came after a position and may be seen.

    A press is told of as it was taken in: what becomes of it later (it is replaced, or dated) does not come again.
    """
    found: list[dict[str, Any]] = []
    begin, at, rows_seen, more = after, after, 0, True
    while more and rows_seen < SCANNED_MAX and len(found) < limit:
        most = min(_AT_ONCE, SCANNED_MAX - rows_seen, max(64, 2 * (limit - len(found)) + 1))
        rows = presses_after(connection, at, most)
        more = len(rows) == most
        rows_seen += len(rows)
        for row in rows:
            if len(found) == limit:
                more = True
                break
            at = row.position
            shown = shown_press(view, row)
            if shown is not None:
                found.append(shown)
                after = at
    if not found and at != begin:
        # Of the transaction in which it broke off the beginning; no single one has as many rows.
        after = ArrivalPosition(at.arrival) if more else newest_position(connection)
        after = at if after <= begin else after
    return FollowedPage(found, after, at, more)


def shown_press(view: View, row: ArrivedPress) -> dict[str, Any] | None:
    """A press with its place and survey; None: it may not be seen, or it may be one of staff."""
    minute = None if row.pressed_utc is None else int(row.pressed_utc // MINUTE_S)
    stay = None if minute is None else view.stay_at(row.device_id, minute)
    if stay is None:
        # Without a date, or before its terminal was placed: it belongs to no place, so to no token for a part.
        is_own = view.is_everything or (view.is_organisation and row.device_id in view.own_device_ids)
        if not is_own or view.may_be_staff(row.device_id, minute):
            return None
    survey = None if stay is None else stay.survey
    node = None if stay is None else stay.place.node
    return {
        "id": str(row.position),
        "device_id": row.device_id,
        "log_id": row.log_id,
        "seq": row.seq,
        "button": row.button,
        "verdict": row.verdict,
        "is_vote": row.verdict == COUNTED,
        "count": row.presses,
        "pressed_utc": row.pressed_utc,
        "received_utc": row.received_utc,
        "place_id": None if stay is None else stay.place.id,
        "place": None if node is None else node.key,
        "is_open": None if stay is None or minute is None else view.is_open(stay.place, minute),
        "survey_id": None if survey is None else survey.id,
        "survey": None if survey is None else survey.survey.key,
    }
