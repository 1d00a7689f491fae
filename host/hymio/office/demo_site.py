"""`hymio demo-site`: a year of four plausible places, through the same ingest as every vote.

What happens there is made up, and worth finding: Mondays begin badly at the reception until it gets a better queue, the
canteen is crowded at noon, the library has children, and the ward has been going down for three weeks.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select

from hymio import __version__
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import error_console, print_json, print_line
from hymio.measures.opening import open_spans
from hymio.site.diff import plan_import
from hymio.site.model import Places, Site, places_of
from hymio.site.read import parse_site
from hymio.store import schema
from hymio.store.arrivals import Arrival, StateSaid
from hymio.store.database import Store, open_store
from hymio.store.ingest import ingest_many
from hymio.store.known_terminals import Facts, keep
from hymio.store.places import load_places
from hymio.store.sites import load_sites, lock_sites, save_changes
from hymio.store.terminal_states import note_states
from hymio.wire.batches import Batch
from hymio.wire.records import QUIET_UNKNOWN_MS, UNANSWERED, VERDICT_CODES, Boot, Event, Press, Record, Time, TimeSource

SITE_FILE: Final = Path(__file__).with_name("demo_site.toml")
DAYS: Final = 365
_CUTS: Final = (-2.2, -1.2, 0.6)
"""Between the four faces, on the scale of how content somebody is (an ordered logit)."""
_ANSWERS: Final = 0.45
"""Of those who are asked why, so many say it."""
_FRESH_MV: Final = 3150
"""Of two lithium cells."""
_QUEUE_FROM_DAY: Final = 110
_DECLINE_FROM_DAY: Final = 21
"""Days before the end."""

Mood = Callable[[datetime, int], float]
"""From the local time and the number of days before the end to how content people are; 0 is middling."""


def _reception(at: datetime, before_end: int) -> float:
    monday = 1.4 if at.weekday() == 0 and at.hour < 10 else 0.0
    queue = 0.0 if before_end < _QUEUE_FROM_DAY else 0.7
    return 1.4 - queue - monday - (0.5 if at.hour in (11, 12) else 0.0)


def _ward(at: datetime, before_end: int) -> float:
    return 1.6 - (0.7 if at.hour >= 18 else 0.0) - max(0.0, 1.3 * (1 - before_end / _DECLINE_FROM_DAY))


def _canteen(at: datetime, before_end: int) -> float:
    return (
        0.8 + {2: -0.5, 4: 0.6}.get(at.weekday(), 0.0) - (0.9 if at.hour == 12 else 0.0) + 0.0005 * (DAYS - before_end)
    )


def _library(at: datetime, _before_end: int) -> float:
    return 2.1 - (0.8 if at.weekday() >= 5 else 0.0) - (0.3 if at.hour >= 17 else 0.0)


@dataclass(frozen=True, slots=True)
class _Life:
    """What goes on at a terminal.

    a_day: votes, about. reasons: how often each answer is given. mash: the share of votes after which children mash the
    buttons. closed: that of presses while the place is closed.
    supply_mv: of its battery by now; None: it is on mains. rssi: of its Wi-Fi, in dBm. edges: of a thousand presses of
    each switch; 2,000 would be clean ones.
    """

    point: str
    a_day: float
    busy: dict[int, float]
    """By hour, where it is not 1."""
    mood: Mood
    reasons: tuple[float, float, float, float]
    mash: float
    closed: float
    supply_mv: int | None
    rssi: int
    edges: tuple[int, int, int, int]


_LIVES: Final = {
    "demo-reception": _Life(
        "reception", 120, {8: 1.7, 9: 1.5, 12: 0.7, 15: 0.6}, _reception, (0.62, 0.17, 0.15, 0.06), 0.004, 0.006,
        None, -58, (2300, 2250, 2400, 2600),
    ),
    "demo-ward-3": _Life(
        "ward-3", 45, {14: 1.8, 15: 1.8, 18: 1.4}, _ward, (0.2, 0.24, 0.46, 0.1), 0.003, 0.004,
        2710, -71, (2200, 2200, 2300, 2350),
    ),
    "demo-canteen": _Life(
        "canteen", 150, {10: 0.5, 11: 1.2, 12: 1.7}, _canteen, (0.3, 0.42, 0.16, 0.12), 0.03, 0.002,
        None, -63, (2700, 2600, 3900, 6200),
    ),
    "demo-library": _Life(
        "library", 65, {15: 1.6, 16: 1.5, 9: 0.6}, _library, (0.2, 0.15, 0.25, 0.4), 0.06, 0.01,
        2860, -66, (2500, 2400, 2600, 2900),
    ),
}  # fmt: skip


def run_demo_site(db: str, seed: int, as_json: bool, now_utc: float | None = None) -> None:
    """Fills a database that holds nothing yet.

    Raises:
        Failure: 2, it holds places or votes already. Nothing was touched.
    """
    now_utc = time.time() if now_utc is None else now_utc
    store = open_store(db, create=True)
    try:
        presses = fill_demo(store, seed, now_utc, is_quiet=as_json)
        make_demo_rules(store, now_utc)
    finally:
        store.close()
    if as_json:
        print_json({"organisation": demo_site().organisation.key, "terminals": sorted(_LIVES), "presses": presses})
    else:
        print_line(f"{presses} presses of a year at {len(_LIVES)} places. Look: hymio serve --db {db}")


def demo_site() -> Site:
    """The places."""
    return parse_site(SITE_FILE.read_text(encoding="utf-8"), SITE_FILE.name)


def fill_demo(store: Store, seed: int, now_utc: float, days: int = DAYS, is_quiet: bool = True) -> int:
    """Fills a database in one transaction, all of it or nothing, and gives the number of presses.

    Args:
        store: the database.
        seed: of everything that happens.
        now_utc: when it ends, in seconds of 1970.
        days: how many there are, the last one included; all but the last ones of a year are left out.
        is_quiet: whether nobody is to see how far it is.

    Raises:
        Failure: as `run_demo_site` does.
    """
    from rich.progress import Progress

    site, presses = demo_site(), 0
    with store.writing() as connection, Progress(console=error_console(), disable=is_quiet, transient=True) as progress:
        lock_sites(connection)
        if load_sites(connection) or connection.execute(select(schema.logs.c.device_id).limit(1)).first():
            raise Failure(
                WRONG_USE,
                "The database holds places or votes already; nothing was touched.",
                "The demo wants one of its own: give --db a file that is not there yet.",
            )
        save_changes(connection, None, plan_import(None, site, 0).changes)
        load_places(connection)
        keep(
            connection, {device_id: Facts(__version__, life.supply_mv, life.rssi) for device_id, life in _LIVES.items()}
        )
        task = progress.add_task("A year of votes", total=days)
        for day, arrivals in demo_arrivals(site, seed, now_utc, days):
            ingest_many(connection, arrivals)
            note_states(connection, arrivals, (), {})
            presses += sum(isinstance(record, Press) for one in arrivals for _, record in one.batch.records)
            progress.update(task, completed=day)
        for utc, fallen in ((now_utc - 86_400.0 * days, 0.0), (now_utc, 1.0)):
            said = [_state(device_id, life, utc, fallen) for device_id, life in _LIVES.items()]
            note_states(connection, (), said, {})
    return presses


def make_demo_rules(store: Store, now_utc: float) -> None:
    """A few rules of alerts."""
    from hymio.alerting.grounds import Grounds
    from hymio.alerting.making import RuleWish, make_rule
    from hymio.alerting.rules import RuleKind

    night = "mon-sun 20:00-07:00"
    wishes = (
        ("ward-3", RuleWish(RuleKind.INDEX_BASELINE, "The ward is worse than usual", {"drop": 5})),
        ("canteen", RuleWish(RuleKind.NEGATIVE, "Many unhappy at lunch", {"share": 35})),
        (None, RuleWish(RuleKind.SILENT, "A terminal is silent", {}, quiet=night)),
        (None, RuleWish(RuleKind.BATTERY, "A battery is weak", {}, quiet=night)),
    )
    with store.writing() as connection:
        grounds = Grounds(connection)
        [stored] = grounds.sites.values()
        for place, wish in wishes:
            node_id = None if place is None else stored.nodes[place]
            make_rule(connection, grounds, stored.id, node_id, wish, "demo-site", now_utc)


def _state(device_id: str, life: _Life, utc: float, fallen: float) -> StateSaid:
    """What a terminal says of itself; `fallen` is 0 with a fresh battery and 1 at the end."""
    mv = None if life.supply_mv is None else round(_FRESH_MV + fallen * (life.supply_mv - _FRESH_MV))
    said = {
        "state": "online" if mv is None else "asleep", "device_id": device_id, "firmware": __version__,
        "utc_ms": int(1000 * utc), "unsent": 0, "rssi": life.rssi, "supply_mv": mv, "supply_low": False,
        "power": "mains" if mv is None else "deep", "switches": [[1000, edges, 0, 0] for edges in life.edges],
        "cert_ends": datetime.fromtimestamp(utc + 290 * 86_400, UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    return StateSaid(device_id, "demo", json.dumps(said).encode(), utc)


def demo_arrivals(site: Site, seed: int, now_utc: float, days: int = DAYS) -> Iterator[tuple[int, Sequence[Arrival]]]:
    """What comes from the terminals, week by week, with the number of days that are over.

    The same site, seed and moment always give the same.
    """
    places = places_of(site)
    terminals = [_Terminal(device_id, life, places, seed, now_utc, days) for device_id, life in _LIVES.items()]
    for first in range(0, days, 7):
        week = range(first, min(first + 7, days))
        yield week[-1] + 1, [one for terminal in terminals if (one := terminal.batch(week)) is not None]


class _Terminal:
    """One terminal through its year: what stands in its log."""

    def __init__(self, device_id: str, life: _Life, places: Places, seed: int, now_utc: float, days: int) -> None:
        self.device_id, self.life, self.now_utc, self.days = device_id, life, now_utc, days
        self.rng = Random(f"{seed} {device_id}")
        self.log_id = self.rng.getrandbits(31) | 1
        self.zone = ZoneInfo(places.zone(life.point))
        self.hours = places.hours(life.point)
        today = datetime.fromtimestamp(now_utc, self.zone).date()
        self.first_day = today - timedelta(days=days - 1)
        self.began_utc = self._midnight(self.first_day)
        self.seq = 0
        self.totals = [0, 0, 0, 0]

    def _midnight(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())

    def batch(self, days: range) -> Arrival | None:
        """All of some days, as one batch: its terminal had no network until their end; None: nothing has happened."""
        records: list[Record] = [Boot(1, 0, 1, 0)] if self.seq == 0 else []
        for number in days:
            day = self.first_day + timedelta(days=number)
            midnight = self._midnight(day)
            if midnight < self.now_utc:
                records.append(Time(1, self._ms(midnight), int(TimeSource.NTP), midnight))
                records += self._day(day, self.days - 1 - number)
        if not records:
            return None
        first_seq, totals = self.seq, self.totals.copy()
        slots = []
        for record in records:
            if isinstance(record, Event):  # it names the vote before it
                record = Event(record.boot, record.uptime_ms, record.event, self.seq - 1)
            slots.append((self.seq, record))
            self.seq += 1
            if isinstance(record, Press):
                self.totals[record.button - 1] += 1
        one, two, three, four = totals
        batch = Batch(
            self.log_id, first_seq + 1, 1, True, first_seq, len(slots), first_seq and 1, 0, (one, two, three, four),
            tuple(slots),
        )  # fmt: skip
        # A terminal that stands in a closed canteen has a network all the same.
        received_utc = min(self.now_utc, float(self._midnight(self.first_day + timedelta(days=days[-1] + 1))))
        return Arrival(self.device_id, batch, "mqtt", received_utc, "demo", b"")

    def _ms(self, utc: float) -> int:
        return int(1000 * (utc - self.began_utc))

    def _day(self, day: date, before_end: int) -> Iterator[Record]:
        """The records of a day, in order."""
        start, end = self._midnight(day), self._midnight(day + timedelta(days=1))
        assert self.hours is not None, "all of the demo's places have opening hours"
        spans = list(open_spans(self.hours, self.zone, start, end))
        hours = sum(span.end_utc - span.start_utc for span in spans) / 3600
        season = 1 + 0.12 * math.sin(2 * math.pi * before_end / DAYS) + self.rng.uniform(-0.12, 0.12)
        moments = []
        for span in spans:
            utc = float(span.start_utc)
            while True:
                at = datetime.fromtimestamp(utc, self.zone)
                rate = self.life.a_day * season * self.life.busy.get(at.hour, 1.0) / hours / 3600
                utc += 3 + self.rng.expovariate(rate)
                if utc >= span.end_utc:
                    break
                moments.append((utc, True))
        if self.rng.random() < self.life.closed * self.life.a_day:  # the cleaner, in the evening
            moments += [(end - 4 * 3600 + 20 * number, False) for number in range(self.rng.randint(1, 3))]
        last = 0
        for utc, is_open in sorted(moments):
            if utc >= self.now_utc - 10:
                return
            if self._ms(utc) <= last:  # somebody else stands there
                continue
            for record in self._press(utc, is_open, before_end):
                last = max(last, record.uptime_ms + 4000)
                yield record

    def _press(self, utc: float, is_open: bool, before_end: int) -> Iterator[Press | Event]:
        """A press and what comes of it."""
        rng, at = self.rng, datetime.fromtimestamp(utc, self.zone)
        if not is_open:
            yield self._record(utc, rng.randint(1, 4), "closed")
            return
        chance = rng.random()
        content = self.life.mood(at, before_end) + math.log(chance / (1 - chance)) if chance else 0.0
        button = 1 + sum(content > cut for cut in _CUTS)
        yield self._record(utc, button, "counted")
        if rng.random() < self.life.mash:
            for number in range(rng.randint(2, 6)):
                yield self._record(utc + 0.6 + 0.3 * number, rng.randint(1, 4), "mash")
        elif rng.random() < 0.02:
            yield self._record(utc + 0.4, button, "repeat")
        elif button <= 2 and rng.random() < _ANSWERS:
            reason = rng.choices((1, 2, 3, 4), self.life.reasons)[0]
            yield self._record(utc + rng.uniform(1.5, 6), reason, "answer")
        elif button <= 2:
            yield Event(1, self._ms(utc) + 9000, UNANSWERED, 0)

    def _record(self, utc: float, button: int, verdict: str) -> Press:
        return Press(1, self._ms(utc), button, VERDICT_CODES[verdict], 0, 4, QUIET_UNKNOWN_MS)
