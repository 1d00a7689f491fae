"""`--port rfc2217://` and `socket://`: a terminal whose cable is in another computer, by every command."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_terminal import FakeTerminal, on_a_cable
from hymio_process import hymio_here
from served_port import WithoutLines, served

from hymio.cable.network_ports import serial_port
from hymio.cable.smp_session import CableSession
from hymio.common.errors import BROKEN_OFF, DONE, NO_TERMINAL, Failure
from hymio.wire.records import Boot
from hymio_sim.board.board_files import find_tool

sys.path.append(str(Path(__file__).parents[1] / "simulator"))
from sim_process import SimTerminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo-terminals")
needs_vm = pytest.mark.skipif(find_tool("micropython") is None, reason="no VM here")


def hymio(*arguments: str) -> tuple[int, str, str]:
    """(status, stdout, stderr) of the command."""
    done = hymio_here(*arguments)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimTerminal, str]]:
    """A terminal with three presses, and its local port."""
    with SimTerminal(tmp_path_factory.mktemp("till"), "--runtime", "micropython", "--heap", "160k") as terminal:
        port = str(terminal.expect("ready")["serial"])
        for button in (4, 2, 1):
            terminal.tell(f"press {button} 60", "wait 0.5")
            terminal.expect("record", button=button)
        yield terminal, port
        terminal.finish()


@needs_vm
@pytest.mark.parametrize("scheme", ["rfc2217", "socket"])
def test_a_terminal_at_another_computer(terminal: tuple[SimTerminal, str], scheme: str, tmp_path: Path) -> None:
    _, local = terminal
    with served(local, scheme) as port:  # type: ignore[arg-type]
        status, out, err = hymio("status", "--port", port, "--json")
        assert status == DONE, err
        assert json.loads(out)["device_id"] == "till-1" and sum(json.loads(out)["pressed"]) == 3
        status, out, err = hymio("votes", "--port", port, "--json")
        assert status == DONE, err
        assert [json.loads(line)["button"] for line in out.splitlines()] == [4, 2, 1]
        status, out, err = hymio("votes", "--port", port, "--db", str(tmp_path / "votes.db"), "--json")
        assert status == DONE and json.loads(out)["new"] == 3, err
        status, out, err = hymio("logs", "--port", port, "--json")
        assert status == DONE and json.loads(out.splitlines()[0])["boot"] == 1, err
        status, out, err = hymio("clock", "--port", port, "--set", "--json")
        assert status == DONE and abs(json.loads(out)["offset_s"]) < 5, err
        status, out, err = hymio("config", "get", "windows.lockout_ms", "--port", port)
        assert status == DONE and out.strip().isdigit(), err
        status, out, err = hymio("identify", "--port", port, "--json")
        assert status == DONE and json.loads(out)["port"] == port, err


@needs_vm
@pytest.mark.parametrize("scheme", ["rfc2217", "socket"])
def test_what_runs_mpremote_and_what_waits_for_a_start(scheme: str, tmp_path: Path) -> None:
    from hymio.cable.boot_line import listen

    with SimTerminal(tmp_path, "--heap", "256k") as running:
        local = str(running.expect("ready")["serial"])
        with served(local, scheme) as port:  # type: ignore[arg-type]
            status, out, err = hymio("deploy", "--port", port, "--dry-run", "--json")
            assert status == DONE and json.loads(out)["partition"] == "there", err
            running.expect("ready")
            assert listen(port).device_id == "till-1"
        running.finish()


def test_the_lines_stay_as_the_server_has_them() -> None:
    """On some servers DTR alone is the order to start the boot loader."""
    with on_a_cable(FakeTerminal([Boot(1, 10, 1, 0)])) as local:
        device = WithoutLines(local, 115200, timeout=0.02)
        opened = list(device.__dict__["lines"])
        with served(local, "rfc2217", device) as port, CableSession(port) as cable:
            assert cable.status().device_id == "fake-1"
            assert device.__dict__["lines"] == opened


@pytest.mark.parametrize("scheme", ["rfc2217", "socket"])
def test_a_server_that_goes_away_is_a_cable_that_comes_off(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from hymio.cable import smp_session

    monkeypatch.setattr(smp_session, "ANSWER_S", (0.2, 0.2))
    with on_a_cable(FakeTerminal([Boot(1, 10, 1, 0)])) as local:
        going = contextlib.ExitStack()
        port = going.enter_context(served(local, scheme))  # type: ignore[arg-type]
        with pytest.raises(Failure) as caught, CableSession(port) as cable:
            cable.status()
            connection = cable._transport._conn._socket  # type: ignore[union-attr]
            connection.shutdown(socket.SHUT_RDWR)
            cable.status()
        going.close()
    assert caught.value.exit_status == BROKEN_OFF


NOBODY = [
    ("status",),
    ("votes",),
    ("logs",),
    ("clock",),
    ("identify",),
    ("config", "list"),
    ("selftest",),
    ("retire", "--yes"),
    ("retire", "--yes", "--votes-are-lost"),
    ("deploy",),
]


@pytest.mark.parametrize("command", NOBODY, ids=" ".join)
@pytest.mark.parametrize(
    "port",
    ["loop://", "spy://dev/ttyUSB0", "alt://x", "nix://board:7", "rfc2217://", "rfc2217://host", "socket://h:x"],
)
def test_an_address_of_no_use_is_one_sentence(command: tuple[str, ...], port: str) -> None:
    status, out, err = hymio(*command, "--port", port, "--json")
    assert (status, out) == (NO_TERMINAL, "")
    error = json.loads(err.splitlines()[-1])["error"]
    assert error["message"] == (
        f"The port {port} cannot be opened: invalid URL, expected rfc2217://HOST:PORT or socket://HOST:PORT."
    )


@pytest.mark.parametrize("scheme", ["rfc2217", "socket"])
@pytest.mark.parametrize("command", [("status",), ("retire", "--yes", "--votes-are-lost")], ids=" ".join)
def test_nobody_serves_it(command: tuple[str, ...], scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"{scheme}://127.0.0.1:{taken.getsockname()[1]}"
    status, _, err = hymio(*command, "--port", port, "--json")
    error = json.loads(err.splitlines()[-1])["error"]
    assert status == NO_TERMINAL and f"The port {port} cannot be opened: " in error["message"]
    assert "refused" in error["message"] and "program that serves it" in error["hint"]


def test_what_answers_there_is_something_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = f"rfc2217://127.0.0.1:{silent.getsockname()[1]}?timeout=0.2"
        status, _, err = hymio("status", "--port", port)
    assert status == NO_TERMINAL and "does not speak RFC 2217, or is in use" in err


def test_bytes_come_at_once_and_not_one_by_one() -> None:
    """Of a socket the handler knows only that something is there."""
    ours, theirs = socket.socketpair()
    port = serial_port("socket://127.0.0.1:9")
    port._socket, port.is_open = ours, True
    theirs.sendall(b"x" * 300)
    assert port.read_all() == b"x" * 300 and port.read_all() == b""
    theirs.close()
    ours.close()
