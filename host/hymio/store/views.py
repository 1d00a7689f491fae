"""The views that other programs may rely on (host/spec/contract.md): a change of what they show is one of contract."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from hymio.wire.limits import LOG_RECORDS_MAX

_VIEWS: Final = {
    "presses_v1": """
        SELECT device_id, log_id, seq, boot, uptime_ms, button, verdict, verdict = 'counted' AS is_vote,
               pressed_utc, clock, via, received_utc, count
        FROM presses
    """,
    # These are sums that are kept with the rows, so what they cost does not grow with the number of rows.
    "ledger_v1": f"""
        SELECT device_id, log_id, pressed, presses AS "rows", lost, coalesce(pressed - presses - lost, 0) AS waiting,
               duplicates, pressed IS NOT NULL AND pressed - presses - lost = 0 AND open_gaps = 0
               AND next_seq - oldest_seq <= {LOG_RECORDS_MAX} AS balanced, folded
        FROM logs
    """,
}


def create_views(connection: Connection) -> None:
    """Makes the views of a database that has all its tables."""
    for name, query in _VIEWS.items():
        connection.execute(text(f"CREATE VIEW {name} AS {query}"))


def drop_views(connection: Connection) -> None:
    """Takes the views away, so that the tables beneath them can be changed."""
    for name in _VIEWS:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
