"""Local time by POSIX TZ strings against the time zone database: around every change and in between."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from terminal.zone import Zone

FROM, UNTIL = 2026, 2037


def instants(place):
    """Both sides of every change to the second, and one moment in 41 hours."""
    at = datetime(FROM, 1, 1, tzinfo=UTC)
    step = timedelta(hours=41)
    while at.year <= UNTIL:
        yield at
        after = at + step
        if at.astimezone(place).utcoffset() != after.astimezone(place).utcoffset():
            low, high = at, after
            while high - low > timedelta(seconds=1):
                middle = (low + (high - low) / 2).replace(microsecond=0)
                if middle.astimezone(place).utcoffset() == at.astimezone(place).utcoffset():
                    low = middle
                else:
                    high = middle
            yield from (low, high)
        at = after


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Europe/Helsinki", "EET-2EEST,M3.5.0/3,M10.5.0/4"),
        ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
        ("Australia/Sydney", "AEST-10AEDT,M10.1.0,M4.1.0/3"),  # daylight saving time over New Year
        ("Europe/Dublin", "IST-1GMT0,M10.5.0,M3.5.0/1"),  # the other way round: winter time is the exception
        ("America/Nuuk", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"),  # on the evening before
        ("America/Santiago", "<-04>4<-03>,M9.1.6/24,M4.1.6/24"),  # at the end of the day
        ("Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"),  # half an hour
        ("Asia/Kolkata", "IST-5:30"),
        ("America/Phoenix", "MST7"),
    ],
)
def test_as_the_time_zone_database_has_it(name, text):
    place, zone = ZoneInfo(name), Zone(text)
    changes = 0
    last = None
    for at in instants(place):
        offset = at.astimezone(place).utcoffset()
        utc_s = int(at.timestamp())
        assert zone.local_s(utc_s) - utc_s == offset.total_seconds(), at
        changes += last is not None and offset != last
        last = offset
    assert changes == (24 if "," in text else 0)
