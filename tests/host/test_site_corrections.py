"""A site that is corrected by `hymio site import` counts as if it had been right from the start."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here as hymio
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from schema_check import check
from sites import HOSPITAL, ZONES
from sqlalchemy import select
from test_ingest import Cut, Slot, Terminal

from hymio.common.errors import DONE
from hymio.site.hours import parse
from hymio.site.model import Node, Placement, Site, SurveyType
from hymio.site.read import parse_site
from hymio.site.write import site_toml
from hymio.store import schema
from hymio.store.database import open_store
from hymio.store.ingest import ingest
from hymio.store.sites import load_sites
from hymio.wire.records import Boot, Press, Time

BASE = parse_site(HOSPITAL)
CHANGE = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()) // 60
"""When Europe's clocks go forward."""
HOURS = ("always", "closed", "mon-fri 08:00-12:00", "sat-sun 20:00-04:00")
minutes = st.integers(CHANGE - 3_000, CHANGE + 3_000)


@st.composite
def hospitals(draw: st.DrawFn) -> Site:
    """The hospital, with what may be corrected in it drawn anew."""

    def node(one: Node) -> Node:
        zone, hours = draw(st.sampled_from([None, *ZONES])), draw(st.sampled_from([None, *HOURS]))
        return replace(one, time_zone=zone, hours=None if hours is None else parse(hours))

    def stays(device_id: str) -> list[Placement]:
        edges = sorted(draw(st.sets(minutes, min_size=1, max_size=3)))
        return [
            Placement(
                device_id, draw(st.sampled_from(["bar", "ward-3"])), begin, end, draw(st.sampled_from(SurveyType))
            )
            for begin, end in zip(edges, [*edges[1:], None], strict=True)
        ]

    staff = replace(BASE.surveys[0], key="staff", type=SurveyType.STAFF, at=("bar", "ward-3"), follow_ups=())
    return replace(
        BASE,
        organisation=replace(BASE.organisation, time_zone=draw(st.sampled_from(ZONES))),
        nodes=tuple(node(one) for one in BASE.nodes),
        surveys=(BASE.surveys[0], staff),
        placements=tuple(stay for device_id in ("till-1", "till-2") for stay in stays(device_id)),
    )


def votes(db: str, pressed: list[int]) -> None:
    """Votes of three terminals, one of which stands nowhere, around the change of the clocks."""
    store = open_store(db, create=True)
    with store.writing() as connection:
        for device_id in ("till-1", "till-2", "till-3"):
            slots = [Slot(Boot(1, 0, 1, 0)), Slot(Time(1, 1, 1, 60 * (CHANGE - 3_000)))]
            slots += [Slot(Press(1, 60_000 * at, 1 + at % 4, at % 2, 0, 5, 65535)) for at in sorted(pressed)]
            whole = Cut(0, len(slots) - 1, 0, len(slots))
            ingest(connection, device_id, Terminal(slots).batch(whole), "mqtt", 60.0 * CHANGE)
    store.close()


def imported(db: str, site: Site) -> None:
    path = Path(db).with_suffix(".toml")
    path.write_text(site_toml(site), encoding="utf-8")
    done = hymio("site", "import", str(path), "--db", db)
    assert done.returncode == DONE, done.stderr


def sums(db: str) -> Any:
    """What cells and staff's blocks say, by keys."""
    store = open_store(db)
    with store.reading() as connection:
        (stored,) = load_sites(connection)
        places, surveys = {0: "", **stored.node_keys}, {0: "", **stored.survey_keys}
        cells = {
            (*row[:3], places[row.node_id], surveys[row.survey_id], *row[5:7]): row[7:]
            for row in connection.execute(select(schema.cells))
        }
        staff: Counter[tuple[str, str, int]] = Counter()
        for table in (schema.staff_blocks, schema.staff_open):  # in which blocks they are tells how it came to be
            for row in connection.execute(select(table)):
                for button, answers in enumerate(row[-4:], start=1):
                    staff[places[row.node_id], surveys[row.survey_id], button] += answers
    store.close()
    return cells, {key: answers for key, answers in staff.items() if answers}


# An example takes a second: a failing one is small enough as it is.
@settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(hospitals(), min_size=2, max_size=3), st.lists(st.integers(0, 6_000), min_size=1, max_size=80))
def test_what_was_imported_last_counts_as_if_it_had_been_so_from_the_start(
    some: list[Site], pressed: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        changed, right = str(Path(directory) / "changed.db"), str(Path(directory) / "right.db")
        imported(changed, some[0])
        votes(changed, pressed)
        for site in some[1:]:
            imported(changed, site)
        imported(right, parse_site(hymio("site", "export", "--db", changed).stdout))
        votes(right, pressed)
        found = sums(changed)
        assert found == sums(right)
        assert found[0]
        checked = hymio("db", "check", "--db", changed, "--json")
        assert checked.returncode == DONE and check("db-check", checked.stdout)["checked"]


EVERY_7 = list(range(0, 6_000, 7))
LATER = {"2026-03-01T08:00:00+02:00": "2026-03-28T08:00:00+02:00"}


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The sums of a site that had no mistake in it."""
    db = str(tmp_path_factory.mktemp("right") / "votes.db")
    imported(db, BASE)
    votes(db, EVERY_7)
    return sums(db)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Europe/Stockholm": "Asia/Kolkata"},
        {"Europe/Helsinki": "America/New_York"},
        {"sat 10:00-14:00": "sun 08:00-20:00"},
        {'hours = "fri-sat 20:00-02:00"\n': ""},
        LATER,
        {'at = "ward-3"': 'at = "bar"'},
        {'at = "bar"\nfrom': 'at = "bar"\nasks = "staff"\nfrom'},
        {"first_day = 2026-01-01": "first_day = 2026-03-29"},
        {'    "bar",\n': ""},
        {'parent = "wards"\n': "", '    "wards"': '    "ward-3"'},
        {**LATER, "Europe/Helsinki": "Pacific/Chatham", "mon-fri 08:00-18:00": "mon-fri 09:00-17:00"},
    ],
    ids=str,
)
def test_a_mistake_that_was_corrected_never_was(wrong: dict[str, str], right: Any, tmp_path: Path) -> None:
    text = HOSPITAL
    for correct, mistaken in wrong.items():
        assert correct in text
        text = text.replace(correct, mistaken)
    db = str(tmp_path / "votes.db")
    imported(db, parse_site(text))
    votes(db, EVERY_7)
    assert sums(db) != right
    imported(db, BASE)
    assert sums(db) == right


def test_a_site_that_comes_after_the_votes_counts_them(right: Any, tmp_path: Path) -> None:
    db = str(tmp_path / "votes.db")
    votes(db, EVERY_7)
    imported(db, BASE)
    assert sums(db) == right
    assert {key[3] for key in right[0]} == {"", "bar", "ward-3"}
