"""Which terminals of a rule's places may be in trouble: a few rows, found by indexes, of however many terminals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from hymio.alerting.changes import TerminalNow
from hymio.alerting.grounds import Grounds
from hymio.alerting.rules import DAY_S, RuleKind
from hymio.alerting.terminal_rules import LOOSER
from hymio.store.alerts import AlertRule
from hymio.store.schema import WAITS

_COLUMNS: Final = "device_id, said_utc, heard_utc, supply_mv, supply_low, full_utc, empty_utc, cert_ends_utc"
_STATES: Final[Mapping[RuleKind, str]] = {
    RuleKind.SILENT: f"SELECT {_COLUMNS} FROM terminal_states WHERE heard_utc < :before_utc",
    RuleKind.BATTERY: f"SELECT {_COLUMNS} FROM terminal_states WHERE supply_low = 1 OR empty_utc < :until_utc",
    RuleKind.CERTIFICATE: f"SELECT {_COLUMNS} FROM terminal_states WHERE cert_ends_utc < :until_utc",
    # A list that is not empty, as `json.dumps` writes it.
    RuleKind.STUCK: f"SELECT {_COLUMNS}, facts FROM terminal_states WHERE facts LIKE '%\"stuck\": [_%'"
    " AND facts NOT LIKE '%\"stuck\": []%'",
}
_GAPS: Final = text(
    f"SELECT device_id, sum(open_gaps) AS open_gaps, sum(lost) AS lost FROM logs WHERE {WAITS} OR lost > 0"
    " GROUP BY device_id"
)


def troubled(
    connection: Connection, grounds: Grounds, rule: AlertRule, standing: Mapping[str, int], now_utc: float
) -> Sequence[TerminalNow]:
    """The terminals that stand at the places of a rule and may be in the trouble that it looks for.

    Args:
        connection: to the database.
        grounds: the sites.
        rule: of one of `TERMINAL_KINDS`.
        standing: where each terminal stands now (`Grounds.standing`).
        now_utc: now.
    """
    kind = RuleKind(rule.kind)

    def of(query: Any, made: Callable[[Row[Any], int], TerminalNow], **values: float) -> list[TerminalNow]:
        found = []
        for row in connection.execute(query, values):
            node_id = standing.get(row.device_id)
            if node_id is not None and grounds.is_at(rule, node_id):
                found.append(made(row, node_id))
        return sorted(found)

    if kind is RuleKind.GAP:
        return of(
            _GAPS, lambda row, node: TerminalNow(row.device_id, node, open_gaps=int(row.open_gaps), lost=int(row.lost))
        )
    moments = {}
    if kind is RuleKind.SILENT:
        moments["before_utc"] = now_utc - rule.condition["after_s"]
    elif kind is not RuleKind.STUCK:
        moments["until_utc"] = now_utc + rule.condition["days"] * DAY_S * LOOSER

    def state(row: Row[Any], node_id: int) -> TerminalNow:
        return TerminalNow(
            row.device_id, node_id, row.said_utc, row.heard_utc,
            grounds.open_s(node_id, row.heard_utc, now_utc) if kind is RuleKind.SILENT else 0.0,
            row.supply_mv, bool(row.supply_low), row.full_utc, row.empty_utc,
            _stuck(row.facts) if kind is RuleKind.STUCK else (), row.cert_ends_utc,
        )  # fmt: skip

    return of(text(_STATES[kind]), state, **moments)


def _stuck(facts: str) -> tuple[int, ...]:
    buttons = json.loads(facts).get("stuck")
    return tuple(one for one in buttons if one in (1, 2, 3, 4)) if isinstance(buttons, list) else ()
