"""What a child process runs: mounts the ROM if there is one, and leaves the rest to what is compiled there."""

# mypy: ignore-errors

import sys

if sys.implementation.name == "micropython":
    import romount

    romount.mount()
    # Its code stands in the heap, which belongs to the firmware.
    del sys.modules["romount"], romount

import shim

shim.main(globals())
