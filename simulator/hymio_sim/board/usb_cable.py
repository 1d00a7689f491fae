"""The USB cable of a simulated board: an outer pseudo-terminal for clients, an inner one that is the VM's console.

The outer one stays for the life of the simulator, so a client may keep its port open across power cuts. What a client
sends passes an input ring of 260 bytes, as on the board, and what does not fit is dropped in silence. What comes out
and is read by nobody is dropped as well; the board never waits for a reader. With a baud rate the cable is no faster
than such a serial line.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hymio_sim.board.serial_line import TURN_AROUND_S, SerialLine

INPUT_RING: Final = 260
"""Bytes that MicroPython's ESP32 port buffers: ports/esp32/uart.c, `stdin_ringbuf_array[260]`."""

_CTRL_A: Final = 0x01
_CTRL_B: Final = 0x02
_CTRL_C: Final = 0x03
_CHUNK: Final = 4096


def open_pty() -> tuple[int, int]:
    """Opens a raw pseudo-terminal; gives the descriptors (master, slave), of which the master does not block."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    return master, slave


def _unread(slave: int) -> int:
    """How many bytes wait at the slave to be read."""
    answer = fcntl.ioctl(slave, termios.FIONREAD, b"\0\0\0\0")
    return int(struct.unpack("i", answer)[0])


class UsbCable:
    """Pumps bytes between the two pseudo-terminals.

    `interrupt(done)` passes a Ctrl-C to the VM as a signal if the VM wants one. It tells whether it will, and calls
    `done` when it has. What is typed behind a Ctrl-C waits for that: on a board the interrupt of the serial port itself
    stops the program, so nothing typed later can reach that program.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, link: Path | None = None, baud: int | None = None) -> None:
        self._loop = loop
        self._inwards = SerialLine(loop, self._arrived, baud)
        self._outwards = SerialLine(loop, self._leave, baud, TURN_AROUND_S)
        self._outer_master, self._outer_slave = open_pty()
        self.port = os.ttyname(self._outer_slave)
        self._link = link
        if link:
            with contextlib.suppress(FileNotFoundError):
                if link.is_symlink():
                    link.unlink()
            link.symlink_to(self.port)
        self._inner: tuple[int, int] | None = None
        self.interrupt: Callable[[Callable[[], None]], bool] = lambda done: False
        self._held: bytes | None = None  # what was typed behind a Ctrl-C that is under way
        self.raw_repl = False
        """Whether the client has last asked for the raw REPL (Ctrl-A) rather than the friendly one (Ctrl-B)."""
        self.dropped_bytes = 0
        loop.add_reader(self._outer_master, self._from_client)

    def plug_in(self) -> int:
        """A VM starts: gives the descriptor that is to be its stdin, stdout and stderr."""
        self.unplug()
        self._inner = open_pty()
        self._loop.add_reader(self._inner[0], self._from_vm)
        return self._inner[1]

    def unplug(self) -> None:
        """The VM has gone. What it wrote before comes out, what it had not read is lost."""
        self._held = None
        if self._inner is None:
            return
        master, slave = self._inner
        self._from_vm()
        self._loop.remove_reader(master)
        os.close(master)
        os.close(slave)
        self._inner = None

    def type(self, data: bytes) -> None:
        """Puts bytes into the input of the VM that no client has sent."""
        if self._inner:
            os.write(self._inner[0], data)

    def show(self, data: bytes) -> None:
        """Sends bytes to the client; they are dropped if nobody reads."""
        self._outwards.feed(data)

    def report(self) -> dict[str, int]:
        """How many bytes came from the client, how many went to it, and how many the input ring dropped."""
        return {
            "in": self._inwards.carried_bytes,
            "out": self._outwards.carried_bytes,
            "dropped": self.dropped_bytes,
        }

    def close(self) -> None:
        """Takes the port away."""
        self.unplug()
        self._inwards.cut()
        self._outwards.cut()
        self._loop.remove_reader(self._outer_master)
        os.close(self._outer_master)
        os.close(self._outer_slave)
        if self._link and self._link.is_symlink() and self._link.readlink() == Path(self.port):
            self._link.unlink()

    def _from_vm(self) -> None:
        if self._inner is None:
            return
        with contextlib.suppress(BlockingIOError, OSError):
            while data := os.read(self._inner[0], _CHUNK):
                self.show(data)
                if len(data) < _CHUNK:
                    break

    def _from_client(self) -> None:
        try:
            data = os.read(self._outer_master, _CHUNK)
        except (BlockingIOError, OSError):
            return
        self._inwards.feed(data)

    def _leave(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._outer_master, data)

    def _arrived(self, data: bytes) -> None:
        rest = b""
        for at, byte in enumerate(data):
            if self._held is not None:
                self._held += data[at:]
                return
            if byte == _CTRL_A:
                self.raw_repl = True
            elif byte == _CTRL_B:
                self.raw_repl = False
            if byte == _CTRL_C:
                self._to_vm(rest)
                rest = b""
                self._held = b""
                if self.interrupt(self._interrupted):
                    continue
                self._held = None
            rest += bytes([byte])
        self._to_vm(rest)

    def _interrupted(self) -> None:
        held, self._held = self._held, None
        if held:
            self._arrived(held)

    def _to_vm(self, data: bytes) -> None:
        if self._inner is None or not data:
            return
        master, slave = self._inner
        room = max(0, INPUT_RING - _unread(slave))
        self.dropped_bytes += max(0, len(data) - room)
        if room:
            with contextlib.suppress(BlockingIOError):
                os.write(master, data[:room])
