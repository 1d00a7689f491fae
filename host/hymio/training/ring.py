"""The flash of a terminal as a picture: a ring of sectors, with a letter for each slot (firmware/spec/log.md).

Unlike `hymio.cable.log_image` this shows what stands where, remnants and damage included, and refuses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hymio.wire.primitives import FormatError
from hymio.wire.records import (
    HEADER_BYTES,
    HEADER_MAGIC,
    RECORD_BYTES,
    SECTOR_BYTES,
    SLOTS,
    VERDICTS,
    Acked,
    Boot,
    Event,
    Header,
    Press,
    Record,
    Revise,
    Run,
    Time,
    decode_header,
    decode_record,
    mended_header,
)

BLANK: Final = "."
BURNED: Final = "X"
VOID: Final = "-"
_KINDS: Final = {Revise: "V", Boot: "B", Time: "T", Acked: "A", Event: "E"}
_VERDICTS: Final = dict(zip(VERDICTS, "crmhsopta", strict=True))
LETTERS: Final = {
    **{str(button): f"counted {button}" for button in (1, 2, 3, 4)},
    **{letter: verdict for verdict, letter in _VERDICTS.items() if verdict != "counted"},
    "F": "folded",
    "V": "revise",
    "B": "boot",
    "T": "time",
    "A": "ack",
    "E": "event",
    BURNED: "burned",
    VOID: "void",
    BLANK: "blank",
}
"""What the letters of `Sector.slots` stand for: a counted vote is its button, any other press its verdict in force."""

_BLANK_SLOT: Final = b"\xff" * RECORD_BYTES
_REMNANT_MAGIC: Final = bytes(len(HEADER_MAGIC))
_RETRY_REACH: Final = 3
"""A retry repeats the record of one of this many slots before it (firmware/spec/log.md, "Slots")."""


@dataclass(frozen=True, slots=True)
class Sector:
    """One sector of the ring.

    state: `blank`, `used` (it belongs to the log), `given-up` (its erase has begun), `other` (of another log) or
    `damaged`; seq: its sector_seq, if it is used; slots: a letter for each slot, without the blank ones at the end.
    """

    state: str
    seq: int | None
    slots: str


@dataclass(frozen=True, slots=True)
class Ring:
    """All sectors in the order of their places, and what the records in them come to.

    `presses` are the presses of the log as (seq, how many they are), by seq; `cursor` is the newest of the log: every
    seq below it is settled at the far end.
    """

    log_id: int | None
    sectors: tuple[Sector, ...]
    oldest_seq: int
    next_seq: int
    presses: tuple[tuple[int, int], ...]

    def waiting(self, acked_seq: int) -> tuple[int, int]:
        """How many presses and records of presses stand in the log above `acked_seq`: the outbox."""
        counts = [count for seq, count in self.presses if seq > acked_seq]
        return sum(counts), len(counts)

    def changes(self, before: Ring | None) -> list[dict[str, Any]]:
        """The sectors that look different from `before`, for the page."""
        old = before.sectors if before and len(before.sectors) == len(self.sectors) else (None,) * len(self.sectors)
        return [
            {"place": place, "state": now.state, "seq": now.seq, "slots": now.slots}
            for place, (was, now) in enumerate(zip(old, self.sectors, strict=True))
            if now != was
        ]


@dataclass(frozen=True, slots=True)
class _Read:
    """A sector as it was read by itself: `records` by slot (None: burned or void), with the retry bit of each."""

    data: bytes
    header: Header | None
    records: tuple[tuple[int, Record | None, bool, bool], ...]
    """(slot, record, whether it is a retry, whether it is burned), of the slots that are not blank."""


class RingReader:
    """Reads the same flash over and over; sectors that have not changed are not decoded again."""

    def __init__(self) -> None:
        """Nothing has been read yet."""
        self._known: dict[int, _Read] = {}

    def read(self, image: bytes) -> Ring:
        """The picture of a flash image; a rest that is no whole sector is left out."""
        reads = []
        for place in range(len(image) // SECTOR_BYTES):
            data = image[place * SECTOR_BYTES : (place + 1) * SECTOR_BYTES]
            known = self._known.get(place)
            if known is None or known.data != data:
                known = self._known[place] = _read(data)
            reads.append(known)
        return _picture(reads)


def _read(data: bytes) -> _Read:
    try:
        header = decode_header(mended_header(data[:HEADER_BYTES]))
    except FormatError:
        header = None
    records = []
    for slot in range(SLOTS):
        at = HEADER_BYTES + slot * RECORD_BYTES
        bits = data[at : at + RECORD_BYTES]
        if bits == _BLANK_SLOT:
            continue
        record, is_retry, is_burned = None, False, header is None
        if header is not None:
            try:
                record, is_retry = decode_record(bits, header.log_id, header.sector_seq, slot)
            except FormatError:
                is_burned = True
        records.append((slot, record, is_retry, is_burned))
    return _Read(data, header, tuple(records))


def _picture(reads: list[_Read]) -> Ring:
    newest = max((r.header for r in reads if r.header), key=lambda header: header.sector_seq, default=None)
    log_id = newest.log_id if newest else None
    own = [r for r in reads if r.header and r.header.log_id == log_id]
    records = {seq: record for r in own for seq, record in _own_records(r)}
    for r in own:
        for slot, record, is_retry, _ in r.records:
            seq = _seq(r, slot)
            if is_retry and any(records.get(seq - back) == record for back in range(1, _RETRY_REACH + 1)):
                del records[seq]
    in_force = {
        record.target_seq: VERDICTS[record.verdict] for _, record in sorted(records.items()) if type(record) is Revise
    }
    presses = [(seq, record) for seq, record in sorted(records.items()) if isinstance(record, Press | Run)]
    return Ring(
        log_id,
        tuple(_sector(r, log_id, records, in_force) for r in reads),
        min((_seq(r, 0) for r in own), default=0),
        max((_seq(r, r.records[-1][0]) + 1 for r in own if r.records), default=0),
        tuple((seq, record.count if isinstance(record, Run) else 1) for seq, record in presses),
    )


def _seq(read: _Read, slot: int) -> int:
    assert read.header is not None, "it belongs to the log"
    return read.header.sector_seq * SLOTS + slot


def _own_records(read: _Read) -> list[tuple[int, Record]]:
    return [(_seq(read, slot), record) for slot, record, _, _ in read.records if record is not None]


def _sector(read: _Read, log_id: int | None, records: dict[int, Record], in_force: dict[int, str]) -> Sector:
    letters = [BLANK] * (read.records[-1][0] + 1 if read.records else 0)
    if read.header is None or read.header.log_id != log_id:
        for slot, *_ in read.records:
            letters[slot] = BURNED if read.header is None else VOID
        return Sector(_state_of_strange(read), None, "".join(letters))
    for slot, _, _, is_burned in read.records:
        seq = _seq(read, slot)
        letters[slot] = BURNED if is_burned else _letter(records.get(seq), in_force.get(seq))
    return Sector("used", read.header.sector_seq, "".join(letters))


def _state_of_strange(read: _Read) -> str:
    if read.header is not None:
        return "other"
    if not read.data.strip(b"\xff"):
        return "blank"
    return "given-up" if read.data.startswith(_REMNANT_MAGIC) else "damaged"


def _letter(record: Record | None, verdict_in_force: str | None) -> str:
    if record is None:
        return VOID
    if isinstance(record, Press):
        verdict = verdict_in_force or VERDICTS[record.verdict]
        return str(record.button) if verdict == "counted" else _VERDICTS[verdict]
    return "F" if isinstance(record, Run) else _KINDS[type(record)]
