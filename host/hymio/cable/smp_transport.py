"""The serial port under SMP, opened so that the board behind it goes on running."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from smpclient.transport.serial import SMPSerialTransport

from hymio.cable.network_ports import is_network, serial_port

BAUD: Final = 115200

_LINES_RISE_TOGETHER: Final = sys.platform != "win32"
"""Whether opening a port raises DTR and RTS at once; the reset circuit of ESP32 boards ignores that."""


class SerialTransport(SMPSerialTransport):
    """A serial port that is opened without resetting the board behind it."""

    def __init__(self, port: str) -> None:
        """Prepares `port`, a serial port or the address of one."""
        settings: dict[str, Any] = {"baudrate": BAUD, "exclusive": True if os.name == "posix" else None}
        super().__init__(**settings)
        if is_network(port):
            # smpclient itself suggests another `connect` for such pipes; what it opens there is this attribute.
            self._conn = serial_port(port, **settings)  # type: ignore[misc]
            return
        # RTS without DTR, however short, is the order to reset:
        # https://docs.espressif.com/projects/esptool/en/latest/esp32/advanced-topics/boot-mode-selection.html Linux and
        # macOS raise both lines when a port is opened, so lowering them one by one would be that order. Windows raises
        # one after the other, so neither may rise there. mpremote does the same:
        # https://github.com/micropython/micropython/blob/master/tools/mpremote/mpremote/transport_serial.py
        self._conn.dtr = _LINES_RISE_TOGETHER
        self._conn.rts = _LINES_RISE_TOGETHER

    def open_once(self, port: str) -> None:
        """Opens the port, or raises why it can't be opened.

        The library tries for seconds and says then only that it failed.
        """
        self._reset_state()
        self._conn.port = port
        self._conn.open()
        self._conn.reset_input_buffer()

    def type_enter(self) -> None:
        """Sends Enter, which is what a person types first at a silent console."""
        self._conn.write(b"\r\n")
