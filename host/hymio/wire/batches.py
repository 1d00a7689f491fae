"""Batches: a stretch of a terminal's log as it travels by MQTT and by cable (firmware/spec/batch.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hymio.wire.primitives import (
    U32_MAX,
    UPTIME_MAX_MS,
    VARINT_MAX_BYTES,
    ByteReader,
    FormatError,
    crc32,
    put_uint,
    put_varint,
    put_zigzag,
)
from hymio.wire.records import (
    CONTENT_BYTES,
    QUIET_UNKNOWN_MS,
    VERDICTS,
    Press,
    Record,
    decode_content,
    encode_content,
    known_verdict,
)

BATCH_VERSION: Final = 2

_CLOCK_SET: Final = 0x01
_ITEM_VOID: Final = 0x00
_ITEM_FLAGS: Final = 0x01
_ITEM_BASE: Final = 0x02
_ITEM_RECORD: Final = 0x03
_ITEM_PRESS_BIT: Final = 0x80
_VERDICTS: Final = len(VERDICTS)

Totals = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """`slots` slots of a log, from `first_seq` on. `records` holds (seq, record) in order; all other slots are void.

    `held` is the number of seqs before `first_seq` that the terminal still holds, `behind` the number of slots written
    after this batch. `totals` are the lifetime presses by button before `first_seq`.
    """

    log_id: int
    nonce: int
    boot: int
    clock_set: bool
    first_seq: int
    slots: int
    held: int
    behind: int
    totals: Totals
    records: tuple[tuple[int, Record], ...]

    @property
    def last_seq(self) -> int:
        """The last seq that the batch accounts for; first_seq - 1 if it accounts for none."""
        return self.first_seq + self.slots - 1

    @property
    def oldest_seq(self) -> int:
        """The oldest seq that the terminal still holds."""
        return self.first_seq - self.held

    @property
    def next_seq(self) -> int:
        """The seq that the terminal will write next, as of this batch."""
        return self.last_seq + 1 + self.behind


def encode_batch(batch: Batch, device_id: str) -> bytes:
    """The bytes of a batch of that terminal.

    Raises:
        FormatError: a value does not fit its field, or a record stands out of order.
    """
    out = bytearray([BATCH_VERSION, _CLOCK_SET if batch.clock_set else 0])
    out += put_uint(batch.log_id, 4) + put_uint(batch.nonce, 4) + put_uint(batch.boot, 2)
    for value in (batch.first_seq, batch.slots, batch.held, batch.behind, *batch.totals):
        out += put_varint(value)
    flags = 0
    base: tuple[int, int] | None = None
    at = batch.first_seq
    for seq, record in batch.records:
        if not at <= seq <= batch.last_seq:
            raise FormatError(f"seq {seq} stands out of order or outside the batch")
        out += _void(seq - at)
        at = seq + 1
        if not isinstance(record, Press):
            out += bytes([_ITEM_RECORD]) + encode_content(record)
            continue
        if base is None or base[0] != record.boot:
            out += bytes([_ITEM_BASE]) + put_uint(record.boot, 2) + put_uint(record.uptime_ms, 5)
            base = (record.boot, record.uptime_ms)
        if flags != record.flags:
            flags = record.flags
            out += bytes([_ITEM_FLAGS]) + put_uint(flags, 1)
        out += _press(record, base[1])
        base = (record.boot, record.uptime_ms)
    out += _void(batch.last_seq + 1 - at)
    return bytes(out) + put_uint(_crc(bytes(out), device_id), 4)


def _crc(body: bytes, device_id: str) -> int:
    return crc32(device_id.encode() + body)


def _void(slots: int) -> bytes:
    return bytes([_ITEM_VOID]) + put_varint(slots) if slots else b""


def _press(press: Press, base_uptime_ms: int) -> bytes:
    timed = press.quiet_ms != QUIET_UNKNOWN_MS
    first = _ITEM_PRESS_BIT | known_verdict(press.verdict) << 3 | press.button - 1 << 1 | timed
    out = put_uint(first, 1) + put_zigzag(press.uptime_ms - base_uptime_ms) + put_uint(press.edges, 1)
    return out + put_uint(press.quiet_ms, 2) if timed else out


def decode_batch(data: bytes, device_id: str) -> Batch:
    """Reads a batch of that terminal, all of it or nothing.

    Raises:
        FormatError: it is no batch, or damaged, or another terminal's, or of another format; nothing in it may be
            counted.
    """
    if len(data) < 4 + 2:
        raise FormatError(f"no batch: its length is {len(data)}, expected 6 bytes at least")
    if int.from_bytes(data[-4:], "little") != _crc(data[:-4], device_id):
        raise FormatError(f"the CRC does not match: a damaged batch, or not one of {device_id}")
    reader = ByteReader(data[:-4])
    version = reader.uint(1, "the version")
    if version != BATCH_VERSION:
        raise FormatError(f"batch version {version}, this reads {BATCH_VERSION}")
    flags = reader.uint(1, "flags")
    log_id, nonce, boot = reader.uint(4, "log_id"), reader.uint(4, "the nonce"), reader.uint(2, "boot")
    first_seq, slots = reader.varint("first_seq"), reader.varint("slots")
    held, behind = reader.varint("held"), reader.varint("behind")
    totals = (reader.varint("totals"), reader.varint("totals"), reader.varint("totals"), reader.varint("totals"))
    if log_id == 0:
        raise FormatError("log_id is 0")
    if held > first_seq:
        raise FormatError(f"slots held before seq {first_seq}: {held}")
    if first_seq + slots + behind > U32_MAX:
        raise FormatError(f"seq {first_seq + slots + behind} does not fit 32 bits")
    records = _read_items(reader, first_seq, slots)
    if reader.left:
        raise FormatError(f"bytes after the last slot: {reader.left}")
    return Batch(log_id, nonce, boot, bool(flags & _CLOCK_SET), first_seq, slots, held, behind, totals, tuple(records))


def _read_items(reader: ByteReader, first_seq: int, slots: int) -> list[tuple[int, Record]]:
    records: list[tuple[int, Record]] = []
    flags, boot, uptime_ms = 0, -1, 0
    at, end = first_seq, first_seq + slots
    new_press = tuple.__new__
    data, place = reader.data, reader.at
    while at < end:
        if place < len(data) and data[place] & _ITEM_PRESS_BIT:
            # Nearly all items are presses, so their bytes are read here and not field by field.
            if boot < 0:
                raise FormatError("a press before any base")
            try:
                first, byte = data[place], data[place + 1]
                place += 2
                zigzag, shift = byte & 0x7F, 7
                while byte > 0x7F:
                    byte = data[place]
                    place += 1
                    zigzag |= (byte & 0x7F) << shift
                    shift += 7
                if shift > 7 * VARINT_MAX_BYTES:
                    raise FormatError("dt is a varint without an end")
                uptime_ms += -(zigzag + 1 >> 1) if zigzag & 1 else zigzag >> 1
                edges = data[place]
                if first & 1:
                    quiet_ms = data[place + 1] | data[place + 2] << 8
                    place += 3
                else:
                    quiet_ms = QUIET_UNKNOWN_MS
                    place += 1
            except IndexError:
                raise FormatError("ends inside a press") from None
            if not 0 <= uptime_ms <= UPTIME_MAX_MS:
                raise FormatError(f"uptime_ms {uptime_ms} of a press")
            verdict = first >> 3 & 0x0F
            if verdict >= _VERDICTS:
                known_verdict(verdict)  # says why
            # In half the time that it takes by the class's own way, which is Python.
            press = new_press(Press, (boot, uptime_ms, (first >> 1 & 3) + 1, verdict, flags, edges, quiet_ms))
            records.append((at, press))
            at += 1
            continue
        reader.at = place
        item = reader.uint(1, "an item")
        if item == _ITEM_VOID:
            at += reader.varint("a void stretch")
        elif item == _ITEM_FLAGS:
            flags = reader.uint(1, "flags")
            if flags > 63:
                raise FormatError(f"press flags {flags}")
        elif item == _ITEM_BASE:
            boot, uptime_ms = reader.uint(2, "boot"), reader.uint(5, "uptime_ms")
        elif item == _ITEM_RECORD:
            record = decode_content(reader.take(CONTENT_BYTES, "a record"))
            if isinstance(record, Press):
                raise FormatError("a press as a plain record")
            if record is not None:
                records.append((at, record))
            at += 1
        else:
            raise FormatError(f"unknown item 0x{item:02x}")
        place = reader.at
    reader.at = place
    if at > end:
        raise FormatError(f"the items account for {at - first_seq} slots, not {slots}")
    return records
