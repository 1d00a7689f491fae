"""What to send next: batches from the cursor on, which are sent again until an ack of the collector has moved it."""

from .compat import const, ticks_add, ticks_diff
from .log_batch import BatchMaker
from .log_record import COLLECTOR
from .net_ack import believed

_GATHER_MS = const(500)  # so long a press waits for others to share its batch
_ACK_MS = const(20000)  # after so long without an ack the batches are sent again
_ACK_MAX_MS = const(600000)
_BATCH_PRESSES = const(50)
_BATCH_BYTES = const(700)
_ACK_RECORDS = const(64)  # an ack record is due when the cursor has moved by so many records,
_ACK_EVERY_MS = const(3600000)  # or when the last one is so old


class Outbox:
    """The PUBACK of the broker sets the pace, but only an ack of the collector settles anything."""

    def __init__(self, log, clock, random32, device_id, collector_id, pace=None):
        """log: a `log_ring.RingLog`; random32(): a random u32; pace: section `mqtt.pace`, None = send at once."""
        self._log = log
        self._clock = clock
        self._collector_id = collector_id
        self._maker = BatchMaker(log, clock, random32, _BATCH_BYTES, device_id)
        self.reader = self._maker.reader  # of the log, for another `BatchMaker` to share
        self._next = log.cursor  # the first seq that has not been sent
        self._sending_to = -1  # the end of the batch that is on its way to the broker, -1 = none is
        self._news_at = None  # ticks at which the first record came that has not been sent
        self._ack_due = None  # ticks by which an ack should have come
        self._ack_wait_ms = _ACK_MS
        self._recorded = log.cursor  # what the last ack record says
        self._recorded_sent = log.sent
        self._recorded_at = None  # ticks of the last ack record, None once it is an hour old
        self._nonce_open = False  # the last batch has not been answered yet
        self.pace = pace if pace and pace["every_s"] else None  # None: send at once
        self._alarm = pace["unhappy"] if pace else 0  # so many unhappy votes go ahead of a backlog; 0: they do not
        self._is_ahead = False  # the batch on its way is not the next in order, but one of the newest votes
        self._drains = True  # all that is there is sent without a pause
        self._drained = 0  # lifetime presses when all had been sent
        self._again = None  # the first seq of those that have been asked for once more
        self._again_end = 0  # the seq after the last of them
        self._sends_again = False  # the batch on its way holds some of them
        self.unhappy = 0  # votes on faces 1 and 2 that have not been sent
        self.missed = 0  # acks that should have come in this connection
        self.is_heard = False  # the collector has answered in this boot

    def connected(self):
        """Begins a new connection: sends again what has not been acknowledged."""
        self._go_back()
        self._sending_to = -1
        self._ack_due = None
        self.missed = 0

    def _go_back(self):
        self._next = self._log.cursor if self._again is None else self._again
        self._drains = True

    def resync(self, now_ms, begin, end):
        """Sends what is held of seqs begin..end-1 once more, up to the cursor: what follows is sent anyway."""
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
        """The seq after the last slot that is to be sent now."""
        return self._log.news_seq if self._again is None else self._again_end

    def _has_drained(self):
        if self._drains:
            self._drains = False
            self._drained = sum(self._log.totals)
            self.unhappy = 0

    def _pace_ms(self, now_ms):
        """Gives for how many ms what has not been sent may still wait."""
        pace = self.pace
        if pace is None or self._drains:
            return 0
        if self._is_alarmed or sum(self._log.totals) - self._drained >= pace["presses"]:
            self._drains = True
            return 0
        return max(0, 1000 * pace["every_s"] - ticks_diff(now_ms, self._news_at))

    def batch(self, now_ms):
        """Gives the next batch if one is due, else None. `delivered` must follow before the next one."""
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
        """Gives the ms until `batch` or `step` has something to do."""
        wait_ms = 60000
        if self._sending_to < 0 and self._next < self._end:
            wait_ms = _GATHER_MS
            if self._news_at is not None:
                wait_ms = max(_GATHER_MS - ticks_diff(now_ms, self._news_at), self._pace_ms(now_ms), 0)
        if self._ack_due is not None:
            wait_ms = min(wait_ms, max(0, ticks_diff(self._ack_due, now_ms)))
        return wait_ms

    def delivered(self, now_ms):
        """Tells that the broker has the batch: the next one may follow, and the ack of the collector is awaited."""
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
        """Goes back to the cursor if an ack fails to come, and waits for longer the next time."""
        if self._recorded_at is not None and ticks_diff(now_ms, self._recorded_at) >= _ACK_EVERY_MS:
            self._recorded_at = None
        if self._ack_due is not None and ticks_diff(now_ms, self._ack_due) >= 0:
            self._ack_due = None
            if self._again is None and self._log.cursor < self._next:
                self._go_back()
                self.missed += 1
                self._ack_wait_ms = min(2 * self._ack_wait_ms, _ACK_MAX_MS)

    def acked(self, now_ms, payload, is_retained):
        """Takes a message on the topic `ack`: `net_ack` says whether it is believed. True if the cursor has moved."""
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
        """Tells that everything below seq `mark` is settled at the far end. True if the cursor has moved."""
        if not self._log.settle(mark):
            return False
        if self._again is None:
            self._next = max(self._next, mark)
        self._ack_wait_ms = _ACK_MS
        self._ack_due = None if mark >= self._next else ticks_add(now_ms, _ACK_MS)
        return True

    @property
    def is_settled(self):
        """True if the collector has acknowledged everything that there is to send."""
        return self._again is None and self._log.cursor >= self._log.news_seq

    @property
    def owes_ack_record(self):
        """True if an ack record is due: the cursor has passed presses, and the last record is far behind, or old."""
        cursor = self._log.cursor
        if self._log.sent <= self._recorded_sent:
            return False
        return self._recorded_at is None or cursor - self._recorded >= _ACK_RECORDS

    def ack_recorded(self, now_ms):
        """Tells that an ack record has been written."""
        self._recorded = self._log.cursor
        self._recorded_sent = self._log.sent
        self._recorded_at = now_ms
