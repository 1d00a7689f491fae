"""Paging: whoever fetches page after page gets every row once, whatever arrives meanwhile, and cheaply."""

from __future__ import annotations

import csv
import io
import random
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served_world import CITY, LOG_ID, OTHER, Given, Teller, World, at, new_database, served
from starlette.testclient import TestClient

from hymio.serve.feedbacks import Bookmark
from hymio.serve.ids import press_feedback
from hymio.serve.page_memory import PageMemory, Paging, paging_of
from hymio.serve.v2_routes import SKIPPED_MAX
from hymio.store import time_order
from hymio.store.time_order import Position

DAY = "2026-03-12"
NEXT = re.compile(r'<(.+)>; rel="next"')


def pages(client: TestClient, path: str, way: str, between: Any, **query: Any) -> Iterator[list[dict[str, Any]]]:
    """Every page, by the Link header or by offset alone; `between` is called after each one."""
    address: Any = f"/v2/{path}"
    offset, limit = 0, query["limit"]
    while True:
        answer = client.get(address, params=query | {"offset": offset}) if way == "offset" else None
        answer = answer or client.get(address, params=query or None)
        assert answer.status_code == 200, answer.text
        rows = read(answer)
        yield rows
        assert len(rows) <= limit
        more = answer.headers["x-more-available"]
        assert (more == "true") == ("link" in answer.headers)
        if more == "false":
            return
        assert len(rows) == limit
        between()
        offset += len(rows)
        if way == "link":
            found = NEXT.fullmatch(answer.headers["link"])
            assert found
            address, query = found[1], {}


def nothing() -> None:
    """Happens between pages."""


def read(answer: Any) -> list[dict[str, Any]]:
    if answer.headers["content-type"].startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))
    rows: list[dict[str, Any]] = answer.json()
    return rows


def fetch_while_votes_arrive(world: World, dice: random.Random, way: str, form: str, order: str, limit: int) -> None:
    """Three terminals tell what they have, a batch at a time, some before the first page and some between pages."""
    waiting: list[tuple[str, list[Given]]] = []
    for device_id in ("till-1", "till-2", "till-other"):
        moments = sorted(at(f"{DAY}T08:00") + dice.randrange(7200) / 2 for _ in range(dice.randrange(1, 25)))
        votes = [Given(utc, dice.randrange(1, 5), presses=dice.choice([1, 1, 1, 3])) for utc in moments]
        while votes:
            size = dice.randrange(1, 8)
            waiting.append((device_id, votes[:size]))
            votes = votes[size:]
    # A terminal tells in the order of its log; terminals tell in any order among each other.
    order_of = {device_id: [votes for who, votes in waiting if who == device_id] for device_id, _ in waiting}
    turns = [device_id for device_id, _ in waiting]
    dice.shuffle(turns)
    before = dice.randrange(len(turns) + 1)
    there: set[str] = set()
    known: set[str] = set()

    def tell(device_id: str) -> set[str]:
        votes = order_of[device_id].pop(0)
        first = world.tell(device_id, *votes)
        return {
            press_feedback(device_id, LOG_ID, first + number, one)
            for number, vote in enumerate(votes)
            for one in range(vote.presses)
        }

    for device_id in turns[:before]:
        there |= tell(device_id)
    left = turns[before:]
    known |= there

    def between() -> None:
        for _ in range(dice.randrange(3)):
            if left:
                known.update(tell(left.pop()))

    query = {"startDate": DAY, "endDate": "2026-03-13", "order": order, "limit": limit, "includeMisuse": "true"}
    with served(world, "127.0.0.1") as client:
        found = [
            row for page in pages(client, f"results/button-feedbacks.{form}", way, between, **query) for row in page
        ]
    names = [row["feedbackId"] for row in found]
    assert len(names) == len(set(names)), "no row twice"
    assert set(names) == there, "none is missing, and what came since the first page is on no page"
    times = [row["localTime"] for row in found]
    assert sorted(at_utc(one) for one in times) == [at_utc(one) for one in (times if order == "asc" else times[::-1])]


def at_utc(local: str) -> float:
    return datetime.fromisoformat(local).timestamp()


@settings(max_examples=15)
@given(
    st.integers(0, 2**32), st.sampled_from(["link", "offset"]), st.sampled_from(["json", "csv"]),
    st.sampled_from(["asc", "desc"]), st.integers(2, 9),
)  # fmt: skip
def test_every_row_once_while_votes_arrive(seed: int, way: str, form: str, order: str, limit: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        world = World(new_database("sqlite", Path(directory), None), CITY, OTHER)
        fetch_while_votes_arrive(world, random.Random(seed), way, form, order, limit)
        world.store.close()


@pytest.mark.parametrize("way", ["link", "offset"])
def test_every_row_once_on_postgres(tmp_path: Path, postgres_url: str, way: str) -> None:
    world = World(new_database("postgresql", tmp_path, postgres_url), CITY, OTHER)
    fetch_while_votes_arrive(world, random.Random(7), way, "json", "desc", 3)
    world.store.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """2,000 votes of two terminals."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    world = World(new_database(request.param, tmp_path_factory.mktemp("busy"), url), CITY)
    for number in range(10):
        for device_id in ("till-1", "till-2"):
            begin = at("2026-03-12T08:00") + 1000 * number
            world.tell(device_id, *(Given(begin + 10 * vote, 1 + vote % 4) for vote in range(100)))
    yield world
    world.store.close()


def test_a_client_of_the_document_gets_the_same_by_json_and_by_csv(busy: World) -> None:
    query = {"period": "2026-03", "limit": 130}
    with served(busy) as client:
        client.headers["X-HON-API-Token"] = busy.token()
        ways = [
            [row for page in pages(client, f"results/button-feedbacks.{form}", way, nothing, **query) for row in page]
            for form, way in (("json", "link"), ("json", "offset"), ("csv", "link"), ("csv", "offset"))
        ]
    as_text = [{name: shown(value) for name, value in row.items()} for row in ways[0]]
    assert len(ways[0]) == 2000
    assert ways[1] == ways[0] and ways[2] == as_text and ways[3] == as_text


def shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_a_folded_run_goes_on_over_pages(tmp_path: Path) -> None:
    world = World(new_database("sqlite", tmp_path, None), CITY)
    first = world.tell("till-2", Given(at(f"{DAY}T08:00"), 1), Given(at(f"{DAY}T08:01"), 2, "mash", presses=7))
    names = [press_feedback("till-2", LOG_ID, first)]
    names += [press_feedback("till-2", LOG_ID, first + 1, number) for number in range(7)]
    query = {"period": "2026-03", "includeMisuse": "true", "limit": 3}
    with served(world, "127.0.0.1") as client:
        for way in ("link", "offset"):
            found = list(pages(client, "results/button-feedbacks.json", way, nothing, **query))
            assert [row["feedbackId"] for page in found for row in page] == names
            assert [len(page) for page in found] == [3, 3, 2]
    world.store.close()


def test_a_token_in_the_address_stays_in_that_of_the_next_page(busy: World) -> None:
    token = busy.token("n-two")
    with served(busy) as client:
        answer = client.get("/v2/results/button-feedbacks.json", params={"period": "2026", "limit": 2, "auth": token})
        found = NEXT.fullmatch(answer.headers["link"])
        assert found and found[1].startswith("http://votes.example/v2/results/button-feedbacks.json?")
        assert client.get(found[1]).status_code == 200
        client.headers["X-Forwarded-Proto"] = "https"
        answer = client.get("/v2/results/button-feedbacks.json", params={"period": "2026", "limit": 2, "auth": token})
        assert answer.headers["link"].startswith("<https://votes.example/")


def test_a_limit_of_nothing_tells_whether_there_is_anything(busy: World) -> None:
    with served(busy, "127.0.0.1") as client:
        for period, more in (("2026-03", "true"), ("2025", "false")):
            answer = client.get("/v2/results/button-feedbacks.json", params={"period": period, "limit": 0})
            assert answer.json() == [] and answer.headers["x-more-available"] == more and "link" not in answer.headers


def test_an_offset_that_nobody_came_to_is_counted_to_as_far_as_that_is_bearable(
    busy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    query: dict[str, Any] = {"period": "2026", "limit": 5}
    with served(busy, "127.0.0.1") as client:
        every = client.get("/v2/results/button-feedbacks.json", params={"period": "2026", "limit": 10000}).json()
        answer = client.get("/v2/results/button-feedbacks.json", params=query | {"offset": 1990})
        assert answer.json() == every[1990:1995]
        assert client.get("/v2/results/button-feedbacks.json", params=query | {"offset": 2**62}).json() == []
        monkeypatch.setattr("hymio.serve.v2_routes.SKIPPED_MAX", 100)
        answer = client.get("/v2/results/button-feedbacks.json", params=query | {"offset": 900})
        assert (
            answer.status_code == 400 and "offset is '900', not one of at most 100" in answer.json()["error"]["message"]
        )
    assert SKIPPED_MAX == 100_000


def test_a_page_costs_the_same_anywhere(busy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are read, and questions that are asked, for a page at the beginning and for one near the end."""
    asked: list[int] = []
    rows: list[int] = []
    read_rows = time_order._read

    def counted(connection: Any, sql: str, order: str, types: Any, starts: Any, given: Any) -> Any:
        found = read_rows(connection, sql, order, types, starts, given)
        if "FROM presses" in sql:
            asked.append(len(starts))
            rows.append(sum(map(len, found)))
        return found

    monkeypatch.setattr(time_order, "_read", counted)
    costs = []
    with served(busy, "127.0.0.1") as client:
        for page in pages(client, "results/button-feedbacks.json", "offset", nothing, period="2026-03", limit=100):
            costs.append((sum(rows), sum(asked)))
            rows.clear()
            asked.clear()
            assert page
    assert len(costs) == 20
    assert max(rows_read for rows_read, _ in costs) <= 3 * 100 + 10 and max(questions for _, questions in costs) <= 8


def test_what_a_person_alters_in_a_cursor_is_refused_or_harmless() -> None:
    paging = Paging(5, 1.7e9, Bookmark(Position(1.7e9 + 0.1, "till-1", 7, 9), 2))
    assert paging_of(paging.text()) == paging
    dice = random.Random(3)
    for _ in range(2000):
        text = list(paging.text())
        text[dice.randrange(len(text))] = chr(dice.randrange(33, 127))
        try:
            found = paging_of("".join(text))
        except ValueError:
            continue
        assert isinstance(found.watermark, int) and (found.end is None or len(found.end.position.name) <= 36)
    for said in ("", "ä", "[]", "bnVsbA", "W10", "WzEsMSxbMSwyLDMsNCw1XV0", "WzEsMSxbTmFOLCJhIiwxLDEsMV1d"):
        with pytest.raises(ValueError):
            paging_of(said)


def test_pages_are_forgotten_the_oldest_first_and_in_time() -> None:
    memory = PageMemory(pages_max=2, kept_s=10)
    one = Paging(1, 0.0, None)
    for offset in (5, 10, 15):
        memory.keep("anna", offset, one, 100.0)
    assert [memory.find("anna", offset, 110.0) for offset in (5, 10, 15)] == [None, one, one]
    assert memory.find("anna", 15, 110.1) is None and memory.find("bert", 15, 100.0) is None


def test_another_reader_of_the_same_moves_nothing(tmp_path: Path) -> None:
    """With the same token, while votes arrive late: both get every row once."""
    world = World(new_database("sqlite", tmp_path, None), CITY)
    world.tell("till-2", *(Given(at(f"{DAY}T10:00") + 60 * number) for number in range(20)))
    path = "results/button-feedbacks.json"
    query: dict[str, Any] = {"startDate": DAY, "endDate": "2026-03-13", "limit": 5}

    def names(page: list[dict[str, Any]]) -> list[str]:
        return [row["feedbackId"] for row in page]

    with served(world) as client:
        client.headers["X-HON-API-Token"] = world.token()
        first = pages(client, path, "offset", nothing, **query)
        had = names(next(first))
        world.tell("till-1", *(Given(at(f"{DAY}T09:00") + 60 * number) for number in range(5)))
        second = pages(client, path, "offset", nothing, **query)
        had_too = names(next(second))
        for one, other in zip(first, second, strict=True):
            had += names(one)
            had_too += names(other)
        assert had == had_too and len(had) == len(set(had)) == 20
        other_token = {"X-HON-API-Token": world.token()}
        answer = client.get(f"/v2/{path}", params=query | {"limit": 100}, headers=other_token)
        assert len(answer.json()) == 25, "another token begins of its own"
    world.store.close()


def test_who_was_alone_begins_anew() -> None:
    memory, old, new = PageMemory(pages_max=2), Paging(1, 0.0, None), Paging(2, 5.0, None)
    end = Bookmark(Position(1.0, "till-1", 1, 1), 1)
    assert memory.begin("anna", old, 0.0) == old == memory.begin("anna", new, 300.0)
    memory.end("anna", old)
    assert memory.begin("anna", new, 300.0) == old, "the other one may be amid it"
    assert memory.begin("anna", new, 300.1) == new
    memory.end("anna", Paging(1, 0.0, end))
    assert memory.begin("bert", old, 300.1) == old
    memory.end("bert", Paging(1, 0.0, end))
    assert memory.begin("bert", new, 300.2) == new
    assert memory.begin("carl", old, 300.2) == old
    assert memory.begin("anna", old, 300.3) == old, "the oldest is forgotten"


def test_today_is_that_of_the_first_page(tmp_path: Path) -> None:
    world = World(new_database("sqlite", tmp_path, None), CITY)
    world.tellers["till-2"] = Teller(world.store, "till-2", at("2026-03-31T00:00"))
    world.tell("till-2", *(Given(at("2026-03-31T20:00") + number) for number in range(4)))
    now = [at("2026-03-31T20:59")]
    with served(world, "127.0.0.1", now=lambda: now[0]) as client:
        for way in ("link", "offset"):
            now[0] = at("2026-03-31T20:59")

            def midnight() -> None:
                now[0] = at("2026-03-31T21:01")

            found = list(pages(client, "results/button-feedbacks.json", way, midnight, limit=2))
            assert [len(page) for page in found] == [2, 2]
    world.store.close()
