"""The port: opening it must not reset the board; what keeps it shut is one sentence with a next step."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

import pytest
import serial  # type: ignore[import-untyped]
from fake_terminal import FakeTerminal, on_a_cable
from smpclient.transport.serial import common

from hymio.cable import smp_session, smp_transport
from hymio.cable.smp_session import CableSession
from hymio.common.errors import NO_TERMINAL, Failure
from hymio.wire.records import Boot


class DevKit:
    """The two transistors of an ESP32-DevKitC: RTS alone pulls EN down, which resets; DTR alone pulls GPIO 0 down."""

    def __init__(self) -> None:
        self.terminal = FakeTerminal([Boot(1, 10, 1, 0)])
        self.dtr = self.rts = False

    def lines(self, dtr: bool, rts: bool) -> None:
        """Both change at once."""
        self.dtr, self.rts = dtr, rts
        if rts and not dtr:
            self.terminal.boot += 1


class LinuxPort(serial.Serial):  # type: ignore[misc]
    """A port whose driver raises both lines when it is opened and lowers both when it is closed."""

    board: DevKit

    def open(self) -> None:
        self.board.lines(True, True)
        super().open()

    def close(self) -> None:
        if self.is_open:
            self.board.lines(False, False)
        super().close()

    def _update_dtr_state(self) -> None:
        self.board.lines(self._dtr_state, self.board.rts)

    def _update_rts_state(self) -> None:
        self.board.lines(self.board.dtr, self._rts_state)


class WindowsPort(LinuxPort):
    """A port whose driver moves one line after the other, and only to what was asked for before it was opened."""

    def open(self) -> None:
        if self._rts_state:
            self.board.lines(self.board.dtr, True)
        if self._dtr_state:
            self.board.lines(True, self.board.rts)
        serial.Serial.open(self)

    def close(self) -> None:
        if self.is_open:
            self.board.lines(False, self.board.rts)
            self.board.lines(False, False)
        serial.Serial.close(self)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[DevKit]:
    board = DevKit()
    monkeypatch.setattr(LinuxPort, "board", board, raising=False)
    yield board


SYSTEMS = [pytest.param(LinuxPort, True, id="Linux"), pytest.param(WindowsPort, False, id="Windows")]


@pytest.mark.parametrize(("driver", "together"), SYSTEMS)
def test_reading_does_not_reset_the_board(
    board: DevKit, monkeypatch: pytest.MonkeyPatch, driver: type[serial.Serial], together: bool
) -> None:
    monkeypatch.setattr(common, "Serial", driver)
    monkeypatch.setattr(smp_transport, "_LINES_RISE_TOGETHER", together)
    boots = []
    with on_a_cable(board.terminal) as port:
        for _ in range(3):
            with CableSession(port) as cable:
                boots.append(cable.status().boot)
    assert boots == [7, 7, 7] and board.terminal.boot == 7, "nor by closing it"


@pytest.mark.parametrize(("driver", "together"), SYSTEMS)
def test_the_wrong_lines_would_have_reset_it(
    board: DevKit, monkeypatch: pytest.MonkeyPatch, driver: type[serial.Serial], together: bool
) -> None:
    monkeypatch.setattr(common, "Serial", driver)
    monkeypatch.setattr(smp_transport, "_LINES_RISE_TOGETHER", not together)
    with on_a_cable(board.terminal) as port, CableSession(port) as cable:
        cable.status()
    assert board.terminal.boot > 7


@pytest.mark.parametrize(
    ("error", "sentence", "next_step"),
    [
        (serial.SerialException(errno.EACCES, "could not open port: Permission denied"), "may not open", "dialout"),
        (PermissionError(errno.EPERM, "Operation not permitted"), "may not open", "usermod -aG dialout"),
        (serial.SerialException(errno.EBUSY, "Device or resource busy"), "in use by another program", "Close"),
        (serial.SerialException(errno.EAGAIN, "Could not exclusively lock port"), "in use by another", "mpremote"),
        (serial.SerialException(errno.ENOENT, "No such file or directory"), "There is no port", "hymio ports"),
        (serial.SerialException("could not open port 'COM9': FileNotFoundError(2)"), "There is no port", "hymio ports"),
        (serial.SerialException(errno.EIO, "Input/output error\nmore"), "cannot be opened", "hymio ports"),
        (
            serial.SerialException("Could not configure port: (25, 'Inappropriate ioctl for device')"),
            "no serial port",
            "",
        ),
        (ValueError("Not a valid port: 7"), "cannot be opened: Not a valid port", "hymio ports"),
    ],
)
def test_a_port_that_stays_shut(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str, next_step: str
) -> None:
    class Shut(serial.Serial):  # type: ignore[misc]
        def open(self) -> None:
            raise error

    monkeypatch.setattr(common, "Serial", Shut)
    with pytest.raises(Failure) as caught, CableSession("/dev/ttyUSB0"):
        pass
    failure = caught.value
    assert failure.exit_status == NO_TERMINAL and "/dev/ttyUSB0" in failure.message
    assert sentence in failure.message and next_step in failure.hint and "\n" not in failure.message


def test_the_prompt_says_who_starts_the_terminal_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_ANSWER_S", "ANSWER_S"):
        monkeypatch.setattr(smp_session, name, (0.1,))
    monkeypatch.setattr(smp_session, "_LISTEN_S", 0.05)
    stopped: Any = FakeTerminal([], says=b"hymio stopped; reset the board to start it again\r\n>>> ")
    with on_a_cable(stopped) as port, pytest.raises(Failure) as caught, CableSession(port) as cable:
        cable.status()
    assert "MicroPython prompt" in caught.value.message and f"mpremote connect {port} reset" in caught.value.hint


pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo-terminals")
