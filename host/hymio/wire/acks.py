"""The collector's ack, which says up to where the far end holds a log (firmware/spec/batch.md "Ack")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hymio.wire.primitives import ByteReader, FormatError, crc32, put_uint

ACK_VERSION: Final = 1
COLLECTOR_ID_MAX_BYTES: Final = 32

_UTC_VALID: Final = 0x01


@dataclass(frozen=True, slots=True)
class Ack:
    """Every seq of log `log_id` below `mark` is a row, void, or declared lost.

    `nonce` is that of the newest batch that the ack answers, 0 if it answers none. `utc_ms` is None if the collector
    does not tell the time.
    """

    log_id: int
    mark: int
    nonce: int
    utc_ms: int | None
    collector_id: str


def encode_ack(ack: Ack) -> bytes:
    """The payload of `hymio/<device_id>/ack`."""
    name = ack.collector_id.encode()
    if not 1 <= len(name) <= COLLECTOR_ID_MAX_BYTES:
        raise FormatError(f"a collector_id of {len(name)} bytes, not 1..{COLLECTOR_ID_MAX_BYTES}")
    out = bytes([ACK_VERSION, _UTC_VALID if ack.utc_ms is not None else 0])
    out += put_uint(ack.log_id, 4) + put_uint(ack.mark, 4) + put_uint(ack.nonce, 4)
    out += put_uint(ack.utc_ms or 0, 6) + name
    return out + put_uint(crc32(out), 4)


def decode_ack(data: bytes) -> Ack:
    """Reads an ack.

    Raises:
        FormatError: these bytes are none.
    """
    if len(data) < 4 or int.from_bytes(data[-4:], "little") != crc32(data[:-4]):
        raise FormatError("the CRC of the ack does not match")
    reader = ByteReader(data[:-4])
    version = reader.uint(1, "the version")
    if version != ACK_VERSION:
        raise FormatError(f"ack version {version}, this reads {ACK_VERSION}")
    flags = reader.uint(1, "flags")
    log_id, mark, nonce = reader.uint(4, "log_id"), reader.uint(4, "mark"), reader.uint(4, "the nonce")
    utc_ms = reader.uint(6, "utc_ms")
    name = reader.take(reader.left, "collector_id")
    if not 1 <= len(name) <= COLLECTOR_ID_MAX_BYTES:
        raise FormatError(f"a collector_id of {len(name)} bytes, not 1..{COLLECTOR_ID_MAX_BYTES}")
    try:
        collector_id = name.decode()
    except UnicodeDecodeError:
        raise FormatError("the collector_id is not UTF-8") from None
    return Ack(log_id, mark, nonce, utc_ms if flags & _UTC_VALID else None, collector_id)
