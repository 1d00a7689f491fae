"""The collector is killed at every statement, BEGIN, COMMIT and publish of its work, one after the other: whatever it
had come to, the same messages once more make the same tables, and no ack was ahead of its COMMIT."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hymio.common.addresses import parse_broker
from hymio.mqtt.client import BrokerAccess
from hymio.office import collect
from hymio.office.collect import Collector
from hymio.store import transaction
from hymio.store.database import open_store
from hymio.wire.acks import decode_ack
from hymio.wire.batches import Batch, encode_batch
from hymio.wire.records import Boot, Press, Record, Revise, Time
from hymio_sim.rigs.mortal_collector import Fuse, Killed

TABLES = ("presses", "records", "spans", "logs", "cells", "counters", "quarantine")
COUNTERS = ("duplicates", "times", "last_utc", "first_seen_utc", "last_seen_utc", "received_utc")
"""What a second delivery may change."""


def batch(device_id: str, log_id: int, first_seq: int, records: list[Record | None]) -> bytes:
    """A batch of this part of a log whose records before it were all presses of button 4."""
    kept = tuple((seq, record) for seq, record in enumerate(records, first_seq) if record is not None)
    totals = (0, 0, 0, first_seq)
    return encode_batch(
        Batch(log_id, first_seq + 1, 1, True, first_seq, len(records), first_seq, 0, totals, kept), device_id
    )


def press(seq: int, verdict: int = 0) -> Press:
    return Press(1, 1000 * seq, 4, verdict, 0, 5, 65535)


def state(device_id: str, next_seq: int) -> bytes:
    facts = {"state": "online", "log_id": 7, "next_seq": next_seq, "oldest_seq": 0, "acked_seq": -1}
    return json.dumps(facts | {"device_id": device_id}).encode()


EVENING = [
    ("hymio/till-1/votes", batch("till-1", 7, 0, [press(0), press(1), press(2)])),
    ("hymio/till-2/votes", batch("till-2", 8, 0, [press(0), press(1), press(2, 1), Boot(2, 0, 1, 0)])),
    ("hymio/till-1/votes", b"no batch at all"),
    ("hymio/till-1/votes", batch("till-1", 7, 1, [press(1), press(2), press(3)])),  # sent again, and one more
    ("hymio/till-1/state", state("till-1", 4)),
]
"""Two terminals, a message that is none, an overlap."""
LATER = [
    ("hymio/till-1/votes", batch("till-1", 7, 4, [Revise(1, 5000, 6, 3), Time(1, 6000, 1, 1_800_000_000), press(6)])),
    ("hymio/till-1/votes", batch("till-1", 7, 0, [press(0), press(1), press(2)])),
    ("hymio/till-2/votes", batch("till-2", 8, 1, [press(1, 3)])),  # contradicts what came before
]
"""Verdicts, dates and figures of rows that stand in the database already change."""


class Site:
    """One database and what the broker saw of its collector. Every publish burns the fuse, before and after it."""

    def __init__(self, db: Path) -> None:
        self.db = db
        self.fuse = Fuse()
        self.acks: list[tuple[str, int]] = []

    async def publish(self, topic: str, payload: bytes, is_retained: bool) -> None:
        self.fuse.burn()
        device_id, ack = topic.split("/")[1], decode_ack(payload)
        missing = set(range(ack.mark)) - self.seqs(device_id)
        assert not missing, f"an ack up to {ack.mark} leaves, and {missing} are no rows of {device_id}"
        self.acks.append((device_id, ack.mark))
        self.fuse.burn()

    def seqs(self, device_id: str) -> set[int]:
        """The seqs that anybody else sees in the database, at this moment."""
        with sqlite3.connect(self.db) as reader:
            query = "SELECT seq FROM presses WHERE device_id = ? UNION SELECT seq FROM records WHERE device_id = ?"
            return {seq for (seq,) in reader.execute(query, (device_id, device_id))}

    def handle(self, messages: list[tuple[str, bytes]], burns: int | None = None) -> bool:
        """A collector starts and handles the messages; whether it lived to see the end."""
        store = open_store(str(self.db), create=True)
        collector = Collector(BrokerAccess(parse_broker("mqtt://127.0.0.1"), None), store, "office", as_json=True)
        for topic, payload in messages:
            collector.hear(topic, payload, False, 1_800_000_000.0)
        try:
            with self.fuse.laid(store):
                self.fuse.left = burns
                asyncio.run(collector._empty_inbox(self))  # type: ignore[arg-type]
        except Killed:
            return False
        finally:
            store.close()
        return True

    def copy_to(self, other: Site) -> None:
        """The other one has the same database now."""
        with (
            contextlib.closing(sqlite3.connect(self.db)) as here,
            contextlib.closing(sqlite3.connect(other.db)) as there,
        ):
            here.backup(there)

    def tables(self) -> dict[str, list[Any]]:
        """Everything but what a second delivery may change."""
        with sqlite3.connect(self.db) as reader:
            reader.row_factory = sqlite3.Row
            return {
                table: sorted(
                    repr({name: row[name] for name in row.keys() if name not in COUNTERS})  # noqa: SIM118
                    for row in reader.execute(f"SELECT * FROM {table}")
                )
                for table in TABLES
            }


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Site]:
    sites = []

    def make() -> Site:
        sites.append(Site(tmp_path / f"{len(sites)}.db"))
        return sites[-1]

    return make


@pytest.mark.parametrize(("before", "at_hand"), [([], EVENING), (EVENING, LATER)], ids=["new", "known in part"])
def test_killed_at_every_point_of_its_work(
    fresh: Callable[[], Site], before: list[tuple[str, bytes]], at_hand: list[tuple[str, bytes]]
) -> None:
    prepared, calm = fresh(), fresh()
    assert prepared.handle(before)
    prepared.copy_to(calm)
    assert calm.handle(at_hand)
    burns = 0
    while True:
        site = fresh()
        prepared.copy_to(site)
        if site.handle(at_hand, burns):
            break
        assert site.handle(at_hand), "the terminals send again what they have no ack for"
        assert site.tables() == calm.tables(), f"killed at point {burns}"
        assert set(site.acks) == set(calm.acks)
        burns += 1
    assert burns > 30, "statements, twice each, BEGIN, COMMIT and publishes"


def test_an_ack_ahead_of_its_commit_is_seen(fresh: Callable[[], Site], monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = transaction.Committed(acks=[transaction.DueAck("till-1", 7, 3, 1)])
    monkeypatch.setattr(collect, "commit_whatever_comes", lambda store, transaction, is_again: ahead)
    with pytest.raises(AssertionError, match="an ack up to 3 leaves"):
        fresh().handle(EVENING)
