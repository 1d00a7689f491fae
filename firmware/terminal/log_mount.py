"""Finds the log in a partition: by binary search if it is sound, else by a look at every header and its neighbours."""

from array import array

from .clock import CEILING_MS, DAY_MS, FLOOR_MS
from .compat import const
from .log_index import BLANK, DAMAGED
from .log_reader import END, Reader
from .log_record import ACK, BOOT, CONSOLE, HEADER, MAGIC, SIZE, SLOTS, TIME, Header, Place, is_blank

_GAP = const(16)  # so many sectors in a row may be damaged or bad before the walk back gives up
_LOOK_ON = const(3)
_NONE = const(0xFFFFFFFF)


class Mount:
    """Fills in what a `log_ring.RingLog` knows of its partition."""

    def __init__(self, log):
        self._log = log
        self._last = None  # header probed last
        self._newest = None  # header of the newest sector, if the search has seen it
        self._oldest = None  # and that of the oldest
        self._is_next_blank = False

    def find(self):
        """True if there is a log; then everything is set for reading and appending. Programs nothing."""
        log = self._log
        is_sound = self._search()
        if is_sound:
            self._scan_newest()
            is_sound = 0 < log.slot < SLOTS or self._is_really_newest()
        if not is_sound:
            log.log_id = 0
            self._newest = self._oldest = None
            seqs = self._survey()
            if not log.log_id:
                return False
            self._walk_back(seqs)
            self._adopt_headless(seqs)
            self._scan_newest()
        log.candidate = log.sector
        oldest = self._oldest or log.header(log.oldest_seq // SLOTS)
        log.before_oldest = sum(oldest.totals)
        return True

    def _search(self):
        """Finds newest and oldest sector of a log without damage by a binary search over its headers.

        False if anything is unusual: then every header has to be looked at.
        """
        log = self._log
        n = log.sectors
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
            log.where[seq % n] = (seq - base) % n
        log.sector = newest
        log.first_seq = (base + newest) * SLOTS
        log.oldest_seq = oldest * SLOTS
        return True

    def _is_really_newest(self):
        """Where the search ended may stand an old sector that can neither be erased nor programmed, left when it was
        full and stepped over since: then the one after it is blank, and the newest is before it."""
        log = self._log
        newest = log.first_seq // SLOTS
        if self._is_next_blank:
            for seq in range(newest - 1, max(newest - 3, log.oldest_seq // SLOTS - 1), -1):
                if self._probe(log.where[seq % log.sectors]) != seq:
                    return False
        return True

    def _probe(self, sector):
        """The sector_seq of a physical sector of this log; BLANK or DAMAGED without a header of its."""
        log = self._log
        header = Header()
        seq = log.load(sector, header)
        if seq < 0:
            return seq
        if not log.log_id:
            log.log_id = header.log_id
        if header.log_id != log.log_id:
            return DAMAGED
        self._last = header
        return seq

    def _survey(self):
        """Reads every header. Gives sector_seq (or _NONE) by physical sector; finds log_id and the newest."""
        log = self._log
        seqs = array("I", bytes(4 * log.sectors))
        header = Header()
        newest = -1
        for sector in range(log.sectors):
            seqs[sector] = _NONE
            if log.load(sector, header) < 0:
                continue
            if header.sector_seq > newest:
                if header.log_id != log.log_id:
                    for older in range(sector):
                        seqs[older] = _NONE
                newest = header.sector_seq
                log.log_id = header.log_id
                log.sector = sector
            if header.log_id == log.log_id:
                seqs[sector] = header.sector_seq
        log.first_seq = newest * SLOTS
        return seqs

    def _walk_back(self, seqs):
        """Maps sector_seq to physical sectors from the newest back to the oldest, by number and not by place: a
        sector that would not erase still bears an old number between newer ones."""
        log = self._log
        n = log.sectors
        where = log.where
        newest = oldest = seq = seqs[log.sector]
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
                    # Perhaps a number that was never used. No record in the newest sector can be valid for it.
                    where[seq % n] = log.sector
                    gap += 1
                    continue
                where[seq % n] = sector
                log.damaged.add(sector)
                is_sure = self._has_magic(sector)
            if gap and not self._follows(seq, oldest):
                break
            if is_sure:
                oldest = seq
                gap = 0
        log.oldest_seq = oldest * SLOTS

    def _follows(self, seq, later):
        """Tells whether no press stood between two sectors: else the older one was given up, but would not erase."""
        log = self._log
        log.oldest_seq = seq * SLOTS
        log.next_seq = log.first_seq + SLOTS
        totals = log.add_presses(seq * SLOTS, (seq + 1) * SLOTS, log.header(seq).totals, 1)
        return totals == log.header(later).totals

    def _headless(self, seqs, sector_seq):
        """The sector without a good header that holds records of this sector_seq, looked for before the next one's
        place; -1 if there is none."""
        log = self._log
        sector = log.where[(sector_seq + 1) % log.sectors]
        for _ in range(min(_GAP, log.sectors)):
            sector = (sector - 1) % log.sectors
            if seqs[sector] == _NONE and self._proves(sector, sector_seq):
                return sector
        return -1

    def _has_magic(self, sector):
        """False for a sector that was given up: only among others that are held it is one of them."""
        buf = bytearray(4)
        self._log.device.readblocks(sector, buf, 0)
        return buf == MAGIC

    def _proves(self, sector, sector_seq):
        """Tells whether a sector with a damaged header holds a record of this sector_seq."""
        log = self._log
        place = Place(log.log_id, sector_seq)
        buf = log.buf
        for slot in range(SLOTS):
            at = (HEADER + slot * SIZE) % 512
            if slot == 0 or at == 0:
                log.device.readblocks(sector, buf, HEADER + slot * SIZE - at)
                if slot == 0 and is_blank(buf, 0, HEADER):
                    return False  # an erase was cut short: what is left of the sector was given up
            if place.holds(buf, at, slot):
                return True
        return False

    def _adopt_headless(self, seqs):
        """A newest sector whose header has rotted still holds records: go on from it."""
        log = self._log
        seq = log.first_seq // SLOTS + 1
        sector = log.sector
        for _ in range(min(_GAP, log.sectors)):
            sector = (sector + 1) % log.sectors
            if seqs[sector] == _NONE and self._proves(sector, seq):
                log.damaged.add(sector)
                log.sector = sector
                log.first_seq = seq * SLOTS
                log.where[seq % log.sectors] = sector
                return

    def _scan_newest(self):
        """Takes totals, cursor, boot number and the write position from the newest sector."""
        log = self._log
        first = log.first_seq
        log.next_seq = first + SLOTS
        header = self._newest or log.header(first // SLOTS)
        log.totals = header.totals
        log.cursor, log.sent, log.lost_settled = header.cursor, header.sent, header.lost
        boot = header.boot
        clock = log.clock
        if header.is_sure:
            raise_floor(clock, header.utc_ms, CONSOLE)
        log.news_seq = first
        reader = Reader(log)
        reader.seek(first)
        kinds = bytearray(16)  # of the newest records
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
                raise_floor(clock, 1000 * int.from_bytes(record[8:12], "little"), record[0] >> 4)
            log.news_seq = reader.seq + 1
            log.count(record)
            boot = record[6] | record[7] << 8 if kind != TIME else boot
        log.burned = reader.burned
        log.slot = max(0, reader.touched_seq - first)
        log.next_seq = first + log.slot
        log.place = Place(log.log_id, first // SLOTS)
        log.boot_storm = all(k in (BOOT, TIME, ACK) for k in kinds) and sum(k == BOOT for k in kinds) >= 8
        clock.boot = boot % 65535 + 1

    def _take_ack(self, record):
        log = self._log
        cursor = int.from_bytes(record[8:12], "little")
        if cursor >= log.cursor:
            log.cursor = cursor
            log.sent = int.from_bytes(record[1:5], "little")
            log.lost_settled = int.from_bytes(record[5:8], "little")


def raise_floor(clock, utc_ms, witness):
    """For a mount: a time in the log, and whose word it was; in the order of the log, so that the newest counts."""
    if utc_ms < CEILING_MS and (witness >= CONSOLE or utc_ms <= clock.floor_ms + DAY_MS):
        clock.floor_ms = max(FLOOR_MS, utc_ms)
