"""Where the `votes` partition goes: from the partition table of a MicroPython board to one that has such a partition.

The binary format is read and written by `esp_idf_defs`, which is ESP-IDF's own table tool as a library:
https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-guides/partition-tables.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from hymio.wire.records import HEADER_MAGIC

if TYPE_CHECKING:
    from esp_idf_defs.partitions import PartitionDefinition, PartitionTable  # type: ignore[import-untyped]

TABLE_OFFSET: Final = 0x8000
SECTOR: Final = 0x1000
_TABLE_SIZE: Final = 0xC00
"""How many bytes the entries and their MD5 may fill; the rest of the sector is for a signature."""
_VOTES: Final = "votes"
_VFS: Final = ("vfs", "ffat")
"""The names that MicroPython gives its file system, in the order in which it looks; boards with TinyUF2 have `ffat`."""
_FIRST: Final = TABLE_OFFSET + SECTOR
"""Where the first partition may begin."""
_APP: Final = 0
_DATA: Final = 1
_UNDEFINED: Final = 0x06
"""The data subtype for partitions that mean nothing to ESP-IDF."""
_FAT: Final = 0x81
"""The subtype that MicroPython gives its file system, whatever kind of file system it is."""
_SIZES: Final = (0x100000, 0x80000, 0x40000)
"""The sizes that a log may have; the largest that fits is taken. 1 MiB holds 64,000 records."""
_VFS_MIN: Final = 0x60000
"""The firmware twice, as plain files, and what a file system needs for itself."""
_MD5_MARK: Final = b"\xeb\xeb" + b"\xff" * 14
"""The beginning of the row that holds the MD5 of the rows before it."""
_BLANK_FOR_MKFS: Final = 4 * SECTOR
"""MicroPython makes a new file system if the first sector is blank; littlefs would believe the second one as well."""


_T = TypeVar("_T")


class PartitionError(Exception):
    """The table can't take a `votes` partition. args[0] says why, in a sentence for a person."""


@dataclass(frozen=True)
class Change:
    """A partition table that has `votes`, and what becomes of the file system. Offsets and sizes are in bytes."""

    sector: bytes
    """The new content of the 4096 bytes at TABLE_OFFSET."""
    votes_offset: int
    votes_size: int
    vfs_offset: int
    vfs_size: int
    erase: tuple[int, int] | None
    """Offset and size of what has to be blank so that MicroPython makes its file system anew; None: it stays."""


@dataclass(frozen=True)
class PartitionEntry:
    """A partition that a table names. Offset and size are in bytes."""

    name: str
    is_app: bool
    offset: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind the partition."""
        return self.offset + self.size


def flash_limit(chip_size: int, image_header: bytes) -> int:
    """How much of the flash partitions may use: the boot loader refuses more than the size it was built for.

    Args:
        chip_size: of the flash chip, in bytes.
        image_header: the first bytes of the boot loader, whose fourth byte names that size.
    """
    # https://docs.espressif.com/projects/esptool/en/latest/esp32/advanced-topics/firmware-image-format.html
    if len(image_header) < 4 or image_header[0] != 0xE9:
        raise PartitionError("The flash holds no boot loader where it should be.")
    return min(chip_size, 0x100000 << (image_header[3] >> 4))


def add_votes(sector: bytes, limit: int) -> Change:
    """Adds a `votes` partition to the table in `sector` (4096 bytes as they stand in flash); every entry is kept.

    Raises:
        PartitionError: there is no room, or the table can't be rewritten to the byte.
    """
    table = _read(sector)
    if table.find_by_name(_VOTES) is not None:
        raise PartitionError("The partition table names `votes` already.")
    end = max((entry.offset + entry.size for entry in table), default=0)
    if end > limit:
        raise PartitionError(f"The partitions end at {end:#x}, beyond the {limit:#x} bytes that the boot loader knows.")
    vfs = next((entry for entry in table if entry.type == _DATA and entry.name in _VFS), None)
    listed = vfs is not None
    if vfs is None:
        # Newer images do not list the file system; MicroPython makes one behind the last partition when it starts. That
        # would be behind `votes` then, so the file system has to be listed.
        start = -(-end // SECTOR) * SECTOR
        vfs = _entry(_VFS[0], _FAT, start, max(0, limit - start))
        table.append(vfs)
    votes_size = next((size for size in _SIZES if listed and limit - end >= size), 0)
    if votes_size:
        votes_offset, erase = limit - votes_size, None
    else:
        vfs_end = (vfs.offset + vfs.size) // SECTOR * SECTOR
        votes_size = next((size for size in _SIZES if vfs_end - size - vfs.offset >= _VFS_MIN), 0)
        if not votes_size:
            raise PartitionError(f"The file system has {vfs.size // 1024} kB, too few to share them with the votes.")
        votes_offset, erase = vfs_end - votes_size, (vfs.offset, _BLANK_FOR_MKFS)
        vfs.size = votes_offset - vfs.offset
    table.append(_entry(_VOTES, _UNDEFINED, votes_offset, votes_size))
    return Change(_written(table, sector), votes_offset, votes_size, vfs.offset, vfs.size, erase)


def entries(sector: bytes) -> list[PartitionEntry]:
    """The partitions that the table in `sector` (4096 bytes as they stand in flash) names, by offset.

    Raises:
        PartitionError: the table can't be read.
    """
    found = [PartitionEntry(entry.name, entry.type == _APP, entry.offset, entry.size) for entry in _read(sector)]
    return sorted(found, key=lambda entry: entry.offset)


def file_systems(sector: bytes, flash_size: int) -> list[tuple[int, int]]:
    """Where MicroPython looks for its file system on a board with this table, as (offset, size).

    There are none if the table can't be read.
    """
    try:
        table = entries(sector)
    except PartitionError:
        return []
    named = [entry for name in _VFS for entry in table if entry.name == name and not entry.is_app]
    places = [(entry.offset, entry.size) for entry in named if entry.end <= flash_size]
    if not named and table:
        # Newer images do not list it, and MicroPython takes what is behind the last partition.
        start = -(-table[-1].end // SECTOR) * SECTOR
        places = [(start, flash_size - start)]
    return [(offset, size) for offset, size in places if size >= 2 * SECTOR]


def find_votes(
    sector: bytes, read: Callable[[int, int], bytes], flash_size: int, elsewhere: Sequence[tuple[int, int]] = ()
) -> tuple[int, int] | None:
    """Offset and size of the votes that a board holds; None if there are none.

    The board's table tells. If it does not (another image was written since, or power failed while the table was
    written), a log is known by its first bytes wherever these tools may have put one.

    Args:
        sector: of the board's table, whatever stands there.
        flash_size: in bytes.
        read: reads flash, (offset, size) -> bytes.
        elsewhere: offset and size of further places where a log may stand, such as where an image would have it.
    """
    try:
        for entry in entries(sector):
            if entry.name == _VOTES:
                return entry.offset, entry.size
    except PartitionError:
        pass
    places = list(elsewhere)
    limit = flash_size
    while limit >= 0x200000:
        places += [(limit - size, size) for size in _SIZES]
        limit //= 2
    return next((place for place in places if read(place[0], SECTOR)[: len(HEADER_MAGIC)] == HEADER_MAGIC), None)


def factory_table(sector: bytes, limit: int, votes: tuple[int, int] | None = None) -> Change:
    """The table of a fresh image with `votes` and `vfs` added, as it is written together with everything else.

    Args:
        sector: the table of the image.
        limit: the size of the flash.
        votes: offset and size of a log that is there and has to stay where it is.

    Raises:
        PartitionError: there is no room.
    """
    table = _read(sector)
    table[:] = [entry for entry in table if entry.name not in (_VOTES, *_VFS)]
    gaps = _gaps(table, limit)
    if votes is None:
        # Where the file system was, or behind everything: the file system is not always the last one (a core dump, or
        # certificates, may follow).
        gap = max(gaps, key=lambda gap: gap[1] - gap[0], default=(0, 0))
        size = next((size for size in _SIZES if gap[1] - size - gap[0] >= _VFS_MIN), 0)
        if not size:
            free = (gap[1] - gap[0]) // 1024
            raise PartitionError(f"Beside the program are {free} kB in one piece, too few for the votes.")
        votes = gap[1] - size, size
    votes_end = sum(votes)
    if not any(begin <= votes[0] and votes_end <= end for begin, end in gaps):
        raise PartitionError(f"The votes on the board stand at {votes[0]:#x}, where this image has something else.")
    table.append(_entry(_VOTES, _UNDEFINED, *votes))
    # Behind the votes, if the log was made for a smaller flash.
    vfs_offset, vfs_end = max(_gaps(table, limit), key=lambda gap: gap[1] - gap[0], default=(0, 0))
    if vfs_end - vfs_offset < _VFS_MIN:
        raise PartitionError(f"Beside the votes are {(vfs_end - vfs_offset) // 1024} kB, too few for the files.")
    table.append(_entry(_VFS[0], _FAT, vfs_offset, vfs_end - vfs_offset))
    return Change(_written(table, sector), *votes, vfs_offset, vfs_end - vfs_offset, None)


def _gaps(table: PartitionTable, limit: int) -> list[tuple[int, int]]:
    """What no partition of the table takes, in whole sectors, as (begin, end)."""
    gaps, begin = [], _FIRST
    for entry in sorted(table, key=lambda entry: int(entry.offset)):
        gaps.append((begin, entry.offset // SECTOR * SECTOR))
        begin = max(begin, -(-(entry.offset + entry.size) // SECTOR) * SECTOR)
    gaps.append((begin, limit // SECTOR * SECTOR))
    return [(begin, end) for begin, end in gaps if begin < end]


def _written(table: PartitionTable, old: bytes) -> bytes:
    """The table in the form of the sector that it was read from.

    It has an MD5 only if that sector has one, since the boot loader of a very old ESP-IDF knows of none.
    """
    table.sort()
    _checked(lambda: table.verify(TABLE_OFFSET))
    new: bytes = _checked(lambda: table.to_binary(md5sum=_MD5_MARK in old))
    return new + old[_TABLE_SIZE:]


def _entry(name: str, subtype: int, offset: int, size: int) -> PartitionDefinition:
    from esp_idf_defs.partitions import PartitionDefinition

    entry = PartitionDefinition()
    entry.name, entry.type, entry.subtype, entry.offset, entry.size = name, _DATA, subtype, offset, size
    return entry


def _read(sector: bytes) -> PartitionTable:
    from esp_idf_defs.partitions import PartitionTable

    if len(sector) != SECTOR:
        raise PartitionError(f"Expected the {SECTOR} bytes of the partition table, came {len(sector)}.")
    if sector[_TABLE_SIZE:].strip(b"\xff"):
        raise PartitionError("The partition table is signed (secure boot), so it can't be changed.")
    table: PartitionTable = _checked(lambda: PartitionTable.from_binary(sector[:_TABLE_SIZE]))
    # What the library would not write back as it stands (such as flags of a later ESP-IDF) must not be lost in silence.
    # An MD5 may be missing: ESP-IDF has a switch for it, and before 3.1 there was none.
    if not table or _checked(lambda: table.to_binary(md5sum=_MD5_MARK in sector)) != sector[:_TABLE_SIZE]:
        raise PartitionError("The partition table has something in it that this version does not know.")
    return table


def _checked(call: Callable[[], _T]) -> _T:
    try:
        return call()
    except (RuntimeError, ValueError, TypeError, ArithmeticError, AttributeError) as error:
        raise PartitionError(f"The partition table is damaged: {error}.") from error
