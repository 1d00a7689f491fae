"""What a personal link opens: one answer, and where one says that one wants no more; looking at it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served_world import CITY, NOW_UTC, World
from sqlalchemy import select
from starlette.testclient import TestClient

from hymio.pages.app import PageOptions, pages_app
from hymio.store import schema
from hymio.store.invitations import Invitee, Links, NewBatch, invitation_of, invite, is_unsubscribed
from hymio.store.privacy import erase

DAY_S = 86_400.0
BOTH = """
[survey.again]
question = "mood"
at = ["n-two"]
first_day = 2026-01-01
scale = "five"
"""


class Invited:
    """Somebody with a link, in Finnish."""

    def __init__(self, world: World) -> None:
        self.world, self.now, ids = world, NOW_UTC, world.ids()
        self.survey = ids["phone"]
        batch = NewBatch("b" * 64, ids["city"], "https://feedback.example", None, None, "anna", NOW_UTC)
        one = Invitee(self.survey, ids["n-two"], "a" * 64, "bob@example.org", "email", "Bob", "fi", {"order": "1002"})
        with world.store.writing() as connection:
            invite(connection, batch, [one], NOW_UTC + 30 * DAY_S, NOW_UTC)
            [self.uid] = connection.execute(select(schema.invitations.c.uid)).scalars()
            self.path = f"/i/{Links.of(connection).secret(self.uid)}"
        app = pages_app(world.store, PageOptions(now_utc=lambda: self.now))
        self.client = TestClient(app, "https://feedback.example", raise_server_exceptions=False)

    def form(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(self.path + ".json?lang=fi").json()
        return found

    def send(self, score: int = 2, **more: str) -> Any:
        form = self.form()
        return self.client.post(f"{self.path}?lang=fi", data={"id": form["id"], f"a{self.survey}": score, **more})

    def kept(self) -> list[Any]:
        with self.world.store.reading() as connection:
            return list(connection.execute(select(schema.answers)))

    def row(self) -> Any:
        with self.world.store.reading() as connection:
            return connection.execute(select(schema.invitations)).one()


@pytest.fixture
def bob(tmp_path: Path) -> Iterator[Invited]:
    world = World(str(tmp_path / "votes.db"), CITY + BOTH)
    yield Invited(world)
    world.store.close()


def test_one_answer_with_what_the_crm_calls_them(bob: Invited) -> None:
    form = bob.form()
    assert [one["survey"] for one in form["questions"]] == [bob.survey], "what they were invited to, and nothing else"
    answer = bob.send(2, text="Odotin tunnin")
    assert answer.status_code == 200 and "Kiitos" in answer.text
    [kept] = bob.kept()
    assert (kept.answer_id, kept.score, kept.via, kept.verdict) == (bob.uid, 2, "email", "counted")
    assert (json.loads(kept.external), kept.person) == ({"order": "1002"}, "a" * 64)
    assert (kept.locale, kept.text, kept.arrival > 0) == ("fi", "Odotin tunnin", True)
    assert bob.row().answered_utc == NOW_UTC
    for _ in range(2):
        again = bob.client.post(f"{bob.path}.json", data={"id": form["id"], f"a{bob.survey}": 9})
        assert (again.status_code, again.json()["is_new"]) == (200, False)
        assert len(bob.kept()) == 1 and bob.kept()[0].score == 2
    page = bob.client.get(bob.path)
    assert page.status_code == 200 and "<form" not in page.text and "counts once" in page.text


def test_to_look_changes_nothing_and_no_cookie_is_set(bob: Invited) -> None:
    before = bob.row()
    for path in (bob.path, f"{bob.path}/stop", f"{bob.path}.json", f"{bob.path}/stop.json"):
        for method in ("GET", "HEAD"):
            answer = bob.client.request(method, path)
            assert answer.status_code == 200 and "set-cookie" not in answer.headers
            assert answer.headers["cache-control"] == "no-store" and "noindex" in answer.headers["x-robots-tag"]
    assert bob.row() == before and bob.kept() == []
    page = bob.client.get(f"{bob.path}?lang=fi")
    assert '<html lang="fi">' in page.text and "kenelle se lähetettiin" in page.text, "they are told that it is known"


def test_one_click_and_the_button_unsubscribe(bob: Invited) -> None:
    page = bob.client.get(f"{bob.path}/stop?lang=fi")
    assert "Etkö halua enää kyselyjä?" in page.text and 'value="One-Click"' in page.text
    # As RFC 8058 has it: from elsewhere, without cookies, without anything of the page.
    headers = {"origin": "https://mail.example", "sec-fetch-site": "cross-site"}
    stopped = bob.client.post(f"{bob.path}/stop", data={"List-Unsubscribe": "One-Click"}, headers=headers)
    assert stopped.status_code == 200 and "not asked any more" in stopped.text
    with bob.world.store.reading() as connection:
        found = invitation_of(connection, bob.path[3:])
        assert found is not None and is_unsubscribed(connection, found)
    assert "<form" not in bob.client.get(f"{bob.path}/stop").text
    assert bob.send().status_code == 200 and len(bob.kept()) == 1, "who wants no more may still answer"


def test_what_is_too_late_or_unknown_is_said(bob: Invited) -> None:
    form = bob.form()
    bob.now += 30 * DAY_S
    late = bob.client.get(bob.path)
    assert late.status_code == 410 and "too old" in late.text
    assert bob.client.post(bob.path, data={"id": form["id"], f"a{bob.survey}": 9}).status_code == 410
    assert bob.client.post(f"{bob.path}/stop").status_code == 200, "but to unsubscribe it is never too late"
    for path in ("/i/x", "/i/" + "x" * 24 + "/stop"):
        assert bob.client.get(path).status_code == 404 and bob.client.post(path).status_code == 404
    assert bob.kept() == []


def test_what_cannot_be_read_costs_no_link(bob: Invited) -> None:
    assert bob.client.post(bob.path, data={"id": "x"}).status_code == 400
    assert bob.send(11).status_code == 400 and bob.row().answered_utc is None
    trapped = bob.send(9, website="http://pills.example")
    assert trapped.status_code == 200 and bob.row().answered_utc is None
    [spam] = bob.kept()
    assert (spam.verdict, spam.reason, spam.person, spam.external) == ("spam", "trap", None, None)
    assert bob.send(9).status_code == 200 and len(bob.kept()) == 2


def test_who_was_forgotten_may_answer_as_nobody(bob: Invited) -> None:
    with bob.world.store.writing() as connection:
        assert erase(connection, bob.world.ids()["city"], "a" * 64, "anna", NOW_UTC)["invitations"] == 1
    assert bob.send(10).status_code == 200
    [kept] = bob.kept()
    assert (kept.score, kept.person, kept.external) == (10, None, None)


def test_who_was_forgotten_is_not_told_that_they_are_unsubscribed(bob: Invited) -> None:
    with bob.world.store.writing() as connection:
        erase(connection, bob.world.ids()["city"], "a" * 64, "anna", NOW_UTC)
    for answer in (bob.client.get(f"{bob.path}/stop"), bob.client.post(f"{bob.path}/stop")):
        assert answer.status_code == 410 and "Nobody knows here any more" in answer.text
    with bob.world.store.reading() as connection:
        assert connection.execute(select(schema.unsubscribed)).all() == []
