"""What one message may cost, and what a terminal may honestly say of its log. Counts are exact; nothing is timed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text, update
from test_ingest import LOG_ID, Cut, Slot, Terminal, assert_sums_are_kept, content, ledger_row, press, simple, whole

from hymio.office.ledger import whereabouts
from hymio.store import schema as tables
from hymio.store.arrivals import Arrival, Told
from hymio.store.database import Store
from hymio.store.ingest import date_waiting, ingest_many, log_state
from hymio.store.ledger import ledger_lines
from hymio.store.log_update import BatchOutcome
from hymio.store.transaction import Transaction, commit, date_on
from hymio.wire.batches import Batch
from hymio.wire.limits import LOG_RECORDS_MAX, ROWS_DATED_AT_ONCE, SPANS_MAX
from hymio.wire.records import Acked, Boot, Press, Record, Revise, Time
from hymio.wire.seq_coverage import Span

NOW = 1_800_000_000.0


@dataclass
class Cost:
    """Statements sent to the database, rows that UPDATEs have changed, rows of `spans` written, and on SQLite the
    steps of its virtual machine."""

    statements: list[str] = field(default_factory=list)
    updated: int = 0
    spans: int = 0
    steps: int = 0


@contextmanager
def counted(store: Store) -> Iterator[Cost]:
    cost = Cost()
    watched = []

    def step() -> int:
        cost.steps += 1
        return 0

    def before(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        if not statement.startswith(("BEGIN", "SET TRANSACTION")):
            cost.statements.append(statement)
        if store.engine.dialect.name == "sqlite":
            # Left on after the statement: rows are stepped to as they are fetched.
            watched.append(conn.connection.driver_connection)
            watched[-1].set_progress_handler(step, 1)

    def after(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        if statement.startswith("UPDATE presses"):
            cost.updated += cursor.rowcount
        if statement.startswith(('INSERT INTO "spans"', "UPDATE spans")):
            cost.spans += cursor.rowcount

    event.listen(store.engine, "before_cursor_execute", before)
    event.listen(store.engine, "after_cursor_execute", after)
    try:
        yield cost
    finally:
        for connection in watched:
            connection.set_progress_handler(None, 0)
        event.remove(store.engine, "before_cursor_execute", before)
        event.remove(store.engine, "after_cursor_execute", after)


def batch(
    first_seq: int,
    slots: int,
    records: Iterable[tuple[int, Record]] = (),
    held: int | None = None,
    behind: int = 0,
    total: int = 0,
) -> Batch:
    """A batch of a terminal that holds everything from seq 0 on, unless `held` says otherwise."""
    held = first_seq if held is None else held
    return Batch(LOG_ID, 1, 1, False, first_seq, slots, held, behind, (0, 0, 0, total), tuple(records))


def take(store: Store, device_id: str, *messages: Batch | Told, utc: float = NOW) -> list[BatchOutcome]:
    arrivals = [Arrival(device_id, one, "mqtt", utc, "votes", b"bytes") for one in messages if isinstance(one, Batch)]
    with store.writing() as connection:
        return ingest_many(connection, arrivals, [one for one in messages if isinstance(one, Told)])


def fill(store: Store, device_id: str, presses: int, first_seq: int = 2) -> None:
    """Presses at first_seq and after; the slots before are void."""
    records = [(seq, press(1000 * seq)) for seq in range(first_seq, first_seq + presses)]
    take(store, device_id, batch(0, first_seq + presses, records))


def quarantined(store: Store, device_id: str) -> list[str]:
    q = tables.quarantine
    with store.reading() as connection:
        return list(connection.execute(select(q.c.reason).where(q.c.device_id == device_id)).scalars())


def test_a_void_over_rows_costs_the_same_however_many(store: Store) -> None:
    costs = []
    for number, presses in enumerate((300, 3000)):
        device_id = f"void-{store.engine.dialect.name}-{number}"
        fill(store, device_id, presses)
        before = content(store, device_id)
        with counted(store) as cost:
            (outcome,) = take(store, device_id, batch(0, presses + 2))
        assert (outcome.rows, outcome.duplicates, outcome.mark) == (0, 0, presses + 2)
        assert content(store, device_id) == before, "what cannot be read now stays a row"
        costs.append(cost)
    assert costs[0].statements == costs[1].statements
    assert costs[1].steps <= costs[0].steps + 20


def test_what_is_known_is_read_at_the_records_of_the_batch_only(store: Store, device_id: str) -> None:
    fill(store, device_id, 3000)
    with counted(store) as cost:
        (outcome,) = take(store, device_id, batch(0, 3002, [(5, press(5000)), (2990, press(7))]))
    assert (outcome.duplicates, len(outcome.conflicts)) == (1, 1)
    assert cost.steps < 2000


@pytest.mark.parametrize("when", ["before them", "after them"])
def test_a_late_time_record_dates_a_bounded_number_of_rows(
    store: Store, device_id: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hymio.store.log_update.ROWS_DATED_AT_ONCE", 100)
    monkeypatch.setattr("hymio.store.redating.ROWS_DATED_AT_ONCE", 100)
    fill(store, device_id, 1050)
    seq = 1 if when == "before them" else 1052
    with counted(store) as cost:
        take(store, device_id, batch(seq, 1, [(seq, Time(1, 7, 1, 1_800_000_000))]))
    assert cost.updated == 100
    assert len(cost.statements) <= 22
    assert_sums_are_kept(store, device_id)
    transactions = 0
    left = True
    while left:
        with counted(store) as cost, store.writing() as connection:
            left = date_waiting(connection)
        assert cost.updated <= 100
        assert_sums_are_kept(store, device_id)
        transactions += left
    assert transactions == 10
    clock = "set" if when == "before them" else "dated"
    expected = [(clock, (1_800_000_000_000 - 7 + 1000 * row[0]) / 1000) for row in content(store, device_id)["presses"]]
    assert [row[6:8] for row in content(store, device_id)["presses"]] == expected


def test_several_late_time_records_share_the_bound(
    store: Store, device_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hymio.store.log_update.ROWS_DATED_AT_ONCE", 100)
    monkeypatch.setattr("hymio.store.redating.ROWS_DATED_AT_ONCE", 100)
    voids = {1, 3000, 6000}
    rows: list[tuple[int, Record]]
    rows = [(seq, press(1000 * seq, boot=1 + seq // 3000)) for seq in range(9000) if seq % 50 == 7]
    rows += [(2990, Boot(2, 0, 1, 0)), (5990, Boot(3, 0, 1, 0))]
    take(store, device_id, batch(0, 9000, sorted(rows, key=lambda one: one[0])))
    late = [batch(seq, 1, [(seq, Time(1 + seq // 3000, 0, 1, 1_800_000_000))]) for seq in sorted(voids)]
    with counted(store) as cost:
        take(store, device_id, *late)
    assert cost.updated == 100
    while date_on(store):
        pass
    assert {row[6] for row in content(store, device_id)["presses"]} == {"set"}
    assert_sums_are_kept(store, device_id)


def test_what_comes_while_rows_wait_to_be_dated_makes_no_difference(
    store: Store, device_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[Record | None] = [None, None, *(press(1000 * n) for n in range(2, 60))]
    records[0], records[1], records[30] = Time(1, 5, 1, 2_000), Time(1, 10, 1, 3_000), Boot(1, 0, 1, 0)
    records[45] = Time(1, 70_000, 1, 9_000)
    terminal = simple(*records)
    take(store, device_id, terminal.batch(whole(terminal)))
    expected = content(store, device_id)["presses"]

    monkeypatch.setattr("hymio.store.log_update.ROWS_DATED_AT_ONCE", 7)
    monkeypatch.setattr("hymio.store.redating.ROWS_DATED_AT_ONCE", 7)
    other = f"{device_id}-late"
    rows_first = Terminal([Slot(record, isinstance(record, Press)) for record in records])
    take(store, other, rows_first.batch(whole(rows_first)))
    for seq in (45, 0, 30, 1):
        take(store, other, terminal.batch(Cut(seq, seq, 0, 60)))
    while date_on(store):
        assert_sums_are_kept(store, other)
    assert content(store, other)["presses"] == expected
    with store.reading() as connection:
        assert connection.execute(select(tables.redating)).all() == []


def test_the_limit_is_the_one_that_is_stated(store: Store) -> None:
    assert ROWS_DATED_AT_ONCE == 10_000 and SPANS_MAX == 1000 and LOG_RECORDS_MAX == 4096 * 252


def many_gaps(store: Store, device_id: str, gaps: int) -> None:
    """A log with so many gaps, as only an older build let it grow: a press at every other seq."""
    take(store, device_id, batch(0, 1, [(0, press(0))], behind=2 * gaps + 1))
    log = {"device_id": device_id, "log_id": LOG_ID}
    with store.writing() as connection:
        connection.execute(
            insert(tables.spans),
            [
                log | {"first_seq": 2 * n, "last_seq": 2 * n, "totals_before": n, "check_seq": 2 * n, "totals_check": n,
                       "presses_check": 0, "presses": 1, "lost": 0}
                for n in range(1, gaps + 1)
            ],
        )  # fmt: skip


def test_4000_gaps_cost_one_look_each(store: Store, device_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    many_gaps(store, device_id, 4000)
    compared = 0
    same = Span.__eq__

    def comparing(one: Span, other: object) -> bool:
        nonlocal compared
        compared += 1
        return same(one, other)

    monkeypatch.setattr(Span, "__eq__", comparing)
    with counted(store) as cost:
        (outcome,) = take(store, device_id, batch(5001, 1, [(5001, press(1))], total=2501))
    assert not outcome.refused and outcome.rows == 1
    assert compared <= 4001, "each span with what it was, and no other"
    assert len(cost.statements) <= 12
    if store.engine.dialect.name == "sqlite":
        assert cost.spans == 1
    with counted(store) as cost:
        take(store, device_id, Told(device_id, LOG_ID, 8002, 0, 0, None, NOW))
    assert cost.spans == 0


def test_gaps_without_limit_are_refused_and_the_first_one_can_be_filled(
    store: Store, device_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hymio.store.log_update.SPANS_MAX", 20)
    every_other = [batch(seq, 1, [(seq, press(seq))], behind=99 - seq, total=seq // 2) for seq in range(0, 60, 2)]
    outcomes = take(store, device_id, *every_other)
    assert [bool(outcome.refused) for outcome in outcomes] == [False] * 20 + [True] * 10
    assert "the first one, from seq 1 on, has to be filled" in outcomes[-1].refused
    assert len(quarantined(store, device_id)) == 1, "the same reason and the same bytes"
    for seq in range(1, 60, 2):
        (outcome,) = take(store, device_id, batch(seq, 1, [], behind=99 - seq, total=seq // 2 + 1))
        assert not outcome.refused
        take(store, device_id, batch(seq + 1, 1, [(seq + 1, press(seq + 1))], behind=98 - seq, total=seq // 2 + 1))
    with store.reading() as connection:
        state = log_state(connection, device_id, LOG_ID)
    assert state is not None and state.coverage.mark == 61
    assert_sums_are_kept(store, device_id)


LAST = 2**32 - 2

LIES = [
    batch(0, LAST),
    batch(100, LAST - 100, total=100),
    batch(LAST - 500, 500, held=10, total=100),
    batch(50, 50, behind=LAST - 100, total=50),
    batch(LAST, 0, held=0, total=100),
]


@pytest.mark.parametrize("lie", LIES, ids=["all void", "the rest void", "far ahead", "much behind", "nothing there"])
def test_no_log_leaps_to_its_end(store: Store, device_id: str, lie: Batch) -> None:
    fill(store, device_id, 98)
    before = ledger_row(store, device_id), content(store, device_id)
    committed = commit(store, Transaction(arrivals=[Arrival(device_id, lie, "mqtt", NOW + 60, "votes", b"lie")]))
    assert committed.outcomes == [] and committed.acks == [], "what is not taken in is not acknowledged"
    assert [one.reason for one, _ in committed.refused] == quarantined(store, device_id)
    assert (ledger_row(store, device_id), content(store, device_id)) == before
    (outcome,) = take(store, device_id, batch(100, 1, [(100, press(1))], total=98))
    assert outcome.mark == 101


def test_nor_does_a_state_message_make_it(store: Store, device_id: str) -> None:
    fill(store, device_id, 98)
    for oldest_seq in (0, LAST - 10):
        totals, payload = (0, 0, 0, 98), b"%d" % oldest_seq
        told = Told(device_id, LOG_ID, LAST, oldest_seq, LAST, totals, NOW + 1, "state", payload)
        committed = commit(store, Transaction(told=[told]))
        assert committed.acks == [] and committed.wanted == [] and len(committed.refused) == 1
    assert ledger_row(store, device_id)["pressed"] == 98
    assert len(quarantined(store, device_id)) == 2


def test_a_lie_of_a_log_that_nobody_knows_leaves_nothing_behind(store: Store, device_id: str) -> None:
    (outcome,) = take(store, device_id, batch(0, LAST))
    assert outcome.refused
    with store.reading() as connection:
        assert log_state(connection, device_id, LOG_ID) is None


def test_a_log_grows_as_time_passes(store: Store, device_id: str) -> None:
    fill(store, device_id, 98)
    ahead = 100 + LOG_RECORDS_MAX
    days = 86_400.0 * 30
    for next_seq, utc, is_true in [
        (ahead, NOW, True),
        (ahead + 1, NOW, False),
        (ahead + int(days), NOW + days, True),
        (ahead + int(days) + 1, NOW + days, False),
        (ahead + int(days), NOW + days - 5, False),
    ]:
        (outcome,) = take(store, device_id, batch(next_seq - 1, 1, held=0), utc=utc)
        assert bool(outcome.refused) is not is_true, (next_seq, utc)


def test_a_log_may_honestly_be_near_its_end(store: Store, device_id: str) -> None:
    terminal_begins = LAST - 1000
    (outcome,) = take(store, device_id, batch(terminal_begins, 500, held=0, behind=500, total=7))
    assert outcome.mark == terminal_begins + 500
    records = [(LAST - 1, press(5))]
    (outcome,) = take(store, device_id, batch(terminal_begins + 500, 500, records, held=500, total=7))
    assert not outcome.refused and outcome.mark == LAST
    assert ledger_row(store, device_id)["balanced"]


def test_whoever_has_said_too_much_within_reason_is_believed_again(store: Store, device_id: str) -> None:
    """A lie that could be true does not freeze the log: its mark is beyond what the terminal holds, and so it would
    never believe an ack again."""
    fill(store, device_id, 98)
    take(store, device_id, batch(100, 500_000, [(100, Acked(400_000, 0, 0))], total=98))
    told = Told(device_id, LOG_ID, 180, 0, 100, (0, 0, 0, 178), NOW + 9)
    committed = commit(store, Transaction(told=[told]))
    assert [ack.mark for ack in committed.acks] == [100]
    records = [(seq, press(seq)) for seq in range(101, 150)]
    arrival = Arrival(device_id, batch(101, 49, records, behind=30, total=98), "mqtt", NOW + 10, "votes", b"")
    (ack,) = commit(store, Transaction(arrivals=[arrival])).acks
    assert ack.mark == 150, "what has not come is not settled"
    records = [(seq, press(seq)) for seq in range(150, 180)]
    (outcome,) = take(store, device_id, batch(150, 30, records, total=147))
    assert outcome.mark == 180
    assert ledger_row(store, device_id)["rows"] == 98 + 79
    assert_sums_are_kept(store, device_id)


def test_a_cursor_beyond_the_end_of_the_log_asks_for_nothing(store: Store, device_id: str) -> None:
    fill(store, device_id, 98)
    take(store, device_id, batch(100, 1, [(100, Acked(LAST, 0, 0))], total=98))
    committed = commit(store, Transaction(told=[Told(device_id, LOG_ID, 101, 0, 101, (0, 0, 0, 98), NOW)]))
    assert committed.wanted == [] and committed.acks == []


def test_what_a_terminal_has_counted_waits_whatever_was_said_before(store: Store, device_id: str) -> None:
    fill(store, device_id, 98)
    take(store, device_id, batch(700_000, 1, held=0, total=98))
    take(store, device_id, Told(device_id, LOG_ID, 180, 0, 100, (0, 0, 0, 178), NOW + 9))
    row = ledger_row(store, device_id)
    assert (row["pressed"], row["waiting"], bool(row["balanced"])) == (178, 80, False)
    take(store, device_id, batch(190, 2, [(190, press(1)), (191, press(2))], total=188))
    row = ledger_row(store, device_id)
    assert (row["pressed"], row["rows"], row["waiting"]) == (190, 100, 90)


def test_a_log_that_an_older_build_let_leap_never_balances_and_thaws(store: Store, device_id: str) -> None:
    fill(store, device_id, 98)
    with store.writing() as connection:
        of_log = (tables.spans.c.device_id == device_id, tables.logs.c.device_id == device_id)
        connection.execute(update(tables.spans).where(of_log[0]).values(last_seq=LAST))
        connection.execute(update(tables.logs).where(of_log[1]).values(next_seq=LAST + 1, pace_seq=LAST + 1))
    with store.reading() as connection:
        (line,) = [line for line in ledger_lines(connection) if line.row["device_id"] == device_id]
    assert not line.balanced and line.row["waiting"] == 0
    assert "cannot be true" in whereabouts(line)[-1]
    (outcome,) = take(store, device_id, batch(100, 10, [(101, press(1))], total=98))
    assert (outcome.rows, outcome.mark) == (1, 110)
    assert not ledger_row(store, device_id)["balanced"]


def test_the_ledger_costs_the_same_however_many_presses_and_logs(store: Store) -> None:
    name = f"ledger-{store.engine.dialect.name}"
    fill(store, f"{name}-open", 3)
    take(store, f"{name}-open", batch(9, 1, held=9, behind=3, total=5))
    costs = []
    for presses in (50, 4000):
        fill(store, name, presses, first_seq=0)
        with counted(store) as cost, store.reading() as connection:
            logs = len(ledger_lines(connection))
        costs.append(cost)
    assert costs[0].steps == costs[1].steps, "whatever the number of presses"
    for number in range(20):
        fill(store, f"{name}-{number}", 3)
        take(store, f"{name}-{number}", batch(9, 1, held=9, behind=3, total=5))
    with counted(store) as cost, store.reading() as connection:
        assert len(ledger_lines(connection)) == logs + 20
    assert [len(one.statements) for one in (*costs, cost)] == [2, 2, 2], "the sums, and the spans of what is open"


def plan(store: Store, statement: str) -> str:
    explain = "EXPLAIN QUERY PLAN " if store.engine.dialect.name == "sqlite" else "EXPLAIN "
    with store.reading() as connection:
        return "\n".join(str(row) for row in connection.execute(text(explain + statement)))


def test_the_ledger_reads_no_press(store: Store) -> None:
    shown = plan(store, "SELECT * FROM ledger_v1")
    assert "logs" in shown and "presses" not in shown.replace("logs.presses", "") and "spans" not in shown


# PostgreSQL chooses by its statistics.
@pytest.mark.parametrize("db", ["sqlite"], indirect=True, scope="session")
@pytest.mark.parametrize("what", ["a press", "a revision", "a time record"])
def test_what_bears_on_a_record_is_found_without_passing_others(store: Store, device_id: str, what: str) -> None:
    costs = []
    for number, others in enumerate((100, 2000)):
        name = f"{device_id}-{number}"
        records: list[tuple[int, Record]] = [(seq, Acked(0, 0, 0)) for seq in range(2, others)]
        first: list[tuple[int, Record]] = [(0, Boot(1, 0, 1, 0)), (1, press(5))]
        take(store, name, batch(0, others + 3, [*first, *records, (others + 2, Boot(2, 0, 1, 0))]))
        record: dict[str, Record] = {
            "a press": press(9),
            "a revision": Revise(1, 9, 3, 1),
            "a time record": Time(1, 9, 1, 1_800_000_000),
        }
        with counted(store) as cost:
            take(store, name, batch(others + 1, 1, [(others + 1, record[what])], total=1))
        assert_sums_are_kept(store, name)
        costs.append(cost.steps)
    assert costs[1] <= costs[0] + 20


def test_two_records_far_apart_do_not_read_what_lies_between(store: Store, device_id: str) -> None:
    costs = []
    for number, size in enumerate((2500, 10_000)):
        name = f"{device_id}-{number}"
        boots = [(seq, Boot(1, 0, 1, 0)) for seq in range(1, size, 5)]
        take(store, name, batch(0, size + 1, boots))
        with counted(store) as cost:
            take(store, name, batch(0, size + 1, [(0, press(5)), (size, press(9))]))
        costs.append(cost)
    assert costs[0].statements == costs[1].statements
    assert costs[1].steps <= costs[0].steps + 50


def test_collectors_at_once_keep_the_sums(store: Store, device_id: str) -> None:
    terminal = simple(*(press(1000 * n) if n % 7 else Time(1, 1000 * n, 1, 1_800_000_000 + n) for n in range(120)))
    problems: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for seq in range(first, 120, 3):
                take(store, device_id, terminal.batch(Cut(seq, min(seq + 4, 119), 0, 120)), utc=time.time())
        except BaseException as error:
            problems.append(error)

    workers = [threading.Thread(target=work, args=(first,)) for first in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert problems == []
    assert_sums_are_kept(store, device_id)
    row = ledger_row(store, device_id)
    assert (row["rows"], bool(row["balanced"])) == (terminal.slots[0].presses + 102, True)
