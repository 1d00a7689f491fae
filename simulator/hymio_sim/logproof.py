"""The proof of the log: cut power at every flash operation in every torn shape, reboot, ask an outside oracle, go on.

The firmware's own files are loaded with small sectors (60 slots instead of 252), so that a scenario wraps around soon,
and, for planted bugs, with one line changed. A case has an id, `SEED/OPERATION-SHAPE` (`SEEDf` in a story with silent
faults) or, for a second cut during recovery, `SEED/OPERATION-SHAPE/OPERATION-SHAPE`; `replay` runs exactly that case.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import time
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hymio.firmware_files import firmware_dir
from hymio_sim.powercut import Operation, Recorder, torn_images

SECTOR: Final = 1024
SLOTS: Final = 60
SECTORS: Final = 5
CHIP: Final = 77
_ROOMS: Final = (
    "compat_cpython",
    "compat",
    "record",
    "logreader",
    "heldlog",
    "logmount",
    "logscrub",
    "ringlog",
    "wifi",
    "clock",
)
_GEOMETRY: Final = (
    ("record", "SECTOR = const(4096)", f"SECTOR = const({SECTOR})"),
    ("record", "SLOTS = const(252)", f"SLOTS = const({SLOTS})"),
)

Change = tuple[str, str, str]
"""Room, a piece of its source, what stands there instead."""


class Broken(AssertionError):
    """The log has broken its promise; says in which case, and how."""


class Rooms:
    """The firmware's log rooms, loaded apart from any other copy, with `changes` made to their source."""

    _copies = 0

    def __init__(self, changes: Sequence[Change] = ()) -> None:
        """Raises ValueError if a piece of source to be changed does not stand there exactly once."""
        Rooms._copies += 1
        self._package = package = f"_hymio_logproof_{Rooms._copies}"
        folder = firmware_dir() / "terminal"
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = []
        for room in _ROOMS:
            path = folder / f"{room}.py"
            source = path.read_text()
            for where, old, new in (*_GEOMETRY, *changes):
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
        self.record: Any = sys.modules[f"{package}.record"]
        self.reader: Any = sys.modules[f"{package}.logreader"]
        self.ringlog: Any = sys.modules[f"{package}.ringlog"]
        self.clock: Any = sys.modules[f"{package}.clock"]

    def module(self, room: str) -> Any:
        """One of the rooms."""
        return sys.modules[f"{self._package}.{room}"]

    def mount(self, flash: Recorder, seed: int) -> Any:
        """A log mounted on `flash`; `log.clock` is its clock."""
        log = self.ringlog.RingLog(flash, CHIP, lambda: 0x1000 + seed, self.clock.Clock(0))
        log.mount()
        return log

    def contents(self, log: Any) -> dict[int, bytes]:
        """{seq: bytes 0..11} of every record that is held, in order."""
        reader = self.reader.Reader(log)
        reader.seek(log.oldest_seq)
        found = {}
        while (kind := reader.next()) != self.reader.END:
            if kind:
                found[reader.seq] = bytes(reader.record[:12])
        return found


@dataclass
class Book:
    """What the oracle knows: every record that was reported durable, and what is under way."""

    durable: dict[int, bytes] = field(default_factory=dict)
    under_way: bytes | None = None
    cursor: int = 0
    next_cursor: int = 0
    """What the ack record under way says."""
    oldest: int = 0
    """What is older has been given up by the log."""

    def copy(self) -> Book:
        return Book(dict(self.durable), self.under_way, self.cursor, self.next_cursor, self.oldest)


def presses_of(content: bytes) -> list[int]:
    """Presses by button in one record."""
    by_button = [0, 0, 0, 0]
    kind = content[0] & 7
    if kind in (1, 3):
        by_button[content[8] & 3] = 1 if kind == 1 else content[10] | content[11] << 8
    return by_button


def pressed(contents: Sequence[bytes]) -> list[int]:
    """Presses by button in these records."""
    return [sum(column) for column in zip([0, 0, 0, 0], *map(presses_of, contents), strict=True)]


class Player:
    """Plays a seeded story of boots, presses, revisions, runs, time records, acks and erases ahead on a log."""

    def __init__(
        self, rooms: Rooms, flash: Recorder, seed: int, book: Book, story: int = 0, faults: bool = False
    ) -> None:
        """faults: now and then a program or an erase does nothing, or a read flips a bit, in silence."""
        self.faults = faults
        self.rooms = rooms
        self.flash = flash
        self.seed = seed
        self.book = book
        self.dice = random.Random(f"{seed} {story}")
        self.states: list[Book] = []
        self._now = book.copy()
        self.log = rooms.mount(flash, seed)
        self.ticks = 0

    def note(self) -> None:
        """What the book says now held during all operations since the last note."""
        while len(self.states) < len(self.flash.operations):
            self.states.append(self._now)
        self.book.oldest = self.log.oldest_seq
        self._now = self.book.copy()

    def erased_since(self, operation: Operation) -> list[range]:
        """The seqs of the sectors that were being erased by this operation and those of the same note before it."""
        first = operation.number
        while first and self.states[first - 1] is self.states[operation.number]:
            first -= 1
        return [being_erased(other) for other in self.flash.operations[first : operation.number + 1]]

    def append(self, put: str, *arguments: Any) -> None:
        """One record, entered in the book when the log says that it is durable."""
        log, record = self.log, self.rooms.record
        self.ticks += self.dice.randrange(1, 5000)
        log.clock.advance(self.ticks)
        log.clock.at(self.ticks)
        buf = bytearray(16)
        getattr(record, put)(buf, *arguments)
        self.book.under_way = bytes(buf[:12])
        self.note()
        seq = log.append(buf)
        if seq < 0 and not self.faults:
            raise Broken(f"{self.seed}: the log takes no more after seq {max(self.book.durable, default=-1)}")
        if seq >= 0:
            self.book.durable[seq] = self.book.under_way
            self.book.cursor = self.book.next_cursor
        self.book.under_way = None
        self.note()

    def step(self) -> None:
        """One thing that may happen to a terminal."""
        log, record, dice = self.log, self.rooms.record, self.dice
        chance = dice.random()
        if self.faults and dice.random() < 0.04:
            fault = dice.choice(("skip_programs", "skip_erases", "glitch_reads"))
            setattr(self.flash, fault, dice.choice((1, 1, 2)))
        if log.needs_sector and dice.random() < 0.2:
            log.prepare()
        log.open_ahead()
        self.note()
        if chance < 0.80:
            verdict = dice.choice((0, 0, 0, 1, 2))
            self.append("put_press", verdict, dice.randrange(1, 5), 0, 3, dice.randrange(65536), log.clock)
        elif chance < 0.85 and self.book.durable:
            self.append("put_body", record.REVISE, 6, dice.choice(list(self.book.durable)), log.clock)
        elif chance < 0.88:
            self.append("put_run", 2, dice.randrange(4), 9, dice.randrange(2, 300), log.clock)
        elif chance < 0.91:
            self.append("put_body", record.TIME, 1, 1_800_000_000 + self.ticks // 1000, log.clock)
        elif log.settle(dice.randrange(log.oldest_seq, log.next_seq + 1)):
            self.book.next_cursor = log.cursor
            self.append("put_ack", *log.ack_body)

    def boot(self) -> None:
        """The boot record."""
        self.append("put_body", self.rooms.record.BOOT, 1, 0, self.log.clock)


def being_erased(operation: Operation) -> range:
    """The seqs of the sector that the operation erases: its records may go."""
    header = operation.before[operation.address : operation.address + 12]
    if operation.data is not None or header[:4] != b"HYML":
        return range(0)
    sector_seq = int.from_bytes(header[8:12], "little")
    return range(SLOTS * sector_seq, SLOTS * (sector_seq + 1))


def check(rooms: Rooms, log: Any, book: Book, may_go: Sequence[range], case: str) -> dict[int, bytes]:
    """Holds a freshly mounted log against the book; gives what the book must say from now on.

    may_go: seqs of sectors that were being erased. Raises Broken.
    """

    def demand(truth: bool, what: str) -> None:
        if not truth:
            raise Broken(f"{case}: {what}")

    held = rooms.contents(log)
    expected = {seq: content for seq, content in book.durable.items() if seq >= log.oldest_seq}
    missing = [seq for seq in expected if seq not in held and seq >= book.oldest]
    demand(all(any(seq in span for span in may_go) for seq in missing), f"durable records are gone: {missing[:5]}")
    extra = {seq: content for seq, content in held.items() if seq not in expected}
    demand(len(extra) <= 1, f"invented: {sorted(extra)[:5]}")
    for seq, content in extra.items():
        demand(content == book.under_way, f"invented: seq {seq} {content.hex()}")
        demand(seq > max(book.durable, default=-1), f"seq {seq} came before older ones")
    for seq, content in held.items():
        demand(expected.get(seq, content) == content, f"seq {seq} has changed")
    everything = book.durable | extra
    demand(log.totals == pressed(list(everything.values())), f"totals {log.totals}")
    demand(log.cursor in (book.cursor, book.next_cursor if extra else book.cursor), f"cursor {log.cursor}")
    if all(seq in held for seq in expected):
        waiting = sum(pressed([c for seq, c in held.items() if seq >= log.cursor]))
        demand(log.unsent == waiting, f"unsent {log.unsent}, expected {waiting}")
    boots = [c[6] | c[7] << 8 for c in held.values() if c[0] & 7 == 4]
    demand(log.clock.boot > max(boots, default=0), f"boot {log.clock.boot} again")
    return everything


@dataclass
class Tally:
    """What a proof has seen."""

    cases: int = 0
    states: set[int] = field(default_factory=set)


class Proof:
    """All cuts of one seeded story."""

    def __init__(self, seed: int, changes: Sequence[Change] = (), steps: int = 9 * SLOTS, faults: bool = False) -> None:
        self.seed = seed
        self.name = f"{seed}f" if faults else str(seed)
        self.rooms = Rooms(changes)
        flash = Recorder(SECTORS, sector=SECTOR)
        player = Player(self.rooms, flash, seed, Book(), faults=faults)
        player.note()
        player.boot()
        for _ in range(steps):
            player.step()
        player.note()
        self.operations = flash.operations
        self.states = player.states
        self._erased_since = player.erased_since
        self.image = bytes(flash.image)
        self.book = player.book

    def run(self, every: int = 1, deep: int = 0) -> Tally:
        """Cuts at every `every`-th operation; during the recovery from every `deep`-th state too (0: never)."""
        tally = Tally()
        for operation in self.operations[2::every]:
            for name, image in torn_images(operation, self.seed):
                case = f"{self.name}/{name}"
                tally.cases += 1
                tally.states.add(hash(bytes(image)))
                again = deep > 0 and tally.cases % deep == 0
                self.one(operation, image, case, go_on=again or tally.cases % 8 == 0, tally=tally if again else None)
        return tally

    def one(
        self, operation: Operation, image: bytes | bytearray, case: str, go_on: bool = True, tally: Tally | None = None
    ) -> None:
        """Reboots on one torn image, asks the oracle, and goes on; with a tally, cuts during that too."""
        may_go = self._erased_since(operation)
        flash = Recorder(SECTORS, bytes(image), sector=SECTOR)
        book = self.states[operation.number].copy()
        player = self._reboot(flash, book, may_go, case, 1)
        if not go_on:
            return
        player.boot()
        for _ in range(6 if tally else SLOTS + 10):
            player.step()
        player.note()
        self._reboot(Recorder(SECTORS, bytes(flash.image), sector=SECTOR), player.book, may_go, case + "/end", 2)
        if tally:
            for second in flash.operations:
                for name, torn in torn_images(second, self.seed):
                    tally.cases += 1
                    tally.states.add(hash(bytes(torn)))
                    spans = [*may_go, *player.erased_since(second)]
                    state = player.states[second.number].copy()
                    self._reboot(Recorder(SECTORS, bytes(torn), sector=SECTOR), state, spans, f"{case}/{name}", 2)

    def _reboot(self, flash: Recorder, book: Book, may_go: list[range], case: str, story: int) -> Player:
        try:
            player = Player(self.rooms, flash, self.seed, book, story)
            everything = check(self.rooms, player.log, book, may_go, case)
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"{case}: {type(error).__name__}: {error}") from error
        player.book = Book(everything, None, player.log.cursor, player.log.cursor, player.log.oldest_seq)
        player.note()
        return player

    def cases(self) -> Iterator[tuple[str, Operation, bytearray]]:
        """(id, operation, image) of every first cut."""
        for operation in self.operations[2:]:
            for name, image in torn_images(operation, self.seed):
                yield f"{self.name}/{name}", operation, image


def replay(case: str) -> None:
    """Runs exactly the case of that id (of a second cut: all second cuts after the same first one).

    Raises ValueError if there is no such case.
    """
    seed, first, *_ = case.split("/")
    proof = Proof(int(seed.rstrip("f")), faults=seed.endswith("f"))
    for name, operation, image in proof.cases():
        if name == f"{seed}/{first}":
            proof.one(operation, image, name, tally=Tally())
            return
    raise ValueError(f"no such case: {case}")


def main() -> int:
    """Soaks: ever new stories, with and without silent faults, until the time is over; or replays one case."""
    parser = argparse.ArgumentParser(prog="make soak", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (default 10)")
    parser.add_argument("--seed", type=int, default=1_000_000, help="of the first story")
    parser.add_argument("--case", metavar="ID", help="replay the case with this id instead")
    options = parser.parse_args()
    try:
        if options.case:
            replay(options.case)
            print(f"{options.case}: the log keeps its promise")
            return 0
        end = time.monotonic() + 60 * options.minutes
        cases = states = 0
        seed = options.seed
        while time.monotonic() < end:
            tally = Proof(seed, faults=seed % 2 == 1).run(deep=50)
            cases += tally.cases
            states += len(tally.states)
            seed += 1
            print(f"{seed - options.seed} stories, {cases} cuts, {states} distinct states, 0 failures", flush=True)
    except Broken as broken:
        print(f"the log has broken its promise: {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
