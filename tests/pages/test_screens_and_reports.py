"""Screens and reports by mail, from a browser: whoever runs places makes, sees and ends those of these places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts_world import Person, add, cheap_hashes, opened_copy
from hymio_process import hymio_here
from looking import at_this_computer

from hymio.common.roles import Role
from hymio.locale.language import LOCALES
from hymio.pages import forms
from hymio.pages.app import PageOptions, pages_app
from hymio.pages.gate import FIELDS_MAX
from hymio.store import schema
from hymio.store.audit import entries
from hymio.store.database import Store
from hymio.store.report_schedules import stored_schedules
from hymio.store.wall_links import link_of, stored_links

OTHER = """\
[organisation]
key = "town"
name = "Town"
locale = "fi"
time_zone = "Europe/Helsinki"
[point.bar]
name = "Town bar"
[point.pool]
name = "Pool"
"""


@pytest.fixture(scope="module", autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_hashes():
        yield


@pytest.fixture(scope="module")
def people_db(site_db: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two organisations: an admin, a manager of a part of one, a viewer, a manager of all of the other."""
    folder = tmp_path_factory.mktemp("people")
    with opened_copy(site_db, folder / "votes.db"):
        pass
    (folder / "town.toml").write_text(OTHER, encoding="utf-8")
    done = hymio_here("site", "import", str(folder / "town.toml"), "--db", str(folder / "votes.db"))
    assert done.returncode == 0, done.stderr
    with opened_copy(str(folder / "votes.db"), folder / "people.db") as store:
        add(store, "anna", Role.ADMIN)
        add(store, "bo", Role.MANAGER, "wards")
        add(store, "cia", Role.VIEWER, "wards")
        add(store, "dag", Role.MANAGER, "town")
    return str(folder / "people.db")


@pytest.fixture
def store(people_db: str, tmp_path: Path) -> Iterator[Store]:
    with opened_copy(people_db, tmp_path / "votes.db") as opened:
        yield opened


Log = Callable[[str], Person]


@pytest.fixture
def person(store: Store) -> Log:
    """Somebody who has logged in."""

    def of(name: str) -> Person:
        made = Person(store, app=pages_app(store, PageOptions(sends_mail=True)))
        assert made.log_in(name).status_code == 303
        return made

    return of


def noted(store: Store, *actions: str) -> list[tuple[str, str, Any]]:
    with store.reading() as connection:
        found = [(one.who, one.action, one.details) for one in entries(connection, 100)]
    return [one for one in reversed(found) if one[1] in actions]


def twin(person: Person, path: str) -> Any:
    return person.get(f"{path}.json").json()


def offered(page: str, name: str) -> list[str]:
    """The values of a field that is chosen from."""
    field = re.search(rf'<select[^>]* name="{name}".*?</select>', page, re.DOTALL)
    assert field is not None
    return re.findall(r'<option value="([^"]*)"', field[0])


def wrongs(answer: Any) -> dict[str, str]:
    """What is said beside which field."""
    return dict(re.findall(r'id="(\w+)-wrong">([^<]+)<', answer.text))


SCREEN = {"name": "Lobby, left", "place": "city-hospital/ward-3", "survey": ""}
NO_NAME = "A name has 1 to 80 characters in one line, and is not a number."
REPORT = {"to": "eva@city.example", "place": "city-hospital/wards", "every": "week", "format": "pdf", "language": "fi"}


# Screens


def test_a_link_is_shown_once_and_opens_until_it_is_revoked(store: Store, person: Log) -> None:
    bo = person("bo")
    answer = bo.post("/screens", **SCREEN)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    (address,) = re.findall(r'id="address" value="([^"]+)"', answer.text)
    base, _, secret = address.rpartition("/wall/")
    assert base == "http://hymio.example" and Person(store).get(f"/wall/{secret}").status_code == 200
    with store.reading() as connection:
        link = link_of(connection, secret)
    assert link is not None and (link.name, link.created_by) == ("Lobby, left", "bo")
    page = bo.get("/screens").text
    assert "Lobby, left" in page and secret not in page
    (screen,) = twin(bo, "/screens")["screens"]
    assert (screen["id"], screen["organisation"], screen["place"]) == (link.id, "city-hospital", "ward-3")
    gone = bo.post("/screens", revoke=str(link.id))
    assert gone.headers["location"] == "/screens?done=revoked"
    assert "shows nothing any more" in bo.get("/screens?done=revoked").text
    assert Person(store).get(f"/wall/{secret}").status_code == 404 and twin(bo, "/screens") == {"screens": []}
    assert bo.post("/screens", revoke=str(link.id)).status_code == 404
    made, revoked = noted(store, "wall.create", "wall.revoke")
    assert made == ("bo", "wall.create", screen) and revoked[::2] == ("bo", {"id": link.id, "name": "Lobby, left"})
    assert secret not in str(made)


def test_the_link_is_of_the_address_by_which_one_has_come(store: Store) -> None:
    bo = Person(store, "https://votes.example:8443")
    bo.log_in("bo")
    data = {"form": bo.form_of("/screens"), **SCREEN}
    told = bo.client.post("/screens", data=data, headers={"accept": "application/json"}).json()
    assert told["made"]["address"].startswith("https://votes.example:8443/wall/") and len(told["screens"]) == 1


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"name": ""}, {"name": NO_NAME}),
        ({"name": "7"}, {"name": NO_NAME}),
        ({"name": "x" * 81, "place": ""}, {"name": NO_NAME, "place": "Choose a place."}),
        ({"place": "nowhere"}, {"place": "There is no place or organisation nowhere."}),
        ({"place": "city-hospital"}, {"place": "There is no place or organisation city-hospital."}),
        ({"place": "city-hospital/bar"}, {"place": "There is no place or organisation city-hospital/bar."}),
        ({"place": "town/pool"}, {"place": "There is no place or organisation town/pool."}),
        ({"survey": "city-hospital/phone"}, {"survey": "No survey city-hospital/phone with four faces runs there."}),
        ({"name": "Taken"}, {"name": "Another screen is called so: take another name, or revoke that one."}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_screen_is_said_beside_its_field(
    store: Store, person: Log, changes: dict[str, str], wrong: dict[str, str]
) -> None:
    bo = person("bo")
    bo.post("/screens", **SCREEN | {"name": "Taken"})
    answer = bo.post("/screens", **SCREEN | changes)
    assert answer.status_code == 400 and wrongs(answer) == wrong
    assert answer.text.count('aria-invalid="true"') == len(wrong) and "Nothing was made" in answer.text
    as_json = bo.client.post("/screens.json", data={"form": bo.form_of("/screens"), **SCREEN, **changes})
    assert as_json.status_code == 400 and as_json.json()["wrong"] == wrong
    with store.reading() as connection:
        assert [one.name for one in stored_links(connection)] == ["Taken"]


def test_a_screen_shows_a_survey_of_its_place(store: Store, person: Log) -> None:
    bo = person("bo")
    assert offered(bo.get("/screens").text, "survey") == ["", "city-hospital/service-2026"]
    answer = bo.post("/screens", **SCREEN | {"survey": "city-hospital/service-2026"})
    assert answer.status_code == 200 and twin(bo, "/screens")["screens"][0]["survey"] == "service-2026"
    assert "" in offered(person("dag").get("/screens").text, "survey")


# Reports


def test_a_report_goes_from_now_on_until_it_is_removed(store: Store, person: Log) -> None:
    bo = person("bo")
    assert bo.post("/reports", **REPORT).headers["location"] == "/reports?done=added"
    assert "The report is added." in bo.get("/reports?done=added").text
    (report,) = twin(bo, "/reports")["reports"]
    assert {name: report[name] for name in ("place", "every", "language", "format", "kind", "recipient")} == {
        "place": "wards", "every": "week", "language": "fi", "format": "pdf", "kind": "email",
        "recipient": "eva@city.example",
    }  # fmt: skip
    page = bo.get("/reports").text
    assert "eva@city.example" in page and "not yet" in page and "Suomi" in page
    with store.writing() as connection:
        connection.execute(
            schema.report_schedules.update().values(sent_utc=1_772_000_000.0, trouble="550 <no> such mailbox")
        )
    page = bo.get("/reports").text
    assert "25 Feb 2026, 06:13 UTC" in page and "could not go: 550 &lt;no&gt; such mailbox" in page
    assert bo.post("/reports", **REPORT).status_code == 400, "nobody gets the same twice"
    assert bo.post("/reports", **REPORT | {"every": "day"}).status_code == 303
    assert bo.post("/reports", remove=str(report["id"])).headers["location"] == "/reports?done=removed"
    assert [one["every"] for one in twin(bo, "/reports")["reports"]] == ["day"]
    assert bo.post("/reports", remove=str(report["id"])).status_code == 404
    with store.reading() as connection:
        ended, going = stored_schedules(connection)
    assert ended.ended_utc is not None and going.ended_utc is None and going.created_by == "bo"
    assert [one[:2] for one in noted(store, "schedule.add", "schedule.remove")] == [
        ("bo", "schedule.add"), ("bo", "schedule.add"), ("bo", "schedule.remove"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"to": ""}, {"to": "Name an e-mail address."}),
        ({"to": "eva"}, {"to": "eva is no e-mail address."}),
        ({"to": "/srv/reports"}, {"to": "/srv/reports is no e-mail address."}),
        ({"place": "city-hospital/bar"}, {"place": "There is no place or organisation city-hospital/bar."}),
        ({"every": "year", "language": "de"}, {"every": "Choose one of these.", "language": "Choose one of these."}),
        ({"format": "exe"}, {"format": "Choose one of these."}),
    ],
)
def test_what_is_wrong_with_a_report_is_said_beside_its_field(
    store: Store, person: Log, changes: dict[str, str], wrong: dict[str, str]
) -> None:
    answer = person("bo").post("/reports", **REPORT | changes | {"kind": "folder", "recipient": "/srv"})
    assert answer.status_code == 400 and wrongs(answer) == wrong
    with store.reading() as connection:
        assert list(stored_schedules(connection)) == []


def test_a_page_says_whether_this_server_sends_mail(store: Store, person: Log) -> None:
    assert "sends no mail" not in person("anna").get("/reports").text
    other = Person(store)
    other.log_in("anna")
    assert "sends no mail" in other.get("/reports").text


# Who sees and does what


def test_everybody_has_what_is_theirs(store: Store, person: Log) -> None:
    anna, bo, dag = person("anna"), person("bo"), person("dag")
    for number, place in enumerate(("city-hospital", "city-hospital/ward-3", "town", "town/bar")):
        assert anna.post("/screens", name=f"Screen {number}.", place=place, survey="").status_code == 200
        assert anna.post("/reports", **REPORT | {"place": place}).status_code == 303
    for one, places in ((anna, [None, "ward-3", None, "bar"]), (bo, ["ward-3"]), (dag, [None, "bar"])):
        for path in ("screens", "reports"):
            assert [found["place"] for found in twin(one, f"/{path}")[path]] == places
    whole = ["city-hospital", "city-hospital/bar", "city-hospital/wards", "city-hospital/ward-3"]
    for path in ("/screens", "/reports"):
        assert sorted(offered(anna.get(path).text, "place")) == sorted([*whole, "town", "town/bar", "town/pool"])
        assert offered(bo.get(path).text, "place") == ["city-hospital/wards", "city-hospital/ward-3"]
        assert "Screen 0" not in bo.get(path).text
    with store.reading() as connection:
        links, schedules = list(stored_links(connection)), list(stored_schedules(connection))
    for link, schedule in zip(links, schedules, strict=True):
        is_theirs = link.name == "Screen 1."
        assert bo.post("/screens", revoke=str(link.id)).status_code == (303 if is_theirs else 404)
        assert bo.post("/reports", remove=str(schedule.id)).status_code == (303 if is_theirs else 404)
    for odd in ("", "-1", "x", "9" * 30, "²"):
        assert bo.post("/screens", revoke=odd).status_code == bo.post("/reports", remove=odd).status_code == 404


@pytest.mark.parametrize("path", ["/screens", "/reports"])
def test_who_only_looks_gets_neither(store: Store, person: Log, path: str) -> None:
    cia = person("cia")
    assert path not in cia.get("/places/city-hospital/wards").text
    assert cia.get(path).status_code == cia.get(f"{path}.json").status_code == 403
    assert cia.post(path, "/account", **{**SCREEN, **REPORT}).status_code == 403
    assert f'href="{path}"' in person("bo").get("/places/city-hospital/wards").text
    nobody = Person(store)
    assert nobody.get(path).headers["location"].startswith("/login")
    assert nobody.client.post(path, data=SCREEN).status_code in (401, 403, 303)
    with store.reading() as connection:
        assert not list(stored_links(connection)) and not list(stored_schedules(connection))


@pytest.mark.parametrize(("path", "fields"), [("/screens", SCREEN), ("/reports", REPORT)])
def test_a_form_of_elsewhere_does_nothing(store: Store, person: Log, path: str, fields: dict[str, str]) -> None:
    bo = person("bo")
    data = {"form": bo.form_of(path), **fields}
    assert bo.client.post(path, data=fields).status_code == 403
    assert bo.client.post(path, data=data, headers={"origin": "https://evil.example"}).status_code == 403
    with store.reading() as connection:
        assert not list(stored_links(connection)) and not list(stored_schedules(connection))
    assert bo.client.post(path, data=data).status_code in (200, 303)


def test_before_there_is_an_account_whoever_sits_there_does_it(site_db: str, tmp_path: Path) -> None:
    with opened_copy(site_db, tmp_path / "votes.db") as store:
        client = at_this_computer(pages_app(store), follow_redirects=False)
        for path, fields in (("/screens", SCREEN), ("/reports", REPORT)):
            form = re.findall(r'name="form" value="([^"]+)"', client.get(path).text)[0]
            assert client.post(path, data={"form": form, **fields}).status_code in (200, 303)
        by = {one[0] for one in noted(store, "wall.create", "schedule.add")}
        with store.reading() as connection:
            (link,) = stored_links(connection)
        assert by == {link.created_by} and "@" in link.created_by


# However large it is, and in every language


def test_of_too_many_places_one_types_the_key(person: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    assert forms.CHOICES_MAX < FIELDS_MAX, "all can be checked at once"
    monkeypatch.setattr(forms, "CHOICES_MAX", 1)
    anna = person("anna")
    for path, fields in (("/screens", SCREEN), ("/reports", REPORT)):
        page = anna.get(path).text
        assert '<input id="place"' in page and '<select id="place"' not in page
        assert anna.post(path, **fields | {"place": "ward-3"}).status_code in (200, 303)
        assert wrongs(anna.post(path, **fields | {"place": "bar", "to": "x@y", "name": "B"})) == {
            "place": "Several organisations have a place bar: write ORGANISATION/bar."
        }
    assert '<textarea id="places"' in anna.get("/users").text


def test_an_account_gets_the_places_that_are_checked(store: Store, person: Log) -> None:
    anna = person("anna")
    page = anna.get("/users/2").text
    assert re.findall(r'name="places" value="([^"]+)" checked', page) == ["city-hospital/wards"]
    data = {"form": anna.form_of("/users/2"), "change": "role", "role": "manager"}
    chosen = ["city-hospital/bar", "town"]
    assert anna.client.post("/users/2", data={**data, "places": chosen}).status_code == 303
    assert twin(anna, "/users/2")["account"]["places"] == chosen
    assert [one["place"] for one in twin(person("bo"), "/screens")["screens"]] == []


@pytest.mark.parametrize("code", LOCALES)
def test_they_are_in_every_language(person: Log, code: str) -> None:
    anna = person("anna")
    titles = [re.findall("<h1>([^<]+)", anna.get(f"{path}?lang={code}").text)[0] for path in ("/screens", "/reports")]
    assert (
        titles
        == {
            "en": ["Screens", "Reports by mail"],
            "fi": ["Seinänäytöt", "Raportit sähköpostilla"],
            "sv": ["Väggskärmar", "Rapporter per e-post"],
        }[code]
    )
