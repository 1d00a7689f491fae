"""`make mutants`: plants one bug after another (plants.py), and tells which of them no test catches.

Each is planted in a scratch copy of the tree, in which only the tests named beside it run; your tree stays as it is.
First they all run without any bug. Exit status 0: every bug was caught; 1: one survived, or could not be tried; 2:
wrong use.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

sys.path.insert(0, str(Path(__file__).parent))
from plants import PLANTS, Plant

ROOT = Path(__file__).resolve().parents[2]
TREE = ("firmware", "host", "simulator", "tests", "pyproject.toml", "README.md", "LICENSE", "Makefile")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache", ".hypothesis")
PATIENCE_S = 240
"""For the tests of one plant. A bug that makes them hang is a bad plant: nobody would wait to see it caught."""
JOBS = 2
# One database is enough to see a bug, and the same examples every time.
OPTIONS = ("-k", "not postgresql", "--hypothesis-seed=0", "-p", "unshrunk")

CAUGHT = "caught"
SURVIVED = "survived"
STALE = "stale"
BROKEN = "broken"

WHAT_NOW = {
    SURVIVED: "No test noticed. Write the one that is missing, and name it beside the plant.",
    STALE: "The text to be replaced does not stand exactly once in its file any more: plants.py says how to mend that.",
    BROKEN: "Its tests could not run: is a file named that is not there, does the bug keep the code from being loaded?",
}


@dataclass(frozen=True)
class Result:
    """What became of a plant. `by`: the first test that failed, or why it could not be tried."""

    plant: Plant
    status: str
    by: str
    seconds: float

    def json(self) -> dict[str, object]:
        plant = self.plant
        return {
            "name": plant.name, "file": plant.file, "status": self.status, "by": self.by, "seconds": self.seconds,
        }  # fmt: skip


def planted(plant: Plant, text: str) -> str | None:
    """The text of its file with the bug in it; None: the plant is stale."""
    if text.count(plant.old) != 1 or plant.old == plant.new:
        return None
    return text.replace(plant.old, plant.new)


class Bench:
    """Scratch copies of a tree, as many as there are jobs."""

    def __init__(self, root: Path, scratch: Path, jobs: int, options: Sequence[str] = OPTIONS) -> None:
        """options: for pytest."""
        self._options = options
        self._running: set[subprocess.Popen[str]] = set()
        self._free: SimpleQueue[Path] = SimpleQueue()
        for n in range(jobs):
            copy = scratch / f"tree-{n}"
            copy.mkdir()
            for name in TREE:
                if (root / name).is_dir():
                    shutil.copytree(root / name, copy / name, ignore=LEFT_OUT)
                elif (root / name).exists():
                    shutil.copy(root / name, copy / name)
            self._free.put(copy)

    @contextlib.contextmanager
    def _copy(self) -> Iterator[Path]:
        copy = self._free.get()
        try:
            yield copy
        finally:
            self._free.put(copy)

    def close(self) -> None:
        """Ends what still runs."""
        for process in list(self._running):
            _end(process)

    def tested(self, tests: Sequence[str], copy: Path, *options: str) -> tuple[int | None, str]:
        """(pytest's exit status, None: it hung; what it said)"""
        folders = [str(copy / "host"), str(copy / "simulator"), str(Path(__file__).parent)]
        env = dict(os.environ, PYTHONPATH=os.pathsep.join(folders), PYTHONDONTWRITEBYTECODE="1")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *self._options, *options, *tests]
        process = subprocess.Popen(
            command, cwd=copy, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        self._running.add(process)
        try:
            said, _ = process.communicate(timeout=PATIENCE_S)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            _end(process)
            self._running.discard(process)

    def clean(self, tests: Sequence[str], jobs: int) -> str:
        """Runs all of them without any bug. "" if they pass, else what pytest said."""
        with self._copy() as copy:
            status, said = self.tested(tests, copy, *(["-n", str(jobs)] if jobs > 1 else []))
        return "" if status == 0 else said or f"They hang: more than {PATIENCE_S} s."

    def tried(self, plant: Plant) -> Result:
        """Plants the bug, runs its tests, takes it out again."""
        begin_s = time.monotonic()
        with self._copy() as copy:
            file = copy / plant.file
            before = file.read_text(encoding="utf-8") if file.exists() else ""
            after = planted(plant, before)
            if after is None:
                return Result(plant, STALE, f"found {before.count(plant.old)} times in {plant.file}", 0.0)
            file.write_text(after, encoding="utf-8")
            try:
                status, said = self.tested(plant.tests, copy, "-x")
            finally:
                file.write_text(before, encoding="utf-8")
                shutil.rmtree(copy / ".hypothesis", ignore_errors=True)
        seconds = round(time.monotonic() - begin_s, 1)
        failed = re.search(r"^FAILED (.+?)(?: - |$)", said, re.MULTILINE)
        if status == 1 and failed:
            return Result(plant, CAUGHT, failed[1], seconds)
        if status == 0:
            return Result(plant, SURVIVED, "", seconds)
        last = said.strip().splitlines()[-1:] or [f"more than {PATIENCE_S} s"]
        return Result(plant, BROKEN, last[0], seconds)


def _end(process: subprocess.Popen[str]) -> None:
    """What the tests have started goes with them."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(
    plants: Sequence[Plant],
    root: Path = ROOT,
    jobs: int = JOBS,
    as_json: bool = False,
    options: Sequence[str] = OPTIONS,
) -> int:
    """Tries them all and prints what became of them. The exit status."""
    begin_s = time.monotonic()
    results: list[Result] = []
    tests = sorted({test for plant in plants for test in plant.tests})
    with tempfile.TemporaryDirectory(prefix="hymio-mutants-") as scratch:
        bench = Bench(root, Path(scratch), jobs, options)
        try:
            _tell(f"{len(plants)} bugs, {len(tests)} places with tests; first without any bug")
            complaint = bench.clean(tests, jobs)
            if complaint:
                _tell(f"{complaint}\nThe tests fail without any bug: mend that first.")
            else:
                pool = ThreadPoolExecutor(jobs)
                try:
                    for result in pool.map(bench.tried, plants):
                        results.append(result)
                        at = f"[{len(results):{len(str(len(plants)))}}/{len(plants)}]"
                        _tell(
                            f"{at} {result.status:8} {result.plant.name} {result.seconds:.1f} s  {result.by}".rstrip()
                        )
                finally:
                    pool.shutdown(wait=False, cancel_futures=True)
        finally:
            bench.close()
    wrong = [result for result in results if result.status != CAUGHT]
    seconds = round(time.monotonic() - begin_s, 1)
    is_good = not complaint and not wrong
    if as_json:
        listed = [result.json() for result in results]
        answer = {"ok": is_good, "clean": not complaint, "caught": len(results) - len(wrong), "plants": listed}
        print(json.dumps({**answer, "seconds": seconds}))
    else:
        for result in wrong:
            print(f"{result.plant.name} ({result.plant.file}) {result.status}. {WHAT_NOW[result.status]}")
        print(f"{len(results) - len(wrong)} of {len(plants)} bugs caught in {seconds:.0f} s")
    return 0 if is_good else 1


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="make mutants",
        description="Plants bugs and tells which of them no test catches.",
        epilog='examples: make mutants; make mutants ARGS="--only packet-id-0 --only obeys-twice"; ARGS="--json"',
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="this plant alone; may be given again")
    parser.add_argument("--jobs", type=int, default=JOBS, help="so many at a time (%(default)s)")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    parser.add_argument("--list", action="store_true", help="the names, and nothing is tried")
    given = parser.parse_args(arguments)
    names = [plant.name for plant in PLANTS]
    if given.jobs < 1:
        parser.error("--jobs: expected 1 or more")
    if unknown := sorted(set(given.only or ()) - set(names)):
        parser.error(f"--only: there is no plant {', '.join(unknown)}; --list shows their names")
    if given.list:
        print("\n".join(f"{plant.name}  {plant.file}" for plant in PLANTS))
        return 0
    return run([plant for plant in PLANTS if not given.only or plant.name in given.only], ROOT, given.jobs, given.json)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
