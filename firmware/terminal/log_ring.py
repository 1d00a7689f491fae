"""The vote log: a ring of sectors in raw NOR flash, after spec/log.md.

The block device is an `esp32.Partition`, or behaves like one: `readblocks(n, buf, off)` reads, `writeblocks(n, buf,
off)` programs without erasing, `ioctl(6, n)` erases a sector, and none of them verifies anything.
"""

from .compat import const
from .log_index import LogIndex
from .log_reader import END, Reader
from .log_record import ACK, HEADER, RETRY, SECTOR, SIZE, SLOTS, Header, Place, is_blank, presses

_TRIES = const(4)  # slots that a record is tried in


class RingLog(LogIndex):
    """Appends records, reads them, and remembers which are settled.

    `mount` or `take` comes first; then `next_seq`, `oldest_seq` and `totals` are right.
    """

    def __init__(self, device, chip, random32, clock):
        """device: see above; chip: u32 of the MAC; random32(): a random u32; clock: a `clock.Clock`."""
        super().__init__(device, chip)
        self._random32 = random32
        self.clock = clock
        self.buf = bytearray(512)  # to read a sector piece by piece
        self._back = bytearray(SIZE)  # a record that is read back
        self.sector = -1  # the physical sector that is open
        self.slot = SLOTS  # its slot that is written next
        self.ahead = -1  # the physical sector that this boot has erased and found blank, -1 = none
        self.candidate = -1  # the physical sector that was tried last for that
        self.news_seq = 0  # from this seq on there are only ack records
        self.cursor = 0  # everything below this seq is settled at the far end
        self.sent = 0  # lifetime presses before the cursor
        self.lost_settled = 0  # those of them that were lost
        self.before_oldest = 0  # lifetime presses before oldest_seq
        self.bad_sectors = 0  # how often a sector did not erase or take a header
        self.may_erase = True  # False while the supply is too low to finish an erase
        self.boot_storm = False  # the newest records are those of a boot loop

    def mount(self):
        """Finds the log, or begins one, and tells the clock which boot this is. A log that is found is only read."""
        from .log_mount import Mount

        found = Mount(self.device, self.chip, self.buf, self.clock.floor_ms)
        state = found.find()
        self.clock.begin(found.boot, found.floor_ms)
        if state:
            self.take(state)
        else:
            self.log_id = self._random32() or 1
            self.candidate = self.sectors - 1
            self._open_next()

    def take(self, state):
        """Goes on with a log that was found. state: what `log_mount.Mount.find` or `sleep_log.remembered` gives."""
        (
            self.log_id, self.where, self.place, self.damaged, self.totals, self.burned, self.bad_sectors,
            self.first_seq, self.next_seq, self.oldest_seq, self.news_seq, self.before_oldest,
            self.sector, self.slot, self.ahead, self.candidate,
            self.cursor, self.sent, self.lost_settled, self.boot_storm,
        ) = state  # fmt: skip

    # ---- writing ----

    def append(self, buf):
        """Stores the first 12 of the 16 bytes `buf` as the next record, reads it back and compares.

        Gives its seq, or -1 if four slots in a row have failed or no sector could be opened. Allocates nothing unless
        a sector must be opened or a slot has failed.
        """
        for tried in range(_TRIES):
            if self.slot >= SLOTS:
                # The totals in the next header must say whether a try in this sector has succeeded after all.
                seq = self._first_copy(tried) if tried else -1
                if seq >= 0 or not self._open_next():
                    return self._appended(buf, seq)
            slot = self.slot
            at = HEADER + slot * SIZE
            self.place.seal(buf, slot)
            self.slot = slot + 1
            self.next_seq = self.first_seq + self.slot
            if self.program(self.sector, buf, at, self._back):
                return self._appended(buf, self._first_copy(tried + 1) if tried else self.next_seq - 1)
            self.burned += 1
            buf[0] |= RETRY
        return self._appended(buf, self._first_copy(_TRIES))

    def _appended(self, buf, seq):
        if seq >= 0:
            if buf[0] & 7 != ACK:
                self.news_seq = self.next_seq
            self.totals[buf[8] & 3] += presses(buf, 0)
        return seq

    def _first_copy(self, slots):
        """Gives the seq of the earliest of the last `slots` slots that readers will take for the record, or -1."""
        reader = Reader(self)
        reader.seek(self.next_seq - slots)
        while True:
            kind = reader.next()
            if kind:
                return reader.seq if kind != END else -1

    def program(self, sector, buf, at, back):
        """Programs `buf` at offset `at` of a physical sector. back: a buffer of the same size.

        True once two of three reads show what was written: one read may fail, and may even hide a bit that is stuck.
        """
        good = 0
        try:
            self.device.writeblocks(sector, buf, at)
            for _ in range(3):
                self.device.readblocks(sector, back, at)
                if back == buf:
                    good += 1
                    if good == 2:
                        return True
        except OSError:
            pass
        return False

    @property
    def needs_sector(self):
        """True if there is no sector erased ahead."""
        return self.ahead < 0

    def prepare(self):
        """Erases the next usable sector and checks that it is blank. The CPU stands still meanwhile.

        If the ring is full, that is the oldest sector. False if no sector can be erased, or none may be.
        """
        if not self.may_erase:
            return False
        for _ in range(self.sectors):
            sector = (self.candidate + 1) % self.sectors
            self.candidate = sector
            if sector == self.sector:
                continue
            self._drop(sector)
            if self.erase_ahead(sector):
                return True
        return False

    def lend(self):
        """The sector that was erased ahead. It is out of play from now on; `erase_ahead` brings it back."""
        sector = self.ahead
        self.ahead = -1
        return sector

    def erase_ahead(self, sector):
        """Erases a sector that holds nothing and has it ready to be opened next. False if it fails: it is a bad one."""
        if not self._erase(sector):
            self.bad_sectors += 1
            return False
        self.ahead = sector
        self.damaged.discard(sector)
        return True

    def _drop(self, sector):
        """Gives up the oldest sectors, up to the one that stands at the physical `sector`, if one does."""
        first = self.oldest_seq // SLOTS
        last = self.first_seq // SLOTS
        # From the newest down: two numbers may stand there, one whose header failed, and a later one that is held.
        for seq in range(last - 1, first - 1, -1):
            if self.where[seq % self.sectors] == sector:
                self.before_oldest = sum(self.header(seq + 1).totals)
                self.oldest_seq = (seq + 1) * SLOTS
                return

    def _erase(self, sector):
        """True if the sector is blank from end to end then."""
        try:
            self._kill(sector)
            self.device.ioctl(6, sector)
            for at in range(0, SECTOR, 512):
                self.device.readblocks(sector, self.buf, at)
                if not is_blank(self.buf, 0, 512):
                    self.device.readblocks(sector, self.buf, at)
                    if not is_blank(self.buf, 0, 512):
                        return False
        except OSError:
            return False
        return True

    def _kill(self, sector):
        """Ends the header of a sector that is given up, so that what a cut or a failing erase leaves is not read."""
        back = bytearray(4)
        for _ in range(2):
            self.device.writeblocks(sector, back, 0)
            self.device.readblocks(sector, back, 0)
            if not any(back):
                return
            back[:] = bytes(4)

    def open_ahead(self):
        """Opens the sector erased ahead once the open one is full, so that no press has to wait for that."""
        if self.slot >= SLOTS and self.ahead >= 0:
            self._open_next()

    def _open_next(self):
        """Opens a sector, and erases one now if none has been erased ahead. False if there is none to be had."""
        seq = self.first_seq // SLOTS + 1 if self.sector >= 0 else 0
        buf = bytearray(HEADER)
        header = Header()
        header.log_id = self.log_id
        header.boot = self.clock.boot
        header.totals = self.totals
        header.cursor, header.sent, header.lost = self.cursor, self.sent, self.lost_settled
        header.is_sure = self.clock.is_sure
        for _ in range(self.sectors):
            if self.ahead < 0 and not self.prepare():
                return False
            sector = self.lend()
            self.where[seq % self.sectors] = sector
            header.sector_seq = seq
            header.pack(buf, self.chip, self.clock.uptime_ms(), self.clock.utc_ms())
            if self.program(sector, buf, 0, bytearray(HEADER)):
                self.sector = sector
                self.first_seq = self.next_seq = seq * SLOTS
                self.slot = 0
                self.place = Place(self.log_id, seq)
                return True
            # Perhaps only the read-back has failed. No second sector may bear this number, so its slots stay void.
            self.bad_sectors += 1
            seq += 1
        return False

    # ---- what is settled ----

    def settle(self, mark):
        """Takes note that everything below seq `mark` is settled at the far end. True if that is news.

        A mark is no news if it is not above the cursor, or below the oldest seq, and can't be true if it is beyond the
        next seq. A record by `log_record.put_ack` makes the news durable.
        """
        if not max(self.cursor + 1, self.oldest_seq) <= mark <= self.next_seq:
            return False
        lost = self.lost
        self.sent = sum(self.totals_before(mark))
        self.lost_settled = lost
        self.cursor = mark
        return True

    @property
    def ack_body(self):
        """(cursor, sent, lost) as an ack record says it."""
        return self.cursor, self.sent, self.lost_settled

    @property
    def lost(self):
        """Lifetime presses that were overwritten unsent."""
        if self.oldest_seq > self.cursor:
            return self.lost_settled + max(0, self.before_oldest - self.sent)
        return self.lost_settled

    @property
    def unsent(self):
        """Presses held that are not settled."""
        before = self.sent
        if self.oldest_seq > self.cursor:
            before = max(before, self.before_oldest)
        return sum(self.totals) - before
