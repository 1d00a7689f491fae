"""Our own API: sites, ledger, health, presses as they came; what it describes is what it answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here
from schema_check import check
from served_world import CITY, LOG_ID, NOW_UTC, OTHER, Given, World, at, fill, listening, new_database, served
from sqlalchemy import text
from starlette.testclient import TestClient
from test_serve_document import run_schemathesis

from hymio.store.arrival_order import ArrivalPosition, arrival_position


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    found = World(new_database(request.param, tmp_path_factory.mktemp("served"), url), CITY, OTHER)
    fill(found)
    yield found
    found.store.close()


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[TestClient]:
    with served(world, "127.0.0.1") as client:
        yield client


def got(client: TestClient, path: str, token: str | None = None, **query: Any) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = client.get(f"/api/v1/{path}", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_health(client: TestClient, world: World) -> None:
    found = got(client, "health")
    assert found["ok"] is True and found["terminals"] == 4 and found["last_heard_utc"] is not None
    assert got(client, "health", world.token("s-one"))["terminals"] == 1


def test_sites_are_as_site_show_tells_them_with_ids(client: TestClient, world: World) -> None:
    city, other = got(client, "sites")["organisations"]
    assert (city["key"], other["key"]) == ("city", "other")
    places = {place["key"]: place for place in city["places"]}
    ids = world.ids()
    assert {key: place["id"] for key, place in places.items()} == {key: ids[key] for key in places}
    assert places["n-one"]["parent_id"] == ids["north"] and places["s-one"]["hours"] == "mon-sun 08:00-18:00"
    assert [one["device_id"] for one in places["s-one"]["terminals"]] == ["till-1"]
    (mine,) = got(client, "sites", world.token("north"))["organisations"]
    assert [place["key"] for place in mine["places"]] == ["north", "n-one", "n-two"]
    assert mine["places"][0]["parent_id"] is None
    assert "later" not in {survey["key"] for survey in mine["surveys"]}, "it runs elsewhere only"


def test_the_ledger_page_by_page(client: TestClient, world: World) -> None:
    every = got(client, "ledger")
    assert every["balanced"] is True and every["next"] is None
    found, cursor = [], None
    while True:
        page = got(client, "ledger", limit=2, **({} if cursor is None else {"cursor": cursor}))
        found += page["terminals"]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == every["terminals"] and len(found) == 6
    assert [line["device_id"] for line in got(client, "ledger", world.token())["terminals"]] == ["till-1", "till-2"]
    assert [line["device_id"] for line in got(client, "ledger", world.token("s-one"))["terminals"]] == [], (
        "till-1 stood elsewhere, too, and its ledger tells of all"
    )


def all_presses(client: TestClient, token: str | None = None, limit: int = 7) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = got(client, "presses", token, limit=limit, **({} if cursor is None else {"cursor": cursor}))
        found += page["presses"]
        cursor = page["next"]
        if not page["more"]:
            return found


def test_presses_in_the_order_in_which_they_came(client: TestClient, world: World) -> None:
    found = all_presses(client)
    names = [one["id"] for one in found]
    assert len(names) == len(set(names)) == 10 + 22 + 2 + 1 + 1, "all but those of staff"
    assert names == [str(one) for one in sorted(arrival_position(name) for name in names)]
    assert found == got(client, "presses")["presses"]
    assert {(one["device_id"], one["place"], one["survey"]) for one in found} == {
        ("till-1", "n-one", "service"), ("till-1", "s-one", "service"), ("till-2", "n-two", "service"),
        ("till-other", "x", "s"), ("till-nowhere", None, None), ("till-undated", None, None),
    }  # fmt: skip
    assert [one["count"] for one in found if one["verdict"] == "mash"] == [3]
    closed = [one for one in found if one["is_open"] is False]
    assert [(one["device_id"], one["pressed_utc"]) for one in closed] == [
        ("till-1", at("2026-02-28T22:00")), ("till-1", at("2026-03-30T19:00")),
    ]  # fmt: skip


def test_who_follows_misses_nothing_and_gets_nothing_twice(tmp_path: Path) -> None:
    world = World(new_database("sqlite", tmp_path, None), CITY, OTHER)
    token = world.token("n-two")
    with served(world, "127.0.0.1") as client:
        latest = got(client, "presses", cursor="latest")
        assert latest["presses"] == [] and latest["more"] is False
        mine, every = latest["next"], latest["next"]
        seen_mine, seen = [], []
        for number in range(6):
            first = world.tell("till-2", Given(at("2026-03-12T08:00") + number, 1))
            world.tell("till-staff", Given(at("2026-03-12T08:00") + number, 1))
            world.tell("till-other", Given(at("2026-03-12T08:00") + number, 1))
            if number % 2:
                page = got(client, "presses", token, cursor=mine, limit=1)
                seen_mine += page["presses"]
                mine = page["next"]
                page = got(client, "presses", cursor=every)
                seen += page["presses"]
                every = page["next"]
        while page["presses"]:
            page = got(client, "presses", token, cursor=mine, limit=1)
            seen_mine += page["presses"]
            mine = page["next"]
    assert [one["seq"] for one in seen_mine] == [2, 3, 4, 5, 6, first]
    assert [one["device_id"] for one in seen] == ["till-2", "till-other"] * 6
    world.store.close()


def test_a_cursor_names_nothing_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hymio.serve.followed_presses.SCANNED_MAX", 5)
    world = World(new_database("sqlite", tmp_path, None), CITY, OTHER)
    token = world.token("n-two")
    for number in range(9):
        world.tell("till-other", *(Given(at("2026-03-12T08:00") + number + one / 4, 1) for one in range(3)))
    world.tell("till-2", Given(at("2026-03-12T08:00"), 1))
    world.tell("till-staff", Given(at("2026-03-12T08:00"), 1))
    with served(world, "127.0.0.1") as client:
        cursor, found, cursors = "0", [], []
        for _ in range(20):
            page = got(client, "presses", token, cursor=cursor)
            cursors.append(cursor := page["next"])
            found += page["presses"]
        assert [one["device_id"] for one in found] == ["till-2"]
        assert cursors[-1] == "12"
        assert {one for one in cursors if "." in one} <= {found[0]["id"]}, "no name but that of what was told of"


@pytest.mark.parametrize("cursor", ["x", "", "1.2", "1.till-1.5", "-1", "1.TILL.5.5", "9" * 30, "1.till-1.5.5 "])
def test_a_cursor_that_is_none(client: TestClient, cursor: str) -> None:
    answer = client.get("/api/v1/presses", params={"cursor": cursor})
    assert answer.status_code == 400 and answer.json()["error"]["message"].startswith("cursor is ")


@pytest.mark.parametrize("cursor", ["a\0b", "x" * 33, "1.till-1.5.5"])  # PostgreSQL takes no NUL
def test_a_terminal_that_is_none_is_no_cursor(client: TestClient, cursor: str) -> None:
    answer = client.get("/api/v1/ledger", params={"cursor": cursor})
    assert answer.status_code == 400 and answer.json()["error"]["message"].startswith("cursor is ")


def test_positions_as_texts() -> None:
    for position in (ArrivalPosition(0), ArrivalPosition(7), ArrivalPosition(7, "till-1", 2**32 - 1, 9)):
        assert arrival_position(str(position)) == position


def test_a_look_goes_by_the_index(world: World) -> None:
    postgres = world.store.engine.dialect.name == "postgresql"
    from hymio.store import arrival_order

    with world.store.reading() as connection:
        if postgres:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        said = "\n".join(
            str(row[-1])
            for row in connection.execute(
                text(f"{'EXPLAIN' if postgres else 'EXPLAIN QUERY PLAN'} {arrival_order._AFTER.text}"),
                {**ArrivalPosition(1, "till-1", LOG_ID, 3)._asdict(), "most": 5},
            )
        )
    assert "Seq Scan" not in said and "SCAN presses" not in said and "TEMP B-TREE" not in said, said


def test_the_document_describes_what_is_there(client: TestClient) -> None:
    document = got(client, "openapi.json")
    assert set(document["paths"]) >= {
        f"/api/v1/{name}" for name in ("health", "sites", "measures", "ledger", "presses", "events")
    }
    assert not [path for path in document["paths"] if not path.startswith("/api/v1/")]
    for path in document["paths"].values():
        answers = path["get"]["responses"]
        assert "422" not in answers and {"200", "400", "401", "503"} <= answers.keys()
    with_examples = [name for name, schema in document["components"]["schemas"].items() if "example" in schema]
    assert {"HealthAnswer", "SitesAnswer", "MeasuresAnswer", "LedgerAnswer", "PressAnswer", "ErrorAnswer"} <= set(
        with_examples
    )


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({"organisation": "city"}, ["--organisation", "city", "--by", "place"]),
        (
            {"organisation": "city", "by": "group", "per": "day", "from": "2026-03-30", "to": "2026-03-31"},
            ["--organisation", "city", "--by", "group", "--per", "day", "--from", "2026-03-30", "--to", "2026-03-31"],
        ),
        (
            {"organisation": "city", "scope": "north", "per": "month", "to": "2026-03-31", "compare": "previous"},
            ["--organisation", "city", "--scope", "north", "--per", "month", "--to", "2026-03-31",
             "--compare", "previous", "--by", "place"],
        ),
        (
            {"organisation": "city", "by": "survey", "from": "2026-01-01", "to": "2026-03-31"},
            ["--organisation", "city", "--by", "survey", "--from", "2026-01-01", "--to", "2026-03-31"],
        ),
        ({"by": "terminal", "to": "2026-03-31"}, ["--by", "terminal", "--to", "2026-03-31"]),
    ],
)  # fmt: skip
def test_measures_are_those_of_the_report(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch, query: dict[str, str], options: list[str]
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW_UTC)
    found = got(client, "measures", **query)
    result = hymio_here("report", "--db", world.db, *options, "--json")
    assert result.returncode == 0, result.stderr
    assert found == check("report-by", result.stdout) and found["cells"]


def test_measures_of_a_token_are_of_what_lies_within(client: TestClient, world: World) -> None:
    def keys(token: str, **query: str) -> set[str]:
        return {cell["key"] for cell in got(client, "measures", token, **query)["cells"]}

    north = world.token("north")
    assert keys(world.token()) == {"n-one", "n-two", "n-three", "s-one"}
    assert keys(north) == {"n-one", "n-two"} and keys(north, scope="n-one") == {"n-one"}
    assert keys(north, by="group") == {"north"} and keys(north, by="terminal") <= {"till-1", "till-2", "till-staff"}
    assert keys(world.token(), by="terminal") <= {"till-1", "till-2", "till-staff"}
    assert keys(north, compare="n-two", by="place") == {"n-one", "n-two"}
    for query in (
        {"scope": "south"}, {"scope": "s-one"}, {"organisation": "other"}, {"scope": "nowhere"},
        {"compare": "s-one"}, {"by": "survey", "compare": "service"}, {"by": "terminal", "compare": "till-1"},
    ):  # fmt: skip
        headers = {"Authorization": f"Bearer {north}"}
        answer = client.get("/api/v1/measures", params=query, headers=headers)
        assert answer.status_code == 403, query
        assert "is not within what this token may read" in answer.json()["error"]["message"]


def test_terminals_that_stand_nowhere_belong_to_no_token(tmp_path: Path) -> None:
    """Not even where there is one organisation, whose they may be: to compare with, or to tell when votes began."""
    world = World(str(tmp_path / "votes.db"), CITY)
    for device_id, month in (("till-nowhere", "01"), ("till-2", "03")):
        world.tell(device_id, *(Given(at(f"2026-{month}-20T10:00") + 60 * one, 1 + one % 4) for one in range(20)))
    with served(world) as client:
        headers = {"Authorization": f"Bearer {world.token()}"}
        query = {"by": "terminal"}
        answer = client.get("/api/v1/measures", params=query, headers=headers)
        assert answer.json()["from_local"][:10] == "2026-03-01" and "nowhere" not in answer.text
        shown = [cell["key"] for cell in answer.json()["cells"] if cell["votes"]]
        assert shown == ["till-2"]
        answer = client.get("/api/v1/measures", params=query | {"compare": "till-nowhere"}, headers=headers)
        assert answer.status_code == 403 and "is not within" in answer.text
    world.store.close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"by": "floor"}, "by is 'floor'"),
        ({"organisation": "nobody"}, "There is no organisation 'nobody'"),
        ({"organisation": "city", "scope": "attic"}, "There is no place 'attic' in city"),
        ({"organisation": "city", "from": "yesterday"}, "yesterday"),
        ({"organisation": "city", "compare": "attic"}, "attic"),
        ({}, "There are several organisations"),
        ({"organisation": "city", "per": "hour", "from": "2001-01-01"}, "cells"),
        ({"organisation": "city", "per": "hour", "from": "2025-06-01"}, "cells, not 20000 at most"),
    ],
)
def test_measures_that_can_not_be_had(client: TestClient, query: dict[str, str], said: str) -> None:
    answer = client.get("/api/v1/measures", params=query)
    assert answer.status_code == 400 and said in answer.json()["error"]["message"], answer.text


def test_schemathesis_finds_nothing_in_our_own_document(tmp_path: Path) -> None:
    """But for the events, which have no end: test_serve_events.py has those."""
    world = World(new_database("sqlite", tmp_path, None), CITY, OTHER)
    fill(world)
    with listening(world, always_token=True) as url:
        token = world.token(cases=True)
        with served(world, "127.0.0.1") as client:
            document = got(client, "openapi.json")
        del document["paths"]["/api/v1/events"]
        # Which keys there are, that a range begins before it ends, what is one line of text, and that at least one
        # thing of a case is to change, no schema can say.
        for name in ("CaseWish", "CasePatch"):
            wish = document["components"]["schemas"][name]
            line = {"type": "string", "pattern": "^[a-z]{1,20}$"}
            narrow = {"owner": {"type": "null"}, "external": line, "note": line, "outcome": line}
            wish["properties"] |= {key: narrow[key] for key in narrow.keys() & wish["properties"].keys()}
            wish["required"].append("note")
        known = {"organisation": ["city"], "scope": ["north", "s-one"], "compare": ["previous", "north", "n-two"]}
        known |= {"from": ["2026-02-01", "2026-03-01T08:00"], "to": ["2026-03-02", "2026-03-31T10:00Z"]}
        for parameter in document["paths"]["/api/v1/measures"]["get"]["parameters"]:
            if parameter["name"] in known:
                parameter["schema"] = {"type": "string", "enum": known[parameter["name"]]}
            if parameter["name"] == "by":
                parameter["schema"]["enum"] = ["place", "group"]  # a survey is compared with surveys
        (tmp_path / "openapi.json").write_text(json.dumps(document))
        said = run_schemathesis(url, token, tmp_path, tmp_path / "openapi.json", 5, hooks=False)
    world.store.close()
    assert "WARNINGS" not in said


def test_answers_in_the_order_of_their_arrival_with_what_a_crm_calls_people(world: World) -> None:
    ids = world.ids()
    uuids = [f"00000000-0000-4000-8000-{number:012d}" for number in (5, 3, 9, 4)]
    for arrival, (uuid, place, survey) in enumerate(
        zip(uuids, ("n-two", "s-one", "n-two", "n-one"), ("phone", "service", "phone", "pulse"), strict=True), 1
    ):
        more = {"score": 9} if survey == "phone" else {"face": 1}
        external = '{"order": "1002"}' if arrival == 3 else None
        world.answer(uuid, place, survey, at("2026-03-12T08:00"), arrival=arrival, external=external, **more)
    own, whole = world.token("n-two"), world.token()
    with served(world) as client:
        every = got(client, "answers", whole)
        of_city = [one for one in every["answers"] if one["answer_id"] in uuids]
        assert [one["answer_id"] for one in of_city] == uuids[:3], "and nothing of staff"
        assert of_city[2]["external"] == {"order": "1002"} and of_city[0]["external"] is None
        assert (of_city[0]["place"], of_city[0]["survey"], of_city[0]["score"]) == (ids["n-two"], ids["phone"], 9)
        cursor, found, names = "0.", [], set()
        for _ in range(20):
            page = got(client, "answers", own, cursor=cursor, limit=1)
            found += [one["answer_id"] for one in page["answers"] if one["answer_id"] in uuids]
            cursor = page["next"]
            names.add(cursor.partition(".")[2])
        assert found == [uuids[0], uuids[2]] and not names & {uuids[1], uuids[3]}, "no name of what is not told of"
        assert not page["more"] and page["answers"] == []
        for wrong in ("x", "1", "1.X", "-1."):
            answer = client.get("/api/v1/answers", params={"cursor": wrong}, headers={"X-HON-API-Token": own})
            assert answer.status_code == 400
