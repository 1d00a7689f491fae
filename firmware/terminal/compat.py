"""What differs between MicroPython and CPython, in one place: ticks, const, flags, the cable."""

import asyncio
import sys

MICROPYTHON = sys.implementation.name == "micropython"

if MICROPYTHON:
    import select
    from time import ticks_add, ticks_diff, ticks_ms

    from micropython import const

    class Flag:
        """An event that a soft interrupt may set; `wait_ms` returns when it is set or the time is over."""

        def __init__(self):
            self._flag = asyncio.ThreadSafeFlag()
            self.set = self._flag.set

        async def wait_ms(self, ms):
            try:
                await asyncio.wait_for_ms(self._flag.wait(), ms)
            except asyncio.TimeoutError:
                pass

    class Cable:
        """The serial line of the REPL as a stream of bytes."""

        def __init__(self):
            self._input = sys.stdin.buffer
            self._reader = asyncio.StreamReader(self._input)
            self._poll = select.poll()
            self._poll.register(self._input, select.POLLIN)

        async def read(self):
            """All bytes that are there now, at least one; b"" when the line is closed.

            `read(n)` of the console blocks for all n, so it goes byte by byte.
            """
            first = await self._reader.read(1)
            if not first:
                return b""
            data = bytearray(first)
            while len(data) < 260 and self._poll.poll(0):
                more = self._input.read(1)
                if not more:
                    break
                data.extend(more)
            return data

        def write(self, data):
            sys.stdout.buffer.write(data)

    async def sleep_ms(ms):
        await asyncio.sleep_ms(ms)

    def forget_loop():
        """A stopped application leaves no tasks behind for the next one."""
        asyncio.new_event_loop()

else:
    import os
    import time

    _PERIOD = 1 << 30  # the board's: https://docs.micropython.org/en/latest/library/time.html#time.ticks_ms

    def const(value):
        return value

    def ticks_ms():
        return (time.monotonic_ns() // 1000000) & (_PERIOD - 1)

    def ticks_add(ticks, delta):
        return (ticks + delta) & (_PERIOD - 1)

    def ticks_diff(end, start):
        return ((end - start + _PERIOD // 2) & (_PERIOD - 1)) - _PERIOD // 2

    class Flag:
        """See above."""

        def __init__(self):
            self._event = asyncio.Event()
            self._loop = None

        def set(self):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._event.set)

        async def wait_ms(self, ms):
            self._loop = asyncio.get_running_loop()
            try:
                await asyncio.wait_for(self._event.wait(), ms / 1000)
            except asyncio.TimeoutError:
                pass
            self._event.clear()

    class Cable:
        """See above."""

        def __init__(self):
            self._ready = Flag()
            self._watching = False

        async def read(self):
            if not self._watching:
                asyncio.get_running_loop().add_reader(0, self._ready.set)
                self._watching = True
            while True:
                await self._ready.wait_ms(1000)
                os.set_blocking(0, False)
                try:
                    return os.read(0, 260)
                except BlockingIOError:
                    continue

        def write(self, data):
            os.write(1, data)

    async def sleep_ms(ms):
        await asyncio.sleep(ms / 1000)

    def forget_loop():
        pass
