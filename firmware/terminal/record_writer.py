"""The records that a terminal writes: there is one buffer and one way into the log, and the boot record comes first."""

from .compat import ticks_diff
from .log_record import BOOT, EVENT, REVISE, SIZE, TIME, put_ack, put_body, put_press


class RecordWriter:
    """Every method that writes a record gives its seq, or -1 if it could not be stored."""

    def __init__(self, log, clock, ticks_ms, stood_still):
        """log: a `log_ring.RingLog`; stood_still(since_ms, now_ms) is told that the CPU did, to write or erase."""
        self.log = log
        self.clock = clock
        self._ticks_ms = ticks_ms
        self._stood_still = stood_still
        self._record = bytearray(SIZE)
        self._boot = None  # (reset cause, folded boots, ticks) of a boot record that is owed

    def owe_boot(self, cause, folded, now_ms):
        """Has the boot record come before any other record, but not at once. cause, folded: what it says."""
        self._boot = (cause, folded, now_ms)

    @property
    def owes_boot(self):
        """True while the boot record has not been written."""
        return self._boot is not None

    def boot(self):
        """Writes the boot record that is owed."""
        cause, folded, at_ms = self._boot
        self._boot = None
        put_body(self._record, BOOT, cause, folded, self.clock, at_ms)
        return self._append()

    def press(self, at_ms, verdict, button, flags, edges, quiet_ms):
        """Writes a press of `button` 1..4 with first contact at ticks at_ms, as `log_record.put_press` takes it.

        Allocates nothing, unless a boot record is owed.
        """
        if self._boot is not None:
            self.boot()
        put_press(self._record, verdict, button, flags, edges, quiet_ms, self.clock, at_ms)
        return self._append()

    def revise(self, now_ms, seq, verdict):
        """Writes at ticks now_ms that the press `seq` has another verdict by now."""
        put_body(self._record, REVISE, verdict, seq, self.clock, now_ms)
        return self._append()

    def event(self, now_ms, code, argument):
        """Writes something that happened at ticks now_ms and is no press: UNANSWERED or SELF_TEST, and its argument."""
        put_body(self._record, EVENT, code, argument, self.clock, now_ms)
        return self._append()

    def runs(self, flood):
        """Writes all that `flood` has folded."""
        while flood.next_run(self._record, self.clock):
            self._append()

    def time(self):
        """Writes what time it is, and by whose word."""
        utc_s, at_ms = self.clock.time_record()
        put_body(self._record, TIME, self.clock.witness, utc_s, self.clock, at_ms)
        return self._append()

    def ack(self):
        """Writes up to where the log is settled at the far end."""
        put_ack(self._record, *self.log.ack_body)
        return self._append()

    def prepare(self):
        """Erases a sector ahead. The CPU stands still meanwhile."""
        since_ms = self._ticks_ms()
        self.log.prepare()
        self._stood_still(since_ms, self._ticks_ms())

    def _append(self):
        since_ms = self._ticks_ms()
        seq = self.log.append(self._record)
        now_ms = self._ticks_ms()
        if ticks_diff(now_ms, since_ms) > 0:
            self._stood_still(since_ms, now_ms)
        return seq
