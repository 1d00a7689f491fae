"""What a board's file system holds that is its own: in littlefs and FAT, as MicroPython makes them, whole or not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mock_board import flash, mock_board
from simulated_board import needs_vm
from stock_images import MIB, STOCK, stock_image
from test_partitions import sector_of

from hymio.board.boot_loader import ResetModes
from hymio.board.factory import make_plan
from hymio.board.factory_files import file_system, used_runs
from hymio.board.flash import FlashJob, _own_files, flash_board
from hymio.board.own_files import FilesPlace, UnreadableError, own_files
from hymio.board.partitions import SECTOR, TABLE_OFFSET
from hymio.board.stock_image import read_stock
from hymio.common.errors import ANSWERED_ERROR, Failure
from hymio_sim.board.board_files import find_tool

OWN = {
    "config.json": b'{"device_id": "till-1"}',
    "certs/ca.der": b"ca" * 700,
    "certs/a rather long name.der": b"k" * 130,
}
FILES = {**OWN, "main.py": b"old", "terminal/run.mpy": b"x" * 20000, "config.old.json": b"{}"}
AT = 2 * MIB

# The board's own code for it; the block device counts as esp32.Partition does with that block size.
_MAKE = """
import os, sys, vfs
class Device:
    def __init__(self, size, block): self.data = bytearray(b"\\xff" * size); self.block = block
    def readblocks(self, n, buf, off=0):
        at = n * self.block + off
        buf[:] = self.data[at : at + len(buf)]
    def writeblocks(self, n, buf, off=0):
        at = n * self.block + off
        self.data[at : at + len(buf)] = buf
    def ioctl(self, op, arg): return len(self.data) // self.block if op == 4 else self.block if op == 5 else 0
kind, size, block, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
device = Device(size, block)
make = getattr(vfs, kind)
make.mkfs(device)
vfs.mount(make(device), "/board")
for path, data in %r.items():
    for at, letter in enumerate(path):
        if letter == "/":
            try: os.mkdir("/board/" + path[:at])
            except OSError: pass
    with open("/board/" + path, "wb") as file: file.write(data)
vfs.umount("/board")
with open(out, "wb") as file: file.write(device.data)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int, int], bytes]:
    """An image that MicroPython has made and filled: (class, size, block size) -> bytes."""
    directory = tmp_path_factory.mktemp("made")
    script = directory / "make.py"
    script.write_text(_MAKE % FILES)

    def make(kind: str, size: int, block: int) -> bytes:
        out = directory / f"{kind}-{size}-{block}"
        if not out.exists():
            tool = find_tool("micropython")
            assert tool is not None
            command = [str(tool), "-X", "heapsize=16M", str(script), kind, str(size), str(block), str(out)]
            subprocess.run(command, check=True, timeout=240)
        return out.read_bytes()

    return make


class Board:
    """Its flash; counts what is read."""

    chip = "ESP32"

    def __init__(self, pieces: dict[int, bytes]) -> None:
        self.flash = bytearray(b"\xff" * (4 * MIB))
        self.read_bytes = 0
        for at, data in pieces.items():
            self.flash[at : at + len(data)] = data

    def read(self, offset: int, size: int, advance: Any = None) -> bytes:
        self.read_bytes += size
        return bytes(self.flash[offset : offset + size])


def found(image: bytes, read: Callable[[int, int], bytes] | None = None) -> dict[str, bytes] | None:
    return own_files(FilesPlace(read or Board({0: image}).read, 0, len(image)))


@needs_vm
@pytest.mark.parametrize(
    ("kind", "size", "block"),
    [
        ("VfsLfs2", MIB, 4096),
        ("VfsLfs2", 960 * 1024, 512),
        ("VfsFat", 960 * 1024, 512),
        ("VfsFat", 3 * MIB, 512),
        ("VfsFat", 960 * 1024, 4096),
        ("VfsFat", 64 * 1024, 512),
    ],
)
def test_what_micropython_has_written(made: Callable[[str, int, int], bytes], kind: str, size: int, block: int) -> None:
    image = made(kind, size, block)
    board = Board({0: image})
    assert found(image, board.read) == OWN
    assert board.read_bytes < 0x20000, "a cable is slow: the rest of the partition is not read"


def test_what_hymio_has_written() -> None:
    assert found(file_system(FILES, MIB)) == OWN
    assert found(file_system({"main.py": b""}, MIB)) == {}
    assert found(b"\xff" * MIB) is None


@needs_vm
@pytest.mark.parametrize("kind", ["VfsLfs2", "VfsFat"])
def test_damage_is_told_and_not_passed_over(made: Callable[[str, int, int], bytes], kind: str) -> None:
    """Whole stretches are gone: what is still told is true, and what has become unreadable is said to be."""
    image = made(kind, 960 * 1024, 512)
    results = []
    for at in range(0, 0x8000, 512):
        torn = image[:at] + b"\0" * 1024 + image[at + 1024 :]
        try:
            came = found(torn)
        except UnreadableError as error:
            assert error.args[0]
            results.append("told")
            continue
        assert came is not None, hex(at)
        assert all(OWN[path] == data or set(data) - set(OWN[path]) <= {0} for path, data in came.items()), hex(at)
        results.append("same" if came == OWN else "less")
    assert results.count("told") >= 1 and results.count("same") >= 10


def test_a_cable_that_comes_off_meanwhile_is_no_damage() -> None:
    image = file_system(FILES, MIB)

    def read(offset: int, size: int) -> bytes:
        if offset >= 2 * SECTOR:
            raise OSError("device disconnected")
        return image[offset : offset + size]

    with pytest.raises(OSError, match="disconnected"):
        found(image, read)


# ---- before a board is flashed ----

LISTED = sector_of([*STOCK, ("vfs", 1, 0x81, AT, MIB), ("votes", 1, 6, 3 * MIB, MIB)])
TINYUF2 = sector_of([*STOCK, ("ffat", 1, 0x81, AT, MIB), ("votes", 1, 6, 3 * MIB, MIB)])
BLANK = b"\xff" * SECTOR


def kept(sector: bytes, pieces: dict[int, bytes], plan: Any = None) -> dict[str, bytes]:
    loader: Any = Board(pieces)
    return _own_files(loader, sector, 4 * MIB, lambda what, share: None, plan)


@needs_vm
@pytest.mark.parametrize("sector", [LISTED, TINYUF2], ids=["vfs", "ffat"])
@pytest.mark.parametrize(("kind", "block"), [("VfsFat", 512), ("VfsFat", 4096), ("VfsLfs2", 4096), ("VfsLfs2", 512)])
def test_a_configuration_is_found_whatever_it_is_in(
    made: Callable[[str, int, int], bytes], sector: bytes, kind: str, block: int
) -> None:
    assert kept(sector, {AT: made(kind, 960 * 1024, block)}) == OWN


def test_a_file_system_that_no_table_lists_is_found() -> None:
    """Newer images leave it out of the table."""
    assert kept(sector_of(STOCK), {AT: file_system(FILES, 2 * MIB)}) == OWN


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(b"\0" * 16 + b"littlefs" + b"\x5a" * 8000, id="a littlefs in ruins"),
        pytest.param(file_system(FILES, MIB)[: 2 * SECTOR] + b"\0" * SECTOR * 30, id="half a littlefs"),
        pytest.param(b"\xeb\xfe\x90MSDOS5.0" + b"\0" * 499 + b"\x55\xaa", id="a FAT in ruins"),
        pytest.param(b"\x07" * 0x4000, id="nobody knows what"),
    ],
)
def test_what_cant_be_read_is_not_lost_in_silence(there: bytes, tmp_path: Path) -> None:
    plan = make_plan(read_stock(stock_image("esp32", tmp_path)), 4 * MIB, {"main.py": b"1"})
    for sector in (LISTED, TINYUF2):
        with pytest.raises(Failure, match="its configuration would be lost") as failed:
            kept(sector, {AT: there}, plan)
        assert failed.value.exit_status == ANSWERED_ERROR and "--config" in failed.value.hint


def test_a_run_that_was_cut_off_loses_nothing_the_second_time(tmp_path: Path) -> None:
    """The files are there already, the table is not: the old one tells of another place, or it is erased."""
    stock = read_stock(stock_image("esp32", tmp_path))
    plan = make_plan(stock, 4 * MIB, {"main.py": b"1"})
    written = {plan.table.vfs_offset + at: data for at, data in used_runs(file_system(FILES, plan.table.vfs_size))}
    elsewhere = sector_of([*STOCK, ("vfs", 1, 0x81, 0x380000, 0x80000)])
    assert kept(BLANK, written, plan) == kept(elsewhere, written, plan) == OWN
    # One that had nothing of its own and was cut off among its files is no riddle.
    piece = plan.pieces[0]
    assert kept(LISTED, {piece.offset: piece.data[: 3 * SECTOR] + b"\0" * SECTOR}, plan) == {}


@needs_vm
def test_a_tinyuf2_board_keeps_its_configuration(made: Callable[[str, int, int], bytes], tmp_path: Path) -> None:
    order = FlashJob(
        read_stock(stock_image("esp32", tmp_path)),
        {"main.py": b"1"},
        dry_run=True,
        resets=ResetModes("no-reset", "no-reset"),
    )
    with mock_board("esp32", tmp_path) as port:
        flash(port, {TABLE_OFFSET: TINYUF2, AT: made("VfsFat", 64 * 1024, 512)}, (0, 16))
        assert flash_board(port, order)["config"] == "kept"
