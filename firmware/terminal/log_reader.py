"""Reads the log in order, slot by slot and across sectors; spec/log.md says which slots and retries are void."""

from .compat import const
from .log_record import HEADER, RETRY, SIZE, SLOTS, Place, is_blank

END = const(-1)
VOID = const(0)

_BURNED = const(-2)
_CHUNK = const(512)  # bytes that are read at once: 32 records
_BEHIND = const(3)  # a retry repeats one of so many slots before it


class Reader:
    """A cursor over the records of a log. `record` holds the one that `next` has found, with the retry bit cleared."""

    def __init__(self, log):
        """log: a `log_index.LogIndex`."""
        self._log = log
        self._chunk = bytearray(_CHUNK)
        self._first = 0  # seq of the first slot in the chunk
        self._count = 0  # slots in it
        self._place = None
        self._place_seq = -1
        self._behind = [bytearray(12) for _ in range(_BEHIND)]  # the slots before this one; the first byte is 0 if void
        self.seq = -1
        self.touched_seq = 0  # seq after the last slot seen that is not blank
        self.burned = 0  # slots seen that are neither blank nor valid
        self.record = bytearray(SIZE)

    def seek(self, seq):
        """Has `next` tell of `seq` next, which must be held or be the next seq of the log."""
        self._count = 0
        self._place_seq = -1
        for slot in self._behind:
            slot[0] = 0
        self.seq = max(seq - _BEHIND, self._log.oldest_seq) - 1
        while self.seq < seq - 1:
            self.next()

    def let_go(self):
        """Lets go of what it has made since it was made itself. It goes on where it stands."""
        self._place = None
        self._place_seq = -1
        self._count = 0

    def next(self):
        """Goes on by one slot. Gives VOID, END (there is no slot any more), or the kind of `record`."""
        seq = self.seq + 1
        log = self._log
        if seq >= log.next_seq:
            return END
        self.seq = seq
        slot = seq % SLOTS
        if not 0 <= seq - self._first < self._count:
            self._load(seq, slot)
        at = (seq - self._first) * SIZE
        kind = self._look(at, slot)
        if kind == _BURNED:
            self._load(seq, slot)  # a read may fail once
            kind = self._look(0, slot)
        record = self.record
        if kind > 0:
            self.touched_seq = seq + 1
            if record[0] & RETRY:
                record[0] &= 0xFF ^ RETRY
                if record[:12] in self._behind:
                    kind = VOID
        elif kind == _BURNED:
            self.touched_seq = seq + 1
            self.burned += 1
            kind = VOID
        oldest = self._behind[seq % _BEHIND]
        oldest[:] = record[:12]
        if not kind:
            oldest[0] = 0
        return kind

    def _look(self, at, slot):
        """Puts the record at chunk[at] into `record` and gives its kind; VOID if the slot is blank, or _BURNED."""
        chunk = self._chunk
        if self._place is None or (chunk[at] == 255 and is_blank(chunk, at, at + SIZE)):
            return VOID
        if not self._place.holds(chunk, at, slot):
            return _BURNED
        self.record[:] = chunk[at : at + SIZE]
        return chunk[at] & 7

    def _load(self, seq, slot):
        sector_seq = seq // SLOTS
        if sector_seq != self._place_seq:
            self._place = Place(self._log.log_id, sector_seq) if self._log.has_sector(sector_seq) else None
            self._place_seq = sector_seq
        self._first = seq
        self._count = min(_CHUNK // SIZE, SLOTS - slot)
        if self._place is not None:
            self._log.read(sector_seq, HEADER + slot * SIZE, self._chunk)
