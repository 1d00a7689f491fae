"""Ingest: every press exactly once, the ledger exact to the press, the same tables whatever the order of arrival."""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from hymio.store import schema as tables
from hymio.store.arrivals import Arrival, Told
from hymio.store.database import Store
from hymio.store.ingest import ingest, ingest_many, log_state
from hymio.store.log_reading import read_presses
from hymio.store.log_update import BatchOutcome
from hymio.store.transaction import date_on
from hymio.wire.batches import Batch, Totals
from hymio.wire.records import VERDICTS, Acked, Boot, Event, Press, Record, Revise, Run, Time

LOG_ID = 0xC0FFEE
_devices = itertools.count(1)


def fresh_device() -> str:
    return f"h-{os.getpid()}-{next(_devices)}"


@dataclass(frozen=True)
class Slot:
    """What the terminal knows of a slot: its record, and whether it can still be read."""

    record: Record | None
    readable: bool = True

    @property
    def presses(self) -> int:
        match self.record:
            case Press():
                return 1
            case Run(count=count):
                return count
        return 0

    @property
    def button(self) -> int:
        return self.record.button if isinstance(self.record, Press | Run) else 0


@dataclass(frozen=True)
class Cut:
    """One delivery: slots first..last, at a time when the terminal held oldest..next - 1."""

    first: int
    last: int
    oldest: int
    next: int


class Terminal:
    """The truth: a whole log, and the batches that a terminal would make of it."""

    def __init__(self, slots: list[Slot]) -> None:
        self.slots = slots

    def totals(self, seq: int) -> Totals:
        sums = [0, 0, 0, 0, 0]
        for slot in self.slots[:seq]:
            sums[slot.button] += slot.presses
        return sums[1], sums[2], sums[3], sums[4]

    def batch(self, cut: Cut, nonce: int = 1) -> Batch:
        kept = tuple(
            (seq, slot.record)
            for seq, slot in enumerate(self.slots)
            if cut.first <= seq <= cut.last and slot.record is not None and slot.readable
        )
        slots = cut.last - cut.first + 1
        return Batch(
            LOG_ID, nonce, 1, False, cut.first, slots, cut.first - cut.oldest, cut.next - 1 - cut.last,
            self.totals(cut.first), kept,
        )  # fmt: skip


@st.composite
def logs(draw: st.DrawFn) -> Terminal:
    """A log with everything in it: boots with and without their record, presses, runs, late revisions, lost slots."""
    size = draw(st.integers(1, 45))
    choices = draw(st.lists(st.integers(0, 99), min_size=size, max_size=size))
    dice = random.Random(draw(st.integers(0, 2**32)))
    boot, uptime_ms = 1, 0
    slots: list[Slot] = []
    for seq, choice in enumerate(choices):
        uptime_ms += dice.randrange(1, 4_000_000)
        record: Record | None
        if choice < 45:
            record = Press(boot, uptime_ms, dice.randrange(1, 5), dice.randrange(9), dice.randrange(4), 5, 65535)
        elif choice < 53:
            record = Run(boot, uptime_ms, dice.randrange(1, 5), 2, 9, dice.randrange(1, 60))
        elif choice < 65:
            target_seq = dice.randrange(seq + 3)  # now and then one that cannot be
            record = Revise(boot, uptime_ms, dice.randrange(9), target_seq)
        elif choice < 73:
            boot, uptime_ms = boot + 1, dice.randrange(500)
            record = Boot(boot, uptime_ms, 1, 0) if choice < 71 else None
        elif choice < 83:
            record = Time(boot, uptime_ms, dice.randrange(1, 5), 1_800_000_000 + dice.randrange(10**6))
        elif choice < 87:
            record = Acked(dice.randrange(seq + 1), 0, 0)
        elif choice < 90:
            record = Event(boot, uptime_ms, 2, 3)
        else:
            record = None
        slots.append(Slot(record, readable=dice.random() > 0.06))
    return Terminal(slots)


@st.composite
def cuts(draw: st.DrawFn, size: int) -> list[Cut]:
    """Deliveries of a log of `size` slots: overlapping, missing, made while the ring turned."""
    deliveries = []
    for _ in range(draw(st.integers(1, 8))):
        next_seq = draw(st.integers(1, size))
        oldest = draw(st.sampled_from([0, 0, 0, next_seq // 3, next_seq // 2]))
        first = draw(st.integers(oldest, next_seq - 1))
        last = draw(st.integers(first, next_seq - 1))
        deliveries.append(Cut(first, last, oldest, next_seq))
    return deliveries


def oracle_presses(terminal: Terminal, delivered: list[Cut]) -> list[tuple[Any, ...]]:
    """The rows that must be there, worked out as naively as possible."""
    seen = {seq for cut in delivered for seq in range(cut.first, cut.last + 1)}
    there = {seq: s.record for seq, s in enumerate(terminal.slots) if seq in seen and s.readable and s.record}
    rows = []
    for seq, record in there.items():
        if not isinstance(record, Press | Run):
            continue
        verdict = record.verdict
        if isinstance(record, Press):
            for later in sorted(there):
                other = there[later]
                if isinstance(other, Revise) and other.target_seq == seq < later:
                    verdict = other.verdict
        clock, utc, by = "unset", None, -1
        for step, name in ((-1, "set"), (1, "dated")):
            at = seq + step
            while 0 <= at < len(terminal.slots):
                other = there.get(at)
                if isinstance(other, Boot) or (isinstance(other, Time) and other.boot != record.boot):
                    break
                if isinstance(other, Time):
                    if clock == "unset":
                        clock, utc, by = name, (other.utc_s * 1000 - other.uptime_ms + record.uptime_ms) / 1000, at
                    break
                at += step
        if utc is not None:
            clock, utc = oracle_correction(there, record, clock, utc, by)
        count = record.count if isinstance(record, Run) else 1
        rows.append((seq, record.boot, record.uptime_ms, record.button, count, VERDICTS[verdict], clock, utc))
    return rows


def oracle_correction(
    there: dict[int, Record], press: Press | Run, clock: str, utc: float, by: int
) -> tuple[str, float]:
    """Every time record after the one at `by` that is better than all before it has a say, if it is a day off."""
    rank = {1: 0, 2: 1, 4: 2, 3: 3}
    told = there[by]
    assert isinstance(told, Time)
    best = rank[told.source]
    for seq in range(by + 1, max(there) + 1):
        other = there.get(seq)
        if isinstance(other, Boot) or (isinstance(other, Time) and other.boot != press.boot):
            break
        if isinstance(other, Time) and rank[other.source] > best:
            best = rank[other.source]
            says = (other.utc_s * 1000 - other.uptime_ms + press.uptime_ms) / 1000
            if round(abs(says - utc) * 1000) > 86_400_000:
                clock, utc = "dated", says
    return clock, utc


def oracle_ledger(terminal: Terminal, delivered: list[Cut], told: int | None) -> dict[str, Any]:
    """The ledger that must come out, seq by seq."""
    heard_next = max([cut.next for cut in delivered] + ([told] if told is not None else []))
    oldest = max(cut.oldest for cut in delivered)
    covered = {seq for cut in delivered for seq in range(cut.first, cut.last + 1)}
    firsts = {cut.first for cut in delivered}
    slots = terminal.slots
    lost = 0
    settled = sorted(covered | set(range(oldest)))
    stretches: list[list[int]] = []
    for seq in settled:
        if stretches and stretches[-1][-1] + 1 == seq:
            stretches[-1].append(seq)
        else:
            stretches.append([seq])
    for stretch in stretches:
        if not covered & set(stretch):
            continue
        end = stretch[-1] + 1
        while end - 1 not in covered:
            end -= 1
        checks = [seq for seq in firsts if stretch[0] <= seq < end]
        if told is not None and stretch[0] <= told <= end:
            checks.append(told)
        first_covered = min(covered & set(stretch))
        check = max(checks)
        start = stretch[0] if stretch[0] == 0 and first_covered <= oldest else first_covered
        for seq in range(start, check):
            if seq not in covered or not slots[seq].readable:
                lost += slots[seq].presses
    rows = sum(s.presses for seq, s in enumerate(slots) if seq in covered and s.readable)
    gaps: list[list[int]] = []
    for seq in range(oldest, max(covered, default=-1) + 1):
        if seq not in covered:
            if gaps and gaps[-1][1] == seq - 1:
                gaps[-1][1] = seq
            else:
                gaps.append([seq, seq])
    cursor = max(
        [s.record.cursor for q, s in enumerate(slots) if q in covered and s.readable and isinstance(s.record, Acked)],
        default=0,
    )
    mark = max(oldest, cursor)
    while mark in covered:
        mark += 1
    return {"rows": rows, "lost": lost, "gaps": [tuple(gap) for gap in gaps], "mark": mark, "next": heard_next}


def deliver(
    store: Store, device_id: str, terminal: Terminal, transactions: list[list[Cut | int]]
) -> list[BatchOutcome]:
    """A number in a transaction stands for a state message at that seq, or for an empty batch there."""
    outcomes = []
    for utc, transaction in enumerate(transactions):
        arrivals = [
            Arrival(device_id, terminal.batch(cut), "mqtt", utc, "test", b"")
            for cut in transaction
            if isinstance(cut, Cut)
        ]
        told = [
            Told(device_id, LOG_ID, seq, 0, 0, terminal.totals(seq), utc) for seq in transaction if isinstance(seq, int)
        ]
        with store.writing() as connection:
            outcomes += ingest_many(connection, arrivals, told)
        assert_sums_are_kept(store, device_id)
    return outcomes


def cell_numbers(cells: Iterable[Any]) -> dict[tuple[Any, ...], tuple[int, int]]:
    """(presses, folded) of each button in rows of `cells`, where there are any, by (..., button, verdict)."""
    return {
        (*row[:5], button, row.verdict): numbers
        for row in cells
        for button, numbers in enumerate(zip(row[6:10], row[10:14], strict=True), start=1)
        if any(numbers)
    }


def assert_sums_are_kept(store: Store, device_id: str) -> None:
    """What is kept beside the rows is what the rows say, and those that were pruned: ledger's sums and roll-ups."""
    p, s, c, log = tables.presses, tables.spans, tables.cells, tables.logs
    with store.reading() as connection:
        rows = connection.execute(select(p).where(p.c.device_id == device_id)).all()
        spans = connection.execute(select(s).where(s.c.device_id == device_id).order_by(s.c.first_seq)).all()
        cells = connection.execute(select(c).where(c.c.device_id == device_id)).all()
        logs = connection.execute(select(log).where(log.c.device_id == device_id)).all()
    figures: Counter[tuple[int, int, int, str]] = Counter()
    for row in rows:
        utc = row.pressed_utc
        month, day, hour = (tables.NO_TIME,) * 3
        if utc is not None:
            month = int(datetime.fromtimestamp(utc, UTC).replace(day=1, hour=0, minute=0).timestamp()) // 60
            day, hour = int(utc // 86400) * 1440, int(utc // 3600) * 60
        spans_of = {tables.CellSpan.EVER: 0, tables.CellSpan.MONTH: month, tables.CellSpan.DAY: day}
        for span, start in {**spans_of, tables.CellSpan.HOUR: hour}.items():
            figures[span, start, row.button, row.verdict] += row.count  # type: ignore[operator]
    assert all(any(row[6:10]) for row in cells)
    numbers = cell_numbers(cells)
    assert all(0 <= folded <= presses > 0 for presses, folded in numbers.values())
    kept = {(*key[1:3], *key[5:]): presses - folded for key, (presses, folded) in numbers.items()}
    assert {key: presses for key, presses in kept.items() if presses} == figures
    for span in tables.CellSpan:
        assert sum(folded for key, (_, folded) in numbers.items() if key[1] == span) == sum(one.folded for one in logs)
    for one in logs:
        own = [span for span in spans if span.log_id == one.log_id]
        before = sum(span.totals_before for span in own[:1] if span.first_seq <= one.oldest_seq)
        assert one.presses - one.folded == sum(row.count for row in rows if row.log_id == one.log_id)  # type: ignore
        assert one.lost == before + sum(span.lost for span in own)
        assert one.open_gaps == sum(span.first_seq > one.oldest_seq for span in own)


def content(store: Store, device_id: str) -> dict[str, list[tuple[Any, ...]]]:
    """All tables, less what depends on when and by which way things came."""
    with store.reading() as connection:
        p, r, s, c = tables.presses, tables.records, tables.spans, tables.cells
        shown = {
            "presses": select(p.c.seq, p.c.boot, p.c.uptime_ms, p.c.button, p.c["count"], p.c.verdict, p.c.clock,
                              p.c.pressed_utc).where(p.c.device_id == device_id).order_by(p.c.seq),
            "records": select(r.c.seq, r.c.body).where(r.c.device_id == device_id).order_by(r.c.seq),
            "spans": select(s).where(s.c.device_id == device_id).order_by(s.c.first_seq),
            "hours": select(c.c.start_utc_minute, c.c.verdict, c.c.n1, c.c.n2, c.c.n3, c.c.n4)
                     .where(c.c.device_id == device_id, c.c.span == tables.CellSpan.HOUR)
                     .order_by(c.c.start_utc_minute, c.c.verdict),
        }  # fmt: skip
        return {name: [tuple(row) for row in connection.execute(query)] for name, query in shown.items()}


def ledger_row(store: Store, device_id: str) -> dict[str, Any]:
    with store.reading() as connection:
        row = connection.execute(text("SELECT * FROM ledger_v1 WHERE device_id = :d"), {"d": device_id}).one()
        return dict(row._mapping)


def transactions_of(dice: random.Random, deliveries: list[Cut | int]) -> list[list[Cut | int]]:
    shuffled = dice.sample(deliveries, len(deliveries))
    transactions: list[list[Cut | int]] = [[]]
    for cut in shuffled:
        if transactions[-1] and dice.random() < 0.6:
            transactions.append([])
        transactions[-1].append(cut)
    return transactions


@settings(max_examples=70)
@given(st.data())
def test_any_delivery_gives_the_same_exact_tables(store: Store, data: st.DataObject) -> None:
    terminal = data.draw(logs())
    delivered = data.draw(cuts(len(terminal.slots)))
    dice = random.Random(data.draw(st.integers(0, 2**32)))
    told = data.draw(st.none() | st.integers(1, max(cut.next for cut in delivered)))
    repeated = delivered + [dice.choice(delivered) for _ in range(dice.randrange(4))]
    deliveries: list[Cut | int] = [*repeated, *([told] if told is not None else [])]
    contents = []
    for dated_at_once in (10_000, 3):
        device_id = fresh_device()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hymio.store.log_update.ROWS_DATED_AT_ONCE", dated_at_once)
            patch.setattr("hymio.store.redating.ROWS_DATED_AT_ONCE", dated_at_once)
            outcomes = deliver(store, device_id, terminal, transactions_of(dice, deliveries))
            while date_on(store):
                assert_sums_are_kept(store, device_id)
        contents.append(content(store, device_id) | {"spans": []})

        assert content(store, device_id)["presses"] == oracle_presses(terminal, delivered)
        expected = oracle_ledger(terminal, delivered, told)
        with store.reading() as connection:
            state = log_state(connection, device_id, LOG_ID)
        assert state is not None
        row = ledger_row(store, device_id)
        assert (row["rows"], row["lost"]) == (expected["rows"], expected["lost"])
        assert (state.coverage.lost, state.coverage.presses) == (expected["lost"], expected["rows"])
        assert state.coverage.open_gaps == expected["gaps"]
        assert state.coverage.mark == expected["mark"] and state.next_seq == expected["next"]
        assert row["waiting"] == row["pressed"] - row["rows"] - row["lost"] >= 0
        assert row["balanced"] == (row["waiting"] == 0 and not expected["gaps"])
        reached = max(cut.last + 1 for cut in delivered)
        if told is not None and told >= reached:
            assert row["pressed"] == sum(terminal.totals(told))
        assert row["pressed"] <= sum(terminal.totals(max(reached, told or 0)))
        assert sum(outcome.rows for outcome in outcomes) == expected["rows"]
        arrived = sum(
            slot.presses
            for cut in repeated
            for seq, slot in enumerate(terminal.slots)
            if cut.first <= seq <= cut.last and slot.readable
        )
        assert row["duplicates"] == sum(outcome.duplicates for outcome in outcomes) == arrived - expected["rows"]
        by_bucket = sum(sum(faces) for _, _, *faces in content(store, device_id)["hours"])
        assert by_bucket == expected["rows"]
    assert contents[0] == contents[1]


@settings(max_examples=40)
@given(st.data())
def test_spans_do_not_depend_on_the_order_either(store: Store, data: st.DataObject) -> None:
    terminal = data.draw(logs())
    delivered = data.draw(cuts(len(terminal.slots)))
    dice = random.Random(data.draw(st.integers(0, 2**32)))
    seen = []
    for _ in range(2):
        device_id = fresh_device()
        deliver(store, device_id, terminal, transactions_of(dice, list(delivered)))
        seen.append([row[1:] for row in content(store, device_id)["spans"]])
    assert seen[0] == seen[1]


def press(uptime_ms: int, button: int = 4, verdict: int = 0, boot: int = 1) -> Press:
    return Press(boot, uptime_ms, button, verdict, 0, 5, 65535)


def simple(*records: Record | None) -> Terminal:
    return Terminal([Slot(record) for record in records])


def whole(terminal: Terminal) -> Cut:
    size = len(terminal.slots)
    return Cut(0, size - 1, 0, size)


def test_a_resend_with_another_cut_extends(store: Store, device_id: str) -> None:
    terminal = simple(*(press(1000 * n) for n in range(21)))
    outcomes = deliver(store, device_id, terminal, [[Cut(0, 10, 0, 11)], [Cut(5, 20, 0, 21)]])
    assert [(o.rows, o.duplicates, o.mark) for o in outcomes] == [(11, 0, 11), (10, 6, 21)]
    assert ledger_row(store, device_id) | {"balanced": True} == {
        "device_id": device_id, "log_id": LOG_ID, "pressed": 21, "rows": 21, "lost": 0, "waiting": 0,
        "duplicates": 6, "balanced": True, "folded": 0,
    }  # fmt: skip


def test_what_is_overwritten_unsent_is_lost_to_the_press(store: Store, device_id: str) -> None:
    terminal = simple(*(press(1000 * n) for n in range(100)))
    deliver(store, device_id, terminal, [[Cut(0, 9, 0, 10)], [Cut(60, 99, 50, 100)]])
    row = ledger_row(store, device_id)
    assert (row["lost"], row["waiting"], bool(row["balanced"])) == (0, 50, False), "50..59 are held still"
    deliver(store, device_id, terminal, [[Cut(50, 59, 50, 100)]])
    row = ledger_row(store, device_id)
    assert (row["lost"], row["waiting"], bool(row["balanced"])) == (40, 0, True)


def test_an_unreadable_press_waits_until_the_terminal_tells(store: Store, device_id: str) -> None:
    terminal = Terminal([Slot(press(1000)), Slot(press(2000), readable=False)])
    deliver(store, device_id, terminal, [[whole(terminal)]])
    assert ledger_row(store, device_id)["lost"] == 0
    deliver(store, device_id, terminal, [[2]])
    row = ledger_row(store, device_id)
    assert (row["pressed"], row["rows"], row["lost"], bool(row["balanced"])) == (2, 1, 1, True)


def test_a_terminal_settled_elsewhere_is_not_asked_to_send_for_ever(store: Store, device_id: str) -> None:
    terminal = simple(*(press(1000 * n) for n in range(30)))
    with store.writing() as connection:
        ingest_many(connection, [], [Told(device_id, LOG_ID, 30, 0, 20, terminal.totals(30), 0.0)])
        outcome = ingest(connection, device_id, terminal.batch(Cut(20, 29, 0, 30)), "mqtt", 0.0)
    assert outcome.mark == 30
    row = ledger_row(store, device_id)
    assert (row["waiting"], bool(row["balanced"])) == (20, False), "this database still lacks them, and says so"


def test_the_last_revision_by_seq_wins_in_any_order(store: Store) -> None:
    terminal = simple(press(1000), Revise(1, 1100, 6, 0), Revise(1, 1200, 0, 0), Revise(1, 1300, 3, 0))
    pieces = [Cut(n, n, 0, 4) for n in range(4)]
    for order in itertools.permutations(pieces):
        device_id = fresh_device()
        deliver(store, device_id, terminal, [[piece] for piece in order])
        assert [row[5] for row in content(store, device_id)["presses"]] == ["chord"]


def test_a_revision_of_what_it_cannot_mean_changes_nothing_in_any_order(store: Store) -> None:
    # Of a later seq, of its own, of a slot without a press, of a run.
    terminal = simple(
        Revise(1, 900, 3, 1), press(1000), Revise(1, 1100, 3, 2), Revise(1, 1200, 3, 0), Run(1, 1300, 2, 2, 9, 40),
        Revise(1, 1400, 3, 4),
    )  # fmt: skip
    pieces = [Cut(n, n, 0, 6) for n in range(6)]
    for order in itertools.islice(itertools.permutations(pieces), 0, None, 37):
        device_id = fresh_device()
        deliver(store, device_id, terminal, [[piece] for piece in order])
        assert [row[5] for row in content(store, device_id)["presses"]] == ["counted", "mash"]
    records = {seq: slot.record for seq, slot in enumerate(terminal.slots) if slot.record is not None}
    read_by_cable = read_presses("till-1", LOG_ID, records)
    assert [one.verdict for one in read_by_cable] == ["counted", "mash"]


def test_dates_in_any_order(store: Store) -> None:
    terminal = simple(
        press(1000), Time(1, 5000, 1, 1_000), press(7000), Boot(2, 0, 1, 0), press(1000, boot=2), Boot(3, 0, 1, 0),
        press(2000, boot=3), Time(3, 3000, 1, 9_000), Time(3, 9000, 1, 9_007), press(9500, boot=3),
    )  # fmt: skip
    expected = [("dated", 996.0), ("set", 1002.0), ("unset", None), ("dated", 8999.0), ("set", 9007.5)]
    dice = random.Random(1)
    for _ in range(12):
        device_id = fresh_device()
        pieces: list[Cut] = [Cut(n, n, 0, 10) for n in range(10)]
        deliver(store, device_id, terminal, [[piece] for piece in dice.sample(pieces, 10)])
        assert [row[6:8] for row in content(store, device_id)["presses"]] == expected


def test_a_better_source_puts_dates_and_hours_right(store: Store, device_id: str) -> None:
    false_s, true_s = 2_200_000_000, 1_800_000_000
    hour_ms = 3_600_000

    def press(hour: int) -> Slot:
        return Slot(Press(1, hour * hour_ms, 4, 0, 1, 5, 65535))

    def told(hour: int, source: int, utc_s: int) -> Slot:
        return Slot(Time(1, hour * hour_ms, source, utc_s + 3600 * hour))

    terminal = Terminal([
        Slot(Boot(1, 0, 1, 0)), press(1), told(2, 1, false_s), press(3), told(4, 1, true_s), press(5),
        told(6, 2, true_s + 40_000), press(7), told(8, 1, false_s), press(9), told(10, 4, true_s),
    ])  # fmt: skip
    for first, last in ((0, 3), (4, 5), (6, 9), (10, 10)):
        deliver(store, device_id, terminal, [[Cut(first, last, 0, last + 1)]])
    found = content(store, device_id)
    assert [row[-2:] for row in found["presses"]] == [
        ("dated", true_s + 40_000 + 3600.0),
        ("dated", true_s + 40_000 + 3 * 3600.0),
        ("set", true_s + 5 * 3600.0),
        ("set", true_s + 40_000 + 7 * 3600.0),
        ("dated", true_s + 9 * 3600.0),
    ]
    hours = sorted(int(row[-1] // 3600) * 60 for row in found["presses"])
    assert sorted(row[0] for row in found["hours"]) == hours, "no hour of the false time is left"


def test_a_boot_number_that_comes_round_again_is_another_boot(store: Store, device_id: str) -> None:
    terminal = simple(Boot(1, 0, 1, 0), Time(1, 0, 1, 1_000), Boot(2, 0, 1, 0), Boot(1, 0, 1, 0), press(5000))
    deliver(store, device_id, terminal, [[whole(terminal)]])
    assert content(store, device_id)["presses"][0][6:8] == ("unset", None)


def test_the_same_key_with_other_content_is_kept_apart(store: Store, device_id: str) -> None:
    first, second = simple(press(1000, button=4)), simple(press(1000, button=1))
    with store.writing() as connection:
        ingest(connection, device_id, first.batch(whole(first)), "mqtt", 1.0)
    for _ in range(2):
        with store.writing() as connection:
            outcome = ingest(connection, device_id, second.batch(whole(second)), "serial", 2.0)
        assert len(outcome.conflicts) == 1 and outcome.rows == outcome.duplicates == 0
    assert [row[3] for row in content(store, device_id)["presses"]] == [4], "never overwritten"
    with store.reading() as connection:
        q = tables.quarantine
        (kept,) = connection.execute(select(q).where(q.c.device_id == device_id)).all()
        conflicts = connection.execute(
            select(tables.logs.c.conflicts).where(tables.logs.c.device_id == device_id)
        ).scalar_one()
    assert kept.reason.startswith("conflict: seq 0") and kept.times == 2 and conflicts == 1


def test_a_run_counts_all_its_presses(store: Store, device_id: str) -> None:
    terminal = simple(press(1000), Run(1, 2000, 2, 2, 9, 40))
    deliver(store, device_id, terminal, [[whole(terminal)], [whole(terminal)]])
    row = ledger_row(store, device_id)
    assert (row["pressed"], row["rows"], row["duplicates"], bool(row["balanced"])) == (41, 41, 41, True)


def test_nothing_is_written_when_the_transaction_fails(store: Store, device_id: str) -> None:
    terminal = simple(press(1000))
    with pytest.raises(RuntimeError), store.writing() as connection:
        ingest(connection, device_id, terminal.batch(whole(terminal)), "mqtt", 1.0)
        raise RuntimeError("the power went")
    assert content(store, device_id)["presses"] == []


def test_two_logs_of_one_terminal_stand_apart(store: Store, device_id: str) -> None:
    terminal = simple(press(1000), press(2000))
    batch = terminal.batch(whole(terminal))
    with store.writing() as connection:
        one = ingest(connection, device_id, batch, "mqtt", 1.0)
        two = ingest(connection, device_id, replace(batch, log_id=7), "mqtt", 1.0)
    assert (one.rows, two.rows) == (2, 2)


@pytest.mark.parametrize("column", ["clock", "verdict"])
def test_the_view_shows_what_the_contract_says(store: Store, device_id: str, column: str) -> None:
    terminal = simple(press(1000))
    deliver(store, device_id, terminal, [[whole(terminal)]])
    with store.reading() as connection:
        row = connection.execute(text("SELECT * FROM presses_v1 WHERE device_id = :d"), {"d": device_id}).one()
    shown = dict(row._mapping)
    assert list(shown) == [
        "device_id", "log_id", "seq", "boot", "uptime_ms", "button", "verdict", "is_vote", "pressed_utc", "clock",
        "via", "received_utc", "count",
    ]  # fmt: skip
    assert shown["is_vote"] == 1 and shown[column] == {"clock": "unset", "verdict": "counted"}[column]
