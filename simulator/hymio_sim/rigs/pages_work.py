"""Fills databases for bench_pages: 25,000 terminals of 250 organisations, or of a single one.

pages_work.py DB PRESSES           so many presses altogether, all within the same minutes of a year, nearly all of one
                                   organisation
pages_work.py DB PRESSES --one     one organisation, with the roll-ups of so many presses and without their rows
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from random import Random
from typing import Final

from hymio.site.diff import plan_import
from hymio.site.read import parse_site
from hymio.store.arrivals import Arrival
from hymio.store.database import open_store
from hymio.store.ingest import ingest_many
from hymio.store.sites import lock_sites, save_changes
from hymio.wire.batches import Batch
from hymio.wire.records import QUIET_UNKNOWN_MS, Boot, Press, Record, Time, TimeSource

ORGANISATIONS: Final = 250
GROUPS: Final = 5
TERMINALS: Final = 100
"""Of each organisation, each at a place of its own."""
NOW_UTC: Final = 1_790_000_000.0
"""2026-09-21, a Monday."""
_DAYS: Final = 365
_FEW: Final = 40
"""Presses of each terminal of a small organisation, in the last two weeks."""
LOG_ID: Final = 0x5A5A5A5A

ONE_TERMINALS: Final = 25_000
"""Of the single organisation, two at each place."""
ONE_PLACES: Final = 12_500
ONE_REGIONS: Final = 10
ONE_TOWNS: Final = 50
"""Of each region, of 25 places each; the last region has its 1,250 places right below it."""
_ONE_PATTERN: Final = 100
"""So many terminals count presses; the database copies them for all others."""


def site_text(number: int) -> str:
    """The site of an organisation."""
    lines = [
        "[organisation]", f'key = "org-{number:03}"', f'name = "Organisation {number}"', 'locale = "en"',
        'time_zone = "Europe/Helsinki"', "[question.q]", 'text.en = "How was our service today?"',
        "[survey.s]", 'question = "q"', f"at = {[f'g{group}' for group in range(GROUPS)]}", "first_day = 2020-01-01",
        "[survey.s.unhappy]", 'text.en = "What went wrong?"',
        'option = [{ key = "a", text.en = "The waiting" }, { key = "b", text.en = "The staff" }]',
    ]  # fmt: skip
    for group in range(GROUPS):
        hours = 'hours = "mon-sat 09:00-18:00"'
        lines += [f"[group.g{group}]", f'name = "Group {group}"', hours, 'level = "EXCELLENT"']
    for place in range(TERMINALS):
        lines += [f"[point.p{place:02}]", f'name = "Place {place}"', f'parent = "g{place % GROUPS}"']
    for place in range(TERMINALS):
        lines += ["[[placement]]", f'device_id = "{device_id(number, place)}"', f'at = "p{place:02}"']
        lines += ["from = 2020-01-01T00:00:00+02:00"]
    return "\n".join(lines)


def device_id(organisation: int, place: int) -> str:
    """The terminal at a place."""
    return f"t-{organisation:03}-{place:02}"


def fill(db: str, presses: int) -> None:
    """Fills a database that is not there yet.

    The first organisation's presses of a year, and those of two weeks of the second one, are taken in as from the air.
    The database itself copies the latter for all others, and repeats the former in the same minutes, with all that is
    kept beside them. So databases differ in how many presses a minute has, and in nothing else.
    """
    store = open_store(db, create=True)
    with store.writing() as connection:
        lock_sites(connection)
        for number in range(ORGANISATIONS):
            save_changes(connection, None, plan_import(None, parse_site(site_text(number)), 0).changes)
    rng = Random(1)
    pattern = 0
    for organisation in (0, 1):
        for place in range(TERMINALS):
            records = list(_records(rng, organisation, place))
            batch = Batch(LOG_ID, 1, 1, True, 0, len(records), 0, 0, (0, 0, 0, 0), tuple(enumerate(records)))
            with store.writing() as connection:
                name = device_id(organisation, place)
                ingest_many(connection, [Arrival(name, batch, "mqtt", NOW_UTC, "bench", b"")])
            pattern += len(records) - 2 if organisation == 0 else 0
    store.close()
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        # The database can be made again, so nothing of it needs to survive a power cut.
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-262144")
        _copy_small(connection)
        times = max(1, (presses - (ORGANISATIONS - 1) * TERMINALS * _FEW) // pattern)
        _repeat(connection, times)
        connection.executescript("ANALYZE; PRAGMA journal_mode=WAL")


def one_site_text() -> str:
    """The site of the single organisation."""
    lines = [
        "[organisation]", 'key = "one"', 'name = "One organisation"', 'locale = "en"',
        'time_zone = "Europe/Helsinki"', "[question.q]", 'text.en = "How was our service today?"',
        "[survey.s]", 'question = "q"', f"at = {[f'r{region}' for region in range(ONE_REGIONS)]}",
        "first_day = 2020-01-01",
    ]  # fmt: skip
    of_region = ONE_PLACES // ONE_REGIONS
    parents = []
    for region in range(ONE_REGIONS):
        lines += [f"[group.r{region}]", f'name = "Region {region}"', 'hours = "mon-sat 09:00-18:00"']
        for town in range(0 if region == ONE_REGIONS - 1 else ONE_TOWNS):
            lines += [f"[group.r{region}-t{town:02}]", f'name = "Town {region}.{town}"', f'parent = "r{region}"']
            parents += [f"r{region}-t{town:02}"] * (of_region // ONE_TOWNS)
    parents += [f"r{ONE_REGIONS - 1}"] * of_region
    for place, parent in enumerate(parents):
        lines += [f"[point.p{place:05}]", f'name = "Place {place}"', f'parent = "{parent}"']
    for number in range(ONE_TERMINALS):
        lines += ["[[placement]]", f'device_id = "u-{number:05}"', f'at = "p{number // 2:05}"']
        lines += ["from = 2020-01-01T00:00:00+02:00"]
    return "\n".join(lines)


def fill_one(db: str, presses: int) -> None:
    """Fills a database that is not there yet with a single organisation.

    A hundred terminals' presses of a year are taken in as from the air; what is kept beside them the database copies
    for all others. Rows of presses there are of the hundred alone: pages read none.
    """
    store = open_store(db, create=True)
    with store.writing() as connection:
        lock_sites(connection)
        save_changes(connection, None, plan_import(None, parse_site(one_site_text()), 0).changes)
    rng = Random(1)
    for number in range(_ONE_PATTERN):
        moments = sorted(
            86_400 * rng.randrange(_DAYS) + rng.randrange(6 * 3600, 15 * 3600) for _ in range(presses // ONE_TERMINALS)
        )
        records = list(_log(rng, _DAYS, moments, worse=number % 7 == 0))
        batch = Batch(LOG_ID, 1, 1, True, 0, len(records), 0, 0, (0, 0, 0, 0), tuple(enumerate(records)))
        with store.writing() as connection:
            ingest_many(connection, [Arrival(f"u-{number:05}", batch, "mqtt", NOW_UTC, "bench", b"")])
    store.close()
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-262144")
        for table in ("logs", "cells"):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = [
                "printf('u-%05d', CAST(substr(device_id, 3) AS INTEGER) + :shift)" if name == "device_id"
                else "CASE node_id WHEN 0 THEN 0 ELSE node_id + :shift / 2 END" if name == "node_id"
                else f'"{name}"'
                for name in names
            ]  # fmt: skip
            columns = ", ".join(f'"{name}"' for name in names)
            for shift in range(_ONE_PATTERN, ONE_TERMINALS, _ONE_PATTERN):
                connection.execute(
                    f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} FROM {table}"
                    f" WHERE device_id < 'u-{_ONE_PATTERN:05}'",
                    {"shift": shift},
                )
        _say_states(connection)
        connection.executescript("ANALYZE; PRAGMA journal_mode=WAL")


def _say_states(connection: sqlite3.Connection) -> None:
    """What each terminal of the single organisation said last: no two alike, in an order that is not that of names."""
    connection.execute("DELETE FROM terminal_states")
    for number in range(ONE_TERMINALS):
        turn = number * 7919 % ONE_TERMINALS
        connection.execute(
            "INSERT INTO terminal_states (device_id, heard_utc, said_utc, state, unsent, clock_set, supply_mv,"
            " empty_utc, rssi, worst_button, edges_a_press, firmware, cert_ends_utc)"
            " VALUES (?, ?, ?, 'asleep', ?, 1, ?, ?, ?, 1, ?, ?, ?)",
            (
                f"u-{number:05}", NOW_UTC - 10 * turn, NOW_UTC - 10 * turn, turn % 40, 2500 + turn % 700,
                NOW_UTC + 86_400 * (turn % 900), -40 - turn % 50, 2 + turn % 90 / 10, f"1.{turn % 7}.0",
                NOW_UTC + 86_400 * (turn % 700),
            ),
        )  # fmt: skip


def _records(rng: Random, organisation: int, place: int) -> Iterator[Record]:
    """A log: of the first organisation some votes of each day of a year, of others a few of two weeks."""
    days = _DAYS if organisation == 0 else 14
    moments = []
    if organisation == 0:
        for day in range(days):
            moments += [86_400 * day + rng.randrange(6 * 3600, 15 * 3600) for _ in range(9)]
    else:
        moments = [86_400 * rng.randrange(days) + rng.randrange(6 * 3600, 15 * 3600) for _ in range(_FEW)]
    yield from _log(rng, days, sorted(set(moments)), worse=place % 7 == 0)


def _log(rng: Random, days: int, moments: Sequence[int], *, worse: bool) -> Iterator[Record]:
    """A log of so many days, with a press at each of these seconds that is not to come yet."""
    began = int(NOW_UTC) // 86_400 * 86_400 - (days - 1) * 86_400
    yield Boot(1, 0, 1, 0)
    yield Time(1, 0, int(TimeSource.NTP), began)
    for at in moments:
        if began + at < NOW_UTC:
            button = rng.choices((1, 2, 3, 4), (20, 15, 30, 35) if worse else (5, 7, 28, 60))[0]
            yield Press(1, 1000 * at, button, 0 if rng.random() < 0.95 else 2, 0, 4, QUIET_UNKNOWN_MS)


def _copy_small(connection: sqlite3.Connection) -> None:
    """The second organisation's presses for all others."""
    ids = dict(connection.execute("SELECT key, id FROM organisations"))
    first_node = dict(connection.execute("SELECT organisation_id, min(id) FROM nodes GROUP BY 1"))
    first_survey = dict(connection.execute("SELECT organisation_id, min(id) FROM surveys GROUP BY 1"))
    from_id = ids["org-001"]
    for number in range(2, ORGANISATIONS):
        to_id = ids[f"org-{number:03}"]
        shifts = {
            "node_id": first_node[to_id] - first_node[from_id],
            "survey_id": first_survey[to_id] - first_survey[from_id],
        }
        for table in ("presses", "records", "spans", "logs", "cells"):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = [
                f"'t-{number:03}-' || substr(device_id, 7)" if name == "device_id"
                else f"CASE {name} WHEN 0 THEN 0 ELSE {name} + {shifts[name]} END" if name in shifts
                else f'"{name}"'
                for name in names
            ]  # fmt: skip
            columns = ", ".join(f'"{name}"' for name in names)
            connection.execute(
                f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} FROM {table}"
                " WHERE device_id >= 't-001-' AND device_id < 't-001-~'"
            )


def _repeat(connection: sqlite3.Connection, times: int) -> None:
    """Each press of the first organisation so many times, in its own minute."""
    columns = ", ".join(f'"{row[1]}"' for row in connection.execute("PRAGMA table_info(presses)"))
    own = "device_id >= 't-000-' AND device_id < 't-000-~'"
    step = 1_000_000
    shifted = columns.replace('"seq"', "seq + :shift").replace(
        '"pressed_utc"', "60 * CAST(pressed_utc / 60 AS INTEGER) + (seq + :number) * 7919 % 60000 / 1000.0"
    )
    for number in range(1, times):
        connection.execute(
            f"INSERT INTO presses ({columns}) SELECT {shifted} FROM presses WHERE {own} AND seq < {step}",
            {"shift": number * step, "number": number},
        )
    changes = ", ".join(f"n{button} = n{button} * {times}" for button in range(1, 5))
    connection.execute(f"UPDATE cells SET {changes} WHERE {own}")
    connection.execute(f"UPDATE logs SET presses = presses * {times}, pressed = pressed * {times} WHERE {own}")


if __name__ == "__main__":
    (fill_one if "--one" in sys.argv else fill)(sys.argv[1], int(sys.argv[2]))
