"""Which seqs of a log have been accounted for, and how many presses are lost between them: the ledger's arithmetic."""

# Every batch tells T(first), the lifetime presses before its first seq. Two such totals say how many presses there were
# between them, and the rows say how many have arrived: the difference is lost, to the press. Nothing else is needed, so
# voids, overwritten sectors and unreadable slots need no bookkeeping of their own.

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

StoredBetween = Callable[[int, int], int]
"""Gives how many presses are rows with a <= seq < b."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of seqs without an open gap.

    `totals_before` is T(first_seq). `check_seq` is the newest seq in the span, or just after it, for which the terminal
    told its totals; `totals_check` is T(check_seq), and `presses_check` the presses that are rows below check_seq.
    """

    first_seq: int
    last_seq: int
    totals_before: int
    check_seq: int
    totals_check: int
    presses_check: int
    presses: int

    @property
    def balance(self) -> int:
        """The presses that were told less those that are rows.

        It is how many are lost; negative if more arrived than were told.
        """
        return self.totals_check - self.totals_before - self.presses_check

    @property
    def lost(self) -> int:
        """Presses known to be lost inside the span."""
        return max(0, self.balance)


def _joined(low: Span, high: Span) -> Span:
    """Two spans as one, with all that lies between them settled."""
    return replace(
        high,
        first_seq=low.first_seq,
        totals_before=low.totals_before,
        presses_check=low.presses + high.presses_check,
        presses=low.presses + high.presses,
    )


@dataclass(slots=True)
class Coverage:
    """The spans of one log, in order, with at least one seq between any two of them.

    What is older than `oldest_seq` is gone from the terminal. What is older than `cursor_seq` the terminal takes for
    settled, perhaps by another collector or database. Rows below `pruned_seq` may be gone from the database; they count
    all the same.
    """

    spans: list[Span]
    oldest_seq: int = 0
    cursor_seq: int = 0
    pruned_seq: int = 0

    def touches(self, first_seq: int, last_seq: int) -> bool:
        """Whether any of these seqs has been accounted for already."""
        begin, end = self._reached_by(first_seq, last_seq)
        return begin < end

    def _reached_by(self, low: int, high: int) -> tuple[int, int]:
        """The slice of `spans` that have any seq from low to high."""
        return bisect_left(self.spans, low, key=_last), bisect_right(self.spans, high, key=_first)

    def add(
        self,
        first_seq: int,
        last_seq: int,
        totals_before: int,
        arrived: Sequence[tuple[int, int]],
        stored_between: StoredBetween,
    ) -> None:
        """Accounts for the seqs first_seq..last_seq.

        Args:
            first_seq: the first of them.
            last_seq: the last of them; first_seq - 1 for a batch without slots.
            totals_before: lifetime presses before first_seq, as the batch tells.
            arrived: (seq, presses) of the rows that are new with this batch.
            stored_between: gives the presses that are rows before this batch; it is called only if batches overlap.
        """
        if last_seq < first_seq:
            self.told(first_seq, totals_before, stored_between)
            return
        begin, end = self._reached_by(first_seq - 1, last_seq + 1)
        touching = self.spans[begin:end]
        if touching and touching[0].first_seq <= first_seq:
            start, totals_start = touching[0].first_seq, touching[0].totals_before
        else:
            start, totals_start = first_seq, totals_before
        checks = [(span.check_seq, span.totals_check) for span in touching]
        check_seq, totals_check = max([*checks, (first_seq, totals_before)])
        below = [self._below(span, check_seq, stored_between) for span in touching]
        if None in below:
            check_seq, totals_check = max(checks)
            below = [self._below(span, check_seq, stored_between) for span in touching]
        merged = Span(
            first_seq=start,
            last_seq=max([last_seq, *(span.last_seq for span in touching)]),
            totals_before=totals_start,
            check_seq=check_seq,
            totals_check=totals_check,
            presses_check=sum(filter(None, below)) + sum(presses for seq, presses in arrived if seq < check_seq),
            presses=sum(span.presses for span in touching) + sum(presses for _, presses in arrived),
        )
        self.spans[begin:end] = [merged]
        self._settle()

    def told(self, seq: int, totals: int, stored_between: StoredBetween) -> None:
        """Takes in T(seq), told apart from any batch; it settles what lies below seq in the span that reaches it."""
        at = bisect_right(self.spans, seq, key=_first) - 1
        if at < 0:
            return
        span = self.spans[at]
        if seq > span.last_seq + 1 or (seq, totals) <= (span.check_seq, span.totals_check):
            return
        below = self._below(span, seq, stored_between)
        if below is not None:
            self.spans[at] = replace(span, check_seq=seq, totals_check=totals, presses_check=below)

    def _below(self, span: Span, seq: int, stored_between: StoredBetween) -> int | None:
        """The presses of a span that are rows below seq, which is no lower than its check.

        None if nobody can tell any more, because rows on both sides of seq were pruned: later totals will settle it.
        """
        if seq > span.last_seq:
            return span.presses
        if seq == span.check_seq:
            return span.presses_check
        return None if seq < self.pruned_seq else span.presses - stored_between(seq, span.last_seq + 1)

    def holds_from(self, oldest_seq: int) -> None:
        """Notes that the terminal holds nothing older than oldest_seq.

        Gaps wholly below it are lost, and no longer open.
        """
        if oldest_seq > self.oldest_seq:
            self.oldest_seq = oldest_seq
            self._settle()

    def _settle(self) -> None:
        settled = bisect_right(self.spans, self.oldest_seq, key=_first)
        if settled > 1:
            self.spans[:settled] = [reduce(_joined, self.spans[:settled])]

    @property
    def open_gaps(self) -> list[tuple[int, int]]:
        """Ranges of seqs that the terminal still holds and that have not arrived, though later ones have."""
        gaps = []
        expected = self.oldest_seq
        for span in self.spans:
            if span.first_seq > max(expected, self.oldest_seq):
                gaps.append((max(expected, self.oldest_seq), span.first_seq - 1))
            expected = span.last_seq + 1
        return gaps

    @property
    def forgotten(self) -> tuple[int, int] | None:
        """The first and the last seq of what the terminal holds, takes for settled, and has never arrived here.

        The terminal sends that only when asked. None if there is nothing of the kind.
        """
        reached = max([self.oldest_seq, *(span.last_seq + 1 for span in self.spans)])
        gaps = [*self.open_gaps, (reached, self.cursor_seq - 1)]
        owed = [(first, min(last, self.cursor_seq - 1)) for first, last in gaps]
        owed = [(first, last) for first, last in owed if first <= last]
        return (owed[0][0], owed[-1][1]) if owed else None

    @property
    def lost(self) -> int:
        """Presses known to be lost in this log."""
        before = self.spans[0].totals_before if self.spans and self.spans[0].first_seq <= self.oldest_seq else 0
        return before + sum(span.lost for span in self.spans)

    @property
    def presses(self) -> int:
        """The presses that are rows."""
        return sum(span.presses for span in self.spans)

    @property
    def mark(self) -> int:
        """Every seq below it is a row, void, declared lost, or was settled before, as the terminal's cursor says.

        The cursor counts because an ack below it would move nothing: a terminal that was read into another database
        before this one came would send the same batch for ever.
        """
        start = max(self.oldest_seq, self.cursor_seq)
        at = bisect_right(self.spans, start, key=_first) - 1
        return max(start, self.spans[at].last_seq + 1) if at >= 0 else start

    def mark_for(self, next_seq: int, settled_seq: int) -> int:
        """The mark for a terminal whose newest message says that its log ends at next_seq.

        The terminal would not believe a mark beyond that, and so would never hear of any other: something false has
        been said of its log before. All that can be acknowledged then is what it has just told of, up to settled_seq.
        """
        return self.mark if self.mark <= next_seq else settled_seq


def _first(span: Span) -> int:
    return span.first_seq


def _last(span: Span) -> int:
    return span.last_seq
