"""What may be wrong with a NOR flash chip: operations that do nothing, reads that fail once, cells that are worn.

None of it is reported by a chip: a driver that does not read back never hears of it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

BLANK = 0xFF
_WEAK_CELLS = 64
"""So many cells of a sector fail in time; long before that it is of no use."""


@dataclass(frozen=True)
class FailNext:
    """The next `count` operations of a kind fail in silence: "program-noop", "erase-noop" or "read-glitch"."""

    kind: str
    count: int


@dataclass(frozen=True)
class BadSector:
    """The sector takes neither programs nor erases any more."""

    sector: int


@dataclass(frozen=True)
class FlipBit:
    """A bit of the flash rots."""

    address: int
    bit: int


@dataclass(frozen=True)
class StickBit:
    """A bit of the flash stays as it is told, whatever is done."""

    address: int
    bit: int
    value: int


Fault = FailNext | BadSector | FlipBit | StickBit
"""A fault that somebody orders while the chip works."""


class NoSuchPlace(ValueError):
    """The chip has no such sector or address; args[0] tells a person what was expected and what came."""


@dataclass
class Faults:
    """The faults of one chip; as it stands, none. They may be changed while the chip works.

    What chance decides comes from `seed`: the same operations in the same order fail in the same way.
    """

    program_noop: int = 0
    """PROGRAM-NOOP: so many programs to come change nothing."""
    program_noop_rate: float = 0.0
    """And this share (0..1) of all others."""
    erase_noop: int = 0
    """ERASE-NOOP: so many erases to come change nothing."""
    erase_noop_rate: float = 0.0
    """And this share (0..1) of all others."""
    read_glitch: int = 0
    """READ-GLITCH: so many reads to come have one bit wrong; the cells are as they were."""
    read_glitch_rate: float = 0.0
    """And this share (0..1) of all others."""
    bad_sectors: set[int] = field(default_factory=set)
    """Neither programs nor erases change anything there."""
    stuck_bits: dict[int, tuple[int, int]] = field(default_factory=dict)
    """{address: (mask, value)}: the bits of the mask are as in value, whatever is done."""
    endurance: int = 0
    """Erases that every sector bears; 0: any number. Data sheets promise 100,000 (W25Q32JV, section 9.6). A sector
    of its own bears up to half as many again; from then on ever more of its cells stay programmed."""
    rot_per_day: float = 0.0
    """Bit rot: so many bits of the whole chip change in a day, on average."""
    read_disturb: int = 0
    """After so many reads of a sector one more of its bits has fallen; an erase counts anew. 0: never."""
    seed: int = 0

    def __post_init__(self) -> None:
        self._dice = random.Random(f"{self.seed} faults")

    def lasting(self) -> Faults:
        """The faults that a power cut does not mend."""
        return Faults(bad_sectors=set(self.bad_sectors), stuck_bits=dict(self.stuck_bits), seed=self.seed)

    def loses_program(self) -> bool:
        """Whether the program that ends now has changed nothing."""
        if self.program_noop:
            self.program_noop -= 1
            return True
        return self._happens(self.program_noop_rate)

    def loses_erase(self, sector: int) -> bool:
        """Whether the erase that ends now has changed nothing."""
        if self.erase_noop:
            self.erase_noop -= 1
            return True
        return self._happens(self.erase_noop_rate) or sector in self.bad_sectors

    def seen(self, data: bytes) -> bytes:
        """What a read of cells that hold `data` gives."""
        if self.read_glitch:
            self.read_glitch -= 1
        elif not self._happens(self.read_glitch_rate):
            return data
        return _flipped(data, self._dice.randrange(8 * len(data))) if data else data

    def forced(self, address: int, data: bytes) -> bytes:
        """`data` at `address` with the stuck bits as they are."""
        hit = [at for at in self.stuck_bits if address <= at < address + len(data)]
        if not hit:
            return data
        cells = bytearray(data)
        for at in hit:
            mask, value = self.stuck_bits[at]
            cells[at - address] = (cells[at - address] & ~mask) | (value & mask)
        return bytes(cells)

    def erased(self, sector: int, wear: int, before: bytes) -> bytes:
        """The cells of a sector after its `wear`-th erase: blank, but for cells that are worn out."""
        after = bytearray([BLANK]) * len(before)
        for bit in self._worn_cells(sector, wear, 8 * len(before)):
            after[bit >> 3] &= before[bit >> 3] | (0xFF ^ (1 << (bit & 7)))
        return bytes(after)

    def _worn_cells(self, sector: int, wear: int, bits: int) -> list[int]:
        if not 0 < self.endurance < wear:
            return []
        dice = random.Random(f"{self.seed} wear {sector}")
        bears = round(self.endurance * dice.uniform(1.0, 1.5))
        overdone = wear - bears
        if overdone <= 0:
            return []
        # The weakest cell goes first; after twice the erases that the sector bears all the weak ones are gone.
        return [dice.randrange(bits) for _ in range(min(_WEAK_CELLS, 1 + _WEAK_CELLS * overdone // bears))]

    def rotten(self, days: float, bits: int) -> list[int]:
        """Which of the chip's `bits` change within `days`."""
        return [self._dice.randrange(bits) for _ in range(self._poisson(self.rot_per_day * days))]

    def disturbed(self, reads: int, bits: int) -> int | None:
        """The bit of a sector that falls at its `reads`-th read since it was erased, if one does."""
        if self.read_disturb and reads % self.read_disturb == 0:
            return self._dice.randrange(bits)
        return None

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._dice.random() < rate

    def _poisson(self, mean: float) -> int:
        count, waited = 0, 0.0
        while mean > 0 and (waited := waited + self._dice.expovariate(1.0)) < mean:
            count += 1
        return count


def _flipped(data: bytes, bit: int) -> bytes:
    cells = bytearray(data)
    cells[bit >> 3] ^= 1 << (bit & 7)
    return bytes(cells)
