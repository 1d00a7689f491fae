"""The air between a simulated terminal and the network: a TCP proxy to the broker and an NTP server, both on loopback.

The terminal never learns the broker's own address, so the access point can be switched off. What is under way then is
lost in both directions without a word (no FIN, no reset), as when a radio link breaks, and the broker keeps its end
open until it loses patience. A power cut looks the same from the broker.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import struct
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from hymio_sim.board.hardware import Hardware
from hymio_sim.net.mqtt_watch import MqttWatch

_CHUNK: Final = 4096
_1900_TO_1970_S: Final = 2_208_988_800  # RFC 5905, figure 4


def ntp_answer(request: bytes, utc: float) -> bytes | None:
    """The server's answer to an SNTP request (RFC 4330), or None if `request` is not one.

    utc: the true time, in seconds of 1970.
    """
    if len(request) < 48 or request[0] & 7 != 3:
        return None
    ticks = round((utc + _1900_TO_1970_S) * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF
    version = request[0] & 0x38
    head = struct.pack(">BBbbII4s", version | 4, 2, 6, -20, 0, 0, b"HYMI")
    return head + struct.pack(">Q8sQQ", ticks, request[40:48], ticks, ticks)


class _Ntp(asyncio.DatagramProtocol):
    def __init__(self, hardware: Hardware) -> None:
        self._hardware = hardware
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        answer = ntp_answer(data, self._hardware.utc)
        if answer and self._hardware.network_present and self._transport:
            self._transport.sendto(answer, address)


class _Connection:
    """One TCP connection of the terminal; `cut` is true once the air between its ends is gone for good."""

    def __init__(self) -> None:
        self.cut = False


class Outside:
    """Speaks TLS in the terminal's name, where the model of the chip's memory leaves that to the simulator.

    On a chip mbedTLS lives beside Python's heap; on the VM it would live in that heap and spoil the model.
    """

    def __init__(self, files: Sequence[Path], root: Path) -> None:
        """Takes the paths of ca.der, and of cert.der and key.der if the terminal has a certificate.

        root: the file system of the board, where a renewed certificate lies.
        """
        self._files = {file.stem: file for file in files}
        self._root = root

    def context(self) -> ssl.SSLContext | None:
        """The TLS settings of this moment, because the certificate may have been renewed; None without TLS."""
        if not self._files:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self._files["ca"].read_bytes())
        if "key" in self._files:
            shown = self._root / ".shown.der"
            cert = (shown if shown.exists() else self._files["cert"]).read_bytes()
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as chain:
                chain.write(ssl.DER_cert_to_PEM_cert(cert) + _sec1_pem(self._files["key"].read_bytes()))
                chain.flush()
                context.load_cert_chain(chain.name)
        return context


def _sec1_pem(key: bytes) -> str:
    armour = "-----{} EC PRIVATE KEY-----\n"
    return armour.format("BEGIN") + base64.encodebytes(key).decode() + armour.format("END")


class AccessPoint:
    """The terminal finds its broker at `port` and the time at `ntp_port`, both on 127.0.0.1, once `open` is done."""

    def __init__(
        self,
        hardware: Hardware,
        broker: tuple[str, int],
        is_secret: bool = False,
        outside: Outside | None = None,
    ) -> None:
        """Takes the board and the address of the broker.

        is_secret: the terminal and its broker speak TLS with each other, so nobody here sees which batches leave.
        outside: speaks TLS for the terminal.
        """
        self._hardware = hardware
        self._broker = broker
        self._is_secret = is_secret
        self._outside = outside
        self.passed_bytes = 0
        """How many bytes went through the air, in both directions."""
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.ntp_port = 0

    async def open(self) -> None:
        """Starts to listen, and sets `port` and `ntp_port`."""
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Ntp(self._hardware), local_addr=("127.0.0.1", 0))
        self.ntp_port = transport.get_extra_info("sockname")[1]

    def cut(self) -> None:
        """The air or the terminal is gone: whatever is connected now never hears of its other end again."""
        for connection in self._connections:
            connection.cut = True
        self._connections.clear()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # the simulator ends
                await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection()
        self._connections.add(connection)
        try:
            if not self._hardware.network_present:
                writer.transport.abort()
                return
            try:
                host, port = self._broker
                context = self._outside.context() if self._outside else None
                name = host if context else None
                far_reader, far_writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
            except OSError:
                writer.transport.abort()
                return
            await asyncio.gather(
                self._outward(connection, reader, far_writer), self._inward(connection, far_reader, writer)
            )
        finally:
            self._connections.discard(connection)

    async def _outward(
        self, connection: _Connection, reader: asyncio.StreamReader, far_writer: asyncio.StreamWriter
    ) -> None:
        watch = MqttWatch()
        with contextlib.suppress(OSError):
            while (data := await reader.read(_CHUNK)) or not connection.cut:
                if connection.cut:
                    continue
                if not data:
                    break
                self.passed_bytes += len(data)
                if not self._is_secret:
                    for batch in watch.left(data):
                        self._hardware.published(batch.log_id, batch.first_seq, batch.last_seq)
                far_writer.write(data)
                await far_writer.drain()
        if not connection.cut:
            far_writer.close()

    async def _inward(
        self, connection: _Connection, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        watch = MqttWatch()
        with contextlib.suppress(OSError):
            while data := await far_reader.read(_CHUNK):
                if not connection.cut:
                    self.passed_bytes += len(data)
                    if not self._is_secret:
                        for log_id, seq in watch.came(data):
                            self._hardware.answered(log_id, seq)
                    writer.write(data)
                    await writer.drain()
        if not connection.cut:
            writer.close()


def true_utc_offset_us() -> int:
    """What has to be added to CLOCK_MONOTONIC for this machine's time of day, in microseconds."""
    return (time.time_ns() - time.monotonic_ns()) // 1000
