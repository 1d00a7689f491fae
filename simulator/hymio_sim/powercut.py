"""Power cuts at every flash operation: torn states are built, not provoked.

A scenario runs once on a `Recorder`, which keeps the image before each program and erase. `torn_images` then gives
every state in which a cut during that operation may leave the flash; a test mounts each and asks its oracle.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

SECTOR = 4096


@dataclass(frozen=True)
class Operation:
    """One program (data) or erase (data is None) at `address`, and the image just before it."""

    number: int
    address: int
    data: bytes | None
    before: bytes
    sector: int


class Recorder:
    """NOR flash as `esp32.Partition` shows it, which remembers every operation."""

    def __init__(self, sectors: int, image: bytes | None = None, sector: int = SECTOR) -> None:
        """sector: bytes of one; a smaller one than a real chip's makes a scenario short."""
        self.sectors = sectors
        self.sector = sector
        self.image = bytearray(image if image is not None else b"\xff" * (sectors * sector))
        self.operations: list[Operation] = []
        self.recording = True
        # Faults to come: programs and erases that do nothing, reads that flip a bit.
        self.skip_programs = 0
        self.skip_erases = 0
        self.glitch_reads = 0

    def readblocks(self, n: int, buf: bytearray | memoryview, off: int = 0) -> None:
        at = n * self.sector + off
        buf[:] = self.image[at : at + len(buf)]
        if self.glitch_reads:
            self.glitch_reads -= 1
            buf[len(buf) // 2] ^= 16

    def writeblocks(self, n: int, buf: bytes | bytearray, off: int = 0) -> None:
        at = n * self.sector + off
        self._record(at, bytes(buf))
        if self.skip_programs:
            self.skip_programs -= 1
            return
        for i, byte in enumerate(buf):
            self.image[at + i] &= byte

    def ioctl(self, op: int, arg: int) -> int | None:
        if op == 4:
            return self.sectors
        if op == 5:
            return self.sector
        if op == 6:
            at = arg * self.sector
            self._record(at, None)
            if self.skip_erases:
                self.skip_erases -= 1
                return 0
            self.image[at : at + self.sector] = b"\xff" * self.sector
            return 0
        return None

    def _record(self, address: int, data: bytes | None) -> None:
        if self.recording:
            self.operations.append(Operation(len(self.operations), address, data, bytes(self.image), self.sector))


def _torn_programs(old: bytes, data: bytes, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    new = bytes(a & b for a, b in zip(old, data, strict=True))
    size = len(data)
    yield "none", old
    yield "all", new
    for cut in sorted({1, size // 4, size // 2, size - 4, size - 1} | {dice.randrange(1, size)}):
        yield f"head{cut}", new[:cut] + old[cut:]
        yield f"tail{cut}", old[:cut] + new[cut:]
    for n in range(2):
        # Bits fall one by one: some of those that have to fall have fallen.
        yield f"bits{n}", bytes(b | (a & dice.randrange(256)) for a, b in zip(old, new, strict=True))
    bit = dice.randrange(8 * size)
    almost = bytearray(new)
    almost[bit >> 3] |= old[bit >> 3] & (1 << (bit & 7))
    yield f"but{bit}", bytes(almost)


def _torn_erases(old: bytes, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    size = len(old)
    blank = b"\xff" * size
    yield "none", old
    yield "all", blank
    for cut in (64, size // 2, size - 16):
        yield f"head{cut}", blank[:cut] + old[cut:]
        yield f"tail{cut}", old[:cut] + blank[cut:]
    yield "zeros", bytes(size)
    yield "zeroshead", bytes(size // 2) + old[size // 2 :]
    # Cells drift up in any order: old contents with ever more ones.
    yield "rising", bytes(byte | dice.randrange(256) for byte in old)
    yield "noise", dice.randbytes(size)
    almost = bytearray(blank)
    almost[dice.randrange(size)] &= 0xFF ^ (1 << dice.randrange(8))
    yield "almost", bytes(almost)


def torn_images(operation: Operation, seed: int = 0) -> Iterator[tuple[str, bytearray]]:
    """(id, image) of every torn state of one operation; the id replays it: the same for the same seed."""
    dice = random.Random(seed * 1_000_003 + operation.number)
    size = operation.sector if operation.data is None else len(operation.data)
    at = operation.address
    old = operation.before[at : at + size]
    shapes = _torn_erases(old, dice) if operation.data is None else _torn_programs(old, operation.data, dice)
    for shape, torn in shapes:
        image = bytearray(operation.before)
        image[at : at + size] = torn
        yield f"{operation.number}-{shape}-{seed}", image
