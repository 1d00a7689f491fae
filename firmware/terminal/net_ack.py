"""Which ack is believed, and how much of it: the whole rule, in one place. spec/batch.md "Ack" has the format.

An ack comes by the topic `ack` of this terminal. What the mark of a believed one moves is for the log to say, see
`log_ring.RingLog.settle`: an ack that comes late may tell nothing new.
"""

import struct
from binascii import crc32


def believed(payload, is_retained, log_id, next_seq, collector_id, nonce):
    """(mark, utc_ms) of an ack that is believed: every seq below mark is settled. None if it is not believed.

    utc_ms: the collector's time in ms of 1970, or 0 if the ack has none, or none that is believed. A time is believed
    only if it is fresh: not from a copy that the broker has retained, and from an answer to the batch made last.
    payload: bytes-like; log_id, next_seq: of this terminal's log; collector_id: the one that is configured;
    nonce: of the batch made last, None if its answer has been there already.
    """
    if len(payload) < 25 or payload[0] != 1:  # another version may mean anything
        return None
    if crc32(payload[:-4]) != struct.unpack_from("<I", payload, len(payload) - 4)[0]:
        return None
    flags, acked_log, mark, answered = struct.unpack_from("<BIII", payload, 1)
    if acked_log != log_id or bytes(payload[20:-4]) != collector_id.encode():
        return None
    if mark > next_seq:  # nobody can have what has not been written
        return None
    is_fresh = not is_retained and answered == nonce
    return mark, int.from_bytes(payload[14:20], "little") if is_fresh and flags & 1 else 0
