"""A TCP proxy in real time that delays, cuts, half-opens, throttles, corrupts, or is somebody else altogether."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from typing import Final, Literal

Fault = Literal["none", "delay", "cut", "deaf up", "deaf down", "throttle", "corrupt", "portal"]

_DELAY_S: Final = 0.4
_THROTTLED_BYTES_PER_S: Final = 400
_PORTAL: Final = b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n"


class FaultyProxy:
    """A proxy between 127.0.0.1:`port` and a server on 127.0.0.1, on a thread of its own while the block runs.

    `fault` may be changed at any time; a connection that has fallen silent in one direction stays silent.
    `passed_bytes` counts the bytes in both directions, `harmed` the pieces that did not pass as they were.
    """

    def __init__(self, server_port: int, seed: int = 0, delay_s: float = _DELAY_S) -> None:
        """Takes the port of the server.

        delay_s: how long each piece is held back in either direction while the fault is `delay`.
        """
        self.fault: Fault = "none"
        self.port = 0
        self.passed_bytes = 0
        self.harmed = 0
        self._server_port = server_port
        self._delay_s = delay_s
        self._dice = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        opening = asyncio.start_server(self._accepted, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(5)
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            if self.fault == "portal":
                self.harmed += 1
                await reader.read(4096)
                writer.write(_PORTAL)
                await writer.drain()
            else:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
                ways = (
                    self._pump(reader, far_writer, writer, "up"),
                    self._pump(far_reader, writer, far_writer, "down"),
                )
                await asyncio.gather(*ways)
        writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        way: Literal["up", "down"],
    ) -> None:
        is_deaf = False
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                fault = self.fault
                is_deaf |= fault == f"deaf {way}"
                self.harmed += is_deaf or fault in ("delay", "cut", "throttle", "corrupt")
                if is_deaf:
                    continue
                if fault == "cut":
                    writer.write(data[: len(data) // 2])
                    await asyncio.sleep(0.02)
                    writer.transport.abort()
                    back.transport.abort()
                    return
                if fault == "delay":
                    await asyncio.sleep(self._delay_s)
                elif fault == "corrupt":
                    changed = bytearray(data)
                    # Only what stands behind the topic is harmed; that nobody writes to the topic of another terminal
                    # is ensured by access lists and TLS.
                    changed[-1 - self._dice.randrange(min(len(data), 40))] ^= 1 << self._dice.randrange(8)
                    data = bytes(changed)
                self.passed_bytes += len(data)
                for at in range(0, len(data), 20 if fault == "throttle" else len(data)):
                    piece = data[at : at + 20] if fault == "throttle" else data
                    if fault == "throttle":
                        await asyncio.sleep(len(piece) / _THROTTLED_BYTES_PER_S)
                    writer.write(piece)
                    await writer.drain()
        if not is_deaf:
            writer.close()
