"""Votes are attributed to minutes and figures are asked for by the second: both say when an hour or a day begins."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hymio.measures.buckets import buckets
from hymio.measures.zones import stretches
from hymio.site.moments import WallClock, start_of_day, zones

DAY_S = 86_400


@given(zone=st.sampled_from(sorted(zones())), year=st.integers(2000, 2037))
@example("Pacific/Apia", 2011)
@example("Australia/Lord_Howe", 2026)
@example("America/St_Johns", 2005)
@example("America/Nuuk", 2024)
@example("America/Caracas", 2007)
@settings(max_examples=40, deadline=None)
def test_hours_and_days_begin_alike(zone: str, year: int) -> None:
    """Around each change of the clock in a year, or at its beginning if there is none."""
    there, clock = ZoneInfo(zone), WallClock(zone)
    first_utc = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    changes = [one.start_utc for one in stretches(there, first_utc, first_utc + 366 * DAY_S)][1:]
    for change in changes or [first_utc]:
        for hour in buckets("hour", there, change - DAY_S, change + DAY_S):
            first, after, _ = clock.hour_of(hour.start_utc // 60)
            assert (first * 60, after * 60) == (hour.start_utc, hour.end_utc), hour
        for day in buckets("day", there, change - 2 * DAY_S, change + 2 * DAY_S):
            assert start_of_day(date.fromisoformat(day.key), zone) * 60 == day.start_utc, day
