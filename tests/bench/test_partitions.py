"""The partition table: a stock board's, others that MicroPython ships, and what must never happen to any."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.board.partitions import SECTOR, PartitionError, add_votes, factory_table, file_systems, flash_limit
from hymio.board.partitions import entries as read_entries

MIB = 0x100000
Entry = tuple[str, int, int, int, int]  # label, type, subtype, offset, size

NVS = ("nvs", 1, 2, 0x9000, 0x6000)
PHY = ("phy_init", 1, 1, 0xF000, 0x1000)
STOCK_1_23 = [NVS, PHY, ("factory", 0, 0, 0x10000, 0x1F0000), ("vfs", 1, 0x81, 0x200000, 0x200000)]
STOCK_1_26 = [NVS, PHY, ("factory", 0, 0, 0x10000, 0x210000)]  # MicroPython finds the place of vfs at start-up
OTA_4MIB = [
    (*NVS[:4], 0x4000),
    ("otadata", 1, 0, 0xD000, 0x2000),
    PHY,
    ("ota_0", 0, 0x10, 0x10000, 0x180000),
    ("ota_1", 0, 0x11, 0x190000, 0x180000),
    ("vfs", 1, 0x81, 0x310000, 0xF0000),
]


def sector_of(entries: list[Entry], tail: bytes = b"") -> bytes:
    """The 4096 bytes in flash, laid out by hand from ESP-IDF's documentation rather than by the library under test."""
    rows = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, offset, size, label.encode(), 0)
        for label, kind, subtype, offset, size in entries
    )
    table = rows + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(rows).digest()
    return (table.ljust(0xC00, b"\xff") + tail).ljust(SECTOR, b"\xff")


def entries_of(sector: bytes) -> list[Entry]:
    """The entries up to the MD5, which has to be right and followed by nothing."""
    entries: list[Entry] = []
    for at in range(0, SECTOR, 32):
        row = sector[at : at + 32]
        if row[:2] == b"\xeb\xeb":
            assert row[16:] == hashlib.md5(sector[:at]).digest()
            assert not sector[at + 32 :].strip(b"\xff")
            return entries
        magic, kind, subtype, offset, size, label, flags = struct.unpack("<2sBBII16sI", row)
        assert magic == b"\xaa\x50" and flags == 0
        entries.append((label.rstrip(b"\0").decode(), kind, subtype, offset, size))
    raise AssertionError("no MD5 entry")


@pytest.mark.parametrize(
    ("entries", "limit", "vfs", "votes"),
    [
        pytest.param(STOCK_1_23, 4 * MIB, (2 * MIB, MIB), (3 * MIB, MIB), id="stock 1.23, 4 MB"),
        pytest.param(STOCK_1_26, 4 * MIB, (0x220000, 0xE0000), (3 * MIB, MIB), id="stock 1.26: vfs is not listed"),
        pytest.param(STOCK_1_26, 8 * MIB, (0x220000, 0x4E0000), (7 * MIB, MIB), id="1.26, 8 MB"),
        pytest.param(OTA_4MIB, 4 * MIB, (0x310000, 0x70000), (0x380000, 0x80000), id="two slots: half a log"),
    ],
)
def test_votes_take_the_end_of_the_file_system(
    entries: list[Entry], limit: int, vfs: tuple[int, int], votes: tuple[int, int]
) -> None:
    change = add_votes(sector_of(entries), limit)
    kept = [entry for entry in entries if entry[0] != "vfs"]
    assert entries_of(change.sector) == [*kept, ("vfs", 1, 0x81, *vfs), ("votes", 1, 6, *votes)]
    assert (change.vfs_offset, change.vfs_size, change.votes_offset, change.votes_size) == (*vfs, *votes)
    assert change.erase is not None and change.erase[0] == vfs[0]
    # littlefs keeps its superblock in the first two sectors and believes either.
    assert change.erase[1] >= 2 * SECTOR


def test_free_flash_behind_a_listed_file_system_spares_the_files() -> None:
    change = add_votes(sector_of(STOCK_1_23), 8 * MIB)
    assert change.erase is None
    assert entries_of(change.sector) == [*STOCK_1_23, ("votes", 1, 6, 7 * MIB, MIB)]


@pytest.mark.parametrize(
    ("sector", "said"),
    [
        (sector_of([*STOCK_1_23[:3], ("votes", 1, 6, 2 * MIB, MIB)]), "already"),
        (sector_of([NVS, PHY, ("factory", 0, 0, 0x10000, 0x170000), ("vfs", 1, 0x81, 0x180000, 0x80000)]), "too few"),
        (sector_of(STOCK_1_23, tail=b"signature"), "signed"),
        (sector_of([*STOCK_1_23, ("more", 1, 6, 4 * MIB, MIB)]), "beyond"),
        (sector_of(STOCK_1_23)[:-1], "4096"),
        (b"\xff" * SECTOR, "does not know"),
        (bytes(SECTOR), "signed"),
        (sector_of(STOCK_1_23).replace(b"factory", b"fact\xffry"), "damaged"),
    ],
)
def test_what_is_refused(sector: bytes, said: str) -> None:
    limit = 2 * MIB if said == "too few" else 4 * MIB
    with pytest.raises(PartitionError, match=said):
        add_votes(sector, limit)


def test_an_unknown_flag_is_not_dropped_in_silence() -> None:
    rows = bytearray(sector_of(STOCK_1_23)[: 4 * 32])
    rows[28] = 4  # of the first entry
    sector = (bytes(rows) + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(rows).digest()).ljust(SECTOR, b"\xff")
    with pytest.raises(PartitionError, match="does not know"):
        add_votes(sector, 4 * MIB)


def without_md5(entries: list[Entry]) -> bytes:
    """As an ESP-IDF writes it whose switch for the MD5 is off."""
    sector = sector_of(entries)
    return sector[: 32 * len(entries)].ljust(SECTOR, b"\xff")


def test_a_table_without_md5_is_read_and_stays_one() -> None:
    """Its boot loader takes tables with and without, a very old one only those without."""
    bare = without_md5(STOCK_1_23)
    assert [(entry.name, entry.offset, entry.size) for entry in read_entries(bare)] == [
        (label, offset, size) for label, _, _, offset, size in STOCK_1_23
    ]
    for change, same in (
        (add_votes(bare, 4 * MIB), add_votes(sector_of(STOCK_1_23), 4 * MIB)),
        (factory_table(bare, 4 * MIB), factory_table(sector_of(STOCK_1_23), 4 * MIB)),
    ):
        assert change.sector == without_md5(entries_of(same.sector))
        assert (change.votes_offset, change.vfs_size, change.erase) == (same.votes_offset, same.vfs_size, same.erase)


@pytest.mark.parametrize(
    ("table", "places"),
    [
        (STOCK_1_23, [(2 * MIB, 2 * MIB)]),
        (STOCK_1_26, [(0x220000, 4 * MIB - 0x220000)]),
        ([*STOCK_1_26, ("ffat", 1, 0x81, 0x300000, MIB)], [(3 * MIB, MIB)]),
        ([*STOCK_1_26, ("ffat", 1, 0x81, 0x300000, MIB), ("vfs", 1, 0x81, 0x220000, 0x80000)],
         [(0x220000, 0x80000), (3 * MIB, MIB)]),
        ([*STOCK_1_26, ("vfs", 1, 0x81, 0x300000, 2 * MIB)], []),
    ],
    ids=["listed", "not listed: what is left", "TinyUF2", "both", "beyond the flash"],
)  # fmt: skip
def test_where_micropython_looks_for_its_files(table: list[Entry], places: list[tuple[int, int]]) -> None:
    assert file_systems(sector_of(table), 4 * MIB) == places
    assert file_systems(b"\xff" * SECTOR, 4 * MIB) == []


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Entry], int]:
    """Tables without overlap, in any order of entries, with gaps, with or without a file system."""
    entries: list[Entry] = [NVS, PHY]
    at = 0x10000
    labels = draw(st.lists(st.sampled_from(["factory", "ota_0", "ota_1", "romfs", "vfs", "ffat"]), unique=True))
    for label in labels:
        if label in ("vfs", "ffat") and any(entry[0] in ("vfs", "ffat") for entry in entries):
            continue
        is_app = label in ("factory", "ota_0", "ota_1")
        at += draw(st.integers(0, 4)) * 0x10000
        size = draw(st.integers(1, 40)) * 0x10000
        subtype = {"factory": 0, "ota_0": 0x10, "ota_1": 0x11, "romfs": 0x8F}.get(label, 0x81)
        entries.append((label, 0 if is_app else 1, subtype, at, size))
        at += size
    limit = draw(st.sampled_from([2, 4, 8, 16])) * MIB
    return draw(st.permutations(entries)), limit


@given(tables())
def test_everything_else_stays_where_it_is(case: tuple[list[Entry], int]) -> None:
    entries, limit = case
    try:
        change = add_votes(sector_of(entries), limit)
    except PartitionError:
        return
    after = entries_of(change.sector)
    named = {entry[0]: entry for entry in after}
    assert len(named) == len(after)
    for entry in entries:
        if entry[0] not in ("vfs", "ffat"):
            assert named[entry[0]] == entry
        else:
            assert named[entry[0]][:4] == entry[:4]
            assert named[entry[0]][4] <= entry[4]
            assert (change.erase is None) == (named[entry[0]] == entry)
    assert "vfs" in named or "ffat" in named
    ends = 0x9000
    for _label, _kind, _subtype, offset, size in sorted(after, key=lambda entry: entry[3]):
        assert offset >= ends and size > 0
        ends = offset + size
    assert ends <= limit
    votes = named["votes"]
    assert votes[3] % SECTOR == 0 and votes[4] in (0x40000, 0x80000, 0x100000)


@given(st.integers(0, SECTOR - 1), st.binary(min_size=1, max_size=96))
def test_damage_is_never_more_than_a_sentence(at: int, noise: bytes) -> None:
    sector = sector_of(STOCK_1_23)
    damaged = (sector[:at] + noise + sector[at + len(noise) :])[:SECTOR]
    if damaged != sector:
        with pytest.raises(PartitionError):
            add_votes(damaged, 4 * MIB)


@pytest.mark.parametrize(
    ("chip", "header", "limit"),
    [
        (4 * MIB, "e903022f", 4 * MIB),
        (16 * MIB, "e903022f", 4 * MIB),  # a 16 MB module with an image made for 4 MB
        (4 * MIB, "e903024f", 4 * MIB),
        (16 * MIB, "e903024f", 16 * MIB),
    ],
)
def test_the_boot_loader_sets_the_limit(chip: int, header: str, limit: int) -> None:
    assert flash_limit(chip, bytes.fromhex(header)) == limit


def test_a_blank_boot_loader_is_refused() -> None:
    with pytest.raises(PartitionError, match="boot loader"):
        flash_limit(4 * MIB, b"\xff" * 16)
