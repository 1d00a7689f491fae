"""The roll-ups always are what the rows say: whatever comes, in whatever order, and whatever becomes of the sites."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sites import ZONES
from sqlalchemy import event, select
from test_ingest import Cut, Slot, Terminal
from test_site_attribution import slowly

from hymio.measures.buckets import buckets
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
from hymio.store.corrections import recompute
from hymio.store.database import Store, open_store
from hymio.store.ingest import ingest_many
from hymio.store.places import load_places, places_of_sites
from hymio.store.schema import NO_TIME, CellSpan
from hymio.store.sites import StoredSite, clashes, load_sites, lock_sites, save_changes
from hymio.store.transaction import date_on
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


def belongs(stored: list[StoredSite], device_id: str, minute: int) -> tuple[int, int, int, int, bool, bool]:
    """(node, survey, day, hour, is open, whether staff is asked), by the words of the plan."""
    for one in stored:
        point, survey, day, hour, is_open = slowly(one.site, device_id, minute)
        if point is not None:
            (asked,) = [s for s in one.site.surveys if s.key == survey] or [None]
            return (
                one.nodes[point], one.surveys[survey] if survey else 0, day, hour, is_open,
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
    return 0, 0, day_.start_utc // 60, hour_.start_utc // 60, True, False


def assert_cells_are_what_the_rows_say(store: Store) -> None:
    with store.reading() as connection:
        stored = list(load_sites(connection))
        rows = connection.execute(select(schema.presses)).all()
        cells = connection.execute(select(schema.cells)).all()
        waiting = connection.execute(select(schema.staff_open)).all()
        blocks = connection.execute(select(schema.staff_blocks)).all()
    expected: Counter[Key] = Counter()
    staff: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows:
        node, survey, day, hour, is_open, of_staff = 0, 0, NO_TIME, NO_TIME, True, False
        if row.pressed_utc is not None:
            minute = int(row.pressed_utc // 60)
            node, survey, day, hour, is_open, of_staff = belongs(stored, row.device_id, minute)
        verdict = "out-of-hours" if row.verdict == "counted" and not is_open else row.verdict
        count: int = row._mapping["count"]
        for span, start in ((CellSpan.EVER, 0), (CellSpan.DAY, day), (CellSpan.HOUR, hour)):
            expected[row.device_id, span, start, node, survey, row.button, verdict] += count
        if of_staff and verdict == "counted":
            staff[node, survey][row.button - 1] += count
    assert {tuple(one[:7]): one.presses for one in cells} == expected
    shown: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for one in (*waiting, *blocks):
        faces = [one.n1, one.n2, one.n3, one.n4]
        place = (one.node_id, one.survey_id)
        shown[place] = [a + b for a, b in zip(shown[place], faces, strict=True)]
    assert {place: faces for place, faces in shown.items() if any(faces)} == dict(staff)
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
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("hymio.store.log_update.ROWS_DATED_AT_ONCE", 4)
        self.patch.setattr("hymio.store.redating.ROWS_DATED_AT_ONCE", 4)
        with self.store.writing() as connection:
            for table in reversed(schema.metadata.sorted_tables):
                if table is not schema.schema_version:
                    connection.execute(table.delete())

    def teardown(self) -> None:
        self.patch.undo()

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
        change_site(self.store, site_of(seed, key), at)

    @invariant()
    def cells_are_what_the_rows_say(self) -> None:
        assert_cells_are_what_the_rows_say(self.store)


@pytest.mark.parametrize("examples", [20])
def test_cells_are_always_what_the_rows_say(tmp_path: Path, examples: int) -> None:
    store = open_store(str(tmp_path / "votes.db"), create=True)
    store.engine.dispose()
    event.listen(store.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))

    class OnSqlite(Office):
        pass

    OnSqlite.store = store
    run_state_machine_as_test(OnSqlite, settings=settings(max_examples=examples, stateful_step_count=20))
    store.close()
