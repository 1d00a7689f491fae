"""`hymio demo-site`: a year of four places that can be told from a real one by its names alone."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hymio_process import hymio_here
from schema_check import check

from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.wall_time import whole_days
from hymio.office import demo_site
from hymio.office.demo_site import demo_arrivals, fill_demo
from hymio.store.check import check as check_sums
from hymio.store.database import open_store

NOW_UTC = datetime(2026, 11, 26, 14, 20, tzinfo=ZoneInfo("Europe/Helsinki")).timestamp()


def test_the_command_fills_a_database_and_its_books_balance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_demo, "__defaults__", (30, True))  # days
    db = str(tmp_path / "demo.db")
    done = hymio_here("demo-site", "--db", db, "--seed", "3", "--json")
    found = check("demo-site", done.stdout)
    assert found["organisation"] == "harbour-town" and len(found["terminals"]) == 4 and found["presses"] > 5000
    ledger = json.loads(hymio_here("ledger", "--db", db, "--json").stdout)
    assert ledger["balanced"] and sum(one["rows"] for one in ledger["terminals"]) == found["presses"]
    rules = json.loads(hymio_here("alert", "list", "--db", db, "--json").stdout)["rules"]
    assert {one["place"] for one in rules} == {"ward-3", "canteen", None}
    again = hymio_here("demo-site", "--db", db, "--json")
    assert again.returncode == 2 and "nothing was touched" in again.stderr
    assert json.loads(hymio_here("ledger", "--db", db, "--json").stdout) == ledger


def test_the_same_seed_and_moment_give_the_same_votes() -> None:
    site = demo_site.demo_site()
    one, other = (list(demo_arrivals(site, 1, NOW_UTC, 20)) for _ in range(2))
    assert one == other != list(demo_arrivals(site, 2, NOW_UTC, 20))
    assert one[-1][0] == 20


def test_what_is_told_of_the_places_can_be_found(tmp_path: Path) -> None:
    own = open_store(str(tmp_path / "demo.db"), create=True)
    fill_demo(own, 1, NOW_UTC, 100)
    with own.reading() as connection:
        reader = FigureReader(connection, NOW_UTC)

        def index(key: str, first: str, last: str) -> float:
            (cell,) = OnePlace(None, key).cells(reader, None, whole_days(first, last))
            assert cell.figures is not None and cell.figures.happy_index is not None
            return cell.figures.happy_index

        assert index("ward-3", "2026-10-01", "2026-10-31") > 10 + index("ward-3", "2026-11-23", "2026-11-26")
        (library,) = OnePlace(None, "library").cells(reader, None, whole_days("2026-11-01", "2026-11-26"))
        assert library.misuse is not None and library.misuse["mash"] > 100
        assert index("library", "2026-11-01", "2026-11-26") > index("canteen", "2026-11-01", "2026-11-26")
        assert check_sums(connection).ok
    own.close()
