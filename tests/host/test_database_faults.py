"""What a database does to a collector is never put down to a message: poolers, failovers, full disks, lost rights.

With a real PostgreSQL, a real pgbouncer before it, and SQLite.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from mosquitto_process import Mosquitto
from sqlalchemy import Engine, create_engine, event, func, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection
from test_collect import collecting, on_the_air
from test_collect import presses as taken
from test_limits import batch, votes

from hymio.common.errors import NO_SERVICE, WRONG_USE, Failure
from hymio.store import database as store_module
from hymio.store import ingest
from hymio.store.arrivals import Item
from hymio.store.database import Store, database_url, open_store
from hymio.store.database_errors import DatabaseFailure, Fault, fault_of
from hymio.store.ledger import ledger_lines
from hymio.store.rows import put_rows
from hymio.store.schema import presses, quarantine
from hymio.store.transaction import Committed, Transaction, commit_whatever_comes
from hymio_sim.board.board_files import find_tool
from hymio_sim.rigs.stage import free_port

WAIT_S = 60.0


def commit(store: Store, *items: Item | None) -> Committed:
    return commit_whatever_comes(store, Transaction.of(one for one in items if one is not None))


def count(store: Store, table: object) -> int:
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


# Whose fault it is

STATES = {
    Fault.MESSAGE: ("22003", "22021", "22P05", "23502", "23505", "23514"),
    Fault.COLLISION: ("40001", "40P01"),
    Fault.ROOM: ("53100", "53200", "53400", "54000", "57014"),
    Fault.DATABASE: (
        "08006", "08P01", "0A000", "25006", "25P02", "25P03", "26000", "28P01", "3D000", "42501", "42703", "42P01",
        "53300", "55000", "55P03", "57P01", "57P02", "57P03", "58030", "F0000", "XX000", "XX001",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "state"), [(fault, state) for fault, states in STATES.items() for state in states])
def test_sqlstate_tells_whose_fault_it_is(fault: Fault, state: str) -> None:
    error = psycopg.errors.lookup(state)("said") if state not in ("F0000",) else psycopg.errors.ConfigFileError("said")
    assert error.sqlstate == state and fault_of(error) is fault
    assert fault_of(ProgrammingError("SELECT 1", {}, error)) is fault, "whatever class SQLAlchemy makes of it"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), Fault.MESSAGE),
        (psycopg.OperationalError("server closed the connection unexpectedly"), Fault.DATABASE),
        (psycopg.InterfaceError("the connection is lost"), Fault.DATABASE),
        (NoConnection("QueuePool limit reached"), Fault.DATABASE),
        (OperationalError("", {}, psycopg.OperationalError("no route"), connection_invalidated=True), Fault.DATABASE),
        (sqlite3.DataError("string or blob too big"), Fault.MESSAGE),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), Fault.MESSAGE),
        (ValueError("a bug"), Fault.MESSAGE),
        (MemoryError(), Fault.ROOM),
    ],
)  # fmt: skip
def test_so_do_errors_without_one(error: Exception, fault: Fault) -> None:
    assert fault_of(error) is fault


# PostgreSQL


@pytest.fixture
def make_database(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Makes databases on the server and gives their URLs."""
    admin = create_engine(database_url(postgres_url), isolation_level="AUTOCOMMIT")
    names: list[str] = []

    def make(more: str = "") -> str:
        name = f"faults_{os.getpid()}_{time.monotonic_ns()}"
        names.append(name)
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} {more}"))
        url = database_url(postgres_url).set(database=name).render_as_string(hide_password=False)
        return url.replace("postgresql+psycopg", "postgresql")

    yield make
    with admin.connect() as connection:
        for name in names:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def admin(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url(postgres_url), isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@contextlib.contextmanager
def pgbouncer(tool: Path, url: str, directory: Path) -> Iterator[str]:
    """A pgbouncer before that database that hands each transaction to any session; its URL."""
    behind = database_url(url)
    sockets, port = str(behind.query["host"]), free_port()
    directory.chmod(0o755)
    ini = directory / "pgbouncer.ini"
    ini.write_text(
        f"[databases]\nvotes = host={sockets} dbname={behind.database} user={behind.username}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 3\nserver_round_robin = 1\nunix_socket_dir =\n"
    )
    # It does not run as root, and has to reach the server's socket: as whom the server runs.
    owner = pwd.getpwuid(Path(sockets).stat().st_uid).pw_name
    more = ["-u", owner] if os.getuid() == 0 else []
    with subprocess.Popen([tool, "-q", *more, ini], stderr=subprocess.DEVNULL) as process:
        try:
            until_s = time.monotonic() + WAIT_S
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                assert process.poll() is None and time.monotonic() < until_s, "pgbouncer does not come up"
                time.sleep(0.02)
            yield f"postgresql://anybody@127.0.0.1:{port}/votes"
        finally:
            process.kill()


@pytest.fixture
def pooled(make_database: Callable[[str], str]) -> Iterator[str]:
    tool = find_tool("pgbouncer")
    if tool is None:
        pytest.skip("pgbouncer is not installed")
    # Not under a directory that only its owner may enter.
    with (
        tempfile.TemporaryDirectory(prefix="hymio-pgbouncer-") as directory,
        pgbouncer(tool, make_database(""), Path(directory)) as url,
    ):
        yield url


def _two_collectors(url: str) -> tuple[list[str], Store]:
    """Twenty batches each of the same terminals by two collectors at once; what they complained of."""
    stores = [open_store(url, create=True) for _ in range(2)]
    complaints: list[str] = []

    def work(store: Store) -> None:
        for first in range(20):
            for _ in range(20):
                try:
                    commit(store, *(votes(f"till-{n}", batch(first, 1)) for n in range(2)))
                    break
                except DatabaseFailure as failure:
                    complaints.append(failure.message)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S * 3)
    stores[1].close()
    return complaints, stores[0]


def test_two_collectors_behind_a_pooler(pooled: str) -> None:
    complaints, store = _two_collectors(pooled)
    assert complaints == []
    assert count(store, presses) == 40 and count(store, quarantine) == 0
    with store.reading() as connection:
        assert all(line.balanced for line in ledger_lines(connection))
    store.close()


def test_prepared_statements_are_to_be_asked_for_and_never_cost_a_vote(pooled: str) -> None:
    """What a pooler makes of them: errors, which are the database's and are tried again."""
    store, other = open_store(f"{pooled}?prepare_threshold=1", create=True), open_store(pooled)
    for first in range(3):
        commit(store, *(votes(f"till-{n}", batch(first, 1)) for n in range(2)))
    with contextlib.ExitStack() as held:
        # Readers hold the sessions of the server that have been there, so the next one has not seen the statements.
        for _ in range(2):
            held.enter_context(other.reading()).execute(text("SELECT 1"))
        with pytest.raises(DatabaseFailure, match="prepared statement"):
            commit(store, *(votes(f"till-{n}", batch(3, 1)) for n in range(2)))
        commit(store, *(votes(f"till-{n}", batch(3, 1)) for n in range(2)))
    assert count(store, presses) == 8 and count(store, quarantine) == 0
    store.close()
    other.close()
    with pytest.raises(Failure) as refused:
        open_store(f"{pooled}?prepare_threshold=often")
    assert refused.value.exit_status == WRONG_USE and "prepare_threshold" in refused.value.message


def test_one_that_makes_the_database_refuse_is_found_at_the_first_retry(
    make_database: Callable[[str], str],
) -> None:
    """An error of the database's that one message alone provokes: it waits, unjudged, and the others go on."""
    store = open_store(make_database(""), create=True)
    with store.writing() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " IF NEW.device_id = 'till-33' THEN RAISE EXCEPTION 'internal' USING ERRCODE = 'XX000'; END IF;"
                " RETURN NEW; END $$"
            )
        )
        connection.execute(text("CREATE TRIGGER t BEFORE INSERT ON presses FOR EACH ROW EXECUTE FUNCTION refuse()"))
    items = [one for n in range(60) if (one := votes(f"till-{n}", batch(0, 1))) is not None]
    with pytest.raises(DatabaseFailure, match="internal"):
        commit_whatever_comes(store, Transaction.of(items))
    done = commit_whatever_comes(store, Transaction.of(items), is_again=True)
    assert [one.device_id for one in done.left] == ["till-33"] and len(done.acks) == 59
    with pytest.raises(DatabaseFailure):
        commit_whatever_comes(store, Transaction.of(done.left), is_again=True)
    assert count(store, quarantine) == 0
    store.close()


def test_a_database_that_is_gone_is_not_asked_for_each_message(
    make_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(make_database(""), create=True)
    tries: list[None] = []

    def gone(*_: object) -> None:
        tries.append(None)
        raise psycopg.OperationalError("the server has gone")

    monkeypatch.setattr(ingest, "put_rows", gone)
    items = [one for n in range(60) if (one := votes(f"till-{n}", batch(0, 1))) is not None]
    with pytest.raises(DatabaseFailure):
        commit_whatever_comes(store, Transaction.of(items), is_again=True)
    assert len(tries) < 12
    store.close()


def test_a_session_that_may_only_read_is_given_up(make_database: Callable[[str], str]) -> None:
    """After a failover the old primary goes on as a standby, and answers whoever asks whether it lives."""
    store = open_store(make_database(""), create=True)
    assert commit(store, votes("till-1", batch(0, 2))).acks
    with store.engine.connect() as one, store.engine.connect() as two:  # all that are in the pool
        for held in (one, two):
            held.execution_options(isolation_level="AUTOCOMMIT").execute(text("SET default_transaction_read_only = on"))
    with pytest.raises(DatabaseFailure) as failure:
        commit(store, votes("till-1", batch(2, 2)))
    assert "read-only transaction. " not in failure.value.message and failure.value.message.endswith("transaction.")
    assert failure.value.message.startswith("The database postgresql") and "standby" in failure.value.hint
    assert commit(store, votes("till-1", batch(2, 2))).acks[0].mark == 4, "the next session finds who writes"
    assert count(store, quarantine) == 0
    store.close()


def test_a_collector_goes_on_after_a_failover(
    make_database: Callable[[str], str], admin: Engine, tmp_path: Path, device_id: str
) -> None:
    """The server turns read-only for whoever is connected; who connects anew may write."""
    if find_tool("mosquitto") is None:
        pytest.skip("mosquitto is not installed")
    url = make_database("")
    role = f"writes_{os.getpid()}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN SUPERUSER"))
    url = database_url(url).set(username=role).render_as_string(hide_password=False).replace("+psycopg", "")
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        with collecting(broker.port, url) as collector:
            collector.wait_for("ready")

            async def scene() -> None:
                async with on_the_air(broker.port, device_id) as air:
                    await air.send("votes", taken(device_id, 0, 3))
                    await air.ack_with(3)
                    with admin.connect() as connection:
                        connection.execute(text(f"ALTER ROLE {role} SET default_transaction_read_only = off"))
                        connection.execute(text("ALTER SYSTEM SET default_transaction_read_only = on"))
                        connection.execute(text("SELECT pg_reload_conf()"))
                    while not any("read-only transaction" in line for line in collector.stderr):
                        await air.send("votes", taken(device_id, 3, 1))  # until the reload is through
                        await asyncio.sleep(0.2)
                    await air.ack_with(4)

            asyncio.run(asyncio.wait_for(scene(), 3 * WAIT_S))
            assert collector.stop() == 0
    finally:
        broker.stop()
        with admin.connect() as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text("ALTER SYSTEM RESET default_transaction_read_only"))
            connection.execute(text("SELECT pg_reload_conf()"))
    store = open_store(url)
    assert (count(store, presses), count(store, quarantine)) == (4, 0)
    store.close()


@pytest.mark.parametrize("when", ["between transactions", "before the rows"])
def test_a_server_that_ends_sessions(
    make_database: Callable[[str], str], admin: Engine, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(make_database(""), create=True)
    commit(store, votes("till-1", batch(0, 2)))

    def end_all() -> None:
        with admin.connect() as connection:
            name = store.engine.url.database
            connection.execute(
                text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name"),
                {"name": name},
            )

    if when == "between transactions":
        end_all()
        assert commit(store, votes("till-1", batch(2, 2))).acks[0].mark == 4
    else:

        def dying(*arguments: object) -> None:
            end_all()
            put_rows(*arguments)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:  # COPY, whose errors come past SQLAlchemy
            patch.setattr(ingest, "put_rows", dying)
            with pytest.raises(DatabaseFailure):
                commit(store, votes("till-1", batch(2, 2)))
        assert commit(store, votes("till-1", batch(2, 2))).acks[0].mark == 4
    assert (count(store, presses), count(store, quarantine)) == (4, 0)
    store.close()


@pytest.mark.parametrize(
    ("breaks", "mends", "hint"),
    [
        ("REVOKE ALL ON presses FROM weak", "GRANT ALL ON presses TO weak", "GRANT"),
        ("ALTER TABLE presses RENAME TO away", "ALTER TABLE away RENAME TO presses", "not as hymio made them"),
        ("ALTER TABLE presses RENAME edges TO away", "ALTER TABLE presses RENAME away TO edges", "not as hymio made"),
    ],
    ids=["no right", "no table", "no column"],
)  # fmt: skip
def test_what_an_administrator_has_broken_is_waited_for(
    make_database: Callable[[str], str], admin: Engine, breaks: str, mends: str, hint: str
) -> None:
    url = make_database("")
    with admin.connect() as connection, contextlib.suppress(ProgrammingError):
        connection.execute(text("CREATE ROLE weak LOGIN"))
    owner = open_store(url, create=True)
    with owner.writing() as connection:
        connection.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO weak"))
    store = open_store(database_url(url).set(username="weak").render_as_string(hide_password=False))
    assert commit(store, votes("till-1", batch(0, 1))).acks
    with owner.writing() as connection:
        connection.execute(text(breaks))
    with pytest.raises(DatabaseFailure) as failure:
        commit(store, votes("till-1", batch(1, 1)))
    assert hint in failure.value.hint and "SELECT" not in failure.value.message and "\n" not in failure.value.message
    with owner.writing() as connection:
        connection.execute(text(mends))
    assert commit(store, votes("till-1", batch(1, 1))).acks[0].mark == 2
    assert count(store, quarantine) == 0
    store.close()
    owner.close()


def test_a_database_made_where_the_locale_is_c(make_database: Callable[[str], str]) -> None:
    store = open_store(
        make_database("ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"), create=True
    )
    assert commit(store, votes("till-1", batch(0, 2)), votes("till-2", batch(0, 1))).acks
    with store.reading() as connection:
        assert connection.execute(text("SHOW server_encoding")).scalar_one() == "SQL_ASCII"
        assert [line.row["device_id"] for line in ledger_lines(connection)] == ["till-1", "till-2"]
    store.close()
    with pytest.raises(Failure):  # a reader of another one still gets a sentence
        open_store(
            store.engine.url.set(database="nowhere").render_as_string(hide_password=False).replace("+psycopg", "")
        )


def test_two_writers_in_each_others_way_try_again(
    make_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(make_database(""), create=True)
    times = iter([psycopg.errors.DeadlockDetected("deadlock"), psycopg.errors.SerializationFailure("could not"), None])

    def in_the_way(*arguments: object) -> None:
        error = next(times, None)
        if error is not None:
            raise error
        put_rows(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "put_rows", in_the_way)
    assert commit(store, votes("till-1", batch(0, 1))).acks
    assert count(store, quarantine) == 0
    store.close()


# SQLite


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(store_module, "SQLITE_BUSY_S", 0.05)
    opened = open_store(str(tmp_path / "votes.db"), create=True)
    yield opened
    opened.close()


def test_a_full_disk_stops_who_needs_room_and_nobody_else(store: Store, tmp_path: Path) -> None:
    for n in range(10):
        commit(store, votes(f"till-{n}", batch(0, 50)))
    pages = [0]
    with sqlite3.connect(tmp_path / "votes.db") as reader:
        pages[0] = int(reader.execute("PRAGMA page_count").fetchone()[0]) + 2
    store.engine.dispose()
    event.listen(store.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages[0]}"))
    again = [votes(f"till-{n}", batch(0, 50, nonce=2)) for n in range(10)]
    heavy = [votes("till-99", batch(first, 300)) for first in range(0, 6000, 300)]
    done = commit(store, *again[:5], *heavy, *again[5:])
    assert {ack.device_id for ack in done.acks} >= {f"till-{n}" for n in range(10)}, "they go on"
    assert done.left and {one.device_id for one in done.left} == {"till-99"} and done.refused == []
    assert (
        isinstance(done.trouble, DatabaseFailure)
        and done.trouble.fault is Fault.ROOM
        and done.trouble.exit_status == NO_SERVICE
    )
    assert done.trouble.message.endswith("cannot be used: database or disk is full.")
    assert "Make room" in done.trouble.hint
    pages[0] += 10_000
    store.engine.dispose()
    done = commit(store, *done.left)
    assert done.left == [] and done.acks[0].mark == 6000
    assert (count(store, presses), count(store, quarantine)) == (6500, 0)


def test_a_full_disk_has_no_room_for_quarantine_either_and_others_go_on(store: Store, tmp_path: Path) -> None:
    from hymio.store.arrivals import judge

    commit(store, votes("till-1", batch(0, 5)))
    with sqlite3.connect(tmp_path / "votes.db") as reader:
        pages = int(reader.execute("PRAGMA page_count").fetchone()[0])
    store.engine.dispose()
    event.listen(store.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages}"))
    junk = [judge("hymio/till-9/votes", b"%d" % n + bytes(4000), 1.0) for n in range(20)]
    done = commit(store, *junk, votes("till-1", batch(0, 5, nonce=2)))
    assert [ack.device_id for ack in done.acks] == ["till-1"]
    assert done.left and {one.device_id for one in done.left} == {"till-9"}


def test_a_locked_database_is_waited_for(store: Store, tmp_path: Path) -> None:
    locker = sqlite3.connect(tmp_path / "votes.db", isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseFailure, match="database is locked") as failure:
        commit(store, votes("till-1", batch(0, 1)))
    assert "locked it" in failure.value.hint
    locker.execute("ROLLBACK")
    locker.close()
    assert commit(store, votes("till-1", batch(0, 1))).acks


def test_a_database_that_may_only_be_read(store: Store) -> None:
    listener = lambda raw, _: raw.execute("PRAGMA query_only = on")  # noqa: E731
    store.engine.dispose()
    event.listen(store.engine, "connect", listener)
    with pytest.raises(DatabaseFailure, match="readonly database") as failure:
        commit(store, votes("till-1", batch(0, 1)))
    assert "write the file" in failure.value.hint
    event.remove(store.engine, "connect", listener)
    assert commit(store, votes("till-1", batch(0, 1))).acks, "the connection was given up"


def test_a_file_that_is_damaged_is_no_fault_of_the_messages(store: Store, tmp_path: Path) -> None:
    for n in range(20):
        commit(store, votes(f"till-{n}", batch(0, 50)))
    store.close()
    path = tmp_path / "votes.db"
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(DatabaseFailure) as failure:
        commit(store, votes("till-1", batch(50, 1)))
    assert failure.value.fault is Fault.DATABASE and "backup" in failure.value.hint
    with pytest.raises(Failure):
        store.close()
        path.write_bytes(b"no database at all" * 1000)
        open_store(str(path))


def test_a_file_that_was_moved_is_not_called_full(store: Store, tmp_path: Path) -> None:
    for n in range(2):
        commit(store, votes(f"till-{n}", batch(0, 5)))
    (tmp_path / "votes.db").rename(tmp_path / "away.db")
    for is_again in (False, True):
        with pytest.raises(Failure) as failure:
            commit_whatever_comes(
                store, Transaction.of([one for n in range(2) if (one := votes(f"till-{n}", batch(5, 5)))]), is_again
            )
        assert "moved, deleted or replaced" in failure.value.message


def test_other_commands_say_it_in_sentences_too(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("DROP TABLE logs"))
    with pytest.raises(DatabaseFailure) as failure, store.reading() as connection:
        ledger_lines(connection)
    assert failure.value.message.endswith("no such table: logs.") or failure.value.message.endswith(
        "no such table: main.logs."
    )
