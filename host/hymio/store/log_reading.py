"""The presses of a whole log that was read at once: with amendments applied, and dated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hymio.store.dating import Clock, Timeline, marker_of
from hymio.wire.records import VERDICTS, Press, Record, Revise, Run


@dataclass(frozen=True, slots=True)
class LoggedPress:
    """One press, or a run of `count` alike ones, as it stands now; its fields are the keys of `hymio votes --json`."""

    device_id: str
    log_id: int
    seq: int
    boot: int
    uptime_ms: int
    button: int
    count: int
    verdict: str
    is_vote: bool
    pressed_utc: float | None
    clock: Clock

    def as_json(self) -> dict[str, Any]:
        """The press as a JSON object, with its keys in the order of the contract."""
        return {name: getattr(self, name) for name in self.__slots__}


def verdicts_in_force(records: Iterable[tuple[int, Record]]) -> Mapping[int, int]:
    """The verdict code that each revised press has now, by seq: that of the last revise record that points at it."""
    newest: dict[int, tuple[int, int]] = {}
    for seq, record in records:
        if isinstance(record, Revise) and record.target_seq < seq:
            target = record.target_seq
            newest[target] = max(newest.get(target, (-1, 0)), (seq, record.verdict))
    return {target: verdict for target, (_, verdict) in newest.items()}


def read_presses(device_id: str, log_id: int, records: Mapping[int, Record]) -> list[LoggedPress]:
    """Every press among the records of one log, in the order of seqs.

    Args:
        device_id: the terminal.
        log_id: the log.
        records: by seq.
    """
    timeline = Timeline(marker for seq, record in records.items() if (marker := marker_of(seq, record)) is not None)
    revised = verdicts_in_force(records.items())
    presses = []
    for seq in sorted(records):
        record = records[seq]
        if isinstance(record, Press):
            code, count = revised.get(seq, record.verdict), 1
        elif isinstance(record, Run):
            code, count = record.verdict, record.count
        else:
            continue
        clock, pressed_utc = timeline.date(seq, record.boot, record.uptime_ms)
        verdict = VERDICTS[code]
        presses.append(
            LoggedPress(
                device_id, log_id, seq, record.boot, record.uptime_ms, record.button, count,
                verdict, verdict == "counted", pressed_utc, clock,
            )
        )  # fmt: skip
    return presses
