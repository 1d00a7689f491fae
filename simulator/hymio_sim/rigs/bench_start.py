"""How long commands take until they have something to say, beside the libraries that any of them needs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hymio.store.database import open_store
from hymio_sim.rigs.figure import Figure
from hymio_sim.rigs.stage import hymio

LIBRARIES: Final = [sys.executable, "-c", "import sqlalchemy, typer"]


def start_figures(turns: int = 15) -> Iterator[Figure]:
    """The CPU time of commands beside that of importing SQLAlchemy and Typer, in turns; the best of each counts."""
    with tempfile.TemporaryDirectory(prefix="hymio-bench-") as directory:
        db = str(Path(directory) / "votes.db")
        open_store(db, create=True).close()
        commands = {"help": hymio("--help"), "report": hymio("report", "--db", db), "libraries": LIBRARIES}
        best = dict.fromkeys(commands, float("inf"))
        for _ in range(turns):
            for name, command in commands.items():
                best[name] = min(best[name], _cpu_s(command))
    for name in ("help", "report"):
        ms, peer_ms = 1000 * best[name], 1000 * best["libraries"]
        yield Figure(f"office.start_{name}_ms", ms, "ms", "", "import sqlalchemy, typer", peer_ms)
        yield Figure(f"office.start_{name}_ratio", ms / peer_ms, "", "<= 1.5")


def _cpu_s(command: list[str]) -> float:
    """The CPU time of a process, of its own and the system's for it.

    Raises:
        RuntimeError: it failed.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime
