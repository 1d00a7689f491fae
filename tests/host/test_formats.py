"""The byte formats: the specification's own vectors, round trips, and what damage must never do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hymio.wire.acks import Ack, decode_ack, encode_ack
from hymio.wire.batches import Batch, decode_batch, encode_batch
from hymio.wire.primitives import FormatError, crc32
from hymio.wire.records import (
    Acked,
    Boot,
    Event,
    Header,
    Press,
    Record,
    Revise,
    Run,
    Time,
    chip_of,
    decode_header,
    decode_record,
    encode_header,
    encode_record,
)

PAGES = [Path(__file__).parents[2] / "firmware" / "spec" / name for name in ("log.md", "batch.md")]
LOG_ID, SECTOR_SEQ = 0x1A2B3C4D, 5

SLOTS: list[tuple[str, int, bool, Record]] = [
    ("boot, power-on, uptime 812 ms", 0, False, Boot(7, 812, 1, 0)),
    ("press, button 4, counted, uptime 61,234 ms", 1, False, Press(7, 61234, 4, 0, 0, 5, 65535)),
    ("the same press again in slot 2 with the retry bit: slot 2 is void", 2, True, Press(7, 61234, 4, 0, 0, 5, 65535)),
    ("press, button 1, repeat, uptime 61,900 ms", 3, False, Press(7, 61900, 1, 1, 1, 3, 480)),
    ("revise, slot 4", 4, False, Revise(7, 62000, 3, 5 * 252 + 3)),
    ("run, button 2, mash, 40 presses in 9 s", 5, False, Run(7, 70000, 2, 2, 9, 40)),
    ("time, NTP, uptime 75,250 ms was 1,800,000,000", 6, False, Time(7, 75250, 1, 1_800_000_000)),
    ("ack, cursor 1263, 2 presses before it", 7, False, Acked(1263, 2, 0)),
    ("event 2, argument 3, uptime 2^33 ms", 251, False, Event(7, 2**33, 2, 3)),
]
HEADER = Header(
    7, SECTOR_SEQ, LOG_ID, chip_of(bytes.fromhex("240ac4112233")), 1200, 900, 3, (100, 200, 300, 400), 800, None
)
HEADERS = {
    "header: sector_seq 5": HEADER,
    "header: the same, utc": Header(
        7, SECTOR_SEQ, LOG_ID, HEADER.chip, 1200, 900, 3, (100, 200, 300, 400), 800, 1_800_000_000_250
    ),
}
BATCHES = {
    "the eight slots 0..7 above": Batch(
        LOG_ID, 0xDEADBEEF, 7, True, 1260, 8, 1008, 0, (100, 200, 300, 400),
        tuple((1260 + slot, record) for _, slot, _, record in SLOTS if slot not in (2, 251)),
    ),
    "two boots, clock set": Batch(
        LOG_ID, 2, 9, True, 504, 7, 0, 0, (1, 2, 3, 4),
        (
            (504, Press(8, 5000, 2, 0, 1, 4, 65535)), (505, Event(8, 6000, 2, 0)),
            (506, Press(8, 7000, 3, 1, 1, 3, 900)), (508, Press(8, 7400, 3, 1, 1, 5, 250)),
            (509, Press(9, 800, 1, 0, 1, 6, 65535)), (510, Press(9, 60, 4, 2, 0, 3, 0)),
        ),
    ),
    "nothing there: first_seq 1268": Batch(LOG_ID, 1, 7, False, 1268, 0, 1016, 0, (101, 240, 300, 401), ()),
}  # fmt: skip
ACKS = {"mark 1268, nonce 0xDEADBEEF": Ack(LOG_ID, 1268, 0xDEADBEEF, 1_800_000_020_500, "office")}


def told_vectors() -> dict[str, bytes]:
    """what -> bytes of every table row in the specification whose second cell is only hex."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    rows = re.findall(r"^\| (.+?) \| `([0-9a-f]{20,})` \|$", text, re.MULTILINE)
    return {what: bytes.fromhex(text) for what, text in rows}


VECTORS = told_vectors()


def vector(what: str) -> bytes:
    found = [data for name, data in VECTORS.items() if name.startswith(what)]
    assert len(found) == 1, f"{len(found)} vectors begin with {what!r}"
    return found[0]


def test_every_vector_of_the_specification_is_checked_here() -> None:
    checked = [what for what, *_ in SLOTS] + [*HEADERS, *BATCHES, *ACKS]
    assert len(VECTORS) == len(checked) == 15
    for what in checked:
        vector(what)


@pytest.mark.parametrize(("what", "slot", "retry", "record"), SLOTS, ids=[row[0] for row in SLOTS])
def test_records_of_the_specification(what: str, slot: int, retry: bool, record: Record) -> None:
    data = vector(what)
    assert decode_record(data, LOG_ID, SECTOR_SEQ, slot) == (record, retry)
    assert encode_record(record, LOG_ID, SECTOR_SEQ, slot, retry) == data
    with pytest.raises(FormatError):
        decode_record(data, LOG_ID, SECTOR_SEQ + 1, slot)


@pytest.mark.parametrize("what", HEADERS)
def test_headers_of_the_specification(what: str) -> None:
    assert decode_header(vector(what)) == HEADERS[what]
    assert encode_header(HEADERS[what]) == vector(what)


@pytest.mark.parametrize("what", BATCHES)
def test_batches_of_the_specification(what: str) -> None:
    assert decode_batch(vector(what), "till-1") == BATCHES[what]
    assert encode_batch(BATCHES[what], "till-1") == vector(what)


@pytest.mark.parametrize("what", ACKS)
def test_acks_of_the_specification(what: str) -> None:
    assert decode_ack(vector(what)) == ACKS[what]
    assert encode_ack(ACKS[what]) == vector(what)


def test_crc_of_the_specification() -> None:
    assert crc32(b"123456789") == 0xCBF43926


u8, u16, u32, u40 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 40))
u24 = st.integers(0, 2**24 - 1)
verdicts = st.integers(0, 8)
codes = st.integers(0, 15)
buttons = st.integers(1, 4)
presses = st.builds(Press, u16, u40, buttons, verdicts, st.integers(0, 63), u8, u16)
other_records = st.one_of(
    st.builds(Revise, u16, u40, verdicts, u32),
    st.builds(Run, u16, u40, buttons, verdicts, u8, u16),
    st.builds(Boot, u16, u40, codes, u16),
    st.builds(Time, u16, u40, codes, u32),
    st.builds(Acked, u32, u32, u24),
    st.builds(Event, u16, u40, codes, u32),
)
records = presses | other_records


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    held = draw(st.integers(0, 2**16))
    first_seq = held + draw(st.integers(0, 2**31))
    slots = draw(st.lists(st.none() | records, max_size=30))
    kept = tuple((first_seq + at, record) for at, record in enumerate(slots) if record is not None)
    totals = draw(st.tuples(u32, u32, u32, u32))
    return Batch(
        draw(st.integers(1, 2**32 - 1)), draw(u32), draw(u16), draw(st.booleans()), first_seq, len(slots), held,
        draw(st.integers(0, 10**6)), totals, kept,
    )  # fmt: skip


@given(records, u32, u32, st.integers(0, 251), st.booleans())
def test_records_come_back(record: Record, log_id: int, sector_seq: int, slot: int, retry: bool) -> None:
    assert decode_record(encode_record(record, log_id, sector_seq, slot, retry), log_id, sector_seq, slot) == (
        record,
        retry,
    )


@given(batches())
def test_batches_come_back(batch: Batch) -> None:
    assert decode_batch(encode_batch(batch, "till-1"), "till-1") == batch


@given(st.builds(Ack, u32, u32, u32, st.none() | st.integers(0, 2**48 - 1), st.text("abcäé☺", min_size=1, max_size=8)))
def test_acks_come_back(ack: Ack) -> None:
    assert decode_ack(encode_ack(ack)) == ack


@given(batches(), st.data())
def test_a_damaged_batch_never_yields_records(batch: Batch, data: st.DataObject) -> None:
    whole = encode_batch(batch, "till-1")
    at = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    with pytest.raises(FormatError):
        decode_batch(whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :], "till-1")
    with pytest.raises(FormatError):
        decode_batch(whole[:at], "till-1")
    with pytest.raises(FormatError, match="not one of till-2"):
        decode_batch(whole, "till-2")


@settings(max_examples=300)
@given(batches(), st.data())
def test_nonsense_with_a_good_crc_is_refused_or_accounts_for_its_slots(batch: Batch, data: st.DataObject) -> None:
    body = bytearray(encode_batch(batch, "till-1")[:-4])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(u8)
    forged = _sealed(bytes(body))
    try:
        read = decode_batch(forged, "till-1")
    except FormatError as error:
        assert error.reason
        return
    seqs = [seq for seq, _ in read.records]
    assert seqs == sorted(set(seqs)) and all(read.first_seq <= seq <= read.last_seq for seq in seqs)
    assert decode_batch(encode_batch(read, "till-1"), "till-1") == read


@given(st.binary(max_size=120))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(FormatError):
        decode_batch(noise, "till-1")


def _sealed(body: bytes) -> bytes:
    return body + crc32(b"till-1" + body).to_bytes(4, "little")


HEAD = bytes.fromhex("0200") + (1).to_bytes(4, "little") + bytes(4) + bytes(2)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x01" + HEAD[1:] + bytes(8), "version 1"),
        (HEAD[:2] + bytes(4) + HEAD[6:] + bytes(8), "log_id is 0"),
        (HEAD + bytes([0, 1, 0, 0, 0, 0, 0, 0, 0x80, 0, 0]), "before any base"),
        (HEAD + bytes([0, 1, 0, 0, 0, 0, 0, 0, 0x42]), "unknown item 0x42"),
        (HEAD + bytes([0, 1, 0, 0, 0, 0, 0, 0, 0x00, 2]), "account for 2 slots, not 1"),
        (HEAD + bytes([0, 1, 0, 0, 0, 0, 0, 0, 0x00, 1, 9]), "after the last slot"),
        (HEAD + bytes([0, 0, 1, 0, 0, 0, 0, 0]), "held before seq 0"),
        (HEAD + bytes([0, 1, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0, 0x80 | 9 << 3, 0, 0]), "verdict 9"),
        (HEAD + bytes([0, 1, 0, 0, 0, 0, 0, 0, 0x03, 1, *bytes(11)]), "press as a plain record"),
        (HEAD + bytes([0, 1, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0]), "uptime_ms -1"),
    ],
)
def test_why_a_batch_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=re.escape(reason)):
        decode_batch(_sealed(body), "till-1")
