"""Finds the log in a partition: by binary search if it is sound, else by a look at every header and its neighbours."""

from array import array

from .clock import CEILING_MS, DAY_MS, FLOOR_MS
from .compat import const
from .log_index import BLANK, DAMAGED, LogIndex
from .log_reader import END, Reader
from .log_record import ACK, BOOT, CONSOLE, HEADER, MAGIC, SIZE, SLOTS, TIME, Header, Place, is_blank, presses

_GAP = const(16)  # so many sectors in a row may be damaged or bad before the walk back gives up
_LOOK_ON = const(3)  # sectors beyond the newest that the binary search looks at
_NONE = const(0xFFFFFFFF)


class Mount(LogIndex):
    """An index of the partition, which `find` fills in.

    After that `boot` is the number of the boot that begins, `floor_ms` a time in ms of 1970 that is past by now.
    """

    def __init__(self, device, chip, buf, floor_ms):
        """device, chip: as of a LogIndex; buf: 512 bytes to work with; floor_ms: as the clock has it before."""
        super().__init__(device, chip)
        self._buf = buf
        self.boot = 1
        self.floor_ms = floor_ms
        self._sector = 0  # the newest one, physical
        self._cursor = 0
        self._last = None  # the header that was probed last
        self._newest = None  # the header of the newest sector, if the search has seen it
        self._oldest = None  # and that of the oldest sector
        self._is_next_blank = False

    def find(self):
        """Gives the state that `log_ring.RingLog.take` goes on with; None if there is no log. Programs nothing.

        If there is one, everything is set for reading, too.
        """
        is_sound = self._search()
        if is_sound:
            self._scan_newest()
            is_sound = 0 < self._slot < SLOTS or self._is_really_newest()
        if not is_sound:
            self.log_id = 0
            self._newest = self._oldest = None
            seqs = self._survey()
            if not self.log_id:
                self.boot = 1
                return None
            self._walk_back(seqs)
            self._adopt_headless(seqs)
            self._scan_newest()
        oldest = self._oldest or self.header(self.oldest_seq // SLOTS)
        return (
            self.log_id, self.where, self.place, self.damaged, self.totals, self.burned, 0,
            self.first_seq, self.next_seq, self.oldest_seq, self._news_seq, sum(oldest.totals),
            self._sector, self._slot, -1, self._sector,
            self._cursor, self._sent, self._lost, self._is_storm,
        )  # fmt: skip

    def _search(self):
        """Finds the newest and the oldest sector of a log without damage, by a binary search over its headers.

        False if anything is unusual: then every header has to be looked at.
        """
        n = self.sectors
        base = self._probe(0)  # sector i bears base + i up to the newest, and n less after it
        newest = 0
        if base == BLANK:
            newest = n - 1
            base = self._probe(newest) - newest
        if base < 0:
            return False
        self._newest = self._oldest = self._last
        end = n
        while end - newest > 1:
            middle = (newest + end) // 2
            seq = self._probe(middle)
            if seq == base + middle:
                newest = middle
                self._newest = self._last
            elif seq < base:
                end = middle
            else:
                return False
        # After the newest comes the oldest, or one erased sector and then the oldest, or nothing but erased ones. A few
        # more are looked at, because sectors that failed may have been stepped over.
        at = (newest + 1) % n
        oldest = base + newest + 1 - n
        after = self._probe(at)
        self._is_next_blank = after == BLANK
        if after == BLANK:
            at = (at + 1) % n
            oldest += 1
            after = self._probe(at)
        is_wrapped = after == oldest and oldest >= 0
        if is_wrapped:
            self._oldest = self._last
        if not is_wrapped and (after != BLANK or at <= newest):
            return False
        for step in range(1, _LOOK_ON):
            sector = at + step
            if sector >= n and not is_wrapped:
                break
            if sector % n == newest:
                break
            if self._probe(sector % n) != (oldest + step if is_wrapped else BLANK):
                return False
        if not is_wrapped:
            oldest = base
        for seq in range(oldest, base + newest + 1):
            self.where[seq % n] = (seq - base) % n
        self._sector = newest
        self.first_seq = (base + newest) * SLOTS
        self.oldest_seq = oldest * SLOTS
        return True

    def _is_really_newest(self):
        """Whether the sector that the search has found is the newest one.

        An old sector that can neither be erased nor programmed any more may be taken for it: it was left when it was
        full, and has been stepped over since. Then the sector after it is blank, and the newest one stands before it.
        """
        newest = self.first_seq // SLOTS
        if self._is_next_blank:
            for seq in range(newest - 1, max(newest - 3, self.oldest_seq // SLOTS - 1), -1):
                if self._probe(self.where[seq % self.sectors]) != seq:
                    return False
        return True

    def _probe(self, sector):
        """Gives the sector_seq of a physical sector, or BLANK or DAMAGED if it has no header of this log."""
        header = Header()
        seq = self.load(sector, header)
        if seq < 0:
            return seq
        if not self.log_id:
            self.log_id = header.log_id
        if header.log_id != self.log_id:
            return DAMAGED
        self._last = header
        return seq

    def _survey(self):
        """Reads every header, and finds log_id and the newest sector. Gives sector_seq or _NONE by physical sector."""
        seqs = array("I", bytes(4 * self.sectors))
        header = Header()
        newest = -1
        for sector in range(self.sectors):
            seqs[sector] = _NONE
            if self.load(sector, header) < 0:
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
        self.first_seq = newest * SLOTS
        return seqs

    def _walk_back(self, seqs):
        """Maps sector_seq to physical sectors, from the newest back to the oldest.

        It goes by their numbers and not by their places: a sector that would not erase still bears an old number
        between newer ones.
        """
        n = self.sectors
        where = self.where
        newest = oldest = seq = seqs[self._sector]
        for sector in range(n):
            if seqs[sector] != _NONE and newest - n < seqs[sector]:
                where[seqs[sector] % n] = sector
        gap = 0
        while seq and newest - seq < n - 1 and gap <= _GAP:
            seq -= 1
            is_sure = True
            if seqs[where[seq % n]] != seq:
                sector = self._headless(seqs, seq)
                if sector < 0:
                    # Perhaps the number was never used. With the newest sector in its place all its slots are void.
                    where[seq % n] = self._sector
                    gap += 1
                    continue
                where[seq % n] = sector
                self.damaged.add(sector)
                is_sure = self._has_magic(sector)
            if gap and not self._follows(seq, oldest):
                break
            if is_sure:
                oldest = seq
                gap = 0
        self.oldest_seq = oldest * SLOTS

    def _follows(self, seq, later):
        """Whether no press stood between two sectors. If one did, the older one was given up but would not erase."""
        self.oldest_seq = seq * SLOTS
        self.next_seq = self.first_seq + SLOTS
        totals = self.add_presses(seq * SLOTS, (seq + 1) * SLOTS, self.header(seq).totals, 1)
        return totals == self.header(later).totals

    def _headless(self, seqs, sector_seq):
        """Gives the physical sector without a good header that holds records of this sector_seq, -1 if there is none.

        It is looked for before the place of the next sector_seq.
        """
        sector = self.where[(sector_seq + 1) % self.sectors]
        for _ in range(min(_GAP, self.sectors)):
            sector = (sector - 1) % self.sectors
            if seqs[sector] == _NONE and self._proves(sector, sector_seq):
                return sector
        return -1

    def _has_magic(self, sector):
        """False for a sector that was given up: it is held only if older ones are."""
        buf = bytearray(4)
        self.device.readblocks(sector, buf, 0)
        return buf == MAGIC

    def _proves(self, sector, sector_seq):
        """Whether a sector with a damaged header holds a record of this sector_seq."""
        place = Place(self.log_id, sector_seq)
        buf = self._buf
        for slot in range(SLOTS):
            at = (HEADER + slot * SIZE) % 512
            if slot == 0 or at == 0:
                self.device.readblocks(sector, buf, HEADER + slot * SIZE - at)
                if slot == 0 and is_blank(buf, 0, HEADER):
                    return False  # an erase was cut short, of a sector that had been given up
            if place.holds(buf, at, slot):
                return True
        return False

    def _adopt_headless(self, seqs):
        """Takes a sector after the newest for the newest if its header has rotted, but it holds records."""
        seq = self.first_seq // SLOTS + 1
        sector = self._sector
        for _ in range(min(_GAP, self.sectors)):
            sector = (sector + 1) % self.sectors
            if seqs[sector] == _NONE and self._proves(sector, seq):
                self.damaged.add(sector)
                self._sector = sector
                self.first_seq = seq * SLOTS
                self.where[seq % self.sectors] = sector
                return

    def _scan_newest(self):
        """Takes totals, cursor, boot number and the write position from the newest sector."""
        first = self.first_seq
        self.next_seq = first + SLOTS
        header = self._newest or self.header(first // SLOTS)
        self.totals = header.totals
        self._cursor, self._sent, self._lost = header.cursor, header.sent, header.lost
        boot = header.boot
        if header.is_sure:
            self.floor_ms = raised(self.floor_ms, header.utc_ms, CONSOLE)
        self._news_seq = first
        reader = Reader(self)
        reader.seek(first)
        kinds = bytearray(16)  # of the 16 newest records
        while True:
            kind = reader.next()
            if kind == END:
                break
            record = reader.record
            if not kind:
                continue
            kinds[:] = kinds[1:] + bytes((kind,))
            if kind == ACK:
                self._take_ack(record)
                continue
            if kind == TIME:
                utc_ms = 1000 * int.from_bytes(record[8:12], "little")
                self.floor_ms = raised(self.floor_ms, utc_ms, record[0] >> 4)
            self._news_seq = reader.seq + 1
            self.totals[record[8] & 3] += presses(record, 0)
            boot = record[6] | record[7] << 8 if kind != TIME else boot
        self.burned = reader.burned
        self._slot = max(0, reader.touched_seq - first)
        self.next_seq = first + self._slot
        self.place = Place(self.log_id, first // SLOTS)
        self._is_storm = all(k in (BOOT, TIME, ACK) for k in kinds) and sum(k == BOOT for k in kinds) >= 8
        self.boot = boot % 65535 + 1

    def _take_ack(self, record):
        cursor = int.from_bytes(record[8:12], "little")
        if cursor >= self._cursor:
            self._cursor = cursor
            self._sent = int.from_bytes(record[1:5], "little")
            self._lost = int.from_bytes(record[5:8], "little")


def raised(floor_ms, utc_ms, witness):
    """Gives the floor of the clock (ms of 1970) after the log has said that it was utc_ms.

    floor_ms: the floor before; witness: by whose word, as in a time record. To be asked in the order of the log, so
    that the newest time counts.
    """
    if utc_ms < CEILING_MS and (witness >= CONSOLE or utc_ms <= floor_ms + DAY_MS):
        return max(FLOOR_MS, utc_ms)
    return floor_ms
