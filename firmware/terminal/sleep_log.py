"""A log across deep sleep: what it takes to go on appending without a mount."""

from .log_index import LogIndex
from .log_record import SLOTS, Place


def state(log):
    """A list of ints, the last one a list; None if the sectors do not stand in ring order: then a mount is needed."""
    newest = log.first_seq // SLOTS
    n = log.sectors
    shift = (log.sector - newest) % n
    for seq in range(log.oldest_seq // SLOTS, newest + 1):
        if log.where[seq % n] != (seq + shift) % n:
            return None
    return [
        log.log_id, n, shift, newest, log.slot, log.oldest_seq, log.news_seq, log.ahead, log.candidate, log.cursor,
        log.sent, log.lost_settled, log.before_oldest, log.burned, log.bad_sectors, log.totals,
    ]  # fmt: skip


class Resumed(LogIndex):
    """What `log_ring.RingLog.take` goes on from: the log as it was when `state` was asked for."""

    def __init__(self, device, chip, numbers):
        """device, chip: as of a LogIndex; numbers: what `state` gave. ValueError if they are another partition's."""
        super().__init__(device, chip)
        if numbers[1] != self.sectors:
            raise ValueError
        self.log_id, n, shift, newest, self.slot, self.oldest_seq, self.news_seq, self.ahead = numbers[:8]
        self.candidate, self.cursor, self.sent, self.lost_settled, self.before_oldest = numbers[8:13]
        self.burned, self.bad_sectors, self.totals = numbers[13:]
        self.boot_storm = False
        for seq in range(self.oldest_seq // SLOTS, newest + 1):
            self.where[seq % n] = (seq + shift) % n
        self.sector = self.where[newest % n]
        self.first_seq = newest * SLOTS
        self.next_seq = self.first_seq + self.slot
        self.place = Place(self.log_id, newest)
