"""The log across a deep sleep: what it takes to go on with it without a mount."""

from array import array

from .log_record import SLOTS, Place


def state(log):
    """Gives what has to be remembered of a log: ints, and at the end a list of ints.

    None if the sectors do not stand in the order of the ring, because one was stepped over: then it must be mounted.
    """
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


def remembered(numbers, sectors):
    """What `log_ring.RingLog.take` goes on with: the log as it was when `state` was asked for.

    numbers: what `state` gave; sectors: of the partition. None if it had another size then.
    """
    if numbers is None or numbers[1] != sectors:
        return None
    log_id, n, shift, newest, slot, oldest_seq, news_seq, ahead, candidate = numbers[:9]
    cursor, sent, lost_settled, before_oldest, burned, bad_sectors, totals = numbers[9:]
    where = array("H", bytes(2 * n))
    for seq in range(oldest_seq // SLOTS, newest + 1):
        where[seq % n] = (seq + shift) % n
    first_seq = newest * SLOTS
    return (
        log_id, where, Place(log_id, newest), set(), totals, burned, bad_sectors,
        first_seq, first_seq + slot, oldest_seq, news_seq, before_oldest,
        where[newest % n], slot, ahead, candidate,
        cursor, sent, lost_settled, False,
    )  # fmt: skip
