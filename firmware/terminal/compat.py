"""All that differs between MicroPython and CPython: ticks, const, flags, the cable, modules that come and go.

The other half, compat_cpython.py, is for tests and the simulator and is never loaded on a board.
"""

import asyncio
import json
import sys

MICROPYTHON = sys.implementation.name == "micropython"
_PACKAGE = __name__.rpartition(".")[0]


def load(name):
    """Gives the module of the application that has this name, and loads it if it is not in the heap.

    For modules that are needed rarely. Whoever loads one hands it what it needs, takes what it returns, and calls
    `unload` with the name when it is done.
    """
    name = _PACKAGE + "." + name
    __import__(name)
    return sys.modules[name]


def read_json(path):
    """Gives what a JSON file says, without the byte order mark that editors on Windows put before it."""
    with open(path) as file:
        if file.read(1) != "\ufeff":
            file.seek(0)
        return json.load(file)


if MICROPYTHON:
    import gc
    import select
    from time import ticks_add, ticks_diff, ticks_ms, time_ns

    from micropython import const

    # Collect often while the modules are loaded: they come to lie close together and leave large blocks free.
    # https://docs.micropython.org/en/latest/reference/constrained.html#the-heap
    gc.threshold(2048)

    def rtc_ms():
        """Gives milliseconds that go on through deep sleep, unless somebody sets the clock of the chip."""
        return time_ns() // 1000000

    sweep = gc.collect

    def started():
        """Has the heap swept after every 4 kB from now on, since everything has been loaded.

        The usual threshold, a part of `mem_free()`, will not do: on an ESP32 that counts what the heap could still take
        from Wi-Fi and TLS, see spec/design.md "Memory".
        """
        gc.collect()
        gc.threshold(4096)

    class Flag:
        """An event that a soft interrupt may set; `wait_ms` returns when it is set or the time is over."""

        def __init__(self):
            self._flag = asyncio.ThreadSafeFlag()
            self.set = self._flag.set

        async def wait_ms(self, ms):
            """Waits until the flag is set, for `ms` at most."""
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
            """Gives all bytes that are there now, at least one, or b"" when the line is closed.

            `read(n)` of the console would block until all n bytes are there, so this goes byte by byte.
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
            """Writes bytes to the line."""
            sys.stdout.buffer.write(data)

    show_error = sys.print_exception

    def error_text(error):
        """Gives the traceback of an exception as a text."""
        import io

        out = io.StringIO()
        sys.print_exception(error, out)
        return out.getvalue()

    def unload(name):
        """Has a module leave the heap that is not needed for a while. Nobody may hold anything of it."""
        path = _PACKAGE + "." + name
        if path in sys.modules:
            del sys.modules[path]
            if hasattr(sys.modules[_PACKAGE], name):
                delattr(sys.modules[_PACKAGE], name)
            gc.collect()

    async def sleep_ms(ms):
        """Lets other tasks run for that long."""
        await asyncio.sleep_ms(ms)

    def forget_loop():
        """Forgets all tasks, so that a stopped application leaves none behind for the next one."""
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
