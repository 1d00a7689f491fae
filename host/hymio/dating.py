"""When a press was, from the time records around it in the log."""

# A boot's records stand together in the log, so only the nearest boot or time record on either side of a press
# matters. A boot record closes the view: what lies beyond it is another boot, even if the boot number (1..65535, then
# 1 again) is the same.

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from hymio.records import Boot, Record, Time

Clock = Literal["set", "dated", "unset"]
"""set: known at the press; dated: worked out from a later time record; unset: not known."""


@dataclass(frozen=True, slots=True, order=True)
class Marker:
    """A time record (`offset_ms`: 1970 milliseconds at uptime 0 of its boot) or a boot record (None)."""

    seq: int
    boot: int
    offset_ms: int | None


def marker_of(seq: int, record: Record) -> Marker | None:
    """What `record` contributes to dating, if anything."""
    if isinstance(record, Time):
        return Marker(seq, record.boot, record.utc_s * 1000 - record.uptime_ms)
    if isinstance(record, Boot):
        return Marker(seq, record.boot, None)
    return None


def date(boot: int, uptime_ms: int, before: Marker | None, after: Marker | None) -> tuple[Clock, float | None]:
    """How well and when: `before` and `after` are the nearest markers below and above the press in the log."""
    if before is not None and before.offset_ms is not None and before.boot == boot:
        return "set", (before.offset_ms + uptime_ms) / 1000
    if after is not None and after.offset_ms is not None and after.boot == boot:
        return "dated", (after.offset_ms + uptime_ms) / 1000
    return "unset", None


class Timeline:
    """The markers of one log, or of a part of it."""

    def __init__(self, markers: Iterable[Marker]) -> None:
        self._markers = sorted(markers)
        self._seqs = [marker.seq for marker in self._markers]

    @property
    def markers(self) -> Sequence[Marker]:
        """All of them, by seq."""
        return self._markers

    def before(self, seq: int) -> Marker | None:
        """The nearest marker below seq."""
        at = bisect_left(self._seqs, seq)
        return self._markers[at - 1] if at else None

    def after(self, seq: int) -> Marker | None:
        """The nearest marker above seq."""
        at = bisect_right(self._seqs, seq)
        return self._markers[at] if at < len(self._markers) else None

    def date(self, seq: int, boot: int, uptime_ms: int) -> tuple[Clock, float | None]:
        """When the press with this seq was."""
        return date(boot, uptime_ms, self.before(seq), self.after(seq))
