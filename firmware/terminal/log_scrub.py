"""Reads the whole log over and over, a little at a time, so that rot shows in health before a record is missed."""

from .compat import const
from .log_reader import END
from .log_record import SLOTS, Header

_SLOTS_A_STEP = const(32)  # one read of 512 bytes, and some milliseconds for the CRCs


class Scrub:
    """`step` reads on; at the end of each pass `log.burned` is what that pass has found."""

    def __init__(self, log, reader):
        """log: a `log_ring.RingLog`; reader: a Reader of it, which others may use between two steps."""
        self._log = log
        self._reader = reader
        self._next_seq = -1  # where the next step begins; -1: at the oldest seq, with a new pass
        self._burned = 0

    def step(self):
        """Checks the next 32 slots, and the header before the first of a sector. True at the end of a pass."""
        log = self._log
        reader = self._reader
        if self._next_seq < log.oldest_seq:  # the ring has overtaken it, or a new pass begins
            self._next_seq = log.oldest_seq
            self._burned = 0
        reader.seek(self._next_seq)
        reader.burned = self._burned
        for _ in range(_SLOTS_A_STEP):
            kind = reader.next()
            if kind == END:
                self._next_seq = -1
                log.burned = reader.burned
                return True
            if reader.seq % SLOTS == 0:
                log.is_told(Header(), reader.seq // SLOTS)
        self._next_seq = reader.seq + 1
        self._burned = reader.burned
        return False
