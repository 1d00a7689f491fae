"""What visitors say is kept once, whole, in order of arrival; people are known without reading their addresses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served_world import CITY, World, at
from sqlalchemy import insert, select

from hymio.store import schema
from hymio.store.arrival_order import newest_arrival
from hymio.store.consents import add_consent
from hymio.store.persons import known_person, normal_address, person_of
from hymio.store.visitor_answers import Contact, SurveyAnswer, VisitorForm, mark_form, take_form

FORM = UUID("5f0c1f9e-0000-4000-8000-000000000001")
NOW = at("2026-03-31T10:00")


@pytest.fixture
def world(empty_db: Callable[[str], str]) -> Iterator[World]:
    made = World(empty_db("visitors"), CITY)
    yield made
    made.store.close()


def form(world: World, **more: object) -> VisitorForm:
    ids = world.ids()
    answers = (SurveyAnswer(ids["service"], face=1, options=(2, 1)), SurveyAnswer(ids["phone"], score=3))
    values: dict[str, object] = {"answers": answers, "answered_utc": NOW, "received_utc": NOW, "via": "qr"}
    return VisitorForm(FORM, ids["n-two"], **values | more)  # type: ignore[arg-type]


def test_a_form_counts_once(world: World) -> None:
    ids = world.ids()
    with world.store.writing() as connection:
        before = newest_arrival(connection)
        consent = {"organisation_id": ids["city"], "version": 1, "texts": '{"en": "Yes"}', "from_utc": 1.0}
        made = insert(schema.consents).values(consent).returning(schema.consents.c.id)
        contact = Contact("Eva@Shop.Example", connection.execute(made).scalar_one(), "Eva")
        assert take_form(connection, form(world, text="Too slow", contact=contact, locale="fi"))
    with world.store.writing() as connection:
        assert not take_form(connection, form(world, text="Another text", contact=contact))
    with world.store.reading() as connection:
        rows = connection.execute(select(schema.answers).order_by(schema.answers.c.score.is_not(None))).all()
        kept = connection.execute(select(schema.contacts)).one()
        assert kept.person == known_person(connection, " eva@shop.EXAMPLE ")
    assert [(row.face, row.score, row.options, row.text) for row in rows] == [
        (1, None, "[1, 2]", "Too slow"), (None, 3, None, None),
    ]  # fmt: skip
    assert rows[0].answer_id == kept.answer_id == str(FORM) != rows[1].answer_id
    assert {(row.arrival, row.verdict, row.locale) for row in rows} == {(before + 1, "counted", "fi")}
    assert (kept.name, kept.address) == ("Eva", "Eva@Shop.Example")


def test_many_at_once_with_one_form_are_one(world: World) -> None:
    """A phone that hears nothing sends again while the first is still at work."""
    whole, taken = form(world), []

    def send() -> None:
        with world.store.writing() as connection:
            taken.append(take_form(connection, whole))

    senders = [threading.Thread(target=send) for _ in range(6)]
    for one in senders:
        one.start()
    for one in senders:
        one.join(60)
    with world.store.reading() as connection:
        assert sorted(taken) == [False] * 5 + [True] and len(connection.execute(select(schema.answers)).all()) == 2


def test_what_was_taken_for_spam_opens_its_case_once_it_counts(world: World) -> None:
    with world.store.writing() as connection:
        consent = add_consent(connection, world.ids()["city"], {"en": "Yes"}, 1.0)
        contact = Contact("eva@shop.example", consent.id)
        take_form(connection, form(world, reason="links", contact=contact))
        assert connection.execute(select(schema.cases)).first() is None
        for is_spam, is_changed in ((False, True), (False, False), (True, True), (False, True)):
            assert mark_form(connection, str(FORM), is_spam, NOW) is is_changed
        (case,) = connection.execute(select(schema.cases)).all()
    assert (case.answer_id, case.kind) == (str(FORM), "unhappy")


def test_spam_is_kept_and_says_why(world: World) -> None:
    with world.store.writing() as connection:
        assert take_form(connection, form(world, reason="too fast", text="http://a http://b"))
    with world.store.reading() as connection:
        verdicts = connection.execute(select(schema.answers.c.verdict, schema.answers.c.reason)).all()
    assert {tuple(row) for row in verdicts} == {("spam", "too fast")}


def test_nothing_is_half_stored(world: World) -> None:
    with pytest.raises(ValueError), world.store.writing() as connection:
        take_form(connection, form(world, contact=Contact("nobody", 1)))
    with world.store.reading() as connection:
        assert connection.execute(select(schema.answers)).first() is None and newest_arrival(connection) == 0


def test_each_database_calls_people_otherwise(world: World, new_db: Callable[[str, str], str]) -> None:
    other = World(new_db("sqlite", "other"), CITY)
    with other.store.reading() as connection:
        assert known_person(connection, "eva@x.example") is None, "nobody is known yet"
    with other.store.writing() as there, world.store.writing() as here:
        assert person_of(there, "eva@x.example", NOW) != person_of(here, "eva@x.example", NOW)
        assert person_of(here, "EVA@X.example", 1.0) == person_of(here, "eva@x.example", NOW)
    other.store.close()


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("Eva.Exa@Mail.Example", "eva.exa@mail.example"),
        (" eva@mail.example\n", "eva@mail.example"),
        ("eva@bücher.example", "eva@xn--bcher-kva.example"),
        ("+358 40 123-4567", "+358401234567"),
        ("00358 (40) 1234567", "+358401234567"),
        ("040 123 4567", "0401234567"),
    ],
)
def test_an_address_as_people_type_it(typed: str, normal: str) -> None:
    assert normal_address(typed) == normal


@pytest.mark.parametrize(
    "typed", ["", "eva", "eva@", "@x.example", "a@b@c.example", "e va@x.example", "eva@localhost", "eva@x..example",
              "12", "+1 2 3 4", "1" * 16, "a" * 250 + "@x.example", "e\x00va@x.example", "eva@x.ex\u200bample"],
)  # fmt: skip
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ValueError):
        normal_address(typed)


@given(st.text(max_size=300))
def test_what_is_normal_stays_so(typed: str) -> None:
    try:
        normal = normal_address(typed)
    except ValueError:
        return
    assert normal_address(normal) == normal
