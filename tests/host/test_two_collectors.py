"""Two collectors share the votes of a real mosquitto and write to one PostgreSQL; either is killed at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt
import pytest
from hymio_process import Service, hymio_here
from schema_check import check
from sqlalchemy import create_engine, text

from hymio.common.errors import NO_SERVICE
from hymio.mqtt.client import BrokerConnection
from hymio.store.database import database_url
from hymio.wire.acks import decode_ack
from hymio.wire.batches import Batch, encode_batch
from hymio.wire.records import Press

LOG_ID = 99
SLOTS = 8
WAIT_S = 60.0


@dataclass
class Till:
    """A terminal that is pressed all the time, holds everything, and sends what no ack has settled."""

    device_id: str
    next_seq: int = 0
    cursor: int = 0
    again_s: float = WAIT_S
    """When it sends again what is not acknowledged."""
    sent_s: float = 0.0
    nonce: int = 0
    acks: list[int] = field(default_factory=list)

    def batch(self) -> bytes:
        self.nonce += 1
        first, slots = self.cursor, min(SLOTS, self.next_seq - self.cursor)
        kept = tuple((seq, Press(1, 1000 * seq, 1 + seq % 4, 0, 0, 5, 65535)) for seq in range(first, first + slots))
        totals = [sum(seq % 4 == button for seq in range(first)) for button in range(4)]
        one, two, three, four = totals
        behind = self.next_seq - first - slots
        batch = Batch(LOG_ID, self.nonce, 1, True, first, slots, first, behind, (one, two, three, four), kept)
        return encode_batch(batch, self.device_id)

    def state(self) -> bytes:
        totals = [sum(seq % 4 == button for seq in range(self.next_seq)) for button in range(4)]
        said = {
            "state": "online", "device_id": self.device_id, "log_id": LOG_ID, "next_seq": self.next_seq,
            "oldest_seq": 0, "acked_seq": self.cursor - 1, "pressed": totals, "uptime_ms": self.nonce,
        }  # fmt: skip
        return json.dumps(said).encode()


async def air(port: int, tills: list[Till], is_open: asyncio.Event) -> None:
    """All terminals on one connection, until the doors are shut and everything is settled."""
    by_name = {till.device_id: till for till in tills}
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe([(f"hymio/{till.device_id}/ack", 1) for till in tills])

        async def hear() -> None:
            async for message in client.messages:
                till = by_name[str(message.topic).split("/")[1]]
                assert isinstance(message.payload, bytes)
                ack = decode_ack(message.payload)
                assert ack.log_id == LOG_ID and ack.collector_id == "office" and ack.mark <= till.next_seq
                till.acks.append(ack.mark)
                if ack.mark > till.cursor:
                    till.cursor, till.sent_s = ack.mark, 0.0

        hearing = asyncio.create_task(hear())
        try:
            while is_open.is_set() or any(till.cursor < till.next_seq for till in tills):
                for till in tills:
                    till.next_seq += is_open.is_set() and till.next_seq - till.cursor < 5 * SLOTS
                    if till.cursor < till.next_seq and time.monotonic() - till.sent_s > till.again_s:
                        till.sent_s = time.monotonic()
                        await client.publish(f"hymio/{till.device_id}/votes", till.batch(), qos=1)
                if hearing.done():
                    hearing.result()
                await asyncio.sleep(0.01)
            for till in tills:
                await client.publish(f"hymio/{till.device_id}/state", till.state(), qos=1, retain=True)
        finally:
            hearing.cancel()


async def asked_for(port: int) -> list[dict[str, object]]:
    """The orders that a terminal hears who says that seqs are settled which nobody here has."""
    lost = json.loads(Till("till-before").state()) | {"next_seq": 50, "acked_seq": 49}
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("hymio/till-before/cmd", qos=1)
        await client.publish("hymio/till-before/state", json.dumps(lost), qos=1)
        heard = aiter(client.messages)
        messages = [await asyncio.wait_for(anext(heard), WAIT_S) for _ in range(2)]
        return [json.loads(str(message.payload, "ascii")) for message in messages]  # type: ignore[arg-type]


@pytest.fixture
def server(postgres_url: str) -> Iterator[str]:
    """A database of its own."""
    url = database_url(postgres_url)
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE two_collectors"))
    yield url.set(drivername="postgresql", database="two_collectors").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE two_collectors WITH (FORCE)"))
    admin.dispose()


def collector(port: int, db: str) -> Service:
    return Service(["collect", "--share", "--broker", f"mqtt://127.0.0.1:{port}", "--db", db, "--json"])


def lines_of(one: Service) -> list[dict[str, object]]:
    found = []
    while not one.lines.empty():
        found.append(one.lines.get())
    return [line for line in found if line["event"] == "committed"]


def test_either_killed_at_any_moment(mosquitto: int, server: str) -> None:
    tills = [Till(f"till-{number}") for number in range(6)]
    dice = random.Random(4)
    pair = [collector(mosquitto, server) for _ in range(2)]
    try:
        for one in pair:
            one.wait_for("ready")

        async def scene() -> None:
            first, second = await asked_for(mosquitto)
            assert first["do"] == "resync" and first["id"] == second["id"], "both hear of it, and it is obeyed once"
            is_open = asyncio.Event()
            is_open.set()
            playing = asyncio.create_task(air(mosquitto, tills, is_open))
            try:
                calm: list[list[dict[str, object]]] = [[], []]
                while min(map(len, calm)) < 10:
                    await asyncio.sleep(0.05)
                    for lines, one in zip(calm, pair, strict=True):
                        lines += lines_of(one)
                batches = [(line["device_id"], line["first_seq"]) for lines in calm for line in lines]
                assert len(batches) == len(set(batches)), "none goes to both"
                for till in tills:
                    till.again_s = 0.4
                for number in range(3):
                    await asyncio.sleep(dice.uniform(0, 0.4))
                    pair[number % 2].stop(signal.SIGKILL)
                    pair[number % 2] = collector(mosquitto, server)
                    if number == 1:
                        continue  # the other one goes before this one is there
                    await asyncio.to_thread(pair[number % 2].wait_for, "ready")
                is_open.clear()
                await asyncio.wait_for(playing, WAIT_S)
            finally:
                playing.cancel()

        asyncio.run(scene())
        done = hymio_here("ledger", "--db", server, "--json")
        ledger = check("ledger", done.stdout)
        assert ledger["balanced"] and done.returncode == 0, done.stdout
        pressed = {one["device_id"]: (one["pressed"], one["rows"], one["lost"]) for one in ledger["terminals"]}
        assert pressed.pop("till-before") == (0, 0, 0)
        assert pressed == {till.device_id: (till.next_seq, till.next_seq, 0) for till in tills}
        assert hymio_here("db", "check", "--db", server).returncode == 0
        engine = create_engine(database_url(server))
        with engine.connect() as connection:
            twice = "SELECT device_id, seq FROM presses GROUP BY device_id, log_id, seq HAVING count(*) > 1"
            assert connection.execute(text(twice)).all() == []
        engine.dispose()
        assert [one.stop(signal.SIGTERM) for one in pair] == [0, 0]
    finally:
        for one in pair:
            with contextlib.suppress(Exception):
                one.stop(signal.SIGKILL)


def test_a_broker_that_shares_nothing_is_told_in_words(
    mosquitto: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(self: BrokerConnection, topics: list[str]) -> list[str]:
        return [topic for topic in topics if topic.startswith("$share/")]

    monkeypatch.setattr(BrokerConnection, "subscribe", refuses)
    url = f"mqtt://127.0.0.1:{mosquitto}"
    done = hymio_here("collect", "--share", "--broker", url, "--db", str(tmp_path / "votes.db"))
    assert done.returncode == NO_SERVICE and "shared subscriptions" in done.stderr and "--share" in done.stderr
