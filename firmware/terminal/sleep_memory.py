"""What a terminal knows of itself across deep sleep: in the chip's RTC memory, with a CRC.

Written when it falls asleep and wiped when it wakes: a terminal that stopped in any other way mounts its log.
"""

import json
from binascii import crc32

_SIZE = 2048  # of an ESP32's RTC memory


def pack(rooms):
    """rooms: a list of what each room's `state` gave. None if it does not fit."""
    text = json.dumps(rooms).encode()
    data = text + crc32(text).to_bytes(4, "little")
    return data if len(data) <= _SIZE else None


def unpack(data):
    """The list that `pack` was given, or None if the memory holds no such thing."""
    if len(data) < 6:
        return None
    text = bytes(data[:-4])
    if crc32(text) != int.from_bytes(data[-4:], "little"):
        return None
    return json.loads(text)
