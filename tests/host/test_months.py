"""Presses by the month on PostgreSQL: partitions that are made ahead, and what falls beside them."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, text
from test_ingest import Cut, assert_sums_are_kept, content, ledger_row, press, simple
from test_older_databases import write_old

from hymio.common.addresses import parse_broker
from hymio.mqtt.client import BrokerAccess
from hymio.office import collect
from hymio.office.collect import Collector
from hymio.store.arrivals import Arrival
from hymio.store.database import Store, database_url, open_store
from hymio.store.ingest import ingest_many
from hymio.store.partitions import make_months

TERMINAL = simple(*(press(1000 * n) for n in range(40)))


def utc(month: str, day: float = 1) -> float:
    """Seconds of 1970 of a day of a month like 2031-05."""
    return datetime.fromisoformat(f"{month}-01T00:00:00+00:00").timestamp() + 86_400 * (day - 1)


@pytest.fixture(scope="module")
def server(postgres_url: str) -> Iterator[str]:
    """The address of a database of its own, with nothing in it."""
    url = database_url(postgres_url)
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE months"))
    yield url.set(drivername="postgresql", database="months").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE months WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="module")
def months(server: str) -> Iterator[Store]:
    opened = open_store(server, create=True)
    yield opened
    opened.close()


def partitions(store: Store, prefix: str = "presses_") -> dict[str, int]:
    """How many rows lie in each of the partitions that are called so."""
    with store.reading() as connection:
        names = connection.execute(
            text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'presses'::regclass ORDER BY 1")
        ).scalars()
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in names
            if name.startswith(prefix)
        }


def take(store: Store, device_id: str, first: int, last: int, received_utc: float) -> None:
    arrival = Arrival(device_id, TERMINAL.batch(Cut(first, last, 0, 40)), "mqtt", received_utc, "votes", b"")
    with store.writing() as connection:
        ingest_many(connection, [arrival])


def make(store: Store, now_utc: float) -> None:
    with store.writing() as connection:
        make_months(connection, now_utc)


def test_a_new_database_has_this_month_and_the_next_two(months: Store) -> None:
    now = datetime.fromtimestamp(time.time(), UTC)
    number = 12 * now.year + now.month - 1
    names = [f"presses_{one // 12}_{one % 12 + 1:02}" for one in range(number, number + 3)]
    assert list(partitions(months)) == [*names, "presses_default"]


def test_each_press_lies_in_the_month_in_which_it_came(months: Store, device_id: str) -> None:
    came = ("2031-11", "2031-12", "2032-01", "2032-02", "2032-03")
    for number, month in enumerate(came):
        make(months, utc(month, 15.5))
        take(months, device_id, 2 * number, 2 * number, utc(month))  # its first moment, and the last one
        take(months, device_id, 2 * number + 1, 2 * number + 1, utc(month, 29) - 1)
    assert partitions(months, "presses_203") == {
        **{f"presses_{month.replace('-', '_')}": 2 for month in came}, "presses_2032_04": 0, "presses_2032_05": 0,
    }  # fmt: skip
    assert ledger_row(months, device_id)["rows"] == 10
    with months.reading() as connection:
        span = f"received_utc >= {utc('2032-01')} AND received_utc < {utc('2032-02')}"
        plan = connection.execute(text(f"EXPLAIN SELECT count(*) FROM presses WHERE {span}")).scalars().all()
    assert set(re.findall(r"presses_\w+", "\n".join(plan))) == {"presses_2032_01"}, "all others are passed over"
    before = content(months, device_id)
    take(months, device_id, 0, 9, utc("2032-05"))
    assert content(months, device_id) == before and ledger_row(months, device_id)["duplicates"] == 10


def test_a_clock_that_is_wrong_stands_in_nobodys_way(months: Store, device_id: str) -> None:
    take(months, device_id, 0, 3, utc("2040-06", 9))
    take(months, device_id, 4, 5, utc("2041-01", 9))
    take(months, device_id, 6, 6, 12.5)  # no clock at all
    assert partitions(months)["presses_default"] == 7
    before = content(months, device_id)
    make(months, utc("2040-05", 3))
    assert partitions(months, "presses_2040") == {"presses_2040_05": 0, "presses_2040_06": 4, "presses_2040_07": 0}
    assert partitions(months)["presses_default"] == 3
    assert content(months, device_id) == before
    assert_sums_are_kept(months, device_id)
    make(months, utc("2026-12", 3))
    assert "presses_2027_02" in partitions(months), "the right time is not too late when it comes back"


def test_two_make_them_at_once(months: Store) -> None:
    both = [threading.Thread(target=make, args=(months, utc("2035-01"))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert list(partitions(months, "presses_2035")) == ["presses_2035_01", "presses_2035_02", "presses_2035_03"]


def test_who_reads_for_long_delays_months_and_no_collector(
    server: str, months: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hymio.store.partitions.WAITS_S", 0.05)
    monkeypatch.setattr("hymio.store.database.time.time", lambda: utc("2036-01"))
    with months.reading() as reader:
        reader.execute(text("SELECT count(*) FROM presses"))
        open_store(server, create=True).close()
    assert partitions(months, "presses_2036") == {}
    open_store(server, create=True).close()
    assert len(partitions(months, "presses_2036")) == 3


def test_rows_of_an_older_build_are_the_first_partition(months: Store, postgres_url: str) -> None:
    url = database_url(postgres_url)
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE older_months"))
    address = url.set(drivername="postgresql", database="older_months").render_as_string(hide_password=False)
    write_old(address, 2)
    engine = create_engine(database_url(address))
    with engine.begin() as connection:
        ahead = connection.execute(
            text("UPDATE presses SET received_utc = 4e9 WHERE device_id = 'till-2' AND seq < 9")
        ).rowcount
    engine.dispose()
    opened = open_store(address)
    try:
        found = partitions(opened)
        assert found["presses_first"] == 300 - ahead and found["presses_default"] == ahead > 0
        make(opened, time.time())
        assert len(partitions(opened)) == 4, "this month is in the first one"
        make(opened, 4e9)
        assert partitions(opened)["presses_2096_10"] == ahead
        assert ledger_row(opened, "till-2")["rows"] == 174
    finally:
        opened.close()
        with admin.connect() as connection:
            connection.execute(text("DROP DATABASE older_months WITH (FORCE)"))
        admin.dispose()


def test_a_collector_has_them_made_in_time(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(collect, "MONTHS_EVERY_S", 0.001)
    collector = Collector(BrokerAccess(parse_broker("mqtt://127.0.0.1"), None), store, "office", as_json=True)
    made: list[float] = []

    def make_months() -> None:
        made.append(time.time())
        if len(made) < 3:
            raise collect.Failure(collect.NO_SERVICE, "Somebody reads.", "Wait.")
        collector.stop()

    monkeypatch.setattr(store, "make_months", make_months)

    async def until_stopped() -> None:
        running = asyncio.create_task(collector._make_months())
        await collector._stop.wait()
        running.cancel()

    asyncio.run(asyncio.wait_for(until_stopped(), 20))
    assert len(made) >= 3 and capsys.readouterr().err.count("Somebody reads.") == 2
