"""Misuse: which terminals are mashed, when and how, and what another lock-out makes of it; nothing of staff."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here
from looking import at_this_computer
from schema_check import check
from served_world import CITY, NOW_UTC, Given, World, at
from sqlalchemy import update

from hymio.common.errors import WRONG_USE
from hymio.figures import misuse as figures
from hymio.measures.happy_index import happy_index
from hymio.pages.access import SiteNow
from hymio.pages.app import PageOptions, pages_app
from hymio.site.model import places_of
from hymio.store import schema
from hymio.store.sites import load_sites

MOVED = """
[[placement]]
device_id = "till-moved"
at = "n-one"
from = 2026-01-01T00:00:00+02:00
until = 2026-03-15T00:00:00+02:00
asks = "staff"
[[placement]]
device_id = "till-moved"
at = "n-two"
from = 2026-03-15T00:00:00+02:00
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """At n-two a child, at s-one usual visitors who press twice within two seconds; and staff, who mash, too."""
    made = World(str(tmp_path / "votes.db"), CITY + MOVED)
    child = at("2026-03-28T10:00")
    made.tell("till-2", *(Given(child + 0.3 * n, 1 + n % 4, "mash") for n in range(16)))
    made.tell("till-2", *(Given(at("2026-03-29T10:00") + 60 * n, 4) for n in range(12)))
    calm = at("2026-03-30T10:00")
    presses = [
        one for n in range(10) for one in (Given(calm + 60 * n, 1), Given(calm + 60 * n + 2.5, 4, quiet_ms=2400))
    ]
    made.tell("till-1", *presses, Given(at("2026-03-30T21:00"), 1))
    made.tell("till-moved", Given(at("2026-03-14T10:00"), 1, "mash"), Given(at("2026-03-20T10:00"), 1))
    made.tell("till-staff", *(Given(child + 0.2 * n, 1, "mash") for n in range(40)))
    yield made
    made.store.close()


def client(world: World, **more: Any) -> Any:
    return at_this_computer(pages_app(world.store, PageOptions(now_utc=lambda: NOW_UTC)), **more)


def test_the_most_mashed_come_first(world: World) -> None:
    page = client(world).get("/places/city/misuse.json").json()
    assert [(one["device_id"], one["place"], one["votes"], one["presses"]) for one in page["terminals"]] == [
        ("till-2", "n-two", 12, 16), ("till-1", "s-one", 21, 0),
    ]  # fmt: skip
    [pattern] = page["terminals"][0]["patterns"]
    assert pattern == {"kind": "children", "presses": 16, "button": None, "weekday": 5, "hour": 12}, "by its own clock"
    assert page["hours"] == [{"weekday": 5, "hour": 12, "presses": 16}]
    html = client(world).get("/places/city/north/misuse").text
    assert "as children do" in html and "till-staff" not in html and "till-1" not in html


def test_another_lock_out(world: World) -> None:
    said = client(world).get("/places/city/s-one/misuse.json?lockout=3").json()["other"]
    # All greens come 2.5 s after a red one, and the one at night is outside the opening hours.
    assert (said["votes"], said["votes_then"]) == (20, 10)
    assert said["happy_index"] == pytest.approx(50.0) and said["happy_index_then"] == happy_index([10, 0, 0, 0])
    usual = client(world).get("/places/city/s-one/misuse.json?lockout=1").json()["other"]
    assert usual["votes_then"] == usual["votes"] == 20
    page = client(world).get("/places/city/s-one/misuse?lockout=3.2")
    assert "With a lock-out of 3 s the index would be 0.0 instead of 50.0." in page.text
    assert re.search(r'type="range"[^>]* value="3.0"', page.text)
    for wrong in ("0", "11", "x", "nan", "-1"):
        assert client(world).get(f"/places/city/misuse?lockout={wrong}").status_code == 400
    few = client(world).get("/places/city/n-three/misuse.json").json()
    assert few["terminals"] == [] and few["other"]["votes"] is None


def test_what_it_costs_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "REJUDGED_MAX", 8)
    with world.store.reading() as connection:
        [stored] = load_sites(connection)
        site = SiteNow(stored, places_of(stored.site))
        found = figures.other_lockout(connection, stored, site.places, "s-one", NOW_UTC, 3000)
        assert found.presses <= 200
    # Until presses come it is worked out once for each lock-out.
    calls: list[int] = []
    worked_out = figures.other_lockout

    def counted(*arguments: Any) -> Any:
        calls.append(arguments[-1])
        return worked_out(*arguments)

    monkeypatch.setattr("hymio.pages.views.misuse.other_lockout", counted)
    asking = client(world)
    for lockout in ("3", "3", "2", "3"):
        asking.get(f"/places/city/misuse?lockout={lockout}")
    assert calls == [3000, 2000]
    world.tell("till-2", Given(at("2026-03-31T10:00"), 4))
    asking.get("/places/city/misuse.json?lockout=3")
    assert calls == [3000, 2000, 3000]


def test_a_worn_switch_is_told_and_by_command(world: World) -> None:
    with world.store.writing() as connection:
        worn = {"edges_a_press": 9.0, "worst_button": 3}
        connection.execute(
            update(schema.terminal_states).where(schema.terminal_states.c.device_id == "till-1").values(worn)
        )
    db = ("--db", world.db)
    page = client(world).get("/places/city/misuse").text
    assert "a switch that bounces" in page
    # The command looks back from now on, when these presses are long past.
    said = check("misuse", hymio_here("misuse", *db, "--lockout", "3s", "--json").stdout)
    assert said["other"]["lockout_ms"] == 3000 and said["days"] == figures.DAYS
    assert hymio_here("misuse", *db, "--lockout", "6s").returncode == WRONG_USE
    assert hymio_here("misuse", *db).returncode == 0
