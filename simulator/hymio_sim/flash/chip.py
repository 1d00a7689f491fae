"""A NOR flash chip: what programming, erasing and a power cut do to its bits.

Programming can only turn ones into zeros; only the erase of a whole sector turns them back. Both take time, and a power
cut in that time leaves the bits somewhere between before and after (`tear`). So an operation is *begun* (the bits do
not change yet), and then either *finished* or *torn*; whoever owns the clock does one or the other. What may be wrong
with a chip stands in `faults`.
"""

from __future__ import annotations

import os
import random
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from hymio_sim.flash.faults import BLANK, Faults
from hymio_sim.flash.tear import both, torn_erase, torn_program

SECTOR: Final = 4096
"""Bytes that are erased together, the smallest unit that the ESP32's driver erases."""
PAGE: Final = 256
"""Bytes that one program instruction of the chip may cover."""


@dataclass(frozen=True)
class FlashTimes:
    """How long the chip is busy, in microseconds."""

    program_us: int
    """For each page touched."""
    erase_us: int
    """For one sector."""


TIMES: Final = {
    # Winbond W25Q32JV, section 9.6 "AC Electrical Characteristics": tPP 0.4 ms typical, 3 ms maximum;
    # tSE 45 ms typical, 400 ms maximum.
    "typical": FlashTimes(program_us=400, erase_us=45_000),
    "worst": FlashTimes(program_us=3_000, erase_us=400_000),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What the chip is busy with: a program or an erase."""

    kind: Literal["program", "erase"]
    address: int
    length: int
    """How many bytes it concerns."""
    data: bytes
    """What is to be programmed; empty for an erase."""
    duration_us: int

    @property
    def end(self) -> int:
        """The first address behind the bytes concerned."""
        return self.address + self.length


class FlashFileError(ValueError):
    """The file can not be the image of a flash chip; args[0] says why."""


class NorFlash:
    """One chip, or the part of it that a partition covers, kept in memory and, if there is a path, in a file.

    `wear[s]` counts the erases begun on sector s; `programs` and `programmed_bytes` count what was programmed. `faults`
    may be changed at any time, but its stuck bits by `stick` alone.
    """

    def __init__(
        self,
        path: Path | None = None,
        size: int = 1 << 20,
        times: FlashTimes = TIMES["typical"],
        faults: Faults | None = None,
        *,
        sector: int = SECTOR,
        image: bytes | bytearray | None = None,
    ) -> None:
        """Reads the image at `path`, or makes a blank one of `size` bytes there if there is none.

        Without a path the chip lives in memory alone, with `image` in it if one is given. sector: how many bytes are
        erased together; real chips have 4096, short scenarios in tests less.

        Raises:
            FlashFileError: the file can not be such an image, or another process uses it.
        """
        self._file: int | None = None
        self.sector = sector
        if path is None:
            self._cells = bytearray(image) if image is not None else bytearray([BLANK]) * size
        else:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._cells = bytearray(self._load(path, self._file, size))
            except BaseException:
                os.close(self._file)
                raise
        self.times = times
        self.faults = faults or Faults()
        for address in self.faults.stuck_bits:
            self._store(address, self.read(address, 1))
        self.busy_with: Operation | None = None
        self.wear = array("I", bytes(4 * self.sectors))
        self.programs = 0
        self.programmed_bytes = 0
        self._reads_since_erase: dict[int, int] = {}

    @staticmethod
    def _load(path: Path, file: int, size: int) -> bytes:
        _lock(path, file)
        length = os.fstat(file).st_size
        if length == 0:
            os.pwrite(file, bytes([BLANK]) * size, 0)
            length = size
        if length % SECTOR or length < 4 * SECTOR:
            raise FlashFileError(f"{path} is no flash image: expected a multiple of 4096 bytes, came {length}")
        return os.pread(file, length, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file, in which everything stands already."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def size(self) -> int:
        """How many bytes the chip holds."""
        return len(self._cells)

    @property
    def sectors(self) -> int:
        """How many sectors the chip has."""
        return len(self._cells) // self.sector

    # ---- reading ----

    def read(self, address: int, length: int) -> bytes:
        """The bits as they are now; an operation that has only begun has not changed them yet."""
        self._check(address, length)
        return bytes(self._cells[address : address + length])

    def fetch(self, address: int, length: int) -> bytes:
        """What a processor gets when it reads: the bits as they are, but for a fault of that read."""
        data = self.read(address, length)
        if self.faults.spoil_reads:
            data = self.faults.seen(data)
        if self.faults.read_disturb and length:
            for sector in range(address // self.sector, (address + length - 1) // self.sector + 1):
                self._disturb(sector)
        return data

    def image(self) -> bytes:
        """All bytes of the chip."""
        return bytes(self._cells)

    # ---- operations ----

    def begin_program(self, address: int, data: bytes) -> Operation:
        """Begins to program `data` at `address`; `finish` or `tear` has to follow."""
        self._check(address, len(data))
        pages = (address + len(data) - 1) // PAGE - address // PAGE + 1 if data else 0
        self.programs += 1
        self.programmed_bytes += len(data)
        return self._begin(Operation("program", address, len(data), bytes(data), pages * self.times.program_us))

    def begin_erase(self, sector: int) -> Operation:
        """Begins to erase a sector; `finish` or `tear` has to follow."""
        self._check(sector * self.sector, self.sector)
        self.wear[sector] += 1
        return self._begin(Operation("erase", sector * self.sector, self.sector, b"", self.times.erase_us))

    def finish(self) -> Operation:
        """Ends the operation under way, which has had its time."""
        operation = self._end()
        before = self._before(operation)
        if operation.kind == "program":
            self._change(operation, both(before, operation.data))
        else:
            sector = operation.address // self.sector
            self._change(operation, self.faults.erased(sector, self.wear[sector], before))
        return operation

    def tear(self, fraction: float, rng: random.Random) -> Operation:
        """Ends the operation under way after `fraction` (0..1) of its time: power has failed."""
        operation = self._end()
        before = self._before(operation)
        fraction = min(1.0, max(0.0, fraction))
        if operation.kind == "program":
            self._change(operation, torn_program(before, operation.data, fraction, rng))
        else:
            self._change(operation, torn_erase(before, fraction, rng))
        return operation

    # ---- ageing ----

    def rot(self, address: int, bit: int) -> None:
        """Changes one bit, number 0..7 of the byte at `address`, as time does."""
        self._check(address, 1)
        self._store(address, bytes([self._cells[address] ^ 1 << bit]))

    def stick(self, address: int, mask: int, value: int) -> None:
        """From now on the bits of `mask` at `address` stay as they are in `value`, beside those that do already."""
        self._check(address, 1)
        old_mask, old_value = self.faults.stuck_bits.get(address, (0, 0))
        self.faults.stuck_bits[address] = (old_mask | mask, (old_value & ~mask) | (value & mask))
        self._store(address, self.read(address, 1))

    def age(self, days: float) -> None:
        """Lets days pass in which bits rot, as often as `faults.rot_per_day` says."""
        for bit in self.faults.rotten(days, 8 * self.size):
            self.rot(bit >> 3, bit & 7)

    def _disturb(self, sector: int) -> None:
        reads = self._reads_since_erase[sector] = self._reads_since_erase.get(sector, 0) + 1
        bit = self.faults.disturbed(reads, 8 * self.sector)
        if bit is not None:
            address = sector * self.sector + (bit >> 3)
            self._store(address, bytes([self._cells[address] & (0xFF ^ 1 << (bit & 7))]))

    # ---- cells ----

    def _begin(self, operation: Operation) -> Operation:
        if self.busy_with:
            raise RuntimeError(f"flash is busy with {self.busy_with.kind} at {self.busy_with.address:#x}")
        self.busy_with = operation
        return operation

    def _end(self) -> Operation:
        if not self.busy_with:
            raise RuntimeError("flash has nothing under way")
        operation, self.busy_with = self.busy_with, None
        return operation

    def _before(self, operation: Operation) -> bytes:
        return bytes(self._cells[operation.address : operation.end])

    def _change(self, operation: Operation, after: bytes) -> None:
        """Stores what the operation has come to; stuck bits stay as they are."""
        sector = operation.address // self.sector
        if operation.kind == "erase":
            if not self.faults.loses_erase(sector):
                self._reads_since_erase.pop(sector, None)
                self._store(operation.address, after)
        elif not self.faults.loses_program():
            at = operation.address
            while at < operation.end:
                end = min(operation.end, (at // self.sector + 1) * self.sector)
                if at // self.sector not in self.faults.bad_sectors:
                    self._store(at, after[at - operation.address : end - operation.address])
                at = end

    def _store(self, address: int, after: bytes) -> None:
        if self.faults.stuck_bits:
            after = self.faults.forced(address, after)
        self._cells[address : address + len(after)] = after
        if self._file is not None:
            os.pwrite(self._file, after, address)

    def _check(self, address: int, length: int) -> None:
        if address < 0 or length < 0 or address + length > len(self._cells):
            raise ValueError(f"{length} bytes at {address:#x} are outside the flash of {len(self._cells)} bytes")


def _lock(path: Path, file: int) -> None:
    """Locks the image, because two terminals on one flash would destroy each other's log.

    Raises:
        FlashFileError: another process has locked it.
    """
    try:
        import fcntl
    except ImportError:  # on Windows there is nothing to lock a file with; it runs no VM either
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise FlashFileError(f"{path} is in use by another simulated terminal") from error
