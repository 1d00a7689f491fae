"""How much a terminal can honestly say and hold: what goes beyond it is no terminal's, and must not cost the others.

One place for the numbers. firmware/README.md ("Limits") tells them to whoever writes another terminal, `hymio broker
config` to the broker, and the collector judges every message by them before anything else is made of it.
"""

from __future__ import annotations

from typing import Final

from hymio.records import SLOTS

# A terminal

SECTORS_MAX: Final = 1024
"""Sectors of 4096 bytes in the partition `votes`: 4 MiB, all that the flash of most boards has."""
SLOTS_MAX: Final = SECTORS_MAX * SLOTS
"""Records in that ring: held + slots + behind of a batch, next_seq - oldest_seq of a state message."""
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

PARCEL_MESSAGES: Final = 200
"""Messages taken into one transaction at most. What comes while one is written goes into the next: a commit costs a
flush of the disk whatever is in it, and the first press of a quiet hour need not wait for company."""
PARCEL_MESSAGES_OF_ONE: Final = 50
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
