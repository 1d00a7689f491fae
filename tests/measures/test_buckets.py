"""Hours, days and longer buckets of a place's clock: they partition time, through every change of every zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hymio.measures.buckets import Bucket, Per, buckets, same_hour_before
from hymio.measures.zones import local, start_local, stretches
from hymio.site.moments import start_of_day

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted(name for name in available_timezones() if name not in ("Factory", "localtime"))
PERS: tuple[Per, ...] = get_args(Per)
DAY_S = 86_400
YEAR_2037_S = 2_114_380_800

zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.integers(0, YEAR_2037_S)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def of(per: Per, zone: ZoneInfo, start: str, end: str) -> list[Bucket]:
    return list(buckets(per, zone, utc(start), utc(end)))


def hours_in(day: date, zone: ZoneInfo) -> list[Bucket]:
    start = start_of_day(day, zone.key) * 60
    end = next(one.end_utc for one in buckets("day", zone, start, start + 1))
    return list(buckets("hour", zone, start, end))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 28), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Santiago", date(2026, 9, 6), 23),  # its midnight is skipped
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
    ],
)
def test_days_have_23_24_or_25_hours(zone: str, day: date, hours: int) -> None:
    found = hours_in(day, ZoneInfo(zone))
    assert len(found) == hours
    assert {one.end_utc - one.start_utc for one in found} == {3600}


def test_an_hour_that_comes_twice_is_two_buckets() -> None:
    texts = [one.start_local for one in hours_in(date(2026, 10, 25), BERLIN)]
    assert texts[2:4] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
    assert len(set(texts)) == 25


def test_a_skipped_hour_is_no_bucket() -> None:
    texts = [one.start_local for one in hours_in(date(2026, 3, 29), BERLIN)]
    assert texts[1:3] == ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]


def test_half_an_hour_of_daylight_saving() -> None:
    """Lord Howe Island sets its clock back by 30 minutes: from 02:00 to 01:30."""
    found = hours_in(date(2026, 4, 5), ZoneInfo("Australia/Lord_Howe"))
    assert [(one.start_local[11:], one.end_utc - one.start_utc) for one in found[1:4]] == [
        ("01:00:00+11:00", 3600),
        ("01:30:00+10:30", 1800),
        ("02:00:00+10:30", 3600),
    ]


def test_a_day_that_a_zone_skipped_is_not_there() -> None:
    """Samoa went over the date line at the end of 29 December 2011."""
    found = of("day", ZoneInfo("Pacific/Apia"), "2011-12-29T00:00", "2012-01-01T12:00")
    assert [one.key for one in found] == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02"]


def test_keys_of_each_kind() -> None:
    start, end = "2026-12-31T12:00", "2026-12-31T13:00"
    assert [of(per, BERLIN, start, end)[0].key for per in PERS] == [
        "2026-12-31T13:00:00+01:00",
        "4-thursday",
        "2026-12-31",
        "2026-W53",
        "2026-12",
        "2026-Q4",
    ]


def test_weekdays_are_days_whose_keys_come_again() -> None:
    found = of("weekday", BERLIN, "2026-03-01T12:00", "2026-03-14T12:00")
    assert [one.key[0] for one in found] == list("71234567123456")
    assert found[0].key == found[7].key == "7-sunday"


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after its start"):
        list(buckets("day", BERLIN, 5, 5))


@given(per=st.sampled_from(PERS), zone=zones, start=moments, length_s=st.integers(1, 60 * DAY_S))
@example("hour", ZoneInfo("America/St_Johns"), utc("2009-10-31"), 3 * DAY_S)  # changed its clock at 00:01
@example("day", ZoneInfo("America/St_Johns"), utc("2009-10-31"), 3 * DAY_S)
@example("day", ZoneInfo("Pacific/Apia"), utc("2011-12-28"), 5 * DAY_S)
@example("day", ZoneInfo("Pacific/Kwajalein"), utc("1993-08-19"), 5 * DAY_S)
@settings(max_examples=150, deadline=None)
def test_buckets_partition_time(per: Per, zone: ZoneInfo, start: int, length_s: int) -> None:
    found = list(buckets(per, zone, start, start + length_s))
    assert found[0].start_utc <= start < found[0].end_utc
    assert found[-1].start_utc < start + length_s <= found[-1].end_utc
    assert all(one.end_utc == after.start_utc and one.start_utc < one.end_utc for one, after in pairwise(found))
    assert all(one.start_local == start_local(zone, one.start_utc) for one in found)
    assert len({one.start_local for one in found}) == len(found)
    if per != "weekday":
        assert len({one.key for one in found}) == len(found)


@given(per=st.sampled_from(PERS), zone=zones, start=moments, cut_s=st.integers(1, 40 * DAY_S))
@settings(max_examples=80, deadline=None)
def test_a_bucket_is_the_same_whatever_range_asks_for_it(per: Per, zone: ZoneInfo, start: int, cut_s: int) -> None:
    whole = list(buckets(per, zone, start, start + 41 * DAY_S))
    parts = [*buckets(per, zone, start, start + cut_s), *buckets(per, zone, start + cut_s, start + 41 * DAY_S)]
    assert sorted(set(parts), key=lambda one: one.start_utc) == whole


@given(per=st.sampled_from(PERS), zone=zones, moment=moments)
@settings(max_examples=80, deadline=None)
def test_every_bucket_consists_of_whole_hours(per: Per, zone: ZoneInfo, moment: int) -> None:
    (one,) = buckets(per, zone, moment, moment + 1)
    inside = list(buckets("hour", zone, one.start_utc, one.end_utc))
    assert (inside[0].start_utc, inside[-1].end_utc) == (one.start_utc, one.end_utc)


@given(zone=zones, moment=moments)
@settings(max_examples=80, deadline=None)
def test_an_hour_shows_one_hour_on_the_wall(zone: ZoneInfo, moment: int) -> None:
    (one,) = buckets("hour", zone, moment, moment + 1)
    shown = {local(zone, at).strftime("%F %H %z") for at in (one.start_utc, moment, one.end_utc - 1)}
    assert len(shown) == 1 and one.end_utc - one.start_utc <= 3600


@given(zone=zones, year=st.integers(1971, 2036))
@settings(max_examples=15, deadline=None)
def test_no_change_of_the_clock_is_missed(zone: ZoneInfo, year: int) -> None:
    """Against a look at every half hour of a year."""
    start = utc(f"{year}-01-01")
    found = list(stretches(zone, start, start + 365 * DAY_S))
    assert (found[0].start_utc, found[-1].end_utc) == (start, start + 365 * DAY_S)
    assert all(a.end_utc == b.start_utc and a.offset_s != b.offset_s for a, b in pairwise(found))
    for one in found:
        for at in (*range(one.start_utc, one.end_utc, 1800), one.end_utc - 1):
            offset = local(zone, at).utcoffset()
            assert offset is not None and offset.total_seconds() == one.offset_s


def test_the_same_hour_of_the_weeks_before() -> None:
    start = utc("2026-04-05T00:00")  # Sunday, 02:00 in Berlin; a week before, that hour was skipped
    assert same_hour_before(BERLIN, start, 3) == [None, utc("2026-03-22T01:00"), utc("2026-03-15T01:00")]


def test_of_an_hour_that_came_twice_the_first_is_the_one_before() -> None:
    start = utc("2026-11-01T01:00")  # Sunday, 02:00 in Berlin
    assert same_hour_before(BERLIN, start, 1) == [utc("2026-10-25T00:00")]
