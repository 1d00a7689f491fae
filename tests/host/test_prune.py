"""Pruned presses stay counted, and whatever comes again of them, by whatever way, adds nothing."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from schema_check import check
from sqlalchemy import create_engine, event, select, text
from test_ingest import (
    LOG_ID,
    Cut,
    Slot,
    Terminal,
    assert_sums_are_kept,
    content,
    fresh_device,
    ledger_row,
    logs,
    press,
    simple,
    whole,
)
from test_older_databases import BrokenOff, breaking_off

from hymio.store import schema as tables
from hymio.store.arrivals import Arrival, Told
from hymio.store.check import check as find_wrong
from hymio.store.database import Store, database_url, open_store
from hymio.store.ingest import ingest_many
from hymio.store.prune import Pruned, prune, prune_log
from hymio.store.transaction import date_on
from hymio.wire.records import Acked, Boot, Press, Record, Revise, Run, Time

CAME = 1_900_000_000.0
"""When the first batch comes; presses are dated in the years before."""
DAY_S = 86_400.0
LATER = CAME + 10_000 * DAY_S


def take(
    store: Store, device_id: str, terminal: Terminal, *cuts: Cut, utc: float = CAME, nonce: int = 1, via: str = "mqtt"
) -> list[tuple[int, int]]:
    """(new presses, presses that had come) of each batch."""
    arrivals = [Arrival(device_id, terminal.batch(cut, nonce), via, utc, via, b"") for cut in cuts]
    with store.writing() as connection:
        outcomes = ingest_many(connection, arrivals)
    assert_sums_are_kept(store, device_id)
    assert not any(outcome.conflicts or outcome.refused for outcome in outcomes)
    return [(outcome.rows, outcome.duplicates) for outcome in outcomes]


def tell(store: Store, device_id: str, terminal: Terminal, next_seq: int, oldest_seq: int = 0) -> None:
    told = Told(device_id, LOG_ID, next_seq, oldest_seq, 0, terminal.totals(next_seq), LATER)
    with store.writing() as connection:
        ingest_many(connection, [], [told])
    assert_sums_are_kept(store, device_id)


def pruned(store: Store, device_id: str, cutoff_utc: float = LATER) -> list[Pruned]:
    """Prunes the database, and gives what concerns one terminal."""
    found = [one for one in prune(store, cutoff_utc, LATER + 1) if one.key[0] == device_id]
    assert_sums_are_kept(store, device_id)
    return found


def seqs(store: Store, device_id: str) -> list[int]:
    return [row[0] for row in content(store, device_id)["presses"]]


def log_of(store: Store, device_id: str) -> Any:
    with store.reading() as connection:
        return connection.execute(select(tables.logs).where(tables.logs.c.device_id == device_id)).one_or_none()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database that nobody else has: all of it is pruned."""
    url = str(tmp_path_factory.mktemp("prune") / "votes.db")
    admin = None
    if request.param == "postgresql":
        server = database_url(request.getfixturevalue("postgres_url"))
        admin = create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE pruned"))
        url = server.set(drivername="postgresql", database="pruned").render_as_string(hide_password=False)
    opened = open_store(url, create=True)
    if admin is None:
        event.listen(opened.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        opened.engine.dispose()
    yield opened
    opened.close()
    if admin is not None:
        with admin.connect() as connection:
            connection.execute(text("DROP DATABASE pruned WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hymio.store.prune.time.sleep", lambda s: None)


def busy_terminal(size: int = 120) -> Terminal:
    """Presses and runs, boots with and without a time, revisions, ack records, slots that cannot be read."""
    dice = random.Random(5)
    slots = []
    boot, uptime_ms = 1, 0
    for seq in range(size):
        uptime_ms += 60_000
        record: Record | None = Press(boot, uptime_ms, 1 + seq % 4, dice.choice((0, 0, 0, 2)), 0, 5, 65535)
        match seq % 12:
            case 3:
                record = Time(boot, uptime_ms, 1, 1_800_000_000 + 600 * seq)
            case 4:
                record = Run(boot, uptime_ms, 2, 2, 9, 5)
            case 6:
                record = Revise(boot, uptime_ms, 3, seq - 1)
            case 9:
                record = Acked(seq - 5, 0, 0)
            case 11 if seq % 36 == 35:
                boot, uptime_ms = boot + 1, 0
                record = Boot(boot, 0, 1, 0)
        slots.append(Slot(record, readable=seq % 50 != 49))
    return Terminal(slots)


def test_ledger_and_figures_are_what_they_were(store: Store, device_id: str) -> None:
    terminal = busy_terminal()
    take(store, device_id, terminal, whole(terminal))
    tell(store, device_id, terminal, 120)
    before, hours = ledger_row(store, device_id), content(store, device_id)["hours"]
    assert before["balanced"] and before["lost"] > 0 and before["folded"] == 0
    (one,) = pruned(store, device_id)
    assert one == Pruned((device_id, LOG_ID), rows=one.rows, presses=before["rows"])
    after = content(store, device_id)
    assert ledger_row(store, device_id) == before | {"folded": before["rows"]}
    assert after["presses"] == [] and after["hours"] == hours
    kinds = {
        type(terminal.slots[seq].record) for seq, _ in after["records"] if seq < log_of(store, device_id).pruned_seq
    }
    assert kinds == {Boot, Time}
    assert pruned(store, device_id) == [], "once is enough"


AGAIN = {
    "a resync": [Cut(first, min(first + 14, 119), 0, 120) for first in range(0, 120, 15)],
    "in any order": [Cut(at, min(at + 14, 119), 0, 120) for at in random.Random(3).sample(range(0, 120, 7), 18)],
    "a cable pull": [Cut(0, 119, 0, 120)],
    "an old image": [Cut(0, 59, 0, 60)],
    "one by one": [Cut(seq, seq, 0, 120) for seq in range(119, -1, -1)],
}


@pytest.mark.parametrize("cutoff", [CAME + 1.5 * DAY_S, LATER], ids=["half of it", "all of it"])
@pytest.mark.parametrize("way", AGAIN)
def test_what_comes_again_adds_nothing(store: Store, device_id: str, way: str, cutoff: float) -> None:
    terminal = busy_terminal()
    for first in range(0, 120, 30):
        take(store, device_id, terminal, Cut(first, first + 29, 0, first + 30), utc=CAME + first / 30 * DAY_S)
    tell(store, device_id, terminal, 120)
    pruned(store, device_id, cutoff)
    assert log_of(store, device_id).pruned_seq == (60 if cutoff < LATER else 120)
    before, ledger = content(store, device_id), ledger_row(store, device_id)
    cuts = AGAIN[way]
    taken = take(store, device_id, terminal, *cuts, utc=LATER, nonce=77, via="serial" if len(cuts) == 1 else "mqtt")
    came = sum(slot.presses for cut in cuts for slot in terminal.slots[cut.first : cut.last + 1] if slot.readable)
    assert sum(rows for rows, _ in taken) == 0 and sum(again for _, again in taken) == came
    assert content(store, device_id) == before
    assert ledger_row(store, device_id) == ledger | {"duplicates": came}
    assert ledger["balanced"] and 0 < ledger["folded"] <= ledger["rows"]


def test_late_revisions_and_times_change_no_pruned_press(store: Store, device_id: str) -> None:
    records: list[Record | None] = [None, *(press(1000 * n) for n in range(1, 20)), None]
    records += [Revise(1, 30_000, 6, 5), Revise(1, 31_000, 6, 18), press(32_000)]
    terminal = simple(*records)
    take(store, device_id, terminal, Cut(1, 14, 0, 24))
    take(store, device_id, terminal, Cut(15, 19, 0, 24), utc=CAME + DAY_S)
    pruned(store, device_id, CAME + 1)
    assert seqs(store, device_id) == [15, 16, 17, 18, 19]
    take(store, device_id, terminal, Cut(20, 23, 0, 24), utc=CAME + 2 * DAY_S)
    verdicts = {row[0]: row[5] for row in content(store, device_id)["presses"]}
    assert verdicts[18] == "replaced" and set(verdicts) == {15, 16, 17, 18, 19, 23}
    terminal.slots[0] = Slot(Time(1, 5, 1, 1_800_000_000))  # it is the last to come, and dates all of them
    take(store, device_id, terminal, Cut(0, 0, 0, 24), utc=CAME + 3 * DAY_S)
    hours = content(store, device_id)["hours"]
    assert sum(row[-1] for row in hours if row[0] == tables.NO_TIME) == 14
    assert [row[6] for row in content(store, device_id)["presses"]] == ["set"] * 6
    ledger = ledger_row(store, device_id)
    assert (ledger["rows"], ledger["folded"], bool(ledger["balanced"])) == (20, 14, True)


def test_what_fills_a_gap_below_is_a_row_with_its_revision(store: Store, device_id: str) -> None:
    terminal = simple(*(press(1000 * n) for n in range(10)), Revise(1, 11_000, 6, 4), press(12_000))
    take(store, device_id, terminal, Cut(0, 2, 0, 12), Cut(6, 11, 0, 12))
    pruned(store, device_id)
    assert log_of(store, device_id).pruned_seq == 12 and seqs(store, device_id) == []
    assert take(store, device_id, terminal, Cut(2, 7, 0, 12), utc=LATER) == [(3, 3)]
    assert [(row[0], row[5]) for row in content(store, device_id)["presses"]] == [
        (3, "counted"), (4, "replaced"), (5, "counted"),
    ]  # fmt: skip
    assert take(store, device_id, terminal, whole(terminal), utc=LATER) == [(0, 11)]
    assert pruned(store, device_id, LATER) == [], "they are young"
    (one,) = pruned(store, device_id, LATER + 0.5)
    assert one.rows == 3
    assert take(store, device_id, terminal, whole(terminal), utc=LATER) == [(0, 11)]
    assert ledger_row(store, device_id)["balanced"]


def test_what_is_known_to_be_lost_stays_known(store: Store, device_id: str) -> None:
    terminal = Terminal([Slot(press(1000 * n), readable=n != 5) for n in range(31)])
    take(store, device_id, terminal, Cut(0, 9, 0, 30), Cut(10, 29, 0, 30))
    pruned(store, device_id)
    before = ledger_row(store, device_id)
    assert (before["rows"], before["lost"], bool(before["balanced"])) == (29, 1, True)
    take(store, device_id, terminal, Cut(15, 29, 0, 30), utc=LATER)
    assert ledger_row(store, device_id) == before | {"duplicates": 15}
    take(store, device_id, terminal, Cut(30, 30, 0, 31), utc=LATER)
    assert ledger_row(store, device_id)["balanced"]


def test_what_was_lost_stays_lost_when_an_old_image_has_it(store: Store, device_id: str) -> None:
    terminal = simple(*(press(1000 * n) for n in range(20)))
    take(store, device_id, terminal, Cut(10, 19, 10, 20))
    pruned(store, device_id)
    before = ledger_row(store, device_id)
    assert (before["lost"], before["folded"]) == (10, 10) and before["balanced"]
    take(store, device_id, terminal, Cut(5, 19, 0, 20), utc=LATER, via="import")
    after = ledger_row(store, device_id)
    assert after["balanced"] and after["rows"] + after["lost"] == 20


@pytest.mark.parametrize(
    ("received", "utc_s", "goes"),
    [
        (-5, None, True), (5, None, False),
        (-5, -3, True), (-5, 3, False), (5, -3, False),
        (5000, -3, True), (5000, None, False),  # the collector's clock was ahead
        (-5, 5000, True),  # a time server had lied
    ],
)  # fmt: skip
def test_what_is_old(store: Store, device_id: str, received: float, utc_s: float | None, goes: bool) -> None:
    cutoff = CAME - 1000 * DAY_S
    records: list[Record] = [press(0)]
    if utc_s is not None:
        records.insert(0, Time(1, 0, 1, int(cutoff + utc_s * DAY_S)))
    terminal = simple(*records)
    take(store, device_id, terminal, whole(terminal), utc=cutoff + received * DAY_S)
    found = [one for one in prune(store, cutoff, CAME) if one.key[0] == device_id]
    assert (len(found) == 1, seqs(store, device_id) == []) == (goes, goes)


def test_only_what_precedes_the_first_young_one_goes(store: Store, device_id: str) -> None:
    terminal = simple(*(press(1000 * n) for n in range(9)))
    take(store, device_id, terminal, Cut(3, 3, 0, 9), utc=LATER)
    take(store, device_id, terminal, whole(terminal))
    pruned(store, device_id)
    assert seqs(store, device_id) == [3, 4, 5, 6, 7, 8]


def test_rows_that_wait_to_be_dated_wait_to_be_pruned(
    store: Store, device_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = simple(*(press(1000 * n) for n in range(40)), Time(1, 50_000, 1, 1_800_000_000))
    take(store, device_id, terminal, Cut(0, 39, 0, 41))
    monkeypatch.setattr("hymio.store.log_update.ROWS_DATED_AT_ONCE", 10)
    take(store, device_id, terminal, Cut(40, 40, 0, 41))
    with monkeypatch.context() as patch:
        patch.setattr("hymio.store.prune.date_waiting", lambda connection: False)
        assert pruned(store, device_id)[0].rows == 10
    pruned(store, device_id)
    assert seqs(store, device_id) == []
    assert {row[0] for row in content(store, device_id)["hours"]} == {1_799_999_950 // 3600 * 60}


def test_it_goes_in_short_transactions_and_may_end_after_any(
    store: Store, device_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hymio.store.prune.ROWS_AT_ONCE", 7)
    terminal = busy_terminal()
    take(store, device_id, terminal, whole(terminal))
    tell(store, device_id, terminal, 120)
    before, hours = ledger_row(store, device_id), content(store, device_id)["hours"]
    sizes = []
    for one in prune(store, LATER, LATER):
        if one.key[0] == device_id:
            sizes.append(one.rows)
            assert_sums_are_kept(store, device_id)
        if len(sizes) == 3:
            break
    assert sizes == [7, 7, 7] and len(seqs(store, device_id)) > 20
    at = 5
    while True:
        at += 3
        with breaking_off(at) as said:
            try:
                for _ in prune(store, LATER, LATER):
                    pass
            except BrokenOff:
                pass
        assert_sums_are_kept(store, device_id)
        assert ledger_row(store, device_id) | {"folded": 0} == before
        if len(said) < at:
            break
    assert content(store, device_id)["hours"] == hours and seqs(store, device_id) == []


def test_beside_collectors(store: Store, device_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hymio.store.prune.ROWS_AT_ONCE", 10)
    terminal = busy_terminal(240)
    problems: list[BaseException] = []
    done = threading.Event()

    def collect(first: int) -> None:
        try:
            for seq in range(first, 240, 6):
                cuts = [Cut(max(0, seq - 9), min(seq + 5, 239), 0, 240), Cut(0, seq, 0, 240)]
                arrivals = [Arrival(device_id, terminal.batch(cut), "mqtt", CAME, "votes", b"") for cut in cuts]
                with store.writing() as connection:
                    ingest_many(connection, arrivals)
        except BaseException as error:
            problems.append(error)

    def prune_on() -> None:
        try:
            while not done.is_set():
                for _ in prune(store, LATER, LATER):
                    pass
        except BaseException as error:
            problems.append(error)

    workers = [threading.Thread(target=collect, args=(first,)) for first in (0, 3)]
    pruner = threading.Thread(target=prune_on)
    for one in (*workers, pruner):
        one.start()
    for one in workers:
        one.join()
    done.set()
    pruner.join()
    assert problems == []
    assert_sums_are_kept(store, device_id)
    tell(store, device_id, terminal, 240)
    ledger = ledger_row(store, device_id)
    readable = sum(slot.presses for slot in terminal.slots if slot.readable)
    assert (ledger["rows"], bool(ledger["balanced"])) == (readable, True) and ledger["folded"] > 0


class TwoLogs(RuleBasedStateMachine):
    """One log, kept in two places: one is pruned now and then, and the ledger shows no other difference."""

    store: Store
    readable: bool

    @initialize(terminal=logs())
    def begin(self, terminal: Terminal) -> None:
        if self.readable:
            terminal = Terminal([replace(slot, readable=True) for slot in terminal.slots])
        self.terminal = terminal
        self.devices = (fresh_device(), fresh_device())
        self.utc = CAME
        self.oldest = 0
        self.came: set[int] = set()
        self.lost = 0

    def both(self, *cuts: Cut, told: tuple[int, int] | None = None) -> None:
        self.utc += DAY_S
        for device_id in self.devices:
            arrivals = [Arrival(device_id, self.terminal.batch(cut), "mqtt", self.utc, "votes", b"") for cut in cuts]
            said = []
            if told is not None:
                next_seq, oldest = told
                said = [Told(device_id, LOG_ID, next_seq, oldest, 0, self.terminal.totals(next_seq), self.utc)]
            with self.store.writing() as connection:
                ingest_many(connection, arrivals, said)

    @rule(data=st.data())
    def batches_come(self, data: st.DataObject) -> None:
        cuts = []
        for _ in range(data.draw(st.integers(1, 3))):
            next_seq = data.draw(st.integers(1, len(self.terminal.slots)))
            first = data.draw(st.integers(0, next_seq - 1))
            last = data.draw(st.integers(first, min(next_seq - 1, first + 15)))
            # What was overwritten before it came does not come any more.
            if {seq for seq in range(first, last + 1) if seq < self.oldest} <= self.came:
                cuts.append(Cut(first, last, 0, next_seq))
                self.came.update(range(first, last + 1))
        self.both(*cuts)

    @rule(data=st.data(), ring_turns=st.booleans())
    def it_tells(self, data: st.DataObject, ring_turns: bool) -> None:
        next_seq = data.draw(st.integers(1, len(self.terminal.slots)))
        if ring_turns:
            self.oldest = max(self.oldest, next_seq // 2)
        self.both(told=(next_seq, self.oldest if ring_turns else 0))

    @rule()
    def the_rest_is_dated(self) -> None:
        while date_on(self.store):
            pass

    @rule(days=st.integers(0, 4))
    def the_old_goes(self, days: int) -> None:
        key = self.devices[1], LOG_ID
        if log_of(self.store, key[0]) is not None:
            with self.store.writing() as connection:
                prune_log(connection, key, self.utc - days * DAY_S + 1, self.utc + 1)

    def rows_and_ledgers(self) -> Iterator[tuple[set[tuple[Any, ...]], dict[str, Any]]]:
        for device_id in self.devices:
            assert_sums_are_kept(self.store, device_id)
            ledger = ledger_row(self.store, device_id) if log_of(self.store, device_id) is not None else {}
            yield {row[:5] for row in content(self.store, device_id)["presses"]}, ledger

    @invariant()
    def they_say_the_same(self) -> None:
        (kept, ledger), (some, pruned_ledger) = self.rows_and_ledgers()
        assert some <= kept
        hidden = {"device_id", "folded"}
        if not self.readable:
            hidden |= {"lost", "waiting", "balanced"}  # until the next totals from beyond what was pruned
            assert pruned_ledger.get("lost", 0) <= ledger.get("lost", 0)
        assert {k: v for k, v in ledger.items() if k not in hidden} == {
            k: v for k, v in pruned_ledger.items() if k not in hidden
        }
        if pruned_ledger:
            assert pruned_ledger["lost"] >= self.lost, "what is known is not forgotten"
            self.lost = pruned_ledger["lost"]
            assert pruned_ledger["folded"] == sum(row[4] for row in kept) - sum(row[4] for row in some)

    def teardown(self) -> None:
        if hasattr(self, "devices"):
            size = len(self.terminal.slots)
            self.both(Cut(size - 1, size - 1, 0, size), told=(size, size))
            (_, ledger), (_, pruned_ledger) = self.rows_and_ledgers()
            assert pruned_ledger | {"device_id": "", "folded": 0} == ledger | {"device_id": "", "folded": 0}


@pytest.mark.parametrize("readable", [True, False], ids=["readable slots", "some cannot be read"])
def test_prunes_between_arrivals_make_no_difference(store: Store, readable: bool) -> None:
    class Here(TwoLogs):
        pass

    Here.store, Here.readable = store, readable
    # What differs between the kinds of database, the other tests see; each story takes long on PostgreSQL.
    stories = 30 if store.engine.dialect.name == "sqlite" else 4
    run_state_machine_as_test(
        Here, settings=settings(max_examples=stories, stateful_step_count=14, suppress_health_check=list(HealthCheck))
    )


def test_after_all_that_every_sum_is_right(store: Store) -> None:
    with store.reading() as connection:
        checked = find_wrong(connection)
    assert checked.ok, checked.different[:5]


def test_the_command(tmp_path: Path) -> None:
    db = str(tmp_path / "votes.db")
    opened = open_store(db, create=True)
    terminal = busy_terminal()
    with opened.writing() as connection:
        old = time.time() - 300 * DAY_S
        for cut, utc in ((Cut(0, 59, 0, 120), old), (Cut(60, 119, 0, 120), time.time() - DAY_S)):
            terminal_came = Arrival("till-1", terminal.batch(cut), "mqtt", utc, "votes", b"")
            ingest_many(connection, [terminal_came])
    opened.close()
    report = hymio("report", "--db", db, "--json").stdout
    wrong = hymio("db", "prune", "--db", db, "--older-than", "a year")
    assert wrong.returncode == 2 and "--older-than" in wrong.stderr
    nothing = check("db-prune", hymio("db", "prune", "--db", db, "--older-than", "400d", "--json").stdout)
    assert (nothing["logs"], nothing["rows"], nothing["presses"]) == (0, 0, 0)
    some = check("db-prune", hymio("db", "prune", "--db", db, "--older-than", "200d", "--json").stdout)
    (line,) = check("ledger", hymio("ledger", "--db", db, "--json").stdout)["terminals"]
    assert line["folded"] == some["presses"] > 0 and line["rows"] > line["folded"]
    rest = hymio("db", "prune", "--db", db, "--older-than", "1m")
    (line,) = check("ledger", hymio("ledger", "--db", db, "--json").stdout)["terminals"]
    assert rest.returncode == 0 and line["folded"] == line["rows"]
    assert hymio("report", "--db", db, "--json").stdout == report
