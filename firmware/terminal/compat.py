"""What differs between MicroPython and CPython, in one place: ticks, const, flags, the cable.

The other half, compat_cpython.py, is for tests and the simulator and is never loaded on a board.
"""

import asyncio
import json
import sys

MICROPYTHON = sys.implementation.name == "micropython"
_PACKAGE = __name__.rpartition(".")[0]


def load(room):
    """The application's module of that name."""
    name = _PACKAGE + "." + room
    __import__(name)
    return sys.modules[name]


def read_json(path):
    """What a JSON file says. The mark that editors on Windows put before it is no part of that."""
    with open(path) as file:
        if file.read(1) != "\ufeff":
            file.seek(0)
        return json.load(file)


if MICROPYTHON:
    import gc
    import select
    from time import ticks_add, ticks_diff, ticks_ms, time_ns

    from micropython import const

    # While the rooms are loaded: what stays then lies close together and leaves large blocks free.
    # https://docs.micropython.org/en/latest/reference/constrained.html#the-heap
    gc.threshold(2048)

    def rtc_ms():
        """Milliseconds that go on through deep sleep, unless somebody sets the chip's clock."""
        return time_ns() // 1000000

    sweep = gc.collect

    def started():
        """Everything is loaded: from now on the heap is swept after every 4 kB.

        Not after a part of `mem_free()`, which on an ESP32 counts what the heap could still take from Wi-Fi and TLS:
        spec/design.md "Memory".
        """
        gc.collect()
        gc.threshold(4096)

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

    show_error = sys.print_exception

    def error_text(error):
        """The traceback."""
        import io

        out = io.StringIO()
        sys.print_exception(error, out)
        return out.getvalue()

    def unload(room):
        """What is not needed for a while leaves the heap; nobody may hold anything of it."""
        name = _PACKAGE + "." + room
        if name in sys.modules:
            del sys.modules[name]
            if hasattr(sys.modules[_PACKAGE], room):
                delattr(sys.modules[_PACKAGE], room)
            gc.collect()

    async def sleep_ms(ms):
        await asyncio.sleep_ms(ms)

    def forget_loop():
        """A stopped application leaves no tasks behind for the next one."""
        asyncio.new_event_loop()

else:
    from .compat_cpython import (  # noqa: F401
        Cable,
        Flag,
        const,
        error_text,
        forget_loop,
        rtc_ms,
        show_error,
        sleep_ms,
        started,
        sweep,
        ticks_add,
        ticks_diff,
        ticks_ms,
        unload,
    )
