"""A log across deep sleep: what it takes to go on appending without a mount."""

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


def resume(log, numbers):
    """Puts a log where `state` was taken. False if that was another partition's."""
    if numbers is None or numbers[1] != log.sectors:
        return False
    log.log_id, n, shift, newest, log.slot, log.oldest_seq, log.news_seq, log.ahead, log.candidate = numbers[:9]
    log.cursor, log.sent, log.lost_settled, log.before_oldest, log.burned, log.bad_sectors, log.totals = numbers[9:]
    for seq in range(log.oldest_seq // SLOTS, newest + 1):
        log.where[seq % n] = (seq + shift) % n
    log.sector = log.where[newest % n]
    log.first_seq = newest * SLOTS
    log.next_seq = log.first_seq + log.slot
    log.place = Place(log.log_id, newest)
    return True
