"""Alerts on pages: who sees which, taking care of one, making, trying and ending rules; all without a script."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator

import pytest
from accounts_world import Person, add, cheap_hashes, opened_copy, said
from served_world import Given, Teller

from hymio.alerting.grounds import Grounds
from hymio.alerting.rules import RuleKind
from hymio.common.roles import Role
from hymio.store.alerts import NewAlert, alerts_of, mark_told, raise_alert, stored_rules
from hymio.store.channels import ChannelKind, ChannelWish, make_channel
from hymio.store.database import Store
from hymio.store.sites import load_sites


@pytest.fixture(scope="module")
def store(site_db: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with cheap_hashes(), opened_copy(site_db, tmp_path_factory.mktemp("alerts") / "votes.db") as opened:
        with opened.writing() as connection:
            stored = load_sites(connection)[0]
            wish = ChannelWish("On duty", ChannelKind.EMAIL, "anna@example.org", ("alert",), "en", False)
            make_channel(connection, stored.id, None, wish, "test", 1.0)
        add(opened, "boss", Role.ADMIN)
        add(opened, "ward", Role.MANAGER, "ward-3")
        add(opened, "bar", Role.MANAGER, "bar")
        add(opened, "guest", Role.VIEWER, "ward-3")
        yield opened


@pytest.fixture(scope="module")
def people(store: Store) -> dict[str, Person]:
    found = {name: Person(store) for name in ("boss", "ward", "bar", "guest")}
    for name, person in found.items():
        assert person.log_in(name).status_code == 303
    return found


RULE = {"kind": "unhappy-count", "place": "", "name": "Five in the ward", "count": "5", "window_s": "1,5"}


def ward(person: Person) -> str:
    """How the form calls that place."""
    values = re.findall(r'<option value="([^"]*/ward-3)"', person.get("/alerts/rules?kind=stuck").text)
    return str(values[0])


def made(person: Person, **more: str) -> str:
    fields = {**RULE, "place": ward(person), "change": "add", **more}
    answer = person.post("/alerts/rules", on="/alerts/rules?kind=stuck", **fields)
    assert answer.status_code == 303, said(answer)
    return str(answer.headers["location"]).partition("?")[0]


def raised(store: Store, rule_id: int, cause: str) -> int:
    evidence = {"from_utc": 1.79e9, "to_utc": 1.79e9 + 600, "votes": 9, "unhappy": 6, "limit": 5}
    with store.writing() as connection:
        rule = next(one for one in stored_rules(connection) if one.id == rule_id)
        raise_alert(connection, NewAlert(rule_id, rule.node_id, None, cause, evidence, time.time()))
        number = alerts_of(connection, [rule_id], None, 1)[0].id
        mark_told(connection, [number], time.time())
        return number


def test_from_a_rule_to_somebody_who_takes_care(store: Store, people: dict[str, Person]) -> None:
    ward_manager, bar_manager = people["ward"], people["bar"]
    address = made(ward_manager)
    values = ward_manager.get(f"{address}.json").json()["rule"]
    assert values["condition"] == {"window_s": 5400, "count": 5, "least": 5} and values["created_by"] == "ward"
    number = raised(store, values["id"], "first")
    page = ward_manager.get("/alerts")
    assert page.status_code == 200 and "6 of 9 answers were unhappy" in page.text
    assert re.search(r'class="badge">1<', ward_manager.get("/account").text)
    twin = ward_manager.get("/alerts.json").json()
    assert [one["id"] for one in twin["open"]] == [number] and twin["acknowledged"] == twin["closed"] == []
    where = f"/alerts/{number}"
    refused = ward_manager.post(where, name="", comment="x")
    assert refused.status_code == 400 and said(refused) == ["A name has 1 to 80 characters in one line."]
    done = ward_manager.post(where, name="Anna <b>", comment="A second till is open")
    assert done.status_code == 303
    shown = ward_manager.get(done.headers["location"])
    assert said(shown) == ["It is noted that you take care of it."] and "Anna &lt;b&gt; takes care of it" in shown.text
    assert "A second till is open" in shown.text and '<form method="post" action="/alerts/' not in shown.text
    assert 'class="badge"' not in ward_manager.get("/account").text
    assert bar_manager.get(where).status_code == 404 and bar_manager.get(address).status_code == 404
    assert bar_manager.get("/alerts.json").json()["acknowledged"] == []
    assert [one["id"] for one in people["boss"].get("/alerts.json").json()["acknowledged"]] == [number]
    ended = ward_manager.post(address, change="remove")
    assert said(ward_manager.get(ended.headers["location"])) == ["The rule raises nothing any more."]
    assert [one["id"] for one in ward_manager.get("/alerts.json").json()["closed"]] == [number]


def test_what_others_see_is_in_nobodys_way(
    store: Store, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list ends after so many that its reader sees, however many newer ones there are of other places."""
    monkeypatch.setattr("hymio.pages.views.alerts.SHOWN", 2)
    monkeypatch.setattr("hymio.store.alerts._AT_A_TIME", 2)
    address = made(people["ward"], name="Ours")
    mine = people["ward"].get(f"{address}.json").json()["rule"]["id"]
    whole = {**RULE, "place": ward(people["ward"]).partition("/")[0], "change": "add"}
    made_by_boss = people["boss"].post("/alerts/rules", on="/alerts/rules?kind=stuck", **whole)
    theirs = int(made_by_boss.headers["location"].partition("?")[0].rpartition("/")[2])
    ours = [raised(store, mine, f"ours {number}") for number in range(2)]
    for number in range(5):
        raised(store, theirs, f"theirs {number}")
    found = people["ward"].get("/alerts.json").json()
    assert [one["id"] for one in found["open"]] == ours[::-1]
    assert re.search(r'class="badge">2<', people["ward"].get("/account").text)
    for path in (address, f"/alerts/rules/{theirs}"):
        people["boss"].post(path, change="remove")


def test_who_may_what(store: Store, people: dict[str, Person]) -> None:
    for path in ("/alerts", "/alerts/rules", "/alerts/1", "/alerts/rules/1"):
        assert people["guest"].get(path).status_code == 403
        assert Person(store).get(path).status_code == 303
    assert "/alerts" not in people["guest"].get("/account").text
    for path in ("/alerts/99", "/alerts/none", "/alerts/rules/99", "/alerts/rules/-1"):
        assert people["boss"].get(path).status_code == 404
    mine = {**RULE, "place": ward(people["ward"]), "change": "add"}
    assert people["bar"].post("/alerts/rules", on="/alerts/rules?kind=stuck", **mine).status_code == 403
    whole = {**mine, "place": mine["place"].partition("/")[0]}
    assert people["bar"].post("/alerts/rules", on="/alerts/rules?kind=stuck", **whole).status_code == 403
    others = {**mine, "channel": "1"}
    assert people["ward"].post("/alerts/rules", on="/alerts/rules?kind=stuck", **others).status_code == 400
    assert people["boss"].post("/alerts/rules", on="/alerts/rules?kind=stuck", **others).status_code == 303


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"count": "4"}, "count: expected 5 at least, came 4."),
        ({"count": "many"}, "Unhappy answers: many is no number."),
        ({"window_s": "0"}, "window_s: expected a number from"),
        ({"quiet": "at night"}, "Quiet hours: expected"),
        ({"escalate_after": "30"}, "To escalate takes a time of a minute at least, and a channel."),
    ],
)
def test_what_cannot_be_is_said_and_typed_values_stay(
    people: dict[str, Person], more: dict[str, str], words: str
) -> None:
    fields = {**RULE, "place": ward(people["boss"]), "change": "add", **more}
    answer = people["boss"].post("/alerts/rules", on="/alerts/rules?kind=stuck", **fields)
    assert answer.status_code == 400 and words in said(answer)[0]
    assert ('value="Five in the ward"' in answer.text and 'value="1,5"' in answer.text) or "window_s" in more


def test_every_kind_has_its_form_in_every_language(people: dict[str, Person]) -> None:
    for kind in RuleKind:
        assert people["boss"].get(f"/alerts/rules?kind={kind}").status_code == 200
    for code in ("fi", "sv"):
        page = people["boss"].get(f"/alerts/rules?kind=negative&lang={code}")
        assert page.headers["content-language"] == code and "Another rule" not in page.text
    people["boss"].get("/alerts?lang=en")
    assert people["boss"].get("/alerts/rules?kind=other").status_code == 400


def test_a_rule_is_tried_before_it_is_made(store: Store, people: dict[str, Person]) -> None:
    """With a picture, in words and in numbers; nothing is made."""
    with store.reading() as connection:
        [device_id] = [one for one in Grounds(connection).standing(time.time()) if one == "till-1"]
    chance, now = random.Random(1), time.time()
    told = Teller(store, device_id, now - 50 * 86_400.0)
    for day in range(40):
        shares = (0.9, 0.1, 0.0, 0.0) if day in (30, 31, 32) else (0.05, 0.1, 0.3, 0.55)
        begin = now - (45 - day) * 86_400.0
        moments = sorted(begin + chance.random() * 86_400.0 for _ in range(60))
        told.tell([Given(utc, chance.choices((1, 2, 3, 4), shares)[0]) for utc in moments], now)
    fields = {
        "kind": "negative",
        "place": ward(people["ward"]),
        "change": "try",
        "share": "40",
        "window_s": "12",
        "least": "5",
    }
    before = len(people["ward"].get("/alerts/rules.json").json()["rules"])
    answer = people["ward"].post("/alerts/rules", on="/alerts/rules?kind=stuck", **fields)
    assert answer.status_code == 200 and "<polyline" in answer.text and 'class="mark"' in answer.text
    assert re.search(r"\d+ alerts? in \d+ days with \S+ answers", answer.text)
    assert "With the same answers in any order: " in answer.text
    assert len(people["ward"].get("/alerts/rules.json").json()["rules"]) == before
    shown = people["ward"].get(made(people["ward"]) + "?trial=1")
    assert shown.status_code == 200 and "<polyline" in shown.text
