"""Live events: every press once, soon, also across a broken connection; staff never, and never what others see."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from served_world import CITY, NOW_UTC, OTHER, Given, World, at, listening, new_database
from sqlalchemy import text

from hymio.serve import live_events

MOMENT = at("2026-03-12T08:00")


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    found = World(new_database(request.param, tmp_path, url), CITY, OTHER)
    yield found
    found.store.close()


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[World]:
    """On SQLite alone: what is tested has nothing to do with the database."""
    found = World(new_database("sqlite", tmp_path, None), CITY, OTHER)
    yield found
    found.store.close()


class Stream:
    """What a browser's EventSource would see."""

    def __init__(self, response: httpx2.Response) -> None:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        self.lines = response.iter_lines()
        self.last_id = ""
        self.comments: list[str] = []

    def block(self) -> dict[str, str] | None:
        """The next one, its fields by name; None: the stream is over."""
        fields: dict[str, str] = {}
        for line in self.lines:
            if line.startswith(":"):
                self.comments.append(line)
                return {}
            if not line:
                self.last_id = fields.get("id", self.last_id)
                return fields
            name, _, value = line.partition(": ")
            fields[name] = value
        return None

    def press(self) -> dict[str, Any]:
        while True:
            fields = self.block()
            assert fields is not None, "the stream ended"
            if fields.get("event") == "press":
                found: dict[str, Any] = json.loads(fields["data"])
                assert found["id"] == self.last_id
                return found


@contextmanager
def events(url: str, token: str | None = None, last_id: str | None = None, **query: str) -> Iterator[Stream]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    headers |= {} if last_id is None else {"Last-Event-ID": last_id}
    with (
        httpx2.Client(timeout=60) as client,
        client.stream("GET", f"{url}/api/v1/events", headers=headers, params=query) as response,
    ):
        stream = Stream(response)
        first = stream.block()
        assert first is not None and first["retry"] == "1000" and first["id"]
        yield stream


def test_a_press_is_told_within_a_second_of_its_commit(world: World) -> None:
    took = []
    with listening(world) as url, events(url) as stream:
        for number in range(3):
            world.tell("till-2", Given(MOMENT + number, 1 + number))
            committed_s = time.monotonic()
            found = stream.press()
            took.append(time.monotonic() - committed_s)
            assert (found["device_id"], found["button"], found["place"]) == ("till-2", 1 + number, "n-two")
    assert min(took) < 1.0, took


def test_nothing_is_missed_and_nothing_comes_twice_across_a_broken_connection(world: World) -> None:
    with listening(world) as url:
        with events(url) as stream:
            first = world.tell("till-2", *(Given(MOMENT + number) for number in range(5)))
            seen = [stream.press() for _ in range(3)]
            last_id = stream.last_id
        world.tell("till-2", *(Given(MOMENT + 10 + number) for number in range(4)))
        with events(url, last_id=last_id) as stream:
            world.tell("till-2", Given(MOMENT + 20))
            seen += [stream.press() for _ in range(7)]
        with events(url, last_id=stream.last_id) as again:
            world.tell("till-2", Given(MOMENT + 30))
            seen.append(again.press())
        with events(url, cursor=seen[-2]["id"]) as stream:
            assert stream.press() == seen[-1]
    assert [one["seq"] for one in seen] == list(range(first, first + 11))


def test_a_token_sees_its_own_and_staff_is_never_told_of(quick: World) -> None:
    token, every = quick.token("s-one"), quick.token()
    with listening(quick) as url, events(url, token) as mine, events(url, every) as city, events(url) as local:
        for _ in range(12):
            quick.tell("till-staff", Given(MOMENT, 1))
        quick.tell("till-other", Given(MOMENT, 2))
        quick.tell("till-2", Given(MOMENT, 3))
        quick.tell("till-1", Given(MOMENT, 4))
        assert mine.press()["device_id"] == "till-1"
        assert [city.press()["device_id"] for _ in range(2)] == ["till-2", "till-1"]
        assert [local.press()["device_id"] for _ in range(3)] == ["till-other", "till-2", "till-1"]


def test_silence_is_broken_by_a_comment(quick: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_events, "ALIVE_S", 0.05)
    with listening(quick) as url, events(url) as stream:
        while not stream.comments:
            assert stream.block() is not None
        assert stream.comments == [": still here"]


def test_listeners_are_bounded_and_who_leaves_makes_room(quick: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_events, "LISTENERS_EACH", 2)
    monkeypatch.setattr(live_events, "ALIVE_S", 0.05)
    with listening(quick) as url:
        with events(url), events(url):
            answer = httpx2.get(f"{url}/api/v1/events")
            assert answer.status_code == 503 and answer.headers["retry-after"] == "30"
            with events(url, quick.token()):
                pass  # somebody else still may
        began_s = time.monotonic()
        while httpx2.get(f"{url}/api/v1/presses").status_code == 200:
            # That a listener has gone shows when it is written to.
            with httpx2.stream("GET", f"{url}/api/v1/events") as answer:
                if answer.status_code == 200:
                    break
            assert time.monotonic() - began_s < 60


def test_a_token_that_is_revoked_ends_its_stream(quick: World) -> None:
    token = quick.token()
    with listening(quick) as url, events(url, token) as stream:
        quick.tell("till-2", Given(MOMENT))
        assert stream.press()["seq"] == 2
        with quick.store.writing() as connection:
            connection.execute(text("UPDATE tokens SET revoked_utc = :now"), {"now": NOW_UTC})
        quick.tell("till-2", Given(MOMENT + 1))
        while (block := stream.block()) is not None:
            assert block.get("event") != "press"
        assert httpx2.get(f"{url}/api/v1/presses", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_the_end_of_the_server_ends_the_streams(quick: World) -> None:
    with listening(quick) as url:
        entered = events(url)
        stream = entered.__enter__()
    while stream.block() is not None:
        pass
    entered.__exit__(None, None, None)


def test_a_place_that_is_none(quick: World) -> None:
    with listening(quick) as url:
        answer = httpx2.get(f"{url}/api/v1/events", headers={"Last-Event-ID": "yesterday"})
        assert answer.status_code == 400 and "Last-Event-ID is 'yesterday'" in answer.json()["error"]["message"]
        assert httpx2.get(f"{url}/api/v1/events?cursor=x").status_code == 400
