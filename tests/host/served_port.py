"""A serial port served to the network, as ser2net and pyserial's examples do it: by RFC 2217, or as bare bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any, Literal

import serial  # type: ignore[import-untyped]
from serial import rfc2217


class WithoutLines(serial.Serial):  # type: ignore[misc]
    """A PTY has no modem lines; keeps what DTR and RTS were told to be."""

    cts = dsr = ri = cd = False

    lines: list[str]

    def _update_dtr_state(self) -> None:
        self.__dict__.setdefault("lines", []).append(f"DTR {self._dtr_state}")

    def _update_rts_state(self) -> None:
        self.__dict__.setdefault("lines", []).append(f"RTS {self._rts_state}")


class _Answers:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)


@contextlib.contextmanager
def served(port: str, scheme: Literal["rfc2217", "socket"], device: serial.Serial | None = None) -> Iterator[str]:
    """The address of `port`; one client after the other."""
    device = device or WithoutLines(port, 115200, timeout=0.02)
    listening = socket.create_server(("127.0.0.1", 0))
    ends = threading.Event()

    def to_client(connection: socket.socket, manager: Any, gone: threading.Event) -> None:
        while not gone.is_set():
            data = device.read(device.in_waiting or 1)
            with contextlib.suppress(OSError):
                connection.sendall(b"".join(manager.escape(data)) if manager else data)

    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        manager = rfc2217.PortManager(device, _Answers(connection)) if scheme == "rfc2217" else None
        gone = threading.Event()
        reader = threading.Thread(target=to_client, args=(connection, manager, gone))
        reader.start()
        with contextlib.suppress(OSError):
            while data := connection.recv(1024):
                device.write(b"".join(manager.filter(data)) if manager else data)
        gone.set()
        reader.join()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while not ends.is_set():
                connection, _ = listening.accept()
                with connection:
                    serve(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ends.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(60)
        device.close()
