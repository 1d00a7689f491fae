"""Batches: stretches of the log, delta-coded, as spec/batch.md has it."""

import struct
from binascii import crc32

from .compat import const
from .log_reader import END, VOID, Reader
from .log_record import CLOCK_SET, PRESS, RUN, SLOTS, presses

_RESERVED = const(64)  # bytes kept free for the head, which is known last
_ITEM = const(24)  # the most bytes that one slot can add


def put_varint(buf, at, number):
    """Writes `number` >= 0 as LEB128 to buf[at:]. Gives the offset after it."""
    while number > 127:
        buf[at] = number & 127 | 128
        number >>= 7
        at += 1
    buf[at] = number
    return at + 1


class BatchMaker:
    """Makes batches in a buffer of its own, so that a long backlog costs no more memory than a vote."""

    def __init__(self, log, clock, random32, size, device_id, reader=None):
        """size: of the buffer in bytes; a batch is at most that long. reader: a Reader of this log to be shared."""
        self._seed = crc32(device_id.encode())
        self._log = log
        self._clock = clock
        self._random32 = random32
        self._buf = bytearray(size)
        self.reader = reader or Reader(log)
        self.first_seq = 0
        self.end_seq = 0  # the seq after the last slot of the last batch
        self.nonce = 0  # of the last batch
        self._totals = None  # lifetime presses by button before end_seq; None: a header tells them, and more surely

    def make(self, seq, most_presses):
        """Gives a batch from `seq` on, or from the oldest slot held if that comes later.

        most_presses: it ends after so many. It is a memoryview that is good until the next batch is made.
        """
        log = self._log
        seq = min(max(seq, log.oldest_seq), log.next_seq)
        totals = self._totals if seq == self.end_seq < log.next_seq else None
        if totals is None:
            totals = log.totals_before(seq, self.reader)
        self.first_seq = seq
        self._totals = list(totals)
        end = self._items(seq, most_presses)
        if self.end_seq // SLOTS != seq // SLOTS:
            self._totals = None
        self.nonce = self._random32()
        head = self._head(seq, totals)
        begin = _RESERVED - len(head)
        buf = memoryview(self._buf)
        buf[begin:_RESERVED] = head
        struct.pack_into("<I", self._buf, end, crc32(buf[begin:end], self._seed))
        return buf[begin : end + 4]

    def _items(self, seq, most_presses):
        """Codes the slots from `seq` on. Gives the offset after the last item."""
        buf = self._buf
        reader = self.reader
        reader.seek(seq)
        limit = len(buf) - _ITEM - 8
        at = _RESERVED
        void = 0
        count = 0
        flags = 0
        boot = -1
        uptime_ms = 0
        while at < limit and count < most_presses:
            kind = reader.next()
            if kind == END:
                break
            if kind == VOID:
                void += 1
                continue
            if void:
                buf[at] = 0
                at = put_varint(buf, at + 1, void)
                void = 0
            record = reader.record
            if kind == PRESS or kind == RUN:
                self._totals[record[8] & 3] += presses(record, 0)
            if kind != PRESS:
                buf[at] = 3
                buf[at + 1 : at + 13] = record[:12]
                at += 13
                continue
            count += 1
            when_ms = int.from_bytes(record[1:6], "little")
            if record[6] | record[7] << 8 != boot:
                boot = record[6] | record[7] << 8
                uptime_ms = when_ms
                buf[at] = 2
                buf[at + 1 : at + 3] = record[6:8]
                buf[at + 3 : at + 8] = record[1:6]
                at += 8
            if record[8] >> 2 != flags:
                flags = record[8] >> 2
                buf[at] = 1
                buf[at + 1] = flags
                at += 2
            at = self._press(at, record, when_ms - uptime_ms)
            uptime_ms = when_ms
        self.end_seq = reader.seq + 1
        if void:
            buf[at] = 0
            at = put_varint(buf, at + 1, void)
        return at

    def _press(self, at, record, delta_ms):
        buf = self._buf
        told = record[10] & record[11] != 255  # quiet_ms is less than 65535
        buf[at] = 0x80 | (record[0] >> 4) << 3 | (record[8] & 3) << 1 | told
        at = put_varint(buf, at + 1, 2 * delta_ms if delta_ms >= 0 else -2 * delta_ms - 1)
        buf[at] = record[9]
        at += 1
        if told:
            buf[at] = record[10]
            buf[at + 1] = record[11]
            at += 2
        return at

    def _head(self, seq, totals):
        log = self._log
        head = bytearray(_RESERVED)
        flags = CLOCK_SET if self._clock.is_set else 0
        struct.pack_into("<BBIIH", head, 0, 2, flags, log.log_id, self.nonce, self._clock.boot)
        at = 12
        for number in (seq, self.end_seq - seq, seq - log.oldest_seq, log.next_seq - self.end_seq):
            at = put_varint(head, at, number)
        for number in totals:
            at = put_varint(head, at, number)
        return memoryview(head)[:at]
