"""Seeded stories of what may happen to a log, played on the firmware's own files.

The files are loaded apart from any other copy: with small sectors (60 slots instead of 252), so that a story soon goes
round the ring, and, for planted bugs, with lines of their source changed.
"""

from __future__ import annotations

import importlib.util
import random
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hymio.common.firmware_files import firmware_dir
from hymio_sim.rigs.broken import Broken
from hymio_sim.rigs.log_oracle import Book
from hymio_sim.rigs.power_cut import Moment, Recorder

CHIP: Final = 77
_ROOMS: Final = (
    "compat_cpython",
    "compat",
    "log_record",
    "net_wifi",
    "clock",
    "clock_belief",
    "log_reader",
    "log_index",
    "log_mount",
    "log_scrub",
    "log_selftest",
    "log_ring",
)

_KNOWN_SECTORS: Final = 4096

Change = tuple[str, str, str]
"""A module, a piece of its source, and what stands there instead."""


@dataclass(frozen=True)
class Geometry:
    """How the flash is laid out."""

    sector: int
    """How many bytes a sector has."""
    sectors: int

    @property
    def slots(self) -> int:
        """How many records a sector holds."""
        return (self.sector - 64) // 16

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of source that make the firmware use this geometry."""
        if self.sector == 4096:
            return ()
        return (
            ("log_record", "SECTOR = const(4096)", f"SECTOR = const({self.sector})"),
            ("log_record", "SLOTS = const(252)", f"SLOTS = const({self.slots})"),
        )


SMALL: Final = Geometry(sector=1024, sectors=5)
BOARD: Final = Geometry(sector=4096, sectors=4)
"""Sectors as a board has them, and as few of them as the log accepts."""


class Rooms:
    """The firmware's modules of the log, with `changes` made to their source."""

    _copies = 0

    def __init__(self, changes: Sequence[Change] = (), geometry: Geometry = SMALL) -> None:
        """Loads the modules.

        Raises:
            ValueError: a piece of source to be changed does not stand there exactly once.
        """
        Rooms._copies += 1
        self._package = package = f"_hymio_logproof_{Rooms._copies}"
        folder = firmware_dir() / "terminal"
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = []
        for room in _ROOMS:
            path = folder / f"{room}.py"
            source = path.read_text()
            for where, old, new in (*geometry.changes, *changes):
                if where == room:
                    if source.count(old) != 1:
                        raise ValueError(f"{room}.py: expected once, came {source.count(old)} times: {old!r}")
                    source = source.replace(old, new)
            spec = importlib.util.spec_from_loader(f"{package}.{room}", loader=None)
            assert spec is not None
            module = importlib.util.module_from_spec(spec)
            module.__package__ = package
            sys.modules[f"{package}.{room}"] = module
            exec(compile(source, str(path), "exec"), module.__dict__)
        self.geometry = geometry
        self._found: dict[tuple[object, ...], dict[int, bytes]] = {}
        self.record: Any = sys.modules[f"{package}.log_record"]
        self.reader: Any = sys.modules[f"{package}.log_reader"]
        self.ringlog: Any = sys.modules[f"{package}.log_ring"]
        self.clock: Any = sys.modules[f"{package}.clock"]

    def module(self, room: str) -> Any:
        """One of the modules."""
        return sys.modules[f"{self._package}.{room}"]

    def mount(self, flash: Recorder, seed: int) -> Any:
        """A log mounted on `flash`; `log.clock` is its clock."""
        log = self.ringlog.RingLog(flash, CHIP, lambda: 0x1000 + seed, self.clock.Clock(0))
        log.mount()
        return log

    def contents(self, log: Any) -> dict[int, bytes]:
        """{seq: bytes 0..11} of every record that is held, in order."""
        return self._read(log, log.oldest_seq, log.next_seq)

    def contents_by_sector(self, log: Any, image: bytes) -> dict[int, bytes]:
        """`contents` of a log whose flash holds `image` and reads without a fault; no sector is read twice.

        What a reader finds in a sector depends on its bytes, its number, the log's id and the slots just before it, of
        which a retry may be a copy. The torn states of one operation differ in one sector; the others have been read
        before.
        """
        size, slots, sectors = self.geometry.sector, self.geometry.slots, self.geometry.sectors
        found: dict[int, bytes] = {}
        behind = b""
        for begin in range(log.oldest_seq, log.next_seq, slots):
            end = min(begin + slots, log.next_seq)
            at = log.where[begin // slots % sectors] * size
            sector = image[at : at + size]
            key = (log.log_id, begin, end, sector, behind)
            known = self._found.get(key)
            if known is None:
                known = self._read(log, begin, end)
                if end < log.next_seq:  # the newest sector is another each time
                    if len(self._found) >= _KNOWN_SECTORS:
                        self._found.clear()
                    self._found[key] = known
            found |= known
            behind = sector
        return found

    def _read(self, log: Any, begin: int, end: int) -> dict[int, bytes]:
        reader = self.reader.Reader(log)
        reader.seek(begin)
        found = {}
        while reader.seq + 1 < end and (kind := reader.next()) != self.reader.END:
            if kind:
                found[reader.seq] = bytes(reader.record[:12])
        return found

    def being_erased(self, moment: Moment) -> range:
        """The seqs of the sector whose records may go with this operation.

        It erases the sector, or ends the header of the sector in order to erase it.
        """
        operation = moment.operation
        header = moment.before[operation.address : operation.address + 12]
        if (operation.kind != "erase" and operation.length != 4) or header[:4] not in (b"HYML", bytes(4)):
            return range(0)
        first = self.geometry.slots * int.from_bytes(header[8:12], "little")
        return range(first, first + self.geometry.slots)


class Player:
    """Plays a story of boots, presses, revisions, runs, time records, acks and erases ahead on a log."""

    def __init__(
        self, rooms: Rooms, flash: Recorder, seed: int, book: Book, story: int = 0, faults: bool = False
    ) -> None:
        """Mounts the log; faults: now and then something fails in silence, once or for good."""
        self.faults = faults
        self.rooms = rooms
        self.flash = flash
        self.seed = seed
        self.book = book
        self.dice = random.Random(f"{seed} {story}")
        self.states: list[Book] = []
        self.had: set[str] = set()
        """The kinds of faults that have happened."""
        self._now = book.copy() if flash.recording else book
        if faults and story == 0:
            self._stick_bits()
        self.log = rooms.mount(flash, seed)
        self.ticks = 0

    def _stick_bits(self) -> None:
        """Makes cells that were never good: some that stay erased, and in one sector some that stay programmed."""
        size = self.rooms.geometry.sector
        for _ in range(6):
            self.flash.flash.stick(self.dice.randrange(self.flash.flash.size), 1 << self.dice.randrange(8), 0xFF)
        if self.dice.random() < 0.5:
            sector = self.dice.randrange(self.rooms.geometry.sectors)
            self.flash.flash.stick(sector * size + self.dice.randrange(size), 1 << self.dice.randrange(8), 0)

    def _fail(self) -> None:
        """Adds one fault."""
        faults = self.flash.faults
        fault = self.dice.choice(("program_noop", "erase_noop", "read_glitch", "bad sector"))
        self.had.add(fault)
        if fault != "bad sector":
            setattr(faults, fault, self.dice.choice((1, 1, 2)))
        elif not faults.bad_sectors:
            faults.bad_sectors.add(self.dice.randrange(self.rooms.geometry.sectors))

    def note(self) -> None:
        """Notes that what the book says now held during all operations since the last note."""
        self.book.oldest = self.log.oldest_seq
        if self.flash.recording:
            while len(self.states) < len(self.flash.moments):
                self.states.append(self._now)
            self._now = self.book.copy()

    def erased_since(self, moment: Moment) -> list[range]:
        """The seqs of the sectors that were being erased by this operation and those of the same note before it."""
        first = moment.number
        while first and self.states[first - 1] is self.states[moment.number]:
            first -= 1
        return [self.rooms.being_erased(other) for other in self.flash.moments[first : moment.number + 1]]

    def append(self, put: str, *arguments: Any) -> None:
        """Writes one record, and enters it in the book once the log says that it is durable."""
        log, record = self.log, self.rooms.record
        self.ticks += self.dice.randrange(1, 5000)
        log.clock.advance(self.ticks)
        buf = bytearray(16)
        moment = () if put == "put_ack" else (log.clock, self.ticks)
        getattr(record, put)(buf, *arguments, *moment)
        self.book.under_way = bytes(buf[:12])
        self.note()
        seq = log.append(buf)
        if seq < 0 and not self.faults:
            raise Broken(f"{self.seed}: the log takes no more after seq {max(self.book.durable, default=-1)}")
        if seq >= 0:
            self.book.enter(seq, self.book.under_way)
        self.book.under_way = None
        self.note()

    def step(self) -> None:
        """Lets one thing happen that may happen to a terminal."""
        log, record, dice = self.log, self.rooms.record, self.dice
        chance = dice.random()
        if self.faults and dice.random() < 0.04:
            self._fail()
        if log.needs_sector and dice.random() < 0.2:
            log.prepare()
        log.open_ahead()
        self.note()
        if chance < 0.80:
            verdict = dice.choice((0, 0, 0, 1, 2))
            self.append("put_press", verdict, dice.randrange(1, 5), 0, 3, dice.randrange(65536))
        elif chance < 0.85 and self.book.durable:
            self.append("put_body", record.REVISE, 6, dice.choice(list(self.book.durable)))
        elif chance < 0.88:
            self.append("put_run", 2, dice.randrange(4), 9, dice.randrange(2, 300))
        elif chance < 0.91:
            self.append("put_body", record.TIME, 1, 1_800_000_000 + self.ticks // 1000)
        else:
            # An ack record that found no slot has moved the cursor all the same.
            lost = self.book.lost_before(log.oldest_seq, self.book.newest)
            if log.settle(dice.randrange(log.oldest_seq, log.next_seq + 1)):
                self.book.unwritten.append((log.cursor, lost))
                self.append("put_ack", *log.ack_body)

    def try_spare(self) -> str | None:
        """The self-test's look at the sector erased ahead: what it found wrong, or None if it did not look."""
        spare = self.rooms.module("log_selftest")
        if self.log.needs_sector or spare.problem(self.log):
            return None
        self.note()
        sector, size = self.log.ahead, self.rooms.geometry.sector
        found: str = spare.run(self.log)
        self.note()
        is_blank = self.flash.image[sector * size : (sector + 1) * size] == b"\xff" * size
        if self.log.ahead != (-1 if found == "erase" else sector) or (not is_blank and self.log.ahead >= 0):
            raise Broken(f"{self.seed}: a self-test left sector {sector} other than it was")
        return found

    def boot(self) -> None:
        """Writes the boot record."""
        self.append("put_body", self.rooms.record.BOOT, 1, 0)
