"""Opening hours on UTC: the same moments that the terminal calls open."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from hymio.common.firmware_files import firmware_module
from hymio.measures.opening import open_spans, spans_of_day
from hymio.measures.zones import local
from hymio.site.hours import OpeningHours, from_texts

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = ["08:00-12:00,13:00-17:00"] * 4 + ["08:00-12:00", "20:00-02:30", ""]


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def spans(day: str) -> list[tuple[int, int]]:
    return [(one.start_utc, one.end_utc) for one in spans_of_day(from_texts(WEEK), BERLIN, date.fromisoformat(day))]


def test_a_day_in_winter_and_one_in_summer() -> None:
    assert spans("2026-01-12") == [
        (utc("2026-01-12T07:00"), utc("2026-01-12T11:00")),
        (utc("2026-01-12T12:00"), utc("2026-01-12T16:00")),
    ]
    assert spans("2026-07-13")[0] == (utc("2026-07-13T06:00"), utc("2026-07-13T10:00"))
    assert spans("2026-01-11") == []


def test_across_midnight_is_the_day_before_s() -> None:
    assert spans("2026-01-10") == [(utc("2026-01-10T19:00"), utc("2026-01-11T01:30"))]


def test_across_the_change_to_summer_time() -> None:
    """02:00 to 02:30 isn't there on that night."""
    assert spans("2026-03-28") == [(utc("2026-03-28T19:00"), utc("2026-03-29T01:00"))]


def test_across_the_change_to_winter_time() -> None:
    """02:00 to 02:30 comes twice, and the terminal is open both times."""
    assert spans("2026-10-24") == [
        (utc("2026-10-24T18:00"), utc("2026-10-25T00:30")),
        (utc("2026-10-25T01:00"), utc("2026-10-25T01:30")),
    ]


quarter = st.integers(0, 95)
span = st.tuples(quarter, quarter).filter(lambda pair: pair[0] != pair[1])
weeks = st.lists(st.lists(span, max_size=2), min_size=7, max_size=7)
"""Two quarters of an hour for each span. Spans may lie over others: a terminal takes those as well."""


def hours_of(week: list[list[tuple[int, int]]]) -> OpeningHours:
    return OpeningHours(tuple(tuple((a * 15, (b if b > a else b + 96) * 15) for a, b in day) for day in week))


@given(
    week=weeks,
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "UTC"]),
    day=st.integers(0, 365),
)
@settings(max_examples=60, deadline=None)
def test_open_is_what_the_terminal_calls_open(week: list[list[tuple[int, int]]], zone: str, day: int) -> None:
    """Against the firmware's own judge, at every quarter of an hour of three days."""
    there = ZoneInfo(zone)
    start = utc("2026-01-01") + day * 86_400
    hours = hours_of(week)
    found = list(open_spans(hours, there, start, start + 3 * 86_400))
    assert all(one.end_utc <= after.start_utc for one, after in pairwise(found))
    judge = firmware_module("hours").Hours(hours.texts())
    for at in range(start, start + 3 * 86_400, 900):
        offset = local(there, at).utcoffset()
        assert offset is not None
        is_open = any(one.start_utc <= at < one.end_utc for one in found)
        assert is_open == judge.has(at + int(offset.total_seconds())), local(there, at)
