"""Opening hours at their boundaries, and when they are looked up."""  # portable

from terminal.clock import Clock
from terminal.compat import ticks_add
from terminal.hours import Hours, Timetable, parse_day
from terminal.log_record import NTP

MONDAY = 1800230400  # Monday 18 January 2027, 00:00
HELSINKI = "EET-2EEST,M3.5.0/3,M10.5.0/4"
OFFICE = ["08:00-18:00"] * 5 + ["10:00-14:00", ""]


def test_parse():
    assert parse_day("08:00-18:30") == [(480, 1110)]
    assert parse_day("00:00-24:00") == [(0, 1440)]
    assert parse_day("08:00-12:00,13:00-17:00") == [(480, 720), (780, 1020)]
    assert parse_day("20:00-02:00") == [(1200, 1560)]
    assert parse_day("") == []
    for bad in (
        "8:00-18:00", "08:00-08:00", "08:60-18:00", "08:00-24:01", "aa:00-18:00", "08.00-18:00", "24:00-08:00", ",",
        "08:00-12:00,", "08:00-12:00, 13:00-17:00", "-1:00-18:00", "+8:00-18:00", "08:00 18:00", "08:00-18:0",
    ):  # fmt: skip
        try:
            parse_day(bad)
        except ValueError:
            continue
        raise AssertionError(bad)


def test_boundaries():
    for days, cases in (
        (OFFICE, (
            (0, "07:59:59", False), (0, "08:00:00", True), (0, "17:59:59", True), (0, "18:00:00", False),
            (5, "09:59:59", False), (5, "10:00:00", True), (6, "10:00:00", False), (7, "08:00:00", True),
        )),
        (["08:00-12:00,13:00-17:00"] * 7, (
            (2, "11:59:59", True), (2, "12:00:00", False), (2, "13:00:00", True), (2, "17:00:00", False),
        )),
        ([""] * 4 + ["20:00-02:00", "20:00-24:00", ""], (  # belongs to the day on which it begins
            (4, "01:59:59", False), (4, "20:00:00", True), (5, "01:59:59", True), (5, "02:00:00", False),
            (5, "23:59:59", True), (6, "00:00:00", False), (6, "01:00:00", False),
        )),
        ([""] * 6 + ["22:00-03:00"], ((0, "02:59:59", True), (0, "03:00:00", False), (1, "02:00:00", False))),
    ):  # fmt: skip
        hours = Hours(days)
        for day, text, is_open in cases:
            at_s = MONDAY + 86400 * day + 3600 * int(text[:2]) + 60 * int(text[3:5]) + int(text[6:])
            assert hours.has(at_s) == is_open, (days, day, text)


def timetable(utc_s, now_ms=0, tz=HELSINKI, quiet=""):
    clock = Clock(now_ms)
    clock.set_utc(round(utc_s * 1000), NTP)
    return Timetable({"days": OFFICE, "tz": tz}, quiet), clock


def test_a_press_is_judged_by_its_own_moment_in_the_minutes_around_the_last_look():
    opens_s = MONDAY + 6 * 3600
    closes_s = MONDAY + 16 * 3600
    start_ms = (1 << 30) - 100  # the ticks wrap between press and look
    for border_s, was_closed in ((opens_s, True), (closes_s, False)):
        # looked    pressed, ms from the border
        for look_ms, press_ms, is_before in (
            (150, -1, True), (150, 0, False), (150, 149, False), (-300, -301, True), (-300, -1, True),
            (-300, 0, False), (-300, 900, False), (-59999, -60001, True), (-59999, 59999, False),
        ):  # fmt: skip
            table, clock = timetable(border_s + look_ms / 1000, start_ms)
            assert not table.is_closed_at(start_ms), "nobody has looked yet"
            table.step(start_ms, clock)
            found = table.is_closed_at(ticks_add(start_ms, press_ms - look_ms))
            assert found == (was_closed if is_before else not was_closed), (border_s, look_ms, press_ms)


def test_opening_time_follows_the_change_of_the_clocks():
    for utc_s in (
        1774591200,  # Friday 27 March 2026: 08:00 is 06:00 UTC
        1774846800,  # Monday 30 March: 05:00 UTC
        1792731600,  # Friday 23 October: 05:00 UTC
        1792994400,  # Monday 26 October: 06:00 UTC
        1806040800,  # and in 2027: Friday 26 March
        1806296400,  # Monday 29 March
        1824786000,  # Friday 29 October
        1825048800,  # Monday 1 November
    ):
        for at_s, is_closed in ((utc_s - 1, True), (utc_s, False), (utc_s + 36000 - 1, False), (utc_s + 36000, True)):
            table, clock = timetable(at_s)
            table.step(0, clock)
            assert table.is_closed == is_closed, at_s


def test_it_looks_again_at_the_full_minute_and_not_before():
    opens_s = MONDAY + 6 * 3600
    start_ms = (1 << 30) - 30000  # the ticks wrap meanwhile
    table, clock = timetable(opens_s - 90.3, start_ms)
    looked = []
    local_s = table._zone.local_s
    table._zone.local_s = lambda utc_s: looked.append(utc_s) or local_s(utc_s)  # type: ignore[func-returns-value]
    for at_ms in range(0, 90300, 2):
        now_ms = ticks_add(start_ms, at_ms)
        clock.advance(now_ms)
        assert table.step(now_ms, clock) == ((30300 - at_ms) % 60000 or 60000)
        assert table.is_closed
    assert len(looked) == 2
    now_ms = ticks_add(start_ms, 90300)
    clock.advance(now_ms)
    assert table.step(now_ms, clock) == 60000
    assert not table.is_closed


def test_it_looks_again_when_the_clock_is_set_anew():
    table, clock = timetable(MONDAY)
    table.step(0, clock)
    clock.time_due = False
    table.step(1, clock)
    assert table.is_closed
    clock.set_utc((MONDAY + 43200) * 1000, NTP)
    table.step(2, clock)
    assert not table.is_closed


def test_quiet_hours_go_over_midnight():
    for hour, is_quiet in ((18, False), (19, True), (23, True), (28, True), (29, False)):
        table, clock = timetable(MONDAY + 3600 * hour, quiet="21:00-07:00")
        table.step(0, clock)
        assert table.is_quiet == is_quiet, hour
