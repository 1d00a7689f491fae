"""A test of the sector that a log has erased ahead: each of its bits is programmed once and erased once."""

from .compat import sweep
from .log_record import HEADER, SECTOR, SLOTS


def problem(log):
    """Gives why the sector erased ahead can't be tested, "" if it can.

    That sector holds nothing. But if it fails the test, the log goes on with the sector after it, which must hold no
    unsent vote then.
    """
    after = (log.candidate + 1) % log.sectors
    if after == log.sector:
        after = (after + 1) % log.sectors
    if log.unsent:
        for seq in range(max(log.oldest_seq, log.cursor) // SLOTS, log.first_seq // SLOTS):
            if log.where[seq % log.sectors] == after:
                return "every sector holds unsent votes"
    return ""


def run(log):
    """Programs the sector erased ahead from end to end and erases it again. Gives what failed, "" if nothing did.

    Only for a log that has such a sector, and if `problem` gives "". It programs zeros, which an erase that was cut
    short may leave as well: so a power cut during the test leaves nothing that a mount does not know anyway.
    """
    sweep()  # there should be no lack of memory once the test has begun
    zeros = bytes(HEADER)
    back = bytearray(HEADER)
    sector = log.lend()
    found = ""
    for at in range(0, SECTOR, HEADER):
        if not log.program(sector, zeros, at, back):
            found = "program"
            break
    if not log.erase_ahead(sector):
        found = "erase"
    return found
