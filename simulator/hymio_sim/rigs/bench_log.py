"""The log's part of `make bench`: flash traffic, wear, mounting and reading, all of them counted exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hymio.common.firmware_files import firmware_module
from hymio_sim.energy.standard_day import DAY_MS, UPLOAD_FOR_MS, UPLOAD_FROM_MS, standard_day
from hymio_sim.rigs.bench_peers import beside, on_vm, on_vm32, peers
from hymio_sim.rigs.broken import Broken
from hymio_sim.rigs.figure import Figure
from hymio_sim.rigs.log_proof import Proof, Tally
from hymio_sim.rigs.on_vm.ram_flash import RamFlash
from hymio_sim.run.virtual import VirtualTerminal

_SLOTS: Final = 252
_RECORD: Final = 16
_CHIP: Final = 1


class LogOnFlash:
    """The firmware's log on flash in memory; `chip` is the CRC-32 of the MAC address of its chip."""

    def __init__(self, sectors: int, chip: int = _CHIP) -> None:
        self._chip = chip
        self.flash: Any = RamFlash(sectors)  # type: ignore[no-untyped-call]
        self.clock = firmware_module("clock").Clock(0)
        self._numbers = iter(range(1, 1 << 30))
        self.log = self.mounted()
        self._buf = bytearray(_RECORD)

    def random32(self) -> int:
        """A random number for the log, the same in every run."""
        return next(self._numbers) * 2654435761 % 2**32

    def mounted(self) -> Any:
        """Another log on the same flash, mounted as after a reboot."""
        log = firmware_module("log_ring").RingLog(self.flash, self._chip, self.random32, self.clock)
        log.mount()
        return log

    def press(self, button: int, verdict: int = 0, quiet_ms: int = 65535, edges: int = 4) -> None:
        """Writes the record of a press."""
        put_press = firmware_module("log_record").put_press
        put_press(self._buf, verdict, button, 1, edges, quiet_ms, self.clock, self.clock._ticks)
        self.log.append(self._buf)

    def idle(self) -> None:
        """Lets three seconds pass without a press."""
        self.log.open_ahead()
        if self.log.needs_sector:
            self.log.prepare()


def record_figures(records: int = _SLOTS * 64, votes: int = 1000) -> Iterator[Figure]:
    """The flash traffic of presses alone, with idle time between them.

    Beside it stands that of `votes` votes that are kept in files.
    """
    bench = LogOnFlash(16)
    flash = bench.flash
    bench.idle()  # the sector that is erased now belongs to the presses before these
    before = flash.programs, flash.programmed_bytes, sum(flash.erases)
    on_path = 0
    for i in range(records):
        erases = sum(flash.erases)
        bench.press(1 + i % 4)
        on_path += sum(flash.erases) - erases
        bench.idle()
    programs = (flash.programs - before[0]) / records
    size = (flash.programmed_bytes - before[1]) / records
    erases_each = (sum(flash.erases) - before[2]) / records
    spread = max(flash.erases) - min(flash.erases)
    found = [
        Figure("log.program_bytes_per_record", size, "B", "<= 16.3"),
        Figure("log.programs_per_record", programs, ""),
        Figure("log.erases_per_record", erases_each, "", "<= 0.004"),
        Figure("log.wear_spread", spread, "erases", "<= 1"),
        *mount_figures(),
    ]
    instead = peers(votes)
    yield from beside(found, instead[0]) if instead else found
    yield Figure("log.erases_on_press_path", on_path, "", "0")
    for peer in instead:
        yield from peer.figures()


def mount_figures(sectors: int = 256) -> Iterator[Figure]:
    """What mounting and reading a full log without damage costs.

    It is the worst of many moments over a whole round of the ring.
    """
    bench = LogOnFlash(sectors)
    flash = bench.flash
    for i in range(sectors * _SLOTS):
        bench.press(1 + i % 4)
        bench.idle()
    reads = size = writes = 0
    for i in range(sectors * _SLOTS):
        bench.press(1 + i % 4)
        if i % 84 == 83:  # three times in a sector, the last time when no slot is left
            before = flash.reads, flash.read_bytes, flash.programs + sum(flash.erases)
            log = bench.mounted()
            assert log.next_seq == bench.log.next_seq and log.oldest_seq == bench.log.oldest_seq
            reads = max(reads, flash.reads - before[0])
            size = max(size, flash.read_bytes - before[1])
            writes += flash.programs + sum(flash.erases) - before[2]
        bench.idle()
    yield Figure("log.mount_reads", reads, "", "<= 24")
    yield Figure("log.mount_bytes", size, "B", "<= 8192")
    yield Figure("log.mount_writes", writes, "", "0")
    log = bench.log
    before_bytes = flash.read_bytes
    reader = firmware_module("log_reader").Reader(log)
    reader.seek(log.oldest_seq)
    while reader.next() >= 0:
        pass
    held = (log.next_seq - log.oldest_seq) * _RECORD
    yield Figure("log.read_ratio", (flash.read_bytes - before_bytes) / held, "", "1")


def heap_figures(presses: int = 300) -> Iterator[Figure]:
    """How many bytes a press allocates from its edge to its thanks, in the running application on the real VM.

    There are two VMs: one of 64 bits, and one of 32 bits, where every number over 2^30 allocates.
    """
    for suffix, answer in (("", on_vm("heap", presses)), ("_32bit", on_vm32("heap", presses))):
        if answer is not None:
            assert answer["stored"] == answer["thanked"] == presses
            yield Figure(f"log.heap_bytes_per_append{suffix}", answer["allocated_bytes"] / presses, "B", "0")


def day_figures(days: int = 5) -> Iterator[Figure]:
    """Standard days with everything that is recorded, after a first day that is not counted.

    The terminal is switched on in the morning and off after twelve hours, with four upload windows and the acks of a
    collector. The verdicts are those that the firmware gives.
    """
    with VirtualTerminal(network=True) as terminal:
        terminal.obey("wifi off")
        before = 0, 0, 0
        for day in range(1 + days):
            terminal.obey("power on")
            lines = [(press.at_ms, f"press {press.button}") for press in standard_day(day)]
            for begin_ms in UPLOAD_FROM_MS:
                lines += [(begin_ms, "wifi on"), (begin_ms + UPLOAD_FOR_MS, "wifi off")]
            terminal.script(_timed(lines, DAY_MS))
            terminal.obey("power off")
            if day == 0:
                before = _spent(terminal)
        spent = [now - then for now, then in zip(_spent(terminal), before, strict=True)]
    yield Figure("log.program_bytes_per_press_day", spent[1] / spent[0], "B")
    yield Figure("log.erases_per_press_day", spent[2] / spent[0], "")


def _timed(lines: list[tuple[int, str]], end_ms: int) -> Iterator[str]:
    """The lines of a script, with waits between them so that each comes at its moment."""
    now_ms = 0
    for at_ms, line in [*sorted(lines), (end_ms, "")]:
        if at_ms > now_ms:
            yield f"wait {(at_ms - now_ms) / 1000}"
            now_ms = at_ms
        yield line


def _spent(terminal: VirtualTerminal) -> tuple[int, int, int]:
    """How many presses, programmed bytes and erases there have been so far."""
    return len(terminal.of("press")), terminal.flash.programmed_bytes, sum(terminal.flash.wear)


def powercut_figures(stories: int = 2) -> Iterator[Figure]:
    """How many distinct states power cuts have left, and in how many stories the log then broke its promise.

    This is a small part of the proof that the tests run and that `make soak` continues. Every other story has silent
    faults as well.
    """
    tally = Tally()
    failures = 0
    for seed in range(stories):
        try:
            tally.add(Proof(seed, faults=seed % 2 == 1).run(every=4))
        except Broken:
            failures += 1
    yield Figure("log.powercut_states", len(tally.states), "states")
    yield Figure("log.powercut_failures", failures, "", "0")


_ALL_COUNT: Final = {
    "chord_ms": 2, "replace_from_ms": 2, "replace_until_ms": 2, "lockout_ms": 2, "repeat_ms": 2, "mash_ms": 2,
    "mash_presses": 50,
}  # fmt: skip


def busy_figures(seconds: int = 600) -> Iterator[Figure]:
    """Four presses a second and no idle moment, with worst-case times of the flash.

    Once it is configured as usual, so that such a flood is folded, and once with windows so short that every press
    counts and has a record of its own.
    """
    for suffix, windows in (("", {}), ("_unfolded", _ALL_COUNT)):
        with VirtualTerminal(flash_times="worst", config={"windows": windows}) as terminal:
            terminal.run(5)
            lines = [(250 * i, f"press {1 + i % 4} 80") for i in range(4 * seconds)]
            erases = sum(terminal.flash.wear)
            terminal.script(_timed(lines, 1000 * seconds))
            standstills = sum(terminal.flash.wear) - erases
            terminal.run(70)  # until what was folded has been written
            stored = len(terminal.of("record")) + sum(event["count"] for event in terminal.of("folded"))
            presses = len(terminal.of("press"))
        assert presses == 4 * seconds and stored <= presses
        yield Figure(f"press.busy_missed{suffix}", presses - stored, "", "0")
        yield Figure(f"log.busy_standstills{suffix}", standstills, "")


def log_figures() -> Iterator[Figure]:
    """All figures of the log, in the order of the table."""
    for part in (record_figures, heap_figures, day_figures, busy_figures, powercut_figures):
        yield from part()
