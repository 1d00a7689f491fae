"""What the file system on a board holds that is its own, read sector by sector: littlefs and FAT, whoever made them.

MicroPython puts littlefs into a partition `vfs`, and FAT with sectors of 512 bytes into the `ffat` of a board with
TinyUF2: https://github.com/micropython/micropython/blob/master/ports/esp32/modules/flashbdev.py
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from hymio.common.extras import missing_extra

KEPT_FILES: Final = ("config.json", "certs/")
"""The files of a board's file system that no other board has."""
_SECTOR: Final = 4096
_LITTLEFS: Final = b"littlefs"
_LARGEST: Final = 0x10000
"""The most bytes that a kept file may have; a configuration or a certificate has less than a tenth of that."""

_fat_is_in_use = threading.Lock()
"""FatFs has one working buffer for long names in the whole process, and several boards are read at once."""


class UnreadableError(Exception):
    """There is something, and it can't be read. args[0] says why, as a part of a sentence."""

    def __init__(self, why: str, is_file_system: bool = True) -> None:
        """Says why it can't be read, and whether it is a file system of a known kind."""
        super().__init__(why)
        self.is_file_system = is_file_system
        """Whether it is, or was, a file system of a kind that MicroPython knows."""


class FilesPlace:
    """A stretch of a board's flash; a sector that has been read once is not read again."""

    def __init__(self, read: Callable[[int, int], bytes], offset: int, size: int) -> None:
        """Reads with `read`, (offset, size) -> bytes, from the stretch at `offset` of `size` bytes."""
        self.size = size
        self._read = read
        self._offset = offset
        self._sectors: dict[int, bytes] = {}
        self.failure: BaseException | None = None
        """What has gone wrong in `part`: libraries call it that can't pass an exception on."""

    def part(self, at: int, size: int) -> bytes:
        """The bytes from `at` on; what lies behind the end of the stretch is blank."""
        found = bytearray()
        for sector in range(at // _SECTOR, -(-(at + size) // _SECTOR)):
            if sector not in self._sectors:
                begin = sector * _SECTOR
                count = max(0, min(_SECTOR, self.size - begin))
                try:
                    data = self._read(self._offset + begin, count) if count and self.failure is None else b""
                except BaseException as failure:
                    self.failure, data = failure, b""
                self._sectors[sector] = data.ljust(_SECTOR, b"\xff")
            found += self._sectors[sector]
        begin = at % _SECTOR
        return bytes(found[begin : begin + size])


def own_files(place: FilesPlace) -> dict[str, bytes] | None:
    """Reads the files of `KEPT_FILES`, by path; None means that the place is blank.

    Raises:
        UnreadableError: the place is not blank, and these files can't be read.
    """
    head = place.part(0, 2 * _SECTOR)
    if _LITTLEFS in head:
        found = _of_littlefs(place, head)
    elif head[510:512] == b"\x55\xaa" and head[0] in (0xEB, 0xE9):
        found = _of_fat(place, struct.unpack_from("<H", head, 11)[0])
    elif head.strip(b"\xff"):
        raise UnreadableError("what is in it is neither littlefs nor FAT", is_file_system=False)
    else:
        found = None
    if place.failure is not None:
        raise place.failure
    return found


# ---- littlefs ----


def _of_littlefs(place: FilesPlace, head: bytes) -> dict[str, bytes]:
    # The superblock: https://github.com/littlefs-project/littlefs/blob/master/SPEC.md#the-superblock
    at = head.index(_LITTLEFS) + len(_LITTLEFS) + 4
    block_size, block_count = struct.unpack_from("<II", head, at + 4)
    if block_size not in (128 << power for power in range(10)) or not 0 < block_count * block_size <= place.size:
        raise UnreadableError("its littlefs does not say how large it is")
    try:
        from littlefs import LittleFS, LittleFSError, UserContext
    except ImportError as error:
        raise missing_extra("flash", error) from error

    class FlashContext(UserContext):
        """A littlefs whose blocks come from the place, and that writes nothing."""

        def read(self, cfg: Any, block: int, off: int, size: int) -> bytearray:
            return bytearray(place.part(block * block_size + off, size))

        def prog(self, cfg: Any, block: int, off: int, data: bytes) -> int:
            raise AssertionError("a board's file system is only read")

        def erase(self, cfg: Any, block: int) -> int:
            raise AssertionError("a board's file system is only read")

    options: dict[str, Any] = {"block_size": block_size, "block_count": block_count, "cache_size": min(512, block_size)}
    try:
        fs = LittleFS(context=FlashContext(buffsize=0), mount=False, read_size=32, prog_size=32, **options)
        fs.mount()
        found = {}
        for path in _littlefs_paths(fs):
            with fs.open(path, "rb") as file:
                found[path] = bytes(file.read(_LARGEST + 1))
            if len(found[path]) > _LARGEST:
                raise UnreadableError(f"{path} in it has more than {_LARGEST // 1024} kB")
    except (LittleFSError, UnicodeDecodeError) as error:
        if place.failure is not None:
            raise place.failure from error
        raise UnreadableError(f"its littlefs is damaged ({error})") from error
    return found


def _littlefs_paths(fs: Any) -> Iterator[str]:
    for name in fs.listdir("/"):
        if name in KEPT_FILES:
            yield name
        elif f"{name}/" in KEPT_FILES:
            yield from (f"{root.strip('/')}/{file}" for root, _, files in fs.walk(f"/{name}") for file in files)


# ---- FAT ----


def _of_fat(place: FilesPlace, sector_size: int) -> dict[str, bytes]:
    if sector_size not in (512, 1024, 2048, 4096) or place.size % sector_size:
        raise UnreadableError("its FAT does not say how large its sectors are")
    try:
        from fatfs.diskio import Disk  # type: ignore[import-untyped]
        from fatfs.wrapper import FatFSException, Partition  # type: ignore[import-untyped]
    except ImportError as error:
        raise missing_extra("flash", error) from error

    class FlashDisk(Disk):  # type: ignore[misc]
        """A disk whose sectors come from the place, and that is never written."""

        def ioctl_get_sector_count(self) -> int:
            return place.size // sector_size

        def ioctl_get_sector_size(self) -> int:
            return sector_size

        def ioctl_get_block_size(self) -> int:
            return 1

        def read(self, sector: int, count: int) -> bytes:
            return place.part(sector * sector_size, count)

        def write(self, sector: int, count: int, buff: bytes) -> None:
            raise AssertionError("a board's file system is only read")

    with _fat_is_in_use:
        drive = Partition(FlashDisk())
        try:
            drive.mount()
            return dict(_fat_files(drive, "/"))
        except (FatFSException, UnicodeError) as error:
            if place.failure is not None:
                raise place.failure from error
            raise UnreadableError(f"its FAT is damaged ({error})") from error
        finally:
            drive.unmount()


def _fat_files(drive: Any, directory: str) -> Iterator[tuple[str, bytes]]:
    """Walks through a directory; the library's own walk ends at an error as if there were nothing more."""
    from fatfs import wrapper  # type: ignore[import-untyped]

    entries, entry = wrapper.DIR_Handle(), wrapper.FILINFO_Handle()
    _good(wrapper.pyf_opendir(entries, drive._adjust_path(directory)), directory)
    found = []
    while True:
        _good(wrapper.pyf_readdir(entries, entry), directory)
        name = entry.get_name()
        if not name:
            break
        path = f"{directory}{name}"[1:]
        if path.lower().startswith(KEPT_FILES) or f"{path.lower()}/" in KEPT_FILES:
            path = path.lower() if path.lower() in KEPT_FILES else path  # names on a FAT have no case
            found.append((path, entry.is_directory(), entry.get_size()))
    wrapper.pyf_closedir(entries)
    for path, is_directory, size in found:
        if is_directory:
            yield from _fat_files(drive, f"/{path}/")
            continue
        file = wrapper.FIL_Handle()
        _good(wrapper.pyf_open(file, drive._adjust_path(f"/{path}"), wrapper.PY_FA_READ), path)
        status, data = wrapper.pyf_read(file, min(size, _LARGEST))
        _good(status, path)
        wrapper.pyf_close(file)
        if len(data) < size:
            raise UnreadableError(f"its FAT holds {path} only in part")
        yield path, data


def _good(status: int, path: str) -> None:
    if status:
        raise UnreadableError(f"its FAT is damaged at {path} (FatFs error {status})")
