"""`hymio broker`: an embedded MQTT broker for the bench and the demo, never for a site."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

from hymio.common.addresses import parse_listen
from hymio.common.clients import is_loopback_name
from hymio.common.errors import BROKEN_OFF, NO_SERVICE, Failure
from hymio.common.extras import missing_extra
from hymio.common.output import note, print_json, print_line, seconds_running

MAX_PAYLOAD_BYTES: Final = 256 * 1024
"""The broker drops the connection of a client that sends more; iotcore's own default is 20 kB."""

_WATCH_S: Final = 0.2


def run_broker(listen: str, as_json: bool) -> None:
    """Runs the broker until SIGINT or SIGTERM; prints `ready` when it accepts connections.

    Raises:
        Failure: 2 it is a bad address, or the extra is not installed; 4 the port is taken; 6 the broker ended by
            itself.
    """
    host, port = parse_listen(listen)
    try:
        from iotcore import Broker
    except ImportError as error:
        raise missing_extra("broker", error) from error
    if port == 0:
        port = _free_port(host)
    else:
        _check_free(host, port)
    if not is_loopback_name(host):
        note(f"Anybody who reaches {host}:{port} can read and write everything: there are no passwords and no TLS.")
    stop = threading.Event()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    broker = Broker(port=port, listen=host, max_payload_size=MAX_PAYLOAD_BYTES)
    try:
        with _ctrl_c_is_ours(on_signal):
            broker.start()
    except (OSError, RuntimeError) as error:
        raise _cannot_listen(host, port, error) from error
    signal.signal(signal.SIGTERM, on_signal)
    try:
        if as_json:
            print_json({"event": "ready", "t": seconds_running(), "host": host, "port": port})
        else:
            print_line(f"MQTT broker on {host}:{port}. Ctrl-C stops it; it keeps nothing.")
        while not stop.wait(_WATCH_S):
            if not broker.is_running:
                raise Failure(BROKEN_OFF, "The embedded broker ended by itself.", "Start it again; nothing is kept.")
    finally:
        broker.stop()


@contextlib.contextmanager
def _ctrl_c_is_ours(on_signal: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Sees to it that a Ctrl-C in the terminal ends us, and that we end the broker's process; the block starts that.

    The process inherits that the signal is held back, and one that comes to us meanwhile comes after the block. Windows
    can't hold signals back, so one that comes meanwhile is ignored there.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGINT, on_signal)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, on_signal)


def _check_free(host: str, port: int) -> None:
    # iotcore checks whether anybody answers on 127.0.0.1; binding tells for every address, and says why not.
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def _free_port(host: str) -> int:
    try:
        with socket.create_server((host, 0)) as server:
            port: int = server.getsockname()[1]
            return port
    except OSError as error:
        raise _cannot_listen(host, 0, error) from error


def _cannot_listen(host: str, port: int, error: Exception) -> Failure:
    reason = getattr(error, "strerror", None) or str(error)
    return Failure(
        NO_SERVICE,
        f"Nobody can listen on {host}:{port} now: {reason}.",
        "Stop what runs there (another broker?) or give another port: --listen 127.0.0.1:0 takes any free one.",
    )
