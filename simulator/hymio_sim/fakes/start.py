"""What a child process runs: mounts the ROM if there is one, and leaves the rest to what is compiled there."""

# mypy: ignore-errors

import sys

spent = 0
if sys.implementation.name == "micropython":
    import rom_mount

    rom_mount.mount()
    # Its code stands in the heap, which belongs to the firmware.
    del sys.modules["rom_mount"], rom_mount

    import asyncio
    import gc

    # Loaded now, because a program on a board has to pay for them too: asyncio loads its parts when they are used.
    _ = asyncio.StreamReader, asyncio.Event, asyncio.wait_for
    gc.collect()
    spent = gc.mem_alloc()

import shim  # noqa: E402  it comes from the ROM

shim.main(globals(), spent)
