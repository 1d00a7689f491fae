"""Records and sector headers as bytes, after spec/log.md."""

import struct
from binascii import crc32

from .compat import const

PRESS = const(1)
REVISE = const(2)
RUN = const(3)
BOOT = const(4)
TIME = const(5)
ACK = const(6)
EVENT = const(7)
RETRY = const(0x08)

COUNTED = const(0)
REPEAT = const(1)
MASH = const(2)
CHORD = const(3)
STUCK = const(4)
CLOSED = const(5)
REPLACED = const(6)
TEST = const(7)
ANSWER = const(8)

UNANSWERED = const(1)
SELF_TEST = const(2)

CLOCK_SET = const(1)
STALL = const(2)
WAKE = const(4)

NTP = const(1)
COLLECTOR = const(2)
CONSOLE = const(3)
AGREED = const(4)  # NTP and the collector tell the same time

SECTOR = const(4096)
HEADER = const(64)
SIZE = const(16)
SLOTS = const(252)

_POLYNOMIAL = const(0xEDB88320)

MAGIC = b"HYML"
_FORMAT = "<4sBBHIIIIIIIIII"  # the first 48 bytes of a header, totals included

# CRC-32 by nibbles: entry i is the remainder of i by the reflected polynomial, split in halves, because a 32-bit board
# allocates memory for every number over 2^30.
_LOW = (
    0x0000, 0x1064, 0x20C8, 0x30AC, 0x4190, 0x51F4, 0x6158, 0x713C,
    0x8320, 0x9344, 0xA3E8, 0xB38C, 0xC2B0, 0xD2D4, 0xE278, 0xF21C,
)  # fmt: skip
_HIGH = (
    0x0000, 0x1DB7, 0x3B6E, 0x26D9, 0x76DC, 0x6B6B, 0x4DB2, 0x5005,
    0xEDB8, 0xF00F, 0xD6D6, 0xCB61, 0x9B64, 0x86D3, 0xA00A, 0xBDBD,
)  # fmt: skip


class Crc:
    """A CRC-32 in the making, in two 16-bit halves, so that no step allocates memory on a 32-bit board."""

    def __init__(self):
        self.low = 0xFFFF
        self.high = 0xFFFF

    def feed(self, buf, begin, end):
        """Takes buf[begin:end] into the CRC."""
        low = self.low
        high = self.high
        for i in range(begin, end):
            byte = buf[i]
            n = (low ^ byte) & 15
            low = ((low >> 4) | ((high & 15) << 12)) ^ _LOW[n]
            high = (high >> 4) ^ _HIGH[n]
            n = (low ^ (byte >> 4)) & 15
            low = ((low >> 4) | ((high & 15) << 12)) ^ _LOW[n]
            high = (high >> 4) ^ _HIGH[n]
        self.low = low
        self.high = high

    def put(self, buf, at):
        """Writes the finished CRC as u32 to buf[at:at + 4]."""
        low = self.low ^ 0xFFFF
        high = self.high ^ 0xFFFF
        buf[at] = low & 255
        buf[at + 1] = low >> 8
        buf[at + 2] = high & 255
        buf[at + 3] = high >> 8


class Place:
    """The sector in which records stand: log_id and sector_seq are part of their CRC."""

    def __init__(self, log_id, sector_seq):
        """log_id, sector_seq: u32."""
        prefix = struct.pack("<II", log_id, sector_seq)
        self._start = crc32(prefix)
        crc = Crc()
        crc.feed(prefix, 0, 8)
        self._low = crc.low
        self._high = crc.high
        self._crc = crc
        self._slot = bytearray(1)

    def seal(self, buf, slot):
        """Puts the CRC for `slot` into the 16-byte record `buf`. Allocates nothing."""
        crc = self._crc
        crc.low = self._low
        crc.high = self._high
        self._slot[0] = slot
        crc.feed(self._slot, 0, 1)
        crc.feed(buf, 0, 12)
        crc.put(buf, 12)

    def holds(self, buf, at, slot):
        """Whether buf[at:at + 16] is a valid record of this sector and `slot`."""
        if not buf[at] & 7:
            return False
        self._slot[0] = slot
        sum32 = crc32(buf[at : at + 12], crc32(self._slot, self._start))
        return sum32 == buf[at + 12] | buf[at + 13] << 8 | buf[at + 14] << 16 | buf[at + 15] << 24


# Every record of something that happens is put together from the clock and the ticks of that moment: `clock.put` writes
# uptime and boot number.


def put_press(buf, verdict, button, flags, edges, quiet_ms, clock, at_ms):
    """A press of `button` 1..4 with first contact at ticks at_ms. Allocates nothing.

    flags: the sum of CLOCK_SET, STALL and WAKE that apply; edges: 1..255; quiet_ms: 0..65535.
    """
    buf[0] = PRESS | verdict << 4
    clock.put(buf, at_ms)
    buf[8] = (button - 1) | flags << 2
    buf[9] = edges
    buf[10] = quiet_ms & 255
    buf[11] = quiet_ms >> 8


def put_run(buf, verdict, b, span_s, count, clock, at_ms):
    """`count` presses of button b + 1 with the same verdict, the first of them at ticks at_ms. Allocates nothing.

    span_s: 0..255, the seconds from the first to the last of them, rounded up.
    """
    buf[0] = RUN | verdict << 4
    clock.put(buf, at_ms)
    buf[8] = b
    buf[9] = span_s
    buf[10] = count & 255
    buf[11] = count >> 8


def put_body(buf, kind, code, number, clock, at_ms):
    """A record at ticks at_ms whose body is one u32: revise (seq), boot (folded), time (utc in s), event (argument)."""
    buf[0] = kind | code << 4
    clock.put(buf, at_ms)
    struct.pack_into("<I", buf, 8, number)


def put_ack(buf, cursor, sent, lost):
    """The upload cursor, the number of presses before it, and how many of those were lost."""
    buf[0] = ACK
    struct.pack_into("<I", buf, 1, sent)
    buf[5] = lost & 255
    buf[6] = (lost >> 8) & 255
    buf[7] = (lost >> 16) & 255
    struct.pack_into("<I", buf, 8, cursor)


def is_blank(buf, at, end):
    """Whether buf[at:end] is erased flash."""
    for i in range(at, end):
        if buf[i] != 255:
            return False
    return True


def presses(buf, at):
    """Gives how many presses the record at buf[at] holds: 1 for a press, n for a run of n, else 0."""
    kind = buf[at] & 7
    if kind == PRESS:
        return 1
    if kind == RUN:
        return buf[at + 10] | buf[at + 11] << 8
    return 0


class Header:
    """The fields of a sector header, or of a damaged one what its neighbours tell."""

    def __init__(self):
        self.sector_seq = 0
        self.log_id = 0
        self.boot = 0
        self.cursor = 0
        self.sent = 0
        self.lost = 0
        self.totals = [0, 0, 0, 0]
        self.utc_ms = 0  # when the sector was opened; 0 = not known
        self.is_sure = False  # as the clock was then, see `clock.Clock`

    def pack(self, buf, chip, uptime_ms, utc_ms):
        """Writes the 64 bytes of a header to `buf`. chip: u32 of the MAC; utc_ms: ms of 1970, 0 = not known."""
        flags = (1 if utc_ms else 0) | (2 if utc_ms and self.is_sure else 0)
        struct.pack_into(
            _FORMAT, buf, 0, MAGIC, 1, flags, self.boot, self.sector_seq, self.log_id, chip,
            self.cursor, self.sent, self.lost, *self.totals,
        )  # fmt: skip
        buf[48:53] = uptime_ms.to_bytes(5, "little")
        buf[53:59] = utc_ms.to_bytes(6, "little")
        buf[59] = 0
        struct.pack_into("<I", buf, 60, crc32(buf[:60]))

    def parse(self, buf, chip):
        """Takes the fields from the 64 bytes `buf`. False if they are no valid header of this chip."""
        if buf[:4] != MAGIC or buf[4] != 1 or struct.unpack_from("<I", buf, 60)[0] != crc32(buf[:60]):
            return False
        fields = struct.unpack_from(_FORMAT, buf, 0)
        if fields[6] != chip:
            return False
        self.boot = fields[3]
        self.sector_seq = fields[4]
        self.log_id = fields[5]
        self.cursor, self.sent, self.lost = fields[7:10]
        self.totals = list(fields[10:14])
        self.utc_ms = int.from_bytes(buf[53:59], "little") if buf[5] & 1 else 0
        self.is_sure = buf[5] & 3 == 3
        return True

    def mend(self, buf, chip):
        """Does what `parse` does for a header in which one bit has rotted: with that bit turned its CRC is right."""
        # One bit can't spoil both of these. Without them it is no header, and not worth 512 attempts.
        if buf[:4] == MAGIC or struct.unpack_from("<I", buf, 16)[0] == chip:
            wrong = crc32(buf[:60]) ^ struct.unpack_from("<I", buf, 60)[0]
            # What one turned bit makes of the CRC depends on its place alone: from the last bit of the CRC itself
            # back to the first of the header each is one step of the CRC further.
            change = 1 << 31
            for bit in range(8 * HEADER - 1, -1, -1):
                if change == wrong:
                    buf[bit >> 3] ^= 1 << (bit & 7)
                    return self.parse(buf, chip)
                change = (change >> 1) ^ (_POLYNOMIAL if change & 1 else 0)
        return False
