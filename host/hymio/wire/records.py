"""The 16-byte records and the sector headers of a terminal's log (firmware/spec/log.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from hymio.wire.primitives import ByteReader, FormatError, crc32, put_uint

RECORD_BYTES: Final = 16
CONTENT_BYTES: Final = 12
"""The length of a record without its CRC."""
HEADER_BYTES: Final = 64
SLOTS: Final = 252
"""The record slots of a sector: seq = sector_seq * SLOTS + slot."""
SECTOR_BYTES: Final = 4096
"""What one erase of the flash makes blank; a sector of the log is as long."""
HEADER_MAGIC: Final = b"HYML"
HEADER_VERSION: Final = 1

VERDICTS: Final = ("counted", "repeat", "mash", "chord", "stuck", "closed", "replaced", "test", "answer")
"""The verdicts; the place of each is its code."""
VERDICT_CODES: Final = {verdict: code for code, verdict in enumerate(VERDICTS)}
UNANSWERED: Final = 1
"""The code of the event that a vote's follow-up question has found no answer; its argument is the seq of the vote."""
RESET_CAUSES: Final = ("unknown", "power-on", "hard", "watchdog", "deep sleep", "soft", "brown-out")
"""The causes of a reset; the place of each is its code."""
QUIET_UNKNOWN_MS: Final = 65535
"""This quiet_ms means that it was as long or longer."""

KIND_BITS: Final = 0x07
"""The bits of a record's first byte that are its kind. The upper half of that byte is a code that depends on the kind.
"""
RETRY_BIT: Final = 0x08
"""The bit of the same byte that says that the record repeats one that could not be read back."""


class Kind(IntEnum):
    """What a record is about."""

    PRESS = 1
    REVISE = 2
    RUN = 3
    BOOT = 4
    TIME = 5
    ACK = 6
    EVENT = 7


class TimeSource(IntEnum):
    """Who told the time of a time record."""

    NTP = 1
    COLLECTOR = 2
    CONSOLE = 3
    """A person at the cable."""
    AGREED = 4
    """NTP and the collector, which told the same time."""


# Of these there are by far the most, and a named tuple is made in a third of the time that a frozen dataclass takes.
# It equals no other kind of record: none has as many fields.
class Press(NamedTuple):
    """One physical push of one button, first contact at `uptime_ms` of boot `boot`."""

    boot: int
    uptime_ms: int
    button: int
    verdict: int
    flags: int
    edges: int
    quiet_ms: int


@dataclass(frozen=True, slots=True)
class Revise:
    """The press `target_seq` has another verdict from here on."""

    boot: int
    uptime_ms: int
    verdict: int
    target_seq: int


@dataclass(frozen=True, slots=True)
class Run:
    """`count` alike filtered presses; the first was at `uptime_ms`, the last at most `span_s` seconds later."""

    boot: int
    uptime_ms: int
    button: int
    verdict: int
    span_s: int
    count: int


@dataclass(frozen=True, slots=True)
class Boot:
    """The terminal started; this many starts before it, `folded`, have left no record."""

    boot: int
    uptime_ms: int
    cause: int
    folded: int


@dataclass(frozen=True, slots=True)
class Time:
    """At `uptime_ms` of this boot it was `utc_s`, in seconds of 1970."""

    boot: int
    uptime_ms: int
    source: int
    utc_s: int


@dataclass(frozen=True, slots=True)
class Acked:
    """Every seq below `cursor` is settled: `sent` presses before it, `lost` of them lost."""

    cursor: int
    sent: int
    lost: int


@dataclass(frozen=True, slots=True)
class Event:
    """Anything else that is worth keeping."""

    boot: int
    uptime_ms: int
    event: int
    argument: int


Record = Press | Revise | Run | Boot | Time | Acked | Event


def encode_content(record: Record) -> bytes:
    """The first 12 bytes of a record, with the retry bit clear.

    Raises:
        FormatError: a value does not fit its field.
    """
    match record:
        case Press():
            kind, code = Kind.PRESS, record.verdict
            body = put_uint(_button_bits(record.button) | _within(record.flags, 63, "flags") << 2, 1)
            body += put_uint(record.edges, 1) + put_uint(record.quiet_ms, 2)
        case Revise():
            kind, code = Kind.REVISE, record.verdict
            body = put_uint(record.target_seq, 4)
        case Run():
            kind, code = Kind.RUN, record.verdict
            body = put_uint(_button_bits(record.button), 1) + put_uint(record.span_s, 1) + put_uint(record.count, 2)
        case Boot():
            kind, code = Kind.BOOT, record.cause
            body = put_uint(record.folded, 4)
        case Time():
            kind, code, body = Kind.TIME, record.source, put_uint(record.utc_s, 4)
        case Acked():
            middle = put_uint(record.sent, 4) + put_uint(record.lost, 3)
            return put_uint(Kind.ACK, 1) + middle + put_uint(record.cursor, 4)
        case Event():
            kind, code, body = Kind.EVENT, record.event, put_uint(record.argument, 4)
    first = put_uint(kind | _within(code, 15, "code") << 4, 1)
    return first + put_uint(record.uptime_ms, 5) + put_uint(record.boot, 2) + body


def decode_content(content: bytes) -> Record | None:
    """Reads the first 12 bytes of a record, whatever the retry bit is; None for kind 0, which is void.

    Raises:
        FormatError: it has a verdict or a button that this version does not know.
    """
    reader = ByteReader(content)
    first = reader.uint(1, "the kind")
    if first & KIND_BITS == 0:
        return None
    kind, code = Kind(first & KIND_BITS), first >> 4
    if kind is Kind.ACK:
        sent, lost = reader.uint(4, "sent"), reader.uint(3, "lost")
        return Acked(reader.uint(4, "the cursor"), sent, lost)
    uptime_ms, boot = reader.uint(5, "uptime_ms"), reader.uint(2, "boot")
    match kind:
        case Kind.PRESS:
            button_and_flags, edges = reader.uint(1, "the button"), reader.uint(1, "edges")
            button, flags = (button_and_flags & 0x03) + 1, button_and_flags >> 2
            return Press(boot, uptime_ms, button, known_verdict(code), flags, edges, reader.uint(2, "quiet_ms"))
        case Kind.REVISE:
            return Revise(boot, uptime_ms, known_verdict(code), reader.uint(4, "seq"))
        case Kind.RUN:
            button = _within(reader.uint(1, "the button"), 3, "button - 1") + 1
            span_s = reader.uint(1, "the span")
            return Run(boot, uptime_ms, button, known_verdict(code), span_s, reader.uint(2, "the count"))
        case Kind.BOOT:
            return Boot(boot, uptime_ms, code, reader.uint(4, "folded"))
        case Kind.TIME:
            return Time(boot, uptime_ms, code, reader.uint(4, "utc"))
        case Kind.EVENT:
            return Event(boot, uptime_ms, code, reader.uint(4, "the argument"))


def known_verdict(code: int) -> int:
    """Gives `code` back if it is a verdict of this version.

    A newer terminal's verdict is refused rather than guessed: the terminal keeps it until the collector is newer, too.

    Raises:
        FormatError: it is none.
    """
    if code >= len(VERDICTS):
        raise FormatError(f"verdict {code} is not known here")
    return code


def _button_bits(button: int) -> int:
    return _within(button - 1, 3, "button - 1")


def _within(value: int, most: int, what: str) -> int:
    if not 0 <= value <= most:
        raise FormatError(f"{what} is {value}, not 0..{most}")
    return value


def encode_record(record: Record, log_id: int, sector_seq: int, slot: int, retry: bool = False) -> bytes:
    """The 16 bytes of `record` as they stand in slot `slot` of sector `sector_seq` of log `log_id`."""
    content = encode_content(record)
    if retry:
        content = bytes([content[0] | RETRY_BIT]) + content[1:]
    return content + put_uint(place_crc(content, log_id, sector_seq, slot), 4)


def decode_record(data: bytes, log_id: int, sector_seq: int, slot: int) -> tuple[Record | None, bool]:
    """Reads the 16 bytes of a record.

    Returns:
        The record (None: kind 0, which is void), and whether it is a retry.

    Raises:
        FormatError: the slot is burned.
    """
    if len(data) != RECORD_BYTES:
        raise FormatError(f"a record has {RECORD_BYTES} bytes, not {len(data)}")
    content = data[:CONTENT_BYTES]
    if int.from_bytes(data[CONTENT_BYTES:], "little") != place_crc(content, log_id, sector_seq, slot):
        raise FormatError("the CRC of a record does not match what it holds or where it stands")
    return decode_content(content), bool(content[0] & RETRY_BIT)


def place_crc(content: bytes, log_id: int, sector_seq: int, slot: int) -> int:
    """The CRC-32 of a record with these first 12 bytes; it covers the place of the record as well."""
    return crc32(put_uint(log_id, 4) + put_uint(sector_seq, 4) + put_uint(slot, 1) + content)


@dataclass(frozen=True, slots=True)
class Header:
    """The first 64 bytes of a sector. `utc_ms` None: not known; `totals` are lifetime presses by button before it."""

    boot: int
    sector_seq: int
    log_id: int
    chip: int
    cursor: int
    sent: int
    lost: int
    totals: tuple[int, int, int, int]
    uptime_ms: int
    utc_ms: int | None


def chip_of(mac: bytes) -> int:
    """The `chip` field for a six-byte MAC address."""
    return crc32(mac)


def encode_header(header: Header) -> bytes:
    """The 64 bytes of a sector header."""
    out = HEADER_MAGIC + put_uint(HEADER_VERSION, 1) + put_uint(header.utc_ms is not None, 1)
    out += put_uint(header.boot, 2)
    for value in (header.sector_seq, header.log_id, header.chip, header.cursor, header.sent, header.lost):
        out += put_uint(value, 4)
    for total in header.totals:
        out += put_uint(total, 4)
    out += put_uint(header.uptime_ms, 5) + put_uint(header.utc_ms or 0, 6) + bytes(1)
    return out + put_uint(crc32(out), 4)


def mended_header(data: bytes) -> bytes:
    """These 64 bytes, of which one bit may have rotted; if the CRC tells which it is, that bit is turned back."""
    if data[:4] == HEADER_MAGIC or data[4:5] == bytes([HEADER_VERSION]):
        turned = bytearray(data)
        for bit in range(-1, 8 * len(data)):
            if bit >= 0:
                turned[bit >> 3] ^= 1 << (bit & 7)
            if int.from_bytes(turned[60:], "little") == crc32(bytes(turned[:60])):
                return bytes(turned)
            if bit >= 0:
                turned[bit >> 3] ^= 1 << (bit & 7)
    return data


def decode_header(data: bytes) -> Header:
    """Reads a sector header.

    Raises:
        FormatError: it is damaged, or of another version.
    """
    if len(data) != HEADER_BYTES or data[:4] != HEADER_MAGIC:
        raise FormatError("not a sector header")
    if int.from_bytes(data[60:], "little") != crc32(data[:60]):
        raise FormatError("the CRC of a sector header does not match")
    if data[4] != HEADER_VERSION:
        raise FormatError(f"sector header version {data[4]}, this reads {HEADER_VERSION}")
    reader = ByteReader(data[5:60])
    utc_valid = bool(reader.uint(1, "flags") & 1)
    boot = reader.uint(2, "boot")
    sector_seq, log_id, chip, cursor, sent, lost = (reader.uint(4, "a header field") for _ in range(6))
    totals = (reader.uint(4, "totals"), reader.uint(4, "totals"), reader.uint(4, "totals"), reader.uint(4, "totals"))
    uptime_ms, utc_ms = reader.uint(5, "uptime_ms"), reader.uint(6, "utc_ms")
    return Header(boot, sector_seq, log_id, chip, cursor, sent, lost, totals, uptime_ms, utc_ms if utc_valid else None)
