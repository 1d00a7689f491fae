"""What a terminal knows of itself across a deep sleep: in the RTC memory of the chip, with a CRC.

It is written as the terminal falls asleep and wiped as it wakes. After any other end of a boot the log is mounted.
"""

import json
from binascii import crc32

_SIZE = 2048  # of the RTC memory of an ESP32


def pack(states):
    """Gives the bytes for a list of ints and such lists, None if they do not fit."""
    text = json.dumps(states).encode()
    data = text + crc32(text).to_bytes(4, "little")
    return data if len(data) <= _SIZE else None


def unpack(data):
    """Gives the list that `pack` was given, None if the bytes hold no such list."""
    if len(data) < 6:
        return None
    text = bytes(data[:-4])
    if crc32(text) != int.from_bytes(data[-4:], "little"):
        return None
    return json.loads(text)
