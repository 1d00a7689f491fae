"""The collector from outside: a real mosquitto and the embedded broker, commits before acks, kills, hostile input."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiomqtt
import pytest
from hymio_process import Service, hymio, service
from mosquitto_process import Mosquitto, free_port
from schema_check import check

from hymio.common.errors import NO_SERVICE, WRONG_USE
from hymio.wire.acks import Ack, decode_ack
from hymio.wire.batches import Batch, encode_batch
from hymio.wire.limits import ROWS_DATED_AT_ONCE
from hymio.wire.records import Press, Time

LOG_ID = 77
WAIT_S = 60


def presses(device_id: str, first_seq: int, count: int, log_id: int = LOG_ID, nonce: int = 1) -> bytes:
    """A batch of presses of button 4, one a second, from a log that holds nothing else."""
    kept = tuple((seq, Press(1, 1000 * seq, 4, 0, 0, 5, 65535)) for seq in range(first_seq, first_seq + count))
    return encode_batch(
        Batch(log_id, nonce, 1, False, first_seq, count, first_seq, 0, (0, 0, 0, first_seq), kept), device_id
    )


def state(next_seq: int, acked_seq: int, **more: object) -> bytes:
    said = {
        "state": "online", "firmware": "0.1.0", "boot": 1, "reset_cause": 1, "log_id": LOG_ID,
        "next_seq": next_seq, "oldest_seq": 0, "acked_seq": acked_seq, "pressed": [0, 0, 0, next_seq], "lost": 0,
        "utc_ms": 0, "uptime_ms": 1000,
    }  # fmt: skip
    return json.dumps(said | more).encode()


@pytest.fixture(scope="module")
def embedded() -> Iterator[int]:
    with service("broker", "--listen", "127.0.0.1:0", "--json") as broker:
        ready = broker.wait_for("ready")
        assert ready["host"] == "127.0.0.1"
        yield ready["port"]


@pytest.fixture(params=["mosquitto", "embedded"])
def port(request: pytest.FixtureRequest) -> int:
    found: int = request.getfixturevalue(request.param)
    return found


def collecting(port: int, db: Path | str, *more: str, environment: dict[str, str] | None = None):  # type: ignore[no-untyped-def]
    arguments = ("collect", "--broker", f"mqtt://127.0.0.1:{port}", "--db", str(db), "--json", *more)
    return service(*arguments, environment=environment)


class Air:
    """A terminal's side of the broker."""

    def __init__(self, client: aiomqtt.Client, device_id: str) -> None:
        self._client = client
        self.device_id = device_id

    async def send(self, topic: str, payload: bytes) -> None:
        await self._client.publish(f"hymio/{self.device_id}/{topic}", payload, qos=1, retain=topic == "state")

    async def ack(self, timeout_s: float = WAIT_S) -> Ack:
        message = await asyncio.wait_for(anext(aiter(self._client.messages)), timeout_s)
        assert isinstance(message.payload, bytes)
        return decode_ack(message.payload)

    async def ack_with(self, mark: int) -> Ack:
        """The first ack with this mark; others before it are passed over."""
        while (ack := await self.ack()).mark != mark:
            pass
        return ack


@asynccontextmanager
async def on_the_air(port: int, device_id: str) -> AsyncIterator[Air]:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(f"hymio/{device_id}/ack", qos=1)
        yield Air(client, device_id)


def play(port: int, device_id: str, scene: Callable[[Air], Awaitable[None]]) -> None:
    async def run() -> None:
        async with on_the_air(port, device_id) as air:
            await scene(air)

    asyncio.run(run())


def committed_of(collector: Service, device_id: str) -> dict[str, object]:
    """The next commit of this terminal: the broker also keeps for `office` what other tests sent meanwhile."""
    while (line := collector.wait_for("committed"))["device_id"] != device_id:
        pass
    return line


def ledger_of(db: Path | str, device_id: str) -> dict[str, object]:
    done = hymio("ledger", "--db", str(db), "--json")
    terminals = check("ledger", done.stdout)["terminals"]
    return next((one for one in terminals if one["device_id"] == device_id), {})


def test_committed_then_acked(port: int, tmp_path: Path, device_id: str) -> None:
    db = tmp_path / "votes.db"
    with collecting(port, db) as collector:
        check("ready-service", json.dumps(collector.wait_for("ready")))

        async def scene(air: Air) -> None:
            await air.send("votes", presses(air.device_id, 0, 5, nonce=9))
            ack = await air.ack()
            assert (ack.log_id, ack.mark, ack.nonce, ack.collector_id) == (LOG_ID, 5, 9, "office")
            assert ack.utc_ms is not None and abs(ack.utc_ms / 1000 - time.time()) < 5
            await air.send("votes", presses(air.device_id, 3, 7, nonce=10))
            assert (await air.ack_with(10)).nonce == 10

        play(port, device_id, scene)
        first, second = committed_of(collector, device_id), committed_of(collector, device_id)
        check("committed", json.dumps(first))
        shown = [(one["device_id"], one["first_seq"], one["last_seq"], one["rows"], one["duplicates"])
                 for one in (first, second)]  # fmt: skip
        assert shown == [(device_id, 0, 4, 5, 0), (device_id, 3, 9, 5, 2)]
        with sqlite3.connect(db) as reader:  # read while it is written
            assert reader.execute("SELECT count(*) FROM presses_v1 WHERE device_id = ?", (device_id,)).fetchone() == (
                10,
            )
            assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert collector.stop(signal.SIGINT) == 0
    assert ledger_of(db, device_id)["balanced"] is True


def test_what_came_while_the_collector_was_away(port: int, tmp_path: Path, device_id: str) -> None:
    db = tmp_path / "votes.db"
    with collecting(port, db, "--collector-id", device_id) as collector:
        collector.wait_for("ready")
        assert collector.stop() == 0

    async def send(air: Air) -> None:
        await air.send("votes", presses(air.device_id, 0, 3))

    play(port, device_id, send)
    with collecting(port, db, "--collector-id", device_id) as collector:
        assert collector.wait_for("committed")["rows"] == 3


def test_hostile_input_is_kept_and_harmless(port: int, tmp_path: Path, device_id: str) -> None:
    db = tmp_path / "votes.db"
    batch = presses(device_id, 0, 3)
    deep = b"[" * 5000
    with collecting(port, db) as collector:
        collector.wait_for("ready")

        async def scene(air: Air) -> None:
            for junk in (
                b"",
                b"\x00",
                batch[:-1],
                batch[:9] + b"\xff" + batch[10:],
                presses("till-1", 0, 3),
                b"\xff" * 3000,
            ):
                await air.send("votes", junk)
            odd = [state(5, 9**30), state(5, 0, pressed=[1, 2, 3]), state(5, 0, oldest_seq=6), state(-1, 0)]
            for junk in (b"{}", b"[]", b"nan", deep, b'{"state": "online", "log_id": true}', b"\xff\xfe", *odd):
                await air.send("state", junk)
            await air.send("state", b'{"state": "offline"}')
            await air.send("votes", batch)
            await air.ack_with(3)
            await air.send("state", b"")

        play(port, device_id, scene)

        async def stranger(air: Air) -> None:
            await air.send("votes", batch)

        play(port, "UPPER_CASE", stranger)
        play(port, device_id, lambda air: air.send("votes", presses(air.device_id, 3, 1)))
        assert [committed_of(collector, device_id)["rows"] for _ in range(2)] == [3, 1]
        assert collector.stop() == 0
    with sqlite3.connect(db) as reader:
        kept = reader.execute("SELECT source, reason FROM quarantine").fetchall()
    assert len(kept) == 16 and all(reason for _, reason in kept), "all but what is empty: so is what clears a message"
    assert any("not one of " + device_id in reason for _, reason in kept), "another terminal's batch"
    assert ("hymio/UPPER_CASE/votes", "the topic names no terminal") in kept


def test_a_state_message_brings_the_ack_again(port: int, tmp_path: Path, device_id: str) -> None:
    db = tmp_path / "votes.db"
    with collecting(port, db) as collector:
        collector.wait_for("ready")

        async def scene(air: Air) -> None:
            await air.send("votes", presses(air.device_id, 0, 4, nonce=3))
            assert (await air.ack()).nonce == 3
            await air.send("state", state(4, 3))
            with pytest.raises(TimeoutError):
                await air.ack(0.4)
            await air.send("state", state(4, -1))
            again = await air.ack()
            assert (again.mark, again.nonce) == (4, 0)
            await air.send("state", b"")

        play(port, device_id, scene)
    assert ledger_of(db, device_id)["pressed"] == 4


def test_what_a_late_time_record_dates_is_finished_while_nobody_waits(
    mosquitto: int, tmp_path: Path, device_id: str
) -> None:
    db, count = tmp_path / "votes.db", 2 * ROWS_DATED_AT_ONCE + 500
    no_presses = (0, 0, 0, 0)

    async def scene(air: Air) -> None:
        for at in range(0, 1 + count, 500):  # seq 0 is a void slot until the late record comes, all others are presses
            seqs = range(max(1, at), min(at + 500, 1 + count))
            rows = tuple((seq, Press(1, 1000 * seq, 4, 0, 0, 5, 65535)) for seq in seqs)
            before = (0, 0, 0, max(0, at - 1))
            one = Batch(LOG_ID, 1, 1, False, at, seqs.stop - at, at, 1 + count - seqs.stop, before, rows)
            await air.send("votes", encode_batch(one, device_id))
        await air.ack_with(1 + count)
        late = Batch(LOG_ID, 2, 1, True, 0, 1, 0, count, no_presses, ((0, Time(1, 0, 1, 1_800_000_000)),))
        await air.send("votes", encode_batch(late, device_id))
        assert (await air.ack()).nonce == 2

    def undated() -> int:
        with closing(sqlite3.connect(db)) as connection:
            query = "SELECT count(*) FROM presses_v1 WHERE clock <> 'set'"
            return int(connection.execute(query).fetchone()[0])

    with collecting(mosquitto, db) as collector:
        collector.wait_for("ready")
        play(mosquitto, device_id, scene)
        end = time.monotonic() + 3 * WAIT_S
        while undated() and time.monotonic() < end:
            time.sleep(0.05)
    assert undated() == 0


def test_what_a_terminal_takes_for_settled_and_is_not_here_is_asked_for(
    port: int, tmp_path: Path, device_id: str
) -> None:
    with collecting(port, tmp_path / "votes.db") as collector:
        collector.wait_for("ready")

        async def scene(air: Air) -> None:
            await air.send("votes", presses(device_id, 20, 10, nonce=1))
            assert (await air.ack()).mark == 0
            async with aiomqtt.Client("127.0.0.1", port, identifier=device_id + "-cmd") as ear:
                await ear.subscribe(f"hymio/{device_id}/cmd", qos=1)
                await air.send("state", state(40, 34))
                message = await asyncio.wait_for(anext(aiter(ear.messages)), WAIT_S)
                assert isinstance(message.payload, bytes) and not message.retain
                request = json.loads(message.payload)
                assert (request["do"], request["from"], request["to"]) == ("resync", 0, 34)
                assert time.time() < request["expires_utc"] < time.time() + 600
                # What it sends by itself, and what is here already, is not asked for.
                await air.send("votes", presses(device_id, 0, 35, nonce=2))
                await air.send("state", state(40, 34))
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(aiter(ear.messages)), 0.5)
            await air.send("state", b"")

        play(port, device_id, scene)


# The collector stops itself dead just before or after the statement named; nothing may be lost, nothing counted twice.
KILLER = """
import os, sys
from hymio.office import collect
from hymio.store import ingest, transaction
place = os.environ["DIE"]
def dies(module, name, before):
    original = getattr(module, name)
    def wrapped(*a, **k):
        if before: os._exit(9)
        original(*a, **k)
        os._exit(9)
    setattr(module, name, wrapped)
if place == "before the transaction": dies(transaction, "commit", True)
if place == "before the rows": dies(ingest, "put_rows", True)
if place == "between the rows": dies(ingest, "put_rows", False)
if place == "before the commit": dies(ingest, "_write", False)
if place == "after the commit": dies(transaction, "commit", False)
if place == "after the line, before the ack": dies(collect, "encode_ack", True)
from hymio.cli.app import main
main()
"""


@pytest.mark.parametrize(
    "place",
    [
        "before the transaction", "before the rows", "between the rows", "before the commit", "after the commit",
        "after the line, before the ack",
    ],
)  # fmt: skip
def test_killed_anywhere_nothing_is_lost(
    mosquitto: int, tmp_path: Path, device_id: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "votes.db"
    victim = tmp_path / "victim.py"
    victim.write_text(KILLER)
    arguments = ("collect", "--broker", f"mqtt://127.0.0.1:{mosquitto}", "--db", str(db), "--json")
    monkeypatch.setattr("hymio_process.MODULE", [str(victim)])
    with service(*arguments, environment={"DIE": place}) as dying:
        dying.wait_for("ready")

        async def once(air: Air) -> None:
            await air.send("votes", presses(air.device_id, 0, 5))
            await asyncio.to_thread(dying.process.wait, WAIT_S)
            with pytest.raises(TimeoutError):
                await air.ack(0.2)  # an ack frees votes: none may be out before the commit

        play(mosquitto, device_id, once)
        assert dying.process.returncode == 9
    monkeypatch.undo()

    async def resend(air: Air) -> None:
        # What a terminal does that waits for its ack in vain.
        await air.send("votes", presses(air.device_id, 0, 5))
        assert (await air.ack()).mark == 5

    with collecting(mosquitto, db) as collector:
        collector.wait_for("ready")
        play(mosquitto, device_id, resend)
        assert collector.stop() == 0
    one = ledger_of(db, device_id)
    assert (one["rows"], one["balanced"]) == (5, True)


def test_kill_minus_nine_in_the_middle_of_a_stream(mosquitto: int, tmp_path: Path, device_id: str) -> None:
    db = tmp_path / "votes.db"
    total = 400

    async def until_acked(air: Air) -> None:
        # A terminal: sends from the mark on until the mark is at the end; it never sends less than is unacked.
        mark = 0
        while mark < total:
            for first in range(mark, total, 20):
                await air.send("votes", presses(air.device_id, first, min(20, total - first)))
            try:
                while mark < total:
                    mark = max(mark, (await air.ack(1.5)).mark)
            except TimeoutError:
                continue

    async def scene() -> None:
        async with on_the_air(mosquitto, device_id) as air:
            await asyncio.wait_for(until_acked(air), 4 * WAIT_S)

    def restarting() -> Iterator[Service]:
        for _ in range(3):
            with collecting(mosquitto, db) as collector:
                committed_of(collector, device_id)
                collector.process.kill()
                yield collector
        with collecting(mosquitto, db) as collector:
            collector.wait_for("ready")
            yield collector
            collector.stop()

    async def both() -> None:
        terminal = asyncio.create_task(scene())
        restarts = restarting()
        for _ in range(4):
            await asyncio.to_thread(next, restarts)
        await terminal
        restarts.close()  # type: ignore[attr-defined]

    asyncio.run(both())
    one = ledger_of(db, device_id)
    assert (one["pressed"], one["rows"], one["waiting"], one["balanced"]) == (total, total, 0, True)


def test_what_the_queue_of_the_broker_drops_is_sent_again(mosquitto: int, tmp_path: Path, device_id: str) -> None:
    """mosquitto acknowledges everything for a collector that is away, keeps 1,000 messages, and drops the rest."""
    db, total = tmp_path / "votes.db", 1200
    with collecting(mosquitto, db, "--collector-id", device_id) as collector:
        collector.wait_for("ready")
        assert collector.stop() == 0

    async def scene(air: Air) -> None:
        for seq in range(total):
            await air.send("votes", presses(air.device_id, seq, 1))
        with collecting(mosquitto, db, "--collector-id", device_id):
            mark = 0
            while mark < 900:
                mark = (await air.ack()).mark
            with pytest.raises(TimeoutError):
                while True:
                    mark = (await air.ack(1.0)).mark
            assert mark < total, "the queue has overflown"
            await air.send("votes", presses(air.device_id, mark, total - mark))
            await air.ack_with(total)

    play(mosquitto, device_id, scene)
    one = ledger_of(db, device_id)
    assert (one["pressed"], one["rows"], one["waiting"], one["balanced"]) == (total, total, 0, True)


def test_the_broker_goes_and_comes_back(tmp_path: Path, device_id: str) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        with collecting(broker.port, tmp_path / "votes.db") as collector:
            collector.wait_for("ready")
            broker.stop()
            time.sleep(0.2)
            broker.start()

            async def scene(air: Air) -> None:
                for _ in range(10):  # until the collector is there again
                    await air.send("votes", presses(air.device_id, 0, 2))
                    try:
                        assert (await air.ack(1.0)).mark == 2
                        return
                    except TimeoutError:
                        continue
                raise AssertionError("no ack after the broker came back")

            play(broker.port, device_id, scene)
            assert collector.stop() == 0
            assert any("has gone" in line for line in collector.stderr)
            assert not any("iteration" in line for line in collector.stderr), "words of the library's own"
            assert any("is back" in line for line in collector.stderr)
    finally:
        broker.stop()


def test_two_collectors_share_a_database(mosquitto: int, postgres_url: str, device_id: str) -> None:
    with (
        collecting(mosquitto, postgres_url, "--collector-id", "one") as one,
        collecting(mosquitto, postgres_url, "--collector-id", "two") as two,
    ):
        one.wait_for("ready")
        two.wait_for("ready")

        async def scene(air: Air) -> None:
            for first in range(0, 300, 10):
                await air.send("votes", presses(air.device_id, first, 10))
            await air.ack_with(300)

        play(mosquitto, device_id, scene)
        for collector in (one, two):  # both take everything in; the key decides
            while committed_of(collector, device_id)["last_seq"] != 299:
                pass
            assert collector.stop() == 0
    line = ledger_of(postgres_url, device_id)
    assert (line["rows"], line["duplicates"], line["balanced"]) == (300, 300, True)


def test_no_broker_there(tmp_path: Path) -> None:
    done = hymio("collect", "--broker", f"mqtt://127.0.0.1:{free_port()}", "--db", str(tmp_path / "v.db"), "--json")
    error = check("error", done.stderr.splitlines()[-1])["error"]
    assert done.returncode == error["exit"] == NO_SERVICE and "is not there or refuses" in error["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--broker", "http://127.0.0.1"),
        ("--broker", "mqtt://127.0.0.1:99999"),
        ("--db", "mysql://there/votes"),
        ("--db", "sqlite://"),
        ("--collector-id", "x" * 33),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], tmp_path: Path) -> None:
    given = ["--db", str(tmp_path / "v.db")] if "--db" not in arguments else []
    done = hymio("collect", *given, *arguments, "--json")
    error = check("error", done.stderr.splitlines()[-1])["error"]
    assert done.returncode == error["exit"] == WRONG_USE and list(tmp_path.iterdir()) == []


def test_the_embedded_broker_stops_and_says_when_its_port_is_taken() -> None:
    with service("broker", "--listen", "127.0.0.1:0", "--json") as broker:
        taken = broker.wait_for("ready")["port"]
        second = hymio("broker", "--listen", f"127.0.0.1:{taken}", "--json")
        error = check("error", second.stderr.splitlines()[-1])["error"]
        assert second.returncode == error["exit"] == NO_SERVICE and "Nobody can listen" in error["message"]
        assert broker.stop(signal.SIGINT) == 0
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", taken), timeout=1).close()


def test_the_embedded_broker_dies_with_its_command() -> None:
    with service("broker", "--listen", "127.0.0.1:0", "--json") as broker:
        port = broker.wait_for("ready")["port"]
        broker.stop(signal.SIGKILL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError("it still listens")
