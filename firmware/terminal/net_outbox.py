"""What to send next: batches from the mark on, resent until the collector's ack has moved it."""

from .compat import const, ticks_add, ticks_diff
from .log_batch import BatchMaker
from .log_record import COLLECTOR
from .net_ack import believed

_GATHER_MS = const(500)  # presses of one moment share a batch
_ACK_MS = const(20000)  # the collector should have said so by then
_ACK_MAX_MS = const(600000)
_BATCH_PRESSES = const(50)
_BATCH_BYTES = const(700)
_ACK_RECORDS = const(64)  # an ack record at most every so many records
_ACK_EVERY_MS = const(3600000)  # or once an hour


class Outbox:
    """Paced by the broker's PUBACK, content with nothing less than the collector's ack."""

    def __init__(self, log, clock, random32, device_id, collector_id, pace=None):
        """pace: section `mqtt.pace`; None = at once."""
        self._log = log
        self._clock = clock
        self._collector_id = collector_id
        self._maker = BatchMaker(log, clock, random32, _BATCH_BYTES, device_id)
        self._next = log.cursor  # first seq not sent yet
        self._sending_to = -1  # end of the batch under way to the broker
        self._news_at = None  # ticks of the first record not yet offered
        self._ack_due = None
        self._ack_wait_ms = _ACK_MS
        self._recorded = log.cursor
        self._recorded_sent = log.sent
        self._recorded_at = None  # ticks of the last ack record, None once it is an hour old
        self._nonce_open = False
        self.pace = pace if pace and pace["every_s"] else None  # None: at once
        self._alarm = pace["unhappy"] if pace else 0  # so many unhappy votes do not wait for a backlog; 0: they do
        self._is_ahead = False  # the batch under way is not the next in order
        self._drains = True  # what is there goes at full pace
        self._drained = 0  # lifetime presses when all had been sent
        self._again = None  # first seq of what has been asked for once more
        self._again_end = 0
        self._sends_again = False  # that is what the batch under way is
        self.unhappy = 0  # votes on faces 1 and 2 since then
        self.missed = 0  # acks in this connection that failed to come
        self.is_heard = False  # the collector has answered in this boot

    @property
    def reader(self):
        """For another `BatchMaker`."""
        return self._maker.reader

    def connected(self):
        """A new connection: begin again at what is acknowledged."""
        self._go_back()
        self._sending_to = -1
        self._ack_due = None
        self.missed = 0

    def _go_back(self):
        self._next = self._log.cursor if self._again is None else self._again
        self._drains = True

    def resync(self, now_ms, begin, end):
        """Sends what is held of begin..end-1 once more. From the cursor on it goes without being asked for."""
        log = self._log
        begin = max(begin, log.oldest_seq)
        end = min(end, log.cursor)
        if begin < end:
            self._again = begin
            self._again_end = end
            self._sends_again = False
            self._news_at = now_ms
            if self._sending_to < 0:
                self._go_back()

    @property
    def _end(self):
        """Seq after the last slot to be sent now."""
        return self._log.news_seq if self._again is None else self._again_end

    def _has_drained(self):
        if self._drains:
            self._drains = False
            self._drained = sum(self._log.totals)
            self.unhappy = 0

    def _pace_ms(self, now_ms):
        """How long what has not been sent may wait still."""
        pace = self.pace
        if pace is None or self._drains:
            return 0
        if self._is_alarmed or sum(self._log.totals) - self._drained >= pace["presses"]:
            self._drains = True
            return 0
        return max(0, 1000 * pace["every_s"] - ticks_diff(now_ms, self._news_at))

    def batch(self, now_ms):
        """The next batch if one is due, else None. `delivered` must follow before the next."""
        log = self._log
        if self._sending_to >= 0:
            return None
        if self._next >= self._end:
            self._has_drained()
            return None
        if self._news_at is None:
            self._news_at = now_ms
        if self._pace_ms(now_ms):
            return None
        if ticks_diff(now_ms, self._news_at) < _GATHER_MS and log.next_seq - self._next < _BATCH_PRESSES:
            return None
        self._drains = True
        newest = log.news_seq - _BATCH_PRESSES
        self._is_ahead = self._again is None and self._is_alarmed and newest - self._next > _BATCH_PRESSES
        data = self._maker.make(newest if self._is_ahead else self._next, _BATCH_PRESSES)
        self._sending_to = self._maker.end_seq
        self._sends_again = self._again is not None
        self._nonce_open = True
        return data

    @property
    def _is_alarmed(self):
        return 0 < self._alarm <= self.unhappy

    def wait_ms(self, now_ms):
        """The ms until `batch` or `step` has something to do."""
        wait_ms = 60000
        if self._sending_to < 0 and self._next < self._end:
            wait_ms = _GATHER_MS
            if self._news_at is not None:
                wait_ms = max(_GATHER_MS - ticks_diff(now_ms, self._news_at), self._pace_ms(now_ms), 0)
        if self._ack_due is not None:
            wait_ms = min(wait_ms, max(0, ticks_diff(self._ack_due, now_ms)))
        return wait_ms

    def delivered(self, now_ms):
        """The broker has the batch: go on with the next, and wait for the collector."""
        sent_to = self._sending_to
        self._sending_to = -1
        if self._sends_again:
            self._again = sent_to if sent_to < self._again_end else None
        elif self._ack_due is None:
            self._ack_due = ticks_add(now_ms, self._ack_wait_ms)
        if self._is_ahead:
            self.unhappy = 0
        if self._sends_again or self._again is not None:
            self._go_back()
        elif not self._is_ahead:
            self._next = max(sent_to, self._log.cursor)
        if self._next >= self._end:
            self._news_at = None
            self._has_drained()

    def step(self, now_ms):
        """Goes back to the mark if an ack fails to come, later and later."""
        if self._recorded_at is not None and ticks_diff(now_ms, self._recorded_at) >= _ACK_EVERY_MS:
            self._recorded_at = None
        if self._ack_due is not None and ticks_diff(now_ms, self._ack_due) >= 0:
            self._ack_due = None
            if self._again is None and self._log.cursor < self._next:
                self._go_back()
                self.missed += 1
                self._ack_wait_ms = min(2 * self._ack_wait_ms, _ACK_MAX_MS)

    def acked(self, now_ms, payload, is_retained):
        """Takes an ack from the broker. True if the cursor has moved."""
        log = self._log
        nonce = self._maker.nonce if self._nonce_open else None
        ack = believed(payload, is_retained, log.log_id, log.next_seq, self._collector_id, nonce)
        if ack is None:
            return False
        mark, utc_ms = ack
        if not is_retained:
            self.is_heard = True
            self.missed = 0
        if utc_ms:
            self._nonce_open = False
            self._clock.set_utc(utc_ms, COLLECTOR)
        return self.settle(now_ms, mark)

    def settle(self, now_ms, mark):
        """Everything below `mark` is settled at the far end. True if the cursor has moved."""
        if not self._log.settle(mark):
            return False
        if self._again is None:
            self._next = max(self._next, mark)
        self._ack_wait_ms = _ACK_MS
        self._ack_due = None if mark >= self._next else ticks_add(now_ms, _ACK_MS)
        return True

    @property
    def is_settled(self):
        """True if the collector has everything that there is to send."""
        return self._again is None and self._log.cursor >= self._log.news_seq

    @property
    def owes_ack_record(self):
        """True if the cursor should be written down now: it has passed presses, and the last time was long ago."""
        cursor = self._log.cursor
        if self._log.sent <= self._recorded_sent:
            return False
        return self._recorded_at is None or cursor - self._recorded >= _ACK_RECORDS

    def ack_recorded(self, now_ms):
        """The cursor has been written down."""
        self._recorded = self._log.cursor
        self._recorded_sent = self._log.sent
        self._recorded_at = now_ms
