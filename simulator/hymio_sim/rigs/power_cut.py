"""Power cuts at every flash operation: torn states are built, not provoked.

A scenario runs once on a `Recorder`, which keeps the image before each program and erase. `torn_images` then gives
every state in which a cut during that operation may leave the flash; a test mounts each and asks its oracle.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from hymio_sim.flash.chip import SECTOR, NorFlash, Operation
from hymio_sim.flash.faults import Faults
from hymio_sim.flash.partition import FlashPartition
from hymio_sim.flash.tear import both


@dataclass(frozen=True, slots=True)
class Moment:
    """The beginning of an operation: what the chip holds just before it, and which faults it has."""

    number: int
    operation: Operation
    before: bytes
    sector: int
    """The sector in which it takes place."""
    faults: Faults
    """Those of the faults that a power cut does not mend."""


class Recorder(FlashPartition):
    """NOR flash as `esp32.Partition` shows it, which remembers every operation."""

    def __init__(
        self, sectors: int, image: bytes | None = None, sector: int = SECTOR, faults: Faults | None = None
    ) -> None:
        """sector: bytes of one; a smaller one than a real chip's makes a scenario short."""
        super().__init__(NorFlash(size=sectors * sector, sector=sector, image=image, faults=faults))
        self.moments: list[Moment] = []
        self.recording = True

    @property
    def image(self) -> bytes:
        """All bytes of the chip."""
        return self.flash.image()

    @property
    def faults(self) -> Faults:
        """What is wrong with the chip; may be changed."""
        return self.flash.faults

    def writeblocks(self, block: int, buf: bytes | bytearray | memoryview, offset: int = 0) -> None:
        """Remembers the moment, and programs."""
        before = self.image if self.recording else b""
        self._record(self.flash.begin_program(block * self.flash.sector + offset, bytes(buf)), before)

    def ioctl(self, op: int, arg: int) -> int | None:
        """Remembers the moment of an erase; see `FlashPartition`."""
        if op != 6:
            return super().ioctl(op, arg)
        before = self.image if self.recording else b""
        self._record(self.flash.begin_erase(arg), before)
        return 0

    def _record(self, operation: Operation, before: bytes) -> None:
        if self.recording:
            sector = operation.address // self.flash.sector
            self.moments.append(Moment(len(self.moments), operation, before, sector, self.faults.lasting()))
        self.flash.finish()


def _torn_programs(old: bytes, data: bytes, number: int, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    new = both(old, data)
    size = len(data)
    yield "none", old
    yield "all", new
    # Byte by byte: those before are new and those behind are old, or the other way round; the one between is torn.
    for at in range(size):
        if at:
            yield f"head{at}", new[:at] + old[at:]
            yield f"tail{at}", old[:at] + new[at:]
        shape, mask = _torn_byte(at + number, dice)
        torn = (new[at] & mask) | (old[at] & ~mask)
        yield f"{shape}{at}", new[:at] + bytes([torn]) + old[at + 1 :]
    for n in range(2):
        # All together: some of the bits that have to fall have fallen.
        yield f"bits{n}", bytes(b | (a & dice.randrange(256)) for a, b in zip(old, new, strict=True))
    bit = dice.randrange(8 * size)
    almost = bytearray(new)
    almost[bit >> 3] |= old[bit >> 3] & (1 << (bit & 7))
    yield f"but{bit}", bytes(almost)


def _torn_byte(turn: int, dice: random.Random) -> tuple[str, int]:
    """Which bits of a byte were programmed before power failed: the shapes take turns."""
    count = dice.randrange(1, 8)
    if turn % 3 == 0:
        return "high", 0xFF00 >> count & 0xFF
    if turn % 3 == 1:
        return "low", 0xFF >> count
    return "some", dice.randrange(256)


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
    # Cells are pulled up in any order: the old contents, with ever more ones.
    yield "rising", bytes(byte | dice.randrange(256) for byte in old)
    yield "noise", dice.randbytes(size)
    almost = bytearray(blank)
    almost[dice.randrange(size)] &= 0xFF ^ (1 << dice.randrange(8))
    yield "almost", bytes(almost)


def torn_images(moment: Moment, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """(id, image) of every torn state of one operation, each state once.

    The id replays the state: the same seed gives the same ids.
    """
    operation = moment.operation
    dice = random.Random(seed * 1_000_003 + moment.number)
    before, at, end = moment.before, operation.address, operation.end
    old = before[at:end]
    seen = set()
    if operation.kind == "program":
        shapes = _torn_programs(old, operation.data, moment.number, dice)
    else:
        shapes = _torn_erases(old, dice)
    is_bad = moment.sector in moment.faults.bad_sectors
    for shape, torn in shapes:
        if torn in seen or (is_bad and torn != old):
            continue
        seen.add(torn)
        yield f"{moment.number}-{shape}-{seed}", before[:at] + torn + before[end:]
