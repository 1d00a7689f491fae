"""Starts the simulated board's processor: connects the bus, mounts the board's files, runs boot.py and main.py.

Arguments: the descriptors of the pipes from and to the simulator, the directory that holds the board's files, and 1
if main.py is to run (a soft reset out of the raw REPL runs boot.py alone, as on the board).
"""

# mypy: ignore-errors

import asyncio
import gc
import os
import sys

import bus

MICROPYTHON = sys.implementation.name == "micropython"

_FAKES = 0  # labels of heap samples
_RUNNING = 1
_SAMPLE_MS = 5000
_FIRST_SAMPLE_MS = 1500


def main(board_globals, spent):
    """Runs the board until its program ends; the REPL comes after that. spent: bytes of heap in use before this
    module was loaded."""
    _, from_bus, to_bus, root, run_main = sys.argv
    reader, writer = _open(from_bus, to_bus)
    port = bus.connect(reader, writer)
    import esp32  # noqa: F401  the fakes have to be loaded before the file system is the board's
    import machine  # noqa: F401
    import network  # noqa: F401

    has_memory = _memory_model()
    _enter(root)
    if MICROPYTHON:
        _make_room_for_names(2290)
        gc.collect()
        port.tell_heap(_FAKES, gc.mem_alloc() - spent, gc.mem_free())
        if has_memory:
            has_memory.install(port)
        _listen_micropython(port, reader, not has_memory)
    else:
        _listen_cpython(port, reader)
    if port.wake_reason:
        _count_from_now()
    try:
        _run_file("boot.py", board_globals)
        if run_main == "1":
            _run_file("main.py", board_globals)
    except (KeyboardInterrupt, Exception) as error:
        _show(error)
    except SystemExit:
        pass
    if not MICROPYTHON:
        _prompt()


def _memory_model():
    """The model of the chip's memory, if it is to be modelled: then it is in the ROM."""
    try:
        os.stat("/rom/chip_memory.mpy")
    except OSError:
        return None
    import chip_memory

    return chip_memory


def _make_room_for_names(count):
    """count: names to be made up; the fakes have taken 250 places.

    Fills the tables of names up to the one that has room for all of the firmware's, those of every room: in a frozen
    image they are in flash, and here that table, a piece of 28 KiB, would be asked for when the heap is full of holes.

    Tables have 20, 40, ... 1280, 2560 places: `qstr_add` in MicroPython's py/qstr.c.
    """
    import micropython

    for number in range(count):
        getattr(micropython, "\0%x" % number, None)
        if number % 50 == 0:
            gc.collect()  # or what was made for a moment lies between what stays, and no large piece is left


def _open(from_bus, to_bus):
    if MICROPYTHON:
        # There is no fdopen(), but the kernel opens inherited descriptors by name.
        return open("/proc/self/fd/" + from_bus, "rb"), open("/proc/self/fd/" + to_bus, "wb")
    return open(int(from_bus), "rb", buffering=0), open(int(to_bus), "wb", buffering=0)


def _enter(root):
    if MICROPYTHON:
        import vfs

        vfs.umount("/")
        vfs.mount(vfs.VfsPosix(root), "/")
        os.chdir("/")
        sys.path[:] = ["", ".frozen", "/lib", "/rom"]
    else:
        os.chdir(root)
        sys.path.insert(0, root)


def _count_from_now():
    """Ticks begin with the wake from a deep sleep, as on a board; here they are the whole machine's."""
    import time

    class Time:
        def __getattr__(self, name):
            return getattr(time, name)

    sys.modules["time"] = mine = Time()
    if MICROPYTHON:
        clock, since, diff = time.ticks_ms, time.ticks_ms(), time.ticks_diff
        mine.ticks_ms = lambda: diff(clock(), since)
    else:
        clock, since = time.monotonic_ns, time.monotonic_ns()
        mine.monotonic_ns = lambda: clock() - since


def _run_file(name, board_globals):
    code = _code(name)
    if code:
        exec(code, board_globals)


def _code(name):
    try:
        with open(name) as file:
            return compile(file.read(), name, "exec")
    except OSError:
        return None


def _show(error):
    if MICROPYTHON:
        sys.print_exception(error)
    else:
        import traceback

        traceback.print_exception(error)


def _listen_micropython(port, reader, has_samples):
    """Lets the bus wake the program's event loop, in a task beside the program's own."""
    core = sys.modules["asyncio.core"]
    plain_run = asyncio.run
    listening_on = [None]
    beside = []

    def listen():
        while True:
            yield core._io_queue.queue_read(reader)
            try:
                port.take_waiting()
            except Exception as error:
                sys.print_exception(error)

    async def sample():
        await asyncio.sleep_ms(_FIRST_SAMPLE_MS)
        while True:
            gc.collect()
            port.tell_heap(_RUNNING, gc.mem_alloc(), gc.mem_free())
            await asyncio.sleep_ms(_SAMPLE_MS)

    def run(coroutine):
        if listening_on[0] is not core._task_queue:
            listening_on[0] = core._task_queue
            beside[:] = [asyncio.create_task(listen())]
            if has_samples:
                beside.append(asyncio.create_task(sample()))
        return plain_run(coroutine)

    asyncio.run = run


def _listen_cpython(port, reader):
    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self):
            loop = super().new_event_loop()
            loop.add_reader(reader.fileno(), port.take_waiting)
            return loop

    asyncio.set_event_loop_policy(Policy())


def _prompt():
    """Where a board would show its REPL. CPython has none that `mpremote` understands: Ctrl-D restarts, that is all."""
    os.set_blocking(0, True)
    while True:
        try:
            os.write(1, b"\r\n>>> ")
            while True:
                data = os.read(0, 1)
                if not data or data == b"\x04":
                    os._exit(0)
        except KeyboardInterrupt:
            continue
