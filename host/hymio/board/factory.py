"""From a stock MicroPython image to everything that is written on a board: pure, no board is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hymio.board.boot_loader import require_esptool
from hymio.board.factory_files import file_system, used_runs
from hymio.board.partitions import TABLE_OFFSET, Change, PartitionError, factory_table
from hymio.board.stock_image import StockImage
from hymio.common.errors import ANSWERED_ERROR, WRONG_USE, Failure
from hymio.common.private_files import write_private

_NOT_WRITTEN: Final = ("nvs", "vfs", "ffat", "votes")
"""`nvs` holds the board's identity and the calibration of its radio."""
_MIB: Final = 0x100000
_SMALLEST: Final = 4 * _MIB
"""A flash that has room for program, files and votes."""
_NAMED_SIZES: Final = {f"{n}MB": n * _MIB for n in (2, 4, 8, 16, 32)}


@dataclass(frozen=True)
class Piece:
    """What is written at one place."""

    what: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Plan:
    """Offsets and sizes in bytes."""

    stock: StockImage
    flash_size: int
    table: Change
    votes_kept: bool
    """Whether there is a log at `votes` that must not be touched."""
    pieces: tuple[Piece, ...]
    """In the order of writing. The partition table is last: until it is there the old one tells of the votes."""

    @property
    def size_name(self) -> str:
        """As esptool calls the flash size."""
        return f"{self.flash_size // _MIB}MB"

    @property
    def total(self) -> int:
        """Bytes to write."""
        return sum(len(piece.data) for piece in self.pieces)

    def as_json(self) -> dict[str, Any]:
        """Of `--json`."""
        return {
            "chip": self.stock.chip,
            "flash_size": self.flash_size,
            "micropython": ".".join(map(str, self.stock.micropython)),
            "vfs": {"offset": self.table.vfs_offset, "size": self.table.vfs_size},
            "votes": {"offset": self.table.votes_offset, "size": self.table.votes_size, "kept": self.votes_kept},
            "writes": [{"what": p.what, "offset": p.offset, "size": len(p.data)} for p in self.pieces],
        }

    def lines(self) -> list[str]:
        """For a person."""
        table = self.table
        kept = "the votes in it are kept" if self.votes_kept else "no votes are in it yet"
        return [
            f"{self.stock.chip}, {self.size_name} of flash, MicroPython {'.'.join(map(str, self.stock.micropython))}",
            *(f"  {p.offset:#010x} {len(p.data) / 1024:8.0f} kB  {p.what}" for p in self.pieces),
            f"  {table.votes_offset:#010x} {table.votes_size / 1024:8.0f} kB  votes, not written: {kept}",
        ]


def make_plan(
    stock: StockImage, flash_size: int, files: Mapping[str, bytes], votes: tuple[int, int] | None = None
) -> Plan:
    """What to write so that the board is a terminal.

    Args:
        flash_size: of the board.
        files: its file system, by path.
        votes: offset and size of the log that the board holds, None for a board without.

    Raises:
        Failure: there is no room.
    """
    try:
        change = factory_table(stock.table, flash_size, votes)
    except PartitionError as error:
        if votes:
            hint = "Save the votes (`hymio votes --db`) and add --erase-votes, or take the image that was on it."
        elif flash_size < _SMALLEST:
            hint = "A board with 4 MB of flash or more is needed."
        else:
            hint = "Take an image whose partitions leave more room beside the program, as those of micropython.org do."
        raise Failure(ANSWERED_ERROR, str(error), f"{hint} Nothing was changed.") from error
    image = file_system(files, change.vfs_size)
    pieces = [Piece(f"files ({len(files)})", change.vfs_offset + at, data) for at, data in used_runs(image)]
    for entry in stock.partitions:
        data = stock.part(entry.offset, entry.size)
        if data and entry.name not in _NOT_WRITTEN:
            pieces.append(Piece(entry.name, entry.offset, data))
    loader = stock.part(stock.offset, TABLE_OFFSET - stock.offset).rstrip(b"\xff")
    pieces.append(Piece("boot loader", stock.offset, loader + b"\xff" * (-len(loader) % 16)))
    pieces.append(Piece("partition table", TABLE_OFFSET, change.sector))
    return Plan(stock, flash_size, change, votes is not None, tuple(pieces))


def merged_image(plan: Plan) -> bytes:
    """All of it as one image for an empty board, from the first byte of flash to the last one used."""
    require_esptool()
    from esptool import cmds  # type: ignore[import-untyped]

    chip = plan.stock.chip.lower().replace("-", "")
    pieces = [(piece.offset, piece.data) for piece in plan.pieces]
    return bytes(cmds.merge_bin(pieces, chip, flash_size=plan.size_name) or b"")


def write_image(plan: Plan, out: Path) -> None:
    """`merged_image` in a file.

    Raises:
        Failure: it can't be written.
    """
    try:
        write_private(out, merged_image(plan))  # configuration and keys are in it
    except OSError as error:
        raise Failure(WRONG_USE, f"{out}: {error.strerror}.", "Give a path that can be written.") from error


def size_named(name: str) -> int:
    """Bytes of a flash size as "8MB".

    Raises:
        Failure: it is none.
    """
    size = _NAMED_SIZES.get(name.upper())
    if size is None:
        raise Failure(
            WRONG_USE, f"--flash-size: expected one of {', '.join(_NAMED_SIZES)}, came {name}.", "Nothing was changed."
        )
    return size
