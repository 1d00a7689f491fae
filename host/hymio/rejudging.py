"""The vote rules run again over the presses of a log, with other windows, by the firmware's own state machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from hymio.firmware_files import firmware_room
from hymio.records import VERDICTS, Event, Press, Record, Revise, Run

COUNTED: Final = VERDICTS.index("counted")
STUCK: Final = VERDICTS.index("stuck")
CLOSED: Final = VERDICTS.index("closed")
TEST: Final = VERDICTS.index("test")
ANSWER: Final = VERDICTS.index("answer")
UNANSWERED: Final = 1
"""The event record of a vote whose follow-up found no answer."""

Evidence = Press | Run | Revise | Event
"""What the vote rules react to. Of revisions only those to `stuck` matter, of events only `unanswered`."""

_LONG_MS: Final = 1 << 28
"""After so long no window is open, and the ticks (of 2^30 ms) have not come round."""
_MOST_FOLDED: Final = 64
"""More presses of a run than any rule looks back on."""


def default_windows() -> dict[str, int]:
    """The windows of a terminal whose configuration does not name them, in ms."""
    return dict(firmware_room("vote").DEFAULT_WINDOWS)


def boots(records: Iterable[tuple[int, Record]]) -> Iterator[list[tuple[int, Evidence]]]:
    """The evidence among the records of one log (by seq), boot by boot: no rule looks beyond one."""
    evidence = ((seq, record) for seq, record in records if isinstance(record, Press | Run | Revise | Event))
    for _, boot in groupby(evidence, key=lambda one: one[1].boot):
        yield list(boot)


def rejudge(boot: Sequence[tuple[int, Evidence]], windows: Mapping[str, int]) -> dict[int, int]:
    """seq -> verdict in force, of the presses of one boot, had the terminal's windows been these.

    What the windows don't decide stays as it was judged: `closed`, `test`, a button out of play, a vote that was held
    until it was stuck, and the presses that were folded into runs. So does which votes are asked about.
    """
    votes = firmware_room("vote").Votes(windows, follow_up_of(boot))
    verdicts: dict[int, int] = {}
    last_ms = 0
    at = 0
    while at < len(boot):
        seq, record = boot[at]
        at += 1
        if isinstance(record, Press):
            _let_pass(votes, last_ms, record.uptime_ms)
            last_ms = record.uptime_ms
            was = record.verdict
            verdicts[seq] = votes.press(
                _ticks(last_ms), record.button, record.quiet_ms, was == CLOSED, was == TEST, was == STUCK
            )
            votes.stored(seq)
        elif isinstance(record, Run):
            runs = [record]
            while at < len(boot) and isinstance(run := boot[at][1], Run):
                runs.append(run)
                at += 1
            for at_ms, button, verdict in _unfolded(runs):
                _let_pass(votes, last_ms, at_ms)
                last_ms = at_ms
                votes.folded(_ticks(at_ms), button, verdict)
            continue
        elif isinstance(record, Revise) and record.verdict == STUCK:
            votes.stuck(record.target_seq)
        else:
            continue
        for i in range(votes.revisions):
            verdicts[votes.revised_seq[i]] = votes.revised_verdict[i]
    return verdicts


def follow_up_of(boot: Sequence[tuple[int, Evidence]]) -> dict[str, Any]:
    """As much of the terminal's `follow_up` as its answers, and votes without one, give away: all that matters."""
    buttons: dict[int, int] = {}
    newest, reasons = 0, 0
    after: set[int] = set()
    for seq, record in boot:
        if isinstance(record, Press) and record.verdict == COUNTED:
            buttons[seq] = newest = record.button
        elif isinstance(record, Press) and record.verdict == ANSWER:
            reasons = max(reasons, record.button)
            after.add(newest)
        elif isinstance(record, Event) and record.event == UNANSWERED:
            reasons = max(reasons, 1)
            after.add(buttons.get(record.argument, 0))
    return {"reasons": reasons, "after": sorted(after)}


def _unfolded(runs: Sequence[Run]) -> list[tuple[int, int, int]]:
    """(uptime_ms, button, verdict) of the presses in runs that were written together. Their times are known to the
    second: they are taken to have come evenly."""
    presses = []
    for run in runs:
        span_ms = max(0, run.span_s * 1000 - 500)
        for n in range(max(0, run.count - _MOST_FOLDED), run.count):
            at_ms = run.uptime_ms + (span_ms * n // (run.count - 1) if n else 0)
            presses.append((at_ms, run.button, run.verdict))
    return sorted(presses)


def _ticks(uptime_ms: int) -> int:
    ticks: int = firmware_room("compat").ticks_add(0, uptime_ms)
    return ticks


def _let_pass(votes: Any, last_ms: int, now_ms: int) -> None:
    if now_ms - last_ms > _LONG_MS:
        votes.step(_ticks(last_ms + _LONG_MS))
