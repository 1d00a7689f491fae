"""Mounts the ROM image that a VM was given in its environment.

It is imported once, as source, before there is a ROM.
"""

# mypy: ignore-errors

import sys

import uctypes
import vfs


def mount():
    """Decodes the image in place and mounts it as /rom, first in the search path; does nothing if there is none.

    The encoding is that of `board_files.without_zeros`.
    """
    # Fields 50 and 51 of /proc/self/stat tell where the environment begins and ends (proc(5)).
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().split()
    begin = int(fields[49])
    memory = uctypes.bytearray_at(begin, int(fields[50]) - begin)
    name = b"HYMIO_ROM="
    if bytes(memory[: len(name)]) != name:
        return
    source = target = len(name)
    end = len(memory) - 1  # the zero that ends the string
    while source < end:
        code = memory[source]
        source += 1
        memory[target : target + code - 1] = memory[source : source + code - 1]
        source += code - 1
        target += code - 1
        if code != 255:
            memory[target] = 0
            target += 1
    rom = uctypes.bytearray_at(begin + len(name), target - len(name) - 1)
    vfs.mount(vfs.VfsRom(rom), "/rom")
    sys.path[:] = ["/rom", ".frozen"]
