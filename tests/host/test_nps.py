"""Would they recommend us: by place and channel, with response rates, and the same people asked again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from hymio_process import hymio_here
from schema_check import check
from served_world import CITY, World, at
from sqlalchemy import insert

from hymio.common.errors import WRONG_USE
from hymio.store import schema

MORE = """
[survey.recommend]
question = "mood"
at = ["n-three", "s-one"]
first_day = 2026-01-01
scale = "nps"
"""


@pytest.fixture
def world(empty_db: Callable[[str], str]) -> Iterator[World]:
    made = World(empty_db("nps"), CITY + MORE)
    yield made
    made.store.close()


def answered(world: World, place: str, day: str, scores: list[int], via: str = "qr", people: str = "") -> None:
    ids = world.ids()
    survey = ids["phone" if place == "n-two" else "recommend"]
    rows = [
        {
            "answer_id": str(uuid4()), "node_id": ids[place], "survey_id": survey, "score": score, "verdict": "counted",
            "answered_utc": at(f"{day}T10:00") + number, "received_utc": at(f"{day}T10:00"), "via": via,
            "person": f"{people}{number}" if people else None,
        }
        for number, score in enumerate(scores)
    ]  # fmt: skip
    with world.store.writing() as connection:
        connection.execute(insert(schema.answers), rows)


def invited(world: World, place: str, day: str, number: int, answers: int, bounces: int, survey: str = "phone") -> None:
    ids, batch = world.ids(), str(uuid4())
    row = {"batch": batch, "organisation_id": ids["city"], "url": "u", "created_by": "x", "created_utc": 1.0}
    rows = [
        {
            "uid": str(uuid4()), "digest": str(uuid4()), "survey_id": ids[survey], "node_id": ids[place],
            "via": "email", "batch": batch, "person": str(one), "locale": "en", "created_utc": 1.0, "expires_utc": 2e9,
            "sent_utc": at(f"{day}T08:00"), "answered_utc": 5.0 if one < answers else None,
            "bounced_utc": 5.0 if number - one <= bounces else None,
        }
        for one in range(number)
    ]  # fmt: skip
    with world.store.writing() as connection:
        connection.execute(insert(schema.invitation_batches).values(row))
        connection.execute(insert(schema.invitations), rows)


def nps(world: World, *options: str) -> dict[tuple[str, str | None], dict[str, Any]]:
    done = hymio_here("nps", "--db", world.db, *options, "--json")
    assert done.returncode == 0, done.stderr
    return {(row["key"], row["channel"]): row for row in check("nps", done.stdout)["rows"]}


def panel(world: World, before: str, after: str, *options: str) -> dict[str, Any]:
    done = hymio_here("nps", "--db", world.db, "--before", before, "--after", after, *options, "--json")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = check("nps-panel", done.stdout)
    return said


def test_by_place_and_channel_with_response_rates(world: World) -> None:
    answered(world, "n-two", "2026-03-10", [10] * 6 + [8] * 2 + [3] * 2, "email")
    answered(world, "n-two", "2026-03-10", [0] * 3, "qr")
    answered(world, "s-one", "2026-03-11", [9] * 20, "qr")
    invited(world, "n-two", "2026-03-09", 50, answers=10, bounces=10)
    invited(world, "n-two", "2026-02-01", 7, answers=7, bounces=0)
    invited(world, "n-two", "2026-03-09", 30, answers=3, bounces=0, survey="service")
    found = nps(world, "--from", "2026-03-01", "--to", "2026-03-31")
    city, two = found["city", None], found["n-two", None]
    assert (city["answers"], city["promoters"], city["detractors"]) == (33, 26, 5)
    assert city["nps"] == pytest.approx(100 * 21 / 33) and city["nps_low"] < city["nps"] < city["nps_high"]
    assert two["answers"] == 13 and (two["sent"], two["bounced"], two["answered"]) == (50, 10, 10)
    assert two["response"] == pytest.approx(25.0) and (two["response_low"], two["response_high"]) == (
        pytest.approx(14.19, abs=0.01), pytest.approx(40.19, abs=0.01),
    )  # fmt: skip
    assert found["n-two", "qr"]["suppressed"], "three are too few"
    assert found["n-two", "email"]["suppressed"], "and the others would give them away"
    assert found["s-one", None]["nps"] == 100 and found["s-one", "qr"]["sent"] is None
    assert ("n-one", None) not in found and ("n-three", None) not in found
    assert nps(world, "--scope", "south").keys() == {("south", None), ("south", "qr"), ("s-one", None), ("s-one", "qr")}
    table = hymio_here("nps", "--db", world.db, "--from", "2026-03-01", "--to", "2026-03-31").stdout
    assert "too few" in table and "25% (14-40)" in table
    csv = hymio_here("nps", "--db", world.db, "--csv").stdout.splitlines()
    assert csv[0].startswith("key,name,kind,channel,suppressed,answers")


def test_faces_and_staff_never_make_a_score(world: World) -> None:
    world.answer("8d1d4a54-0000-4000-8000-000000000001", "s-one", "service", at("2026-03-11T10:00"), face=4)
    assert nps(world) == {}
    assert "nobody has answered" in hymio_here("nps", "--db", world.db).stdout


def test_the_same_people_pair_by_pair(world: World) -> None:
    answered(world, "n-two", "2026-01-10", [3] * 10 + [10] * 10, people="p")
    answered(world, "n-two", "2026-01-12", [8] * 5, people="p")  # of five the last answers of that month
    answered(world, "n-two", "2026-02-10", [9] * 10 + [10] * 10, people="p")
    answered(world, "n-two", "2026-02-11", [0] * 9, people="q")
    said = panel(world, "2026-01", "2026-02")
    assert (said["pairs"], said["nps_before"], said["nps_after"]) == (20, pytest.approx(25.0), 100.0)
    assert said["difference"] == pytest.approx(75.0) and said["difference_low"] > 0
    assert panel(world, "2026-02", "2026-01")["suppressed"], "the second answer is the later one"
    assert panel(world, "2026-Q1", "2026")["suppressed"], "and another one"
    assert (
        "20 people of City answered both times"
        in hymio_here("nps", "--db", world.db, "--before", "2026-01", "--after", "2026-02").stdout
    )


def test_nobody_comes_out_of_a_panel_by_subtraction(world: World) -> None:
    answered(world, "n-two", "2026-01-10", [3] * 20, people="p")
    answered(world, "n-two", "2026-02-10", [9] * 20, people="p")
    assert not panel(world, "2026-01", "2026-02", "--scope", "north")["suppressed"]
    answered(world, "s-one", "2026-01-10", [3] * 2, people="q")
    answered(world, "s-one", "2026-02-10", [9] * 2, people="q")
    assert panel(world, "2026-01", "2026-02", "--scope", "south")["suppressed"], "two people"
    assert panel(world, "2026-01", "2026-02", "--scope", "north")["suppressed"], "City less North is these two"
    assert panel(world, "2026-01", "2026-02")["pairs"] == 22


def test_who_answered_one_time_alone_does_not_come_out(world: World) -> None:
    answered(world, "n-two", "2026-01-10", [3] * 22, people="p")
    answered(world, "n-two", "2026-02-10", [9] * 20, people="p")
    assert panel(world, "2026-01", "2026-02")["suppressed"], "two have not answered again"
    answered(world, "n-two", "2026-01-11", [3] * 5, people="q")
    assert panel(world, "2026-01", "2026-02")["pairs"] == 20


def test_people_who_moved_between_places_count_where_both_lie(world: World) -> None:
    answered(world, "n-two", "2026-01-10", [3] * 10, people="p")
    answered(world, "s-one", "2026-02-10", [9] * 10, people="p")
    assert panel(world, "2026-01", "2026-02")["pairs"] == 10
    assert panel(world, "2026-01", "2026-02", "--scope", "north")["suppressed"]
    assert panel(world, "phone", "recommend")["pairs"] == 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--before", "2026-01"), "Expected --before and --after together"),
        (("--before", "2026-13", "--after", "2026"), "'2026-13' is no time and no survey; expected one as 2026-03"),
        (("--before", "service", "--after", "2026"), "'service' is no time and no survey"),
        (("--scope", "nowhere"), "There is no place 'nowhere'"),
    ],
)
def test_what_can_t_be_asked(tmp_path_factory: pytest.TempPathFactory, options: tuple[str, ...], said: str) -> None:
    world = World(str(tmp_path_factory.mktemp("nps") / "votes.db"), CITY)
    done = hymio_here("nps", "--db", world.db, *options, "--json")
    assert done.returncode == WRONG_USE and said in json.loads(done.stderr.splitlines()[-1])["error"]["message"]
    world.store.close()
