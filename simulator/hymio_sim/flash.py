"""A NOR flash chip: what programming, erasing and a power cut do to its bits.

Programming can only turn ones into zeros; only the erase of a whole sector turns them back. Both take time, and a
power cut in that time leaves the bits somewhere between before and after. So an operation is *begun* (the bits do
not change yet), and then either *finished* or *torn*; whoever owns the clock does one or the other.
"""

from __future__ import annotations

import os
import random
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, Self

SECTOR: Final = 4096
"""Bytes that are erased together, the smallest unit that the ESP32's driver erases."""
PAGE: Final = 256
"""Bytes that one program instruction of the chip may cover."""
BLANK: Final = 0xFF


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


@dataclass(frozen=True)
class Operation:
    """What the chip is busy with."""

    kind: Literal["program", "erase"]
    address: int
    data: bytes
    """What is to be programmed; empty for an erase."""
    duration_us: int

    @property
    def end(self) -> int:
        """The first address behind the bytes concerned."""
        return self.address + (SECTOR if self.kind == "erase" else len(self.data))


class FlashModel(Protocol):
    """Decides what an operation does to the bits. A chip with faults is another model, not another chip."""

    def programmed(self, before: bytes, data: bytes) -> bytes:
        """The bytes after a program of `data` over `before` has finished."""
        ...

    def erased(self, sector: int, wear: int) -> bytes:
        """The bytes of a sector after an erase, its `wear`-th, has finished."""
        ...

    def torn_program(self, before: bytes, data: bytes, fraction: float, rng: random.Random) -> bytes:
        """The bytes when power failed after `fraction` (0..1) of a program."""
        ...

    def torn_erase(self, before: bytes, fraction: float, rng: random.Random) -> bytes:
        """The bytes when power failed after `fraction` (0..1) of an erase."""
        ...


def _random_bits(count: int, share: float, rng: random.Random) -> bytes:
    """`count` bytes whose bits are one with probability `share`."""
    if share <= 0:
        return bytes(count)
    if share >= 1:
        return b"\xff" * count
    return bytes(sum((rng.random() < share) << bit for bit in range(8)) for _ in range(count))


def _and(one: bytes, other: bytes) -> bytes:
    return bytes(a & b for a, b in zip(one, other, strict=True))


def _or(one: bytes, other: bytes) -> bytes:
    return bytes(a | b for a, b in zip(one, other, strict=True))


class SoundFlash:
    """A chip without faults."""

    # An erase first programs all cells to zero, so that they wear alike, then pulls them up together.
    _PREPROGRAM_SHARE = 0.3

    def programmed(self, before: bytes, data: bytes) -> bytes:
        return _and(before, data)

    def erased(self, sector: int, wear: int) -> bytes:
        return bytes([BLANK]) * SECTOR

    def torn_program(self, before: bytes, data: bytes, fraction: float, rng: random.Random) -> bytes:
        """Cells are pulled down by pulses, page buffer first to last or all together: both are seen, so both are
        drawn. In either case a bit that has to fall may or may not have fallen."""
        if rng.random() < 0.5:
            whole = round(fraction * len(data))
            mask = data[:whole] + b"\xff" * (len(data) - whole)
            if whole < len(data):
                partly = data[whole] | _random_bits(1, 0.5, rng)[0]
                mask = mask[:whole] + bytes([partly]) + mask[whole + 1 :]
        else:
            mask = _or(data, _random_bits(len(data), 1 - fraction, rng))
        return _and(before, mask)

    def torn_erase(self, before: bytes, fraction: float, rng: random.Random) -> bytes:
        if fraction < self._PREPROGRAM_SHARE:
            return _and(before, _random_bits(len(before), 1 - fraction / self._PREPROGRAM_SHARE, rng))
        return _random_bits(len(before), (fraction - self._PREPROGRAM_SHARE) / (1 - self._PREPROGRAM_SHARE), rng)


class FlashFileError(ValueError):
    """The file can't be the image of a flash chip; says why."""


class NorFlash:
    """One chip, or the part of it that a partition covers, kept in memory and, if there is a path, in a file.

    `wear[s]` counts the erases begun on sector s; `programs` and `programmed_bytes` count what was programmed.
    """

    def __init__(
        self,
        path: Path | None = None,
        size: int = 1 << 20,
        times: FlashTimes = TIMES["typical"],
        model: FlashModel | None = None,
    ) -> None:
        """Reads the image at `path`, or makes a blank one of `size` bytes there; without a path memory alone."""
        self._file: int | None = None
        if path is None:
            self._cells = bytearray([BLANK]) * size
        else:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                self._cells = bytearray(self._load(path, self._file, size))
            except BaseException:
                os.close(self._file)
                raise
        self.times = times
        self.model: FlashModel = model or SoundFlash()
        self.busy_with: Operation | None = None
        self.wear = array("I", bytes(4 * self.sectors))
        self.programs = 0
        self.programmed_bytes = 0

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
        """Lets go of the file. What was done stands in it already."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def size(self) -> int:
        return len(self._cells)

    @property
    def sectors(self) -> int:
        return len(self._cells) // SECTOR

    def read(self, address: int, length: int) -> bytes:
        """The bits as they are; those of an operation that has only begun have not changed yet."""
        self._check(address, length)
        return bytes(self._cells[address : address + length])

    def image(self) -> bytes:
        """All of it."""
        return bytes(self._cells)

    def begin_program(self, address: int, data: bytes) -> Operation:
        """Starts to program `data` at `address`; `finish` or `tear` has to follow."""
        self._check(address, len(data))
        pages = (address + len(data) - 1) // PAGE - address // PAGE + 1 if data else 0
        self.programs += 1
        self.programmed_bytes += len(data)
        return self._begin(Operation("program", address, bytes(data), pages * self.times.program_us))

    def begin_erase(self, sector: int) -> Operation:
        """Starts to erase a sector; `finish` or `tear` has to follow."""
        self._check(sector * SECTOR, SECTOR)
        self.wear[sector] += 1
        return self._begin(Operation("erase", sector * SECTOR, b"", self.times.erase_us))

    def finish(self) -> Operation:
        """The operation under way has had its time."""
        operation = self._end()
        before = self._before(operation)
        if operation.kind == "program":
            after = self.model.programmed(before, operation.data)
        else:
            sector = operation.address // SECTOR
            after = self.model.erased(sector, self.wear[sector])
        self._store(operation.address, after)
        return operation

    def tear(self, fraction: float, rng: random.Random) -> Operation:
        """Power has failed after `fraction` (0..1) of the operation under way."""
        operation = self._end()
        before = self._before(operation)
        fraction = min(1.0, max(0.0, fraction))
        if operation.kind == "program":
            after = self.model.torn_program(before, operation.data, fraction, rng)
        else:
            after = self.model.torn_erase(before, fraction, rng)
        self._store(operation.address, after)
        return operation

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

    def _store(self, address: int, after: bytes) -> None:
        self._cells[address : address + len(after)] = after
        if self._file is not None:
            os.pwrite(self._file, after, address)

    def _check(self, address: int, length: int) -> None:
        if address < 0 or length < 0 or address + length > len(self._cells):
            raise ValueError(f"{length} bytes at {address:#x} are outside the flash of {len(self._cells)} bytes")


def _lock(path: Path, file: int) -> None:
    """Two terminals on one flash would destroy each other's log."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing to lock with, nothing to run a VM with either
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise FlashFileError(f"{path} is in use by another simulated terminal") from error
