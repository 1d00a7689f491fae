"""What may be wrong with a NOR flash chip: operations that do nothing, reads that fail once, cells that are worn.

The chip reports none of it: a driver that does not read back never hears of it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cached_property

BLANK = 0xFF
_WEAK_CELLS = 64
"""How many cells of a sector fail in time; long before the last of them the sector is of no use."""


@dataclass
class Faults:
    """The faults of one chip. As it is made there are none; the fields may be changed while the chip works.

    What chance decides comes from `seed`: the same operations in the same order fail in the same way.
    """

    program_noop: int = 0
    """PROGRAM-NOOP: how many of the next programs change nothing."""
    program_noop_rate: float = 0.0
    """Which share (0..1) of all other programs changes nothing."""
    erase_noop: int = 0
    """ERASE-NOOP: how many of the next erases change nothing."""
    erase_noop_rate: float = 0.0
    """Which share (0..1) of all other erases changes nothing."""
    read_glitch: int = 0
    """READ-GLITCH: how many of the next reads give one bit wrong; the cells stay as they were."""
    read_glitch_rate: float = 0.0
    """Which share (0..1) of all other reads gives one bit wrong."""
    bad_sectors: set[int] = field(default_factory=set)
    """Sectors in which neither programs nor erases change anything."""
    stuck_bits: dict[int, tuple[int, int]] = field(default_factory=dict)
    """{address: (mask, value)}: the bits of the mask stay as they are in value, whatever is done to them."""
    endurance: int = 0
    """How many erases every sector bears; 0: any number. Data sheets promise 100,000 (W25Q32JV, section 9.6). Some
    sectors bear up to half as many again; after that ever more cells of a sector stay programmed."""
    rot_per_day: float = 0.0
    """Bit rot: how many bits of the whole chip change in a day, on average."""
    read_disturb: int = 0
    """After how many reads of a sector one more of its bits falls; an erase starts the count anew. 0: never."""
    seed: int = 0

    @cached_property
    def _dice(self) -> random.Random:
        # Made when chance first decides: the proofs of the log copy faults by the hundred thousand.
        return random.Random(f"{self.seed} faults")

    def lasting(self) -> Faults:
        """Those of the faults that a power cut does not mend, as another object."""
        return Faults(bad_sectors=set(self.bad_sectors), stuck_bits=dict(self.stuck_bits), seed=self.seed)

    @property
    def says(self) -> tuple[object, ...]:
        """Those that last, to tell whether another chip has the same."""
        return tuple(sorted(self.bad_sectors)), tuple(sorted(self.stuck_bits.items())), self.seed

    def loses_program(self) -> bool:
        """Whether the program that ends now is to change nothing."""
        if self.program_noop:
            self.program_noop -= 1
            return True
        return self._happens(self.program_noop_rate)

    def loses_erase(self, sector: int) -> bool:
        """Whether the erase of that sector that ends now is to change nothing."""
        if self.erase_noop:
            self.erase_noop -= 1
            return True
        return self._happens(self.erase_noop_rate) or sector in self.bad_sectors

    @property
    def spoil_reads(self) -> bool:
        """Whether a read may give other bits than the cells hold."""
        return self.read_glitch > 0 or self.read_glitch_rate > 0

    def seen(self, data: bytes) -> bytes:
        """What a read gives of cells that hold `data`."""
        if self.read_glitch:
            self.read_glitch -= 1
        elif not self._happens(self.read_glitch_rate):
            return data
        return _flipped(data, self._dice.randrange(8 * len(data))) if data else data

    def forced(self, address: int, data: bytes) -> bytes:
        """What cells at `address` hold when `data` is stored in them: stuck bits stay as they are."""
        hit = [at for at in self.stuck_bits if address <= at < address + len(data)]
        if not hit:
            return data
        cells = bytearray(data)
        for at in hit:
            mask, value = self.stuck_bits[at]
            cells[at - address] = (cells[at - address] & ~mask) | (value & mask)
        return bytes(cells)

    def erased(self, sector: int, wear: int, before: bytes) -> bytes:
        """What a sector holds after its `wear`-th erase: all ones, but for cells that are worn out."""
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
        # The weakest cell fails first; after twice the erases that the sector bears all the weak cells have failed.
        return [dice.randrange(bits) for _ in range(min(_WEAK_CELLS, 1 + _WEAK_CELLS * overdone // bears))]

    def rotten(self, days: float, bits: int) -> list[int]:
        """The numbers of those of the chip's `bits` that change within `days`."""
        return [self._dice.randrange(bits) for _ in range(self._poisson(self.rot_per_day * days))]

    def disturbed(self, reads: int, bits: int) -> int | None:
        """The bit of a sector that falls at its `reads`-th read since it was erased, or None."""
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
