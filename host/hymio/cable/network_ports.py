"""Serial ports of another computer: rfc2217://HOST:PORT and socket://HOST:PORT, by pyserial's handlers.

https://pyserial.readthedocs.io/en/latest/url_handlers.html lists them. The others are for programmers, such as a loop
or a spy.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from hymio.common.errors import NO_TERMINAL, Failure

SCHEMES: Final = ("rfc2217", "socket")
_EXPECTED: Final = "expected rfc2217://HOST:PORT or socket://HOST:PORT"


def is_network(port: str) -> bool:
    """Whether `port` is an address, and no port of this computer."""
    return "://" in port


def check_address(port: str) -> None:
    """Lets pass what is no address, and addresses of the kinds that every command can use.

    Raises:
        Failure: 3, it is an address of another kind.
    """
    if not is_network(port):
        return
    try:
        parts = urlsplit(port)
        is_good = parts.scheme in SCHEMES and parts.hostname and parts.port
    except ValueError:  # a port that is no number
        is_good = False
    if not is_good:
        raise Failure(
            NO_TERMINAL,
            f"The port {port} cannot be opened: invalid URL, {_EXPECTED}.",
            "`hymio ports` lists the ports of this computer.",
        )


def serial_port(port: str, **settings: Any) -> Any:
    """An unopened port of pyserial; one that is an address gets what smpclient expects beyond that.

    Args:
        port: a serial port or the address of one.
        settings: of `serial.Serial`.
    """
    check_address(port)
    import serial  # type: ignore[import-untyped]

    if not is_network(port):
        made = serial.Serial(None, **settings)
    else:
        made = (_rfc2217 if port.lower().startswith("rfc2217:") else _socket)()(None, **settings)
    made.port = port
    return made


def _rfc2217() -> Any:
    from serial import rfc2217

    class Rfc2217Port(rfc2217.Serial):  # type: ignore[misc]
        """A port whose lines DTR and RTS stay as the server has them.

        On Espressif's server DTR alone is the order to start the boot loader:
        https://github.com/espressif/esptool/blob/master/esp_rfc2217_server/esp_port_manager.py.
        """

        out_waiting = 0

        def _update_dtr_state(self) -> None:
            pass

        def _update_rts_state(self) -> None:
            pass

    return Rfc2217Port


def _socket() -> Any:
    from serial import SerialException
    from serial.urlhandler import protocol_socket  # type: ignore[import-untyped]

    class SocketPort(protocol_socket.Serial):  # type: ignore[misc]
        """A port that reads all that has come at once.

        The handler's `in_waiting` is 1 for any number of bytes, so with it they would come one by one.
        """

        out_waiting = 0

        def read_all(self) -> bytes:
            """What has come, without waiting."""
            found = b""
            while self.in_waiting:
                data = self._socket.recv(4096)
                if not data:
                    raise SerialException("the other end has closed the connection")
                found += data
            return found

    return SocketPort


def cannot_reach(port: str, error: Exception) -> Failure:
    """Why an address stays shut, by what pyserial raised."""
    said = " ".join(str(error).split())
    reason = said.partition(f"{port}: ")[2] or said
    if "RFC2217" in said:
        reason = "what answers there does not speak RFC 2217, or is in use"
    return Failure(
        NO_TERMINAL,
        f"The port {port} cannot be opened: {reason}.",
        "Check host and port number, and whether the program that serves it there runs and is free.",
    )
