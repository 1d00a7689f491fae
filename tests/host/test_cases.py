"""Cases: an unhappy answer with a contact is looked after, by people and by a CRM, and nobody overwrites another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hook_receiver import receiving
from hymio_process import hymio_here
from hypothesis import given, settings
from hypothesis import strategies as st
from schema_check import check
from served_world import CITY, NOW_UTC, World, served
from sqlalchemy import insert, select

from hymio.common.roles import Role
from hymio.office.deliver import Ways, send_due
from hymio.store import schema
from hymio.store.care_cases import (
    DUE_S,
    Case,
    CaseChange,
    CaseError,
    CaseKind,
    CaseQuery,
    NewCase,
    case_of_number,
    cases_of,
    change_case,
    notes_of,
    open_case,
    tell_overdue,
)
from hymio.store.channels import ChannelKind, ChannelWish, channel_of_id, make_channel
from hymio.store.deliveries import KEPT_S, deliveries_of, forget_old
from hymio.store.persons import person_of
from hymio.store.privacy import erase
from hymio.store.users import NewUser, Root, add_user
from hymio.store.visitor_answers import Contact, SurveyAnswer, VisitorForm, take_form


@pytest.fixture
def world(empty_db: Callable[[str], str]) -> Iterator[World]:
    made = World(empty_db("cases"), CITY)
    with made.store.writing() as connection:
        row = {"organisation_id": made.ids()["city"], "version": 1, "texts": "{}", "from_utc": 1.0}
        connection.execute(insert(schema.consents), [row])
    yield made
    made.store.close()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    made = World(str(tmp_path / "votes.db"), CITY)
    with made.store.writing() as connection:
        row = {"organisation_id": made.ids()["city"], "version": 1, "texts": "{}", "from_utc": 1.0}
        connection.execute(insert(schema.consents), [row])
    yield made
    made.store.close()


ANNA = Contact("anna@example.org", 1, "Anna A.")


def say(
    world: World,
    survey: str = "phone",
    face: int | None = None,
    score: int | None = None,
    place: str = "n-two",
    contact: Contact | None = ANNA,
    **more: Any,
) -> UUID:
    ids, form_id = world.ids(), uuid4()
    answer = SurveyAnswer(ids[survey], face, score)
    form = VisitorForm(form_id, ids[place], [answer], NOW_UTC, NOW_UTC, "qr", contact=contact, **more)
    for _ in range(2):  # the same form twice counts once
        with world.store.writing() as connection:
            take_form(connection, form)
    return form_id


def all_cases(world: World) -> list[Case]:
    ids = world.ids()
    with world.store.reading() as connection:
        return cases_of(connection, CaseQuery(set(ids.values()), NOW_UTC))


def manager(world: World, name: str, place: str | None, role: Role = Role.MANAGER) -> int:
    ids = world.ids()
    with world.store.writing() as connection:
        return add_user(connection, NewUser(name, role, [Root(ids["city"], place and ids[place])]), 1.0)  # type: ignore[arg-type]


def opened(world: World, **more: Any) -> Case:
    ids = world.ids()
    with world.store.writing() as connection:
        return open_case(connection, NewCase(ids["city"], ids["n-two"], CaseKind.UNHAPPY, **more), None, NOW_UTC)[0]


# When one is opened


@pytest.mark.parametrize(
    ("survey", "face", "score", "kind"),
    [
        ("phone", None, 0, "unhappy"), ("phone", None, 6, "unhappy"), ("phone", None, 7, None),
        ("phone", None, 8, None), ("phone", None, 9, "promoter"), ("phone", None, 10, "promoter"),
        ("service", 1, None, "unhappy"), ("service", 2, None, "unhappy"), ("service", 3, None, None),
        ("service", 4, None, "promoter"),
    ],
)  # fmt: skip
def test_which_answers_open_a_case(
    city: World, survey: str, face: int | None, score: int | None, kind: str | None
) -> None:
    say(city, survey, face, score)
    assert [one.kind for one in all_cases(city)] == ([] if kind is None else [kind])


def test_who_is_not_called(city: World) -> None:
    say(city, score=0, contact=None)
    say(city, score=0, reason="too fast")
    say(city, "pulse", face=1, place="n-one")  # staff is asked without being known
    assert all_cases(city) == []


def test_one_that_is_unhappy_anywhere_is_called(city: World) -> None:
    ids, form_id = city.ids(), uuid4()
    answers = [SurveyAnswer(ids["phone"], score=10), SurveyAnswer(ids["service"], face=1)]
    with city.store.writing() as connection:
        take_form(connection, VisitorForm(form_id, ids["n-two"], answers, NOW_UTC, NOW_UTC, "qr", contact=ANNA))
    [case] = all_cases(city)
    assert (case.kind, case.answer_id) == ("unhappy", str(form_id)), "the contact is with the first answer"


def test_it_is_there_with_the_answer_or_not_at_all(world: World) -> None:
    ids = world.ids()
    form = VisitorForm(
        uuid4(), ids["n-two"], [SurveyAnswer(ids["phone"], score=1)], NOW_UTC, NOW_UTC, "qr", contact=ANNA
    )
    with pytest.raises(RuntimeError), world.store.writing() as connection:
        assert take_form(connection, form)
        raise RuntimeError("killed before the commit")
    assert all_cases(world) == []
    with world.store.writing() as connection:
        take_form(connection, form)
    [case] = all_cases(world)
    assert (case.due_utc, case.owner_id, case.version) == (NOW_UTC + DUE_S, None, 1)


def test_the_manager_nearest_to_it_with_the_least_to_do_looks_after_it(city: World) -> None:
    manager(city, "boss", None)
    manager(city, "reader", "north", Role.VIEWER)
    say(city, score=1)
    north = [manager(city, "nora", "north"), manager(city, "nils", "north")]
    for _ in range(3):
        say(city, score=1)
    say(city, "service", face=1, place="s-one")
    owners = [one.owner_id for one in reversed(all_cases(city))]
    assert owners == [1, north[0], north[1], north[0], 1]


# Changing


def test_nobody_overwrites_another(world: World) -> None:
    case = opened(world)
    with world.store.writing() as connection:
        changed = change_case(connection, case, CaseChange(note="Rang, nobody there."), 1, "anna", NOW_UTC)
    assert changed.version == 2
    with pytest.raises(CaseError, match="meanwhile") as caught, world.store.writing() as connection:
        change_case(connection, case, CaseChange(outcome="Sorted out."), 1, "bert", NOW_UTC)
    assert caught.value.is_conflict
    with world.store.writing() as connection:
        change_case(connection, changed, CaseChange(outcome="Sorted out."), 2, "bert", NOW_UTC + 5)
        done = case_of_number(connection, case.id)
        assert done is not None and (done.closed_utc, done.closed_by) == (NOW_UTC + 5, "bert")
        with pytest.raises(CaseError, match="closed"):
            change_case(connection, done, CaseChange(due_utc=NOW_UTC), 3, "anna", NOW_UTC)
        again = change_case(connection, done, CaseChange(reopens=True), 3, "anna", NOW_UTC)
        assert (again.closed_utc, again.outcome) == (None, None)
        assert [one.action for one in notes_of(connection, again)] == ["opened", "noted", "closed", "reopened"]


CHANGES = st.sampled_from(
    [
        CaseChange(note="a"),
        CaseChange(outcome="b"),
        CaseChange(reopens=True),
        CaseChange(due_utc=NOW_UTC + 9),
        CaseChange(),
    ]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(CHANGES, st.integers(0, 2)), max_size=10))
def test_whatever_is_tried_each_step_is_told(steps: list[tuple[CaseChange, int]]) -> None:
    world = test_whatever_is_tried_each_step_is_told.world  # type: ignore[attr-defined]
    case, done = opened(world), 0
    for change, behind in steps:
        try:
            with world.store.writing() as connection:
                now = case_of_number(connection, case.id)
                assert now is not None
                case = change_case(connection, now, change, now.version - behind, "anna", NOW_UTC)
                assert behind == 0
                done += 1
        except CaseError:
            pass
    with world.store.reading() as connection:
        found = case_of_number(connection, case.id)
        assert found == case and case.version == 1 + done
        assert len(notes_of(connection, case)) == 1 + done
        assert (found.closed_utc is None) == (found.outcome is None) == (found.closed_by is None)


@pytest.fixture(autouse=True, scope="module")
def _one_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    made = World(str(tmp_path_factory.mktemp("steps") / "votes.db"), CITY)
    test_whatever_is_tried_each_step_is_told.world = made  # type: ignore[attr-defined]
    yield
    made.store.close()


# Telling


def listener(
    world: World, place: str | None = None, target: str = "https://crm.example/in", events: Sequence[str] = ("case",)
) -> int:
    ids = world.ids()
    wish = ChannelWish(f"CRM {time.monotonic_ns()}", ChannelKind.WEBHOOK, target, events, "fi", True)
    with world.store.writing() as connection:
        return make_channel(connection, ids["city"], place and ids[place], wish, "test", 1.0).id  # type: ignore[arg-type]


def test_what_is_late_is_told_once_for_each_time_limit(world: World) -> None:
    north, south = listener(world, "north"), listener(world, "south")
    say(world, score=0)
    [case] = all_cases(world)

    def told() -> list[str]:
        with world.store.writing() as connection:
            return [one.event for one in deliveries_of(connection, [north], False, 99)]

    def round_at(now: float) -> int:
        with world.store.writing() as connection:
            return tell_overdue(connection, now)

    assert round_at(case.due_utc - 1) == 0 and told() == ["case.opened"]
    assert (round_at(case.due_utc), round_at(case.due_utc + 9)) == (1, 0)
    with world.store.writing() as connection:
        change_case(connection, case, CaseChange(due_utc=case.due_utc + 100), 1, "anna", case.due_utc + 10)
    assert (round_at(case.due_utc + 99), round_at(case.due_utc + 100), round_at(case.due_utc + 1e6)) == (0, 1, 0)
    assert told() == ["case.overdue", "case.overdue", "case.opened"]
    with world.store.reading() as connection:
        assert list(deliveries_of(connection, [south], False, 9)) == []


def test_no_message_says_who_it_is(city: World) -> None:
    channel = listener(city)
    say(city, score=0, text="I am Anna A., phone me", external={"customer": "C-7"})
    [case] = all_cases(city)
    with city.store.writing() as connection:
        change_case(connection, case, CaseChange(outcome="Rang anna@example.org."), 1, "bert", NOW_UTC)
        told = list(deliveries_of(connection, [channel], False, 9))
    assert [one.event for one in told] == ["case.closed", "case.opened"]
    assert all("nna" not in str(one.payload) for one in told)
    payload = told[1].payload
    assert payload["title"] == "Tyytymätön kävijä toivoo, että hänelle soitetaan"
    assert payload["case"]["known_as"] == {"customer": "C-7"} and payload["case"]["place"] == "n-two"


def test_every_answer_of_a_customer_is_told_to_who_wants_it(city: World) -> None:
    channel = listener(city, events=("answer",))
    form_id = say(city, score=8, contact=None, text="My name is Anna")
    say(city, score=0, contact=None, reason="too fast")
    say(city, "pulse", face=1, place="n-one", contact=None)
    with city.store.reading() as connection:
        [told] = deliveries_of(connection, [channel], False, 9)
    said = {
        "id": str(form_id),
        "place": "n-two",
        "said": [{"survey": "phone", "face": None, "score": 8}],
        "known_as": None,
    }
    assert (told.event, told.payload["answer"]) == ("answer.given", said) and "Anna" not in str(told.payload)


def test_who_is_erased_is_in_no_message_any_more(world: World) -> None:
    channel = listener(world, events=("answer", "case"))
    say(world, score=0, external={"customer": "C-7"})
    [case] = all_cases(world)
    with world.store.writing() as connection:
        change_case(connection, case, CaseChange(outcome="Rang."), 1, "bert", NOW_UTC)
        [waiting] = [one for one in deliveries_of(connection, [channel], False, 9) if one.event == "answer.given"]
        person = person_of(connection, ANNA.address, NOW_UTC)
        erase(connection, world.ids()["city"], person, "anna", NOW_UTC + 1)
        told = list(deliveries_of(connection, [channel], False, 9))
        assert {one.event for one in told} == {"answer.given", "case.opened", "case.closed"} and waiting.due_utc
        assert all(one.payload == {"title": "", "text": ""} and one.due_utc is None for one in told)
        assert forget_old(connection, NOW_UTC + KEPT_S) == 0 and forget_old(connection, NOW_UTC + KEPT_S + 2) == 3


# A CRM


def token_of(world: World, place: str | None = None, cases: bool = True) -> str:
    return world.token(place, cases=cases)


def asks(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_crm_hears_of_a_case_and_closes_it(city: World) -> None:
    with receiving() as crm, served(city) as client:
        channel = listener(city, target=f"{crm.url}/hooks")
        with city.store.reading() as connection:
            found = channel_of_id(connection, channel)
        crm.secret = found.secret or "" if found else ""
        say(city, score=2, text="The soup was cold.", external={"customer": "C-7"})
        assert [one.trouble for one in send_due(city.store, Ways())] == [None]
        [(uid, body)] = crm.taken
        assert uid and body["type"] == "case.opened"
        case_id, headers = body["data"]["case"]["id"], asks(token_of(city))
        # It asks who that is, takes the case on, and says what was done.
        case = client.get(f"/api/v1/cases/{case_id}", headers=headers).json()
        assert case["contact"] == {"name": "Anna A.", "address": "anna@example.org"}
        assert [(one["score"], one["text"]) for one in case["said"]] == [(2, "The soup was cold.")]
        wish = {"version": case["version"], "external": "CRM-19", "note": "Ring at noon."}
        case = client.patch(f"/api/v1/cases/{case_id}", headers=headers, json=wish).json()
        wish = {"version": case["version"], "outcome": "Rang her; a new soup is on the house."}
        closed = client.patch(f"/api/v1/cases/{case_id}", headers=headers, json=wish)
        assert closed.status_code == 200 and closed.json()["state"] == "closed"
        assert client.patch(f"/api/v1/cases/{case_id}", headers=headers, json=wish).status_code == 409
        assert client.get("/api/v1/cases", headers=headers).json()["cases"] == []
        list(send_due(city.store, Ways()))
        assert [body["type"] for _uid, body in crm.taken] == ["case.opened", "case.closed"]
        with city.store.reading() as connection:
            audited = list(connection.execute(select(schema.audit.c.action)).scalars())
        assert audited.count("case.read") == 1 and audited.count("case.change") == 2


def test_the_same_external_id_is_one_case(city: World) -> None:
    nora = manager(city, "nora", "north")
    assert nora
    with served(city) as client:
        headers = asks(token_of(city, "north"))
        wish = {"external": "CRM-7", "place": "n-two", "note": "They rang us.", "owner": "nora"}
        first = client.post("/api/v1/cases", headers=headers, json=wish)
        again = client.post("/api/v1/cases", headers=headers, json=wish)
        assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
        assert first.json()["owner"] == "nora" and [one["action"] for one in first.json()["steps"]] == [
            "opened",
            "noted",
        ]
        found = client.get("/api/v1/cases?external=CRM-7&state=all", headers=headers).json()["cases"]
        assert [one["id"] for one in found] == [first.json()["id"]]
        pages = [client.post("/api/v1/cases", headers=headers, json={**wish, "external": f"X{n}"}) for n in range(3)]
        assert {one.status_code for one in pages} == {201}
        page = client.get("/api/v1/cases?limit=2", headers=headers).json()
        rest = client.get(f"/api/v1/cases?limit=2&before={page['next']}", headers=headers).json()
        assert [one["number"] for one in page["cases"] + rest["cases"]] == [4, 3, 2, 1] and rest["next"] is None


def test_only_a_token_that_was_made_for_it_opens_cases_of_its_places(city: World) -> None:
    case = opened(city)
    path, wish = f"/api/v1/cases/{case.uid}", {"external": "A", "place": "n-two"}
    with served(city) as client, served(city, "127.0.0.1") as here:
        for given in (asks(token_of(city, cases=False)), None):
            asking = client if given else here
            for answer in (asking.get("/api/v1/cases", headers=given), asking.get(path, headers=given)):
                assert answer.status_code == 403 and "hymio token create --cases" in answer.text
            assert asking.post("/api/v1/cases", headers=given, json=wish).status_code == 403
        south = asks(token_of(city, "south"))
        assert client.get("/api/v1/cases?state=all", headers=south).json()["cases"] == []
        assert client.get(path, headers=south).status_code == 404
        assert client.patch(path, headers=south, json={"version": 1, "note": "x"}).status_code == 404
        assert client.post("/api/v1/cases", headers=south, json=wish).status_code == 403
        # What the whole organisation calls so is not told to a part of it.
        assert client.post("/api/v1/cases", headers=asks(token_of(city)), json=wish).status_code == 201
        assert client.post("/api/v1/cases", headers=south, json={**wish, "place": "s-one"}).status_code == 409


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({}, 400), ({"version": 1}, 400), ({"version": 1, "note": ""}, 400), ({"version": 1, "note": "a\x00"}, 400),
        ({"version": 1, "owner": "nobody"}, 400), ({"version": 1, "due_utc": -1}, 400),
        ({"version": 1, "due_utc": 1e300}, 400), ({"version": 1, "reopen": True}, 409),
        ({"version": 1, "colour": "red"}, 400), ({"version": 2, "note": "x"}, 409), ({"version": "one"}, 400),
        ({"version": 1, "outcome": "   "}, 400), ({"version": 1, "owner": ""}, 400),
    ],
)  # fmt: skip
def test_a_change_that_is_none(city: World, wish: dict[str, Any], status: int) -> None:
    case = opened(city)
    with served(city) as client:
        answer = client.patch(f"/api/v1/cases/{case.uid}", headers=asks(token_of(city)), json=wish)
        assert answer.status_code == status, answer.text
    assert all_cases(city) == [case]


def test_by_command(city: World) -> None:
    say(city, score=1)
    run = ("--db", city.db)
    listed = check("case-list", hymio_here("case", "list", *run, "--json").stdout)
    assert [(one["place"], one["kind"]) for one in listed["cases"]] == [("n-two", "unhappy")]
    assert "anna" not in hymio_here("case", "list", *run).stdout
    closed = hymio_here("case", "close", *run, "1", "--outcome", "Rang her.", "--json")
    assert check("case", closed.stdout)["outcome"] == "Rang her."
    assert hymio_here("case", "close", *run, "1", "--outcome", "Again.").returncode == 2
    assert check("case-list", hymio_here("case", "list", *run, "--json").stdout)["cases"] == []
