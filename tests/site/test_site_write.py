"""A site as a TOML file that may live in git: nothing is lost, and one change is few lines."""

from __future__ import annotations

import difflib
from dataclasses import replace

import pytest
from hypothesis import given
from sites import HOSPITAL, lines, minutes, opening_hours, sites

from hymio.site.hours import OpeningHours, parse
from hymio.site.model import Node, NodeKind, Placement, Question, Site
from hymio.site.read import parse_site
from hymio.site.rules import problems
from hymio.site.write import site_toml

BASE = parse_site(HOSPITAL)


@given(sites())
def test_it_comes_back_as_it_went_out(site: Site) -> None:
    assert problems(site) == []
    text = site_toml(site)
    assert parse_site(text) == site
    assert site_toml(parse_site(text)) == text


@given(lines(80), lines(40), lines(80), opening_hours())
def test_any_text_comes_back(name: str, label: str, value: str, hours: OpeningHours) -> None:
    site = _node("bar", name=name, custom={label: value}, hours=hours)
    assert parse_site(site_toml(site)) == site


def test_the_text_is_for_people() -> None:
    assert site_toml(BASE) == HOSPITAL


def test_the_order_of_the_file_does_not_matter() -> None:
    parts = HOSPITAL.rstrip("\n").split("\n\n")
    ends = [part for part in parts if not part.startswith(("[survey", "[[survey"))]
    survey = [part for part in parts if part.startswith(("[survey", "[[survey"))]
    assert site_toml(parse_site("\n\n".join([*reversed(ends), *survey]))) == HOSPITAL


def _node(key: str, **new: object) -> Site:
    return replace(BASE, nodes=tuple(replace(one, **new) if one.key == key else one for one in BASE.nodes))  # type: ignore[arg-type]


_ENDED = replace(BASE.placements[0], until_utc_minute=29_700_000)


@pytest.mark.parametrize(
    ("site", "removed", "added"),
    [
        (_node("bar", name="Day bar"), 1, 1),
        (_node("bar", hours=parse("sat 20:00-02:00")), 1, 1),
        (_node("ward-3", custom={"floor": "3", "beds": "12"}), 0, 1),
        (replace(BASE, nodes=(*BASE.nodes, Node("canteen", "Canteen", NodeKind.POINT))), 0, 3),
        (replace(BASE, questions=(Question("service", {**BASE.questions[0].texts, "sv": "Hur var det?"}),)), 0, 1),
        (replace(BASE, surveys=(replace(BASE.surveys[0], at=("bar", "ward-3", "wards")),)), 0, 1),
        (replace(BASE, placements=(*BASE.placements, Placement("till-10", "bar", 29_600_000))), 0, 5),
        (
            replace(BASE, placements=(replace(BASE.placements[0], until_utc_minute=29_700_000), BASE.placements[1])),
            0,
            1,
        ),
    ],
    ids=["name", "hours", "custom", "a point", "a language", "a place of a survey", "a placement", "an end"],
)
def test_one_change_is_few_lines(site: Site, removed: int, added: int) -> None:
    delta = list(difflib.ndiff(HOSPITAL.splitlines(), site_toml(site).splitlines()))
    assert sum(line.startswith("- ") for line in delta) == removed
    assert sum(line.startswith("+ ") for line in delta) == added


@given(minutes)
def test_a_moment_is_written_with_the_offset_of_its_place(minute: int) -> None:
    site = replace(BASE, placements=(Placement("till-1", "bar", minute),))
    assert parse_site(site_toml(site)) == site
    assert ("+01:00" in site_toml(site)) != ("+02:00" in site_toml(site))
