"""Ctrl-C while a command loads, while it works, and when it is over already: never a traceback, always its status."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hymio_process import TIMEOUT_S, service
from schema_check import check

from hymio.common.errors import DONE, INTERRUPTED

INTERRUPTED_AT_IMPORT = """
import os, runpy, sys
import signal
place, number = sys.argv.pop(1), int(sys.argv.pop(1))

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == place:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), number)

sys.meta_path.insert(0, Interrupts())
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
NOWHERE = ("--port", "/dev/no-such-port")
COLLECT = ("collect", "--broker", "mqtt://127.0.0.1:1", "--db", "votes.db")
TERMINAL = ("sim", "terminal", "--device-id", "till-1", "--flash", "till-1.bin", "--runtime", "cpython", "--json")


def interrupted_at(
    place: str, arguments: tuple[str, ...], folder: Path, number: int = signal.SIGINT, module: str = "hymio"
) -> subprocess.CompletedProcess[str]:
    """Runs the command and sends it the signal at the moment when it begins to import the module `place`."""
    return subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT_IMPORT, place, str(int(number)), module, *arguments],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=folder, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("module", "place", "arguments"),
    [
        ("hymio", "typer", ("status", *NOWHERE)),
        ("hymio", "hymio.common.errors", ("status", *NOWHERE)),
        ("hymio", "hymio.cli.field_commands", ("ledger", "--db", "votes.db")),
        ("hymio", "hymio.cable.status", ("status", *NOWHERE)),
        ("hymio", "hymio_sim.cli", TERMINAL[:-1]),
        ("hymio_sim", "typer", TERMINAL[1:-1]),
    ],
)
def test_while_it_loads_it_is_two_sentences(
    module: str, place: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = interrupted_at(place, arguments, tmp_path, module=module)
    assert (done.returncode, done.stdout) == (INTERRUPTED, "")
    assert done.stderr.splitlines() == ["Interrupted.", "What is done stands; run the command again to go on."]
    done = interrupted_at(place, (*arguments, "--json"), tmp_path, module=module)
    (line,) = done.stderr.splitlines()
    assert check("error", line)["error"]["exit"] == done.returncode == INTERRUPTED and done.stdout == ""


@pytest.mark.parametrize(
    ("place", "arguments"),
    [
        ("hymio.cable.status", ("status", *NOWHERE, "--follow", "--json")),
        ("hymio.cable.ports", ("status", *NOWHERE, "--follow")),
        ("hymio.cable.text_log", ("logs", *NOWHERE, "--follow")),
        ("hymio.cable.ports", ("logs", *NOWHERE, "--follow", "--json")),
        ("smpclient", ("logs", *NOWHERE, "--follow")),
        ("hymio.office.collect", COLLECT),
        ("sqlalchemy", (*COLLECT, "--json")),
        ("hymio.office.embedded_broker", ("broker", "--listen", "127.0.0.1:0")),
        ("iotcore", ("broker", "--listen", "127.0.0.1:0", "--json")),
        ("hymio_sim.run.real_time", TERMINAL),
        ("hymio_sim.run.virtual_run", (*TERMINAL, "--clock", "virtual")),
    ],
)
def test_what_goes_on_until_ctrl_c_ends_by_it_with_0_from_the_start(
    place: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = interrupted_at(place, arguments, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (DONE, "", "")


@pytest.mark.skipif(os.name != "posix", reason="only there a process ends by a signal")
@pytest.mark.parametrize(("options", "status"), [(("--follow",), DONE), ((), INTERRUPTED)])
def test_in_code_that_is_a_string_it_is_an_interrupt_as_any(
    options: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    """`dataclasses` makes such code while it is imported. After `python -m` Python would end itself by SIGINT then,
    though the KeyboardInterrupt was caught."""
    finder = INTERRUPTED_AT_IMPORT.partition("sys.meta_path.insert")[0]
    finder = finder.replace("sys.argv.pop(1), int(sys.argv.pop(1))", "'smpclient', signal.SIGINT")
    finder = finder.replace("os.kill(os.getpid(), number)", 'exec("os.kill(os.getpid(), number); None")')
    (tmp_path / "sitecustomize.py").write_text(finder + "sys.meta_path.insert(0, Interrupts())\n")
    command = [sys.executable, "-m", "hymio", "logs", "--port", "/dev/null", *options]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment)
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 0 if status == DONE else 2), done.stderr


@pytest.mark.parametrize(("place", "arguments"), [("aiomqtt", COLLECT), ("iotcore", ("broker",))])
def test_services_end_by_sigterm_with_0_from_the_start(place: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = interrupted_at(place, arguments, tmp_path, signal.SIGTERM)
    assert (done.returncode, done.stdout, done.stderr) == (DONE, "", "")


def test_a_logs_that_does_not_follow_is_interrupted(tmp_path: Path) -> None:
    assert interrupted_at("hymio.cable.text_log", ("logs", *NOWHERE), tmp_path).returncode == INTERRUPTED


def test_a_collector_whose_broker_does_not_answer_ends_at_once_however_often_it_is_told(tmp_path: Path) -> None:
    # The library gives up a connection after 10 s, each time. On a busy machine the end itself may take as long, once.
    assert any(seconds_to_end_it(tmp_path) < 8 for _ in range(3))


def seconds_to_end_it(tmp_path: Path) -> float:
    with socket.create_server(("127.0.0.1", 0)) as dumb:
        dumb.settimeout(TIMEOUT_S)
        address = f"mqtt://127.0.0.1:{dumb.getsockname()[1]}"
        with service("collect", "--broker", address, "--db", str(tmp_path / "votes.db"), "--json") as collector:
            connection, _ = dumb.accept()
            with connection:
                began_s = time.monotonic()
                for _ in range(3):
                    if collector.process.poll() is None:
                        collector.process.send_signal(signal.SIGINT)
                    time.sleep(0.05)
                assert collector.process.wait(TIMEOUT_S) == DONE
                took_s = time.monotonic() - began_s
            assert collector.stop() == DONE and "".join(collector.stderr) == ""
    return took_s


def test_one_that_comes_while_the_broker_starts_is_not_lost(tmp_path: Path) -> None:
    """It is held back meanwhile, as the broker's process must not get it."""
    early = """
import os, signal
import iotcore
start = iotcore.Broker.start
def started(broker):
    os.kill(os.getpid(), signal.SIGINT)
    return start(broker)
iotcore.Broker.start = started
"""
    command = [sys.executable, "-c", early + INTERRUPTED_AT_IMPORT, "none", "2", "hymio", "broker"]
    done = subprocess.run(
        [*command, "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=TIMEOUT_S, cwd=tmp_path
    )
    assert done.returncode == DONE and done.stderr == ""


@pytest.mark.parametrize(("arguments", "status"), [(("--version",), DONE), (("fly", "--json"), 2)])
def test_one_that_comes_when_all_is_over_changes_nothing(
    arguments: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    late = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
    command = [sys.executable, "-c", late + INTERRUPTED_AT_IMPORT, "none", "2", "hymio", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=tmp_path)
    assert done.returncode == status and len(done.stdout.splitlines()) + len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="a shell's way to start something in the background")
def test_one_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    command = [sys.executable, "-c", ignoring + INTERRUPTED_AT_IMPORT, "typer", "2", "hymio", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=tmp_path)
    assert done.returncode == DONE and done.stdout.startswith("hymio ") and done.stderr == ""
