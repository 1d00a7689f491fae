"""The spare sector of a log, put to the test: every cell of it falls once and rises once."""

from .compat import sweep
from .log_record import HEADER, SECTOR, SLOTS


def problem(log):
    """Why the sector erased ahead can't be spared, "" if it can.

    It holds nothing. But if it fails the log goes on with the sector after it: that must hold no unsent vote.
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
    """Programs the sector erased ahead from end to end and erases it again. What it can't do, "" if it is good.

    Only for a log that has one, and if `problem` has nothing against it. Zeros are programmed, because an erase that
    was cut short may leave them, too: no power cut in here can leave a mount anything new.
    """
    sweep()  # once it has begun there should be no lack of memory
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
