"""How much a terminal can honestly say and hold: what goes beyond it comes from no terminal, and must not cost others.

The numbers stand here and nowhere else. firmware/spec/mqtt.md "Limits" tells them to whoever writes another terminal,
`hymio broker config` tells the broker, and the collector judges every message by them first of all.
"""

from __future__ import annotations

from typing import Final

from hymio.wire.records import SECTOR_BYTES, SLOTS

# ---- a terminal ----

LOG_RECORDS_MAX: Final = 16 * 1024 * 1024 // SECTOR_BYTES * SLOTS
"""How many records a ring can hold: the largest flash chips of these boards have 16 MB, and a sector of 4096 bytes has
252 slots. No message may speak of more: held + slots + behind of a batch, next_seq - oldest_seq of a state message."""
RECORDS_PER_S_MAX: Final = 1.0
"""How many records a second a log may grow by in the long run, day and night. That is a thousand times what a busy
terminal writes: a market leader's 25,000 terminals have taken 60,000 presses each in all their years."""
SPANS_MAX: Final = 1000
"""How many stretches of a log, with open gaps between them, are kept apart. A terminal sends from its cursor on, in
order, and so fills the lowest gap first; what would open yet another gap has to wait."""
VOTES_MAX_BYTES: Final = 4096
"""The longest batch by MQTT. Those of the firmware have 700 bytes at most (50 presses), so five of them would fit."""
STATE_MAX_BYTES: Final = 4096
"""The longest state message; those of the firmware have some 1200 bytes."""
TEXT_MAX_BYTES: Final = 512
"""The longest text in a state message, in UTF-8; the longest honest one says why there is no connection."""
NAME_MAX_BYTES: Final = 64
"""The longest `firmware` and `config_version`, which are shown beside others, and the longest name of a fact."""
NUMBER_MAX: Final = 2**53
"""The largest number in a state message, on either side of zero: up to it every reader of JSON is exact."""
NEW_LOGS_PER_DAY: Final = 4
"""How many logs a terminal may begin within 24 hours: a partition is made anew, a board is replaced and put back."""
LOGS_MAX: Final = 64
"""How many logs one terminal may ever have; a person can let more in (`hymio quarantine release`)."""

# ---- the collector ----

TRANSACTION_MESSAGES: Final = 200
"""How many messages one transaction takes at most. What comes while it is written goes into the next one: a commit
costs a flush of the disk whatever is in it, and the first press of a quiet hour need not wait for others."""
ROWS_DATED_AT_ONCE: Final = 10_000
"""How many rows one transaction dates again when a boot or time record comes late, since the votes of others wait for
it. What is left is done in transactions of its own."""
TRANSACTION_MESSAGES_OF_ONE: Final = 50
"""How many of its messages may be from one terminal while others wait as well."""
INBOX_MESSAGES_OF_ONE: Final = 2_000
INBOX_BYTES_OF_ONE: Final = 2 * 1024 * 1024
"""How much of one terminal may wait: half of a full ring. What does not fit is passed over, and the terminal sends it
again because no ack comes."""
INBOX_MESSAGES: Final = 20_000
INBOX_BYTES: Final = 32 * 1024 * 1024
"""How much of all terminals may wait, so that the memory stays bounded while the database is away."""
MESSAGE_OVERHEAD_BYTES: Final = 400
"""What a message costs in memory beside its payload."""

# ---- quarantine ----

QUARANTINE_MESSAGES: Final = 1_000
QUARANTINE_BYTES: Final = 1024 * 1024
"""How much is kept of one terminal. What comes after that is counted and not kept."""
QUARANTINE_MESSAGES_OF_ALL: Final = 20_000
"""How many messages are kept of all together, whatever names they come by: 160 MiB at most."""
QUARANTINE_PAYLOAD_BYTES: Final = 8192
"""How much is kept of one message: twice what any terminal sends. A longer payload is cut, and its reason says so."""
REASON_MAX_CHARACTERS: Final = 500
SOURCE_MAX_CHARACTERS: Final = 100
"""`hymio/`, a device id and the longest topic have 54 characters."""

# ---- the broker ----

MESSAGE_MAX_BYTES: Final = 16 * 1024
"""The longest payload that the broker takes from anybody. The longest honest one (some 5 kB) is what the collector
tells Home Assistant of a terminal."""
QUEUED_MAX_BYTES: Final = 16 * 1024 * 1024
"""How much the broker keeps for one client that is away, beside `max_queued_messages`."""


def unbelievable(first_seq: int, next_seq: int) -> str | None:
    """Why no terminal can hold the seqs from first_seq to next_seq - 1 at one time; None if one can."""
    if next_seq - first_seq <= LOG_RECORDS_MAX:
        return None
    return (
        f"it tells of {next_seq - first_seq} records at one time (seqs {first_seq}..{next_seq - 1}),"
        f" more than the {LOG_RECORDS_MAX} that the largest flash holds"
    )


def too_fast(next_seq: int, pace_seq: int, elapsed_s: float) -> str | None:
    """Why a log that had reached pace_seq can't have reached next_seq `elapsed_s` seconds later; None if it can.

    A full ring more is always allowed, because an old dump may have been read before the terminal itself was heard.
    """
    most = pace_seq + LOG_RECORDS_MAX + int(RECORDS_PER_S_MAX * max(0.0, elapsed_s))
    if next_seq <= most:
        return None
    return (
        f"it tells that the log has reached seq {next_seq}; it began to be heard at seq {pace_seq},"
        f" {max(0.0, elapsed_s):.0f} s before, and cannot be beyond seq {most} by now"
    )
