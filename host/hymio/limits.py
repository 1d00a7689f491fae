"""What a terminal can honestly hold, say and have written: more than that is no terminal's word, and is not counted."""

from __future__ import annotations

from typing import Final

from hymio.records import SLOTS

LOG_RECORDS_MAX: Final = 16 * 1024 * 1024 // 4096 * SLOTS
"""Records that a ring can hold: the largest flash chips of these boards have 16 MB, and a sector of 4096 bytes has 252
slots. No message may speak of more: neither of more slots held, nor of more void ones."""

RECORDS_PER_S_MAX: Final = 1.0
"""Records a second, day and night, that a log may grow by in the long run. That is a thousand times what a busy
terminal writes: a market leader's 25,000 terminals have taken 60,000 presses each in all their years."""

SPANS_MAX: Final = 1000
"""Stretches of a log, with open gaps between them, that are kept apart. A terminal sends from its cursor on, in order,
and so fills the lowest gap first; what would open yet another one then has to wait."""

ROWS_DATED_AT_ONCE: Final = 10_000
"""Rows that one transaction dates again, when a boot or time record comes late: others' votes wait for it meanwhile.
What is left is done in transactions of its own."""


def unbelievable(first_seq: int, next_seq: int) -> str | None:
    """Why no terminal can hold the seqs from first_seq to next_seq - 1 at one time; None: one can."""
    if next_seq - first_seq <= LOG_RECORDS_MAX:
        return None
    return (
        f"it tells of {next_seq - first_seq} records at one time (seqs {first_seq}..{next_seq - 1}),"
        f" more than the {LOG_RECORDS_MAX} that the largest flash holds"
    )


def too_fast(next_seq: int, pace_seq: int, elapsed_s: float) -> str | None:
    """Why a log that had reached pace_seq can't have reached next_seq after so long; None: it can.

    A full ring more is always allowed: an old dump may have been read before the terminal itself was heard.
    """
    most = pace_seq + LOG_RECORDS_MAX + int(RECORDS_PER_S_MAX * max(0.0, elapsed_s))
    if next_seq <= most:
        return None
    return (
        f"it tells that the log has reached seq {next_seq}; it began to be heard at seq {pace_seq},"
        f" {max(0.0, elapsed_s):.0f} s before, and cannot be beyond seq {most} by now"
    )
