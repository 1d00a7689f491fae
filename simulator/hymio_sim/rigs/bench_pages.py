"""What a page costs, on databases that differ only in how many presses a minute has; and 500 who look on, live."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Final

from hymio.common.output import note
from hymio.store.arrivals import Arrival
from hymio.store.database import Store, open_store
from hymio.store.fleet import SORTS
from hymio.store.ingest import ingest_many
from hymio.store.sites import load_sites
from hymio.store.wall_links import create_link
from hymio.wire.batches import Batch
from hymio.wire.records import QUIET_UNKNOWN_MS, Boot, Press, Record, Time, TimeSource
from hymio_sim.rigs import pages_work
from hymio_sim.rigs.figure import Figure, short

SMALL: Final = 10_000
LARGE: Final = 10_000_000
READERS: Final = 500
_PAGES: Final = 300
_VOTE_EVERY_S: Final = 0.1
_LIVE_S: Final = 30.0
_SETTLING_S: Final = 120.0
_PATIENCE_S: Final = 3600.0
_PERIODS: Final = ("day", "week", "month", "quarter", "year")

_SQL: Final = """
    SELECT node_id, CAST((pressed_utc + 10800) / 86400 AS INTEGER), CAST((pressed_utc + 10800) / 3600 AS INTEGER) % 24,
           button, verdict, sum(count)
    FROM presses_v1 JOIN placements USING (device_id)
    WHERE device_id >= 't-000-' AND device_id < 't-000-~' AND pressed_utc >= :from_utc GROUP BY 1, 2, 3, 4, 5
"""
"""All that a month's page of the first organisation is made of, the eight weeks before it too: as one would ask the
view, without roll-ups."""


def pages_figures(small: int = SMALL, large: int = LARGE, readers: int = READERS) -> Iterator[Figure]:
    """The 95th percentile of pages of many places, each at its first time and again; and of the way to who looks on."""
    folder = os.environ.get("HYMIO_BENCH_PAGES")
    with contextlib.nullcontext(folder) if folder else tempfile.TemporaryDirectory(prefix="hymio-pages-") as directory:
        p95 = {}
        for presses in (small, large):
            db = filled(Path(directory), presses)
            p95[presses], cpu_ms, rest_ms, largest = _page_times(db)
        plain_ms = _by_sql(db)
        yield Figure(f"pages.p95_ms_{short(large)}", p95[large], "ms", "<= 100", "SQL over presses_v1", plain_ms)
        yield Figure(f"pages.p95_cpu_ms_{short(large)}", cpu_ms, "ms")
        yield Figure(f"pages.p95_ratio_{short(large)}_{short(small)}", p95[large] / p95[small], "")
        yield Figure(f"pages.rest_median_ms_{short(large)}", rest_ms, "ms")
        yield Figure("pages.gzip_bytes_max", largest, "B", "<= 61440")
        yield from _live(db, readers)
        yield from _one_organisation(filled(Path(directory), large, "--one"))


def filled(folder: Path, presses: int, *options: str) -> Path:
    """A database of 25,000 terminals with about so many presses; it is made if it is not there."""
    db = folder / f"pages-{presses}{''.join(options)}.db"
    if not db.exists():
        note(f"Writing {presses:,} presses of 25,000 terminals {' '.join(options)} ...")
        command = [sys.executable, str(Path(pages_work.__file__)), str(db), str(presses), *options]
        subprocess.run(command, check=True, timeout=_PATIENCE_S)
    return db


_ONE_PLACES: Final = ("", "/r0", "/r0-t00", "/p00000", f"/r{pages_work.ONE_REGIONS - 1}", "/p12000")
"""The organisation, a region, a town, a place; one with 1,250 places right below it, and one of these."""
_ONE_FLEET: Final = (
    *("q=place+12", "q=place+1&sort=wear", "q=town", "q=u-002", "page=200", "show=weak&sort=firmware"),
    *(f"sort={sort}" for sort in SORTS), "sort=battery&turned=1",
)  # fmt: skip


def _one_organisation(db: Path) -> Iterator[Figure]:
    """Pages, list of terminals and wall of 25,000 terminals that are one organisation's.

    Its figures take seconds, and no page waits for them: what a page takes is told while they are being worked out, and
    how long they take of the processor by themselves.
    """
    from starlette.testclient import TestClient

    from hymio.pages.app import PageOptions, pages_app

    store = open_store(str(db))
    app = pages_app(store, PageOptions(now_utc=lambda: pages_work.NOW_UTC))
    client = TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 50_000))
    with store.writing() as connection:
        organisation_id = load_sites(connection)[0].id
        _link, secret = create_link(connection, "bench", organisation_id, None, None, "bench", pages_work.NOW_UTC)
    client.get("/terminals")  # what is read once for all pages

    def milliseconds(path: str) -> tuple[float, int]:
        begin = time.perf_counter()
        answer = client.get(path)
        took = 1000 * (time.perf_counter() - begin)
        answer.raise_for_status()
        return took, int(answer.headers["content-length"])

    fleet = [milliseconds(f"/terminals?{query}") for query in _ONE_FLEET * 4]
    yield Figure("pages.one_fleet_p95_ms", _p95(took for took, _ in fleet), "ms", "<= 100")
    walls = [milliseconds(f"/wall/{secret}")[0] for _ in range(20)]
    yield Figure("pages.one_wall_p95_ms", _p95(walls), "ms", "<= 100")
    begin = time.process_time()
    milliseconds(f"/wall/{secret}.json")
    yield Figure("pages.one_wall_figures_cpu_s", time.process_time() - begin, "s")
    for place, name in (("", "organisation"), ("/r0-t00", "group"), ("/p00000", "place")):
        begin = time.process_time()
        milliseconds(f"/places/one{place}?period=week&part=now")
        yield Figure(f"pages.one_{name}_figures_cpu_s", time.process_time() - begin, "s")
    paths = [f"/places/one{place}?period={period}" for place in _ONE_PLACES for period in _PERIODS]
    pages = [milliseconds(path) for path in paths * 4]
    yield Figure("pages.one_p95_ms", _p95(took for took, _ in pages), "ms", "<= 100")
    largest = milliseconds(f"/places/one{_ONE_PLACES[4]}?period=week&wait=1")[1]
    yield Figure("pages.one_gzip_bytes_max", max(largest, *(size for _, size in [*fleet, *pages])), "B", "<= 61440")
    store.close()


def _p95(some: Iterable[float]) -> float:
    return statistics.quantiles(some, n=20)[-1]


def _page_times(db: Path) -> tuple[float, float, float, int]:
    """What pages cost.

    Returns:
        Milliseconds within which 95 of 100 pages come; the same of the processor, which a busy machine changes less;
        the median of what their other figures take, which a browser asks for once the page is shown; and the bytes of
        the largest page as it is sent, with all figures.
    """
    from starlette.testclient import TestClient

    from hymio.pages.app import PageOptions, pages_app

    store = open_store(str(db))
    app = pages_app(store, PageOptions(now_utc=lambda: pages_work.NOW_UTC))
    client = TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 50_000))
    client.get("/places/org-000.json")  # what is read once for all pages
    rng = Random(1)

    def milliseconds(path: str) -> tuple[float, float, int]:
        begin, begin_cpu = time.perf_counter(), time.process_time()
        answer = client.get(path)
        took, took_cpu = 1000 * (time.perf_counter() - begin), 1000 * (time.process_time() - begin_cpu)
        answer.raise_for_status()
        return took, took_cpu, int(answer.headers["content-length"])

    pages, rests, largest = [], [], 0
    for number in range(_PAGES):
        organisation = 0 if number % 2 else rng.randrange(pages_work.ORGANISATIONS)
        place = rng.choice(["", *(f"/g{one}" for one in range(5)), *(f"/p{one:02}" for one in range(5, 30, 5))])
        path = f"/places/org-{organisation:03}{place}?period={rng.choice(_PERIODS)}"
        pages.append(milliseconds(path)[:2])
        if number % 10 == 0:
            rests.append(milliseconds(f"{path}&part=rest")[0])
            largest = max(largest, milliseconds(path)[2])
    store.close()
    wall, cpu = (_p95(some) for some in zip(*pages, strict=True))
    return wall, cpu, statistics.median(rests), largest


def _by_sql(db: Path) -> float:
    store = open_store(str(db))
    with store.reading() as connection:
        begin = time.perf_counter()
        connection.exec_driver_sql(_SQL, {"from_utc": pages_work.NOW_UTC - 86 * 86_400}).all()
        took = 1000 * (time.perf_counter() - begin)
    store.close()
    return took


def _live(db: Path, readers: int) -> Iterator[Figure]:
    """`hymio serve`, so many readers of its pages, and a vote every 100 ms at one of ten places."""
    command = [sys.executable, "-m", "hymio", "serve", "--db", str(db), "--listen", "127.0.0.1:0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().rpartition(":")[2].strip('"} \n'))
            store = open_store(str(db))
            waits, kilobytes = _look_on(store, server.pid, port, readers)
            store.close()
        finally:
            server.terminate()
    p99_ms = 1000 * statistics.quantiles(waits, n=100)[-1]
    yield Figure(f"pages.live_p99_ms_{readers}", p99_ms, "ms", "<= 1000")
    yield Figure(f"pages.live_memory_growth_{readers}", kilobytes[-1] - kilobytes[len(kilobytes) // 3], "kB", "<= 4096")


def _look_on(store: Store, pid: int, port: int, readers: int) -> tuple[list[float], list[int]]:
    """Seconds from each commit to each event that tells of it, and the server's memory over time, in kB."""
    places = 10
    selector = selectors.DefaultSelector()
    for number in range(readers):
        reader = socket.create_connection(("127.0.0.1", port))
        path = f"/places/org-000/p{number % places:02}/live?period=year"
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        selector.register(reader, selectors.EVENT_READ, number % places)
    committed: dict[int, list[float]] = {place: [] for place in range(places)}
    is_over = threading.Event()
    voter = threading.Thread(target=_vote, args=(store, committed, is_over))
    waits: list[float] = []
    kilobytes: list[int] = []
    told = dict.fromkeys(selector.get_map().keys(), 0)
    waiting = set(told)
    ends_s = time.monotonic() + _SETTLING_S
    while time.monotonic() < ends_s:
        for key, _ in selector.select(0.2):
            connection, place = key.fileobj, key.data
            assert isinstance(connection, socket.socket)
            if b"event: figures" not in connection.recv(1 << 18):
                continue
            now, mine = time.monotonic(), committed[place]
            # One event may tell of several votes; the oldest of them has waited longest.
            waits += [now - at for at in mine[told[key.fd] :]]
            told[key.fd] = len(mine)
            waiting.discard(key.fd)
            if not waiting and not voter.ident:  # each has had its first one
                voter.start()
                ends_s = time.monotonic() + _LIVE_S
        if voter.ident:
            kilobytes.append(_memory_kb(pid))
    is_over.set()
    voter.join()
    for key in list(selector.get_map().values()):
        assert isinstance(key.fileobj, socket.socket)
        key.fileobj.close()
    return waits, kilobytes


def _vote(store: Store, committed: dict[int, list[float]], is_over: threading.Event) -> None:
    """Presses one of ten terminals after the other."""
    number, log_id = 0, int(time.time()) & 0x7FFFFFFF
    while not is_over.wait(_VOTE_EVERY_S):
        place, turn = number % len(committed), number // len(committed)
        now = int(time.time())
        records: list[Record] = [Press(1, 60_000 + 100 * turn, 4, 0, 0, 4, QUIET_UNKNOWN_MS)]
        if turn == 0:
            records = [Boot(1, 0, 1, 0), Time(1, 0, int(TimeSource.NTP), now - 120), *records]
        first = 0 if turn == 0 else turn + 2
        slots = tuple((first + at, record) for at, record in enumerate(records))
        batch = Batch(log_id, first + 1, 1, True, first, len(slots), min(first, 1), 0, (0, 0, 0, turn), slots)
        with store.writing() as connection:
            ingest_many(connection, [Arrival(pages_work.device_id(0, place), batch, "mqtt", time.time(), "bench", b"")])
        committed[place].append(time.monotonic())
        number += 1


def _memory_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
