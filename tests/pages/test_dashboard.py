"""The dashboard as answers to requests: what is shown of a place and a time, to whom, and what it costs."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
from accounts_world import Person, add, cheap_hashes, opened_copy
from demo_world import NOW_UTC, Fingers, demo_store
from looking import at_this_computer
from served_world import CITY, Given, World
from served_world import NOW_UTC as CITY_NOW_UTC
from sqlalchemy import event
from starlette.testclient import TestClient

from hymio.common.roles import Role
from hymio.figures import reading
from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.wall_time import whole_days
from hymio.pages import dashboard, place_figures
from hymio.pages.app import PageOptions, pages_app
from hymio.pages.tree import branches
from hymio.pages.views import places
from hymio.site.diff import plan_import
from hymio.site.model import Node, NodeKind, Organisation, Site, places_of
from hymio.store.database import Store, open_store
from hymio.store.sites import save_changes

TOWN = "/places/harbour-town"
RECEPTION = f"{TOWN}/reception"
MONTH = "period=month&on=2026-02-10"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = demo_store(tmp_path_factory.mktemp("demo"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def client(store: Store) -> TestClient:
    return at_this_computer(pages_app(store, PageOptions(now_utc=lambda: NOW_UTC)), follow_redirects=False)


def twin(client: TestClient, path: str, query: str = MONTH) -> dict[str, Any]:
    answer = client.get(f"{path}.json?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def html(client: TestClient, path: str, query: str = MONTH) -> str:
    """The page with all its parts: they are ready, since its twin waits for them."""
    twin(client, path, query)
    answer = client.get(f"{path}?{query}", headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


# Figures


def test_what_is_shown_is_what_the_figures_say(client: TestClient, store: Store) -> None:
    shown = twin(client, RECEPTION)["now"]["figures"]
    with store.reading() as connection:
        (cell,) = OnePlace(None, "reception").cells(
            FigureReader(connection, NOW_UTC), None, whole_days("2026-02-01", "2026-02-28")
        )
    assert cell.figures is not None
    assert shown["faces"] == list(cell.figures.faces) and shown["votes"] == cell.figures.votes
    assert shown["happy_index"] == cell.figures.happy_index and shown["margin"] == cell.figures.happy_index_margin
    assert (shown["level"], shown["goal"], shown["distance"]) == (cell.level, cell.goal, cell.distance)
    assert sum(shown["shares"]) == pytest.approx(100)


def test_the_page_says_the_same_as_its_twin(client: TestClient) -> None:
    found = twin(client, RECEPTION)["now"]
    text = html(client, RECEPTION)
    figures = found["figures"]
    assert f"<strong>{figures['happy_index']:.1f}</strong>" in text
    assert f"{figures['votes']:,} answers" in text
    for count in figures["faces"]:
        assert f">{count:,}</a>" in text
    assert "EXCELLENT is reached" in text or "points to EXCELLENT" in text
    assert "against the month before" in text


def test_a_trend_lies_beside_what_is_usual(client: TestClient) -> None:
    trend = twin(client, RECEPTION)["rest"]["trend"]
    assert trend["per"] == "day" and len(trend["points"]) == 28
    expected = [point for point in trend["points"] if point["expected"] is not None]
    # Eight weeks before it there are none: the demo has eleven.
    assert expected and all(point["expected_low"] <= point["expected"] <= point["expected_high"] for point in expected)
    saturdays = [point for point in trend["points"] if datetime.fromisoformat(point["start_local"]).weekday() == 5]
    assert [point["votes"] for point in saturdays] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("query", "per", "first"),
    [
        ("period=day", "hour", "2026-03-05"),
        ("period=week", "day", "2026-03-02"),
        ("", "day", "2026-03-02"),
        ("period=quarter", "week", "2026-01-01"),
        ("period=year", "week", "2026-01-01"),
        ("period=week&on=2026-02-08", "day", "2026-02-02"),
        ("from=2026-02-03&to=2026-02-04", "hour", "2026-02-03"),
        ("from=2026-02-03", "day", "2026-02-03"),
        ("from=2020-01-01&to=2026-02-04", "month", "2020-01-01"),
    ],
)
def test_each_time_has_its_buckets(client: TestClient, query: str, per: str, first: str) -> None:
    found = twin(client, RECEPTION, query)
    assert found["period"]["from"] == first and found["rest"]["trend"]["per"] == per
    assert all(point["start_local"][:10] >= first for point in found["rest"]["trend"]["points"])


def test_the_hours_of_the_week_are_those_when_it_is_open(client: TestClient) -> None:
    hours = twin(client, RECEPTION)["rest"]["hours"]
    assert hours["hours"] == [8, 9, 10, 11, 12, 13, 14, 15]
    assert [row["weekday"] for row in hours["rows"]] == [0, 1, 2, 3, 4]
    assert (hours["from"], hours["to"]) == ("2026-02-01", "2026-02-28")
    told = [cell for row in hours["rows"] for cell in row["cells"] if cell["happy_index"] is not None]
    assert len(told) > 30, "a month has enough answers in nearly every hour of the week"
    assert all(cell["votes"] >= 5 for cell in told)


def test_monday_mornings_are_found(client: TestClient) -> None:
    found = twin(client, RECEPTION)["rest"]["moments"]
    assert found["are_told_apart"]
    assert (found["worst"]["weekday"], found["worst"]["hour"]) in {(0, 8), (0, 9)}
    assert found["closing"]["votes"] > 100
    text = html(client, RECEPTION)
    assert re.search(r"The worst hour is Monday 0[89]:00", text)


def test_places_that_overlap_are_not_ranked(client: TestClient) -> None:
    rows = twin(client, TOWN)["rest"]["places"]["rows"]
    assert [row["key"] for row in rows] == sorted((row["key"] for row in rows), key=lambda key: next(
        row["happy_index"] for row in rows if row["key"] == key
    ))  # fmt: skip
    for one, other in pairwise(rows):
        if one["high"] >= other["low"]:
            continue
        assert one["best_rank"] > other["worst_rank"] - 1
    short = twin(client, TOWN, "period=day")["rest"]["places"]["rows"]
    assert all(row["best_rank"] == 1 for row in short if row["best_rank"]), "a morning tells nobody apart"


def test_reasons_are_said_in_the_reader_s_language(client: TestClient) -> None:
    options = twin(client, RECEPTION)["rest"]["reasons"][0]["options"]
    assert options[0]["key"] == "waiting" and options[0]["answers"] > options[1]["answers"]
    assert sum(option["share"] for option in options) == pytest.approx(100)
    text = html(client, RECEPTION, f"{MONTH}&lang=fi")
    client.cookies.clear()
    assert "Odottaminen" in text and "The waiting" not in text and "Mikä meni vikaan?" in text


def test_misuse_is_told_by_reason(client: TestClient) -> None:
    found = twin(client, f"{TOWN}/library")["now"]["misuse"]
    assert next(iter(found["by_reason"])) == "mash" and found["presses"] == sum(found["by_reason"].values())
    assert "mashing" in html(client, f"{TOWN}/library")


def test_before_and_after(client: TestClient) -> None:
    found = twin(client, f"{TOWN}/ward-3", "changed=2026-02-19")["change"]
    assert (found["from"], found["changed"], found["to"]) == ("2026-02-05", "2026-02-19", "2026-03-04")
    assert found["difference"]["is_real"] and found["difference"]["value"] < 0, "it goes down"
    text = html(client, f"{TOWN}/ward-3", "changed=2026-02-19")
    assert "points after the change" in text and 'value="2026-02-19"' in text


def test_a_change_keeps_the_time_that_was_chosen(client: TestClient) -> None:
    text = html(client, RECEPTION)
    form = text[text.index('class="change-form"') :]
    assert 'name="period" value="month"' in form and 'name="on" value="2026-02-01"' in form


def test_the_ward_is_where_it_hurts(client: TestClient) -> None:
    text = html(client, f"{TOWN}/health", "period=week")
    box = text[text.index("What stands out") : text.index("How it went")]
    assert box.index("Ward 3 is the lowest") < box.index("</li>")


# States


def test_a_time_without_answers_says_so(client: TestClient) -> None:
    text = html(client, RECEPTION, "period=day&on=2026-02-28")
    assert "No answers in this time" in text and "no-data" in text and "Happy Index</p>" not in text


def test_too_few_answers_say_so(tmp_path: Path) -> None:
    store = demo_store(tmp_path, days=1)
    fingers = Fingers(store, "demo-ward-3", now_utc=NOW_UTC + 30 * 86_400)
    fingers.press(1, 1, 4)
    client = at_this_computer(pages_app(store, PageOptions(now_utc=lambda: NOW_UTC + 30 * 86_400)))
    for path in (f"{TOWN}/ward-3", TOWN):
        found = twin(client, path, "period=day")
        assert found["now"]["figures"]["suppressed"] and found["now"]["figures"]["faces"] is None
        assert found["now"]["misuse"] is None
        assert "Fewer than 5 answers are not shown" in html(client, path, "period=day")
        listed = twin(client, f"{path}/presses", "period=day")
        assert listed["presses"] == []
        by_hand = twin(client, f"{path}/presses", f"period=day&day={found['period']['from']}")
        assert by_hand["presses"] == [] and by_hand["left_out"] > 0
    store.close()


def test_a_silent_terminal_and_a_clock_that_is_not_set(tmp_path: Path) -> None:
    store = demo_store(tmp_path, days=8)
    later = NOW_UTC + 3 * 86_400
    Fingers(store, "demo-library", now_utc=later).press(4, 4, is_dated=False)
    client = at_this_computer(pages_app(store, PageOptions(now_utc=lambda: later)))
    text = html(client, f"{TOWN}/ward-3", "period=day")
    assert "demo-ward-3 is silent" in text and "3 days ago" in text
    text = html(client, f"{TOWN}/library", "period=day")
    assert "The clock of demo-library is not set" in text and "2 presses wait for their day" in text
    store.close()


def test_a_terminal_without_a_place_has_its_page(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "votes.db"), create=True)
    client = at_this_computer(pages_app(store, PageOptions(now_utc=lambda: NOW_UTC)), follow_redirects=False)
    Fingers(store, "till-9").press(4, 4, 4, 3, 1, 4)
    assert '<a href="/lone/till-9">' in client.get("/").text
    found = twin(client, "/lone/till-9", "period=day")
    assert found["now"]["figures"]["faces"] == [1, 0, 1, 4] and found["place"]["kind"] == "terminal"
    assert "<h1>till-9</h1>" in html(client, "/lone/till-9", "period=day")
    assert len(twin(client, "/lone/till-9/presses", "period=day")["presses"]) == 6
    assert client.get("/lone/till-8").status_code == 404
    store.close()


# Presses behind a figure


def test_a_figure_leads_to_its_presses(client: TestClient) -> None:
    found = twin(client, RECEPTION, "period=week")
    unhappy = found["now"]["figures"]["faces"][0]
    assert f'href="{RECEPTION}/presses?period=week&amp;face=1"' in html(client, RECEPTION, "period=week")
    listed = twin(client, f"{RECEPTION}/presses", "period=week&face=1")
    presses = []
    for day in listed["days"]:
        presses += twin(client, f"{RECEPTION}/presses", f"period=week&face=1&day={day['day']}")["presses"]
    assert len(presses) == unhappy
    assert all(one["button"] == 1 and one["verdict"] == "counted" and one["place"] == "reception" for one in presses)


def test_presses_come_page_by_page_and_none_twice(client: TestClient) -> None:
    query = "period=week&day=2026-03-04"
    found, before = [], ""
    while True:
        page = twin(client, f"{TOWN}/presses", query + before)
        found += page["presses"]
        if page["more"] is None:
            break
        before = f"&before={page['more']}"
    (day,) = [one for one in page["days"] if one["day"] == "2026-03-04"]
    votes = [one for one in found if one["verdict"] == "counted"]
    filtered = [one for one in found if one["verdict"] not in ("counted", "answer")]
    assert (len(votes), len(filtered)) == (day["votes"], day["filtered"])
    assert len({one["position"] for one in found}) == len(found) > 200
    times = [one["pressed_utc"] for one in found]
    assert times == sorted(times, reverse=True)


def test_a_long_time_is_listed_by_its_months(client: TestClient) -> None:
    found = twin(client, f"{TOWN}/presses", "period=year")
    assert [one["day"] for one in found["days"]] == ["2026-03-01", "2026-02-01", "2026-01-01"]
    assert found["presses"] == [] and "period=month&amp;on=2026-02-01" in html(client, f"{TOWN}/presses", "period=year")


# What an address says wrongly


@pytest.mark.parametrize("code", ["en", "fi", "sv"])
@pytest.mark.parametrize(
    "query",
    [
        "period=decade", "period=day&on=tomorrow", "from=2026-02-30", "from=2026-03-02&to=2026-03-01",
        "from=1999-01-01", "to=2150-01-01", "from=2005-01-01&to=2026-01-01", "changed=never", "changed=2026-03-06",
        "period=%3Cb%3E", "from=20260301",
    ],
)  # fmt: skip
def test_a_wrong_time_is_told(client: TestClient, query: str, code: str) -> None:
    answer = client.get(f"{RECEPTION}?{query}", headers={"accept-language": code})
    assert answer.status_code == 400 and "Traceback" not in answer.text and "<b>" not in answer.text
    assert f'<html lang="{code}">' in answer.text and answer.text.count("<h1") == 1
    assert client.get(f"{RECEPTION}/live?{query}").status_code in (200, 400) if "changed" not in query else True


@pytest.mark.parametrize("query", ["face=5", "face=x", "verdict=none", "day=x", "before=x", "before=1~2"])
def test_presses_that_there_are_not(client: TestClient, query: str) -> None:
    assert client.get(f"{RECEPTION}/presses?{query}").status_code == 400


# What it costs


class CountedReader(FigureReader):
    """Tells how many rows all readers have read."""

    all_of_them: ClassVar[list[FigureReader]] = []

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.all_of_them.append(self)


def cost_of(store: Store, monkeypatch: pytest.MonkeyPatch, path: str, query: str) -> tuple[list[str], int]:
    """The statements of a page that nobody has asked for before, and the rows of roll-ups that they read."""
    monkeypatch.setattr(dashboard, "FigureReader", CountedReader)
    CountedReader.all_of_them.clear()
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    twin(at_this_computer(pages_app(store, PageOptions(now_utc=lambda: NOW_UTC))), path, query)
    event.remove(store.engine, "before_cursor_execute", note)
    return statements, sum(reader.rows for reader in CountedReader.all_of_them)


@pytest.mark.parametrize("path", [TOWN, RECEPTION])
def test_a_page_reads_roll_ups_alone_however_many_presses_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    few = demo_store(tmp_path, days=10)
    with few.writing() as connection:  # enough for everything to be shown
        connection.exec_driver_sql("UPDATE cells SET n1 = 50 * n1, n2 = 50 * n2, n3 = 50 * n3, n4 = 50 * n4")
    cost_of(few, monkeypatch, path, "period=week")  # where presses belong is kept from now on
    costs = [cost_of(few, monkeypatch, path, "period=week")]
    with few.writing() as connection:  # fifty times as many in each minute
        connection.exec_driver_sql("UPDATE cells SET n1 = 50 * n1, n2 = 50 * n2, n3 = 50 * n3, n4 = 50 * n4")
        connection.exec_driver_sql(
            "INSERT INTO presses SELECT device_id, log_id, seq + 1000000, boot, uptime_ms, button, count, span_s,"
            " verdict, stored_verdict, flags, quiet_ms, edges, clock, pressed_utc, via, received_utc, arrival"
            " FROM presses"
        )
    costs.append(cost_of(few, monkeypatch, path, "period=week"))
    few.close()
    (statements, rows), (more_statements, more_rows) = costs
    assert not [one for one in statements if re.search(r"\bpresses(_v1)?\b(?!\))", one.partition("FROM")[2])]
    assert more_statements == statements and len(statements) < 120 and more_rows == rows
    assert reading.FigureReader is FigureReader


def test_a_page_is_small(client: TestClient) -> None:
    for path in (TOWN, RECEPTION):
        for query in ("period=year", MONTH):
            html(client, path, query)
            answer = client.get(f"{path}?{query}", headers={"accept-encoding": "gzip"})
            assert int(answer.headers["content-length"]) < 20_000


def test_a_page_that_is_not_ready_comes_all_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = place_figures.rest_part

    def slow(*given: Any) -> Any:
        time.sleep(0.6)
        return real(*given)

    monkeypatch.setattr(place_figures, "rest_part", slow)
    client = at_this_computer(pages_app(store, PageOptions(now_utc=lambda: NOW_UTC)))
    text = client.get(f"{RECEPTION}?{MONTH}").text
    assert "The other figures are being worked out" in text and 'hx-trigger="load"' in text and "Happy Index" in text
    part = client.get(f"{RECEPTION}?{MONTH}&part=rest").text
    assert part.lstrip().startswith('<div id="rest">') and "The hours of the week" in part and "<html" not in part
    assert "The hours of the week" in client.get(f"{RECEPTION}?{MONTH}").text


# Who sees what


def test_a_large_site_is_shown_before_its_figures(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are begun with, and come as a part of their own; whoever reads without scripts waits for them by a link."""
    may_go_on = threading.Event()
    real = place_figures.whole_part

    def slow(*given: Any) -> Any:
        may_go_on.wait(10)
        return real(*given)

    monkeypatch.setattr(place_figures, "whole_part", slow)
    monkeypatch.setattr(places, "LARGE_SITE", 1)
    client = at_this_computer(pages_app(store, PageOptions(now_utc=lambda: NOW_UTC)))
    text = client.get(f"{RECEPTION}?{MONTH}").text
    assert "The figures are being worked out" in text and "&amp;part=now" in text and "&amp;wait=1" in text
    may_go_on.set()
    part = client.get(f"{RECEPTION}?{MONTH}&part=now").text
    assert "Happy Index" in part and "<html" not in part and "being worked out" not in part


def large(number: int) -> Site:
    """A group of so many places."""
    nodes = [Node("all", "All", NodeKind.GROUP)]
    nodes += [Node(f"p{at:04}", f"Place {at:04}", NodeKind.POINT, "all") for at in range(number)]
    return Site(Organisation("large", "Large"), tuple(nodes))


@pytest.mark.parametrize(("key", "first"), [("all", 0), ("p0000", 0), ("p1000", 970), ("p1999", 1940)])
def test_of_very_many_places_the_tree_has_those_around_the_open_one(key: str, first: int) -> None:
    (group,) = branches(places_of(large(2000)), key)
    names = [one["name"] for one in group["below"]]
    assert names == [f"Place {first + at:04}" for at in range(60)]


def test_very_many_places_are_listed_a_page_at_a_time(tmp_path: Path) -> None:
    """Of 2,000 places none is beyond reach, and no page has more than sixty of them in its list and in its tree."""
    opened = open_store(str(tmp_path / "votes.db"), create=True)
    with opened.writing() as connection:
        save_changes(connection, None, plan_import(None, large(2000), 0).changes)
    client = at_this_computer(pages_app(opened, PageOptions(now_utc=lambda: NOW_UTC)))
    seen = set[str]()
    for page in range(1, 35):
        answer = client.get(f"/places/large/all?below={page}")
        found = set(re.findall(r"/places/large/(p\d+)", answer.text))
        assert len(found) <= 120 and len(answer.content) < 60_000
        seen |= found
    assert len(seen) == 2000
    twin = client.get("/places/large/all.json?below=34").json()
    assert (len(twin["below"]), twin["below_count"], twin["below_page"]) == (20, 2000, 34)
    assert client.get("/places/large/all?below=35").status_code == 400
    opened.close()


@pytest.fixture(scope="module")
def people(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Person]]:
    """Logs somebody in: a manager of the health centre, or somebody who sees the reception alone."""
    with cheap_hashes():
        path = tmp_path_factory.mktemp("people") / "votes.db"
        with opened_copy(str(store.engine.url.database), path) as copy:
            add(copy, "anna", Role.ADMIN)
            add(copy, "bo", Role.MANAGER, "health")
            add(copy, "cia", Role.VIEWER, "reception")

            def logged_in(name: str) -> Person:
                person = Person(copy, app=pages_app(copy, PageOptions(now_utc=lambda: NOW_UTC)))
                assert person.log_in(name).status_code == 303
                return person

            yield logged_in


def test_a_manager_sees_the_presses_of_what_is_theirs(people: Callable[[str], Person]) -> None:
    bo = people("bo")
    assert bo.get(f"{TOWN}/health.json?{MONTH}").json()["rest"]["places"]["rows"]
    assert "/presses?" in bo.get(f"{TOWN}/health?{MONTH}").text
    assert bo.get(f"{TOWN}/health/presses.json?{MONTH}").json()["presses"]
    for path in (f"{TOWN}/library", f"{TOWN}/library/presses", f"{TOWN}/library/live", f"{TOWN}/presses"):
        assert bo.get(f"{path}?{MONTH}").status_code == 403, path
    tree = bo.get(f"{TOWN}/health?{MONTH}").text
    assert "Library" not in tree and f'href="{TOWN}?' not in tree


def test_a_viewer_sees_figures_alone_and_no_neighbours(people: Callable[[str], Person]) -> None:
    cia = people("cia")
    found = cia.get(f"{RECEPTION}.json?{MONTH}").json()
    assert found["now"]["figures"]["votes"] and found["rest"]["places"] is None
    text = cia.get(f"{RECEPTION}?{MONTH}").text
    assert "/presses?" not in text and "Ward 3" not in text and "among the highest" not in text
    assert cia.get(f"{RECEPTION}/presses?{MONTH}").status_code == 403
    assert cia.get("/lone/demo-library").status_code == 404
    # What others were shown before is not what this reader is shown.
    people("anna").get(f"{RECEPTION}?{MONTH}")
    assert "/presses?" not in cia.get(f"{RECEPTION}?{MONTH}").text


def test_no_press_of_staff_is_seen_to_come_and_a_viewer_sees_figures_alone(tmp_path: Path) -> None:
    world = World(str(tmp_path / "votes.db"), CITY)
    for device_id, place in (("till-staff", "n-one"), ("till-2", "n-two")):
        world.tell(device_id, Given(CITY_NOW_UTC - 200, 4), received_utc=CITY_NOW_UTC - 100)
        client = at_this_computer(pages_app(world.store, PageOptions(now_utc=lambda: CITY_NOW_UTC)))
        (terminal,) = client.get(f"/places/city/{place}.json").json()["now"]["terminals"]
        heard_utc = CITY_NOW_UTC - (3600 if device_id == "till-staff" else 100)
        assert (terminal["device_id"], terminal["heard_utc"], terminal["undated"]) == (device_id, heard_utc, 0)
    with cheap_hashes():
        add(world.store, "anna", Role.ADMIN)
        add(world.store, "cia", Role.VIEWER)
        for name, count in (("anna", 1), ("cia", 0)):
            person = Person(world.store, app=pages_app(world.store, PageOptions(now_utc=lambda: CITY_NOW_UTC)))
            person.log_in(name)
            assert len(person.get("/places/city/n-two.json").json()["now"]["terminals"]) == count
        # Of one that is silent everybody is told.
        later = Person(world.store, app=pages_app(world.store, PageOptions(now_utc=lambda: CITY_NOW_UTC + 3 * 86_400)))
        later.log_in("cia")
        assert "till-2 is silent" in later.get("/places/city/n-two").text
    world.store.close()
