"""The TLS part of `make bench`: how many bytes a handshake takes, between the firmware on the VM and a mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hymio.common.firmware_files import firmware_dir
from hymio_sim.board.board_files import find_tool
from hymio_sim.rigs.figure import Figure
from hymio_sim.rigs.on_vm import ON_VM
from hymio_sim.rigs.stage import free_port

TLS_DEVICE_ID: Final = "till-1"
_PATIENCE_S: Final = 20


def handshake_figures() -> Iterator[Figure]:
    """All bytes of TCP in both directions for a handshake with certificates on both sides, CONNECT and CONNACK.

    It gives nothing where mosquitto or the VM is missing.
    """
    mosquitto, vm = find_tool("mosquitto"), find_tool("micropython")
    if mosquitto is None or vm is None:
        return
    with tempfile.TemporaryDirectory(prefix="hymio-bench-") as directory:
        size = asyncio.run(_weigh(Path(directory), mosquitto, vm))
    yield Figure("uplink.handshake_bytes", size, "B", "<= 2400")


def set_up_tls(directory: Path, port: int) -> tuple[Path, Path]:
    """Makes a CA and the files of a broker; gives mosquitto's configuration and the terminal's folder."""
    from hymio.office.broker_config import run_broker_config
    from hymio.pki.authority import run_init, run_issue

    pki, broker = directory / "pki", directory / "broker"
    with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        run_init(pki, "hymio", 30, True)
        run_issue(pki, None, "localhost", None, None, None, False, True)
        run_issue(pki, None, None, "office", None, None, False, True)
        run_issue(pki, TLS_DEVICE_ID, None, None, None, None, False, True)
        run_broker_config(broker, pki, f"127.0.0.1:{port}", None, ["office"], [], None, True)
    conf = broker / "mosquitto.conf"
    if os.name == "posix" and os.geteuid() == 0:
        conf.write_text(conf.read_text() + "user root\n")  # else mosquitto could not read the files of root
    return conf, pki / "issued" / TLS_DEVICE_ID


async def _weigh(directory: Path, mosquitto: Path, vm: Path) -> int:
    port = free_port()
    conf, files = set_up_tls(directory, port)
    quiet = asyncio.subprocess.DEVNULL
    broker = await asyncio.create_subprocess_exec(mosquitto, "-c", conf, stdout=quiet, stderr=quiet)
    passed: list[int] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            passed.append(len(data))
            writer.write(data)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(OSError):
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    try:
        await _until_it_listens(port)
        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        path = os.pathsep.join([str(firmware_dir()), ".frozen"])
        command = (vm, "-X", "heapsize=1m", ON_VM / "vm_handshake.py", "localhost")
        terminal = await asyncio.create_subprocess_exec(
            *command,
            str(server.sockets[0].getsockname()[1]),
            cwd=files,
            env={"MICROPYPATH": path},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asyncio.wait_for(terminal.communicate(), _PATIENCE_S)
        server.close()
    finally:
        broker.terminate()
        await broker.wait()
    if said.strip() != b"on":
        raise RuntimeError(f"no welcome from mosquitto: {said.decode()}")
    return sum(passed)


async def _until_it_listens(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.02)
    raise RuntimeError("mosquitto does not come up")
