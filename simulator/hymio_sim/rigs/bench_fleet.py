"""What one terminal more costs a broker, a collector and a disk: what the arithmetic of host/README.md is made of."""

from __future__ import annotations

import socket
import ssl
import struct
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from hymio.store.arrivals import judge
from hymio.store.database import Store, open_store
from hymio.store.transaction import Transaction, commit_whatever_comes
from hymio.wire.limits import TRANSACTION_MESSAGES
from hymio_sim.board.board_files import find_tool
from hymio_sim.net.broker import packet
from hymio_sim.rigs.bench_ingest import PATIENCE_S, bench_postgresql, bench_site, cpu_s, resident_mib
from hymio_sim.rigs.bench_tls import TLS_DEVICE_ID, set_up_tls
from hymio_sim.rigs.figure import Figure
from hymio_sim.rigs.stage import Stage, hymio, stage_set
from hymio_sim.rigs.vote_load import BEGAN_UTC, Batches, VoteLoad, device_name

_DESCRIPTORS_SPARE: Final = 200
"""Files that this process may need besides its connections."""


def fleet_figures(
    connections: int = 5000, handshakes: int = 300, terminals: int = 500, messages: int = 8, days: int = 8
) -> Iterator[Figure]:
    """All figures; those of brokers only where there is a mosquitto.

    Args:
        connections: how many terminals are connected at a time, as far as this process may open so many files.
        handshakes: how many TLS handshakes are made.
        terminals: how many send votes to a collector.
        messages: how many each of them sends.
        days: how many standard days of 200 presses each terminal's rows are of.
    """
    yield from _disk(days)
    if find_tool("mosquitto") is None:
        return
    import resource  # where there is a mosquitto of ours there is one

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with bench_site() as stage:
            yield _per_connection(stage, "connection", min(connections, hard - _DESCRIPTORS_SPARE), None)
        yield from _tls(min(handshakes, hard - _DESCRIPTORS_SPARE))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for each in (1, 16):
        with bench_site() as stage:
            yield from _per_message(stage, each, terminals, messages)


def _disk(days: int) -> Iterator[Figure]:
    """Bytes of the database for a press, with its part of indexes and roll-ups; a terminal sends 16 presses a time."""
    with tempfile.TemporaryDirectory(prefix="hymio-bench-") as directory:
        path = Path(directory) / "votes.db"
        store = open_store(str(path), create=True)
        empty = path.stat().st_size
        presses = _fill(store, days)
        with store.writing() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            size = int(pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one()) - empty
        store.close()
        yield Figure("fleet.disk_bytes_per_press_sqlite", size / presses, "B")
    with bench_postgresql() as url:
        if url is None:
            return
        store = open_store(url, create=True)
        before = _database_bytes(store)
        presses = _fill(store, days)
        yield Figure("fleet.disk_bytes_per_press_postgresql", (_database_bytes(store) - before) / presses, "B")
        store.close()


def _fill(store: Store, days: int) -> int:
    """Takes in standard days of `TRANSACTION_MESSAGES` terminals; gives how many presses that were."""
    batches = Batches(16)
    names = [device_name(number) for number in range(TRANSACTION_MESSAGES)]
    messages = days * 200 // 16
    for number in range(messages):
        transaction = Transaction()
        for name in names:
            transaction.add(judge(f"hymio/{name}/votes", batches.payload(number, name), BEGAN_UTC))
        commit_whatever_comes(store, transaction)
    return messages * len(names) * 16


def _database_bytes(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def _per_connection(stage: Stage, what: str, number: int, tls: ssl.SSLContext | None) -> Figure:
    """Memory of mosquitto for a connected terminal, which keeps its session and hears acks and orders."""
    pid = stage.children["broker"].process.pid
    with ExitStack() as stack:
        _connect(stage, stack, "warm-up", tls)
        before = resident_mib(pid)
        for at in range(number):
            _connect(stage, stack, device_name(at), tls)
        after = resident_mib(pid)
    return Figure(f"fleet.broker_kib_per_{what}", 1024 * (after - before) / number, "KiB")


def _connect(stage: Stage, stack: ExitStack, client_id: str, tls: ssl.SSLContext | None) -> None:
    plain = stack.enter_context(socket.create_connection(("127.0.0.1", stage.port), PATIENCE_S))
    link = plain if tls is None else stack.enter_context(tls.wrap_socket(plain, server_hostname="localhost"))
    name, user = client_id.encode(), client_id if tls is None else TLS_DEVICE_ID
    link.sendall(packet(0x10, b"\0\x04MQTT\x04\0\x01\x2c" + struct.pack(">H", len(name)) + name))
    _expect(link, 0x20, 4)
    subscription = b"\0\x01"
    for topic in (f"hymio/{user}/ack".encode(), f"hymio/{user}/cmd".encode()):
        subscription += struct.pack(">H", len(topic)) + topic + b"\x01"
    link.sendall(packet(0x82, subscription))
    _expect(link, 0x90, 6)


def _expect(link: socket.socket, kind: int, size: int) -> None:
    got = b""
    while len(got) < size:
        more = link.recv(size - len(got))
        if not more:
            raise RuntimeError("the broker has closed the connection")
        got += more
    if got[0] != kind:
        raise RuntimeError(f"the broker said {got.hex()}")


def _tls(handshakes: int) -> Iterator[Figure]:
    """CPU time and memory of mosquitto for a terminal that connects with its certificate."""
    with tempfile.TemporaryDirectory(prefix="hymio-bench-") as directory:
        folder: list[Path] = []

        def command(port: int) -> list[str]:
            conf, files = set_up_tls(Path(directory), port)
            # One certificate serves for all of them here; with its name as client id they would end each other.
            conf.write_text(conf.read_text().replace("use_username_as_clientid true\n", ""))
            folder.append(files)
            return [str(find_tool("mosquitto")), "-c", str(conf)]

        with stage_set("cpython", command) as stage:
            stage.start_broker()
            context = ssl.create_default_context(cafile=folder[0] / "ca.pem")
            context.load_cert_chain(folder[0] / "cert.pem", folder[0] / "key.pem")
            pid = stage.children["broker"].process.pid
            before = cpu_s(pid)
            yield _per_connection(stage, "tls_connection", handshakes, context)
            yield Figure("fleet.broker_ms_per_handshake", 1000 * (cpu_s(pid) - before) / handshakes, "ms")


def _per_message(stage: Stage, each: int, terminals: int, messages: int) -> Iterator[Figure]:
    """CPU time of mosquitto and of a collector on SQLite for a message of so many votes, and for its ack."""
    db = str(stage.database)
    stage.start("collector", hymio("collect", "--broker", f"mqtt://127.0.0.1:{stage.port}", "--db", db, "--json"))
    stage.children["collector"].wait_for("ready", PATIENCE_S)
    processes = {name: stage.children[name].process.pid for name in ("broker", "collector")}
    with VoteLoad(stage.port, terminals, each) as load:
        load.run(1)  # the first batch of a log is longer
        before = {name: cpu_s(pid) for name, pid in processes.items()}
        load.run(messages)
        for name, pid in processes.items():
            took_us = 1e6 * (cpu_s(pid) - before[name]) / (terminals * messages)
            yield Figure(f"fleet.{name}_us_per_message_of_{each}", took_us, "us")
