"""A chip in its boot loader behind a pseudo-terminal: esp32-mock-bootloader, and esptool alone to look into it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ESPTOOL_NAMES = {
    "esp32": "ESP32", "esp32s2": "ESP32-S2", "esp32s3": "ESP32-S3", "esp32c3": "ESP32-C3", "esp32c6": "ESP32-C6",
}  # fmt: skip


# On a busy machine it would hang up: it waits 50 ms for an acknowledgement, and forgets esptool's program 3 s after a
# write. A chip does neither.
_PATIENT = """
import sys
from esp32_mock_bootloader import cli, server
server._CLIENT_RECV_TIMEOUT, server._FLASH_END_IDLE_SEC = 10.0, 1e9
sys.exit(cli.main())
"""


@contextmanager
def mock_board(chip: str, scratch: Path) -> Iterator[str]:
    """Its port. The flash begins blank."""
    log = scratch / f"mock-{time.monotonic_ns()}.log"
    with log.open("w") as out:
        command = [sys.executable, "-c", _PATIENT, "run", "--chip", chip, "--pty"]
        mock = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 120
        while "/dev/" not in log.read_text():
            assert mock.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield log.read_text().split()[0]
    finally:
        mock.terminate()
        mock.wait(60)


def flash(port: str, writes: dict[int, bytes], read: tuple[int, int]) -> bytes:
    """Writes pieces of flash and reads one back, with esptool alone."""
    from esptool import cmds

    with cmds.detect_chip(port, connect_mode="no-reset") as esp:
        esp = cmds.run_stub(esp)
        cmds.attach_flash(esp)
        if writes:
            cmds.write_flash(esp, list(writes.items()), no_progress=True)
        offset, size = read
        return b"".join(_sector(esp, offset + at, min(4096, size - at)) for at in range(0, size, 4096))


def _sector(esp: Any, offset: int, size: int) -> bytes:
    """The mock gives up a read whose acknowledgement is 50 ms late: on a busy machine it has to be asked again."""
    from esptool.util import FatalError

    said = []
    for attempt in range(12):
        try:
            return bytes(esp.read_flash(offset, size))
        except FatalError as error:
            said.append(str(error))
            time.sleep(0.1 * (attempt + 1))  # until nothing of it is on its way any more
            esp.flush_input()
    raise AssertionError(f"the mock does not give the sector at {offset:#x}: {said}")
