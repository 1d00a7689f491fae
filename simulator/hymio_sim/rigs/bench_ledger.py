"""What the ledger costs, and whether that grows with the presses, on databases of up to ten million."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hymio.common.output import note
from hymio_sim.rigs.bench_reading import filled
from hymio_sim.rigs.figure import Figure, short

TODAY: Final = "2750f70"
"""The commit whose ledger added up every row; this build is compared with it in the same run."""

SIZES: Final = (10_000, 5_000_000, 10_000_000)
"""How many presses are in the smallest database, in the one that both builds are asked about, and in the largest."""

_RUNS: Final = 5
_TURNS: Final = 4
_PATIENCE_S: Final = 900


def ledger_figures(folder: Path, sizes: tuple[int, int, int] = SIZES) -> Iterator[Figure]:
    """What the ledger costs, as CPU time from opening the database to its last line.

    The databases are made in `folder` if they are not there.
    """
    small, middle, large = sizes
    today = _build_of(TODAY, folder / "today")
    if today is None:
        note(f"Commit {TODAY} is not here (no git, or a shallow clone): nothing stands beside the ledger.")
    ours = _Build(None)
    cost: dict[int, list[float]] = {}
    for size in (small, large):
        filled(folder, size)
    # The databases take turns, so that a busy moment of this machine slows down both.
    for _ in range(_TURNS):
        for size in (small, large):
            cost.setdefault(size, []).extend(_asked(ours, folder, size)["cpu_s"])
    theirs: list[float] = []
    if today is not None:
        _fill(today, folder, middle)
        before = _asked(today, folder, middle)
        after = _asked(ours, folder, middle)  # which brings the database up to date first
        known = before["ledger"][0].keys()  # what has been added since, it can't tell
        if [{key: line[key] for key in known} for line in after["ledger"]] != before["ledger"]:
            raise RuntimeError("the two builds do not see the same ledger")
        cost[middle], theirs = after["cpu_s"], before["cpu_s"]
    else:
        filled(folder, middle)
        cost[middle] = _asked(ours, folder, middle)["cpu_s"]
    seconds = {size: min(found) for size, found in cost.items()}
    for size in sizes:
        if theirs and size == middle:
            peer = f"commit {TODAY}", min(theirs)
            yield Figure(f"office.ledger_cpu_s_{short(size)}", seconds[size], "s", "", *peer)
        else:
            yield Figure(f"office.ledger_cpu_s_{short(size)}", seconds[size], "s")
    grown = seconds[large] / seconds[small]
    yield Figure(f"office.ledger_ratio_{short(large)}_{short(small)}", grown, "", "<= 2")
    if theirs:
        gained = min(theirs) / seconds[middle]
        yield Figure(f"office.ledger_ratio_today_{short(middle)}", gained, "", ">= 40")


@dataclass(frozen=True)
class _Build:
    """A build of hymio: this one if `sources` is None, else the one whose sources are in that folder."""

    sources: Path | None

    def tell(self, what: str, db: Path, number: int) -> dict[str, Any]:
        """The answer of office_work.py, run with this build.

        Raises:
            RuntimeError: it failed, or another build has answered.
        """
        environment = dict(os.environ)
        if self.sources is not None:
            environment["PYTHONPATH"] = str(self.sources / "host")
        command = [sys.executable, str(Path(__file__).with_name("office_work.py")), what, str(db), str(number)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        if self.sources is not None and not Path(answer["hymio"]).is_relative_to(self.sources):
            raise RuntimeError(f"{answer['hymio']} is not of {self.sources}")
        return answer


def _fill(build: _Build, folder: Path, presses: int) -> None:
    note(f"Writing {presses:,} presses by commit {TODAY} ...")
    build.tell("fill", folder / f"{presses}.db", presses)


def _asked(build: _Build, folder: Path, presses: int) -> dict[str, Any]:
    answer = build.tell("ledger", folder / f"{presses}.db", _RUNS)
    if sum(line["rows"] for line in answer["ledger"]) != presses:
        raise RuntimeError(f"the ledger does not see {presses} rows")
    return answer


def _build_of(commit: str, folder: Path) -> _Build | None:
    """The sources of a commit, from the repository that this checkout belongs to; None if it is not there."""
    root = Path(__file__).parents[3]
    if not (root / "pyproject.toml").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", root, "archive", "--format=tar", commit, "host"], capture_output=True, check=False
        )
    except FileNotFoundError:
        return None
    if done.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return _Build(folder)
