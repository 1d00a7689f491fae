"""To which place, survey and hour a press belongs, held against a slow way to find it that is plainly right."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import COMMON, HOSPITAL, ZONES, minutes, sites

from hymio.measures.buckets import buckets
from hymio.site import attribution
from hymio.site.attribution import (
    FOR_EVER,
    Attribution,
    Attributor,
    PieceOfTime,
    TerminalStretch,
    changed_stretches,
    compile_site,
    nowhere_changed,
)
from hymio.site.hours import parse
from hymio.site.model import Node, NodeKind, Organisation, Placement, Question, Scale, Site, Survey, SurveyType
from hymio.site.moments import WallClock, minute_of, parse_moment
from hymio.site.read import parse_site

BASE = parse_site(HOSPITAL)
DEVICES = ("till-0", "till-1", "till-2", "till-3", "till-9")
devices = st.sampled_from(DEVICES)


def helsinki(text: str) -> int:
    return parse_moment(text, "Europe/Helsinki")


def ancestors(site: Site, key: str) -> list[Node]:
    (node,) = (node for node in site.nodes if node.key == key)
    return [node] if node.parent is None else [node, *ancestors(site, node.parent)]


Belongs = tuple[str | None, str | None, int, int, bool]
"""(point, survey, day, hour, is open)"""


def shown_as(found: Attribution[PieceOfTime]) -> Belongs:
    return found.piece.point, found.piece.survey, found.day_utc_minute, found.hour_utc_minute, found.is_open


def at(compiled: Attributor[PieceOfTime], device_id: str, minute: int) -> Belongs:
    return shown_as(compiled.at(device_id, minute))


def slowly(site: Site, device_id: str, minute: int) -> Belongs:
    """By the words of the model: no interval is ever computed."""
    point, survey, hours, zone = None, None, None, site.organisation.time_zone
    for placement in site.placements:
        until = placement.until_utc_minute
        if placement.device_id != device_id or minute < placement.from_utc_minute or (until and minute >= until):
            continue
        above = ancestors(site, placement.point)
        if any(node.until_utc_minute is not None and minute >= node.until_utc_minute for node in above):
            continue
        point = placement.point
        zone = next((node.time_zone for node in above if node.time_zone), zone)
        hours = next((node.hours for node in above if node.hours), None)
        today = datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).date()
        for one in site.surveys:
            if (
                one.type is placement.asks
                and one.scale is Scale.FOUR
                and {node.key for node in above} & set(one.at)
                and one.first_day <= today <= (one.last_day or date.max)
            ):
                survey = one.key
    hour = minute
    while shown(hour - 1, zone) == shown(minute, zone):
        hour -= 1
    local = datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).replace(tzinfo=None)
    is_open = hours is None or hours.has((local - datetime(1970, 1, 1)) // timedelta(minutes=1))
    (day,) = buckets("day", ZoneInfo(zone), 60 * minute, 60 * minute + 1)
    return point, survey, day.start_utc // 60, hour, is_open


def shown(minute: int, zone: str) -> tuple[object, ...]:
    moment = datetime.fromtimestamp(minute * 60, ZoneInfo(zone))
    return moment.date(), moment.hour, moment.utcoffset()


def bounds(site: Site) -> st.SearchStrategy[int]:
    """Minutes, most of them where something begins or ends."""
    edges = {piece.from_utc_minute for one in DEVICES for piece in compile_site(site).pieces(one)[1:]} | {COMMON[0]}
    return minutes | st.builds(lambda edge, by: edge + by, st.sampled_from(sorted(edges)), st.integers(-61, 61))


@given(st.data(), sites(), devices)
def test_a_press_belongs_where_the_site_says(data: st.DataObject, site: Site, device_id: str) -> None:
    asked = data.draw(st.lists(bounds(site), min_size=1, max_size=12))
    expected = [slowly(site, device_id, minute) for minute in asked]
    compiled = compile_site(site)
    assert [shown_as(one) for one in compiled.many(device_id, asked)] == expected  # in any order
    assert [at(compiled, device_id, minute) for minute in asked] == expected
    in_order = sorted(zip(asked, expected, strict=True), key=lambda pair: pair[0])
    found = compiled.many(device_id, [minute for minute, _ in in_order])
    assert [shown_as(one) for one in found] == [one for _, one in in_order]


@given(sites(), devices)
def test_the_pieces_of_a_terminal_cover_all_time(site: Site, device_id: str) -> None:
    pieces = compile_site(site).pieces(device_id)
    starts = [piece.from_utc_minute for piece in pieces]
    assert starts[0] == attribution.FROM_EVER
    assert starts == sorted(set(starts))
    assert not any(before.is_like(after) for before, after in pairwise(pieces))


@given(st.data(), sites(), sites(), devices)
def test_a_correction_names_the_minutes_that_change_and_no_others(
    data: st.DataObject, old: Site, new: Site, device_id: str
) -> None:
    before, after = compile_site(old), compile_site(new)
    stretches = [one for one in changed_stretches(before, after) if one.device_id == device_id]
    assert all(one.from_utc_minute < one.until_utc_minute for one in stretches)
    for minute in data.draw(st.lists(bounds(old) | bounds(new), max_size=12)):
        touched = any(one.from_utc_minute <= minute < one.until_utc_minute for one in stretches)
        if device_id not in before.device_ids | after.device_ids:
            assert not touched
            touched = nowhere_changed(before, after)
        if not touched:
            assert at(before, device_id, minute) == at(after, device_id, minute)
        else:
            assert not _piece(before, device_id, minute).is_like(_piece(after, device_id, minute))


def _piece(compiled: Attributor[PieceOfTime], device_id: str, minute: int) -> PieceOfTime:
    return [piece for piece in compiled.pieces(device_id) if piece.from_utc_minute <= minute][-1]


@given(sites())
def test_nothing_changes_between_equal_sites(site: Site) -> None:
    assert list(changed_stretches(compile_site(site), compile_site(site))) == []


def test_a_terminal_without_a_placement_shows_under_its_own_id() -> None:
    noon = helsinki("2026-04-01 12:34")
    midnight = helsinki("2026-04-01 00:00")
    assert at(compile_site(BASE), "till-9", noon) == (None, None, midnight, noon - 34, True)
    assert compile_site(BASE).at("till-1", helsinki("2026-03-01 07:59")).piece.point is None
    assert compile_site(BASE).at("till-1", helsinki("2026-03-01 08:00")).piece.point == "ward-3"


def test_a_terminal_asks_one_of_the_surveys_that_run_at_a_point() -> None:
    staff = Survey("staff", "service", ("ward-3",), date(2026, 1, 1), None, SurveyType.STAFF)
    nps = Survey("nps", "service", ("ward-3",), date(2026, 1, 1), None, scale=Scale.NPS)
    site = replace(
        BASE,
        surveys=(*BASE.surveys, staff, nps),
        placements=(
            *BASE.placements,
            Placement("till-7", "ward-3", helsinki("2026-03-01 08:00"), asks=SurveyType.STAFF),
        ),
    )
    compiled = compile_site(site)
    assert compiled.at("till-1", helsinki("2026-04-01 12:00")).piece.survey == "service-2026"
    assert compiled.at("till-7", helsinki("2026-04-01 12:00")).piece.survey == "staff"


def test_survey_days_are_days_of_the_place() -> None:
    survey = replace(BASE.surveys[0], last_day=date(2026, 4, 30))
    compiled = compile_site(replace(BASE, surveys=(survey,)))
    for device_id, zone in (("till-1", "Europe/Helsinki"), ("till-2", "Europe/Stockholm")):
        midnight = parse_moment("2026-05-01 00:00", zone)
        assert compiled.at(device_id, midnight - 1).piece.survey == "service-2026"
        assert compiled.at(device_id, midnight).piece.survey is None


@pytest.mark.parametrize("zone", [*ZONES, "America/Havana", "America/St_Johns", "Pacific/Apia", "America/Nuuk"])
@pytest.mark.parametrize("year", [1999, 2006, 2011, 2026])
def test_days_are_those_of_the_figures(zone: str, year: int) -> None:
    """Midnight that comes twice or not at all, a minute past it, a day that was skipped."""
    clock = WallClock(zone)
    first, last = (minute_of(datetime(y, 1, 1, tzinfo=UTC)) for y in (year, year + 1))
    for day in buckets("day", ZoneInfo(zone), 60 * first, 60 * last):
        begin, end = day.start_utc // 60, day.end_utc // 60
        for minute in (begin, begin + 1, begin + 60, end - 61, end - 1):
            assert clock.day_of(minute) == (begin, end)


@pytest.mark.parametrize("zone", ZONES)
def test_a_whole_year_of_hours_has_no_gap_and_none_twice(zone: str) -> None:
    site = Site(
        Organisation("a", "A"),
        (Node("p", "P", NodeKind.POINT, time_zone=zone),),
        (Question("q", {"en": "Q"}),),
        placements=(Placement("till-1", "p", 0),),
    )
    first, last = (minute_of(datetime(year, 1, 1, tzinfo=UTC)) for year in (2026, 2027))
    asked = range(first, last, 5)  # all zones here are set at a multiple of five minutes
    hours = [found.hour_utc_minute for found in compile_site(site).many("till-1", asked)]
    assert hours == sorted(hours)
    assert all(0 <= minute - hour < 60 for minute, hour in zip(asked, hours, strict=True))
    assert {after - before for before, after in pairwise(hours)} <= {0, 15, 30, 45, 60}
    assert len({shown(hour, zone) for hour in set(hours)}) == len(set(hours))


def test_opening_hours_through_both_changes_of_the_clock() -> None:
    site = parse_site(
        HOSPITAL.replace('hours = "mon-fri 08:00-18:00; sat 10:00-14:00"', 'hours = "sun 03:30-04:30"').replace(
            "from = 2026-03-01T08", "from = 2026-03-01T01"
        )
    )
    compiled = compile_site(site)

    def open_minutes(day: int) -> list[str]:
        """When it opens and when it closes."""
        asked = range(day, day + 1500)
        found = [one.is_open for one in compiled.many("till-1", asked)]
        changes = [asked[at] for at in range(1, len(found)) if found[at] is not found[at - 1]]
        return [f"{datetime.fromtimestamp(minute * 60, UTC):%H:%M}" for minute in changes]

    # 03:00 to 04:00 is skipped, so it opens at 04:00, which is 01:00 UTC.
    assert open_minutes(helsinki("2026-03-29 00:00")) == ["01:00", "01:30"]
    # 03:00 to 04:00 comes twice: open from 03:30 to 04:00, and again.
    assert open_minutes(helsinki("2026-10-25 00:00")) == ["00:30", "01:00", "01:30", "02:30"]


def test_a_terminal_that_moves_within_an_hour_takes_the_clock_of_its_new_place() -> None:
    nodes = tuple(
        Node(key, key, NodeKind.POINT, time_zone=zone, hours=parse("mon-sun 12:00-13:00"))
        for key, zone in (("here", "Europe/Helsinki"), ("there", "Asia/Kolkata"), ("elsewhere", "Europe/London"))
    )
    ten = minute_of(datetime(2026, 6, 1, 9, 10, tzinfo=UTC))
    stays = (
        Placement("till-1", "here", ten - 600, ten),
        Placement("till-1", "there", ten, ten + 1),
        Placement("till-1", "elsewhere", ten + 1),
    )
    compiled = compile_site(Site(Organisation("a", "A"), nodes, placements=stays))
    assert [shown_as(one) for one in compiled.many("till-1", range(ten - 1, ten + 2))] == [
        ("here", None, ten - 730, ten - 10, True),
        ("there", None, ten - 880, ten - 40, False),
        ("elsewhere", None, ten - 610, ten - 10, False),
    ]


def test_corrections_touch_exactly_their_stretch() -> None:
    old = compile_site(BASE)

    def touched(new: Site) -> list[TerminalStretch]:
        return list(changed_stretches(old, compile_site(new)))

    first, second = BASE.placements
    since, moved = first.from_utc_minute, helsinki("2026-04-01 08:00")
    earlier = replace(first, from_utc_minute=since - 600)
    assert touched(replace(BASE, placements=(earlier, second))) == [TerminalStretch("till-1", since - 600, since)]
    ended = replace(first, until_utc_minute=moved)
    assert touched(replace(BASE, placements=(ended, second))) == [TerminalStretch("till-1", moved, FOR_EVER)]
    zone = replace(BASE, nodes=tuple(replace(one, time_zone="UTC") if one.key == "bar" else one for one in BASE.nodes))
    assert second.until_utc_minute is not None
    assert touched(zone) == [TerminalStretch("till-2", second.from_utc_minute, second.until_utc_minute)]
    name = replace(BASE, nodes=tuple(replace(one, name="Other") for one in BASE.nodes))
    assert touched(name) == []
    assert not nowhere_changed(old, compile_site(name))
    assert nowhere_changed(old, compile_site(replace(BASE, organisation=Organisation("a", "A", time_zone="UTC"))))


def test_many_minutes_in_order_need_few_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def bisect(pieces: Sequence[PieceOfTime], minute: int, key: Callable[[PieceOfTime], int]) -> int:
        looked.append(minute)
        return bisect_right(pieces, minute, key=key)

    monkeypatch.setattr(attribution, "bisect_right", bisect)
    first = helsinki("2026-03-02 00:00")
    found = list(compile_site(BASE).many("till-2", range(first, first + 500_000, 10)))
    assert len(found) == 50_000
    assert len(looked) <= 500_000 / 60 + 2  # one an hour, and one where its time at the bar ends
