"""Reading and writing the integers of hymio's byte formats (firmware/spec/log.md)."""

from __future__ import annotations

import zlib
from typing import Final

U32_MAX: Final = 2**32 - 1
UPTIME_MAX_MS: Final = 2**40 - 1
VARINT_MAX_BYTES: Final = 6
"""Six groups of seven bits hold a zigzag difference of two u40 uptimes (41 bits), and nothing else is longer."""


class FormatError(ValueError):
    """Bytes that are not what the format says; `reason` is short enough for a quarantine table."""

    def __init__(self, reason: str) -> None:
        """Takes the reason, a part of a sentence."""
        super().__init__(reason)
        self.reason = reason


def crc32(data: bytes) -> int:
    """The IEEE CRC-32: `crc32(b"123456789") == 0xCBF43926`."""
    return zlib.crc32(data)


def put_varint(value: int) -> bytes:
    """An unsigned integer in LEB128.

    Raises:
        FormatError: it is negative.
    """
    if value < 0:
        raise FormatError(f"{value} is negative")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_zigzag(value: int) -> bytes:
    """A signed integer as a varint: 0, -1, 1, -2 ... become 0, 1, 2, 3 ..."""
    return put_varint(value * 2 if value >= 0 else -value * 2 - 1)


def put_uint(value: int, size: int) -> bytes:
    """An unsigned integer in `size` bytes, little-endian.

    Raises:
        FormatError: it does not fit.
    """
    try:
        return value.to_bytes(size, "little")
    except OverflowError:
        raise FormatError(f"{value} does not fit {8 * size} bits") from None


class ByteReader:
    """Reads bytes one field after the other; every read past the end is a FormatError."""

    def __init__(self, data: bytes) -> None:
        """Begins with the first of these bytes."""
        self.data = data
        self.at = 0
        """Where the next field begins: who reads very many fields of one kind does so by hand, and moves this on."""

    @property
    def left(self) -> int:
        """The number of bytes that have not been read yet."""
        return len(self.data) - self.at

    def take(self, size: int, what: str) -> bytes:
        """Reads `size` bytes; `what` names them in an error."""
        end = self.at + size
        if end > len(self.data):
            raise FormatError(f"ends inside {what}")
        part = self.data[self.at : end]
        self.at = end
        return part

    def uint(self, size: int, what: str) -> int:
        """Reads an unsigned little-endian integer of `size` bytes."""
        return int.from_bytes(self.take(size, what), "little")

    def varint(self, what: str, most: int = U32_MAX) -> int:
        """Reads an unsigned LEB128 integer of at most `most`."""
        value = self.data[self.at] if self.at < len(self.data) else 0x80
        if value <= 0x7F and value <= most:  # nearly all are short
            self.at += 1
            return value
        value = 0
        for place in range(VARINT_MAX_BYTES):
            byte = self.uint(1, what)
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if value > most:
                    raise FormatError(f"{what} is {value}, more than {most}")
                return value
        raise FormatError(f"{what} is a varint without an end")
