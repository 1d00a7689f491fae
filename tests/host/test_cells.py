"""The roll-ups always are what the rows say: whatever comes, in whatever order, and whatever becomes of the sites."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hymio_process import hymio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from schema_check import check as schema_checked
from sites import ZONES
from sqlalchemy import Connection, event, select, text
from test_ingest import LOG_ID, Cut, Slot, Terminal, cell_numbers
from test_site_attribution import slowly

from hymio.common.errors import ANSWER_NO, Failure
from hymio.measures.buckets import buckets
from hymio.office.home_assistant import faces_between
from hymio.office.report import terminal_figures
from hymio.site.diff import plan_import
from hymio.site.hours import parse
from hymio.site.model import (
    Node,
    NodeKind,
    Organisation,
    Placement,
    Question,
    Site,
    Survey,
    SurveyType,
    places_of,
)
from hymio.store import schema
from hymio.store.arrivals import Arrival
from hymio.store.check import check
from hymio.store.corrections import recompute
from hymio.store.database import Store, open_store
from hymio.store.ingest import date_waiting, ingest_many, log_state
from hymio.store.places import load_places, places_of_sites
from hymio.store.prune import prune_log
from hymio.store.schema import NO_TIME, CellSpan
from hymio.store.sites import StoredSite, clashes, load_sites, lock_sites, save_changes
from hymio.store.transaction import Transaction, commit_whatever_comes, date_on
from hymio.wire.records import Boot, Press, Record, Revise, Run, Time

DEVICES = ("till-0", "till-1", "till-9")
"""Two terminals that stand somewhere now and then, and one that never does."""
MOMENTS = tuple(
    int(datetime.fromisoformat(f"{when}:00+00:00").timestamp()) // 60
    for when in (
        "2025-10-04T15:30", "2026-01-31T23:00", "2026-03-29T01:00", "2026-04-05T03:00", "2026-07-01T00:00",
        "2026-10-25T01:00",
    )
)  # fmt: skip
"""When something happens: clocks are set on Lord Howe, in Europe and Santiago, a month ends, and a day in summer."""
WEEKS = ("always", "mon-sun 08:00-18:00", "sat-sun 00:30-03:30", "closed")

seeds = st.integers(0, 1 << 32)

Key = tuple[str, int, int, int, int, int, str]


def log_of(seed: int) -> Terminal:
    """A log whose boots lie around the moments."""
    dice = Random(seed)
    slots: list[Slot] = []
    for boot in range(1, dice.randint(2, 4)):
        began_s = 60 * (dice.choice(MOMENTS) + dice.randint(-100, 20)) + dice.randint(-1, 1)
        uptime_ms = 0
        slots.append(Slot(Boot(boot, 0, 1, 0)))
        for _ in range(dice.randint(5, 30)):
            uptime_ms += dice.randint(1, 1_000_000)
            what = dice.random()
            record: Record = Press(boot, uptime_ms, dice.randint(1, 4), dice.choice([0, 0, 0, 0, 1]), 0, 5, 65535)
            if uptime_ms < 1_000_000 and what < 0.5:
                record = Time(boot, uptime_ms, 1, began_s + uptime_ms // 1000)
            elif what < 0.05:
                record = Run(boot, uptime_ms, dice.randint(1, 4), dice.choice([0, 2]), 9, dice.randint(1, 9))
            elif what < 0.2:
                record = Revise(boot, uptime_ms, dice.choice([0, 3]), dice.randint(0, len(slots)))
            elif what < 0.3:
                wrong_s = dice.choice([0, 0, 200_000])
                record = Time(boot, uptime_ms, dice.randint(1, 4), began_s + uptime_ms // 1000 + wrong_s)
            slots.append(Slot(record))
    return Terminal(slots)


def site_of(seed: int, key: str = "org") -> Site:
    """A small site that changes around the moments."""
    dice = Random(seed)
    edges = sorted({dice.choice([28_000_000, *MOMENTS]) + dice.choice([-1000, -30, 0, 30]) for _ in range(4)})

    def node(key: str, kind: NodeKind, parent: str | None) -> Node:
        until = dice.choice([None, None, None, edges[-1]])
        zone, week = dice.choice([None, *ZONES]), dice.choice([None, *WEEKS])
        return Node(key, key, kind, parent, zone, parse(week) if week else None, until_utc_minute=until)

    def survey(key: str, asks: SurveyType) -> Survey:
        first = date(2026, 1, 31) + timedelta(days=dice.choice([-500, -500, 0, 1, 57]))
        last = dice.choice([None, None, first - timedelta(days=1), first + timedelta(days=57)])
        return Survey(key, "q", (dice.choice(["all", "p1"]),), first, last, asks)

    def stays(device_id: str) -> Iterator[Placement]:
        for begin, end in pairwise([*edges, dice.choice([None, edges[-1] + 9])]):
            if begin is not None and dice.random() < 0.8:
                until = dice.choice([end, end, end, end, begin])
                yield Placement(device_id, dice.choice(["p1", "p2"]), begin, until, dice.choice(list(SurveyType)))

    return Site(
        Organisation(key, key, time_zone=dice.choice(ZONES)),
        (node("all", NodeKind.GROUP, None), *(node(key, NodeKind.POINT, "all") for key in ("p1", "p2"))),
        (Question("q", {"en": "?"}),),
        tuple(survey(asks.value, asks) for asks in SurveyType),
        tuple(stay for device_id in DEVICES[:2] if dice.random() < 0.7 for stay in stays(device_id)),
    )


def is_there(site: Site, at: int, stay: Any) -> bool:
    """Whether a placement has any time at all."""
    ends = [one for one in (stay.until_utc_minute, places_of(site).until(stay.point)) if one is not None]
    return all(stay.from_utc_minute < end for end in ends)


def belongs(stored: list[StoredSite], device_id: str, minute: int) -> tuple[int, int, int, int, int, bool, bool]:
    """(node, survey, month, day, hour, is open, whether staff is asked), by the words of the plan."""
    for one in stored:
        point, survey, day, hour, is_open = slowly(one.site, device_id, minute)
        if point is not None:
            (asked,) = [s for s in one.site.surveys if s.key == survey] or [None]
            zone = places_of(one.site).zone(point)
            return (
                one.nodes[point], one.surveys[survey] if survey else 0, month_of(zone, minute), day, hour, is_open,
                asked is not None and asked.type is SurveyType.STAFF,
            )  # fmt: skip
    stays = sorted(
        (stay.from_utc_minute, one.site.organisation.time_zone)
        for one in stored
        for stay in one.site.placements
        if stay.device_id == device_id and is_there(one.site, minute, stay)
    )
    zone = stored[0].site.organisation.time_zone if len(stored) == 1 else "UTC"
    if stays:
        zone = [its for begin, its in stays if begin <= minute or begin == stays[0][0]][-1]
    (day_,) = buckets("day", ZoneInfo(zone), 60 * minute, 60 * minute + 1)
    (hour_,) = buckets("hour", ZoneInfo(zone), 60 * minute, 60 * minute + 1)
    return 0, 0, month_of(zone, minute), day_.start_utc // 60, hour_.start_utc // 60, True, False


def month_of(zone: str, minute: int) -> int:
    (month,) = buckets("month", ZoneInfo(zone), 60 * minute, 60 * minute + 1)
    return month.start_utc // 60


@dataclass
class Sums:
    """What is expected: presses by the key of `cells`, and answers of staff by node and survey."""

    cells: Counter[Key] = field(default_factory=Counter)
    staff: defaultdict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0]))

    def add(self, stored: list[StoredSite], rows: Iterable[Any]) -> None:
        """Adds the presses of these rows, one by one."""
        for row in rows:
            node, survey, month, day, hour, is_open, of_staff = 0, 0, NO_TIME, NO_TIME, NO_TIME, True, False
            if row.pressed_utc is not None:
                minute = int(row.pressed_utc // 60)
                node, survey, month, day, hour, is_open, of_staff = belongs(stored, row.device_id, minute)
            verdict = "out-of-hours" if row.verdict == "counted" and not is_open else row.verdict
            count: int = row._mapping["count"]
            starts = {CellSpan.EVER: 0, CellSpan.MONTH: month, CellSpan.DAY: day, CellSpan.HOUR: hour}
            for span, start in starts.items():
                self.cells[row.device_id, span, start, node, survey, row.button, verdict] += count
            if of_staff and verdict == "counted":
                self.staff[node, survey][row.button - 1] += count

    def follow(
        self, before: dict[int, str], lone: dict[str, str], after: dict[int, str], lone_after: dict[str, str]
    ) -> None:
        """Moves presses without rows to the hour, day and month of another clock."""
        for key, presses in list(self.cells.items()):
            device_id, span, start, node, *rest = key
            if span is not CellSpan.HOUR or start == NO_TIME:
                continue
            old, new = (before.get(node), after.get(node)) if node else (lone.get(device_id), lone_after.get(device_id))
            if old is None or new is None or old == new:
                continue
            for per in (CellSpan.HOUR, CellSpan.DAY, CellSpan.MONTH):
                for zone, minute, sign in ((old, start, -1), (new, start + 30, 1)):
                    name: Any = per.name.lower()
                    (bucket,) = buckets(name, ZoneInfo(zone), 60 * minute, 60 * minute + 1)
                    self.cells[(device_id, per, bucket.start_utc // 60, node, *rest)] += sign * presses  # type: ignore[index]
        self.cells = +self.cells


def assert_cells_are_what_the_rows_say(store: Store, pruned: Sums | None = None) -> None:
    with store.reading() as connection:
        stored = list(load_sites(connection))
        rows = connection.execute(select(schema.presses)).all()
        cells = connection.execute(select(schema.cells)).all()
        waiting = connection.execute(select(schema.staff_open)).all()
        blocks = connection.execute(select(schema.staff_blocks)).all()
    expected = Sums() if pruned is None else deepcopy(pruned)
    numbers = cell_numbers(cells)
    assert {key: folded for key, (_, folded) in numbers.items() if folded} == expected.cells
    expected.add(stored, rows)
    assert {key: presses for key, (presses, _) in numbers.items()} == expected.cells
    assert all(any(one[6:10]) for one in cells), "a cell that has none any more is gone"
    shown: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for one in (*waiting, *blocks):
        faces = [one.n1, one.n2, one.n3, one.n4]
        place = (one.node_id, one.survey_id)
        shown[place] = [a + b for a, b in zip(shown[place], faces, strict=True)]
    assert {place: faces for place, faces in shown.items() if any(faces)} == dict(expected.staff)
    for one in blocks:
        assert min(one[4:]) >= 0 and sum(one[4:]) >= 10
    for one in waiting:
        assert min(one[2:]) < 0 or sum(one[2:]) < 10


def change_site(store: Store, site: Site, at_utc_minute: int) -> bool:
    """As an import does it; False: there are problems."""
    with store.writing() as connection:
        lock_sites(connection)
        stored = load_sites(connection)
        known = next((one for one in stored if one.site.organisation.key == site.organisation.key), None)
        plan = plan_import(known.site if known else None, site, at_utc_minute)
        others = [one.site for one in stored if one is not known]
        if plan.problems or clashes(plan.site, others):
            return False
        save_changes(connection, known.id if known else None, plan.changes)
        recompute(connection, places_of_sites(stored), load_places(connection), 60.0 * at_utc_minute)
    return True


class Office(RuleBasedStateMachine):
    """Batches, dates, revisions and corrections, in any order."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, Terminal] = {}
        self.now = 0
        self.pruned = Sums()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("hymio.store.log_update.ROWS_DATED_AT_ONCE", 4)
        self.patch.setattr("hymio.store.redating.ROWS_DATED_AT_ONCE", 4)
        with self.store.writing() as connection:
            for table in reversed(schema.metadata.sorted_tables):
                if table is not schema.schema_version:
                    connection.execute(table.delete())

    def teardown(self) -> None:
        self.patch.undo()
        with self.store.reading() as connection:
            assert check(connection).ok

    @initialize(logs=st.tuples(*[seeds] * len(DEVICES)), site=seeds)
    def begin(self, logs: tuple[int, ...], site: int) -> None:
        self.logs = dict(zip(DEVICES, map(log_of, logs), strict=True))
        change_site(self.store, site_of(site), MOMENTS[0])

    @rule(device_id=st.sampled_from(DEVICES), data=st.data())
    def a_batch_comes(self, device_id: str, data: st.DataObject) -> None:
        log = self.logs[device_id]
        # Hypothesis likes small numbers, and what is dull comes first: so most batches are long.
        last = len(log.slots) - 1 - data.draw(st.integers(0, len(log.slots) - 1))
        first = data.draw(st.integers(0, last))
        self.now += 1
        batch = log.batch(Cut(first, last, 0, len(log.slots)))
        with self.store.writing() as connection:
            ingest_many(connection, [Arrival(device_id, batch, "mqtt", 2e9 + self.now, "test", b"")])

    @rule()
    def dates_go_on(self) -> None:
        date_on(self.store)

    @rule(seed=seeds, key=st.sampled_from(["org", "other"]), at=st.sampled_from(MOMENTS))
    def a_site_is_another(self, seed: int, key: str, at: int) -> None:
        before, lone = self.zones()
        change_site(self.store, site_of(seed, key), at)
        self.pruned.follow(before, lone, *self.zones())

    def zones(self) -> tuple[dict[int, str], dict[str, str]]:
        """Of each point by its id, and of the terminals that never stood anywhere."""
        with self.store.reading() as connection:
            stored = list(load_sites(connection))
        of_points = {
            one.nodes[node.key]: places_of(one.site).zone(node.key)
            for one in stored
            for node in one.site.nodes
            if node.kind is NodeKind.POINT
        }
        stood = {stay.device_id for one in stored for stay in one.site.placements if is_there(one.site, 0, stay)}
        zone = stored[0].site.organisation.time_zone if len(stored) == 1 else "UTC"
        return of_points, dict.fromkeys(set(DEVICES) - stood, zone)

    @rule(device_id=st.sampled_from(DEVICES), data=st.data())
    def old_rows_go(self, device_id: str, data: st.DataObject) -> None:
        key = (device_id, LOG_ID)
        first = data.draw(st.integers(0, self.now))
        of_device = select(schema.presses).where(schema.presses.c.device_id == device_id)
        with self.store.writing() as connection:
            if log_state(connection, *key) is None:
                return
            before = connection.execute(of_device).all()
            prune_log(connection, key, 2e9 + first, 3e9)
            left = {row.seq for row in connection.execute(of_device)}
            self.pruned.add(list(load_sites(connection)), [row for row in before if row.seq not in left])

    @invariant()
    def cells_are_what_the_rows_say(self) -> None:
        assert_cells_are_what_the_rows_say(self.store, self.pruned)


@pytest.fixture
def own(empty_db: Callable[[str], str]) -> Iterator[Store]:
    """A database of one test."""
    opened = open_own(empty_db("cells"))
    yield opened
    opened.close()


@pytest.fixture
def own_sqlite(tmp_path: Path) -> Iterator[Store]:
    opened = open_own(str(tmp_path / "votes.db"))
    yield opened
    opened.close()


def open_own(db: str) -> Store:
    opened = open_store(db, create=True)
    if opened.engine.dialect.name == "sqlite":
        opened.engine.dispose()
        event.listen(opened.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    return opened


def test_cells_are_always_what_the_rows_say(own: Store) -> None:
    class OfficeOfOwn(Office):
        store = own

    examples = 20 if own.engine.dialect.name == "sqlite" else 3
    run_state_machine_as_test(OfficeOfOwn, settings=settings(max_examples=examples, stateful_step_count=20))


# A small site, and what is taken in there.

NOON = int(datetime.fromisoformat("2026-06-01T12:00:00+00:00").timestamp()) // 60
"""15:00 in Helsinki, 17:30 in Kolkata."""


def site(*stays: Placement, key: str = "org", zone: str = "Europe/Helsinki", **of_point: Any) -> Site:
    """One point with a survey of customers and one of staff."""
    asked = [Survey(one.value, "q", ("point",), date(2026, 1, 1), type=one) for one in SurveyType]
    return Site(
        Organisation(key, key, time_zone=zone),
        (Node("point", "Point", NodeKind.POINT, **of_point),),
        (Question("q", {"en": "?"}),),
        tuple(asked),
        stays,
    )


def stay(device_id: str, since: int = NOON - 60, until: int | None = None, staff: bool = False) -> Placement:
    return Placement(device_id, "point", since, until, SurveyType.STAFF if staff else SurveyType.CUSTOMER)


def take(store: Store, device_id: str, *records: Record, first: int = 0) -> None:
    """Records from a seq on; a boot and its time come with those from 0 on."""
    begin: list[Record] = [Boot(1, 0, 1, 0), Time(1, 0, 1, 60 * NOON)] if not first else []
    slots = [Slot(None)] * first + [Slot(record) for record in [*begin, *records]]
    log = Terminal(slots)
    with store.writing() as connection:
        arrival = Arrival(device_id, log.batch(Cut(first, len(slots) - 1, 0, len(slots))), "mqtt", 1e9, "test", b"")
        ingest_many(connection, [arrival])


def press(minute: int, button: int = 4, verdict: int = 0) -> Press:
    return Press(1, 60_000 * minute + 500, button, verdict, 0, 5, 65535)


def cells_in(store: Store, span: CellSpan = CellSpan.HOUR) -> dict[tuple[Any, ...], int]:
    """Presses by (device, start in minutes from NOON, node, survey, button, verdict)."""
    c = schema.cells.c
    with store.reading() as connection:
        rows = connection.execute(select(schema.cells).where(c.span == int(span))).all()
    return {(key[0], key[2] - NOON, *key[3:]): presses for key, (presses, _) in cell_numbers(rows).items()}


def test_a_press_is_in_the_hour_and_day_of_its_place(own: Store) -> None:
    assert change_site(own, site(stay("till-1"), time_zone="Asia/Kolkata"), NOON)
    take(own, "till-1", press(0), press(10), press(30))
    take(own, "till-2", press(0))
    assert cells_in(own) == {
        ("till-1", -30, 1, 1, 4, "counted"): 2,
        ("till-1", 30, 1, 1, 4, "counted"): 1,
        ("till-2", 0, 0, 0, 4, "counted"): 1,
    }
    assert cells_in(own, CellSpan.DAY) == {
        ("till-1", -1050, 1, 1, 4, "counted"): 3, ("till-2", -900, 0, 0, 4, "counted"): 1
    }  # fmt: skip


def test_what_the_terminal_counted_while_the_place_was_closed_is_apart(own: Store) -> None:
    assert change_site(own, site(stay("till-1"), hours=parse("mon-fri 08:00-15:05")), NOON)
    take(own, "till-1", press(4), press(5), press(6, verdict=1))
    assert cells_in(own) == {
        ("till-1", 0, 1, 1, 4, "counted"): 1,
        ("till-1", 0, 1, 1, 4, "out-of-hours"): 1,
        ("till-1", 0, 1, 1, 4, "repeat"): 1,
    }
    with own.reading() as connection:
        (figures,) = terminal_figures(connection)
        assert faces_between(connection, "till-1", 60.0 * (NOON - 60), 60.0 * (NOON + 60)) == [0, 0, 0, 2]
    assert figures["faces"] == [0, 0, 0, 2] and figures["verdicts"] == {"counted": 2, "repeat": 1}


def test_a_correction_touches_what_it_moves_and_reads_no_more(own: Store) -> None:
    assert change_site(own, site(stay("till-1", NOON - 600), stay("till-2", NOON - 600)), NOON - 700)
    for device_id in ("till-1", "till-2"):
        take(own, device_id, *(press(minute) for minute in range(0, 3000, 20)))
    before = cells_in(own)
    read: list[Any] = []

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if "FROM presses" in statement:
            read.append(statement)

    event.listen(own.engine, "before_cursor_execute", note)
    assert change_site(own, site(stay("till-1", NOON - 600, NOON + 100), stay("till-2", NOON - 600)), NOON - 700)
    event.remove(own.engine, "before_cursor_execute", note)
    assert len(read) == 1 and "pressed_utc >=" in read[0]
    after = cells_in(own)
    assert {key for key in {*before, *after} if before.get(key) != after.get(key)} == {
        *(("till-1", hour, 1, 1, 4, "counted") for hour in range(60, 3000, 60)),
        *(("till-1", hour, 0, 0, 4, "counted") for hour in range(60, 3000, 60)),
    }
    assert_cells_are_what_the_rows_say(own)


def test_terminals_without_a_place_take_the_clock_of_the_only_organisation(own: Store) -> None:
    take(own, "till-9", press(0))
    days = []
    for key, zone in (("a", "Asia/Kolkata"), ("a", "Europe/Helsinki"), ("b", "Asia/Kolkata")):
        assert change_site(own, site(key=key, zone=zone), NOON)
        days += [start for _, start, *_ in cells_in(own, CellSpan.DAY)]
    assert days == [-1050, -900, -720]


def staff_of(store: Store) -> tuple[list[int], list[list[int]]]:
    """Those that wait, and the blocks."""
    with store.reading() as connection:
        waiting = connection.execute(select(schema.staff_open)).all()
        blocks = connection.execute(select(schema.staff_blocks).order_by("number")).all()
    return [number for row in waiting for number in row[2:]], [list(one[4:]) for one in blocks]


def test_answers_of_staff_come_in_blocks_that_never_change(own: Store) -> None:
    assert change_site(own, site(stay("till-1", staff=True)), NOON)
    take(own, "till-1", *(press(n, 1 + n % 4) for n in range(9)), press(9, 4, verdict=1))
    assert staff_of(own) == ([3, 2, 2, 2], [])
    take(own, "till-1", press(10, 4), press(11, 2), first=12)
    assert staff_of(own) == ([0, 1, 0, 0], [[3, 2, 2, 3]])
    # The first press, which is in the block, was a chord: the next one like it makes up for it.
    take(own, "till-1", Revise(1, 720_000, 3, 2), first=14)
    assert staff_of(own) == ([-1, 1, 0, 0], [[3, 2, 2, 3]])
    take(own, "till-1", *(press(20 + n, 3) for n in range(12)), first=15)
    assert staff_of(own) == ([-1, 1, 12, 0], [[3, 2, 2, 3]]), "nothing is full while an answer is owed"
    take(own, "till-1", press(40, 1), first=27)
    assert staff_of(own) == ([0, 0, 0, 0], [[3, 2, 2, 3], [0, 1, 12, 0]])
    assert_cells_are_what_the_rows_say(own)
    # What a correction takes away is owed, too; what only ends later moves nothing.
    assert change_site(own, site(stay("till-1", NOON + 5, staff=True)), NOON)
    waiting, blocks = staff_of(own)
    assert blocks == [[3, 2, 2, 3], [0, 1, 12, 0]] and sum(waiting) == -4
    assert change_site(own, site(stay("till-1", NOON + 5, NOON + 90_000, staff=True)), NOON)
    assert staff_of(own) == (waiting, blocks)
    assert_cells_are_what_the_rows_say(own)
    assert change_site(own, site(stay("till-1", NOON + 5)), NOON)
    assert staff_of(own) == ([], []), "they were never of staff"


def test_answers_that_come_to_staff_later_are_as_old_as_they_are(own: Store) -> None:
    take(own, "till-1", *(press(n, 1 + n % 4) for n in range(25)))
    assert change_site(own, site(stay("till-1", staff=True)), NOON + 9000)
    with own.reading() as connection:
        full = connection.execute(select(schema.staff_blocks.c.full_utc).order_by("number")).scalars().all()
    assert full == [60.0 * (NOON + 9), 60.0 * (NOON + 19)]


def test_blocks_stay_where_rows_were_pruned(own: Store) -> None:
    assert change_site(own, site(stay("till-1", staff=True)), NOON)
    take(own, "till-1", *(press(n, 1 + n % 4) for n in range(15)))
    shown = staff_of(own)
    with own.writing() as connection:
        assert prune_log(connection, ("till-1", LOG_ID), 3e9, 4e9).presses == 15
    assert change_site(own, site(stay("till-1", until=NOON + 90_000, staff=True)), NOON)
    assert staff_of(own) == shown


def test_pruned_presses_follow_the_clock_of_their_place(own: Store) -> None:
    """Midnight in Helsinki is 22:00 of the day before in London."""
    assert change_site(own, site(stay("till-1")), NOON)
    take(own, "till-1", press(0), press(500), press(570))
    with own.writing() as connection:
        assert prune_log(connection, ("till-1", LOG_ID), 3e9, 4e9).presses == 3
    by_day = {key[1]: presses for key, presses in cells_in(own, CellSpan.DAY).items()}
    assert by_day == {-900: 2, 540: 1}  # the third is after midnight
    for zone, expected in (("Europe/London", {-780: 3}), ("Asia/Kolkata", {-1050: 1, 390: 2}), ("UTC", {-720: 3})):
        assert change_site(own, site(stay("till-1"), zone=zone), NOON)
        assert {key[1]: presses for key, presses in cells_in(own, CellSpan.DAY).items()} == expected, zone
        assert sum(cells_in(own, CellSpan.HOUR).values()) == sum(cells_in(own, CellSpan.MONTH).values()) == 3


class FailsAfterwards(Exception):
    pass


def test_an_import_that_fails_leaves_no_trace(own: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert change_site(own, site(stay("till-1")), NOON)
    take(own, "till-1", press(0))

    def fails(*_: Any) -> None:
        raise FailsAfterwards

    for what in ("hymio.store.corrections.add_cells", "hymio.store.corrections._move_folded"):
        with monkeypatch.context() as patch, pytest.raises(FailsAfterwards):
            patch.setattr(what, fails)
            change_site(own, site(stay("till-1", NOON + 1)), NOON)
        take(own, "till-1", press(0))
        assert_cells_are_what_the_rows_say(own)


def test_another_collector_hears_of_a_change(own: Store) -> None:
    other = open_store(own.engine.url.render_as_string(hide_password=False))
    try:
        for minute, one in enumerate((own, other)):
            assert change_site(one, site(stay("till-1", NOON + 3 * minute)), NOON)
            for number, taker in enumerate((own, other)):
                take(taker, "till-1", press(2 * minute + number), first=2 + 2 * minute + number)
            take(own, "till-1")
            assert_cells_are_what_the_rows_say(own)
    finally:
        other.close()


def test_collectors_and_imports_at_once(own: Store) -> None:
    """Whatever they do to each other, nothing is counted at a place where it does not belong."""
    address = own.engine.url.render_as_string(hide_password=False)
    problems: list[BaseException] = []

    def collects(number: int) -> None:
        store = open_own(address)
        log = log_of(number)
        try:
            for seq in range(0, len(log.slots), 4):
                last = min(seq + 6, len(log.slots) - 1)
                batch = log.batch(Cut(seq, last, 0, len(log.slots)))
                # Both are heard of by both, as a broker delivers twice.
                arrivals = [Arrival(one, batch, "mqtt", 2e9 + seq, "test", b"") for one in DEVICES[:2]]
                commit_whatever_comes(store, Transaction(arrivals=arrivals))
        except BaseException as error:
            problems.append(error)
        finally:
            store.close()

    def imports() -> None:
        store = open_own(address)
        try:
            for seed in range(12):
                change_site(store, site_of(seed), MOMENTS[0])
        except BaseException as error:
            problems.append(error)
        finally:
            store.close()

    work = [threading.Thread(target=collects, args=(7,)), threading.Thread(target=collects, args=(7,))]
    work.append(threading.Thread(target=imports))
    for one in work:
        one.start()
    for one in work:
        one.join()
    assert problems == []
    assert_cells_are_what_the_rows_say(own)


def test_presses_tell_the_transaction_that_brought_them(own: Store) -> None:
    take(own, "till-1", press(0), press(1))
    take(own, "till-1", Revise(1, 200_000, 3, 2), first=4)
    take(own, "till-2", press(0))
    p, c = schema.presses.c, schema.counters.c
    with own.reading() as connection:
        found = connection.execute(select(p.device_id, p.seq, p.arrival).order_by(p.device_id, p.seq)).all()
        counter = connection.execute(select(c.value).where(c.name == "arrival")).scalar_one()
    assert [tuple(row) for row in found] == [("till-1", 2, 1), ("till-1", 3, 1), ("till-2", 2, 2)] and counter == 2


def test_what_waits_for_whom(postgres_url: str, new_db: Callable[[str, str], str]) -> None:
    """Arrivals are numbered in the order in which they are committed; nobody changes a site while presses come."""
    store = open_store(new_db("postgresql", "waits"), create=True)

    def waits(what: Callable[[Connection], object]) -> bool:
        try:
            with store.writing() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '100ms'"))
                what(connection)
        except Failure as failure:
            assert "lock timeout" in str(failure.__cause__)
            return True
        return False

    def brings(device_id: str, *records: Record) -> Callable[[Connection], object]:
        log = Terminal([Slot(record) for record in records])
        arrival = Arrival(device_id, log.batch(Cut(0, len(records) - 1, 0, len(records))), "mqtt", 1e9, "test", b"")
        return lambda connection: ingest_many(connection, [arrival])

    try:
        with store.writing() as connection:
            brings("till-1", press(0))(connection)
            assert waits(brings("till-2", press(0)))
            assert not waits(brings("till-3", Boot(1, 0, 1, 0))), "it brings no press"
            assert waits(lock_sites)
        with store.writing() as connection:
            lock_sites(connection)
            assert waits(brings("till-2", press(0)))
            assert waits(date_waiting)
        assert not waits(brings("till-2", press(0)))
    finally:
        store.close()


WRONG = {
    "cells": "UPDATE cells SET n2 = n2 + 1 WHERE span = 1 AND device_id = 'till-1'",
    "cells moved": "UPDATE cells SET n3 = n4, n4 = 0 WHERE span = 2 AND device_id = 'till-1'",
    "cells gone": "DELETE FROM cells WHERE span = 0",
    "cells of nobody": "INSERT INTO cells VALUES ('till-7', 1, 9, 0, 0, 'mash', 1, 0, 0, 0, 0, 0, 0, 0)",
    "cells folded": "UPDATE cells SET folded_4 = 1, n4 = n4 + 1 WHERE span = 0",
    "presses gone": "DELETE FROM presses WHERE seq = 3",
    "presses moved": "UPDATE presses SET pressed_utc = pressed_utc + 3600 WHERE seq = 3",
    "spans": "UPDATE spans SET presses = presses + 1",
    "spans check": "UPDATE spans SET presses_check = presses_check + 1",
    "spans lost": "UPDATE spans SET lost = 1",
    "logs": "UPDATE logs SET presses = presses + 1",
    "logs lost": "UPDATE logs SET lost = 1",
    "logs gaps": "UPDATE logs SET open_gaps = 1",
    "staff": "UPDATE staff_blocks SET n4 = n4 + 1",
    "staff waiting": "DELETE FROM staff_open",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_check_finds_whatever_is_wrong(own_sqlite: Store, what: str) -> None:
    assert change_site(own_sqlite, site(stay("till-1", staff=True)), NOON)
    take(own_sqlite, "till-1", *(press(minute) for minute in range(13)))
    take(own_sqlite, "till-2", press(0))
    with own_sqlite.reading() as connection:
        told: list[tuple[int, int]] = []
        checked = check(connection, lambda at, of: told.append((at, of)))
    assert checked.ok and told == [(0, 2), (1, 2), (2, 2)]
    with own_sqlite.writing() as connection:
        connection.execute(text(WRONG[what]))
    with own_sqlite.reading() as connection:
        checked = check(connection)
    assert not checked.ok
    told_of = {"presses": "cells", "staff": "staff_blocks"}
    assert told_of.get(what.split()[0], what.split()[0]) in {one.table for one in checked.different}
    assert all(one.stored != one.computed for one in checked.different)


def test_a_check_lists_no_more_than_anybody_reads(own_sqlite: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hymio.store.check.DIFFERENT_MAX", 2)
    take(own_sqlite, "till-1", *(press(60 * hour) for hour in range(5)))
    with own_sqlite.writing() as connection:
        connection.execute(schema.cells.delete())
    with own_sqlite.reading() as connection:
        checked = check(connection)
    assert len(checked.different) == 2 and checked.not_listed == 6


def test_check_as_a_command(tmp_path: Path) -> None:
    db = str(tmp_path / "votes.db")
    store = open_own(db)
    take(store, "till-1", press(0), press(1))
    done = hymio("db", "check", "--db", db, "--json")
    assert done.returncode == 0 and schema_checked("db-check", done.stdout)["different"] == []
    with store.writing() as connection:
        connection.execute(text("UPDATE cells SET n4 = 3 WHERE span = 0"))
    store.close()
    done = hymio("db", "check", "--db", db, "--json")
    answer = schema_checked("db-check", done.stdout)
    assert done.returncode == ANSWER_NO and not answer["ok"] and answer["not_listed"] == 0
    key = {
        "device_id": "till-1", "span": 0, "start_utc_minute": 0, "node_id": 0, "survey_id": 0, "verdict": "counted",
    }  # fmt: skip
    assert answer["different"] == [{"table": "cells", "key": key, "column": "n4", "stored": 3, "computed": 2}]
    done = hymio("db", "check", "--db", db)
    assert done.returncode == ANSWER_NO and "1 sum of " in done.stdout and "till-1" in done.stdout
