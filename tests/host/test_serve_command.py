"""`hymio serve` as a process: how it begins, ends and fails, with TLS, and on a database that can only be read."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from hymio_process import hymio, hymio_here, service
from schema_check import check
from served_world import CITY, OTHER, Given, World, at, new_database

from hymio.serve import command
from hymio.store.database import open_store


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    found = World(new_database("sqlite", tmp_path_factory.mktemp("served"), None), CITY, OTHER)
    found.tell("till-2", Given(at("2026-03-12T08:00")))
    yield found
    found.store.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_says_when_it_can_be_used_and_ends_well(world: World, how: signal.Signals) -> None:
    with service("serve", "--db", world.db, "--listen", "127.0.0.1:0", "--json") as running:
        ready = running.wait_for("ready")
        check("ready-service", json.dumps(ready))
        token = world.token()
        url = f"{ready['url']}/v2/results/button-feedbacks.json"
        assert len(httpx2.get(url, params={"period": "2026", "auth": token}).json()) == 1
        # Somebody listens when it ends.
        with httpx2.stream("GET", f"{ready['url']}/api/v1/events", timeout=60) as events:
            lines = events.iter_lines()
            assert next(lines) == "retry: 1000"
            running.process.send_signal(how)
            assert len(list(lines)) == 2, "its id, and no more"
        assert running.stop(how) == 0
        assert running.lines.empty() and running.stderr == []


def test_no_token_is_ever_printed(world: World) -> None:
    token = world.token()
    with service("serve", "--db", world.db, "--listen", "127.0.0.1:0", "--require-token", "--json") as running:
        url = running.wait_for("ready")["url"]
        for path in ("/v2/surveys.json", "/v2/nothing", "/api/v1/presses?limit=x", "/api/v1/health"):
            httpx2.get(url + path, params={"auth": token})
            httpx2.get(url + path, params={"auth": token + "x"})
        host, port = url.rpartition("/")[2].split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(f"GET /?auth={token} HTTP/9.9\r\n\r\n".encode())
            assert connection.recv(100)
        assert running.stop() == 0
        assert token not in "".join(running.stderr)


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--listen", "8080"], 2, "--listen '8080' is not HOST:PORT."),
        (["--listen", "nowhere.invalid:0"], 4, "Nobody can listen on nowhere.invalid:0 now"),
        (["--cert", "x.pem"], 2, "--cert and --key go together."),
        (["--cert", "x.pem", "--key", "x.key"], 2, "x.pem and x.key can't be used: No such file or directory."),
        (["--cert", __file__, "--key", __file__], 2, "can't be used"),
        (["--db", "none.db"], 4, "There is no database none.db."),
        (["--rate", "0"], 2, "--rate"),
        (["--rate", "nan"], 2, "--rate"),
        (["--rate", "inf"], 2, "--rate"),
        (["--listen", "127.0.0.1:²"], 2, "is not HOST:PORT."),
    ],
)
def test_how_it_fails(world: World, options: list[str], status: int, said: str) -> None:
    given = [] if "--db" in options else ["--db", world.db]
    result = hymio_here("serve", *given, *options)
    assert result.returncode == status and said in result.stderr, result.stderr


def test_a_port_that_is_taken(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = hymio_here("serve", "--db", world.db, "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.returncode == 4 and "Address already in use" in result.stderr


def test_pages_beside_the_apis(world: World, tmp_path: Path) -> None:
    """Whoever sits here sees all until there is an account; then a log-in opens the pages, and the API asks nobody."""
    db = str(tmp_path / "votes.db")
    assert hymio("db", "backup", "--db", world.db, "--out", str(tmp_path / "copy")).returncode == 0
    assert hymio("db", "restore", str(tmp_path / "copy"), "--db", db).returncode == 0
    with service("serve", "--db", db, "--listen", "127.0.0.1:0", "--json") as running:
        url = running.wait_for("ready")["url"]
        with httpx2.Client(base_url=url, follow_redirects=True) as client:
            page = client.get("/")
            assert page.status_code == 200 and 'href="/places/city"' in page.text
            assert client.get("/terminals.json").json()["count"] > 0
            added = hymio_here(
                "user", "add", "anna", "--db", db, "--role", "admin", "--password-file", "-", stdin="correct horse\n"
            )
            assert added.returncode == 0, added.stderr
            page = client.get("/terminals")
            assert page.url.path == "/login"
            form = page.text.partition('name="form" value="')[2].partition('"')[0]
            fields = {"form": form, "name": "anna", "password": "correct horse", "next": "/terminals"}
            page = client.post("/login", data=fields)
            assert page.url.path == "/terminals" and page.status_code == 200
            assert client.get("/v2/surveys.json").status_code == 200
        assert running.stop() == 0
        assert "correct horse" not in "".join(running.stderr)


@pytest.mark.parametrize("package", ["fastapi", "argon2"])
def test_without_the_extra_it_says_what_to_install(world: World, package: str) -> None:
    code = f"import sys; sys.modules['{package}'] = None; from hymio.cli.app import main; main()"
    found = run_code(code, "serve", "--db", world.db)
    assert found[0] == 2 and "Serving figures over HTTP needs what is not installed here" in found[1]


def run_code(code: str, *arguments: str) -> tuple[int, str]:
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    return result.returncode, result.stderr


def test_https(world: World, tmp_path: Path) -> None:
    pki = str(tmp_path / "pki")
    for arguments in (("init", "--dir", pki), ("issue", "--dir", pki, "--server", "127.0.0.1")):
        assert hymio("pki", *arguments).returncode == 0
    files = tmp_path / "pki" / "issued" / "127.0.0.1"
    tls = ["--cert", str(files / "cert.pem"), "--key", str(files / "key.pem")]
    with service("serve", "--db", world.db, "--listen", "127.0.0.1:0", "--json", *tls) as running:
        url = running.wait_for("ready")["url"]
        assert url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(files / "ca.pem"))
        with httpx2.Client(verify=context) as client:
            answer = client.get(f"{url}/v2/results/button-feedbacks.json?period=2026&limit=0")
            assert answer.status_code == 200
        assert running.stop() == 0


@pytest.mark.parametrize(
    ("host", "has_tls", "always_token", "has_one", "said"),
    [
        ("127.0.0.1", False, False, False, []),
        ("127.0.0.1", False, True, False, ["Nobody has a token yet", "Nobody has an account"]),
        ("localhost", False, True, True, []),
        ("0.0.0.0", True, False, True, []),
        (
            "0.0.0.0",
            False,
            False,
            False,
            ["Nobody has a token yet", "Nobody has an account", "can be read on their way"],
        ),
        ("::", False, False, True, ["can be read on their way"]),
    ],
)
def test_what_who_starts_it_is_told(
    capsys: pytest.CaptureFixture[str], host: str, has_tls: bool, always_token: bool, has_one: bool, said: list[str]
) -> None:
    command._tell(host, has_tls, always_token, has_one, has_one)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(said) and all(part in line for part, line in zip(said, lines, strict=True))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"),
        ("votes.example", "http://votes.example:80"),
    ],
)  # fmt: skip
def test_the_address_that_it_tells_works_here(host: str, url: str) -> None:
    assert command._url("http", host, 80) == url


def test_a_database_that_can_only_be_read(tmp_path: Path, postgres_url: str) -> None:
    """As a replica is: every transaction that would write fails there."""
    world = World(new_database("postgresql", tmp_path, postgres_url), CITY)
    world.tell("till-2", Given(at("2026-03-12T08:00")))
    token = world.token()
    name = world.db.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    with service("serve", "--db", world.db, "--listen", "127.0.0.1:0", "--json") as running:
        url = running.wait_for("ready")["url"]
        headers = {"Authorization": f"Bearer {token}"}
        for path, length in (("/v2/results/button-feedbacks.json?period=2026", 1), ("/v2/experience-points.json", 7)):
            assert len(httpx2.get(url + path, headers=headers).json()) == length
        assert len(httpx2.get(f"{url}/api/v1/presses", headers=headers).json()["presses"]) == 1
        assert running.stop() == 0
    world.store.close()


def test_nothing_writes(world: World) -> None:
    """On a file of SQLite, seen by its own connection."""
    with open_store(world.db).reading() as connection:
        before = connection.exec_driver_sql("PRAGMA data_version").scalar()
        with service("serve", "--db", world.db, "--listen", "127.0.0.1:0", "--json") as running:
            url = running.wait_for("ready")["url"]
            for path in ("/v2/surveys.json", "/v2/results/button-feedbacks.csv?period=2026", "/api/v1/ledger"):
                assert httpx2.get(url + path).status_code == 200
            assert running.stop() == 0
        assert connection.exec_driver_sql("PRAGMA data_version").scalar() == before


def test_its_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from hymio.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'fastapi', 'uvicorn', 'sqlalchemy'} & sys.modules.keys()), file=sys.stderr)"
    )
    assert run_code(code, "serve", "--help")[1].strip().endswith("[]")
