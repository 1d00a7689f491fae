"""The records that a terminal writes: one buffer, one way into the log, the boot record first."""

from .compat import ticks_diff
from .log_record import BOOT, EVENT, REVISE, SIZE, TIME, put_ack, put_body, put_press


class RecordWriter:
    """Every method gives the seq of its record, or -1 if it could not be stored."""

    def __init__(self, log, clock, ticks_ms, stood_still):
        """stood_still(since_ms, now_ms): the CPU did, because a record had to wait for an erase."""
        self.log = log
        self.clock = clock
        self._ticks_ms = ticks_ms
        self._stood_still = stood_still
        self._record = bytearray(SIZE)
        self._boot = None  # (cause, folded, ticks) of a boot record that is owed

    def owe_boot(self, cause, folded, now_ms):
        """The boot record is to come before any other, but need not come at once."""
        self._boot = (cause, folded, now_ms)

    @property
    def owes_boot(self):
        """True if it has not been written yet."""
        return self._boot is not None

    def boot(self):
        """The boot record that is owed."""
        cause, folded, at_ms = self._boot
        self._boot = None
        put_body(self._record, BOOT, cause, folded, self.clock, at_ms)
        return self._append()

    def press(self, at_ms, verdict, button, flags, edges, quiet_ms):
        """A press of `button` 1..4 with first contact at ticks at_ms. Allocates nothing but for an owed boot record."""
        if self._boot is not None:
            self.boot()
        put_press(self._record, verdict, button, flags, edges, quiet_ms, self.clock, at_ms)
        return self._append()

    def revise(self, now_ms, seq, verdict):
        """What became known of the press `seq`."""
        put_body(self._record, REVISE, verdict, seq, self.clock, now_ms)
        return self._append()

    def event(self, now_ms, code, argument):
        """Something that is no press."""
        put_body(self._record, EVENT, code, argument, self.clock, now_ms)
        return self._append()

    def runs(self, flood):
        """What `flood` has folded."""
        while flood.next_run(self._record, self.clock):
            self._append()

    def time(self):
        """The clock's time record."""
        utc_s, at_ms = self.clock.time_record()
        put_body(self._record, TIME, self.clock.witness, utc_s, self.clock, at_ms)
        return self._append()

    def ack(self):
        """What is settled."""
        put_ack(self._record, *self.log.ack_body)
        return self._append()

    def prepare(self):
        """Erases a sector ahead; the CPU stands still meanwhile."""
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
