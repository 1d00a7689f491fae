"""What a child process runs: mounts the ROM if there is one; the rest is compiled, and `shim` there does it."""

# mypy: ignore-errors

import sys

spent = 0
if sys.implementation.name == "micropython":
    import rom_mount

    rom_mount.mount()
    # Its code takes heap, which belongs to the firmware.
    del sys.modules["rom_mount"], rom_mount

    import asyncio
    import gc

    # asyncio loads its parts when they are first used; they are loaded now, so that every run pays for them alike.
    _ = asyncio.StreamReader, asyncio.Event, asyncio.wait_for
    gc.collect()
    spent = gc.mem_alloc()

import shim  # noqa: E402  it comes from the ROM

shim.main(globals(), spent)
