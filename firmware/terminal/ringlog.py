"""The vote log: a ring of sectors in raw NOR flash, after README.md "Log".

The block device is `esp32.Partition`'s: `readblocks(n, buf, off)`, `writeblocks(n, buf, off)` programs without
erasing, `ioctl(6, n)` erases a sector, nothing verifies.
"""

from array import array

from .compat import const
from .logreader import END, Reader
from .record import (
    ACK, BOOT, HEADER, PRESS, RETRY, RUN, SECTOR, SIZE, SLOTS, TIME, Header, Place, is_blank, presses,
)  # fmt: skip

_TRIES = const(4)
_GAP = const(16)  # so many sectors in a row may be damaged or bad before the walk back gives up
_NONE = const(0xFFFFFFFF)
_BLANK = const(-1)
_DAMAGED = const(-2)


class RingLog:
    """Appends, reads and remembers what is settled. `mount()` first; then `next_seq`, `oldest_seq`, `totals` hold."""

    def __init__(self, device, chip, random32, clock):
        """device: see above; chip: u32 of the MAC; random32(): u32; clock: boot, uptime_ms(), utc_ms()."""
        self._device = device
        self._chip = chip
        self._random32 = random32
        self._clock = clock
        self.sectors = device.ioctl(4, 0)
        if self.sectors < 4 or device.ioctl(5, 0) != SECTOR:
            raise ValueError("votes: expected 4 sectors or more of 4096 bytes, came %d" % self.sectors)
        self._where = array("H", bytes(2 * self.sectors))  # sector_seq % sectors -> physical sector
        self._buf = bytearray(512)
        self._back = bytearray(SIZE)
        self._place = None
        self._sector = -1  # the open one, physical
        self._slot = SLOTS  # next to be written
        self._first_seq = 0  # of the open sector
        self._ahead = -1  # physical sector erased and found blank in this boot
        self._candidate = -1  # last physical sector tried for it
        self.log_id = 0
        self.next_seq = 0
        self.oldest_seq = 0
        self.news_seq = 0  # everything from here on is ack records
        self.totals = [0, 0, 0, 0]
        self.cursor = 0
        self.sent = 0  # presses before the cursor
        self._lost = 0
        self._before_oldest = 0
        self.burned = 0
        self._burned_to = 0
        self.bad_sectors = 0
        self.damaged_headers = 0
        self.boot_storm = False

    # ---- mounting ----

    def mount(self):
        """Finds the log, or begins one, and sets the clock's boot number. Programs nothing if there is a log."""
        if not self._search():
            self.log_id = 0
            seqs = self._survey()
            if not self.log_id:
                self._begin()
                return
            self._walk_back(seqs)
            self._adopt_headless(seqs)
        self._scan_newest()
        self._candidate = self._sector
        self._before_oldest = sum(self.header(self.oldest_seq // SLOTS).totals)

    def _begin(self):
        self._clock.boot = 1
        self.log_id = self._random32() or 1
        self._candidate = self.sectors - 1
        self._open_next()

    def _search(self):
        """Finds newest and oldest sector of a log without damage by a binary search over its headers.

        False if anything is unusual: then every header has to be looked at.
        """
        n = self.sectors
        base = self._probe(0)  # sector i bears base + i up to the newest, and n less after it
        newest = 0
        if base == _BLANK:
            newest = n - 1
            base = self._probe(newest) - newest
        if base < 0:
            return False
        end = n
        while end - newest > 1:
            middle = (newest + end) // 2
            seq = self._probe(middle)
            if seq == base + middle:
                newest = middle
            elif seq < base:
                end = middle
            else:
                return False
        oldest = base + newest + 1 - n
        after = self._probe((newest + 1) % n)
        if after == _BLANK:
            oldest += 1
            after = self._probe((newest + 2) % n)
            if after == _BLANK and newest + 2 < n and self._probe(n - 1) == _BLANK:
                oldest = after = base
        if oldest < 0 or after != oldest:
            return False
        for seq in range(oldest, base + newest + 1):
            self._where[seq % n] = (seq - base) % n
        self._sector = newest
        self._first_seq = (base + newest) * SLOTS
        self.oldest_seq = oldest * SLOTS
        return True

    def _probe(self, sector):
        """The sector_seq of a physical sector of this log; _BLANK or _DAMAGED without a header of its."""
        buf = bytearray(HEADER)
        header = Header()
        self._device.readblocks(sector, buf, 0)
        if header.parse(buf, self._chip):
            if not self.log_id:
                self.log_id = header.log_id
            if header.log_id == self.log_id:
                return header.sector_seq
        return _BLANK if is_blank(buf, 0, HEADER) else _DAMAGED

    def _survey(self):
        """Reads every header. Gives sector_seq (or _NONE) by physical sector; finds log_id and the newest."""
        seqs = array("I", bytes(4 * self.sectors))
        header = Header()
        buf = bytearray(HEADER)
        newest = -1
        for sector in range(self.sectors):
            seqs[sector] = _NONE
            self._device.readblocks(sector, buf, 0)
            if not header.parse(buf, self._chip):
                continue
            if header.sector_seq > newest:
                if header.log_id != self.log_id:
                    for older in range(sector):
                        seqs[older] = _NONE
                newest = header.sector_seq
                self.log_id = header.log_id
                self._sector = sector
            if header.log_id == self.log_id:
                seqs[sector] = header.sector_seq
        self._first_seq = newest * SLOTS
        return seqs

    def _walk_back(self, seqs):
        """Maps sector_seq to physical sectors from the newest back to the oldest."""
        n = self.sectors
        sector = self._sector
        seq = seqs[sector]
        self._where[seq % n] = sector
        gap = 0
        for _ in range(n - 1):
            sector = (sector - 1) % n
            found = seqs[sector]
            if found == _NONE:
                if seq and self._proves(sector, seq - 1):
                    seq -= 1
                    self._where[seq % n] = sector
                    self.damaged_headers += 1
                    gap = 0
                else:
                    gap += 1
                    if gap > _GAP:
                        break
                continue
            if not seq - 1 - gap <= found < seq:
                break
            # What is missing between two good headers is in the damaged sectors between them, void or not.
            near = sector
            while seq - 1 > found:
                seq -= 1
                near = (near + 1) % n
                self.damaged_headers += 1
                self._where[seq % n] = near
            seq = found
            self._where[seq % n] = sector
            gap = 0
        self.oldest_seq = seq * SLOTS

    def _proves(self, sector, sector_seq):
        """Tells whether a sector without a good header holds a record of this sector_seq."""
        place = Place(self.log_id, sector_seq)
        buf = self._buf
        for slot in range(SLOTS):
            at = (HEADER + slot * SIZE) % 512
            if slot == 0 or at == 0:
                self._device.readblocks(sector, buf, HEADER + slot * SIZE - at)
            if place.holds(buf, at, slot):
                return True
        return False

    def _adopt_headless(self, seqs):
        """A newest sector whose header has rotted still holds records: go on from it."""
        seq = self._first_seq // SLOTS
        sector = (self._sector + 1) % self.sectors
        if seqs[sector] == _NONE and self._proves(sector, seq + 1):
            self.damaged_headers += 1
            self._sector = sector
            self._first_seq = (seq + 1) * SLOTS
            self._where[(seq + 1) % self.sectors] = sector

    def _scan_newest(self):
        """Takes totals, cursor, boot number and the write position from the newest sector."""
        first = self._first_seq
        self.next_seq = first + SLOTS
        header = self.header(first // SLOTS)
        self.totals = header.totals
        self.cursor, self.sent, self._lost = header.cursor, header.sent, header.lost
        boot = header.boot
        self.news_seq = first
        self._slot = 0
        reader = Reader(self)
        reader.seek(first)
        kinds = bytearray(16)  # of the newest records
        while True:
            kind = reader.next()
            if kind == END:
                break
            record = reader.record
            if not kind:
                continue
            self._slot = reader.seq - first + 1
            kinds[:] = kinds[1:] + bytes((kind,))
            if kind == ACK:
                self._take_ack(record)
                continue
            self.news_seq = reader.seq + 1
            self.count(record)
            boot = record[6] | record[7] << 8 if kind != TIME else boot
        self._slot = max(self._slot, self._burned_to - first + 1)
        self.next_seq = first + self._slot
        self._place = Place(self.log_id, first // SLOTS)
        self.boot_storm = all(k in (BOOT, TIME, ACK) for k in kinds) and sum(k == BOOT for k in kinds) >= 8
        self._clock.boot = boot % 65535 + 1

    def _take_ack(self, record):
        cursor = int.from_bytes(record[8:12], "little")
        if cursor >= self.cursor:
            self.cursor = cursor
            self.sent = int.from_bytes(record[1:5], "little")
            self._lost = int.from_bytes(record[5:8], "little")

    # ---- writing ----

    def append(self, buf):
        """Stores the first 12 of the 16 bytes `buf` as the next record, read back and compared.

        Gives its seq, or -1 if four slots in a row failed or no sector could be opened. Allocates nothing unless a
        sector must be opened or a slot failed.
        """
        for tried in range(_TRIES):
            if self._slot >= SLOTS:
                # The next header's totals must tell whether a try in this sector has succeeded after all.
                seq = self._first_copy(tried) if tried else -1
                if seq >= 0 or not self._open_next():
                    return self._appended(buf, seq)
            slot = self._slot
            at = HEADER + slot * SIZE
            self._place.seal(buf, slot)
            self._slot = slot + 1
            self.next_seq = self._first_seq + self._slot
            if self._program(self._sector, buf, at, self._back):
                return self._appended(buf, self._first_copy(tried + 1) if tried else self.next_seq - 1)
            self.burned_seen(self.next_seq - 1)
            buf[0] |= RETRY
        return -1

    def _appended(self, buf, seq):
        if seq >= 0:
            if buf[0] & 7 != ACK:
                self.news_seq = self.next_seq
            self.count(buf)
        return seq

    def _first_copy(self, slots):
        """The seq of the earliest of the last `slots` slots that readers will take for the record, or -1."""
        reader = Reader(self)
        reader.seek(self.next_seq - slots)
        while True:
            kind = reader.next()
            if kind:
                return reader.seq if kind != END else -1

    def _program(self, sector, buf, at, back):
        try:
            self._device.writeblocks(sector, buf, at)
            self._device.readblocks(sector, back, at)
            if back != buf:
                self._device.readblocks(sector, back, at)
        except OSError:
            return False
        return back == buf

    def count(self, record):
        """Adds the presses of a record to the lifetime totals."""
        kind = record[0] & 7
        if kind == PRESS or kind == RUN:
            self.totals[record[8] & 3] += presses(record, 0)

    @property
    def needs_sector(self):
        """True if there is no sector erased ahead."""
        return self._ahead < 0

    @property
    def is_full(self):
        """True if the next record needs a new sector."""
        return self._slot >= SLOTS

    def prepare(self):
        """Erases the next usable sector (the CPU stands still meanwhile) and checks that it is blank.

        The oldest sector goes with it if the ring is full. False if no sector can be erased.
        """
        for _ in range(self.sectors):
            sector = (self._candidate + 1) % self.sectors
            self._candidate = sector
            if sector == self._sector:
                continue
            self._drop(sector)
            if self._erase(sector):
                self._ahead = sector
                return True
            self.bad_sectors += 1
        return False

    def _drop(self, sector):
        """Gives up the oldest sectors up to the one that stands at `sector`, if it is one of the log's."""
        first = self.oldest_seq // SLOTS
        last = self._first_seq // SLOTS
        for seq in range(first, last):
            if self._where[seq % self.sectors] == sector:
                self._before_oldest = sum(self.header(seq + 1).totals)
                self.oldest_seq = (seq + 1) * SLOTS
                return

    def _erase(self, sector):
        try:
            self._device.ioctl(6, sector)
            for at in range(0, SECTOR, 512):
                self._device.readblocks(sector, self._buf, at)
                if not is_blank(self._buf, 0, 512):
                    self._device.readblocks(sector, self._buf, at)
                    if not is_blank(self._buf, 0, 512):
                        return False
        except OSError:
            return False
        return True

    def open_ahead(self):
        """Opens the erased sector when the current one is full, so that no press has to wait for it."""
        if self._slot >= SLOTS and self._ahead >= 0:
            self._open_next()

    def _open_next(self):
        """Opens a sector, erasing it now if none was erased ahead. False if none is to be had."""
        seq = self._first_seq // SLOTS + 1 if self._sector >= 0 else 0
        buf = bytearray(HEADER)
        header = Header()
        header.log_id = self.log_id
        header.boot = self._clock.boot
        header.totals = self.totals
        header.cursor, header.sent, header.lost = self.cursor, self.sent, self._lost
        for _ in range(self.sectors):
            if self._ahead < 0 and not self.prepare():
                return False
            sector = self._ahead
            self._ahead = -1
            self._where[seq % self.sectors] = sector
            header.sector_seq = seq
            header.pack(buf, self._chip, self._clock.uptime_ms(), self._clock.utc_ms())
            if self._program(sector, buf, 0, bytearray(HEADER)):
                self._sector = sector
                self._first_seq = self.next_seq = seq * SLOTS
                self._slot = 0
                self._place = Place(self.log_id, seq)
                return True
            # Perhaps only the read-back failed: no second sector may bear this number. Its slots are void.
            self.bad_sectors += 1
            seq += 1
        return False

    # ---- reading ----

    def has_sector(self, sector_seq):
        """Tells whether the sector is still held."""
        return self.oldest_seq <= sector_seq * SLOTS <= self._first_seq

    def read(self, sector_seq, at, buf):
        """Fills `buf` from offset `at` of a sector that is held; bytes past its end are left as they are."""
        if at + len(buf) > SECTOR:
            buf = memoryview(buf)[: SECTOR - at]
        self._device.readblocks(self._where[sector_seq % self.sectors], buf, at)

    def header(self, sector_seq):
        """The header of a sector that is held; of a damaged one what the nearest good one tells."""
        header = Header()
        if self._parse(header, sector_seq):
            return header
        first = sector_seq * SLOTS
        for seq in range(sector_seq - 1, self.oldest_seq // SLOTS - 1, -1):
            if self._parse(header, seq):
                header.totals = self._presses(seq * SLOTS, first, header.totals, 1)
                return header
        for seq in range(sector_seq + 1, self._first_seq // SLOTS + 1):
            if self._parse(header, seq):
                header.totals = self._presses(first, seq * SLOTS, header.totals, -1)
                break
        return header

    def _parse(self, header, sector_seq):
        buf = bytearray(HEADER)
        self.read(sector_seq, 0, buf)
        return header.parse(buf, self._chip) and header.log_id == self.log_id and header.sector_seq == sector_seq

    def _presses(self, begin, end, totals, sign):
        """totals plus or less (sign) the presses by button in begin..end-1."""
        totals = list(totals)
        reader = Reader(self)
        reader.seek(begin)
        while reader.seq + 1 < end:
            kind = reader.next()
            if kind == END:
                break
            if kind == PRESS or kind == RUN:
                totals[reader.record[8] & 3] += sign * presses(reader.record, 0)
        return totals

    def totals_before(self, seq):
        """Lifetime presses by button before `seq`, which must be held or be next_seq."""
        if seq == self.next_seq:
            return list(self.totals)
        first = seq - seq % SLOTS
        return self._presses(first, seq, self.header(first // SLOTS).totals, 1)

    def burned_seen(self, seq):
        """A slot was found neither blank nor valid; each counts once."""
        if seq > self._burned_to or not self.burned:
            self.burned += 1
            self._burned_to = seq

    def facts(self):
        """The part of README.md "Facts" that a log knows."""
        return {
            "pressed": self.totals,
            "log_id": self.log_id,
            "capacity": (self.sectors - 1) * SLOTS,
            "next_seq": self.next_seq,
            "oldest_seq": self.oldest_seq,
            "acked_seq": self.cursor - 1,
            "unsent": self.unsent,
            "lost": self.lost,
            "burned": self.burned,
            "bad_sectors": self.bad_sectors,
        }

    # ---- what is settled ----

    def settle(self, mark):
        """Everything below `mark` is settled at the far end. True if that is news; `put_ack` makes it durable."""
        if not max(self.cursor + 1, self.oldest_seq) <= mark <= self.next_seq:
            return False
        lost = self.lost
        self.sent = sum(self.totals_before(mark))
        self._lost = lost
        self.cursor = mark
        return True

    @property
    def ack_body(self):
        """cursor, sent, lost: what an ack record says."""
        return self.cursor, self.sent, self._lost

    @property
    def lost(self):
        """Lifetime presses that were overwritten unsent."""
        if self.oldest_seq > self.cursor:
            return self._lost + max(0, self._before_oldest - self.sent)
        return self._lost

    @property
    def unsent(self):
        """Presses held that are not settled."""
        before = self.sent
        if self.oldest_seq > self.cursor:
            before = max(before, self._before_oldest)
        return sum(self.totals) - before
