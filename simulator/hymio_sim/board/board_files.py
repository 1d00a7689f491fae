"""What is on a simulated board when it is switched on: its file system, and its ROM with the compiled firmware.

A board in the field has the firmware frozen into its image: the code is executed in place and takes no heap. A VM on
this machine gets the same by a ROM file system (https://docs.micropython.org/en/latest/reference/romfs.html), whose
image stands outside of its heap. There is no mmap on the VM; but what a process can always see outside of its heap is
its environment, and `uctypes` reads any address. So the image travels in one environment variable, encoded so that
it holds no zero byte, and `start.py` decodes it in place.
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
    """The program `name`: beside this Python's own, on the PATH, or where servers are."""
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", ""), *_SERVERS]
    found = shutil.which(name, path=os.pathsep.join(places))
    return Path(found) if found else None


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache")
    return Path(base) / "hymio" / "mpy"


def compiled(source: Path, name: str, compiler: Path) -> bytes:
    """The .mpy of `source`, which a traceback is to call `name`. Compiled once for each content."""
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
        # Another simulator may read at this moment: it has to find all or nothing.
        with tempfile.NamedTemporaryFile(dir=cached.parent, delete=False) as fresh:
            fresh.write(code)
        Path(fresh.name).replace(cached)
    except OSError:
        pass  # a cache that can't be written only costs time
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
    """Puts main.py, boot.py, config.json and `files` into `root`, and terminal/ if it is not in ROM: as source, or
    compiled if there is a compiler."""
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
    """Puts a whole file system into `root`; its config.json is laid over `config`, which holds what is simulated."""
    shutil.copytree(files, root)
    path = root / "config.json"
    own = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(merged(config, own)))


def rom_image(firmware: Path | None, compiler: Path, has_memory: bool = False) -> bytes:
    """A ROM file system with the fake modules and the application, if there is one, compiled. has_memory: with the
    model of the chip's memory."""
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
    """Consistent overhead byte stuffing (Cheshire and Baker 1999): a byte n says that n - 1 bytes follow and then a
    zero; 255 says that 254 bytes follow and no zero. One zero more than `data` ends it."""
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
    """`base` with `extra` laid over it, objects within objects too."""
    result = dict(base)
    for key, value in extra.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
