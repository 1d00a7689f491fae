"""Opening hours at their boundaries."""  # portable

from terminal.hours import Hours, parse_day

MONDAY = 1800230400  # Monday 18 January 2027, 00:00 UTC


def test_parse():
    assert parse_day("08:00-18:30") == (480, 1110)
    assert parse_day("00:00-24:00") == (0, 1440)
    assert parse_day("") is None
    for bad in ("8:00-18:00", "08:00-08:00", "18:00-08:00", "08:60-18:00", "08:00-24:01", "aa:00-18:00", "08.00-18:00"):
        try:
            parse_day(bad)
        except ValueError:
            continue
        raise AssertionError(bad)


def test_boundaries():
    hours = Hours(["08:00-18:00"] * 5 + ["10:00-14:00", ""], 120)
    opens = MONDAY + 6 * 3600  # 08:00 two hours east of UTC
    for utc_s, closed in (
        (opens - 1, True), (opens, False), (opens + 36000 - 1, False), (opens + 36000, True),
        (opens + 5 * 86400, True), (opens + 5 * 86400 + 7200, False), (opens + 6 * 86400 + 7200, True),
    ):  # fmt: skip
        assert hours.is_closed(utc_s) == closed, utc_s


def test_no_days_means_always_open():
    assert not Hours([], 0).is_closed(MONDAY)
