"""`esp32` of a simulated board: its partition table, of which `votes` alone has flash behind it."""

# mypy: ignore-errors

import bus

_SECTOR = 4096

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True


def wake_on_ext1(pins, level):
    """Has any of these pins high, or all of them low, end a sleep; None or no pins: none does."""
    bus.port.wake_on(tuple(pin.number for pin in pins or ()), level)


HEAP_DATA = 4
HEAP_EXEC = 2


def idf_heap_info(capabilities):
    """(total, free, largest free block, least ever free) of each region of ESP-IDF's heap.

    Here there is one region for all; without a model of the chip's memory the list is empty.
    """
    idf = getattr(bus.port, "idf", None)
    return [(idf.total, idf.free(), idf.largest(), idf.lowest)] if idf else []


def __getattr__(name):
    if name == "NVS":
        from nvs import NVS  # imported only where it is wanted, because it takes heap, which the real one does not

        return NVS
    raise AttributeError(name)


class Partition:
    """The raw flash of one partition; `writeblocks` with an offset programs and never erases."""

    TYPE_APP = 0
    TYPE_DATA = 1
    BOOT = 0
    RUNNING = 1

    def __init__(self, name=None):
        if name != "votes":
            raise OSError(2)

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=_SECTOR):
        """A list with the partition `votes`, if that is meant, else an empty one."""
        if type != Partition.TYPE_DATA or label not in (None, "votes"):
            return []
        return [Partition("votes")]

    @staticmethod
    def mark_app_valid_cancel_rollback():
        """Does nothing: there is no earlier firmware to roll back to."""

    def info(self):
        """(type, subtype, address, size, label, encrypted)."""
        return (1, 0x06, 0x300000, bus.port.flash_size, "votes", False)

    def ioctl(self, op, arg):
        """4 gives the number of blocks, 5 their size, 6 erases block `arg`."""
        if op == 4:
            return bus.port.flash_size // _SECTOR
        if op == 5:
            return _SECTOR
        if op == 6:
            bus.port.flash_erase(arg)
            return 0
        return 0 if op in (1, 2, 3) else None

    def readblocks(self, block, buf, offset=0):
        """Fills `buf` from `offset` of that block on."""
        view = memoryview(buf)
        bus.port.flash_read(block * _SECTOR + offset, view)

    def writeblocks(self, block, buf, offset=None):
        """Programs `buf`; without an offset it erases the blocks first, as the real one does."""
        if offset is None:
            for n in range((len(buf) + _SECTOR - 1) // _SECTOR):
                bus.port.flash_erase(block + n)
            offset = 0
        view = memoryview(buf)
        done = 0
        while done < len(view):
            part = view[done : done + _SECTOR]
            bus.port.flash_program(block * _SECTOR + offset + done, bytes(part))
            done += len(part)
