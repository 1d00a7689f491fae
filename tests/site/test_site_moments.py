"""Moments in files, and the clocks on the walls of places."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import ZONES, minutes

from hymio.site.moments import WallClock, minute_of, moment_of, parse_moment, start_of_day, text_of, zone_of

EIGHT = minute_of(datetime(2026, 3, 1, 6, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    "given_moment",
    [
        "2026-03-01 08:00",
        "2026-03-01T08:00",
        " 2026-03-01 08:00:00 ",
        "2026-03-01T06:00:00Z",
        "2026-03-01t06:00:00.000z",
        "2026-03-01T11:30:00+05:30",
        datetime(2026, 3, 1, 8, 0),
        datetime(2026, 3, 1, 6, 0, tzinfo=UTC),
    ],
)
def test_a_moment_is_rfc_3339_or_local_time_of_the_place(given_moment: object) -> None:
    assert parse_moment(given_moment, "Europe/Helsinki") == EIGHT


@pytest.mark.parametrize(
    ("given_moment", "said"),
    [
        ("2026-03-01", "2026-03-01T08:00:00"),
        (date(2026, 3, 1), "2026-03-01T08:00:00"),
        (5, "2026-03-01T08:00:00"),
        ("1.3.2026 08:00", "2026-03-01T08:00:00"),
        ("2026-02-30 08:00", "2026-03-01T08:00:00"),
        ("2026-03-01T08:00:00+25:00", "2026-03-01T08:00:00"),
        ("2026-03-01 08:00:30", "whole minute"),
        ("2026-03-01 08:00:00.5", "whole minute"),
        ("0001-01-01T00:00:00+14:00", "years 2000 to 2099"),
        ("9999-12-31T23:59:00-14:00", "years 2000 to 2099"),
        ("1999-12-31 08:00", "years 2000 to 2099"),
        ("2026-03-29 03:30", "skip this one"),
        ("2026-10-25 03:30", r"2026-10-25T03:30:00\+03:00 or 2026-10-25T03:30:00\+02:00"),
    ],
)
def test_what_can_not_be_meant_is_refused(given_moment: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_moment(given_moment, "Europe/Helsinki")


@given(minutes, st.sampled_from(ZONES))
def test_a_moment_comes_back_from_its_text(minute: int, zone: str) -> None:
    assert parse_moment(text_of(minute, zone), "America/New_York") == minute
    assert parse_moment(moment_of(minute, zone), "America/New_York") == minute


@pytest.mark.parametrize(
    ("zone", "day", "utc"),
    [
        ("Europe/Helsinki", date(2026, 3, 29), "2026-03-28T22:00"),
        ("America/Santiago", date(2026, 9, 6), "2026-09-06T04:00"),  # 00:00 is skipped, the day begins at 01:00
        ("America/Santiago", date(2026, 4, 5), "2026-04-05T04:00"),  # 23:00 came twice the evening before
        ("Atlantic/Azores", date(2026, 10, 25), "2026-10-25T00:00"),  # 00:00 comes twice, the first one
    ],
)
def test_where_a_local_day_begins(zone: str, day: date, utc: str) -> None:
    assert start_of_day(day, zone) == minute_of(datetime.fromisoformat(f"{utc}:00+00:00"))


CHANGES = [
    minute_of(datetime.fromisoformat(text))
    for text in (
        "2026-03-29T01:00:00+00:00",  # Europe
        "2026-10-25T01:00:00+00:00",
        "2026-03-08T07:00:00+00:00",  # New York
        "2026-11-01T06:00:00+00:00",
        "2026-09-06T04:00:00+00:00",  # Santiago
        "2026-04-05T03:00:00+00:00",
        "2026-04-04T15:00:00+00:00",  # Lord Howe
        "2026-10-03T15:30:00+00:00",
        "2026-04-04T14:00:00+00:00",  # Chatham
        "2026-09-26T14:00:00+00:00",
    )
]
near_changes = st.one_of(
    minutes, st.builds(lambda change, by: change + by, st.sampled_from(CHANGES), st.integers(-200, 200))
)


def hour_by_walking(minute: int, zone: str) -> tuple[int, int]:
    """The stretch of minutes around this one in which the clock shows the same hour and is set alike."""

    def face(at: int) -> tuple[object, ...]:
        moment = datetime.fromtimestamp(at * 60, ZoneInfo(zone))
        return moment.date(), moment.hour, moment.utcoffset()

    begin = end = minute
    while face(begin - 1) == face(minute):
        begin -= 1
    while face(end) == face(minute):
        end += 1
    return begin, end


@given(near_changes, st.sampled_from(ZONES))
def test_the_hour_that_a_clock_shows(minute: int, zone: str) -> None:
    begin, end = hour_by_walking(minute, zone)
    clock = WallClock(zone)
    offset = datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).utcoffset()
    assert offset is not None
    assert clock.hour_of(minute) == (begin, end, offset.total_seconds() // 60)
    assert clock.hour_start(minute) == begin
    assert clock.local_minute(minute) - minute == offset.total_seconds() // 60


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_a_day_of_the_change_has_an_hour_less_or_more(day: date, hours: int) -> None:
    clock = WallClock("Europe/Helsinki")
    first = start_of_day(day, "Europe/Helsinki")
    after = start_of_day(date.fromordinal(day.toordinal() + 1), "Europe/Helsinki")
    assert len({clock.hour_start(minute) for minute in range(first, after)}) == hours


def test_half_an_hour_on_lord_howe_island_is_an_hour_of_its_own() -> None:
    clock = WallClock("Australia/Lord_Howe")
    back = minute_of(datetime(2026, 4, 4, 15, 0, tzinfo=UTC))  # 02:00 becomes 01:30
    assert [clock.hour_of(back + by)[:2] for by in (-1, 0, 30)] == [
        (back - 60, back),
        (back, back + 30),
        (back + 30, back + 90),
    ]


@pytest.mark.parametrize("change", [0, 10, 1440 - 10])
def test_an_hour_over_midnight_ends_where_the_clock_is_set(change: int) -> None:
    class Set(WallClock):
        """No zone of today is set within such an hour; one may be."""

        def _offset(self, utc_minute: int) -> int:
            return 330 if utc_minute < change else 390

    clock = Set("UTC")
    hour = change - (change + 330) % 60
    assert clock.hour_of(change - 1)[:2] == (hour if hour < change else hour - 60, change)
    assert clock.hour_of(change)[0] == change
    assert clock.hour_of(hour + 59) == (change, hour + 60, 390)


@pytest.mark.parametrize("name", ["Europe/Helsinky", "", "../etc/passwd", "localtime", "a\0b", "Europe"])
def test_an_unknown_zone_is_a_sentence(name: str) -> None:
    with pytest.raises(ValueError, match="is not known; expected a name like Europe/Helsinki"):
        zone_of(name)


def test_the_zones_are_there_on_a_computer_that_has_none() -> None:
    """Windows and slim containers: they come with the package tzdata, which every installation has."""
    code = "from hymio.site import moments; print(len(moments.zones()) > 400, moments.zone_of('Europe/Helsinki'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONTZPATH": ""}, capture_output=True, text=True
    )
    assert done.stdout == "True Europe/Helsinki\n", done.stderr
