"""What questions cost, on databases that differ only in how many presses an hour has, and beside plain SQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hymio.common.output import note
from hymio_sim.rigs import reading_work
from hymio_sim.rigs.figure import Figure, short

SMALL: Final = 10_000
LARGE: Final = 10_000_000
_RUNS: Final = 5
_TURNS: Final = 4
_PATIENCE_S: Final = 1800.0


def reading_figures(folder: Path, small: int = SMALL, large: int = LARGE) -> Iterator[Figure]:
    """What a report, figures by place and a page of the field's API cost, as CPU time.

    The databases are made in `folder` if they are not there.
    """
    for size in (small, large):
        filled(folder, size)
    cost: dict[tuple[int, str], float] = {}
    # The databases take turns, so that a busy moment of this machine slows down both.
    for _ in range(_TURNS):
        for size in (small, large):
            for question, answer in _work("ask", folder / f"{size}.db", _RUNS).items():
                cost[size, question] = min(answer["cpu_s"], cost.get((size, question), answer["cpu_s"]))
    plain = _work("sql", folder / f"{large}.db")
    for question in reading_work.QUESTIONS:
        seconds, sql_s = cost[large, question], plain[question]["cpu_s"]
        name = f"office.{question}"
        yield Figure(f"{name}_cpu_ms_{short(large)}", 1000 * seconds, "ms", "", "SQL over presses_v1", 1000 * sql_s)
        yield Figure(f"{name}_ratio_{short(large)}_{short(small)}", seconds / cost[small, question], "", "<= 1.5")
        yield Figure(f"{name}_ratio_sql", sql_s / seconds, "", ">= 200")


def filled(folder: Path, presses: int) -> Path:
    """A database with so many presses, all within the same hours, at places; it is made if it is not there."""
    db = folder / f"{presses}.db"
    if not db.exists():
        note(f"Writing {presses:,} presses ...")
        _work("fill", db, presses)
    return db


def _work(what: str, db: Path, number: int = 1) -> dict[str, Any]:
    """The answer of reading_work.py.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, str(Path(reading_work.__file__)), what, str(db), str(number)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
