"""The page of scores: what it shows, of whom, and what it does not."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from served_world import CITY, World, at
from sqlalchemy import insert
from starlette.testclient import TestClient

from hymio.pages.app import PageOptions, pages_app
from hymio.store import schema


def test_scores_and_the_same_people_then_and_now(tmp_path: Path) -> None:
    world = World(str(tmp_path / "votes.db"), CITY)
    ids = world.ids()
    rows = [
        {
            "answer_id": str(UUID(int=100 * month + number)), "node_id": ids["n-two"], "survey_id": ids["phone"],
            "answered_utc": at(f"2026-0{month}-10T10:00") + number, "received_utc": 1.0, "via": "email",
            "score": 3 if month == 2 else 10, "person": str(number), "verdict": "counted",
        }
        for month in (2, 3) for number in range(12)
    ]  # fmt: skip
    with world.store.writing() as connection:
        connection.execute(insert(schema.answers), rows)
    app = pages_app(world.store, PageOptions(now_utc=lambda: at("2026-03-31T12:00")))
    client = TestClient(app, "http://127.0.0.1:8080", client=("127.0.0.1", 5), raise_server_exceptions=False)
    said = client.get("/places/city/n-two/nps.json?period=month").json()
    assert [(row["channel"], row["nps"], row["answers"]) for row in said["rows"]] == [
        (None, 100, 12),
        ("email", 100, 12),
    ]
    assert (said["panel"]["pairs"], said["panel"]["difference"]) == (12, 200)
    page = client.get("/places/city/nps?period=month&lang=fi")
    assert page.status_code == 200 and "Samat ihmiset" in page.text and "12 ihmistä" in page.text
    week = client.get("/places/city/nps.json?period=week&on=2026-02-10").json()
    assert week["panel"] is None and week["rows"][0]["nps"] == -100
    nothing = client.get("/places/city/n-one/nps?period=month&lang=en")
    assert nothing.status_code == 200 and "No answers in this time" in nothing.text
    assert client.get("/places/city/nowhere/nps").status_code == 404
    world.store.close()
