"""Durations as people type them: 500ms, 3s, 2m, 7h, 30d."""

from __future__ import annotations

import re
from typing import Final

from hymio.common.errors import WRONG_USE, Failure

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)")
LONGEST_D: Final = 36_500
"""Days: a hundred years. Times that far away can still be written down; those much later, or before, can not."""
_UNIT_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_duration(option: str, text: str) -> int:
    """Reads a duration that was typed for `option`; gives milliseconds.

    Raises:
        Failure: 2, it is no duration, no whole number of milliseconds, or longer than `LONGEST_D`.
    """
    match = _DURATION.fullmatch(text.strip())
    duration_ms = float(match[1]) * _UNIT_MS[match[2]] if match else 0.5
    if duration_ms != int(duration_ms) or duration_ms > LONGEST_D * _UNIT_MS["d"]:
        raise Failure(
            WRONG_USE,
            f"{option}: expected a duration in whole milliseconds, {LONGEST_D}d at most, came {text!r}.",
            "Write it like 500ms, 3s or 2m.",
        )
    return int(duration_ms)
