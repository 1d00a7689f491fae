"""What is on a simulated board when it is switched on: its file system, and its ROM with the compiled firmware.

A board in the field has the firmware frozen into its image: the code is executed in place and takes no heap. A VM on
this machine gets the same by a ROM file system (https://docs.micropython.org/en/latest/reference/romfs.html), whose
image stands outside of its heap. The VM has no mmap, but every process sees its environment outside of its heap, and
`uctypes` reads any address. So the image travels in one environment variable, encoded so that it holds no zero byte,
and `start.py` decodes it in place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

FAKES = Path(__file__).resolve().parents[1] / "fakes"
_MODULES = ("bus", "esp32", "machine", "neopixel", "network", "nvs", "shim")


_SERVERS: Final = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Debian keeps mosquitto where only root looks."""


def find_tool(name: str) -> Path | None:
    """The path of the program `name`, or None if it is not installed.

    It is looked for beside this Python's own program, on the PATH, and in the folders of servers.
    """
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", ""), *_SERVERS]
    found = shutil.which(name, path=os.pathsep.join(places))
    return Path(found) if found else None


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache")
    return Path(base) / "hymio" / "mpy"


def compiled(source: Path, name: str, compiler: Path) -> bytes:
    """The .mpy of `source`, in which a traceback calls the file `name`.

    Each content is compiled once and kept in the user's cache, `$XDG_CACHE_HOME/hymio/mpy` or `~/.cache/hymio/mpy`.

    Raises:
        SyntaxError: mpy-cross does not take the source; args[0] holds what it said.
    """
    text = source.read_bytes()
    key = hashlib.sha256(b"\0".join([_version(compiler), name.encode(), text])).hexdigest()
    cached = _cache() / f"{key}.mpy"
    try:
        return cached.read_bytes()
    except OSError:
        pass
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.mpy"
        done = subprocess.run(
            [compiler, "-s", name, "-o", out, source], capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise SyntaxError(f"{source}: {done.stderr.strip()}")
        code = out.read_bytes()
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        # Another simulator may read the cache at this moment: it has to find the whole file or none.
        with tempfile.NamedTemporaryFile(dir=cached.parent, delete=False) as fresh:
            fresh.write(code)
        Path(fresh.name).replace(cached)
    except OSError:
        pass  # without a cache the next start only takes longer
    return code


def _version(compiler: Path) -> bytes:
    stat = compiler.stat()
    return f"{compiler}:{stat.st_size}:{stat.st_mtime_ns}".encode()


def lay_out(
    root: Path,
    firmware: Path,
    config: dict[str, Any],
    *,
    with_application: bool,
    files: Iterable[Path] = (),
    compiler: Path | None = None,
) -> None:
    """Puts main.py, boot.py, config.json and `files` into the folder `root`.

    with_application: the package `terminal` is to lie there as well, because it is not in ROM; compiled if there is a
    compiler, as source otherwise.
    """
    root.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copyfile(file, root / file.name)
    for name in ("boot.py", "main.py"):
        if (firmware / name).exists():
            shutil.copyfile(firmware / name, root / name)
    if with_application and compiler:
        (root / "terminal").mkdir()
        for source in (firmware / "terminal").glob("*.py"):
            code = compiled(source, source.relative_to(firmware).as_posix(), compiler)
            (root / "terminal" / source.with_suffix(".mpy").name).write_bytes(code)
    elif with_application:
        shutil.copytree(firmware / "terminal", root / "terminal", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "config.json").write_text(json.dumps(config))


def lay_out_files(root: Path, files: Path, config: dict[str, Any]) -> None:
    """Copies the whole file system in the folder `files` to `root`, which must not be there yet.

    Its own config.json is laid over `config`, which holds what the simulator knows (broker and time server).
    """
    shutil.copytree(files, root)
    path = root / "config.json"
    own = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(merged(config, own)))


def rom_image(firmware: Path | None, compiler: Path, has_memory: bool = False) -> bytes:
    """The image of a ROM file system that holds the compiled fakes, and the application unless `firmware` is None.

    firmware: the folder of its sources; has_memory: the model of the chip's memory (`fakes/chip_memory.py`) is one of
    the fakes.
    """
    from mpremote.romfs import VfsRomWriter  # type: ignore[import-untyped]

    rom = VfsRomWriter()
    for name in (*_MODULES, "chip_memory") if has_memory else _MODULES:
        rom.mkfile(f"{name}.mpy", compiled(FAKES / f"{name}.py", f"{name}.py", compiler))
    if firmware is not None:
        rom.opendir("terminal")
        for source in sorted((firmware / "terminal").glob("*.py")):
            place = source.relative_to(firmware)
            rom.mkfile(source.with_suffix(".mpy").name, compiled(source, place.as_posix(), compiler))
        rom.closedir()
    return bytes(rom.finalise())


def without_zeros(data: bytes) -> bytes:
    """`data` encoded so that no byte of it is zero, as in an environment variable.

    This is consistent overhead byte stuffing (Cheshire and Baker 1999). A byte n below 255 says that n - 1 bytes follow
    as they are and then a zero; 255 says that 254 bytes follow as they are, without a zero. What is decoded has one
    zero more at its end than `data`.
    """
    out = bytearray()
    for run in data.split(b"\0"):
        while len(run) >= 254:
            out.append(255)
            out += run[:254]
            run = run[254:]
        out.append(len(run) + 1)
        out += run
    return bytes(out)


def merged(base: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """`base` with `extra` laid over it, and objects within objects merged in the same way; neither is changed."""
    result = dict(base)
    for key, value in extra.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
