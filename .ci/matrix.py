"""`make matrix`: the host's tests that need no server, on every Python from 3.11 to 3.14 that is found here.

An interpreter is looked for as `python3.X` on the PATH, among those of pyenv, and by uv if it is on the PATH; nothing
is downloaded but packages, into an environment of its own for each. Exit status: 0 all that were found pass (the last
lines say which were not), 1 one fails or could not be set up, 2 none was found, or with --complete not all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
TESTS = ("--alone", "-n", "2", "tests/host", "tests/test_version.py", "tests/test_without_posix.py")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make matrix", description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=VERSIONS, action="append", help="This version alone; may be repeated.")
    parser.add_argument("--complete", action="store_true", help="A version that is not found is a failure.")
    parser.add_argument(
        "--venvs", type=Path, default=ROOT / ".venv", metavar="DIR", help="Where environments are kept."
    )
    arguments = parser.parse_args()
    results: dict[str, str] = {}
    for version in arguments.only or VERSIONS:
        python = find(version)
        if python is None:
            results[version] = "not found"
            continue
        print(f"== {version}: {python}", flush=True)
        results[version] = tried(python, arguments.venvs.resolve() / f"matrix-{version}")
    for version, result in results.items():
        print(f"Python {version}: {result}")
    missing = [result for result in results.values() if result == "not found"]
    if len(missing) == len(results) or (missing and arguments.complete):
        sys.exit(2)
    sys.exit(0 if set(results.values()) <= {"passed", "not found"} else 1)


def find(version: str) -> str | None:
    """An interpreter of that version, with what makes virtual environments; None: there is none."""
    for candidate in candidates(version):
        question = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
        try:
            said = subprocess.run([candidate, "-c", question], capture_output=True, text=True, timeout=60, check=False)
        except OSError:
            continue
        if said.returncode == 0 and said.stdout.strip() == version:
            return candidate
    return None


def candidates(version: str) -> Iterator[str]:
    # pyenv puts commands on the PATH that say of most versions that they are not chosen here.
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for directory in sorted(pyenv.glob(f"versions/{version}.*"), reverse=True):
        yield str(directory / "bin" / "python")
    uv = shutil.which("uv")
    if uv is not None:
        command = [uv, "python", "find", "--system", "--no-python-downloads", version]
        yield subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "-"


def tried(python: str, venv: Path) -> str:
    """What became of the tests: "passed", or what failed."""
    inside = str(venv / "bin" / "python")
    stamp = venv / ".ready"
    if not stamp.exists() or stamp.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        print(f"installing hymio[test] into {venv} ...", flush=True)
        for command in (
            [python, "-m", "venv", "--clear", str(venv)],
            [inside, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input", "-e", f"{ROOT}[test]"],
        ):
            if subprocess.run(command, check=False).returncode:
                return "could not be set up"
        stamp.touch()
    done = subprocess.run([inside, "-m", "pytest", *TESTS], cwd=ROOT, check=False)
    return "passed" if done.returncode == 0 else f"failed (pytest's status {done.returncode})"


if __name__ == "__main__":
    main()
