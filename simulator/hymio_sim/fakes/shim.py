"""Starts the processor of a simulated board: connects the bus, mounts the board's files, runs boot.py and main.py.

Its arguments are the descriptors of the pipes from and to the simulator, the folder that holds the board's files, and 1
if main.py is to run (a soft reset out of the raw REPL runs boot.py alone, as on the board).
"""

# mypy: ignore-errors

import asyncio
import gc
import os
import sys

import bus

MICROPYTHON = sys.implementation.name == "micropython"

_FAKES = 0  # the labels of samples of the heap
_RUNNING = 1
_SAMPLE_MS = 5000
_FIRST_SAMPLE_MS = 1500


def main(board_globals, spent):
    """Runs the board until its program ends; after that comes the REPL.

    spent: how many bytes of the heap were in use before this module was loaded.
    """
    _, from_bus, to_bus, root, run_main = sys.argv
    reader, writer = _open(from_bus, to_bus)
    port = bus.connect(reader, writer)
    import esp32  # noqa: F401  the fakes are loaded before the file system becomes that of the board
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
    """The model of the chip's memory, if memory is to be modelled: then the model is in the ROM."""
    try:
        os.stat("/rom/chip_memory.mpy")
    except OSError:
        return None
    import chip_memory

    return chip_memory


def _make_room_for_names(count):
    """Makes up `count` names, to fill the tables of names up to one that has space for all names of the firmware.

    In a frozen image the names are in flash. Here the last table, a piece of 28 KiB, would otherwise be asked for when
    the heap is full of holes. Tables have 20, 40, ... 1280, 2560 places (`qstr_add` in MicroPython's py/qstr.c), of
    which the fakes have taken 250.
    """
    import micropython

    for number in range(count):
        getattr(micropython, "\0%x" % number, None)
        if number % 50 == 0:
            gc.collect()  # else garbage lies between what stays, and no large piece is left


def _open(from_bus, to_bus):
    if MICROPYTHON:
        # MicroPython has no fdopen(), but the kernel opens inherited descriptors by name.
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
    """Lets ticks begin with the wake from a deep sleep, as on a board.

    Without this they would be those of this machine, which never sleeps.
    """
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
    """Lets what comes over the bus wake the program's event loop, by a task beside the program's own."""
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
    """Stands where a board would show its REPL.

    CPython has no REPL that `mpremote` understands; here Ctrl-D restarts the board, and nothing else does anything.
    """
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
