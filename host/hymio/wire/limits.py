"""How much a terminal can honestly say and hold: what goes beyond it is no terminal's, and must not cost the others.

One place for the numbers. firmware/README.md ("Limits") tells them to whoever writes another terminal, `hymio broker
config` to the broker, and the collector judges every message by them before anything else is made of it.
"""

from __future__ import annotations

from typing import Final

from hymio.wire.records import SLOTS

# A terminal

LOG_RECORDS_MAX: Final = 16 * 1024 * 1024 // 4096 * SLOTS
"""Records that a ring can hold: the largest flash chips of these boards have 16 MB, and a sector of 4096 bytes has 252
slots. No message may speak of more: held + slots + behind of a batch, next_seq - oldest_seq of a state message."""
RECORDS_PER_S_MAX: Final = 1.0
"""Records a second, day and night, that a log may grow by in the long run. That is a thousand times what a busy
terminal writes: a market leader's 25,000 terminals have taken 60,000 presses each in all their years."""
SPANS_MAX: Final = 1000
"""Stretches of a log, with open gaps between them, that are kept apart. A terminal sends from its cursor on, in order,
and so fills the lowest gap first; what would open yet another one then has to wait."""
VOTES_MAX_BYTES: Final = 4096
"""A batch by MQTT. The firmware's are 700 bytes at most (50 presses), so five of them would fit."""
STATE_MAX_BYTES: Final = 4096
"""A state message; the firmware's have some 1200 bytes."""
TEXT_MAX_BYTES: Final = 512
"""A text in a state message, UTF-8: the longest is why there is no connection."""
NAME_MAX_BYTES: Final = 64
"""`firmware` and `config_version`, which are shown beside others, and the name of a fact."""
NUMBER_MAX: Final = 2**53
"""A number in a state message, either side of zero: what every reader of JSON gets right."""
NEW_LOGS_PER_DAY: Final = 4
"""Logs that a terminal begins within 24 hours: a partition made anew, a board replaced and put back."""
LOGS_MAX: Final = 64
"""Logs of one terminal, ever; a person can let more in (`hymio quarantine release`)."""

# The collector

TRANSACTION_MESSAGES: Final = 200
"""Messages taken into one transaction at most. What comes while one is written goes into the next: a commit costs a
flush of the disk whatever is in it, and the first press of a quiet hour need not wait for company."""
ROWS_DATED_AT_ONCE: Final = 10_000
"""Rows that one transaction dates again, when a boot or time record comes late: others' votes wait for it meanwhile.
What is left is done in transactions of its own."""
TRANSACTION_MESSAGES_OF_ONE: Final = 50
"""Of those from one terminal, while others wait as well."""
INBOX_MESSAGES_OF_ONE: Final = 2_000
INBOX_BYTES_OF_ONE: Final = 2 * 1024 * 1024
"""What waits of one terminal: half of a full ring. What does not fit is passed over, and sent again for want of an
ack."""
INBOX_MESSAGES: Final = 20_000
INBOX_BYTES: Final = 32 * 1024 * 1024
"""What waits of all: while the database is away the memory stays what it is."""
MESSAGE_OVERHEAD_BYTES: Final = 400
"""What a message costs in memory beside its payload."""

# Quarantine

QUARANTINE_MESSAGES: Final = 1_000
QUARANTINE_BYTES: Final = 1024 * 1024
"""Of one terminal. What comes then is counted and not kept."""
QUARANTINE_MESSAGES_OF_ALL: Final = 20_000
"""Of all together, whatever names they come by: 160 MiB at most."""
QUARANTINE_PAYLOAD_BYTES: Final = 8192
"""Of one message: twice what any terminal sends. A longer payload is cut off, and its reason says so."""
REASON_MAX_CHARACTERS: Final = 500
SOURCE_MAX_CHARACTERS: Final = 100
"""`hymio/`, a device id and the longest topic have 54."""

# The broker

MESSAGE_MAX_BYTES: Final = 16 * 1024
"""A payload that the broker takes from anybody: the longest honest one is the collector's own, what it tells Home
Assistant of a terminal (some 5 kB)."""
QUEUED_MAX_BYTES: Final = 16 * 1024 * 1024
"""What the broker keeps for one client that is away, beside `max_queued_messages`."""


def unbelievable(first_seq: int, next_seq: int) -> str | None:
    """Why no terminal can hold the seqs from first_seq to next_seq - 1 at one time; None: one can."""
    if next_seq - first_seq <= LOG_RECORDS_MAX:
        return None
    return (
        f"it tells of {next_seq - first_seq} records at one time (seqs {first_seq}..{next_seq - 1}),"
        f" more than the {LOG_RECORDS_MAX} that the largest flash holds"
    )


def too_fast(next_seq: int, pace_seq: int, elapsed_s: float) -> str | None:
    """Why a log that had reached pace_seq can't have reached next_seq after so long; None: it can.

    A full ring more is always allowed: an old dump may have been read before the terminal itself was heard.
    """
    most = pace_seq + LOG_RECORDS_MAX + int(RECORDS_PER_S_MAX * max(0.0, elapsed_s))
    if next_seq <= most:
        return None
    return (
        f"it tells that the log has reached seq {next_seq}; it began to be heard at seq {pace_seq},"
        f" {max(0.0, elapsed_s):.0f} s before, and cannot be beyond seq {most} by now"
    )
