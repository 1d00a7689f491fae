"""`hymio alert`: what it answers, what it refuses, and the audit of it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator

import pytest
from hymio_process import hymio_here
from schema_check import check
from served_world import CITY, NOW_UTC, Given, World

from hymio.common.errors import WRONG_USE
from hymio.store.audit import entries

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A city with two months of answers in the north, a bad afternoon among them; now is the real one."""
    made = World(str(tmp_path_factory.mktemp("alerts") / "votes.db"), CITY)
    chance, now = random.Random(1), time.time()
    given = []
    for day in range(60):
        shares = (0.6, 0.2, 0.1, 0.1) if day == 50 else (0.08, 0.12, 0.3, 0.5)
        moments = sorted(now - (61 - day) * DAY_S + chance.random() * 8 * 3600 for _ in range(30))
        given += [Given(utc, chance.choices((1, 2, 3, 4), shares)[0]) for utc in moments]
    made.tell("till-2", *given, received_utc=now - DAY_S / 2)
    yield made
    made.store.close()


def run(world: World, *arguments: str) -> str:
    done = hymio_here("alert", *arguments, "--db", world.db, "--json")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_rule_from_its_making_to_its_end(world: World) -> None:
    made = check("alert-rule", run(world, "add", "index-level", "--place", "n-two", "--name", "Two", "--level", "GOOD"))
    assert made["condition"]["level"] == 70 and 880 < made["condition"]["votes_a_month"] < 950
    assert "At most 0.25 false alarms a month" in made["rate"] and "e-detector" in made["rate"]
    usual = check("alert-rule", run(world, "add", "index-baseline", "--quiet", "mon-sun 22:00-07:00"))
    assert usual["place"] is None and usual["quiet"] == "mon-sun 22:00-07:00" and usual["name"] == "index-baseline city"
    world.tell("till-2", *(Given(NOW_UTC + number, 1) for number in range(3)))
    assert check("alert-run", run(world, "run")) == {"raised": []}
    check("alert-remove", run(world, "remove", "Two"))
    listed = check("alert-list", run(world, "list"))
    assert [one["id"] for one in listed["rules"]] == [usual["id"]] and listed["alerts"] == []
    assert len(check("alert-list", run(world, "list", "--all"))["rules"]) == 2
    with world.store.reading() as connection:
        actions = [one.action for one in entries(connection, 9)]
    assert actions[:3] == ["alert.remove", "alert.add", "alert.add"]


def test_alerts_are_raised_once_and_acknowledged(world: World) -> None:
    run(world, "add", "unhappy-count", "--count", "5", "--place", "north", "--name", "Five")
    now = time.time()
    world.tell("till-2", *(Given(now - 60 + number, 1) for number in range(6)), received_utc=now)
    [raised] = check("alert-run", run(world, "run", "--url", "https://votes.example/"))["raised"]
    assert raised["name"] == "Five" and raised["place"] == "north" and raised["evidence"]["unhappy"] == 5
    assert check("alert-run", run(world, "run"))["raised"] == []
    done = check("alert", run(world, "ack", str(raised["id"]), "--name", "Anna", "--comment", "A second till"))
    assert (done["acknowledged_by"], done["comment"], done["closed_utc"]) == ("Anna", "A second till", None)
    again = hymio_here("alert", "ack", "--db", world.db, str(raised["id"]))
    assert again.returncode == WRONG_USE and "Anna takes care of it already." in again.stderr
    [open_one] = check("alert-list", run(world, "list"))["alerts"]
    assert open_one == done
    for_people = hymio_here("alert", "list", "--db", world.db)
    assert "Anna" in for_people.stdout and "unhappy-count:" in for_people.stdout


def test_simulated_on_its_own_quarter(world: World) -> None:
    asked = ("simulate", "--kind", "negative", "--place", "n-two", "--share", "40", "--window", "8h")
    found = check("alert-simulate", run(world, *asked, "--months", "20"))
    assert found["votes"] >= 1800 and 59 < found["days"] < 63 and found["bound"] == 0.25
    assert [one["evidence"]["limit"] for one in found["alerts"]] == [40], "that afternoon"
    assert [one["day"] for one in found["by_day"] if one["alerts"]] and found["chance"]["a_month"] <= found["bound"]
    assert 19 < found["chance"]["months"] < 22
    assert run(world, *asked, "--months", "20") == json.dumps(found, ensure_ascii=False) + "\n", "it is the same again"
    people = hymio_here("alert", "simulate", "--db", world.db, "--kind", "unhappy-count", "--count", "12")
    assert people.returncode == 0 and "At most" in people.stdout and "a month" in people.stdout
    once = hymio_here("alert", "simulate", "--db", world.db, *asked[1:], "--months", "20")
    assert ": 1 alert, " in once.stdout
    nothing = check("alert-simulate", run(world, "simulate", "--kind", "silent"))
    assert nothing["days"] is None and nothing["bound"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "negative", "--share", "140"), "share: expected a number from 1 to 99, came 140"),
        (("add", "unhappy-count"), "A rule unhappy-count needs count."),
        (("add", "unhappy-count", "--count", "4"), "count: expected 5 at least, came 4."),
        (("add", "silent", "--share", "5"), "A rule silent has no share."),
        (("add", "stuck", "--place", "nort"), "--place: expected the key of a group or an experience point"),
        (("add", "stuck", "--channel", "Nobody"), "There is no channel 'Nobody'."),
        (("add", "stuck", "--quiet", "sometimes"), "Quiet hours: expected"),
        (("add", "stuck", "--escalate-after", "4h"), "To escalate takes a time of a minute at least, and a channel."),
        (("add", "silent", "--after", "soon"), "--after: expected a duration"),
        (("add", "index-level", "--level", "fine"), "--level: expected a Happy Index or"),
        (("simulate",), "Expected a rule or --kind, came neither."),
        (("remove", "Nobody"), "There is no rule 'Nobody'."),
        (("ack", "99"), "There is no alert 99."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(world: World, arguments: tuple[str, ...], said: str) -> None:
    done = hymio_here("alert", *arguments, "--db", world.db)
    assert done.returncode == WRONG_USE and said in " ".join(done.stderr.split()), done.stderr
