"""What is kept of people: one person's shown and erased, old data taken away; what was counted stays counted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hymio_process import hymio_here
from schema_check import check
from served_world import CITY, OTHER, World, at
from sqlalchemy import Select, Table, delete, insert, select

from hymio.office.privacy import PrivacyRounds, sweep_all
from hymio.store import schema
from hymio.store.channels import ChannelKind, ChannelWish, make_channel
from hymio.store.consents import add_consent
from hymio.store.deliveries import queue
from hymio.store.persons import person_of
from hymio.store.privacy import DataKind, data_of, erase, keep_days, kept_days, sweep
from hymio.store.visitor_answers import Contact, SurveyAnswer, VisitorForm, take_form

NOW = at("2026-03-31T10:00")
DAY = 86_400.0
EVA, ANNA = "eva@mail.example", "anna@mail.example"
SECRETS = ("Secret complaint", EVA, "Eva Secret", "crm-7", "phoned her sister", "gave her flowers")
TABLES = (
    schema.answers, schema.contacts, schema.cases, schema.case_notes, schema.invitations, schema.unsubscribed,
    schema.audit,
)  # fmt: skip


def in_order(table: Table) -> Select[Any]:
    return select(table).order_by(*table.primary_key)


class People(World):
    """Two people: one who left an address, was invited and called, and another one."""

    def __init__(self, db: str) -> None:
        super().__init__(db, CITY, OTHER)
        ids, other = self.ids(), self.ids("other")
        with self.store.writing() as connection:
            self.consent = add_consent(connection, ids["city"], {"en": "Yes"}, 1.0).id
            there = add_consent(connection, other["other"], {"en": "Yes"}, 1.0).id
            self.eva, self.anna = (person_of(connection, one, 1.0) for one in (EVA, ANNA))
            form = VisitorForm(
                UUID(int=1), ids["n-two"], (SurveyAnswer(ids["service"], face=1), SurveyAnswer(ids["phone"], score=2)),
                NOW, NOW, "email", "en", "Secret complaint", Contact(EVA, self.consent, "Eva Secret"),
                {"crm": "crm-7"}, self.eva,
            )  # fmt: skip
            take_form(connection, form)
            annas = replace(
                form, id=UUID(int=2), text="Lovely", contact=Contact(ANNA, self.consent), person=None, external=None
            )
            take_form(connection, annas)
            elsewhere = SurveyAnswer(other["s"], face=4)
            take_form(
                connection,
                replace(
                    form,
                    id=UUID(int=3),
                    node_id=other["x"],
                    answers=(elsewhere,),
                    contact=Contact(EVA, there),
                    text="Fine",
                ),
            )
            for table in (schema.case_notes, schema.cases):  # here they say more than at their beginning
                connection.execute(delete(table))
            for number in (1, 2):
                case = {
                    "id": number, "uid": f"case-{number}", "organisation_id": ids["city"], "node_id": ids["n-two"],
                    "answer_id": str(UUID(int=number)), "kind": "unhappy", "external": f"crm-{6 + number}",
                    "opened_utc": NOW, "due_utc": NOW + DAY, "outcome": "gave her flowers",
                    "closed_utc": NOW + 3600 if number == 2 else None,
                }  # fmt: skip
                connection.execute(insert(schema.cases).values(case))
                note = {"case_id": number, "at_utc": NOW, "who": "bob", "action": "noted", "text": "phoned her sister"}
                connection.execute(insert(schema.case_notes).values(note))
            batch = {"batch": "b", "organisation_id": ids["city"], "url": "u", "created_by": "x", "created_utc": NOW}
            connection.execute(insert(schema.invitation_batches).values(batch))
            for number, (address, person) in enumerate(((EVA, self.eva), (ANNA, self.anna))):
                invited = {
                    "uid": f"invitation-{number}", "digest": f"digest-{number}", "survey_id": ids["service"],
                    "node_id": ids["n-two"], "batch": "b", "person": person, "address": address, "name": "Eva Secret",
                    "locale": "en", "via": "email", "external": '{"crm": "crm-7"}', "created_utc": NOW,
                    "expires_utc": NOW + 9 * DAY, "due_utc": NOW + DAY,
                }  # fmt: skip
                known = {name: value for name, value in invited.items() if name in schema.invitations.c}
                connection.execute(insert(schema.invitations).values(known))
            gone = {"organisation_id": ids["city"], "person": self.eva, "at_utc": NOW}
            connection.execute(insert(schema.unsubscribed).values(gone))
        self.city, self.other = ids["city"], other["other"]

    def all(self) -> dict[str, list[dict[str, Any]]]:
        with self.store.reading() as connection:
            return {one.name: [dict(row._mapping) for row in connection.execute(in_order(one))] for one in TABLES}


@pytest.fixture
def people(empty_db: Callable[[str], str]) -> Iterator[People]:
    made = People(empty_db("people"))
    yield made
    made.store.close()


def test_all_of_one_person_and_nothing_of_others(people: People) -> None:
    with people.store.reading() as connection:
        found = data_of(connection, people.city, people.eva)
        text = json.dumps(found)
        assert all(secret in text for secret in SECRETS) and ANNA not in text and "Lovely" not in text
        assert {name: len(rows) for name, rows in found.items()} == {
            "answers": 2, "contacts": 1, "invitations": 1, "cases": 1, "case_notes": 1, "unsubscribed": 1,
        }  # fmt: skip
        assert found["answers"][0]["external"] == {"crm": "crm-7"} and people.eva not in text
        assert not any(data_of(connection, people.other, people.anna).values())


def test_erased_is_what_says_who_it_was_and_counted_stays_counted(people: People) -> None:
    before = people.all()
    with people.store.writing() as connection:
        done = erase(connection, people.city, people.eva, "bob", NOW)
    assert done == {"answers": 2, "contacts": 1, "invitations": 1, "cases": 1, "case_notes": 1}
    after = people.all()
    mine = [row for row in after["answers"] if row["answer_id"] != str(UUID(int=3))]
    kept = ("answer_id", "face", "score", "survey_id", "node_id", "answered_utc", "verdict", "via")
    assert [[row[name] for name in kept] for row in after["answers"]] == [
        [row[name] for name in kept] for row in before["answers"]
    ]
    assert [row["text"] for row in mine if row["text"]] == ["Lovely"], "the other person's is hers"
    assert len(after["contacts"]) == 2 and len(after["cases"]) == len(before["cases"])
    assert after["cases"][0]["closed_by"] == "bob" and after["cases"][0]["version"] == 2
    assert after["cases"][1] == before["cases"][1] and after["case_notes"][1] == before["case_notes"][1]
    assert [row["person"] for row in after["unsubscribed"]] == [people.eva], "she is not to be written to"
    with people.store.reading() as connection:
        left = data_of(connection, people.city, people.eva)
        assert not any(rows for name, rows in left.items() if name != "unsubscribed")
        # What another organisation has of her is that one's.
        assert [row["text"] for row in data_of(connection, people.other, people.eva)["answers"]] == ["Fine"]


def test_what_was_written_of_her_alert_goes_too(people: People) -> None:
    with people.store.writing() as connection:
        wish = ChannelWish("C", ChannelKind.EMAIL, "duty@shop.example", ("alert",), "en", False)
        channel = make_channel(connection, people.city, None, wish, "x", 1.0).id
        rule = {"organisation_id": people.city, "name": "R", "kind": "unhappy-contact", "condition": "{}",
                "channels": "[]", "created_by": "x", "created_utc": 1.0}  # fmt: skip
        made = insert(schema.alert_rules).values(rule).returning(schema.alert_rules.c.id)
        rule_id = connection.execute(made).scalar_one()
        for number in (1, 2):
            alert = {"id": number, "uid": f"alert-{number}", "rule_id": rule_id, "evidence": "{}", "raised_utc": NOW,
                     "cause": f"answer {UUID(int=number)}", "comment": "spoke to her"}  # fmt: skip
            connection.execute(insert(schema.alerts).values(alert))
            said = {"title": "T", "text": "Text", "alert": {"comment": "spoke to her"}}
            queue(connection, channel, "alert.acknowledged", f"alert {number}", said, NOW)
        erase(connection, people.city, people.eva, "bob", NOW)
    with people.store.reading() as connection:
        comments = connection.execute(select(schema.alerts.c.comment).order_by(schema.alerts.c.id)).scalars()
        assert list(comments) == [None, "spoke to her"]
        told = dict(connection.execute(select(schema.deliveries.c.subject, schema.deliveries.c.payload)).all())
    assert "spoke" not in told["alert 1"] and "spoke" in told["alert 2"]


def test_what_is_too_old_goes_and_nothing_else(people: People) -> None:
    before = people.all()
    with people.store.writing() as connection:
        assert kept_days(connection, people.city) == dict.fromkeys(DataKind)
        assert sweep(connection, people.city, NOW + 9999 * DAY) == {}, "it is kept until somebody says otherwise"
        for kind, days in ((DataKind.TEXTS, 10), (DataKind.CONTACTS, 20), (DataKind.CASES, 30)):
            keep_days(connection, people.city, kind, days)
        keep_days(connection, people.city, DataKind.INVITATIONS, 40)
        assert sweep(connection, people.city, NOW + 9 * DAY) == {}
        assert sweep(connection, people.city, NOW + 11 * DAY) == {"answers": 2}
        assert sweep(connection, people.city, NOW + 21 * DAY) == {"contacts": 2}
        assert sweep(connection, people.city, NOW + 31 * DAY) == {"case_notes": 1, "cases": 1}, "only what is closed"
        assert sweep(connection, people.city, NOW + 41 * DAY) == {"invitations": 2, "answers": 2}
        assert sweep(connection, people.city, NOW + 99 * DAY) == {}
        keep_days(connection, people.city, DataKind.TEXTS, None)
        assert kept_days(connection, people.city)[DataKind.TEXTS] is None
    after = people.all()
    assert [row["face"] for row in after["answers"]] == [row["face"] for row in before["answers"]]
    assert [row["text"] for row in after["answers"] if row["text"]] == ["Fine"], "another organisation's"
    assert len({row["person"] for row in after["invitations"]}) == 2 and not any(
        row["address"] for row in after["invitations"]
    )


def test_serve_sweeps_and_a_sweep_is_noted(people: People) -> None:
    with people.store.writing() as connection:
        keep_days(connection, people.city, DataKind.TEXTS, 10)
    rounds = PrivacyRounds(people.store)
    rounds.start()
    rounds.end()
    rounds.join(60)
    done = sweep_all(people.store, NOW + 11 * DAY)
    texts = [row["text"] for row in people.all()["answers"]]
    # The real clock may be further already than these days.
    assert texts.count(None) == 4 and set(done) == {"city", "other"}
    (noted,) = people.all()["audit"]
    assert noted["action"] == "privacy.sweep" and json.loads(noted["details"])["answers"] == 2


def test_nothing_is_left_in_the_file(tmp_path: Path) -> None:
    people = People(str(tmp_path / "votes.db"))
    with people.store.writing() as connection:
        erase(connection, people.city, people.eva, "bob", NOW)
        erase(connection, people.other, people.eva, "bob", NOW)
        erase(connection, people.city, people.anna, "bob", NOW)  # what is hers repeats some of it
    people.store.close()
    data = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [secret for secret in SECRETS if secret.encode() in data] == []


def test_the_commands(tmp_path: Path) -> None:
    db = str(tmp_path / "votes.db")
    people = People(db)
    people.store.close()

    def run(*words: str, status: int = 0) -> Any:
        done = hymio_here("privacy", *words, "--db", db)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    city = ("--organisation", "city", "--json")
    shown = check("privacy-show", run("show", *city))
    assert shown["keep"] == dict.fromkeys(("texts", "contacts", "invitations", "cases"))
    assert check("privacy-keep", run("keep", "texts", "10", *city))["days"] == 10
    assert "for 10 days" in run("show", "--organisation", "city")
    made = check("privacy-consent", run("consent", "--text", "en=You may.", "--text", "fi=Saa.", *city))
    assert made["version"] == 2 and made["texts"] == {"en": "You may.", "fi": "Saa."}
    (tmp_path / "consent.toml").write_text('en = "Yes, you may."\n', encoding="utf-8")
    assert check("privacy-consent", run("consent", "--file", str(tmp_path / "consent.toml"), *city))["version"] == 3
    found = check("privacy-export", run("export", "--person", "EVA@mail.example", *city))
    assert found["contacts"][0]["name"] == "Eva Secret"
    assert check("privacy-erase", run("erase", "--person", EVA, *city))["erased"]["answers"] == 2
    assert check("privacy-export", run("export", "--person", EVA, *city))["contacts"] == []
    assert check("privacy-sweep", run("sweep", "--json"))["swept"][0]["organisation"] == "city"
    assert "Nothing was kept" in run("erase", "--person", "bob@x.example", "--organisation", "city")
    for words in (
        ("erase", "--person", "eva"), ("keep", "texts"), ("keep", "texts", "5", "--for-ever"), ("keep", "texts", "0"),
        ("consent", "--organisation", "city"), ("consent", "--organisation", "city", "--text", "fi=Saa."),
        ("consent", "--organisation", "city", "--text", "English=Yes"), ("show",),
        ("consent", "--organisation", "city", "--text", "en="),
    ):  # fmt: skip
        assert run(*words, status=2)
    with sqlite3.connect(db) as file:
        actions = [row[0] for row in file.execute("SELECT action FROM audit ORDER BY id")]
        details = " ".join(row[0] for row in file.execute("SELECT details FROM audit"))
    assert actions[:3] == ["privacy.keep", "privacy.consent", "privacy.consent"] and "privacy.erase" in actions
    assert EVA not in details.lower()
