"""Who comes to the pages: logging in and out, roles and places, forms that are ours, accounts that are managed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts_world import PASSWORD, Person, add, cheap_hashes, opened_copy, said
from served_world import CITY, NOW_UTC, OTHER, Given, World
from sqlalchemy import delete, select
from starlette.routing import Route

from hymio.common.roles import Role
from hymio.locale.language import LOCALES
from hymio.pages import log_in
from hymio.pages.app import PageOptions, pages_app
from hymio.pages.gate import safe_next
from hymio.pages.signed import Signer
from hymio.store import passwords, schema
from hymio.store.audit import entries
from hymio.store.database import Store
from hymio.store.sessions import OF_ONE_MAX, begin_session, user_of_session
from hymio.store.users import end_sessions

HOSPITAL = "/places/city-hospital"


@pytest.fixture(scope="module", autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_hashes():
        yield


@pytest.fixture(scope="module")
def people_db(site_db: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("people") / "votes.db"
    with opened_copy(site_db, path) as store:
        add(store, "anna", Role.ADMIN)
        add(store, "bo@city.example", Role.MANAGER, "wards")
        add(store, "cia", Role.VIEWER, "bar")
        add(store, "dag", Role.VIEWER)
    return str(path)


@pytest.fixture
def store(people_db: str, tmp_path: Path) -> Iterator[Store]:
    with opened_copy(people_db, tmp_path / "votes.db") as opened:
        yield opened


@pytest.fixture
def anna(store: Store) -> Person:
    return logged_in(store, "anna")


def logged_in(store: Store, name: str, **more: Any) -> Person:
    person = Person(store, **more)
    answer = person.log_in(name)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return person


def noted(store: Store, *actions: str) -> list[tuple[str, str, Any]]:
    with store.reading() as connection:
        found = [(one.who, one.action, one.details) for one in entries(connection, 100)]
    return [one for one in reversed(found) if one[1] in actions]


# Logging in


def test_without_a_log_in_nothing_is_told(store: Store) -> None:
    nobody = Person(store)
    for path in ("/", HOSPITAL, f"{HOSPITAL}/ward-3", "/users", "/users/1", "/account"):
        answer = nobody.get(path)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login")
        twin = nobody.get(path if path != "/" else "/index.json", headers={"accept": "application/json"})
        assert twin.status_code == 401 and twin.json()["error"]["status"] == 401
        assert "hospital" not in twin.text.lower()
    assert nobody.get("/nowhere").status_code == 404
    assert nobody.get("/login").status_code == 200


def test_after_the_log_in_one_is_where_one_wanted_to_be(store: Store) -> None:
    person = Person(store)
    where = person.get(f"{HOSPITAL}/ward-3?per=week").headers["location"]
    wanted = f"{HOSPITAL}/ward-3?per=week"
    assert f'name="next" value="{wanted}"' in person.get(where).text
    answer = person.log_in(" Anna ", wanted=wanted)
    assert answer.headers["location"] == wanted and person.get(wanted).status_code == 200
    assert person.get("/login").headers["location"] == "/"


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/login?lang=fi", {}), ("/login", {"accept-language": "fi-FI,fi;q=0.9,en;q=0.8"}), (f"{HOSPITAL}?lang=fi", {})],
)
def test_the_log_in_is_in_the_language_that_one_asks_for(store: Store, path: str, headers: dict[str, str]) -> None:
    nobody = Person(store)
    answer = nobody.get(path, headers=headers)
    if answer.status_code == 303:
        answer = nobody.get(answer.headers["location"], headers=headers)
    assert '<html lang="fi">' in answer.text and said(answer) == ["Kirjaudu sisään"]
    wrong = nobody.client.post("/login", data={"form": nobody.form_of("/login")}, headers=headers)
    assert said(wrong) == ["Nimi tai salasana on väärä."]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("/users?x=1", "/users?x=1"), ("", "/"), ("//evil.example", "/"), ("/\\evil.example", "/"),
        ("/" + "x" * 2000, "/"), ("/" + "\U0001f600" * 90, "/"), ("/?q=" + "\xe4" * 90, "/?q=" + "\xe4" * 90),
        ("https://evil.example", "/"), ("/login", "/"), ("/x\r\nSet-Cookie: a=b", "/"), ("javascript:alert(1)", "/"),
    ],
)  # fmt: skip
def test_nobody_is_sent_elsewhere(asked: str, wanted: str) -> None:
    assert safe_next(asked) == wanted


def test_a_wrong_password_and_a_wrong_name_are_alike(store: Store) -> None:
    person = Person(store)
    answers = [person.log_in("anna", "wrong horse battery"), person.log_in("nobody"), person.log_in("anna", "")]
    answers.append(person.log_in("anna", PASSWORD + "x" * 300))
    assert [one.status_code for one in answers] == [403] * 4
    assert {tuple(said(one)) for one in answers} == {("The name or the password is wrong.",)}
    assert person.get("/").status_code == 303
    assert [one[0] for one in noted(store, "user.refused")] == ["anna"] * 3


def test_the_cookie(store: Store) -> None:
    kept = Person(store).log_in("anna").headers["set-cookie"]
    assert kept.startswith("hymio_session=") and "HttpOnly" in kept and "SameSite=lax" in kept and "Secure" not in kept
    secure = Person(store, "https://hymio.example").log_in("anna").headers["set-cookie"]
    assert secure.startswith("__Host-hymio_session=") and "Secure" in secure and "Path=/" in secure
    assert "HttpOnly" in secure and "Domain" not in secure
    session = secure.partition("=")[2].partition(".")[0]
    with store.reading() as connection:
        rows = connection.execute(select(schema.sessions.c.digest)).scalars().all()
    assert len(rows) == 2 and len(session) > 40 and session not in str(rows)


def test_behind_a_proxy_with_tls_the_cookie_is_for_tls(store: Store) -> None:
    person = Person(store, headers={"x-forwarded-proto": "https"})
    form = person.client.get("/login")
    assert form.headers["set-cookie"].startswith("__Host-hymio_form=") and "Secure" in form.headers["set-cookie"]


def test_a_cookie_that_is_not_ours_is_nobody_s(store: Store, anna: Person) -> None:
    right = anna.client.cookies["hymio_session"]
    session, _, signature = right.rpartition(".")
    for wrong in (session, f"{session}.", f"{session}x.{signature}", f"{session}.{signature[:-1]}", "ä.x", "x" * 5000):
        person = Person(store)
        assert person.get("/", headers={"cookie": f"hymio_session={wrong}".encode()}).status_code == 303
    other = Signer(store).signed("other purpose", session)
    assert Signer(store).opened("hymio_session", other) is None


@pytest.mark.parametrize("way", ["log out", "disabled", "another password", "ended", "expired", "another key"])
def test_what_ends_a_session(store: Store, anna: Person, way: str) -> None:
    bo = logged_in(store, "bo@city.example")
    assert bo.get(f"{HOSPITAL}/wards").status_code == 200
    match way:
        case "log out":
            cookie = bo.client.cookies["hymio_session"]
            assert bo.post("/logout", on="/account").headers["location"] == "/login"
            bo.client.cookies.set("hymio_session", cookie)  # whoever has kept it
        case "disabled":
            assert anna.post("/users/2", change="disabled").status_code == 303
        case "another password":
            assert anna.post("/users/2", change="password", password="another horse").status_code == 303
        case "ended":
            with store.writing() as connection:
                end_sessions(connection, 2)
        case "expired":
            with store.writing() as connection:
                connection.execute(schema.sessions.update().values(expires_utc=1.0))
        case "another key":
            with store.writing() as connection:
                connection.execute(delete(schema.server_keys))
            bo = Person(store, cookies=dict(bo.client.cookies))
    answer = bo.get(f"{HOSPITAL}/wards")
    if way == "another key":
        assert answer.status_code == 303
        return
    assert answer.status_code == 401 and said(answer) == ["You are not logged in any more"]
    assert 'href="/login?next=%2Fplaces%2Fcity-hospital%2Fwards"' in answer.text
    posted = bo.client.post("/account", data={"form": "x"})
    assert posted.status_code == 401
    assert bo.log_in("bo@city.example").status_code == (403 if way in ("disabled", "another password") else 303)


@pytest.mark.parametrize("code", LOCALES)
def test_what_goes_wrong_is_said_in_the_reader_s_language(store: Store, code: str) -> None:
    cia = logged_in(store, "cia", headers={"accept-language": code})
    refused = cia.get(f"{HOSPITAL}/ward-3")
    stale = cia.client.post("/account", data={"form": "x"})
    with store.writing() as connection:
        end_sessions(connection, 3)
    ended = cia.get(f"{HOSPITAL}/bar")
    assert [one.status_code for one in (refused, stale, ended)] == [403, 403, 401]
    assert all(f'<html lang="{code}">' in one.text for one in (refused, stale, ended))
    assert len({said(one)[0] for one in (refused, stale, ended)}) == 3


def test_old_sessions_go(store: Store) -> None:
    with store.writing() as connection:
        first = begin_session(connection, 1, 100.0)
        newest = [begin_session(connection, 1, 101.0 + number) for number in range(OF_ONE_MAX)]
        assert user_of_session(connection, first, 200.0) is None
        assert all(user_of_session(connection, one, 200.0).name == "anna" for one in newest)
        begin_session(connection, 2, 1e9)
        assert len(connection.execute(select(schema.sessions)).all()) == 1


# Throttling


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The one by which log-ins are throttled; and passwords are looked at in no time."""
    clock = Clock()
    monkeypatch.setattr(log_in.time, "monotonic", clock)
    monkeypatch.setattr(log_in, "is_right", lambda password, kept: kept is not None and password == PASSWORD)
    defaults = (log_in.time.time, clock)
    monkeypatch.setattr(log_in.LogIns.__init__, "__defaults__", defaults)
    return clock


def test_one_name_is_tried_a_few_times_only(store: Store, clock: Clock) -> None:
    app = pages_app(store)
    for number in range(log_in.NAME_AT_ONCE):
        attempt = Person(store, app=app, client=(f"203.0.113.{number}", 1)).log_in("anna", "x")
        assert attempt.status_code == 403
    person = Person(store, app=app)
    refused = person.log_in("ANNA ")  # even with the right one
    assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 30
    assert said(refused) == ["Too many wrong passwords"]
    assert person.log_in("cia").status_code == 303
    clock.now_s += 31
    assert Person(store, app=app).log_in("anna").status_code == 303


def test_nobody_locks_somebody_out(store: Store, clock: Clock) -> None:
    app = pages_app(store)
    anna = logged_in(store, "anna", app=app)
    anna.post("/logout", on="/account")
    stranger = Person(store, app=app)  # of the same network
    for number in range(log_in.NETWORK_AT_ONCE):
        stranger.log_in("anna" if number < log_in.NAME_AT_ONCE else f"name-{number}", "x")
    assert stranger.log_in("anna").status_code == 429
    # Where she has logged in before her tries are counted apart, however often she has logged out since.
    assert anna.log_in("Anna").status_code == 303
    anna.post("/logout", on="/account")
    # That is of her name alone, and of this very browser; and no way to try without end.
    assert anna.log_in("cia").status_code == 429
    stranger.client.cookies.set("hymio_known", anna.client.cookies["hymio_known"][:-1] + "x")
    assert stranger.log_in("anna").status_code == 429
    tries = [anna.log_in("anna", "x").status_code for _ in range(log_in.NAME_AT_ONCE + 1)]
    assert tries == [403] * log_in.NAME_AT_ONCE + [429]


def test_one_network_tries_a_few_names_only(store: Store, clock: Clock) -> None:
    app = pages_app(store)
    network = [Person(store, app=app, client=(f"2001:db8::{number:x}", 1)) for number in range(3)]
    for number in range(log_in.NETWORK_AT_ONCE):
        assert network[number % 3].log_in(f"name-{number}", "x").status_code == 403
    assert network[0].log_in("anna").status_code == 429
    assert Person(store, app=app, client=("2001:db8:0:1::1", 1)).log_in("anna").status_code == 303
    # Whoever is right is not counted, however often.
    clock.now_s += 7
    assert [network[0].log_in("anna").status_code for _ in range(1)] == [303]
    network[0].client.cookies.clear()
    assert network[0].log_in("anna").status_code == 303


def test_behind_a_proxy_everybody_has_an_address_of_their_own(store: Store, clock: Clock) -> None:
    app = pages_app(store)

    def through_proxy(address: str, seen_from: str = "127.0.0.1") -> Person:
        return Person(store, app=app, client=(seen_from, 1), headers={"x-forwarded-for": f"10.9.9.9, {address}"})

    for number in range(log_in.NETWORK_AT_ONCE):
        assert through_proxy("198.51.100.1").log_in(f"name-{number}", "x").status_code == 403
    assert through_proxy("198.51.100.1").log_in("anna").status_code == 429
    assert through_proxy("198.51.100.2").log_in("anna").status_code == 303
    # From elsewhere the header is the word of whoever asks.
    for number in range(log_in.NETWORK_AT_ONCE):
        through_proxy(f"198.51.101.{number}", "203.0.113.9").log_in(f"other-{number}", "x")
    assert through_proxy("198.51.102.1", "203.0.113.9").log_in("anna").status_code == 429


def test_passwords_are_looked_at_one_after_the_other_and_pages_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, hold, entered = pages_app(store), threading.Event(), threading.Semaphore(0)

    class Slow:
        def verify(self, *_: str) -> bool:
            entered.release()
            return hold.wait(20)

    monkeypatch.setattr(passwords, "_hasher", Slow)
    answers: list[int] = []
    most = passwords.AT_WORK_MAX + passwords.WAITING_MAX
    people = [Person(store, app=app) for _ in range(most)]
    threads = [
        threading.Thread(target=lambda one=one: answers.append(one.log_in("anna").status_code)) for one in people
    ]
    for thread in threads:
        thread.start()
    assert all(entered.acquire(timeout=20) for _ in range(passwords.AT_WORK_MAX))
    until_s = time.monotonic() + 20
    while passwords._inside._value and time.monotonic() < until_s:
        hold.wait(0.01)
    refused = Person(store, app=app).log_in("anna")
    assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
    assert Person(store, app=app).get("/login").status_code == 200
    assert not entered.acquire(blocking=False), "the others wait"
    hold.set()
    for thread in threads:
        thread.join()
    assert answers == [303] * most


# Forms


def test_a_form_is_of_this_browser(store: Store, anna: Person) -> None:
    mine, other = anna.form_of("/account"), logged_in(store, "dag").form_of("/account")
    fields = {"old": PASSWORD, "new": "another horse", "again": "another horse"}
    for wrong in ({}, {"form": ""}, {"form": other}, {"form": mine[:-1]}, {"form": Person(store).form_of("/login")}):
        answer = anna.client.post("/account", data={**fields, **wrong})
        assert answer.status_code == 403 and said(answer) == ["This form is too old"]
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
    ):
        assert anna.client.post("/account", data={**fields, "form": mine}, headers=headers).status_code == 403
    for odd in ("text/plain", "application/json", "multipart/form-data; boundary=x"):
        assert anna.client.post("/account", content=b"form=x", headers={"content-type": odd}).status_code == 400
    assert anna.client.post("/account", data={"x": "x" * 70_000}).status_code == 400
    assert anna.client.post("/account", data={**fields, "form": mine, "old": "a\0b"}).status_code == 400
    assert not noted(store, "user.password")
    right = {"origin": "http://hymio.example", "sec-fetch-site": "same-origin", "x-hymio-form": mine}
    assert anna.client.post("/account", data=fields, headers=right).status_code == 303


def test_a_form_that_breaks_off_is_nobody_s_fault(store: Store) -> None:
    parts = iter([{"type": "http.request", "body": b"name=a", "more_body": True}, {"type": "http.disconnect"}])
    kind = [(b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": "/login", "query_string": b"", "headers": kind, "scheme": "http"}

    async def receive() -> Any:
        return next(parts)

    async def send(message: Any) -> None:
        pass

    asyncio.run(pages_app(store)(scope, receive, send))


def test_every_post_wants_a_form(store: Store, anna: Person) -> None:
    paths = [route.path for route in anna.app.routes if isinstance(route, Route) and "POST" in (route.methods or ())]
    # A visitor's form reads no cookie, so nobody's rights can be borrowed for it (test_visitor.py, test_invited.py).
    paths = [path for path in paths if not path.startswith(("/f/", "/i/"))]
    assert len(paths) >= 10
    for path in paths:
        answer = anna.client.post(path.replace("{user}", "2"), data={"change": "disabled"})
        assert answer.status_code == 403, path


# Roles and places


def test_a_manager_sees_the_places_of_a_group_and_no_others(store: Store) -> None:
    bo = logged_in(store, "bo@city.example")
    assert bo.get("/").headers["location"] == HOSPITAL
    assert bo.get(HOSPITAL).headers["location"] == f"{HOSPITAL}/wards"
    page = bo.get(f"{HOSPITAL}/ward-3")
    assert page.status_code == 200 and "Night bar" not in page.text and f'href="{HOSPITAL}/wards"' in page.text
    assert bo.get(f"{HOSPITAL}/bar").status_code == 403
    assert bo.get(f"{HOSPITAL}/ward-99").status_code == 404
    assert bo.get(f"{HOSPITAL}.json").json()["organisations"][0]["key"] == "wards"


def test_who_sees_two_parts_of_an_organisation_is_shown_both(store: Store) -> None:
    add(store, "eva", Role.VIEWER, "city-hospital/bar", "wards", "ward-3")
    shown = logged_in(store, "eva").get(f"{HOSPITAL}.json").json()["organisations"]
    assert [one["key"] for one in shown] == ["bar", "wards"]


@pytest.mark.parametrize("name", ["bo@city.example", "cia"])
def test_only_an_admin_manages_accounts(store: Store, name: str) -> None:
    person = logged_in(store, name)
    form = person.form_of("/account")
    for path in ("/users", "/users/1", "/users.json"):
        assert person.get(path).status_code == 403
    for path, fields in {
        "/users": {"name": "evil", "role": "admin", "password": PASSWORD}, "/users/1": {"change": "disabled"},
    }.items():  # fmt: skip
        assert person.client.post(path, data={"form": form, **fields}).status_code == 403
    assert 'href="/users"' not in person.get("/account").text
    assert not noted(store, "user.disable")


def test_whoever_sits_there_is_the_owner_until_there_is_an_account(site_db: str, tmp_path: Path) -> None:
    with opened_copy(site_db, tmp_path / "votes.db") as store:
        app = pages_app(store)
        owner = Person(store, "http://127.0.0.1", app=app, client=("127.0.0.1", 1))
        assert owner.get(HOSPITAL).status_code == 200
        for outside in (
            Person(store, "http://127.0.0.1", app=app),
            Person(store, "http://evil.example", app=app, client=("127.0.0.1", 1)),
            Person(store, "http://127.0.0.1", app=app, client=("127.0.0.1", 1), headers={"x-forwarded-for": "1.2.3.4"}),
            Person(
                store,
                "http://127.0.0.1",
                app=pages_app(store, PageOptions(always_log_in=True)),
                client=("127.0.0.1", 1),
            ),
        ):
            answer = outside.get(HOSPITAL)
            assert answer.status_code == 403 and said(answer) == ["There are no accounts here yet"]
            assert "hymio user add" in answer.text
        refused = owner.post("/users", name="bo", role="viewer", places="", password=PASSWORD)
        assert refused.status_code == 400 and "first account is an admin" in said(refused)[0]
        assert owner.post("/users", name="Anna", role="admin", places="", password=PASSWORD).status_code == 303
        assert owner.get(HOSPITAL).headers["location"].startswith("/login")
        assert owner.log_in("anna").status_code == 303 and owner.get(HOSPITAL).status_code == 200
        ((_, _, details),) = noted(store, "user.add")
        assert details["name"] == "anna" and "password" not in json.dumps(details)


# Managing accounts


def test_an_account_is_made_changed_and_taken_out_of_use(store: Store, anna: Person) -> None:
    made = anna.post("/users", name="Fia@city.example", email="fia@city.example", role="viewer",
                     places="bar\nwards", password=PASSWORD)  # fmt: skip
    assert made.headers["location"] == "/users?done=added"
    assert said(anna.get("/users?done=added")) == ["The account is there. Its owner can log in now."]
    (fia,) = [one for one in anna.get("/users.json").json()["users"] if one["name"] == "fia@city.example"]
    assert fia["places"] == ["city-hospital/bar", "city-hospital/wards"] and fia["last_login_utc"] is None
    person = logged_in(store, "FIA@city.example")
    where = f"/users/{fia['id']}"
    assert anna.post(where, change="role", role="manager", places="bar").headers["location"] == f"{where}?done=role"
    assert person.get(f"{HOSPITAL}/ward-3").status_code == 403
    assert anna.post(where, change="disabled").status_code == 303
    assert person.get("/").status_code == 401 and person.log_in("fia@city.example").status_code == 403
    assert anna.post(where, change="enabled").status_code == 303
    assert person.log_in("fia@city.example").status_code == 303
    actions = ("user.add", "user.role", "user.disable", "user.enable")
    assert [one[:2] for one in noted(store, *actions)][-4:] == [("anna", action) for action in actions]
    assert anna.get(f"{where}.json").json()["account"]["last_login_utc"] is not None


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": "BO@city.example"}, "There is an account bo@city.example already."),
        ({"name": ""}, "A name has 1 to 254 characters in one line."),
        ({"name": "x" * 255}, "A name has 1 to 254 characters in one line."),
        ({"password": "short"}, "A password has 10 to 256 characters, not one over and over, and is not the name."),
        ({"password": "gunnar gunnar", "name": "gunnar gunnar"}, "A password has 10 to 256"),
        ({"password": "aaaaaaaaaaaa"}, "A password has 10 to 256"),
        ({"email": "no address"}, "no address is no e-mail address."),
        ({"places": "ward-99"}, "There is no place or organisation ward-99."),
        ({"places": "other/wards"}, "There is no place or organisation other/wards."),
        ({"role": "admin", "places": "wards"}, "An admin sees everything: name no places."),
    ],
)
def test_an_account_that_is_none(store: Store, anna: Person, fields: dict[str, str], why: str) -> None:
    right = {"name": "gunnar", "email": "", "role": "viewer", "places": "wards", "password": PASSWORD}
    answer = anna.post("/users", **{**right, **fields})
    assert answer.status_code == 400 and said(answer)[0].startswith(why)
    assert PASSWORD not in answer.text
    assert len(anna.get("/users.json").json()["users"]) == 4


def test_the_last_admin_stays(store: Store, anna: Person) -> None:
    for fields in ({"change": "disabled"}, {"change": "role", "role": "viewer", "places": ""}):
        answer = anna.post("/users/1", **fields)
        assert answer.status_code == 400 and said(answer) == ["anna is the last admin: make another one first."]
    assert anna.post("/users/1", change="odd").status_code == 400
    assert anna.get("/users/99").status_code == 404 and anna.get("/users/x").status_code == 404


def test_one_s_own_password(store: Store, anna: Person) -> None:
    other = logged_in(store, "anna")
    for fields, why in (
        (
            {"old": "wrong horse battery", "new": "another horse", "again": "another horse"},
            "The old password is wrong.",
        ),
        ({"old": PASSWORD, "new": "another horse", "again": "another hors"}, "The two new passwords are not the same."),
        ({"old": PASSWORD, "new": "short", "again": "short"}, "A password has 10 to 256 characters, not one over"),
    ):
        answer = anna.post("/account", **fields)
        assert answer.status_code == 400 and said(answer)[0].startswith(why)
    done = anna.post("/account", old=PASSWORD, new=" another horse ", again=" another horse ")
    assert done.headers["location"] == "/account?done=password"
    assert anna.get("/account").status_code == 200 and other.get("/account").status_code == 401
    assert other.log_in("anna", "another horse").status_code == 403
    assert other.log_in("anna", " another horse ").status_code == 303


def test_of_another_organisation_nothing_is_told_on_any_page(tmp_path: Path) -> None:
    world = World(str(tmp_path / "votes.db"), CITY, OTHER)
    world.tell("till-other", Given(NOW_UTC - 60, 4))
    add(world.store, "anna", Role.ADMIN)
    people = {"bo": Role.MANAGER, "cia": Role.VIEWER}
    for name, role in people.items():
        add(world.store, name, role, "city/north")
    named = {"organisation": "other", "place": "x", "terminal": "till-other", "user": "1", "secret": "x"}
    app = pages_app(world.store)
    # What anybody may have says nothing of anybody: files, the log-in, and what has a secret.
    paths = {one.path.replace(":path", "") for one in app.routes if isinstance(one, Route)}
    asked = [path.format(name="hymio.css", code="x", **named) for path in paths if "/places/" in path or "/te" in path]
    asked += ["/lone/till-other", "/lone/till-other/live", "/lone/till-other/presses.json", "/users", "/users/1.json"]
    assert len(asked) > 12
    for name in people:
        person = Person(world.store, app=app)
        person.log_in(name)
        for path in asked:
            answer = person.get(path)
            is_own = path.removesuffix(".json") == "/terminals" and name == "bo"
            assert (answer.status_code == 200) == is_own and answer.status_code < 500, path
            assert "till-other" not in answer.text.replace(path, "").replace("There is no terminal till-other", "")
        assert "Other" not in person.get("/").text + person.get("/index.json").text + person.get("/account").text
    world.store.close()
