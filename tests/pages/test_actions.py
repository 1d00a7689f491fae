"""What was done: written down, marked where it was done, shown on walls if wished, and whether the figure moved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from accounts_world import Person, add, cheap_hashes, opened_copy, said
from demo_world import NOW_UTC, demo_store
from hymio_process import hymio_here
from looking import at_this_computer
from schema_check import check

from hymio.common.errors import WRONG_USE
from hymio.common.roles import Role
from hymio.pages.app import PageOptions, pages_app
from hymio.store.actions import ActionError, NewAction, actions_of, add_action
from hymio.store.database import Store
from hymio.store.wall_links import create_link

TOWN = "/places/harbour-town"


@pytest.fixture
def store(site_db: str, tmp_path: Path) -> Iterator[Store]:
    with opened_copy(site_db, tmp_path / "votes.db") as opened, cheap_hashes():
        add(opened, "anna", Role.ADMIN)
        add(opened, "bo", Role.MANAGER, "wards")
        add(opened, "cia", Role.VIEWER, "wards")
        yield opened


def test_everybody_writes_down_what_was_done_at_their_places(store: Store) -> None:
    bo, cia = Person(store), Person(store)
    bo.log_in("bo")
    cia.log_in("cia")
    wish = {"title": "The <soup> is hot", "day": "2026-03-29", "place": "city-hospital/wards", "details": "At\nnoon"}
    for change in (
        {"title": " "}, {"title": "a" * 121}, {"day": "2099-01-01"}, {"day": "x"}, {"day": ""},
        {"place": "city-hospital/bar"}, {"place": "city-hospital"}, {"details": "a" * 4001},
    ):  # fmt: skip
        assert bo.post("/actions", **(wish | change)).status_code == 400
    assert bo.get("/actions.json").json()["actions"] == []
    made = bo.post("/actions", **wish)
    assert made.headers["location"] == "/actions/1?done=added"
    page = bo.get("/actions/1")
    assert "The &lt;soup&gt; is hot" in page.text and "too few answers" in page.text
    assert bo.get("/actions/1.json").json()["action"]["published"] is False
    assert bo.post("/actions/1", change="published").status_code == 303
    assert bo.get("/actions.json").json()["actions"][0]["published"] is True
    assert cia.get("/actions").status_code == 403 and cia.get("/actions/1").status_code == 403
    assert bo.post("/actions/1", change="nothing").status_code == 400
    assert bo.post("/actions/1", change="removed").status_code == 303
    assert bo.get("/actions/1").status_code == 404 and said(bo.get("/actions/x")) == ["There is no action x"]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The demo's town, with answers of months."""
    store = demo_store(tmp_path_factory.mktemp("town"))
    yield store
    store.close()


def put(store: Store, place: str | None, day: date, title: str, published: bool = True) -> None:
    with store.writing() as connection:
        ids = {row.key: row.id for row in connection.exec_driver_sql("SELECT key, id FROM nodes")}
        new = NewAction(1, ids[place] if place else None, day, title, None, published)
        add_action(connection, new, date(2027, 1, 1), "test", NOW_UTC)


def test_an_action_is_marked_where_it_was_done_and_stands_on_walls(town: Store) -> None:
    client: Any = at_this_computer(pages_app(town, PageOptions(now_utc=lambda: NOW_UTC)))
    today = date.fromtimestamp(NOW_UTC)
    inside, before = today.replace(day=2), date(2020, 1, 1)
    put(town, "reception", inside, "A second till")
    put(town, None, inside, "Longer hours")
    put(town, "library", inside, "More books")
    put(town, "reception", inside, "Not for visitors", published=False)
    put(town, "reception", before, "Long ago")
    page = client.get(f"{TOWN}/reception.json?period=month").json()
    titles = [one["title"] for one in page["actions"]]
    assert titles == ["Not for visitors", "Longer hours", "A second till"]
    html = client.get(f"{TOWN}/reception?period=month&wait=1").text
    marks = re.findall(r"&#34;marks&#34;: (\[.*?\])", html)
    assert marks and marks[0].count("&#34;at&#34;") == 3 and f"changed={inside}#change" in html
    assert client.get("/actions/1.json").json()["change"]["before"]["votes"] > 0
    with town.writing() as connection:
        links = {
            place: create_link(connection, f"w {place}", 1, node_id, None, "test", NOW_UTC)[1]
            for place, node_id in [("town", None), *connection.exec_driver_sql("SELECT key, id FROM nodes").all()]
        }
    shown = {
        place: client.get(f"/wall/{links[place]}.json").json()["done"] for place in ("reception", "library", "town")
    }
    assert shown["reception"] == ["Longer hours", "A second till"] and shown["library"] == [
        "More books",
        "Longer hours",
    ]
    assert shown["town"] == ["More books", "Longer hours", "A second till"]


def test_by_command(store: Store) -> None:
    db = ("--db", str(store.engine.url.database))
    made = hymio_here("action", "add", *db, "--title", "A till", "--place", "bar", "--day", "2026-03-29", "--json")
    assert made.returncode == 0, made.stderr
    assert check("action", made.stdout)["place"] == "bar"
    for wrong in (["--day", "soon"], ["--day", "2099-01-01"]):
        assert hymio_here("action", "add", *db, "--title", "B", *wrong).returncode == WRONG_USE
    assert len(check("action-list", hymio_here("action", "list", *db, "--json").stdout)["actions"]) == 1
    assert "A till" in hymio_here("action", "list", *db).stdout
    assert check("action-remove", hymio_here("action", "remove", *db, "1", "--json").stdout)["id"] == 1
    assert hymio_here("action", "remove", *db, "9").returncode == WRONG_USE
    with store.writing() as connection:
        assert actions_of(connection, 1, None) == []
        with pytest.raises(ActionError):
            add_action(connection, NewAction(1, None, date(1999, 1, 1), "A", None, False), date.today(), None, 1.0)
