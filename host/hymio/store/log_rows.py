"""The rows of one log, as a transaction makes them of records and reads them back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hymio.store.cells import MinutePresses
from hymio.store.schema import LogKey
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

PressValues = list[Any]
"""A row of `presses` that is to be written: its values in the order of the columns, but the last one, `arrival`."""

# The places in it of what is looked at, or changes, before it is written.
BOOT: Final = 3
UPTIME_MS: Final = 4
BUTTON: Final = 5
COUNT: Final = 6
SPAN_S: Final = 7
VERDICT: Final = 8
CLOCK: Final = 13
PRESSED_UTC: Final = 14


@dataclass(slots=True)
class Writes:
    """Rows to be written at the end of a transaction, in the order of the tables' columns."""

    presses: list[PressValues] = field(default_factory=list)
    amended: list[dict[str, Any]] = field(default_factory=list)
    records: list[tuple[Any, ...]] = field(default_factory=list)
    spans: list[tuple[Any, ...]] = field(default_factory=list)
    spans_changed: list[tuple[Any, ...]] = field(default_factory=list)
    spans_gone: list[dict[str, Any]] = field(default_factory=list)
    minutes: dict[str, list[MinutePresses]] = field(default_factory=lambda: defaultdict(list))


def press_values(key: LogKey, seq: int, record: Press | Run, via: str, received_utc: float) -> PressValues:
    """The row of a press whose date is not known yet."""
    device_id, log_id = key
    if isinstance(record, Press):
        boot, uptime_ms, button, code, flags, edges, quiet_ms = record
        verdict = VERDICTS[code]
        return [
            device_id, log_id, seq, boot, uptime_ms, button, 1, None, verdict, verdict, flags, quiet_ms, edges,
            "unset", None, via, received_utc,
        ]  # fmt: skip
    verdict = VERDICTS[record.verdict]
    return [
        device_id, log_id, seq, record.boot, record.uptime_ms, record.button, record.count, record.span_s, verdict,
        verdict, None, None, None, "unset", None, via, received_utc,
    ]  # fmt: skip


def press_of(values: Sequence[Any]) -> Press | Run:
    """The record of which a row of `presses` was made."""
    _, _, _, boot, uptime_ms, button, count, span_s, _, stored_verdict, flags, quiet_ms, edges, *_ = values
    code = VERDICT_CODES[stored_verdict]
    if span_s is None:
        return Press(boot, uptime_ms, button, code, flags, edges, quiet_ms)
    return Run(boot, uptime_ms, button, code, span_s, count)


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
