"""What a log holds, for reading: where its sectors stand, what their headers say, how many presses came before."""

from array import array

from .compat import const
from .log_reader import END, Reader
from .log_record import HEADER, PRESS, RUN, SECTOR, SLOTS, Header, is_blank, presses

BLANK = const(-1)
DAMAGED = const(-2)


class LogIndex:
    """The reading half of `log_ring.RingLog`, and all that a mount needs of it."""

    def __init__(self, device, chip):
        """device: the block device; chip: u32 of the MAC. ValueError if no log fits the device."""
        self.device = device
        self.chip = chip
        self.sectors = device.ioctl(4, 0)
        if self.sectors < 4 or device.ioctl(5, 0) != SECTOR:
            raise ValueError("votes: expected 4 sectors or more of 4096 bytes, came %d" % self.sectors)
        self.where = array("H", bytes(2 * self.sectors))  # sector_seq % sectors -> physical sector
        self.place = None  # the `log_record.Place` of the open sector
        self.log_id = 0
        self.first_seq = 0  # the seq of the first slot of the open sector
        self.next_seq = 0  # the seq of the record that is written next
        self.oldest_seq = 0  # the oldest seq that is held
        self.totals = [0, 0, 0, 0]  # lifetime presses by button
        self.burned = 0  # slots that are neither blank nor valid
        self.damaged = set()  # the physical sectors whose header has rotted

    def has_sector(self, sector_seq):
        """Whether the sector is still held."""
        return self.oldest_seq <= sector_seq * SLOTS <= self.first_seq

    def read(self, sector_seq, at, buf):
        """Fills `buf` from offset `at` of a sector that is held. Bytes past its end stay as they are."""
        if at + len(buf) > SECTOR:
            buf = memoryview(buf)[: SECTOR - at]
        self.device.readblocks(self.where[sector_seq % self.sectors], buf, at)

    def load(self, sector, header):
        """Reads the header of a physical sector into `header`; one bit of it may be rotten.

        Gives its sector_seq, or BLANK or DAMAGED if there is no header of this chip.
        """
        buf = bytearray(HEADER)
        for _ in range(2):  # a read may fail once
            self.device.readblocks(sector, buf, 0)
            if header.parse(buf, self.chip):
                return header.sector_seq
            if is_blank(buf, 0, HEADER):
                return BLANK
        if header.mend(buf, self.chip):
            self.damaged.add(sector)
            return header.sector_seq
        return DAMAGED

    def header(self, sector_seq):
        """Gives the header of a sector that is held. If it is damaged, its totals come from the nearest good one."""
        header = Header()
        if self.is_told(header, sector_seq):
            return header
        first = sector_seq * SLOTS
        for seq in range(sector_seq - 1, self.oldest_seq // SLOTS - 1, -1):
            if self.is_told(header, seq):
                header.totals = self.add_presses(seq * SLOTS, first, header.totals, 1)
                return header
        for seq in range(sector_seq + 1, self.first_seq // SLOTS + 1):
            if self.is_told(header, seq):
                header.totals = self.add_presses(first, seq * SLOTS, header.totals, -1)
                return header
        if self.place is not None:
            header.totals = self.add_presses(first, self.next_seq, self.totals, -1)
        return header

    def is_told(self, header, sector_seq):
        """True if the header of a sector that is held could be read into `header`. If it is damaged, that is noted."""
        sector = self.where[sector_seq % self.sectors]
        found = self.load(sector, header)
        if found == DAMAGED:
            self.damaged.add(sector)
        return found == sector_seq and header.log_id == self.log_id

    def add_presses(self, begin, end, totals, sign, reader=None):
        """Gives totals plus (sign 1) or less (sign -1) the presses by button in seqs begin..end-1.

        reader: a Reader of this log to use; None: a new one is made.
        """
        totals = list(totals)
        reader = reader or Reader(self)
        reader.seek(begin)
        while reader.seq + 1 < end:
            kind = reader.next()
            if kind == END:
                break
            if kind == PRESS or kind == RUN:
                totals[reader.record[8] & 3] += sign * presses(reader.record, 0)
        return totals

    def totals_before(self, seq, reader=None):
        """Gives the lifetime presses by button before `seq`, which must be held or be next_seq."""
        if seq == self.next_seq:
            return list(self.totals)
        first = seq - seq % SLOTS
        return self.add_presses(first, seq, self.header(first // SLOTS).totals, 1, reader)
