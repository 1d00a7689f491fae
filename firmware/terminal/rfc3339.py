"""Dates: RFC 3339 texts to milliseconds of 1970 and back. Loaded when a text with a date is read or made."""

from .clock_belief import BEHIND, BEYOND
from .compat import const

_DAY_S = const(86400)
_SOURCES = ("?", "NTP", "the collector", "the cable")


def format_utc_ms(utc_ms):
    """Gives a text like `2027-01-15T08:00:00.250` for ms of 1970."""
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03d" % (_parts(utc_ms // 1000) + (utc_ms % 1000,))


def doubt(clock):
    """Gives a text for a person: why the time that `clock.refused` keeps is not believed."""
    source, utc_ms, why = clock.refused
    if why == BEYOND:
        expected = "expected a day of 2026 to 2045"
    elif why == BEHIND:
        expected = "the log has been at %s already" % format_utc_ms(clock.floor_ms)[:10]
    else:
        expected = "%s says %s" % (_SOURCES[clock.source], format_utc_ms(clock.utc_ms())[:10])
    return "%s says %s: %s" % (_SOURCES[source], format_utc_ms(utc_ms)[:10], expected)


def parse_utc_ms(stamp):
    """Gives ms of 1970 for an RFC 3339 time: `2027-01-15T08:00:00[.250][Z|+02:00]`. ValueError if it is none."""
    if len(stamp) < 19 or stamp[4] + stamp[7] + stamp[13] + stamp[16] != "--::" or stamp[10] not in "Tt ":
        raise ValueError("no date and time")
    year, month, day = _digits(stamp[:4]), _digits(stamp[5:7]), _digits(stamp[8:10])
    hour, minute, second = _digits(stamp[11:13]), _digits(stamp[14:16]), _digits(stamp[17:19])
    if not (year >= 1970 and 1 <= month <= 12 and day >= 1 and hour < 24 and minute < 60 and second < 60):
        raise ValueError("out of range")
    days = _days(year, month, day)
    if _parts(days * _DAY_S)[:3] != (year, month, day):
        raise ValueError("no such day")
    rest = stamp[19:]
    ms = 0
    if rest[:1] == ".":
        n = 1
        while n < len(rest) and rest[n] in "0123456789":
            n += 1
        ms = _digits((rest[1:n] + "00")[:3])
        rest = rest[n:]
    seconds = days * _DAY_S + hour * 3600 + minute * 60 + second
    if rest not in ("", "Z", "z"):
        if len(rest) != 6 or rest[0] not in "+-" or rest[3] != ":":
            raise ValueError("no offset")
        offset_s = _digits(rest[1:3]) * 3600 + _digits(rest[4:]) * 60
        seconds += -offset_s if rest[0] == "+" else offset_s
    return seconds * 1000 + ms


def _digits(piece):
    if not piece or not all(letter in "0123456789" for letter in piece):
        raise ValueError("no number")
    return int(piece)


def _days(year, month, day):
    """Gives the days since 1 January 1970. The year is taken to begin in March, so that the leap day is its last."""
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469


def _parts(utc_s):
    """Gives (year, month, day, hour, minute, second) of seconds of 1970."""
    days = utc_s // _DAY_S
    year = 1970 + days // 366
    while _days(year + 1, 1, 1) <= days:
        year += 1
    month = 1
    while month < 12 and _days(year, month + 1, 1) <= days:
        month += 1
    left = utc_s % _DAY_S
    return year, month, days - _days(year, month, 1) + 1, left // 3600, left // 60 % 60, left % 60
