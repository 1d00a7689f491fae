"""On Windows everything works but the simulator's real-time half: shown on a Python without what Windows lacks.

The modules `pty`, `fcntl`, `termios` and so on can't be imported there, and `os`, `signal` and `socket` have fewer
names. A child process without them imports every module that there is, and runs commands. Libraries that come to
Windows in another shape are named below; what they do there is theirs to test.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REAL_TIME = {"run.real_time", "run.vm", "run.screen", "board.usb_cable"}
"""The half of hymio_sim that is excused: a child process, a pseudo-terminal, a window of text."""
ON_THE_BOARD = ("hymio_sim.fakes.", "hymio_sim.rigs.on_vm.")
"""These run on the board's side, beside modules that only a board or the simulator has."""

PRELUDE = """
import builtins, importlib, os, signal, socket, sys

MODULES = {"_posixsubprocess", "crypt", "curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog",
           "termios", "tty"}
# Of the standard library: what it has for POSIX; Windows takes another module. And pyserial: there it is serialwin32.
ITS_OWN = {"asyncio.unix_events", "subprocess", "getpass", "multiprocessing.util", "multiprocessing.popen_fork",
           "serial.serialposix"}
NAMES = {
    os: "fork forkpty openpty geteuid getegid getuid getgid getpgid getpgrp getpriority setpgid setsid setuid setgid "
        "killpg mkfifo mknod pread pwrite preadv pwritev posix_fallocate posix_fadvise chown fchown lchown fchmod "
        "statvfs fstatvfs sysconf uname nice wait wait3 wait4 waitid ttyname getloadavg sched_getaffinity "
        "sched_setaffinity initgroups getgroups ctermid sync lockf WNOHANG WIFEXITED WEXITSTATUS O_NONBLOCK "
        "O_CLOEXEC O_NOFOLLOW O_DIRECTORY O_SYNC O_NOCTTY posix_spawn",
    signal: "SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGALRM SIGCHLD SIGPIPE SIGQUIT SIGSTOP SIGCONT SIGTSTP SIGWINCH alarm "
            "setitimer getitimer pause pthread_sigmask pthread_kill sigwait sigpending siginterrupt",
    socket: "AF_UNIX SO_REUSEPORT",
}


def blocked(name, importer):
    if name in MODULES and importer not in ITS_OWN:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def guarded(name, globals=None, locals=None, fromlist=(), level=0, real=builtins.__import__):
    if level == 0:
        blocked(name, (globals or {}).get("__name__", ""))
    return real(name, globals, locals, fromlist, level)


def import_module(name, package=None, real=importlib.import_module):
    blocked(name, "")
    return real(name, package)


# What the standard library takes from these at its own import is its own matter.
import asyncio, concurrent.futures.process, getpass, logging, multiprocessing, pathlib, platform, random, shutil
import ssl, subprocess, tempfile, uuid
# On Linux numpy asks os.uname() which kernel it has; on Windows it does not.
import numpy
builtins.__import__ = guarded
importlib.import_module = import_module
for place, names in NAMES.items():
    for name in names.split():
        if hasattr(place, name):
            delattr(place, name)
"""


def without_posix(program: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + program, *arguments],
        input=stdin, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def hymio(*arguments: str, stdin: str = "", status: int = 0) -> str:
    done = without_posix("from hymio.entry import main; sys.argv[0] = 'hymio'; main()", *arguments, stdin=stdin)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


WALK = """
import importlib, json, pkgutil
import hymio, hymio_sim

found, missing, other = [], {}, {}
for package in (hymio, hymio_sim):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        # The last two are run, the second of them by Alembic, and not imported.
        if module.name.startswith(tuple(sys.argv[1:])) or module.name.endswith((".__main__", ".migrations.env")):
            continue
        found.append(module.name)
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            missing[module.name] = error.name
        except Exception as error:
            other[module.name] = repr(error)
print(json.dumps([found, missing, other]))
"""


@pytest.fixture(scope="module")
def walked() -> Any:
    done = without_posix(WALK, *ON_THE_BOARD)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_module_is_imported_but_those_of_the_real_time_half(walked: Any) -> None:
    found, missing, other = walked
    assert other == {}
    assert {"hymio.entry", "hymio_sim.board.switches"} <= set(found) and len(found) > 130
    excused = {f"hymio_sim.{name}" for name in REAL_TIME} & set(found)
    assert excused, "the names of the real-time half have changed: say the new ones here"
    assert set(missing) == excused, "each that is excused does need it, and nobody else does"
    assert set(missing.values()) <= {"fcntl", "pty", "termios", "tty"}


def test_what_is_taken_away_is_really_gone() -> None:
    """Else the tests here would show nothing."""
    for attempt in (
        "import fcntl",
        "import pty",
        "from termios import tcgetattr",
        "importlib.import_module('resource')",
    ):
        assert "ModuleNotFoundError" in without_posix(attempt).stderr
    for attempt in ("os.fork()", "os.pwrite(1, b'', 0)", "signal.SIGKILL", "socket.AF_UNIX"):
        assert "AttributeError" in without_posix(attempt).stderr


def test_help_and_version() -> None:
    assert "Open four-button smiley terminals" in hymio("--help")
    assert hymio("--version").startswith("hymio ")


def test_a_terminal_in_virtual_time_and_its_votes_in_a_database(tmp_path: Path) -> None:
    """The firmware runs, its log is in a file, `hymio votes` reads that file, and the ledger balances."""
    image, database = str(tmp_path / "till-1.bin"), str(tmp_path / "votes.db")
    line = ("sim", "terminal", "--device-id", "till-1", "--flash", image, "--clock", "virtual", "--json")
    told = hymio(*line, stdin="press 4\nwait 2\npower off\npower on\nwait 2\npress 1\nwait 2\nquit\n")
    told += hymio(*line, stdin="press 2\nwait 2\nquit\n")
    events = [json.loads(row) for row in told.splitlines()]
    assert [event["boot"] for event in events if event["event"] == "ready"] == [1, 2, 3], "the flash file is kept"
    presses = [event for event in events if event["event"] == "record"]
    assert [event["button"] for event in presses] == [4, 1, 2]
    assert len({(event["log_id"], event["seq"]) for event in presses}) == 3
    assert '"verdict": "counted"' in hymio("votes", "--image", image, "--json")
    kept = json.loads(hymio("votes", "--image", image, "--device-id", "till-1", "--db", database, "--json"))
    assert kept["new"] == 3
    books = json.loads(hymio("ledger", "--db", database, "--json"))
    assert books["balanced"] is True
    assert [one["votes"] for one in json.loads(hymio("report", "--db", database, "--json"))["terminals"]] == [3]


def test_the_real_time_half_says_what_works_instead(tmp_path: Path) -> None:
    said = hymio("sim", "terminal", "--device-id", "till-1", "--flash", str(tmp_path / "t.bin"), "--json", status=2)
    assert "no pseudo-terminals" in said and "--clock virtual" in said and "Traceback" not in said
