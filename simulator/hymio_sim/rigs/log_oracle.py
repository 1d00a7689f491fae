"""What a log must say after a reboot, kept outside of it: every record that it has reported durable, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hymio_sim.rigs.broken import Broken

_ACK = 6


@dataclass
class Book:
    """What the oracle knows: every record that was reported durable, and what is under way."""

    durable: dict[int, bytes] = field(default_factory=dict)
    totals: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """How many presses are in these records, by button."""
    under_way: bytes | None = None
    settled: tuple[int, int] = (0, 0)
    """The cursor that is in flash, and how many presses before it were lost."""
    unwritten: list[tuple[int, int]] = field(default_factory=list)
    """Cursors since then that are not in flash: the ack record under way says the last, the others found no slot."""
    oldest: int = 0
    """The seq of the oldest record that the log has not given up."""

    def copy(self) -> Book:
        """Another book with the same entries."""
        return Book(
            dict(self.durable), list(self.totals), self.under_way, self.settled, list(self.unwritten), self.oldest
        )

    @property
    def says(self) -> tuple[object, ...]:
        """Everything in the book, to compare it with another one."""
        durable = tuple(self.durable.items())
        return durable, tuple(self.totals), self.under_way, self.settled, tuple(self.unwritten), self.oldest

    def enter(self, seq: int, content: bytes) -> None:
        """Enters a record that has become durable."""
        self.durable[seq] = content
        self.totals = added(self.totals, [content])
        if content[0] & 7 == _ACK:
            self.settled = self.unwritten[-1]
            self.unwritten = []

    @property
    def newest(self) -> tuple[int, int]:
        """The cursor that the log knows while it runs, and how many presses were lost before it."""
        return self.unwritten[-1] if self.unwritten else self.settled

    def lost_before(self, oldest: int, settled: tuple[int, int]) -> int:
        """How many presses are gone unsettled if nothing before `oldest` is held."""
        cursor, lost = settled
        gone = (self.durable[seq] for seq in range(cursor, oldest) if seq in self.durable)
        return lost + presses(gone)


class _Presses(dict[bytes, int]):
    """{record: how many presses it stands for}.

    Each record is worked out once, because the proof asks for the same ones millions of times.
    """

    def __missing__(self, content: bytes) -> int:
        if len(self) >= _KNOWN_RECORDS:
            self.clear()
        count = self[content] = sum(added([0, 0, 0, 0], [content]))
        return count


_KNOWN_RECORDS = 100_000
_PRESSES = _Presses()


def presses(contents: Iterable[bytes]) -> int:
    """How many presses there are in these records."""
    return sum(map(_PRESSES.__getitem__, contents))


def added(totals: Sequence[int], contents: Iterable[bytes]) -> list[int]:
    """The totals by button, with the presses in these records added."""
    totals = list(totals)
    for content in contents:
        kind = content[0] & 7
        if kind == 1:
            totals[content[8] & 3] += 1
        elif kind == 3:
            totals[content[8] & 3] += content[10] | content[11] << 8
    return totals


def check(log: Any, held: dict[int, bytes], book: Book, may_go: Sequence[range], case: str) -> Book:
    """Holds a freshly mounted log, and what a reader finds in it, against the book; gives the book to go on with.

    may_go: the seqs of sectors that were being erased.

    Raises:
        Broken: the log does not say what the book says; names the case.
    """

    def demand(truth: bool, what: str) -> None:
        if not truth:
            raise Broken(f"{case}: {what}")

    oldest = log.oldest_seq
    expected = {seq: content for seq, content in book.durable.items() if seq >= oldest}
    is_all_there = held == expected  # as nearly always: then there is nothing to look for
    missing = [] if is_all_there else [seq for seq in expected if seq not in held]
    gone = [seq for seq in missing if seq >= book.oldest and not any(seq in span for span in may_go)]
    demand(not gone, f"durable records are gone: {gone[:5]}")
    extra = {seq: held[seq] for seq in held.keys() - expected.keys()}
    demand(len(extra) <= 1, f"invented: {sorted(extra)[:5]}")
    for seq, content in extra.items():
        demand(content == book.under_way, f"invented: seq {seq} {content.hex()}")
        demand(seq > max(book.durable, default=-1), f"seq {seq} came before older ones")
    if not is_all_there:
        changed = [seq for seq, content in held.items() if expected.get(seq, content) != content]
        demand(not changed, f"seqs {changed[:5]} have changed")
    totals = added(book.totals, extra.values())
    demand(log.totals == totals, f"totals {log.totals}, expected {totals}")
    # The header of a sector tells the cursor that the log knew then, which may be before any ack record tells it.
    is_written = any(c[0] & 7 == _ACK for c in extra.values())
    marks = {mark[0]: mark for mark in (book.unwritten[-1:] if is_written else [book.settled, *book.unwritten])}
    demand(log.cursor in marks, f"cursor {log.cursor}, expected {sorted(marks)}")
    # After an erase that was cut short the log may take records for held that are gone.
    slack = presses(expected[seq] for seq in missing)
    before = sum(totals) - presses(expected.values()) - presses(extra.values())
    told = sum(log.totals_before(oldest))
    demand(before <= told <= before + slack, f"{told} presses before seq {oldest}, expected {before}")
    lost = book.lost_before(oldest, marks[log.cursor])
    demand(lost <= log.lost <= lost + slack, f"lost {log.lost}, expected {lost}")
    if not missing:
        waiting = presses(c for seq, c in held.items() if seq >= log.cursor)
        demand(log.unsent == waiting, f"unsent {log.unsent}, expected {waiting}")
    boots = [c[6] | c[7] << 8 for c in held.values() if c[0] & 7 == 4]
    demand(log.clock.boot > max(boots, default=0), f"boot {log.clock.boot} again")
    return Book(book.durable | extra, totals, None, (log.cursor, log.ack_body[2]), [], oldest)
