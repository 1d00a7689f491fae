"""The log in a raw dump of the `votes` partition, read by what firmware/spec/log.md says and by nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NoReturn

from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, WRONG_USE, Failure
from hymio.common.mac_addresses import EXAMPLE, mac_of
from hymio.common.words import counted
from hymio.wire.batches import Batch, Totals
from hymio.wire.primitives import FormatError, crc32
from hymio.wire.records import (
    CONTENT_BYTES,
    HEADER_BYTES,
    HEADER_MAGIC,
    HEADER_VERSION,
    KIND_BITS,
    RECORD_BYTES,
    RETRY_BIT,
    SECTOR_BYTES,
    SLOTS,
    Acked,
    Header,
    Press,
    Record,
    Run,
    chip_of,
    decode_content,
    decode_header,
    mended_header,
    place_crc,
)

_RETRY_REACH: Final = 3
"""A retry repeats the record of one of this many slots before it."""
_BLANK: Final = b"\xff" * RECORD_BYTES


@dataclass(frozen=True, slots=True)
class ImageLog:
    """A log as an image holds it, from `oldest_seq` to `next_seq` - 1.

    `records` holds the records by seq, without void ones. `sectors` are the sector_seqs that were found, in order;
    `headers` their headers as far as they are good, `mended` of them with one bit put right. `burned` counts slots that
    are neither blank nor valid, `others` the sectors of other logs, by chip and log_id.
    """

    log_id: int
    chip: int
    sectors: Sequence[int]
    headers: Mapping[int, Header]
    mended: int
    records: Mapping[int, Record]
    next_seq: int
    burned: int
    others: Mapping[tuple[int, int], int]

    @property
    def oldest_seq(self) -> int:
        """The first seq of the oldest sector."""
        return self.sectors[0] * SLOTS

    @property
    def damaged_headers(self) -> int:
        """How many headers have a rotten bit, or are lost so that only the records tell which sector it is."""
        return self.mended + len(self.sectors) - len(self.headers)

    @property
    def cursor(self) -> int:
        """Every seq below it was settled at the far end, as the newest header and the ack records say."""
        acks = [record.cursor for record in self.records.values() if isinstance(record, Acked)]
        return max([*acks, *(header.cursor for header in self.headers.values())])

    def totals_before(self, sector_seq: int) -> Totals:
        """Lifetime presses by button before a sector.

        They come from its header or, if that is damaged, from the nearest good one.
        """
        near = max((seq for seq in self.headers if seq <= sector_seq), default=min(self.headers))
        low, high = sorted((near, sector_seq))
        between = self._presses(low, high)
        sign = 1 if near <= sector_seq else -1
        one, two, three, four = (
            max(0, total + sign * found) for total, found in zip(self.headers[near].totals, between, strict=True)
        )
        return one, two, three, four

    def unreadable(self) -> tuple[int, int]:
        """How many presses the headers count that no record tells of.

        Returns:
            Those in burned slots, and those in sectors that were not found.
        """
        in_slots = in_sectors = 0
        for low, high in pairwise(sorted(self.headers)):
            counted = sum(self.headers[high].totals) - sum(self.headers[low].totals)
            missing = max(0, counted - sum(self._presses(low, high)))
            if all(seq in self.sectors for seq in range(low, high)):
                in_slots += missing
            else:
                in_sectors += missing
        return in_slots, in_sectors

    def batches(self) -> Iterator[Batch]:
        """The log as batches, one for each sector.

        A sector that was not found is left open: perhaps only the dump is bad there, and the terminal would not send
        what is declared void here.
        """
        boot = self.headers[max(self.headers)].boot
        for sector_seq in self.sectors:
            first = sector_seq * SLOTS
            end = min(first + SLOTS, self.next_seq)
            records = tuple((seq, self.records[seq]) for seq in range(first, end) if seq in self.records)
            yield Batch(
                self.log_id, 0, boot, False, first, end - first, first - self.oldest_seq, self.next_seq - end,
                self.totals_before(sector_seq), records,
            )  # fmt: skip

    def _presses(self, low: int, high: int) -> Totals:
        """Presses by button in the sectors low..high - 1."""
        found = [0, 0, 0, 0]
        seqs = range(low * SLOTS, high * SLOTS)
        for record in _presses(self.records[seq] for seq in seqs if seq in self.records):
            found[record.button - 1] += record.count if isinstance(record, Run) else 1
        return found[0], found[1], found[2], found[3]


def read_image(image: bytes, mac: bytes | None = None) -> ImageLog:
    """Reads the log in `image`, a whole number of sectors: the one with the highest sector_seq.

    Args:
        image: the dump.
        mac: the MAC address of the terminal; None: the log may be of any chip.

    Raises:
        Failure: 1 there is no log in it, 2 it holds logs of two chips and either may be meant, 5 it has a newer format.
    """
    sectors = [image[at : at + SECTOR_BYTES] for at in range(0, len(image), SECTOR_BYTES)]
    headers = {n: header for n, sector in enumerate(sectors) if (header := _header(sector)) is not None}
    newest = _newest(sectors, headers, mac)
    log = headers[newest].chip, headers[newest].log_id
    own = {n: header.sector_seq for n, header in headers.items() if (header.chip, header.log_id) == log}
    ring = _Ring(sectors, own, log[1], own[newest])
    places = ring.places(newest)
    for older, newer in ring.doubtful:
        if older in places and _is_given_up(sectors, places, log[1], older, newer):
            places = {seq: n for seq, n in places.items() if seq >= newer}
    while places[min(places)] not in own and sectors[places[min(places)]][:4] != HEADER_MAGIC:
        del places[min(places)]  # its erase had begun
    next_seq = max(places) * SLOTS + _touched(sectors[places[max(places)]])
    records, burned = _records(places, sectors, log[1])
    return ImageLog(
        log_id=log[1],
        chip=log[0],
        sectors=sorted(places),
        headers={seq: headers[n] for seq, n in places.items() if n in own},
        mended=sum(n in own and not _is_whole(sectors[n]) for n in places.values()),
        records=records,
        next_seq=next_seq,
        burned=burned,
        others=Counter((h.chip, h.log_id) for n, h in headers.items() if n not in own),
    )


def parse_mac(text: str) -> bytes:
    """The six bytes of a MAC address, in any form that `mac_of` knows.

    Raises:
        Failure: 2, it is no MAC address.
    """
    mac = mac_of(text)
    if mac is None:
        raise Failure(WRONG_USE, f"--mac {text!r} is no MAC address of a device.", f"For example: --mac {EXAMPLE}.")
    return mac


def _header(sector: bytes) -> Header | None:
    try:
        header = decode_header(mended_header(sector[:HEADER_BYTES]))
    except FormatError:
        return None
    return header if header.log_id else None


def _is_whole(sector: bytes) -> bool:
    head = sector[:HEADER_BYTES]
    return mended_header(head) == head


def _newest(sectors: Sequence[bytes], headers: Mapping[int, Header], mac: bytes | None) -> int:
    """The physical sector with the highest sector_seq."""
    ours = {n: h for n, h in headers.items() if mac is None or h.chip == chip_of(mac)}
    if not ours:
        _no_log(sectors, headers)
    highest = max(header.sector_seq for header in ours.values())
    newest = [n for n, header in ours.items() if header.sector_seq == highest]
    if len({ours[n].chip for n in newest}) > 1:
        raise Failure(
            WRONG_USE,
            "The image holds logs of two chips, and either may be the one that is meant.",
            "Say which terminal it is from: --mac AA:BB:CC:DD:EE:FF.",
        )
    return newest[0]


def _no_log(sectors: Sequence[bytes], headers: Mapping[int, Header]) -> NoReturn:
    if headers:
        raise Failure(
            ANSWER_NO,
            f"The image holds no log of this chip, but {counted(len(headers), 'sector')} of another.",
            "Check the MAC address; without --mac the log of the highest sector number is taken.",
        )
    if any(_is_newer(sector) for sector in sectors):
        raise Failure(
            ANSWERED_ERROR,
            "The image holds a log of a newer format than this hymio reads.",
            "Take the newer hymio; host/README.md says how it is installed.",
        )
    blank = all(not sector.strip(b"\xff") for sector in sectors)
    raise Failure(
        ANSWER_NO,
        "The image is blank: there is no log in it." if blank else "The image is damaged: no sector has a good header.",
        "Check that it is the partition `votes`, the whole of it, and dump it once more.",
    )


def _is_newer(sector: bytes) -> bool:
    head = sector[:HEADER_BYTES]
    whole = int.from_bytes(head[-4:], "little") == crc32(head[:-4])
    return whole and head[:4] == HEADER_MAGIC and head[4] > HEADER_VERSION


class _Ring:
    """Finds out which sector_seq stands in which physical sector."""

    def __init__(self, sectors: Sequence[bytes], own: Mapping[int, int], log_id: int, highest: int) -> None:
        """Takes the sectors and what their good headers say.

        Args:
            sectors: the image, sector by sector.
            own: sector_seq by physical sector, of the good headers of the log.
            log_id: of the log.
            highest: the highest sector_seq among them.
        """
        self._sectors = sectors
        self._own = own
        self._log_id = log_id
        reach = len(sectors)
        # A CRC is linear: what the sector_seq contributes to it is the same for every record. So a record tells its
        # sector_seq, and need not be tried with each one.
        self._seq_of = {_share(seq): seq for seq in range(max(0, highest - reach), highest + reach)}
        self._proven: dict[int, Counter[int]] = {}
        self.doubtful: list[tuple[int, int]] = []
        """Pairs (older, newer) of sectors that follow each other, with a number missing and a blank sector between
        them."""

    def places(self, newest: int) -> dict[int, int]:
        """The physical sectors of the whole log, by sector_seq.

        Sectors are opened in ring order, and some are passed over with or without a number. So a step back in the ring
        is at most one step back in number, and a number that does not fit is a remnant in a sector that no longer
        erases.

        Args:
            newest: the physical sector with the highest good header of the log.
        """
        count = len(self._sectors)
        sector, seq, passed = newest, self._own[newest], 0
        # The headers of the newest sectors may have rotted.
        while passed < count - 1:
            passed += 1
            found = self._told((sector + passed) % count, seq + 1, seq + passed)
            if found is not None:
                sector, seq, passed = (sector + passed) % count, found, 0
        places = {seq: sector}
        passed = 0
        for back in range(1, count):
            at = (sector - back) % count
            found = self._told(at, seq - 1 - passed, seq - 1)
            if found is None:
                passed += 1
                continue
            between = [self._sectors[(at + n) % count] for n in range(1, passed + 1)]
            if found < seq - 1 and any(not sector.strip(b"\xff") for sector in between):
                self.doubtful.append((found, seq))
            seq, passed = found, 0
            places[seq] = at
        return places

    def _told(self, sector: int, low: int, high: int) -> int | None:
        """The sector_seq within low..high that a sector's header tells or, if that is damaged, its records."""
        if sector in self._own:
            return self._own[sector] if low <= self._own[sector] <= high else None
        if sector not in self._proven:
            self._proven[sector] = Counter(self._proofs(self._sectors[sector]))
        fitting = {seq: times for seq, times in self._proven[sector].items() if low <= seq <= high}
        return max(fitting, key=fitting.__getitem__) if fitting else None

    def _proofs(self, sector: bytes) -> Iterator[int]:
        for slot, record in enumerate(_slots(sector)):
            if record != _BLANK and record[0] & KIND_BITS:
                share = _crc(record) ^ place_crc(record[:CONTENT_BYTES], self._log_id, 0, slot)
                if share in self._seq_of:
                    yield self._seq_of[share]


def _share(sector_seq: int) -> int:
    """What `sector_seq` changes in the CRC of a record, compared with sector_seq 0."""
    nothing = bytes(CONTENT_BYTES)
    return place_crc(nothing, 0, sector_seq, 0) ^ place_crc(nothing, 0, 0, 0)


def _slots(sector: bytes) -> Iterator[bytes]:
    for at in range(HEADER_BYTES, SECTOR_BYTES, RECORD_BYTES):
        yield sector[at : at + RECORD_BYTES]


def _crc(record: bytes) -> int:
    return int.from_bytes(record[CONTENT_BYTES:], "little")


def _touched(sector: bytes) -> int:
    """How many slots there are up to and with the last one that is not blank."""
    return max((slot + 1 for slot, record in enumerate(_slots(sector)) if record != _BLANK), default=0)


def _records(places: Mapping[int, int], sectors: Sequence[bytes], log_id: int) -> tuple[dict[int, Record], int]:
    """The records by seq, without void ones, and the number of burned slots."""
    valid: dict[int, bytes] = {}
    records: dict[int, Record] = {}
    burned = 0
    for sector_seq in sorted(places):
        for slot, data in enumerate(_slots(sectors[places[sector_seq]])):
            seq = sector_seq * SLOTS + slot
            content = data[:CONTENT_BYTES]
            if data == _BLANK:
                continue
            if _crc(data) != place_crc(content, log_id, sector_seq, slot):
                burned += 1
                continue
            plain = bytes([content[0] & ~RETRY_BIT]) + content[1:]
            valid[seq] = plain
            if plain != content and any(valid.get(seq - back) == plain for back in range(1, _RETRY_REACH + 1)):
                continue
            record = _decoded(seq, plain)
            if record is not None:
                records[seq] = record
    return records, burned


def _is_given_up(sectors: Sequence[bytes], places: Mapping[int, int], log_id: int, older: int, newer: int) -> bool:
    """Whether presses are missing between two sectors that have a blank one between them.

    If so, the blank one is not a sector whose header could not be written: it held those presses, and was erased to
    become the next one after the older one had been given up too, which did not erase.
    """
    before, after = _header(sectors[places[older]]), _header(sectors[places[newer]])
    if before is None or after is None:
        return False
    records, _ = _records({older: places[older]}, sectors, log_id)
    held = sum(record.count if isinstance(record, Run) else 1 for record in _presses(records.values()))
    return sum(after.totals) - sum(before.totals) > held


def _presses(records: Iterable[Record]) -> Iterator[Press | Run]:
    return (record for record in records if isinstance(record, Press | Run))


def _decoded(seq: int, content: bytes) -> Record | None:
    try:
        return decode_content(content)
    except FormatError as error:
        raise Failure(
            ANSWERED_ERROR,
            f"The record with seq {seq} is whole, but of a kind that this hymio does not know ({error.reason}).",
            "Take the newer hymio; host/README.md says how it is installed.",
        ) from error
