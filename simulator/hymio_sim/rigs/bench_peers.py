"""What people use instead of such a log, measured in the same run: files on littlefs, one vote at a time."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hymio.common.firmware_files import firmware_dir
from hymio_sim.board.board_files import find_tool
from hymio_sim.rigs.figure import Figure
from hymio_sim.rigs.on_vm import ON_VM

if TYPE_CHECKING:
    from littlefs.lfs import LFSConfig

_SECTORS: Final = 256
_PRESS_EVERY_S: Final = 216  # on average, on the standard day
_MOUNTS: Final = 64


@dataclass(frozen=True)
class Traffic:
    """What it has cost to make `votes` votes durable, each of them at once."""

    name: str
    votes: int
    programs: int
    programmed_bytes: int
    erases: int
    wear_spread: int
    mount_reads: float
    """What it takes to mount and to store one more vote, on average: it depends on how full the metadata is."""
    mount_bytes: float

    @property
    def by_figure(self) -> dict[str, tuple[float, str]]:
        """The value and the unit of each kind of cost."""
        return {
            "program_bytes": (self.programmed_bytes / self.votes, "B"),
            "programs": (self.programs / self.votes, ""),
            "erases": (self.erases / self.votes, ""),
            "wear_spread": (self.wear_spread, "erases"),
            "mount_reads": (self.mount_reads, ""),
            "mount_bytes": (self.mount_bytes, "B"),
        }

    def figures(self) -> Iterator[Figure]:
        """One figure for each kind of cost."""
        for kind, (value, unit) in self.by_figure.items():
            yield Figure(f"peer.{self.name}.{kind}", value, unit)


def beside(figures: Iterable[Figure], peer: Traffic) -> Iterator[Figure]:
    """The log's figures, with those of a peer beside them."""
    for figure in figures:
        kind = figure.name.removeprefix("log.").removesuffix("_per_record")
        if kind in peer.by_figure:
            figure = replace(figure, peer=peer.name, peer_value=peer.by_figure[kind][0])
        yield figure


def on_vm(what: str, count: int) -> dict[str, Any] | None:
    """The answer of on_vm/vm_figures.py on the real MicroPython VM, or None if there is no VM here."""
    vm = find_tool("micropython")
    if vm is None:
        return None
    path = os.pathsep.join([str(firmware_dir()), str(ON_VM), ".frozen"])
    command: list[str | Path] = [vm, "-X", "heapsize=4m", ON_VM / "vm_figures.py", what, str(count)]
    return _answer(command, {"MICROPYPATH": path})


def on_vm32(what: str, count: int) -> dict[str, Any] | None:
    """The answer of on_vm/vm_figures.py on the 32-bit VM under node.

    It is None if either is not here; .ci/setup installs that VM if there is npm.
    """
    vm = Path(sys.prefix, "node_modules", "@micropython", "micropython-webassembly-pyscript", "micropython.mjs")
    node = find_tool("node")
    if node is None or not vm.exists():
        return None
    files = sorted((firmware_dir() / "terminal").glob("*.py"))
    files += [ON_VM / f"{name}.py" for name in ("hand_board", "ram_flash", "vm_figures")]
    return _answer([node, ON_VM / "vm32.mjs", vm, what, str(count), *files], dict(os.environ))


def _answer(command: list[str | Path], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


class _CountingFlash:
    """Flash in memory with the callbacks of littlefs-python, which counts operations."""

    def __init__(self) -> None:
        self.cells = bytearray(b"\xff") * (_SECTORS * 4096)
        self.reads = self.read_bytes = self.programs = self.programmed_bytes = 0
        self.erases = [0] * _SECTORS

    def read(self, cfg: LFSConfig, block: int, off: int, size: int) -> bytearray:
        self.reads += 1
        self.read_bytes += size
        at = block * cfg.block_size + off
        return self.cells[at : at + size]

    def prog(self, cfg: LFSConfig, block: int, off: int, data: bytes) -> int:
        self.programs += 1
        self.programmed_bytes += len(data)
        at = block * cfg.block_size + off
        old = self.cells[at : at + len(data)]
        self.cells[at : at + len(data)] = bytes(a & b for a, b in zip(old, data, strict=True))
        return 0

    def erase(self, cfg: LFSConfig, block: int) -> int:
        self.erases[block] += 1
        at = block * cfg.block_size
        self.cells[at : at + cfg.block_size] = b"\xff" * cfg.block_size
        return 0

    def sync(self, cfg: LFSConfig) -> int:
        return 0


def _littlefs_append(votes: int) -> Traffic | None:
    """Votes appended to a file on littlefs, set up as MicroPython's VfsLfs2 is; None without littlefs-python."""
    if importlib.util.find_spec("littlefs") is None:
        return None
    from littlefs import LittleFS

    flash: Any = _CountingFlash()

    def mounted() -> LittleFS:
        return LittleFS(
            context=flash,
            block_size=4096,
            block_count=_SECTORS,
            read_size=32,
            prog_size=32,
            cache_size=128,
            lookahead_size=32,
            block_cycles=100,
        )

    def append(files: LittleFS, n: int) -> None:
        with files.open("votes.csv", "ab") as file:
            file.write(b"%d,%d\n" % (1_800_000_000 + _PRESS_EVERY_S * n, 1 + n % 4))

    files = mounted()
    with files.open("votes.csv", "wb"):
        pass  # makes the file, which "ab" does not do here
    before = flash.programs, flash.programmed_bytes, sum(flash.erases)
    for n in range(votes):
        append(files, n)
    programs, programmed_bytes = flash.programs - before[0], flash.programmed_bytes - before[1]
    erases = sum(flash.erases) - before[2]
    wear_spread = max(flash.erases) - min(flash.erases)
    reads, read_bytes = flash.reads, flash.read_bytes
    for n in range(votes, votes + _MOUNTS):
        files.unmount()
        files = mounted()
        append(files, n)
    return Traffic(
        "littlefs_append",
        votes,
        programs,
        programmed_bytes,
        erases,
        wear_spread,
        (flash.reads - reads) / _MOUNTS,
        (flash.read_bytes - read_bytes) / _MOUNTS,
    )


def peers(votes: int = 1000) -> list[Traffic]:
    """Those peers that can be measured here; the first is what a MicroPython user would write first."""
    found = []
    for name, what in (("vfslfs2_append", "append"), ("vfslfs2_json", "rewrite")):
        answer = on_vm(what, votes)
        if answer is not None:
            found.append(Traffic(name, votes, **answer))
    littlefs = _littlefs_append(votes)
    if littlefs is not None:
        found.append(littlefs)
    return found
