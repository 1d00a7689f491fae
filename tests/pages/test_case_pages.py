"""Pages of cases, channels and messages: of one's own places alone; each look at a contact noted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from accounts_world import Person, add, cheap_hashes, opened_copy, said
from sqlalchemy import insert, select

from hymio.common.roles import Role
from hymio.store import schema
from hymio.store.channels import stored_channels
from hymio.store.database import Store
from hymio.store.deliveries import queue
from hymio.store.sites import load_sites
from hymio.store.visitor_answers import Contact, SurveyAnswer, VisitorForm, take_form

NOW = 1_790_000_000.0


@pytest.fixture
def store(site_db: str, tmp_path: Path) -> Iterator[Store]:
    """Two cases, at a ward and at the bar; anna manages all, bo the wards, cia only looks."""
    with opened_copy(site_db, tmp_path / "votes.db") as opened, cheap_hashes():
        add(opened, "anna", Role.ADMIN)
        add(opened, "bo", Role.MANAGER, "wards")
        add(opened, "cia", Role.VIEWER, "wards")
        with opened.writing() as connection:
            [site] = load_sites(connection)
            consent = {"organisation_id": site.id, "version": 1, "texts": "{}", "from_utc": 1.0}
            connection.execute(insert(schema.consents), [consent])
            survey = next(
                one for one in site.site.surveys if one.type.value == "customer" and one.scale.value == "four"
            )
            for number, place in enumerate(("ward-3", "bar")):
                form = VisitorForm(
                    UUID(int=number), site.nodes[place], [SurveyAnswer(site.surveys[survey.key], face=1)], NOW, NOW,
                    "qr", text="<b>cold</b>", contact=Contact(f"eva@{place}.example", 1, "Eva E."),
                )  # fmt: skip
                take_form(connection, form)
        yield opened


def person(store: Store, name: str) -> Person:
    made = Person(store)
    assert made.log_in(name).status_code == 303
    return made


def audited(store: Store, action: str) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(select(schema.audit.c.who).where(schema.audit.c.action == action))
        return [str(who) for (who,) in rows]


def test_everybody_sees_the_cases_of_their_places(store: Store) -> None:
    anna, bo, cia = (person(store, name) for name in ("anna", "bo", "cia"))
    assert [one["place"] for one in anna.get("/cases.json").json()["cases"]] == ["bar", "ward-3"]
    assert [one["place"] for one in bo.get("/cases.json").json()["cases"]] == ["ward-3"]
    assert [one["owner"] for one in bo.get("/cases.json?show=mine").json()["cases"]] == ["bo"]
    assert "eva" not in anna.get("/cases").text and audited(store, "case.read") == []
    page = bo.get("/cases/1")
    assert "eva@ward-3.example" in page.text and "&lt;b&gt;cold&lt;/b&gt;" in page.text
    assert bo.get("/cases/1.json").json()["contact"] == {"name": "Eva E.", "address": "eva@ward-3.example"}
    assert audited(store, "case.read") == ["bo", "bo"]
    assert [bo.get(path).status_code for path in ("/cases/2", "/cases/99", "/cases/x")] == [404] * 3
    for path in ("/cases", "/cases/1", "/channels", "/deliveries"):
        assert cia.get(path).status_code == 403 and "/cases" not in cia.get("/").text
    assert bo.client.post("/cases/2", data={"form": bo.form_of("/cases/1"), "change": "noted"}).status_code in (
        400,
        404,
    )
    assert bo.get("/cases?show=none").status_code == 400


def test_nobody_closes_what_another_has_just_changed(store: Store) -> None:
    anna, bo = person(store, "anna"), person(store, "bo")
    assert bo.post("/cases/1", change="noted", version="1", text="Rang, nobody there.").status_code == 303
    late = anna.post("/cases/1", change="closed", version="1", outcome="All is well.")
    assert late.status_code == 409 and "meanwhile" in said(late)[0] and "All is well." in late.text
    done = anna.post("/cases/1", change="assigned", version="2", owner="anna")
    assert done.headers["location"] == "/cases/1?done=assigned"
    assert anna.post("/cases/1", change="closed", version="3", outcome="Rang her.").status_code == 303
    assert anna.get("/cases/1.json").json()["case"]["outcome"] == "Rang her."
    assert anna.post("/cases/1", change="reopened", version="4").status_code == 303
    assert anna.post("/cases/1", change="closed", version="5", outcome=" ").status_code == 400
    assert anna.post("/cases/1", change="assigned", version="5", owner="cia").status_code == 400
    steps = [one["action"] for one in anna.get("/cases/1.json").json()["steps"]]
    assert steps == ["opened", "noted", "assigned", "closed", "reopened"]
    assert len(audited(store, "case.change")) == 4


def test_a_channel_is_made_told_of_and_ended(store: Store) -> None:
    bo = person(store, "bo")
    place = "city-hospital/wards"
    wish = {"name": "Desk", "kind": "webhook", "events": "case", "place": place, "locale": "fi"}
    for target, wrong in (("https://10.0.0.1/in", "inner network"), ("http://desk.example/in", "https://")):
        refused = bo.post("/channels", **wish, target=target)
        assert refused.status_code == 400 and wrong in said(refused)[0]
    made = bo.post("/channels", **wish, target="https://desk.example/key/abc")
    assert "whsec_" in made.text and made.headers["cache-control"] == "no-store"
    assert "whsec_" not in bo.get("/channels").text and "abc" not in bo.get("/channels").text
    assert bo.get("/channels.json").json()["channels"][0]["target"] == "https://desk.example/***"
    for change in ({"place": "city-hospital"}, {"place": "city-hospital/bar"}, {"kind": "mqtt"}, {"locale": "xx"}):
        assert bo.post("/channels", **{**wish, "name": "B", "target": "https://a.example/"} | change).status_code == 400
    with store.writing() as connection:
        [channel] = stored_channels(connection)
        queue(connection, channel.id, "case.opened", "case 1", {"title": "A", "text": "B"}, NOW)
        dead = {"due_utc": None, "dead_utc": NOW, "tries": 10, "trouble": "it answered 500"}
        connection.execute(schema.deliveries.update().values(dead))
    shown = bo.get("/deliveries.json?show=dead").json()["deliveries"]
    assert [(one["state"], one["trouble"]) for one in shown] == [("dead", "it answered 500")]
    assert bo.post("/deliveries", retry="99").status_code == 404
    assert bo.post("/deliveries", retry="1").status_code == 303
    assert [one["state"] for one in bo.get("/deliveries.json").json()["deliveries"]] == ["waiting"]
    assert bo.post("/channels", end=str(channel.id)).status_code == 303
    assert bo.get("/channels.json").json()["channels"] == []
    assert bo.post("/deliveries", retry="1").status_code == 404, "its channel has ended"
