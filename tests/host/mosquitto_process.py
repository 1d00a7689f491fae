"""A real mosquitto on a port of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from hymio_sim.rigs.stage import free_port, open_mosquitto

_WAIT_S = 30.0


class Mosquitto:
    """A mosquitto that can be stopped and started again on the same port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._command = open_mosquitto(directory)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command(self.port), stderr=subprocess.DEVNULL)
        end = time.monotonic() + _WAIT_S
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("mosquitto does not come up")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(_WAIT_S)
