"""NOR flash in memory, as `esp32.Partition` shows it, for tests that run on CPython and on the MicroPython VM.

The physics (times, wear, faults, power cuts) are in `flash/chip.py`, whose dataclasses, type hints and files the VM
does not have; they would not fit into a heap of 96 KB beside a test either. This flash only clears bits when it is
programmed, and counts operations.
"""

# mypy: ignore-errors


class RamFlash:
    """A flash of `sectors` sectors of 4096 bytes, which `image` holds."""

    def __init__(self, sectors, image=None):
        self.sectors = sectors
        self.image = image if image is not None else bytearray(4096 * sectors)
        if image is None:
            for n in range(sectors):
                self._blank(n)
        self.reads = 0
        self.read_bytes = 0
        self.programs = 0
        self.programmed_bytes = 0
        self.erases = [0] * sectors
        self.bad_erase = ()  # sectors that an erase does not change
        self.stuck_reads = 0  # how many of the next reads have one bit wrong
        self.skip_programs = 0  # how many of the next programs change nothing

    def readblocks(self, n, buf, off=0):
        """Fills `buf` from `off` of block n on."""
        at = n * 4096 + off
        size = len(buf)
        image = self.image
        for i in range(size):
            buf[i] = image[at + i]
        if self.stuck_reads:
            self.stuck_reads -= 1
            buf[0] ^= 16
        self.reads += 1
        self.read_bytes += size

    def writeblocks(self, n, buf, off=0):
        """Programs `buf` from `off` of block n on."""
        at = n * 4096 + off
        size = len(buf)
        self.programs += 1
        self.programmed_bytes += size
        if self.skip_programs:
            self.skip_programs -= 1
            return
        image = self.image
        for i in range(size):
            image[at + i] &= buf[i]

    def ioctl(self, op, arg):
        """4 gives the number of blocks, 5 their size, 6 erases block `arg`."""
        if op == 4:
            return self.sectors
        if op == 5:
            return 4096
        if op == 6:
            self.erases[arg] += 1
            if arg not in self.bad_erase:
                self._blank(arg)
            return 0
        return None

    def _blank(self, n):
        image = self.image
        for at in range(n * 4096, (n + 1) * 4096):
            image[at] = 255
