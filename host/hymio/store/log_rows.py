"""The rows of one log, as a transaction makes them of records and reads them back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hymio.store.cells import TerminalMinute
from hymio.store.schema import NO_TIME
from hymio.wire.records import (
    KIND_BITS,
    VERDICT_CODES,
    VERDICTS,
    Acked,
    Press,
    Record,
    Revise,
    Run,
    Time,
    encode_content,
)


@dataclass(slots=True)
class Writes:
    """Rows to be written at the end of a transaction, in the order of the tables' columns.

    Those of presses lack the last one, `arrival`.
    """

    presses: list[tuple[Any, ...]] = field(default_factory=list)
    amended: list[dict[str, Any]] = field(default_factory=list)
    records: list[tuple[Any, ...]] = field(default_factory=list)
    spans: list[tuple[Any, ...]] = field(default_factory=list)
    spans_changed: list[tuple[Any, ...]] = field(default_factory=list)
    spans_gone: list[dict[str, Any]] = field(default_factory=list)
    minutes: dict[TerminalMinute, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(slots=True)
class PressRow:
    """A row of `presses` that is to be written, or one of the database that a revision concerns."""

    record: Press | Run
    count: int
    verdict: int
    clock: str
    pressed_utc: float | None
    via: str
    received_utc: float

    @property
    def bucket(self) -> tuple[int, int, str]:
        """The (UTC minute or `NO_TIME`, button, verdict) by which it is counted; see `cells`."""
        minute = NO_TIME if self.pressed_utc is None else int(self.pressed_utc // 60)
        return minute, self.record.button, VERDICTS[self.verdict]


def press_row_of(row: Any) -> PressRow:
    """Reads a row of `presses`, its columns but the log's key."""
    (_, boot, uptime_ms, button, count, span_s, verdict, stored_verdict, flags, quiet_ms, edges, clock, pressed_utc,
     via, received_utc) = row  # fmt: skip
    code = VERDICT_CODES[stored_verdict]
    record: Press | Run
    if span_s is None:
        record = Press(boot, uptime_ms, button, code, flags, edges, quiet_ms)
    else:
        record = Run(boot, uptime_ms, button, code, span_s, count)
    return PressRow(record, count, VERDICT_CODES[verdict], clock, pressed_utc, via, received_utc)


def press_values(device_id: str, log_id: int, seq: int, row: PressRow) -> tuple[Any, ...]:
    """The values of a row of `presses`, in the order of the columns but the last one."""
    record = row.record
    boot, uptime_ms, button, stored = record.boot, record.uptime_ms, record.button, record.verdict
    if isinstance(record, Run):
        span_s, flags, quiet_ms, edges = record.span_s, None, None, None
    else:
        span_s, flags, quiet_ms, edges = None, record.flags, record.quiet_ms, record.edges
    return (
        device_id, log_id, seq, boot, uptime_ms, button, row.count, span_s, VERDICTS[row.verdict], VERDICTS[stored],
        flags, quiet_ms, edges, row.clock, row.pressed_utc, row.via, row.received_utc,
    )  # fmt: skip


def record_values(device_id: str, log_id: int, seq: int, record: Record) -> tuple[Any, ...]:
    """The values of a row of `records`, in the order of the columns."""
    body = encode_content(record)
    boot = None if isinstance(record, Acked) else record.boot
    uptime_ms = None if isinstance(record, Acked) else record.uptime_ms
    # A press is revised only by a record that stands after it. A record that points at itself or beyond revises
    # nothing.
    target_seq = record.target_seq if isinstance(record, Revise) and record.target_seq < seq else None
    utc_s = record.utc_s if isinstance(record, Time) else None
    return device_id, log_id, seq, body[0] & KIND_BITS, body[0] >> 4, boot, uptime_ms, body, target_seq, utc_s
