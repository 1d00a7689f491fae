"""Batches and acks against the vectors of firmware/spec/batch.md, and that every slot is accounted for."""  # portable

import vectors
from logs import CHIP, mounted, press
from ram_flash import RamFlash

from terminal.clock import Clock
from terminal.log_batch import BatchMaker, put_varint
from terminal.log_record import COUNTED, EVENT, MASH, REPEAT, Header, put_body, put_press, put_run
from terminal.log_ring import RingLog

LOG = 0x1A2B3C4D


class Varied:
    """random32 that gives one number."""

    def __init__(self, number):
        self.number = number

    def __call__(self):
        return self.number


def vector_log(utc_ms=0):
    """A log that holds the vectors of firmware/spec/log.md in slots 0..7 of sector_seq 5, oldest seq 252."""
    rows = [data for _, data in vectors.load()]
    flash = RamFlash(6)
    buf = bytearray(64)
    for seq in range(1, 6):
        header = Header()
        header.log_id = LOG
        header.sector_seq = seq
        header.boot = 7
        header.totals = [100, 200, 300, 400] if seq == 5 else [0, 0, 0, 0]
        header.pack(buf, CHIP, 0, 0)
        flash.image[seq * 4096 : seq * 4096 + 64] = buf
    for slot in range(8):
        flash.image[5 * 4096 + 64 + 16 * slot : 5 * 4096 + 80 + 16 * slot] = rows[slot]
    clock = Clock(0)
    log = RingLog(flash, CHIP, Varied(1), clock)
    log.mount()
    clock.boot = 7
    return log, clock


def test_batch_vectors():
    rows = [data for _, data in vectors.load()]
    log, clock = vector_log()
    assert (log.oldest_seq, log.next_seq, log.log_id) == (252, 1268, LOG)
    assert bytes(BatchMaker(log, clock, Varied(1), 700, "till-1").make(1268, 50)) == rows[13]
    clock.set_utc(1800000000000, 1)
    assert bytes(BatchMaker(log, clock, Varied(0xDEADBEEF), 700, "till-1").make(1260, 50)) == rows[11]


def test_the_batch_vector_of_two_boots():
    """Flags last over a new base, and other records leave the base as it is."""
    flash = RamFlash(4)
    header = Header()
    header.log_id = LOG
    header.sector_seq = 2
    header.boot = 8
    header.totals = [1, 2, 3, 4]
    buf = bytearray(64)
    header.pack(buf, CHIP, 0, 0)
    flash.image[2 * 4096 : 2 * 4096 + 64] = buf
    clock = Clock(0)
    log = RingLog(flash, CHIP, Varied(2), clock)
    log.mount()
    record = bytearray(16)

    def put(boot, at_ms, button, verdict, flags, edges, quiet_ms):
        clock.boot = boot
        put_press(record, verdict, button, flags, edges, quiet_ms, clock, at_ms)
        return log.append(record)

    put(8, 5000, 2, COUNTED, 1, 4, 65535)
    put_body(record, EVENT, 2, 0, clock, 6000)
    log.append(record)
    put(8, 7000, 3, REPEAT, 1, 3, 900)
    flash.skip_programs = 1  # its slot stays blank, and the record goes into the next one as a retry
    put(8, 7400, 3, REPEAT, 1, 5, 250)
    put(9, 800, 1, COUNTED, 1, 6, 65535)
    assert put(9, 60, 4, MASH, 0, 3, 0) == 510
    clock.set_utc(1800000000000, 1)
    assert bytes(BatchMaker(log, clock, Varied(2), 700, "till-1").make(504, 50)) == vectors.load()[12][1]
    assert log.burned == 1, "as far as this boot knows: the program failed"
    again = RingLog(flash, CHIP, Varied(2), Clock(0))
    again.mount()
    assert again.burned == 0 and again.next_seq == 511, "a blank slot is void and not burned"


def test_varint():
    buf = bytearray(8)
    for number, expected in ((0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (1 << 31, b"\x80\x80\x80\x80\x08")):
        assert bytes(buf[: put_varint(buf, 0, number)]) == expected


def test_batches_go_on_where_the_one_before_ended_and_fit():
    log, clock, _ = mounted()
    for i in range(600):
        clock.advance(i * 50)
        press(log, clock, 1 + i % 4, i % 9, flags=i % 4, quiet_ms=65535 if i % 3 else i)
    for size, presses in ((200, 50), (700, 50), (700, 1), (700, 500)):
        maker = BatchMaker(log, clock, Varied(9), size, "till-1")
        seq = 0
        while seq < log.next_seq:
            assert len(maker.make(seq, presses)) <= size
            assert maker.first_seq == seq and seq < maker.end_seq <= seq + presses
            seq = maker.end_seq


def test_totals_go_on_over_what_was_folded():
    """Batch after batch, as a backlog is sent: what a run record tells counts in the totals of the next one."""
    log, clock, _ = mounted(sectors=4)
    record = bytearray(16)
    for i in range(6):
        press(log, clock, 1 + i % 4)
        put_run(record, MASH, i % 4, 9, 10 + i, clock, 1000 * i)
        log.append(record)
    maker = BatchMaker(log, clock, Varied(1), 300, "till-1")
    seq = 0
    while seq < log.next_seq:
        totals = log.totals_before(seq)
        data = maker.make(seq, 2)
        assert tuple(data[16:20]) == tuple(totals), seq  # one byte each, as all the numbers before them
        seq = maker.end_seq
    assert sum(log.totals) == 6 + 10 + 11 + 12 + 13 + 14 + 15


def test_a_batch_of_fifty_presses_is_small():
    log, clock, _ = mounted()
    for i in range(50):
        clock.advance(i * 200000)
        press(log, clock, 1 + i % 4)
    assert len(BatchMaker(log, clock, Varied(9), 700, "till-1").make(0, 50)) <= 50 * 5 + 50


def test_from_before_the_oldest_and_after_the_newest():
    log, clock, _ = mounted(sectors=4)
    for _ in range(252 * 5):
        press(log, clock)
    maker = BatchMaker(log, clock, Varied(9), 700, "till-1")
    maker.make(0, 50)
    assert maker.first_seq == log.oldest_seq
    maker.make(99999, 50)
    assert maker.first_seq == maker.end_seq == log.next_seq


def test_totals_are_right_wherever_a_batch_begins():
    log, clock, flash = mounted()
    for i in range(600):
        clock.advance(i * 50)
        press(log, clock, 1 + i * i % 4)
    for at in range(4096 + 64 + 16 * 30, len(flash.image), 4096):
        flash.image[at] ^= 4  # rots: only the header of the next sector still counts this press
    goes_on = BatchMaker(log, clock, Varied(9), 700, "till-1")
    seq = 0
    while seq < log.next_seq:
        ahead = bytes(goes_on.make(seq, 17))
        anew = bytes(BatchMaker(log, clock, Varied(9), 700, "till-1").make(seq, 17))
        assert ahead == anew
        seq = goes_on.end_seq
    assert bytes(goes_on.make(seq, 17)) == bytes(BatchMaker(log, clock, Varied(9), 700, "till-1").make(seq, 17))
