"""The vote rules run again over the presses of a log, with other windows, by the firmware's own state machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any, Final

from hymio.common.firmware_files import firmware_module
from hymio.wire.records import UNANSWERED, VERDICT_CODES, Event, Press, Record, Revise, Run

COUNTED: Final = VERDICT_CODES["counted"]
REPEAT: Final = VERDICT_CODES["repeat"]
MASH: Final = VERDICT_CODES["mash"]
CHORD: Final = VERDICT_CODES["chord"]
STUCK: Final = VERDICT_CODES["stuck"]
CLOSED: Final = VERDICT_CODES["closed"]
TEST: Final = VERDICT_CODES["test"]
ANSWER: Final = VERDICT_CODES["answer"]

Evidence = Press | Run | Revise | Event
"""What the vote rules react to. Of revisions only those to `stuck` matter, and of events only `unanswered`."""

_LONG_MS: Final = 1 << 26
"""After this time no window is open any more, and the ticks (of 2^30 ms) have not come round."""
_MOST_FOLDED: Final = 64
"""No rule looks back on more presses of a run than this."""


def default_windows() -> dict[str, int]:
    """The windows, in ms, of a terminal whose configuration does not name them."""
    return dict(firmware_module("press_verdict").DEFAULT_WINDOWS)


def boots(records: Iterable[tuple[int, Record]]) -> Iterator[list[tuple[int, Evidence]]]:
    """The evidence among the records of one log, boot by boot, since no rule looks beyond one."""
    evidence = ((seq, record) for seq, record in records if isinstance(record, Press | Run | Revise | Event))
    for _, boot in groupby(evidence, key=lambda one: one[1].boot):
        yield list(boot)


def rejudge(boot: Sequence[tuple[int, Evidence]], windows: Mapping[str, int]) -> dict[int, int]:
    """The verdicts that would be in force for the presses of one boot, by seq, had the terminal's windows been these.

    What the windows don't decide stays as it was judged: `closed`, `test`, a button out of play, a vote that was held
    until it was stuck, and presses that were folded into runs. Which votes were asked about stays, too.
    """
    votes = _rules()(windows, follow_up_of(boot))
    ticks_add = firmware_module("compat").ticks_add
    verdicts: dict[int, int] = {}
    last_ms = 0

    def ticks(at_ms: int) -> int:
        nonlocal last_ms
        if at_ms - last_ms > _LONG_MS:
            votes.rested(ticks_add(0, last_ms + _LONG_MS))
        last_ms = at_ms
        now: int = ticks_add(0, at_ms)
        return now

    runs: list[Run] = []
    for seq, record in boot:
        if isinstance(record, Run):
            runs.append(record)
            continue
        if isinstance(record, Press):
            for at_ms, button, verdict in _unfolded(runs, record):
                votes.folded(ticks(at_ms), button, verdict)
            runs = []
            verdicts[seq] = votes.judge(ticks(record.uptime_ms), record)
            votes.stored(seq)
        elif isinstance(record, Revise) and record.verdict == STUCK:
            votes.stuck(record.target_seq)
        else:
            continue
        for i in range(votes.revisions):
            verdicts[votes.revised_seq[i]] = votes.revised_verdict[i]
    return verdicts


@cache
def _rules() -> Any:
    """The firmware's `Votes`, which here also takes presses that have no record of their own.

    The times of those are known to the second only, so what the terminal made of the presses soon after them is
    believed.
    """
    votes: Any = firmware_module("press_verdict").Votes
    ticks_diff = firmware_module("compat").ticks_diff
    defaults = default_windows()

    class Rules(votes):  # type: ignore[misc]
        def __init__(self, windows: Mapping[str, int], follow_up: Mapping[str, Any]) -> None:
            super().__init__(windows, follow_up)
            self._is_usual = all(windows[key] == defaults[key] for key in ("mash_ms", "mash_presses"))
            self._mash_ms = windows["mash_ms"]
            self._folded_at: int | None = None
            self._believed: bool | None = None

        def rested(self, at_ms: int) -> None:
            """Moves on to a time at which nothing that happened before can matter any more."""
            self.step(at_ms)
            self._folded_at = None

        def judge(self, at_ms: int, press: Press) -> int:
            """The verdict on a press that has a record."""
            was = press.verdict
            self._believed = None
            if self._folded_at is not None:
                if ticks_diff(at_ms, self._folded_at) > self._mash_ms + 1000:
                    self._folded_at = None
                elif self._is_usual and was == COUNTED:
                    self._believed = False
                elif self._is_usual and was == MASH and press.quiet_ms >= defaults["lockout_ms"]:
                    self._believed = True
            verdict: int = self.press(at_ms, press.button, press.quiet_ms, was == CLOSED, was == TEST, was == STUCK)
            return verdict

        def folded(self, at_ms: int, button: int, verdict: int) -> None:
            """Takes a filtered press that has no record of its own, with the verdict that it had."""
            self.step(at_ms)
            self._believed = None
            self.is_mashing(at_ms)
            self.remember(at_ms, button, verdict)
            self._folded_at = at_ms

        def is_mashing(self, at_ms: int) -> bool:
            found: bool = super().is_mashing(at_ms)
            return found if self._believed is None else self._believed

    return Rules


def follow_up_of(boot: Sequence[tuple[int, Evidence]]) -> dict[str, Any]:
    """The terminal's `follow_up`, as far as its answers, and votes without one, show it; that is all that matters."""
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


def _unfolded(runs: Sequence[Run], following: Press) -> list[tuple[int, int, int]]:
    """The presses in runs that were written together before the press `following`, as (uptime_ms, button, verdict).

    They are taken to have come evenly, and before the buttons were at rest. The verdict on the following press may tell
    which of them was the last one.
    """
    windows = default_windows()
    quiet_ms, was = following.quiet_ms, following.verdict
    end_ms = following.uptime_ms - max(quiet_ms, windows["chord_ms"] + 1)
    presses = []
    for run in runs:
        span_ms = max(0, run.span_s * 1000 - 500)
        for n in range(max(0, run.count - _MOST_FOLDED), run.count):
            at_ms = run.uptime_ms + (span_ms * n // (run.count - 1) if n else 0)
            presses.append((min(at_ms, end_ms), run.button, run.verdict))
    presses.sort()
    is_locked = 0 < quiet_ms < windows["lockout_ms"]
    if was == CHORD:
        end_ms = following.uptime_ms
    if was == CHORD or (was in (REPEAT, MASH) and is_locked):
        lasts = [n for n, one in enumerate(presses) if (one[1] == following.button) == (was == REPEAT)]
        if lasts:
            presses.append((end_ms, *presses.pop(lasts[-1])[1:]))
    return presses
