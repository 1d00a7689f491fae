"""Sites to test with: one that people can read, and any that there may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from hymio.site import rules
from hymio.site.hours import ALWAYS, OpeningHours, parse
from hymio.site.model import (
    FollowUp,
    Level,
    Node,
    NodeKind,
    Option,
    Organisation,
    Placement,
    Question,
    Scale,
    Site,
    Survey,
    SurveyType,
)
from hymio.site.moments import start_of_day

HOSPITAL = """\
[organisation]
key = "city-hospital"
name = "City Hospital"
locale = "en"
time_zone = "Europe/Helsinki"
levels = { good = 70, excellent = 80, the_very_best = 90 }
too_few = { customer = 5, staff = 10 }

[group.wards]
name = "Wards"
hours = "mon-fri 08:00-18:00; sat 10:00-14:00"
level = "EXCELLENT"

[point.bar]
name = "Night bar"
time_zone = "Europe/Stockholm"
hours = "fri-sat 20:00-02:00"

[point.ward-3]
name = "Ward 3"
parent = "wards"
custom.floor = "3"

[question.service]
text.en = "How was our service today?"
text.fi = "Millaista palvelu oli tänään?"

[survey.service-2026]
question = "service"
at = [
    "bar",
    "wards",
]
first_day = 2026-01-01

[survey.service-2026.unhappy]
text.en = "What went wrong?"

[[survey.service-2026.unhappy.option]]
key = "waiting"
text.en = "The waiting"

[[survey.service-2026.unhappy.option]]
key = "staff"
text.en = "The staff"

[[placement]]
device_id = "till-1"
at = "ward-3"
from = 2026-03-01T08:00:00+02:00

[[placement]]
device_id = "till-2"
at = "bar"
from = 2026-03-01T09:00:00+01:00
until = 2026-06-01T10:00:00+02:00
"""
"""As `write.site_toml` has it."""

ZONES = (
    "UTC",
    "Europe/Helsinki",
    "America/New_York",
    "America/Santiago",  # its days begin at 01:00 when the clocks go forward
    "Atlantic/Azores",  # midnight comes twice when they go back
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kolkata",
    "Pacific/Chatham",  # +12:45
    "Africa/Casablanca",  # back for Ramadan
)
FIRST = start_of_day(date(2024, 1, 1), "UTC")
LAST = start_of_day(date(2027, 12, 31), "UTC")

COMMON = tuple(range(FIRST, LAST, 200_000))
"""Moments that two sites have in common."""

minutes = st.integers(FIRST, LAST) | st.sampled_from(COMMON)


def lines(most: int) -> st.SearchStrategy[str]:
    """Texts that a person may have written, and signs that a file must escape."""
    signs = st.one_of(st.sampled_from("=+-@'\";,\\[]#.ä한 "), st.characters(exclude_categories=["C", "Zl", "Zp"]))
    return st.text(signs, min_size=1, max_size=most).map(str.strip).filter(lambda text: rules.is_line(text, most))


@st.composite
def opening_hours(draw: st.DrawFn) -> OpeningHours:
    """Any week that is sound."""
    edges = sorted(draw(st.sets(st.integers(0, 7 * 1440 - 1), max_size=12)))
    spans: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for begin, end in zip(edges[::2], edges[1::2], strict=False):
        day = begin // 1440
        spans[day].append((begin - day * 1440, min(end, begin + 1439) - day * 1440))
    hours = OpeningHours(tuple(tuple(day) for day in spans))
    return hours if hours.is_sound() else ALWAYS


def sites() -> st.SearchStrategy[Site]:
    """A sound site. Keys say the kind of a thing, so that any two sites may be compared.

    It is made of a number: hypothesis would spend a second on the hundreds of choices in each. It can still make
    the site smaller. What single texts and hours may be is drawn by `lines` and `opening_hours`.
    """
    return st.builds(site_of, st.integers(0, 4), st.integers(0, 1 << 32))


def site_of(size: int, seed: int) -> Site:
    """The site of a number, with up to `size` things of each kind."""
    rng = Random(f"{size} {seed}")
    organisation = Organisation(
        "org", rng.choice(_TEXTS), "en", rng.choice(ZONES), rng.choice([60.0, 62.5]), rng.choice([80.0, 75.5]),
        rng.choice([90.0, 100.0]), rng.randint(1, 1000), rng.randint(10, 1000),
    )  # fmt: skip
    groups: list[Node] = []
    for number in _some(rng, range(5), size):
        groups.append(_node(rng, f"g{number}", NodeKind.GROUP, groups))
    nodes = groups + [_node(rng, f"p{number}", NodeKind.POINT, groups) for number in _some(rng, range(5), size)]
    questions = [Question(key, _by_locale(rng)) for key in _some(rng, ["q0", "q1"], size)]
    surveys: list[Survey] = []
    for number in _some(rng, range(5), size) if questions and nodes else ():
        surveys.append(_survey(rng, number, questions, nodes))
        if rules.problems(Site(organisation, tuple(nodes), tuple(questions), tuple(surveys))):
            surveys.pop()  # it runs where another one does
    points = [node.key for node in nodes if node.kind is NodeKind.POINT]
    numbers = _some(rng, range(4), size) if points else []
    placements = [stay for number in numbers for stay in _stays(rng, f"till-{number}", points)]
    return Site(organisation, tuple(nodes), tuple(questions), tuple(surveys), tuple(placements))


_TEXTS = ("Ward 3", "=1+1", "'quoted' \"twice\"", "a; b, c", "\\d #no [x] = {y}", "한국어", "'=", "-", "ä" * 20)
_HOURS = tuple(parse(text) for text in ("always", "closed", "mon-fri 08:00-12:00,13:00-17:00", "sat-sun 20:00-02:00"))
_Thing = TypeVar("_Thing")


def _some(rng: Random, among: Sequence[_Thing], most: int) -> list[_Thing]:
    return rng.sample(among, rng.randint(0, min(most, len(among))))


def _maybe(rng: Random, among: Sequence[_Thing]) -> _Thing | None:
    return rng.choice([None, *among])


def _minute(rng: Random) -> int:
    return rng.choice([rng.randint(FIRST, LAST), rng.choice(COMMON)])


def _by_locale(rng: Random) -> dict[str, str]:
    return {locale: rng.choice(_TEXTS) for locale in ["en", *_some(rng, ["fi", "de_CH", "sv"], 2)]}


def _node(rng: Random, key: str, kind: NodeKind, groups: list[Node]) -> Node:
    return Node(
        key,
        rng.choice(_TEXTS),
        kind,
        _maybe(rng, [node.key for node in groups]),
        _maybe(rng, ZONES),
        _maybe(rng, _HOURS),
        _maybe(rng, list(Level)),
        {label: rng.choice(_TEXTS) for label in _some(rng, _TEXTS, 2)},
        _minute(rng) if rng.random() < 0.3 else None,
    )


def _survey(rng: Random, number: int, questions: list[Question], nodes: list[Node]) -> Survey:
    first = date(2024, 1, 1) + timedelta(days=rng.randint(0, 1400))
    length = rng.choice([None, -1, 0, rng.randint(1, 400)])
    return Survey(
        f"s{number}",
        rng.choice(questions).key,
        tuple(_some(rng, [node.key for node in nodes], 3)) or (nodes[0].key,),
        first,
        None if length is None else first + timedelta(days=length),
        SurveyType.STAFF if number == 3 else SurveyType.CUSTOMER,
        Scale.NPS if number == 4 else Scale.FOUR,
        tuple(
            FollowUp(
                positive,
                _by_locale(rng),
                tuple(Option(key, _by_locale(rng)) for key in ["a", *_some(rng, ["b", "c", "d-1", "e", "f"], 5)]),
            )
            for positive in _some(rng, [False, True], 2)
        ),
    )


def _stays(rng: Random, device_id: str, points: list[str]) -> list[Placement]:
    edges = sorted({_minute(rng) for _ in range(rng.randint(1, 5))})
    ends: list[int | None] = [*edges[1:], rng.choice([None, LAST + 1])]
    kept = [
        Placement(device_id, rng.choice(points), begin, end, rng.choice(list(SurveyType)))
        for begin, end in zip(edges, ends, strict=True)
        if rng.random() < 0.7
    ]
    if kept and rng.random() < 0.3:
        kept[0] = replace(kept[0], until_utc_minute=kept[0].from_utc_minute)  # withdrawn
    return kept
