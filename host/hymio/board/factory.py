"""What is to be written on a board, worked out from a stock MicroPython image. No board is asked here."""

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
"""Partitions that are left as they are: `nvs`, for example, holds the identity and the calibration of the radio."""
_MIB: Final = 0x100000
_SMALLEST: Final = 4 * _MIB
"""The smallest flash that has room for program, files and votes."""
_NAMED_SIZES: Final = {f"{n}MB": n * _MIB for n in (2, 4, 8, 16, 32)}


@dataclass(frozen=True)
class Piece:
    """What is written at one place of the flash."""

    what: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Plan:
    """Everything that is written on one board. Offsets and sizes are in bytes."""

    stock: StockImage
    flash_size: int
    table: Change
    votes_kept: bool
    """Whether there is a log at `votes`, which must not be touched."""
    pieces: tuple[Piece, ...]
    """The pieces in the order of writing. The partition table is the last one, since until then the old one leads to
    the votes."""

    @property
    def size_name(self) -> str:
        """The size of the flash as esptool writes it, such as "8MB"."""
        return f"{self.flash_size // _MIB}MB"

    @property
    def total(self) -> int:
        """How many bytes there are to write."""
        return sum(len(piece.data) for piece in self.pieces)

    def as_json(self) -> dict[str, Any]:
        """The plan as it stands in the answer of `--json`."""
        return {
            "chip": self.stock.chip,
            "flash_size": self.flash_size,
            "micropython": ".".join(map(str, self.stock.micropython)),
            "vfs": {"offset": self.table.vfs_offset, "size": self.table.vfs_size},
            "votes": {"offset": self.table.votes_offset, "size": self.table.votes_size, "kept": self.votes_kept},
            "writes": [{"what": p.what, "offset": p.offset, "size": len(p.data)} for p in self.pieces],
        }

    def lines(self) -> list[str]:
        """The plan as lines for a person."""
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
    """Works out what to write so that the board is a terminal.

    Args:
        stock: the MicroPython image.
        flash_size: of the board, in bytes.
        files: the content of the file system, by path.
        votes: offset and size of the log that the board holds; None: it holds none.

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
    """The plan as one image for an empty board, from the first byte of the flash to the last one used."""
    require_esptool()
    from esptool import cmds  # type: ignore[import-untyped]

    chip = plan.stock.chip.lower().replace("-", "")
    pieces = [(piece.offset, piece.data) for piece in plan.pieces]
    return bytes(cmds.merge_bin(pieces, chip, flash_size=plan.size_name) or b"")


def write_image(plan: Plan, out: Path) -> None:
    """Writes `merged_image` into a file.

    Raises:
        Failure: it can't be written.
    """
    try:
        write_private(out, merged_image(plan))  # configuration and keys are in it
    except OSError as error:
        raise Failure(WRONG_USE, f"{out}: {error.strerror}.", "Give a path that can be written.") from error


def size_named(name: str) -> int:
    """The number of bytes that a flash size such as "8MB" names.

    Raises:
        Failure: it names none.
    """
    size = _NAMED_SIZES.get(name.upper())
    if size is None:
        raise Failure(
            WRONG_USE, f"--flash-size: expected one of {', '.join(_NAMED_SIZES)}, came {name}.", "Nothing was changed."
        )
    return size
