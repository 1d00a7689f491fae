"""Votes that a place has had: what rules are tried on, and know what is usual from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, bindparam, text

from hymio.alerting.changes import Vote
from hymio.alerting.grounds import Grounds
from hymio.alerting.rules import DAY_S
from hymio.alerting.simulation import MONTH_S
from hymio.site.moments import MINUTE_S
from hymio.store.rows import chunks
from hymio.store.schema import CellSpan

BACK_S: Final = 91 * DAY_S
"""So far back one looks: a quarter."""
VOTES_MAX: Final = 100_000
"""Of a place that has more the newest ones are taken."""

_DAYS: Final = text(
    "SELECT start_utc_minute, sum(n1 + n2 + n3 + n4) FROM cells WHERE device_id IN :devices AND span = :span"
    " AND start_utc_minute >= :since AND node_id IN :nodes AND verdict = 'counted' GROUP BY start_utc_minute"
).bindparams(bindparam("devices", expanding=True), bindparam("nodes", expanding=True))
_VOTES: Final = text(
    "SELECT pressed_utc, device_id, log_id, seq, button FROM presses WHERE device_id = :device_id"
    " AND pressed_utc >= :since AND pressed_utc < :until AND verdict = 'counted'"
)


def votes_a_month(connection: Connection, grounds: Grounds, nodes: Collection[int], now_utc: float) -> float:
    """How many votes places have had a month, over the last quarter; at least one."""
    days = _votes_by_day(connection, grounds, nodes, now_utc)
    if not days:
        return 1.0
    length_s = max(now_utc - min(days) * MINUTE_S, 7 * DAY_S)
    return max(1.0, sum(days.values()) * MONTH_S / length_s)


def votes_of(connection: Connection, grounds: Grounds, nodes: Collection[int], now_utc: float) -> list[Vote]:
    """The votes of places in the last quarter, the newest `VOTES_MAX` at most, as if each had come at once."""
    since, left = now_utc, VOTES_MAX
    for minute, votes in sorted(_votes_by_day(connection, grounds, nodes, now_utc).items(), reverse=True):
        left -= votes
        if left < 0:
            break
        since = minute * MINUTE_S
    found = []
    for device_id in grounds.devices_at(nodes):
        for row in connection.execute(_VOTES, {"device_id": device_id, "since": since, "until": now_utc}):
            node_id = grounds.place_of_vote(device_id, row.pressed_utc)
            if node_id in nodes and node_id is not None:
                hour = grounds.week_hour(node_id, row.pressed_utc)
                name = f"{device_id}.{row.log_id}.{row.seq}"
                found.append(Vote(row.pressed_utc, row.pressed_utc, row.button, hour, name))
    return sorted(found)


def _votes_by_day(connection: Connection, grounds: Grounds, nodes: Collection[int], now_utc: float) -> dict[int, int]:
    found: dict[int, int] = {}
    since = int((now_utc - BACK_S) // MINUTE_S)
    for devices in chunks(grounds.devices_at(nodes)):
        asked = {"devices": list(devices), "nodes": list(nodes), "span": int(CellSpan.DAY), "since": since}
        for minute, votes in connection.execute(_DAYS, asked):
            found[minute] = found.get(minute, 0) + int(votes)
    return found
