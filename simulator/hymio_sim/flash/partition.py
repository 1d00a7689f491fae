"""A NOR flash chip in the place of `esp32.Partition`, for firmware that runs in this process and outside of time.

On a simulated board `fakes/esp32.py` stands in that place, with the bus and the clock between it and the chip. Tests
that run on the MicroPython VM too, which can not load this file, have `rigs/on_vm/ram_flash.py`.
"""

from __future__ import annotations

from hymio_sim.flash.chip import NorFlash


class FlashPartition:
    """A partition each of whose operations is over when its call returns."""

    def __init__(self, flash: NorFlash) -> None:
        self.flash = flash

    def readblocks(self, block: int, buf: bytearray | memoryview, offset: int = 0) -> None:
        """Fills `buf` from `offset` of that block on."""
        buf[:] = self.flash.fetch(block * self.flash.sector + offset, len(buf))

    def writeblocks(self, block: int, buf: bytes | bytearray | memoryview, offset: int = 0) -> None:
        """Programs `buf` from `offset` of that block on; never erases."""
        self.flash.begin_program(block * self.flash.sector + offset, bytes(buf))
        self.flash.finish()

    def ioctl(self, op: int, arg: int) -> int | None:
        """The operations of `esp32.Partition`: 4 gives the number of blocks, 5 their size, 6 erases block `arg`."""
        if op == 4:
            return self.flash.sectors
        if op == 5:
            return self.flash.sector
        if op == 6:
            self.flash.begin_erase(arg)
            self.flash.finish()
            return 0
        return None
