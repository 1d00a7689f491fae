"""The tree as people see it."""

from __future__ import annotations

import io
from dataclasses import replace

from hypothesis import given
from rich.console import Console
from sites import HOSPITAL, minutes, sites

from hymio.site.model import Site
from hymio.site.moments import parse_moment
from hymio.site.read import parse_site
from hymio.site.tree import site_tree

BASE = parse_site(HOSPITAL)
MAY = parse_moment("2026-05-01T12:00:00Z", "UTC")
JULY = parse_moment("2026-07-01T12:00:00Z", "UTC")
BEFORE = parse_moment("2025-12-31T21:00:00Z", "UTC")


def shown(site: Site, at: int, with_past: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=120, color_system=None).print(site_tree(site, at, with_past))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_places_surveys_and_terminals() -> None:
    assert (
        shown(BASE, MAY)
        == """\
City Hospital  city-hospital · Europe/Helsinki
├── Night bar  bar · Europe/Stockholm · fri-sat 20:00-02:00
│   ├── asks service-2026: How was our service today?  since 2026-01-01 · asks why if unhappy
│   └── terminal till-2  2026-03-01 09:00 to 2026-06-01 10:00
├── Wards  wards · group · mon-fri 08:00-18:00; sat 10:00-14:00 · EXCELLENT
│   ├── asks service-2026: How was our service today?  since 2026-01-01 · asks why if unhappy
│   └── Ward 3  ward-3 · EXCELLENT
│       └── terminal till-1  since 2026-03-01 08:00
└── 2 experience points, 2 terminals"""
    )


def test_what_has_ended_is_shown_on_demand() -> None:
    assert "till-2" not in shown(BASE, JULY)
    assert shown(BASE, JULY).endswith("2 experience points, 1 terminal")
    assert "terminal till-2  2026-03-01 09:00 to 2026-06-01 10:00" in shown(BASE, JULY, with_past=True)
    closed = replace(BASE, nodes=tuple(replace(node, until_utc_minute=MAY) for node in BASE.nodes))
    assert shown(closed, MAY).splitlines()[1:] == ["└── 0 experience points, 0 terminals"]
    assert "Ward 3  ward-3 · EXCELLENT · given up 2026-05-01 15:00" in shown(closed, MAY, with_past=True)


def test_what_is_to_come_is_said_so() -> None:
    text = shown(BASE, BEFORE)
    assert "from 2026-01-01 · asks why if unhappy · upcoming" in text


def test_names_are_no_markup() -> None:
    named = replace(BASE, nodes=tuple(replace(node, name="[red]A[/red] :smile:") for node in BASE.nodes))
    assert shown(named, MAY).count("[red]A[/red] :smile:") == 3


@given(sites(), minutes)
def test_every_site_can_be_shown(site: Site, at: int) -> None:
    text = shown(site, at, with_past=True)
    assert text.count("terminal till-") == len(site.placements)
