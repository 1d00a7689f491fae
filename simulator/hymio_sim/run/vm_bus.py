"""This end of the bus to a child process: frames over two pipes, without waiting. See fakes/bus.py."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable


class BusEnd:
    """The simulator's end of the bus.

    `received(kind, body, number)` is called for each frame, `ended()` when the child has gone.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        received: Callable[[int, bytes, int], None],
        ended: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._received = received
        self._ended = ended
        self._from_vm = -1
        self._to_vm = -1
        self._stream = bytearray()
        self._outbox = bytearray()
        self.is_open = False

    def open(self, from_vm: int, to_vm: int) -> None:
        """Takes over the descriptors of the pipes from and to the child; `listen` begins to read."""
        self._from_vm, self._to_vm = from_vm, to_vm
        os.set_blocking(from_vm, False)
        os.set_blocking(to_vm, False)
        self._stream.clear()
        self._outbox.clear()
        self.is_open = True

    def listen(self) -> None:
        """Reads frames from now on."""
        self._loop.add_reader(self._from_vm, self._readable)

    def close(self) -> None:
        """Closes the pipes; what has not been sent or read yet is lost."""
        self.is_open = False
        self._loop.remove_reader(self._from_vm)
        self._loop.remove_writer(self._to_vm)
        os.close(self._from_vm)
        os.close(self._to_vm)

    def send(self, kind: int, body: bytes, number: int = 0) -> None:
        """Sends a frame; does nothing while there is no child."""
        if not self.is_open:
            return
        self._outbox += struct.pack("<BHB", kind, len(body), number) + body
        self._flush()

    def _flush(self) -> None:
        try:
            sent = os.write(self._to_vm, self._outbox)
        except BlockingIOError:
            sent = 0
        except BrokenPipeError:
            sent = len(self._outbox)
        del self._outbox[:sent]
        if self._outbox:
            self._loop.add_writer(self._to_vm, self._flush)
        else:
            self._loop.remove_writer(self._to_vm)

    def _readable(self) -> None:
        try:
            data = os.read(self._from_vm, 65536)
        except BlockingIOError:
            return
        if not data:
            self._ended()
            return
        self._stream += data
        while len(self._stream) >= 4:
            kind, length, number = struct.unpack_from("<BHB", self._stream)
            if len(self._stream) < 4 + length:
                break
            body = bytes(self._stream[4 : 4 + length])
            del self._stream[: 4 + length]
            self._received(kind, body, number)
            if not self.is_open:
                break
