"""Sites to test with: one that people can read, and any that there may be."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st
from hymio.site import rules
from hymio.site.hours import ALWAYS, OpeningHours
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

minutes = st.integers(FIRST, LAST)
days = st.dates(date(2024, 1, 1), date(2027, 12, 31))


def lines(most: int) -> st.SearchStrategy[str]:
    """Texts that a person may have written, and signs that a file must escape."""
    signs = st.one_of(st.sampled_from("=+-@'\";,\\[]#.ä한 "), st.characters(exclude_categories=["C", "Zl", "Zp"]))
    return st.text(signs, min_size=1, max_size=most).map(str.strip).filter(lambda text: rules.is_line(text, most))


def texts(most: int) -> st.SearchStrategy[dict[str, str]]:
    """By locale; English is always there."""
    others = st.dictionaries(st.sampled_from(["fi", "de_CH", "sv"]), lines(most), max_size=2)
    return st.builds(lambda english, more: {"en": english, **more}, lines(most), others)


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


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """A sound site. Keys say the kind of a thing, so that any two sites may be compared."""
    organisation = Organisation(
        "org", draw(lines(20)), "en", draw(st.sampled_from(ZONES)), draw(st.sampled_from([60.0, 62.5])), 80.0, 90.0
    )
    zones = st.none() | st.sampled_from(ZONES)
    nodes: list[Node] = []
    for number in draw(st.lists(st.integers(0, 4), unique=True, max_size=4)):
        nodes.append(draw(_nodes(f"g{number}", NodeKind.GROUP, nodes, zones)))
    groups = list(nodes)
    for number in draw(st.lists(st.integers(0, 4), unique=True, max_size=4)):
        nodes.append(draw(_nodes(f"p{number}", NodeKind.POINT, groups, zones)))
    questions = [Question(key, draw(texts(40))) for key in draw(st.sets(st.sampled_from(["q0", "q1"])))]
    surveys: list[Survey] = []
    if questions and nodes:
        for number in draw(st.sets(st.integers(0, 4), max_size=3)):
            surveys.append(draw(_surveys(number, [one.key for one in questions], [node.key for node in nodes])))
            if rules.problems(Site(organisation, tuple(nodes), tuple(questions), tuple(surveys))):
                surveys.pop()  # it runs where another one does
    points = [node.key for node in nodes if node.kind is NodeKind.POINT]
    placements: list[Placement] = []
    if points:
        for number in draw(st.sets(st.integers(0, 3), max_size=3)):
            placements += draw(_stays(f"till-{number}", points))
    return Site(organisation, tuple(nodes), tuple(questions), tuple(surveys), tuple(placements))


@st.composite
def _nodes(
    draw: st.DrawFn, key: str, kind: NodeKind, groups: list[Node], zones: st.SearchStrategy[str | None]
) -> Node:
    return Node(
        key,
        draw(lines(20)),
        kind,
        draw(st.sampled_from([None, *(node.key for node in groups)])),
        draw(zones),
        draw(st.none() | opening_hours()),
        draw(st.none() | st.sampled_from(Level)),
        draw(st.dictionaries(lines(10), lines(10), max_size=2)),
        draw(st.none() | minutes),
    )


@st.composite
def _surveys(draw: st.DrawFn, number: int, questions: list[str], places: list[str]) -> Survey:
    first = draw(days)
    length = draw(st.none() | st.integers(-1, 400))
    return Survey(
        f"s{number}",
        draw(st.sampled_from(questions)),
        tuple(draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True))),
        first,
        None if length is None else first + timedelta(days=length),
        SurveyType.STAFF if number == 3 else SurveyType.CUSTOMER,
        Scale.NPS if number == 4 else Scale.FOUR,
        tuple(
            FollowUp(positive, draw(texts(20)), tuple(draw(_options())))
            for positive in draw(st.lists(st.booleans(), unique=True))
        ),
    )


@st.composite
def _options(draw: st.DrawFn) -> list[Option]:
    keys = draw(st.lists(st.sampled_from(["a", "b", "c", "d-1", "e", "f"]), min_size=1, unique=True))
    return [Option(key, draw(texts(10))) for key in keys]


@st.composite
def _stays(draw: st.DrawFn, device_id: str, points: list[str]) -> list[Placement]:
    edges = sorted(draw(st.sets(minutes, min_size=1, max_size=5)))
    ends: list[int | None] = [*edges[1:], draw(st.none() | st.just(LAST + 1))]
    stays = [
        Placement(device_id, draw(st.sampled_from(points)), begin, end, draw(st.sampled_from(SurveyType)))
        for begin, end in zip(edges, ends, strict=True)
    ]
    withdrawn = draw(st.booleans())
    kept = [stay for stay in stays if draw(st.booleans())]
    if withdrawn and kept:
        kept[0] = Placement(device_id, kept[0].point, kept[0].from_utc_minute, kept[0].from_utc_minute)
    return kept
