"""When presses were, from the terminal's own records: whatever its clock is told, and when."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hymio.common.firmware_files import firmware_module
from hymio.store.dating import Timeline, marker_of
from hymio.wire.batches import decode_batch
from hymio.wire.records import Press, Record
from hymio_sim.rigs.on_vm.ram_flash import RamFlash

START_MS = 1_800_000_000_000
NTP, COLLECTOR, CONSOLE, AGREED = 1, 2, 3, 4
RANKS = {NTP: 0, COLLECTOR: 1, AGREED: 2, CONSOLE: 3}
DAY_MS = 86_400_000
STEPS_MS = (0, 0, 0, 2_000, -2_000, 3_600_000, -3_600_000, 20 * 86_400_000, -20 * 86_400_000)

PRESS = st.tuples(st.just("press"), st.integers(0, 100_000_000))
SYNC = st.tuples(st.just("sync"), st.tuples(st.sampled_from(STEPS_MS), st.sampled_from([NTP, NTP, COLLECTOR, CONSOLE])))
BOOT = st.tuples(st.just("boot"), st.integers(0, 100_000_000))
STORY = st.lists(st.one_of(PRESS, PRESS, PRESS, SYNC, BOOT), max_size=60)


class Life:
    """A terminal that boots, is pressed and is told the time; `pressed` holds (true time in ms, boot) of each press."""

    def __init__(self) -> None:
        self.flash: Any = RamFlash(6)  # type: ignore[no-untyped-call]
        self.now_ms = START_MS
        self.pressed: list[tuple[int, int]] = []
        self.syncs: list[tuple[int, int, int, int]] = []  # boot, presses before it, error in ms, rank of who says so
        self._numbers = iter(range(1, 1 << 30))
        self.boot(0)

    def _ticks(self) -> int:
        return self.now_ms % (1 << 30)

    def pass_ms(self, ms: int) -> None:
        while ms:
            step_ms = min(ms, 100_000_000)
            self.now_ms += step_ms
            ms -= step_ms
            self.clock.advance(self._ticks())

    def boot(self, off_ms: int) -> None:
        self.now_ms += off_ms
        self.clock = firmware_module("clock").Clock(self._ticks())
        self.log = firmware_module("log_ring").RingLog(self.flash, 1, lambda: next(self._numbers), self.clock)
        self.log.mount()
        self.book = firmware_module("record_writer").RecordWriter(
            self.log, self.clock, self._ticks, lambda since_ms, now_ms: None
        )
        self.book.owe_boot(1, 0, self._ticks())
        self.book.boot()

    def press(self, after_ms: int) -> None:
        self.pass_ms(after_ms)
        assert self.book.press(self._ticks(), 0, 1 + len(self.pressed) % 4, 0, 1, 65535) >= 0
        self.pressed.append((self.now_ms, self.clock.boot))

    def sync(self, told: tuple[int, int]) -> None:
        """Somebody tells the time, so many ms wrong; what the terminal makes of it is its own affair."""
        error_ms, source = told
        self.clock.set_utc(self.now_ms + error_ms, source)
        if self.clock.time_due:
            self.clock.time_due = False
            self.book.time()
            error_ms = self.clock.utc_ms() - self.now_ms
            self.syncs.append((self.clock.boot, len(self.pressed), error_ms, RANKS[self.clock.witness]))

    def error_at(self, n: int) -> tuple[str, int | None]:
        """How the date of press n must be known, and how wrong it must be, in ms; None: it has no date."""
        own = [sync[1:] for sync in self.syncs if sync[0] == self.pressed[n][1]]
        known = [at for at, (before, _, _) in enumerate(own) if before <= n]
        if not own:
            return "unset", None
        at = known[-1] if known else 0
        _, error_ms, best = own[at]
        clock = "set" if known else "dated"
        for _, later_ms, rank in own[at + 1 :]:
            if rank > best:
                best = rank
                if abs(later_ms - error_ms) > DAY_MS:
                    clock, error_ms = "dated", later_ms
        return clock, error_ms

    def records(self) -> list[tuple[int, Record]]:
        """What a collector gets to see."""
        maker = firmware_module("log_batch").BatchMaker(self.log, self.clock, lambda: 1, 700, "till-1")
        found: list[tuple[int, Record]] = []
        seq = self.log.oldest_seq
        while seq < self.log.next_seq:
            found += decode_batch(bytes(maker.make(seq, 50)), "till-1").records
            seq = maker.end_seq
        return found


@settings(max_examples=300)
@given(STORY)
def test_no_press_is_dropped_or_reordered_and_each_has_its_date(story: list[tuple[str, int]]) -> None:
    life = Life()
    for what, value in story:
        getattr(life, what)(value)
    records = life.records()
    timeline = Timeline(marker for seq, record in records if (marker := marker_of(seq, record)) is not None)
    presses = [(seq, record) for seq, record in records if isinstance(record, Press)]
    assert [record.button for _, record in presses] == [1 + n % 4 for n in range(len(life.pressed))]
    assert [record.boot for _, record in presses] == [boot for _, boot in life.pressed]
    assert [seq for seq, _ in presses] == sorted(seq for seq, _ in presses)
    before: tuple[int, int, float] | None = None
    for n, (seq, press) in enumerate(presses):
        clock, date_s = timeline.date(seq, press.boot, press.uptime_ms)
        expected, error_ms = life.error_at(n)
        assert clock == expected
        if error_ms is None:
            assert date_s is None
            continue
        assert date_s is not None
        assert round(1000 * date_s) == life.pressed[n][0] + error_ms, "exact, before the first sync too"
        if before is not None and before[:2] == (press.boot, error_ms):
            assert date_s >= before[2], "nothing but a step of the clock itself turns dates round"
        before = (press.boot, error_ms, date_s)


@settings(max_examples=100)
@given(st.lists(PRESS, min_size=1, max_size=10), st.sampled_from([2, 10, 18]), st.booleans(), st.integers(0, 9))
def test_a_false_answer_of_ntp_dates_no_press_for_long(
    presses: list[tuple[str, int]], years: int, collector_first: bool, before: int
) -> None:
    """Once NTP and the collector have told the truth, every press of the boot is right, whatever came before."""
    life = Life()
    for n, (_, after_ms) in enumerate(presses):
        if n == min(before, len(presses) - 1):
            life.sync((years * 365 * DAY_MS, NTP))
        life.press(after_ms)
    for source in (COLLECTOR, NTP) if collector_first else (NTP, COLLECTOR):
        life.sync((0, source))
    records = life.records()
    timeline = Timeline(marker for seq, record in records if (marker := marker_of(seq, record)) is not None)
    found = [timeline.date(seq, record.boot, record.uptime_ms) for seq, record in records if isinstance(record, Press)]
    assert found == [("dated", at_ms / 1000) for at_ms, _ in life.pressed]
