"""Local time by POSIX TZ strings: the changes to the second, and what is no such string."""  # portable

from terminal.zone import Zone

HELSINKI = "EET-2EEST,M3.5.0/3,M10.5.0/4"


def test_helsinki_across_all_changes_of_2026_and_2027():
    zone = Zone(HELSINKI)
    for change_s, before_h, after_h in (
        (1774746000, 2, 3),  # 29 March 2026, 01:00 UTC
        (1792890000, 3, 2),  # 25 October 2026
        (1806195600, 2, 3),  # 28 March 2027
        (1824944400, 3, 2),  # 31 October 2027
    ):
        for utc_s, hours in (
            (change_s - 86400, before_h), (change_s - 1, before_h), (change_s, after_h), (change_s + 86400, after_h),
        ):  # fmt: skip
            assert zone.local_s(utc_s) - utc_s == 3600 * hours, utc_s


def test_offsets_without_rules():
    for text, offset_s in (
        ("UTC0", 0), ("EET-2", 7200), ("EET-02:00:00", 7200), ("IST-5:30", 19800), ("<+0545>-5:45", 20700),
        ("<-03>3", -10800), ("EST+5", -18000), ("LMT-1:39:49", 5989), ("XXX-24", 86400),
    ):  # fmt: skip
        assert Zone(text).local_s(1800000000) == 1800000000 + offset_s, text


def test_the_day_of_a_rule():
    """The zone is at UTC, an hour ahead from midnight of the day on; its other change is far away."""
    for rule, first_s in (
        ("J59", 1772236800),  # 28 February 2026
        ("J60", 1772323200),  # 1 March, in leap years too
        ("58", 1772236800),
        ("M2.4.6", 1772236800),  # the fourth Saturday
        ("M2.5.6", 1772236800),  # and there is no fifth
        ("M2.1.0", 1769904000),  # a month that begins on the day itself
        ("M2.1.6", 1770422400),
    ):
        zone = Zone("AAA0BBB,%s/0,J300" % rule)
        assert zone.local_s(first_s - 1) == first_s - 1, rule
        assert zone.local_s(first_s) == first_s + 3600, rule
    leap_s = 1835308800  # 28 February 2028, 00:00 UTC
    for rule, first_s in (("J60", leap_s + 2 * 86400), ("59", leap_s + 86400), ("M2.5.2", leap_s + 86400)):
        zone = Zone("AAA0BBB,%s/0,J300" % rule)
        assert (zone.local_s(first_s - 1), zone.local_s(first_s)) == (first_s - 1, first_s + 3600), rule


def test_a_rule_may_fall_into_the_year_before_or_after():
    new_year_s = 1798761600  # 1 January 2027, 00:00 UTC
    early = Zone("AAA0BBB,J1/-24,J100")
    assert early.local_s(new_year_s - 86400) == new_year_s - 86400 + 3600
    assert early.local_s(new_year_s - 86401) == new_year_s - 86401
    late = Zone("AAA0BBB,J365/48,J100")  # 31 December and two days
    assert late.local_s(new_year_s + 86400) == new_year_s + 86400 + 3600
    assert late.local_s(new_year_s + 86399) == new_year_s + 86399
    always = Zone("XXX3EDT4,0/0,J365/23")  # the way of RFC 9636 to say that daylight saving time never ends
    for hour in range(-30, 30):
        assert always.local_s(new_year_s + 3600 * hour) == new_year_s + 3600 * (hour - 4), hour


def test_what_is_no_tz_string():
    for text in (
        "", "EE-2", "EET", "-2", "2", "EET-2 ", " EET-2", "EET-25", "EET-2:60", "EET-2:00:60", "EET--2", "EET-0002",
        "<+03-3", "<>0", "+03-3", "E3T-2", "EET-2EEST", "EET-2EEST,M3.5.0", "EET-2EEST,M3.5.0/3,M10.5.0/4,",
        "EET-2EEST,M3.5.0/3,M10.5.0/4 x", "EET-2EEST,M13.5.0,M10.5.0", "EET-2EEST,M0.5.0,M10.5.0",
        "EET-2EEST,M3.6.0,M10.5.0", "EET-2EEST,M3.0.0,M10.5.0", "EET-2EEST,M3.5.7,M10.5.0", "EET-2EEST,M3.5,M10.5.0",
        "EET-2EEST,J0,J300", "EET-2EEST,J366,J300", "EET-2EEST,366,300", "EET-2EEST,-1,300", "EET-2EEST,M3.5.0/168,J9",
        "EET-2EEST,M3.5.0/,J9", "EET-2EE,J1,J9", "EET-2EEST;M3.5.0;M10.5.0", "Europe/Helsinki", ":UTC",
        "\u00c4\u00c4\u00c4-2",
    ):  # fmt: skip
        try:
            Zone(text)
        except ValueError as error:
            assert str(error).startswith("expected "), (text, error)
            continue
        raise AssertionError(text)
