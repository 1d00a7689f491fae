"""When a press was, from the time records around it in the log."""

# A boot's records stand together in the log, so the nearest boot or time record on either side of a press says when it
# was. A boot record ends the search: what lies beyond it is another boot, even if the boot number (1..65535, then 1
# again) is the same. A server may have told a wrong time: a time record of a better source that comes later in the
# boot, and tells a time more than a day apart, takes the place of the nearest one.

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hymio.wire.records import Boot, Record, Time, TimeSource

Clock = Literal["set", "dated", "unset"]
"""`set`: the date was known at the press; `dated`: it was worked out from a later time record; `unset`: it is not
known."""

SAME_TIME_MS: Final = 86_400_000
"""Times that lie no further apart than this don't contradict each other."""

_RANKS: Final = {
    int(TimeSource.NTP): 0,
    int(TimeSource.COLLECTOR): 1,
    int(TimeSource.AGREED): 2,
    int(TimeSource.CONSOLE): 3,
}
"""How good each source of a time record is; the higher, the better."""
_BEST: Final = max(_RANKS.values())


@dataclass(frozen=True, slots=True, order=True)
class Marker:
    """A time record (`offset_ms`: the milliseconds of 1970 at uptime 0 of its boot) or a boot record (None).

    `rank` says how good the source of a time record is, 0..3.
    """

    seq: int
    boot: int
    offset_ms: int | None
    rank: int = 0

    def contradicts(self, other: Marker) -> bool:
        """Whether these two time records of one boot tell different times."""
        assert self.offset_ms is not None and other.offset_ms is not None
        return abs(self.offset_ms - other.offset_ms) > SAME_TIME_MS


def rank_of(source: int) -> int:
    """How good a source of time is, 0..3; an unknown one is no better than NTP."""
    return _RANKS.get(source, 0)


def sources_better_than(rank: int) -> list[int]:
    """The sources of time that are better than this rank."""
    return [source for source, own in _RANKS.items() if own > rank]


def marker_of(seq: int, record: Record) -> Marker | None:
    """What `record` contributes to dating; None if nothing."""
    if isinstance(record, Time):
        return Marker(seq, record.boot, record.utc_s * 1000 - record.uptime_ms, rank_of(record.source))
    if isinstance(record, Boot):
        return Marker(seq, record.boot, None)
    return None


class Timeline:
    """The markers of one log, or of a part of one."""

    def __init__(self, markers: Iterable[Marker]) -> None:
        """Takes markers in any order."""
        self._markers = sorted(markers)
        self._seqs = [marker.seq for marker in self._markers]
        self._better = self._next_better()

    def _next_better(self) -> list[int | None]:
        """For each time record, the index of the first later one of its boot that has a better source."""
        found: list[int | None] = [None] * len(self._markers)
        # by rank: the index of the first record of that rank or a better one
        nearest: list[int | None] = [None] * (_BEST + 1)
        boot = -1
        for at in range(len(self._markers) - 1, -1, -1):
            marker = self._markers[at]
            if marker.offset_ms is None or marker.boot != boot:
                nearest, boot = [None] * (_BEST + 1), marker.boot
            if marker.offset_ms is not None:
                found[at] = nearest[marker.rank + 1] if marker.rank < _BEST else None
                nearest[: marker.rank + 1] = [at] * (marker.rank + 1)
        return found

    @property
    def markers(self) -> Sequence[Marker]:
        """All markers, by seq."""
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
        """When a press was (seconds of 1970, None: not known), and how well that is known.

        Args:
            seq: of the press.
            boot: of the press.
            uptime_ms: of the press.
        """
        clock, offset_ms = self.offset(seq, boot)
        return clock, None if offset_ms is None else (offset_ms + uptime_ms) / 1000

    def offset(self, seq: int, boot: int) -> tuple[Clock, int | None]:
        """The milliseconds of 1970 at uptime 0, as they date a press (None: not known); see `date`.

        All presses of one boot between two neighbouring markers have the same.
        """
        at = bisect_left(self._seqs, seq) - 1
        clock: Clock = "set"
        if at < 0 or not self._tells(at, boot):
            at = bisect_right(self._seqs, seq)
            clock = "dated"
            if at == len(self._markers) or not self._tells(at, boot):
                return "unset", None
        believed = self._markers[at]
        better = self._better[at]
        while better is not None:
            if self._markers[better].contradicts(believed):
                believed, clock = self._markers[better], "dated"
            better = self._better[better]
        return clock, believed.offset_ms

    def _tells(self, at: int, boot: int) -> bool:
        marker = self._markers[at]
        return marker.offset_ms is not None and marker.boot == boot

    def corrected_by(self, marker: Marker) -> list[tuple[int, int]]:
        """Ranges of seqs whose presses the time record `marker` may have corrected.

        Presses before it that lie in none of the ranges are dated as if it were not there.
        """
        at = bisect_left(self._seqs, marker.seq)
        ranges: list[tuple[int, int]] = []
        # A record between may have corrected what is before it. A later one may have done so as well, if this record
        # has arrived late.
        is_contested = self._corrects_later(at)
        # What a record as good as this one, or a better one, dates or has corrected stays as it is.
        while at > 0 and self._tells(at - 1, marker.boot) and self._markers[at - 1].rank < marker.rank:
            at -= 1
            contradicts = marker.contradicts(self._markers[at])
            if contradicts or is_contested:
                ranges.append((self._low(at), self._seqs[at + 1] - 1))
            is_contested |= contradicts and self._markers[at].rank > 0
        return ranges

    def _corrects_later(self, at: int) -> bool:
        boot = self._markers[at].boot
        while at + 1 < len(self._markers) and self._tells(at + 1, boot):
            at += 1
            if self._markers[at].rank > 0:
                return True
        return False

    def _low(self, at: int) -> int:
        """The lowest seq that the marker may date; the first time record of a boot also dates what precedes it."""
        if at and self._tells(at - 1, self._markers[at].boot):
            return self._seqs[at] + 1
        return self._seqs[at - 1] + 1 if at else 0
