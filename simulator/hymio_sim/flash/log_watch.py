"""Reads the vote log in the flash chip over the firmware's shoulder, and tells what has become durable.

It is a decoder of its own, written after firmware/spec/log.md, so that no mistake of the firmware can hide in code that
both share. It looks at what was programmed, never at what the firmware says.
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hymio_sim.flash.chip import SECTOR

HEADER: Final = 64
RECORD: Final = 16
SLOTS: Final = 252
VERDICTS: Final = ("counted", "repeat", "mash", "chord", "stuck", "closed", "replaced", "test", "answer")

_BLANK: Final = b"\xff" * RECORD
_PRESS, _REVISE, _RUN, _ACK = 1, 2, 3, 6
_RETRY: Final = 0x08
_TRIES: Final = 4


class Readable(Protocol):
    """What the decoder needs of a flash chip."""

    @property
    def sectors(self) -> int:
        """How many sectors the chip has."""
        ...

    def read(self, address: int, length: int) -> bytes:
        """The bytes address..address+length-1 as they are."""
        ...


@dataclass(frozen=True)
class SectorHeader:
    """What a valid header of a sector says."""

    sector_seq: int
    log_id: int
    boot: int
    chip: int
    cursor: int


@dataclass(frozen=True)
class LogRecord:
    """A valid record of the log."""

    seq: int
    kind: int
    retry: bool
    code: int
    uptime_ms: int
    boot: int
    body: bytes


def parse_header(data: bytes) -> SectorHeader | None:
    """The header in 64 bytes of flash, or None if they hold no valid one."""
    magic, version, _, boot, sector_seq, log_id, chip, cursor = struct.unpack_from("<4sBBHIIII", data)
    (crc,) = struct.unpack_from("<I", data, 60)
    if magic != b"HYML" or version != 1 or crc != crc32(data[:60]):
        return None
    return SectorHeader(sector_seq, log_id, boot, chip, cursor)


def parse_record(data: bytes, log_id: int, sector_seq: int, slot: int) -> LogRecord | None:
    """The record in 16 bytes of flash at its place in the log, or None if they hold no valid one."""
    if data == _BLANK or not data[0] & 7:
        return None
    if crc32(data[:12], crc32(struct.pack("<IIB", log_id, sector_seq, slot))) != int.from_bytes(data[12:], "little"):
        return None
    return LogRecord(
        seq=sector_seq * SLOTS + slot,
        kind=data[0] & 7,
        retry=bool(data[0] & 8),
        code=data[0] >> 4,
        uptime_ms=int.from_bytes(data[1:6], "little"),
        boot=int.from_bytes(data[6:8], "little"),
        body=data[8:12],
    )


class LogWatch:
    """Follows one log. `tell(event, **keys)` gets each `record`, `amended`, `folded` and `acked` once.

    `log_id` is 0 and `newest_boot` None as long as there is no log.
    """

    def __init__(self, flash: Readable, mac: bytes, tell: Callable[..., None]) -> None:
        """Begins with the log as it is: what is in flash by now counts as told."""
        self._flash = flash
        self._chip = crc32(mac)
        self._tell = tell
        self._headers: dict[int, SectorHeader] = {}
        self._told: dict[int, bytes] = {}
        self.log_id = 0
        self.cursor = 0
        self.newest_boot: int | None = None
        self.boot_written = False
        self.cursor_told = False
        self._newest_sector_seq = -1
        self._survey()

    @property
    def boot(self) -> int:
        """The number of the boot under way: the one that was written since it began, else one more than the newest."""
        if self.newest_boot is None:
            return 1
        return self.newest_boot if self.boot_written else self.newest_boot % 65535 + 1

    def booted(self) -> None:
        """A boot begins, in which nothing has been written yet."""
        self.boot_written = False

    def tell_cursor(self) -> None:
        """Tells how far the log is acknowledged, if there is a log."""
        if self.log_id:
            self.cursor_told = True
            self._tell("acked", log_id=self.log_id, seq=self.cursor - 1)

    def changed(self, address: int, end: int) -> None:
        """The bytes address..end-1 of the flash have changed: tells what has become durable by that."""
        for sector in range(address // SECTOR, (end - 1) // SECTOR + 1):
            begin = max(address - sector * SECTOR, 0)
            stop = min(end - sector * SECTOR, SECTOR)
            if begin < HEADER:
                self._look_at_header(sector)
            first = max(0, (begin - HEADER) // RECORD)
            last = (stop - 1 - HEADER) // RECORD
            for slot in range(first, last + 1):
                self._look_at_slot(sector, slot)

    def _survey(self) -> None:
        found: dict[int, SectorHeader] = {}
        for sector in range(self._flash.sectors):
            header = parse_header(self._flash.read(sector * SECTOR, HEADER))
            if header and header.chip == self._chip:
                found[sector] = header
        if not found:
            return
        newest = max(found.values(), key=lambda header: header.sector_seq)
        self.log_id = newest.log_id
        self._newest_sector_seq = newest.sector_seq
        self.newest_boot = newest.boot
        self._headers = {sector: header for sector, header in found.items() if header.log_id == self.log_id}
        tell, self._tell = self._tell, lambda *_, **__: None
        for sector, header in sorted(self._headers.items(), key=lambda item: item[1].sector_seq):
            self.cursor = max(self.cursor, header.cursor)
            for slot in range(SLOTS):
                self._look_at_slot(sector, slot)
        self.boot_written = False
        self.cursor_told = False
        self._tell = tell

    def _look_at_header(self, sector: int) -> None:
        header = parse_header(self._flash.read(sector * SECTOR, HEADER))
        if header is None or header.chip != self._chip:
            self._headers.pop(sector, None)
            return
        if header == self._headers.get(sector):
            return
        if header.log_id != self.log_id:
            if header.sector_seq < self._newest_sector_seq:
                return
            self._headers.clear()
            self._told.clear()
            self.log_id = header.log_id
            self.cursor = -1
        self._headers[sector] = header
        self._newest_sector_seq = max(self._newest_sector_seq, header.sector_seq)
        self._saw_boot(header.boot)
        self._saw_cursor(header.cursor)

    def _look_at_slot(self, sector: int, slot: int) -> None:
        header = self._header_or_guess(sector)
        if header is None:
            return
        data = self._flash.read(sector * SECTOR + HEADER + RECORD * slot, RECORD)
        record = parse_record(data, header.log_id, header.sector_seq, slot)
        if record is None or record.seq in self._told:
            return
        self._told[record.seq] = bytes([data[0] & ~_RETRY]) + data[1:12]
        if record.kind != _ACK:
            self._saw_boot(record.boot)
        if not (record.retry and self._is_copy(record)):
            self._saw_record(record)

    def _is_copy(self, record: LogRecord) -> bool:
        """Whether one of the three slots before holds the same record.

        Then the firmware has only written it again, because it could not read it back.
        """
        told = self._told[record.seq]
        return any(self._told.get(seq) == told for seq in range(record.seq - 1, record.seq - _TRIES, -1))

    def _header_or_guess(self, sector: int) -> SectorHeader | None:
        """The header of a sector; if it has rotted away, the one that has to follow on its neighbour."""
        header = self._headers.get(sector)
        if header is None and (before := self._headers.get((sector - 1) % self._flash.sectors)):
            return SectorHeader(before.sector_seq + 1, before.log_id, before.boot, before.chip, before.cursor)
        return header

    def _saw_boot(self, boot: int) -> None:
        self.newest_boot = boot
        self.boot_written = True

    def _saw_cursor(self, cursor: int) -> None:
        if cursor > self.cursor:
            self.cursor = cursor
            self.tell_cursor()

    def _saw_record(self, record: LogRecord) -> None:
        verdict = VERDICTS[record.code] if record.code < len(VERDICTS) else str(record.code)
        place: dict[str, Any] = {"log_id": self.log_id, "seq": record.seq}
        when: dict[str, Any] = {"boot": record.boot, "uptime_ms": record.uptime_ms}
        if record.kind == _PRESS:
            self._tell("record", **place, **when, button=(record.body[0] & 3) + 1, verdict=verdict)
        elif record.kind == _REVISE:
            self._tell("amended", log_id=self.log_id, seq=int.from_bytes(record.body, "little"), verdict=verdict)
        elif record.kind == _RUN:
            count = int.from_bytes(record.body[2:], "little")
            button = record.body[0] + 1
            self._tell("folded", **place, **when, button=button, verdict=verdict, span_s=record.body[1], count=count)
        elif record.kind == _ACK:
            self._saw_cursor(int.from_bytes(record.body, "little"))
