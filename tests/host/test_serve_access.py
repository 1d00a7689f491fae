"""Who may ask what: tokens, their scopes over every path, this computer, limits, and a database that is away."""

from __future__ import annotations

import json
import re
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from served_world import CITY, NOW_UTC, OTHER, World, fill, listening, new_database, served
from starlette.testclient import TestClient

from hymio.common.clients import is_of_this_computer
from hymio.common.rate_limits import RateLimit
from hymio.pages.app import pages_app
from hymio.serve import http_server
from hymio.serve.ids import organisation_place, phone_smiley, terminal_smiley
from hymio.serve.v2_lists import LISTS
from hymio.serve.v2_routes import FEEDBACKS, INTROSPECTION

V2 = [f"/v2/{name}.{form}" for name in (*FEEDBACKS, *LISTS) for form in ("json", "csv")] + [f"/v2/{INTROSPECTION}"]
V1 = [f"/api/v1/{name}" for name in ("health", "sites", "ledger", "presses", "measures", "openapi.json")]
PATHS = [*V2, *V1]
YEAR = {"period": "2026", "includeMisuse": "true", "by": "place"}
"""Of every path those that it knows; the others are passed over."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    found = World(new_database("sqlite", tmp_path_factory.mktemp("served"), None), CITY, OTHER)
    fill(found)
    yield found
    found.store.close()


@pytest.fixture(scope="module")
def outside(world: World) -> Iterator[TestClient]:
    with served(world) as client:
        yield client


@pytest.fixture(scope="module")
def inside(world: World) -> Iterator[TestClient]:
    with served(world, "127.0.0.1") as client:
        yield client


@pytest.mark.parametrize("path", [*PATHS, "/", "/v2/nothing", "/docs", "/api/v1/events"])
def test_without_a_good_token_nothing_is_told(outside: TestClient, world: World, path: str) -> None:
    expired = world.token(expires_utc=NOW_UTC)
    for headers, query in (
        ({}, {}),
        ({"X-HON-API-Token": "hymio_none"}, {}),
        ({"X-HON-API-Token": ""}, {}),
        ({"X-HON-API-Token": "ä"}, {}),
        ({"Authorization": "Bearer x"}, {}),
        ({"Authorization": f"Basic {world.token()}"}, {}),
        ({}, {"auth": "x" * 5000}),
        ({}, {"auth": expired}),
    ):
        answer = outside.get(path, headers={k.encode(): v.encode() for k, v in headers.items()}, params=query)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert set(answer.json()) == {"error"}


def test_the_three_ways_to_show_a_token(outside: TestClient, world: World) -> None:
    token = world.token()
    for headers, query in (
        ({"X-HON-API-Token": token}, {}), ({"Authorization": f"bearer {token}"}, {}), ({}, {"auth": token}),
    ):  # fmt: skip
        assert outside.get("/v2/surveys.json", headers=headers, params=query).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_token_for_a_place_sees_nothing_else_on_any_path(outside: TestClient, world: World, path: str) -> None:
    """Names, ids and terminals of all other places are in no answer, whatever was asked."""
    answer = outside.get(path, params=YEAR, headers={"X-HON-API-Token": world.token("n-two")})
    assert answer.status_code == 200, answer.text
    ids, others = world.ids(), world.ids("other")
    hidden = {"South one", "=South", "North one", "n-one", "s-one", "till-1", "till-staff", "till-other", "Other"}
    hidden |= {"till-nowhere", "till-undated", "pulse", "secret", "Kindness" if "localization" in path else "secret"}
    hidden -= {"Kindness"}  # the survey of North two asks that, too
    if "openapi" not in path:
        assert not [word for word in hidden if re.search(rf"\b{re.escape(word)}\b", answer.text)]
    numbers = {int(one) for one in re.findall(r"\b\d{10,}\b", answer.text)}
    foreign = {terminal_smiley(one) for one in ("till-1", "till-staff", "till-other")}
    foreign |= {phone_smiley(ids["s-one"]), organisation_place(ids["city"]), organisation_place(others["other"])}
    assert not numbers & foreign


@pytest.mark.parametrize("path", PATHS)
def test_a_token_for_an_organisation_sees_no_other_one(outside: TestClient, world: World, path: str) -> None:
    answer = outside.get(path, params=YEAR, headers={"X-HON-API-Token": world.token()})
    assert answer.status_code == 200, answer.text
    assert "till-other" not in answer.text and str(terminal_smiley("till-other")) not in answer.text
    assert "Other" not in answer.text and "till-nowhere" not in answer.text


def test_ids_of_others_are_as_good_as_none(outside: TestClient, world: World) -> None:
    """403, with the same words as for an id that nobody has."""
    ids, others = world.ids(), world.ids("other")
    headers = {"X-HON-API-Token": world.token("n-two")}
    foreign = {
        "experiencePointId": [ids["n-one"], ids["north"], others["x"], organisation_place(ids["city"]), 123456],
        "rootExperiencePointId": [ids["n-one"], 123456],
        "surveyId": [ids["pulse"], others["s"], 123456],
        "questionId": [others["q"], 123456],
        "followupQuestionId": [123456],
        "followupOptionId": [123456],
    }
    knows = {
        "experiencePointId": [*FEEDBACKS, "experience-point-custom-data"],
        "rootExperiencePointId": ["experience-points", "experience-point-custom-data"],
        "surveyId": list(FEEDBACKS),
        "questionId": ["question-localizations"],
        "followupQuestionId": ["follow-up-question-localizations"],
        "followupOptionId": ["follow-up-option-localizations"],
    }
    for name, numbers in foreign.items():
        for path in knows[name]:
            for number in numbers:
                answer = outside.get(f"/v2/{path}.json", params={name: number}, headers=headers)
                assert answer.status_code == 403, (path, name, number)
                said = answer.json()["error"]["message"]
                assert said == f"{name} {number} is not within what this token may read."


def test_a_revoked_token_opens_nothing_from_then_on(world: World) -> None:
    from hymio.store.tokens import revoke_token, stored_tokens

    token = world.token()
    with served(world) as client:
        headers = {"X-HON-API-Token": token}
        assert client.get("/v2/surveys.json", headers=headers).status_code == 200
        with world.store.writing() as connection:
            newest = max(one.id for one in stored_tokens(connection))
            revoke_token(connection, newest, NOW_UTC)
        assert client.get("/v2/surveys.json", headers=headers).status_code == 401


LOCAL = {"host": "127.0.0.1:8080"}


@pytest.mark.parametrize(
    ("address", "headers", "may"),
    [
        ("127.0.0.1", LOCAL, True), ("127.8.8.8", {"host": "localhost"}, True), ("::1", {"host": "[::1]:8080"}, True),
        ("::ffff:127.0.0.1", {"host": "LOCALHOST:1"}, True),
        ("127.0.0.1", LOCAL | {"sec-fetch-site": "none"}, True),
        ("127.0.0.1", LOCAL | {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8080"}, True),
        ("192.0.2.1", LOCAL, False), ("", LOCAL, False), ("testclient", LOCAL, False), ("::2", LOCAL, False),
        # a name from outside that leads here (DNS rebinding), or that only begins like ours
        ("127.0.0.1", {"host": "evil.example"}, False), ("127.0.0.1", {"host": "localhost.evil.example"}, False),
        ("127.0.0.1", {"host": "127.0.0.1.evil.example:8080"}, False), ("127.0.0.1", {}, False),
        ("127.0.0.1", {"host": ""}, False), ("127.0.0.1", {"host": "[::1"}, False),
        # a page of another site makes the browser ask
        ("127.0.0.1", LOCAL | {"sec-fetch-site": "cross-site"}, False),
        ("127.0.0.1", LOCAL | {"sec-fetch-site": "same-site"}, False),
        ("127.0.0.1", LOCAL | {"origin": "https://evil.example"}, False),
        ("127.0.0.1", LOCAL | {"origin": "null"}, False),
        ("127.0.0.1", LOCAL | {"origin": "http://127.0.0.1:9999"}, False),
        # a proxy passes on what others ask
        ("127.0.0.1", LOCAL | {"x-forwarded-for": "192.0.2.1"}, False), ("127.0.0.1", LOCAL | {"via": "1.1 x"}, False),
        ("127.0.0.1", LOCAL | {"forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", LOCAL | {"x-real-ip": "127.0.0.1"}, False),
    ],
)  # fmt: skip
def test_who_is_of_this_computer(address: str, headers: dict[str, str], may: bool) -> None:
    assert is_of_this_computer(address, headers) is may


def test_this_computer_needs_no_token_unless_it_is_told_so(world: World, inside: TestClient) -> None:
    assert inside.get("/v2/surveys.json").status_code == 200
    assert inside.get("/v2/surveys.json", headers={"Host": "evil.example"}).status_code == 401
    assert inside.get("/v2/token/introspect").status_code == 401, "there is none to tell of"
    assert inside.get("/v2/surveys.json", headers={"X-HON-API-Token": "wrong"}).status_code == 401
    with served(world, "127.0.0.1", always_token=True) as client:
        assert client.get("/v2/surveys.json").status_code == 401
        assert client.get("/v2/surveys.json", params={"auth": world.token()}).status_code == 200


def test_every_answer_carries_the_headers(inside: TestClient, outside: TestClient) -> None:
    for answer in (
        inside.get("/v2/surveys.json"), inside.get("/v2/surveys.csv"), inside.get("/nothing"),
        inside.get("/v2/surveys.json?x=1&offset=x"), outside.get("/v2/surveys.json"), inside.post("/api/v1/sites"),
        inside.get("/api/v1/sites"),
    ):  # fmt: skip
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "server" not in answer.headers


def test_nothing_takes_a_body(inside: TestClient) -> None:
    for length, status in ((65_536, 200), (65_537, 413)):
        answer = inside.request("GET", "/v2/surveys.json", content=b"x" * length)
        assert answer.status_code == status


def test_who_asks_too_often_waits(world: World) -> None:
    with served(world, rate=RateLimit(0.5, 3)) as client:
        mine, yours = ({"X-HON-API-Token": world.token()} for _ in range(2))
        assert [client.get("/v2/surveys.json", headers=mine).status_code for _ in range(5)] == [200] * 3 + [429] * 2
        answer = client.get("/v2/surveys.json", headers=mine)
        assert 1 <= int(answer.headers["retry-after"]) <= 2
        assert client.get("/v2/surveys.json", headers=yours).status_code == 200
        wrong = [client.get("/v2/surveys.json", params={"auth": "x"}).status_code for _ in range(5)]
        assert wrong == [401] * 3 + [429] * 2
        assert client.get("/v2/surveys.json", headers=yours).status_code == 200, "strangers don't stand in its way"
        nobody = [client.get("/v2/surveys.json").status_code for _ in range(5)]
        assert nobody == [401] * 3 + [429] * 2


@given(st.lists(st.floats(0, 3), max_size=60), st.floats(0.1, 5), st.integers(1, 9))
def test_no_more_than_the_rate_and_a_start(waits: list[float], a_second: float, at_once: int) -> None:
    """In any stretch of time at most so many, and whoever waits as long as is said may go on."""
    limit, now_s = RateLimit(a_second, at_once), 0.0
    went: list[float] = []
    for wait in waits:
        now_s += wait
        left = limit.wait_s("anna", now_s)
        if left == 0:
            limit.book("anna", now_s)
            went.append(now_s)
        else:
            assert limit.wait_s("anna", now_s + left + 1e-6) == 0
    for first, begin in enumerate(went):
        for last in range(first, len(went)):
            assert last - first + 1 <= at_once + (went[last] - begin) * a_second + 1e-6


def test_the_memory_of_limits_is_bounded() -> None:
    limit = RateLimit(1, 1, askers_max=3)
    for number in range(10):
        limit.book(f"asker {number}", 0.0)
    assert [limit.wait_s(f"asker {number}", 0.0) > 0 for number in (0, 6, 7, 8, 9)] == [False, False, True, True, True]


def test_a_file_that_is_away_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(new_database("sqlite", tmp_path, None), CITY)
    with served(world, "127.0.0.1") as client:
        assert client.get("/v2/surveys.json").status_code == 200
        Path(world.db).rename(tmp_path / "away.db")
        for path in ("/v2/surveys.json", "/api/v1/health", "/v2/results/button-feedbacks.csv"):
            answer = client.get(path)
            assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
            assert str(tmp_path) not in answer.text, "where it is, is nobody's business"
        (tmp_path / "away.db").rename(world.db)
        assert client.get("/v2/surveys.json").status_code == 200
    assert capsys.readouterr().err.count("its file was moved, deleted or replaced") == 1
    world.store.close()


def test_a_server_that_is_away_and_comes_back(tmp_path: Path, postgres_url: str) -> None:
    world = World(new_database("postgresql", tmp_path, postgres_url), CITY)
    name = re.search(r"/(served_\d+)\?", world.db)
    assert name
    with served(world, "127.0.0.1") as client, psycopg.connect(postgres_url, autocommit=True) as admin:
        assert client.get("/v2/surveys.json").status_code == 200
        admin.execute(f"ALTER DATABASE {name[1]} ALLOW_CONNECTIONS false".encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name[1]])
        assert client.get("/v2/surveys.json").status_code == 503
        admin.execute(f"ALTER DATABASE {name[1]} ALLOW_CONNECTIONS true".encode())
        assert client.get("/v2/surveys.json").status_code == 200
    world.store.close()


def test_a_bug_is_told_without_its_innards(world: World, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("hymio.serve.v2_routes.asked_place", broken)
    with served(world, "127.0.0.1") as client:
        answer = client.get("/v2/results/button-feedbacks.json?auth=&period=2026")
        answer = client.get("/v2/results/button-feedbacks.json")
    assert answer.status_code == 500 and "secret" not in answer.text and set(answer.json()) == {"error"}
    said = capfd.readouterr().err
    assert "A bug in hymio: RuntimeError in broken" in said and "Traceback" not in said


def test_who_is_slow_to_ask_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "REQUEST_S", 0.0)
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 0)
    with listening(world) as url:
        port = int(url.rpartition(":")[2])
        for sent in (b"", b"GET /v2/surveys.json HT"):
            with (
                suppress(ConnectionResetError),  # it was let go while it spoke
                socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
            ):
                connection.sendall(sent)
                assert is_closed(connection)


def test_who_is_slow_to_send_a_form_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "REQUEST_S", 0.2)
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 0)
    head = "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with listening(world, app=pages_app(world.store)) as url:
        port = int(url.rpartition(":")[2])
        with suppress(ConnectionResetError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(f"{head}Content-Length: 100\r\n\r\n1".encode())
            assert is_closed(connection)


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_who_takes_nothing_of_the_answer_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "STALLED_S", 0.5)
    monkeypatch.setattr("hymio.serve.v2_routes.csv_text", lambda *_: "x" * 30_000_000)
    with listening(world) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /v2/surveys.csv HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
            # The buffers between us are full, and nobody takes anything out of them.
            poll = select.poll()
            poll.register(connection, 0)  # errors alone
            assert poll.poll(30_000), "it was not let go"


def test_too_many_connections_are_closed_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "CONNECTIONS_MAX", 2)
    with listening(world) as url:
        port = int(url.rpartition(":")[2])
        some = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(3)]
        try:
            assert is_closed(some[2])
            some[0].sendall(b"GET /v2/surveys.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert some[0].recv(12) == b"HTTP/1.1 200"
        finally:
            for connection in some:
                connection.close()


def test_an_address_without_end_is_refused(world: World) -> None:
    with listening(world) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"GET /v2/surveys.json?x=" + b"y" * 40_000)
            assert connection.recv(12) == b"HTTP/1.1 400"


def test_an_address_with_a_slash_too_many_is_none(inside: TestClient) -> None:
    # A redirect would be absolute: to whatever Host says, and by http whatever the proxy does; tokens go along.
    for path in ("/api/v1/sites/", "/api/v1/health/"):
        answer = inside.get(path, follow_redirects=False)
        assert answer.status_code == 404 and "location" not in answer.headers


def test_errors_have_one_shape(inside: TestClient) -> None:
    for path in ("/v2/x.json", "/x", "/v2/surveys.xml", "/api/v1/presses?limit=x"):
        error = json.loads(inside.get(path).text)["error"]
        assert set(error) == {"status", "message", "hint"} and error["message"].endswith(".")
