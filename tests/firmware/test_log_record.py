"""Records and headers against the vectors of firmware/spec/log.md."""  # portable

from binascii import crc32

import vectors

from terminal import log_record
from terminal.clock import Clock
from terminal.log_record import Crc, Header, Place

LOG = 0x1A2B3C4D
CHIP = crc32(bytes((0x24, 0x0A, 0xC4, 0x11, 0x22, 0x33)))


def clock_at(uptime_ms, boot):
    """A clock whose uptime at ticks 0 is that, in that boot."""
    clock = Clock(0)
    clock._low, clock._high, clock.boot = uptime_ms & 0xFFFFFF, uptime_ms >> 24, boot
    return clock


def at(uptime_ms):
    """The clock of boot 7 and the ticks of that uptime."""
    return clock_at(uptime_ms, 7), 0


def rows():
    return vectors.load()


def sealed(buf, slot):
    Place(LOG, 5).seal(buf, slot)
    return bytes(buf)


def test_crc_equals_binascii():
    for data in (b"", b"123456789", bytes(range(256)), b"\xff" * 40):
        crc = Crc()
        crc.feed(data, 0, len(data))
        out = bytearray(4)
        crc.put(out, 0)
        assert int.from_bytes(out, "little") == crc32(data)


def test_record_vectors():
    given = rows()
    buf = bytearray(16)
    log_record.put_body(buf, log_record.BOOT, 1, 0, *at(812))
    assert sealed(buf, 0) == given[0][1]
    log_record.put_press(buf, log_record.COUNTED, 4, 0, 5, 65535, *at(61234))
    assert sealed(buf, 1) == given[1][1]
    buf[0] |= log_record.RETRY
    assert sealed(buf, 2) == given[2][1]
    log_record.put_press(buf, log_record.REPEAT, 1, log_record.CLOCK_SET, 3, 480, *at(61900))
    assert sealed(buf, 3) == given[3][1]
    log_record.put_body(buf, log_record.REVISE, log_record.CHORD, 5 * 252 + 3, *at(62000))
    assert sealed(buf, 4) == given[4][1]
    log_record.put_body(buf, log_record.TIME, log_record.NTP, 1800000000, *at(75250))
    assert sealed(buf, 6) == given[6][1]
    log_record.put_ack(buf, 1263, 2, 0)
    assert sealed(buf, 7) == given[7][1]
    log_record.put_body(buf, log_record.EVENT, 2, 3, *at(1 << 33))
    assert sealed(buf, 251) == given[8][1]


def test_vectors_are_valid_only_in_their_place():
    for slot, (what, data) in zip((0, 1, 2, 3, 4, 5, 6, 7, 251), rows()[:9]):
        assert Place(LOG, 5).holds(data, 0, slot), what
        assert not Place(LOG, 5).holds(data, 0, slot + 1 & 255), what
        assert not Place(LOG, 6).holds(data, 0, slot), what
        assert not Place(LOG + 1, 5).holds(data, 0, slot), what


def test_presses_of_a_run():
    assert log_record.presses(rows()[5][1], 0) == 40
    assert log_record.presses(rows()[1][1], 0) == 1
    assert log_record.presses(rows()[0][1], 0) == 0


def test_header_vectors():
    header = Header()
    buf = bytearray(64)
    for (_, data), utc_ms in zip(rows()[9:11], (0, 1800000000250)):
        assert header.parse(data, CHIP)
        assert (header.sector_seq, header.log_id, header.boot) == (5, LOG, 7)
        assert (header.cursor, header.sent, header.lost) == (1200, 900, 3)
        assert header.totals == [100, 200, 300, 400]
        header.pack(buf, CHIP, 800, utc_ms)
        assert bytes(buf) == data
        assert not header.parse(data, CHIP + 1)


def test_any_flipped_bit_is_seen():
    data = rows()[1][1]
    for bit in range(128):
        bad = bytearray(data)
        bad[bit >> 3] ^= 1 << (bit & 7)
        assert not Place(LOG, 5).holds(bad, 0, 1)


def header_of(chip):
    header = Header()
    header.sector_seq = 5
    header.log_id = LOG
    header.totals = [1, 2, 3, 4]
    buf = bytearray(64)
    header.pack(buf, chip, 61234, 1800000000000)
    return buf


def test_a_header_is_mended_of_any_one_bit_and_of_no_two():
    good = header_of(CHIP)
    for bit in range(512):
        buf = bytearray(good)
        buf[bit >> 3] ^= 1 << (bit & 7)
        found = Header()
        assert not found.parse(buf, CHIP), bit
        assert found.mend(buf, CHIP) and buf == good, bit
        assert (found.sector_seq, found.log_id, found.totals) == (5, LOG, [1, 2, 3, 4])
        buf[bit >> 3] ^= 1 << (bit & 7)
        other = (bit * 7 + 64) % 512
        buf[other >> 3] ^= 1 << (other & 7)
        if other != bit:
            assert not Header().mend(buf, CHIP), (bit, other)


def test_the_header_of_another_chip_is_not_mended():
    buf = header_of(CHIP + 1)
    buf[20] ^= 4
    assert not Header().mend(buf, CHIP)
