"""What visitors wrote, to who looks after the places: marked as spam and back, counted or not, noted in the audit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts_world import Person, add, cheap_hashes
from served_world import CITY, NOW_UTC, OTHER, World, fill, served
from sqlalchemy import select
from test_visitor import MORE, Visit

from hymio.common.roles import Role
from hymio.pages.app import PageOptions, pages_app
from hymio.store import schema
from hymio.store.arrival_order import newest_arrival

DAY = "?period=day&on=2026-03-31"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(str(tmp_path / "votes.db"), CITY + MORE, OTHER)
    fill(made)
    with cheap_hashes():
        add(made.store, "root", Role.ADMIN)
        add(made.store, "mia", Role.MANAGER, "city/north")
        add(made.store, "viv", Role.VIEWER, "city/north")
        yield made
    made.store.close()


def person(world: World, name: str) -> Person:
    app = pages_app(world.store, PageOptions(now_utc=lambda: NOW_UTC))
    made = Person(world.store, app=app)
    made.log_in(name)
    return made


def texts(who: Person, path: str = "/places/city/north", more: str = "") -> Any:
    answer = who.get(f"{path}/texts.json{DAY}{more}")
    return answer.json()["texts"] if answer.status_code == 200 else answer.status_code


def test_who_reads_what(world: World) -> None:
    mia, viv, root = (person(world, name) for name in ("mia", "viv", "root"))
    assert [one["text"] for one in texts(mia)] == ["Buy pills", "Hyvä", "=Lovely"]
    assert [one["text"] for one in texts(mia, "/places/city/n-two")] == ["Buy pills", "Hyvä", "=Lovely"]
    assert texts(mia, "/places/city/n-one") == [], "what one of the staff says is read by nobody"
    assert (texts(viv), texts(mia, "/places/city"), texts(mia, "/places/city/s-one")) == (403, 403, 403)
    assert texts(Person(world.store)) == 401 and len(texts(root, "/places/city")) == 3
    assert texts(root, "/places/other") == [] and root.get("/lone/till-nowhere/texts").status_code == 404
    assert root.get(f"/places/city/texts{DAY}&before=x").status_code == 400
    page = mia.get(f"/places/city/north/texts{DAY}").text
    assert '<p class="said" dir="auto" lang="fi">Hyvä</p>' in page and "This is spam" in page


def test_spam_by_hand_and_back(world: World) -> None:
    visit, mia = Visit(world), person(world, "mia")
    asked = visit.form("/f/n-two")
    four, _, nps = asked["questions"]
    fields: Any = {f"a{four['survey']}": "1", f"a{nps['survey']}": "3"}
    visit.send("/f/n-two", **fields, text="<b>Rude</b>", later_s=60)
    (one,) = [one for one in texts(mia) if one["text"] == "<b>Rude</b>"]
    assert (one["face"], one["is_spam"], one["wants_contact"], one["place"]) == (1, False, False, "n-two")
    assert "&lt;b&gt;Rude" in mia.get(f"/places/city/north/texts{DAY}").text
    path, on = f"/places/city/north/texts{DAY}", f"/places/city/north/texts{DAY}"
    with world.store.reading() as connection:
        before = newest_arrival(connection)
    assert mia.post(path, on, answer=one["answer_id"], mark="spam").status_code == 303

    def verdicts() -> set[tuple[str, str | None]]:
        rows = [row for row in visit.kept() if row.received_utc > NOW_UTC]
        assert len(rows) == 2, "both answers of the form"
        return {(row.verdict, row.reason) for row in rows}

    assert verdicts() == {("spam", "person")}
    assert [one["reason"] for one in texts(mia, more="&show=spam")] == ["person", "person", None]
    assert mia.post(path, on, answer=one["answer_id"], mark="spam").status_code == 303, "it is already"
    mia.post(path, on, answer=one["answer_id"], mark="counted")
    assert verdicts() == {("counted", None)}
    with world.store.reading() as connection:
        assert newest_arrival(connection) == before + 2, "who follows hears of it"
        noted = connection.execute(select(schema.audit).where(schema.audit.c.action.like("answer.%"))).all()
    assert [(row.who, row.action) for row in noted] == [("mia", "answer.spam"), ("mia", "answer.counted")]
    assert json.loads(noted[0].details)["place"] == "n-two" and "Rude" not in noted[0].details
    # Of other places, of staff, of nobody.
    staff = "8d1d4a54-0000-4000-8000-000000000005"
    elsewhere = "8d1d4a54-0000-4000-8000-000000000004"
    for answer_id in (staff, elsewhere, "none"):
        assert mia.post(path, on, answer=answer_id, mark="spam").status_code == 404
    viv = person(world, "viv")
    form = re.findall(r'name="form" value="([^"]+)"', viv.get("/account").text)[0]
    assert viv.client.post(path, data={"form": form, "answer": one["answer_id"], "mark": "spam"}).status_code == 403


def test_the_page_of_a_place_shows_them_apart(world: World) -> None:
    visit, mia, viv = Visit(world), person(world, "mia"), person(world, "viv")
    four, five, nps = visit.form("/f/n-two")["questions"]

    def phones() -> Any:
        return mia.get("/places/city/n-two.json" + DAY).json()["rest"]["phones"]

    assert phones()["faces"] == [] and phones()["recommend"]["suppressed"], "two answers, and one is spam"
    for number in range(7):
        fields: Any = {f"a{five['survey']}": str(1 + number % 5), f"a{nps['survey']}": str(10 - number)}
        visit.send("/f/n-two", **fields)
    found = phones()
    assert [(one["scale"], one["faces"]) for one in found["faces"]] == [("five", [2, 2, 1, 1, 1])]
    assert found["faces"][0]["happy_index"] == pytest.approx(100 * (4 + 3 + 2 + 2) / (4 * 7))
    assert (found["recommend"]["answers"], found["recommend"]["promoters"]) == (9, 3)
    page = mia.get(f"/places/city/n-two{DAY}&wait=1").text
    assert "Phones and invitations" in page and "/places/city/n-two/texts?period=day" in page
    assert "/texts" not in viv.get(f"/places/city/n-two{DAY}&wait=1").text
    assert four["scale"] == "four"


def test_the_fields_api_tells_of_them(world: World) -> None:
    """Each way of the form is an `ui` of its own there, spam is marked as that, several reasons are several rows."""
    visit = Visit(world)
    (nps,) = [one for one in visit.form("/f/n-two")["questions"] if one["scale"] == "nps"]
    for number, text in ((9, "Kind"), (2, "http://a.example http://b.example")):
        fields: Any = {f"a{nps['survey']}": str(number)}
        visit.send("/f/n-two?via=link", **fields, text=text)
    (four,) = visit.form("/f/s-one")["questions"]
    options = [one["id"] for one in four["follow_ups"][0]["options"]]
    fields = {f"a{four['survey']}": "1", f"o{four['survey']}": [str(one) for one in options]}
    visit.send("/f/s-one?framed=1", **fields)
    fields = {f"a{four['survey']}": "4"}
    visit.send("/f/s-one", **fields)

    with served(world, now=lambda: visit.now) as client:
        client.headers["X-HON-API-Token"] = world.token()

        def rows(kind: str, *names: str) -> list[tuple[Any, ...]]:
            found = client.get(f"/v2/results/{kind}-feedbacks.json", params={"period": "today"}).json()
            return [tuple(one[name] for name in names) for one in found if one["localTime"] > "2026-03-31T14:00"]

        assert rows("button", "buttonIndex", "ui", "misuse") == [
            (9, "link", False), (0, "digital", False), (3, "qr", False),
        ]  # fmt: skip
        assert rows("follow-up", "followupOptionId", "ui") == [(one, "digital") for one in options]
        assert rows("text", "text", "spam") == [("Kind", False), ("http://a.example http://b.example", True)]
