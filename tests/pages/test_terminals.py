"""The terminals as a technician sees them: what each said last, in any order, of any kind; and only one's own."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts_world import Person, add, cheap_hashes, opened_copy, said
from looking import at_this_computer
from sqlalchemy import event, insert, text

from hymio.common.errors import NO_SERVICE, NO_TERMINAL, Failure
from hymio.common.roles import Role
from hymio.pages.app import PageOptions, pages_app
from hymio.pages.views import terminals as view
from hymio.store import schema
from hymio.store.database import Store
from hymio.store.fleet import KINDS, ON_PAGE, SORTS, FleetQuery, fleet_page

NOW = 1_790_000_000.0
DAY = 86_400.0

STATES: dict[str, dict[str, Any]] = {
    "till-1": {
        "heard_utc": NOW - 30, "state": "online", "unsent": 0, "clock_set": 1, "rssi": -51, "firmware": "1.0.0",
        "worst_button": 4, "edges_a_press": 2.1, "facts": '{"boot": 7, "wifi": 2}',
    },
    "till-2": {
        "heard_utc": NOW - 2 * DAY, "state": "offline", "unsent": 12, "clock_set": 1, "supply_mv": 2610,
        "supply_low": 0, "empty_utc": NOW + 9 * DAY, "rssi": -88, "firmware": "0.9.0",
    },
    "till-3": {
        "heard_utc": NOW - 3600, "state": "asleep", "unsent": 3, "clock_set": 0, "supply_mv": 2480, "supply_low": 1,
        "rssi": -70, "worst_button": 1, "edges_a_press": 9.5, "firmware": "1.0.0", "cert_ends_utc": NOW + 20 * DAY,
    },
    "stray-4": {"heard_utc": NOW - 90, "state": "online", "problem": "<no log>", "firmware": "1.0.0"},
    "new-5": {},
}  # fmt: skip
LEDGER = {"till-1": (100, 100, 0), "till-2": (80, 70, 10), "till-3": (50, 43, 2)}
SITE = """
INSERT INTO placements (device_id, node_id, from_utc_minute, until_utc_minute, asks)
SELECT :device_id, id, :since, :until, 'customer' FROM nodes WHERE key = :place
"""


def fill(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(schema.terminal_states.delete())
        for device_id, state in STATES.items():
            connection.execute(insert(schema.terminal_states).values(device_id=device_id, **state))
        for device_id, (pressed, rows, lost) in LEDGER.items():
            row: dict[str, float] = dict.fromkeys(
                ("next_seq", "oldest_seq", "cursor_seq", "duplicates", "conflicts"), 0
            )
            row |= {"pressed": pressed, "presses": rows, "lost": lost, "first_seen_utc": 1.0, "last_seen_utc": NOW}
            connection.execute(insert(schema.logs).values(device_id=device_id, log_id=1, **row))
        connection.execute(text("DELETE FROM placements"))
        for device_id, place, until in (
            ("till-1", "ward-3", None), ("till-2", "bar", None), ("till-3", "ward-3", 100), ("new-5", "ward-3", None),
        ):  # fmt: skip
            given = {"device_id": device_id, "place": place, "since": 1, "until": until}
            connection.execute(text(SITE), given)
        connection.execute(text("UPDATE counters SET value = value + 1 WHERE name = 'site'"))


@pytest.fixture(scope="module")
def store(site_db: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened_copy(site_db, tmp_path_factory.mktemp("fleet") / "votes.db") as opened:
        fill(opened)
        yield opened


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = view.TerminalPages.__init__
    monkeypatch.setattr(
        view.TerminalPages, "__init__", lambda self, now_utc, text_log=None: defaults(self, lambda: NOW, text_log)
    )


@pytest.fixture
def client(store: Store) -> Any:
    return at_this_computer(pages_app(store))


def names(client: Any, **query: str) -> list[str]:
    return [one["device_id"] for one in client.get("/terminals.json", params=query).json()["terminals"]]


@pytest.mark.parametrize(
    ("sort", "wanted"),
    [
        ("terminal", "new-5 stray-4 till-1 till-2 till-3"),
        ("heard", "till-2 till-3 stray-4 till-1 new-5"),
        ("unsent", "till-2 till-3 till-1 stray-4 new-5"),
        ("battery", "till-3 till-2 new-5 stray-4 till-1"),
        ("empty", "till-2 new-5 stray-4 till-1 till-3"),
        ("signal", "till-2 till-3 till-1 new-5 stray-4"),
        ("wear", "till-3 till-1 till-2 stray-4 new-5"),
        ("firmware", "till-2 stray-4 till-1 till-3 new-5"),
        ("certificate", "till-3 new-5 stray-4 till-1 till-2"),
    ],
)
def test_what_somebody_has_to_look_after_comes_first(client: Any, sort: str, wanted: str) -> None:
    assert names(client, sort=sort) == wanted.split()
    known = [one for one in wanted.split() if sort == "terminal" or STATES[one].get(SORTS[sort][0]) is not None]
    turned = names(client, sort=sort, turned="1")
    assert set(turned) == set(wanted.split()) and turned[0] == known[-1 if sort != "firmware" else 3]
    assert set(turned[len(known) :]) == set(wanted.split()) - set(known), "what is not known comes last"


def test_every_order_and_kind_is_tried() -> None:
    marks = test_what_somebody_has_to_look_after_comes_first.pytestmark + test_kinds.pytestmark
    tried = {row[0] for mark in marks for row in mark.args[1]}
    assert tried == {*SORTS, *KINDS}


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("silent", "till-2"), ("never", "new-5"), ("problem", "stray-4"), ("clock", "till-3"), ("low", "till-3"),
        ("empty", "till-2"), ("weak", "till-2"), ("worn", "till-3"), ("certificate", "till-3"),
        ("unsent", "till-2 till-3"), ("waiting", "till-3"), ("lost", "till-2 till-3"),
    ],
)  # fmt: skip
def test_kinds(client: Any, kind: str, wanted: str) -> None:
    assert names(client, show=kind, sort="terminal") == wanted.split()


@pytest.mark.parametrize(
    ("search", "wanted"),
    [
        ("till", "till-1 till-2 till-3"), ("TILL-2", "till-2"), ("ward 3", "new-5 till-1"), ("Night", "till-2"),
        ("l_-1", ""), ("%", ""), ("zzz", ""), (" ", "new-5 stray-4 till-1 till-2 till-3"),
    ],
)  # fmt: skip
def test_search_by_name_and_place(client: Any, search: str, wanted: str) -> None:
    assert names(client, q=search, sort="terminal") == wanted.split()


def test_a_line(client: Any) -> None:
    lines = {one["device_id"]: one for one in client.get("/terminals.json").json()["terminals"]}
    assert lines["till-3"] == {
        "device_id": "till-3", "address": "/terminals/till-3", "place": None, "heard_utc": NOW - 3600,
        "is_silent": False, "state": "asleep", "problem": None, "unsent": 3, "clock": "unset", "supply_mv": 2480,
        "supply_low": True, "empty_utc": None, "rssi": -70, "worst_button": 1, "edges_a_press": 9.5,
        "firmware": "1.0.0", "cert_ends_utc": NOW + 20 * DAY, "pressed": 50, "rows": 43, "lost": 2, "waiting": 5,
    }  # fmt: skip
    assert lines["till-1"]["place"] == {"name": "Ward 3", "address": "/places/city-hospital/ward-3"}
    assert lines["new-5"]["heard_utc"] is None and lines["new-5"]["is_silent"]
    page = client.get("/terminals").text
    for part in ("2.48 V", "-70 dBm", "70 / 10 / 0", "not set", "asleep", "silent", "problem", 'aria-sort="ascending"'):
        assert part in page, part


def test_one_terminal(client: Any) -> None:
    page = client.get("/terminals/stray-4")
    assert page.status_code == 200 and "&lt;no log&gt;" in page.text and "<no log>" not in page.text
    found = client.get("/terminals/till-1.json").json()
    assert found["facts"] == {"boot": 7, "wifi": 2} and found["ledger"][0]["pressed"] == 100
    assert client.get("/terminals/none-1").status_code == 404


@pytest.mark.parametrize("query", ["sort=odd", "show=odd", "page=0", "page=x", "page=99999999", "turned=2", "page=-1"])
def test_what_the_address_says_wrongly(client: Any, query: str) -> None:
    assert client.get(f"/terminals?{query}").status_code == 400


def test_links_keep_what_was_asked_for(client: Any) -> None:
    page = client.get("/terminals", params={"q": 'a"&b', "show": "silent", "sort": "wear"})
    assert page.status_code == 200 and 'value="a&#34;&amp;b"' in page.text
    page = client.get("/terminals", params={"q": "till", "sort": "wear"})
    assert 'href="/terminals?sort=wear&amp;turned=1&amp;q=till"' in page.text
    assert 'href="/terminals?sort=unsent&amp;q=till"' in page.text


def test_a_manager_sees_those_at_their_places_and_a_viewer_none(store: Store, tmp_path: Path) -> None:
    with cheap_hashes(), opened_copy(str(store.engine.url.database), tmp_path / "copy.db") as copy:
        add(copy, "anna", Role.ADMIN)
        add(copy, "bo", Role.MANAGER, "wards")
        add(copy, "cia", Role.VIEWER, "wards")
        people = {name: Person(copy) for name in ("anna", "bo", "cia")}
        for name, person in people.items():
            assert person.log_in(name).status_code == 303
        assert len(names(people["anna"].client)) == 5
        assert names(people["bo"].client, sort="terminal") == ["new-5", "till-1"]
        assert names(people["bo"].client, q="night") == [] and names(people["bo"].client, show="lost") == []
        for hidden in ("till-2", "stray-4", "till-3"):
            assert people["bo"].get(f"/terminals/{hidden}").status_code == 404
            assert people["bo"].post(f"/terminals/{hidden}", on="/account").status_code == 404
        assert people["bo"].get("/terminals/till-1").status_code == 200
        for path in ("/terminals", "/terminals/till-1", "/terminals.json"):
            assert people["cia"].get(path).status_code == 403


def test_presses_of_staff_and_of_others_are_not_a_manager_s(store: Store, tmp_path: Path) -> None:
    with cheap_hashes(), opened_copy(str(store.engine.url.database), tmp_path / "copy.db") as copy:
        add(copy, "anna", Role.ADMIN)
        add(copy, "bo", Role.MANAGER, "wards")
        people = [Person(copy) for _ in range(2)]
        anna, bo = people
        anna.log_in("anna"), bo.log_in("bo")

        def told(person: Person) -> tuple[Any, ...]:
            line = next(
                one for one in person.get("/terminals.json").json()["terminals"] if one["device_id"] == "till-1"
            )
            whole = person.get("/terminals/till-1.json").json()
            assert whole["terminal"] == line and person.get("/terminals/till-1").status_code == 200
            numbers = tuple(line[name] for name in ("pressed", "rows", "lost", "waiting"))
            return numbers, line["heard_utc"], len(whole["ledger"]), len(whole["facts"])

        everything = (100, 100, 0, 0), NOW - 30, 1, 2
        assert told(bo) == told(anna) == everything
        for change, heard_utc in (
            ("UPDATE placements SET asks = 'staff' WHERE device_id = 'till-1'", NOW // 3600 * 3600),
            (
                "INSERT INTO placements (device_id, node_id, from_utc_minute, until_utc_minute, asks)"
                " SELECT 'till-1', id, 0, 1, 'customer' FROM nodes WHERE key = 'bar'",
                NOW - 30,
            ),
        ):
            with copy.writing() as connection:
                connection.execute(text("UPDATE placements SET asks = 'customer'"))
                connection.execute(text(change))
                connection.execute(text("UPDATE counters SET value = value + 1 WHERE name = 'site'"))
            assert told(anna) == everything
            assert told(bo) == ((None,) * 4, heard_utc, 0, 0)


# The text log


class Asked:
    """A way to the terminals."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure: Failure | None = None
        self.hold: threading.Event | None = None
        self.entered = threading.Semaphore(0)

    def __call__(self, device_id: str) -> list[dict[str, Any]]:
        self.asked.append(device_id)
        self.entered.release()
        if self.hold is not None:
            assert self.hold.wait(20)
        if self.failure is not None:
            raise self.failure
        return [{"number": 3, "boot": 7, "uptime_s": 1.5, "utc": None, "level": "info", "text": "<started>"}]


def ask(client: Any) -> Any:
    form = re.findall(r'name="form" value="([^"]+)"', client.get("/terminals/till-1").text)[-1]
    return client.post("/terminals/till-1", data={"form": form})


def test_the_text_log_on_demand(store: Store) -> None:
    way = Asked()
    client = at_this_computer(pages_app(store, PageOptions(text_log=way)))
    answer = ask(client)
    assert answer.status_code == 200 and "&lt;started&gt;" in answer.text and "1.5 s" in answer.text
    assert way.asked == ["till-1"]
    for status, why in ((NO_TERMINAL, "It does not answer"), (NO_SERVICE, "There is no way to the terminals")):
        way.failure = Failure(status, "The broker secret.example is gone.", "?")
        answer = ask(client)
        assert said(answer)[0].startswith(why) and "secret" not in answer.text
    with store.reading() as connection:
        noted = connection.execute(text("SELECT count(*) FROM audit WHERE action = 'terminal.log'")).scalar()
    assert noted == 1
    assert "hymio serve --broker" in at_this_computer(pages_app(store)).get("/terminals/till-1").text


def test_only_so_many_are_asked_at_once(store: Store) -> None:
    way = Asked()
    way.hold = threading.Event()
    app = pages_app(store, PageOptions(text_log=way))
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(at_this_computer(app)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert all(way.entered.acquire(timeout=20) for _ in range(view.LOGS_AT_ONCE))
    assert said(ask(at_this_computer(app)))[0].startswith("Other terminals are being asked")
    way.hold.set()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200] and len(way.asked) == view.LOGS_AT_ONCE


# As many as there may be


@pytest.fixture(scope="module")
def fleet(site_db: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """5,000 terminals: enough to tell a page that reads them all from one that does not."""
    with opened_copy(site_db, tmp_path_factory.mktemp("many") / "votes.db") as opened:
        rows = [
            {
                "device_id": f"t-{number:05}",
                "heard_utc": NOW - number,
                "unsent": number % 50,
                "supply_mv": 2500 + number % 500,
                "empty_utc": NOW + 1e7 + number,
                "rssi": -40 - number % 40,
                "edges_a_press": 2 + number % 7 / 2,
                "firmware": "1.0.0",
                "cert_ends_utc": NOW + 1e8 + number,
                "clock_set": 1,
                "supply_low": 0,
                "facts": "{}" + " " * 500,
            }
            for number in range(5_000)
        ]
        with opened.writing() as connection:
            connection.execute(schema.terminal_states.delete())
            connection.execute(insert(schema.terminal_states), rows)
            log: dict[str, float] = {
                "log_id": 1,
                "pressed": 9,
                "presses": 9,
                "next_seq": 9,
                "oldest_seq": 0,
                "cursor_seq": 9,
            }
            log |= {"duplicates": 0, "conflicts": 0, "first_seen_utc": 1.0, "last_seen_utc": NOW}
            connection.execute(insert(schema.logs), [{**log, "device_id": row["device_id"]} for row in rows])
        yield opened


def steps(store: Store, query: FleetQuery) -> int:
    """What SQLite does for a page but for counting them, in steps of its machine."""
    done = 0

    def step() -> int:
        nonlocal done
        done += 1
        return 0

    def before(conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        raw = conn.connection.driver_connection
        raw.set_progress_handler(None if "count(*)" in statement else step, 1)

    event.listen(store.engine, "before_cursor_execute", before)
    try:
        with store.reading() as connection:
            fleet_page(connection, query)
            connection.connection.driver_connection.set_progress_handler(None, 0)
    finally:
        event.remove(store.engine, "before_cursor_execute", before)
    return done


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_reads_what_it_shows(fleet: Store, sort: str) -> None:
    wanted = [FleetQuery(NOW, sort, turned) for turned in (False, True)]
    wanted += [
        FleetQuery(NOW, sort, kind=kind) for kind in ("silent", "never", "empty", "certificate", "waiting", "lost")
    ]
    wanted += [FleetQuery(NOW, sort, only=[f"t-{number:05}" for number in range(20)])]
    # 50 terminals with 18 columns and their ledgers; all of them would be 25,000 at the least.
    assert max(steps(fleet, query) for query in wanted) < 10_000


def test_the_html_of_a_page(fleet: Store) -> None:
    client = at_this_computer(pages_app(fleet))
    answer = client.get("/terminals?page=3", headers={"accept-encoding": "gzip"})
    assert int(answer.headers["content-length"]) < 8_000
    assert answer.text.count("<tr>") == ON_PAGE + 1 and "Page 3 of 100" in answer.text
    assert 'rel="prev" href="/terminals?page=2"' in answer.text and 'rel="next" href="/terminals?page=4"' in answer.text
    assert "There is no such terminal." in client.get("/terminals?page=101").text
