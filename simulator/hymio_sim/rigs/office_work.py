"""Fills a database or asks it for the ledger, for bench_ledger, by the build of hymio that is to be measured.

    office_work.py fill DB PRESSES      terminals that have pressed so often altogether
    office_work.py ledger DB RUNS       the ledger, and the CPU seconds of each run

So it uses only what every build has: `open_store`, `ingest_many`, `ledger_lines` and the tables of the first one.
"""

import json
import sqlite3
import sys
import time
from contextlib import closing
from importlib import import_module
from typing import Any

import hymio


def _part(module: str, flat: str) -> Any:
    """A module of hymio; flat: its name in builds that had no packages yet."""
    try:
        return import_module(f"hymio.{module}")
    except ModuleNotFoundError:
        return import_module(f"hymio.{flat}")


batches, records = _part("wire.batches", "batches"), _part("wire.records", "records")
arrivals, ingest = _part("store.arrivals", "ingest"), _part("store.ingest", "ingest")
ledger, store = _part("store.ledger", "ledger"), _part("store.database", "store")

TERMINALS = 50
PATTERN = 200
PRESS_EVERY_MS = 216_000
"""So the presses of a pattern fill twelve hours."""
LOG_ID = 0x1A2B3C4D
BEGAN_UTC = 1_790_000_000


def fill(db: str, presses: int) -> dict[str, Any]:
    """Fills the database with that many presses.

    The first ones of each terminal are taken in as from the air. The database itself makes copies of them for the rest,
    in the same minutes and further on in each log, and with all that is kept beside them. So databases differ in how
    many presses an hour has, and in nothing else.
    """
    each = presses // TERMINALS
    done = min(each, PATTERN)
    if each % done:
        raise ValueError(f"{presses} presses are no whole patterns for each terminal")
    opened = store.open_store(db, create=True)
    with opened.writing() as connection:
        for number in range(TERMINALS):
            ingest.ingest_many(
                connection, [arrivals.Arrival(f"till-{number:03}", _batch(done), "mqtt", BEGAN_UTC, "", b"")]
            )
    opened.close()
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        # The database can be made again, so nothing of it needs to survive a power cut.
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-131072")
        columns = ", ".join(f'"{row[1]}"' for row in connection.execute("PRAGMA table_info(presses)"))
        in_its_minute = "60 * CAST(pressed_utc / 60 AS INTEGER) + (seq + :shift) * 7919 % 60000 / 1000.0"
        shifted = columns.replace('"seq"', "seq + :shift").replace('"pressed_utc"', in_its_minute)
        while done < each:
            more = min(done, each - done)
            # The first two slots of a log hold its boot record and its time record.
            connection.execute(
                f"INSERT INTO presses ({columns}) SELECT {shifted} FROM presses WHERE seq < :end",
                {"shift": done, "end": 2 + more},
            )
            done += more
        _keep_books(connection, each, min(each, PATTERN))
    return {}


def _batch(presses: int) -> Any:
    slots: list[tuple[int, Any]] = [(0, records.Boot(1, 0, 1, 0)), (1, records.Time(1, 0, 1, BEGAN_UTC))]
    for n in range(presses):
        verdict = (0, 0, 0, 1, 0, 0, 0, 2)[n % 8]
        button = 1 + (n + n // 3) % 4
        slots.append((2 + n, records.Press(1, PRESS_EVERY_MS * n, button, verdict, 0, 5, 65535)))
    return batches.Batch(LOG_ID, 1, 1, True, 0, 2 + presses, 0, 0, (0, 0, 0, 0), tuple(slots))


def _keep_books(connection: sqlite3.Connection, each: int, pattern: int) -> None:
    """Puts right what is kept beside the rows, now that each of the first `pattern` ones is there so many times."""
    numbers = {"each": each, "end": 2 + each}
    connection.execute("UPDATE spans SET last_seq = :end - 1, presses = :each", numbers)
    if "presses" in {row[1] for row in connection.execute("PRAGMA table_info(logs)")}:
        connection.execute("UPDATE logs SET presses = :each", numbers)
    for button in range(1, 5):
        connection.execute(
            f"UPDATE logs SET totals_{button} = (SELECT sum(count) FROM presses WHERE button = {button}"
            " AND device_id = 'till-000')"
        )
    connection.execute("UPDATE logs SET next_seq = :end, totals_seq = :end, pressed = :each", numbers)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    for table, columns in (("hourly", ["presses"]), ("cells", ["n1", "n2", "n3", "n4"])):
        if table in tables:
            changes = ", ".join(f"{column} = {column} * {each // pattern}" for column in columns)
            connection.execute(f"UPDATE {table} SET {changes}")


def ask(db: str, runs: int) -> dict[str, Any]:
    """The ledger, and the CPU seconds of each of the runs.

    A run goes from opening the database to the last line, as the command does it. One opening before the first run may
    bring the database up to date.
    """
    store.open_store(db).close()
    seconds = []
    lines: list[dict[str, Any]] = []
    for _ in range(runs):
        begin = time.process_time()
        opened = store.open_store(db)
        with opened.reading() as connection:
            lines = [line.as_json() for line in ledger.ledger_lines(connection)]
        opened.close()
        seconds.append(time.process_time() - begin)
    return {"cpu_s": seconds, "ledger": lines}


def main() -> None:
    """Prints the answer to the command line as JSON, with the file of the build that has given it."""
    what, db, number = sys.argv[1:]
    answer = {"fill": fill, "ledger": ask}[what](db, int(number))
    print(json.dumps({"hymio": hymio.__file__, **answer}))


if __name__ == "__main__":
    main()
