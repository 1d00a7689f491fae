"""Uptime over the wrap of the ticks, UTC, and NTP answers good and bad."""  # portable

import struct

from logs import mounted, press

from terminal import sleep_recall
from terminal.clock import Clock, Ntp
from terminal.compat import ticks_add
from terminal.log_record import AGREED, COLLECTOR, CONSOLE, NTP
from terminal.record_writer import RecordWriter
from terminal.rfc3339 import doubt

PERIOD = ticks_add(0, -1) + 1
BASE_S = 1800000000


def uptime_ms_at(clock, at_ms):
    """What a record of ticks at_ms says: the uptime in ms."""
    buf = bytearray(16)
    clock.put(buf, at_ms)
    return int.from_bytes(buf[1:6], "little")


def test_uptime_over_many_wraps():
    start = PERIOD - 1000
    clock = Clock(start)
    now = start
    for _ in range(40):
        now = ticks_add(now, 100000000)
        clock.advance(now)
    assert clock.uptime_ms() == 40 * 100000000
    assert uptime_ms_at(clock, ticks_add(now, -50)) == 40 * 100000000 - 50


def test_a_moment_before_the_start_is_the_start():
    clock = Clock(100)
    assert uptime_ms_at(clock, 60) == 0


def test_utc_and_the_whole_second_of_a_time_record():
    clock = Clock(0)
    clock.advance(5250)
    assert clock.utc_ms() == 0 and not clock.time_due
    assert clock.set_utc(BASE_S * 1000 + 250, 1)
    assert clock.time_due
    assert clock.time_record() == (BASE_S + 1, 6000)
    clock.advance(6000)
    assert clock.utc_ms() == (BASE_S + 1) * 1000
    assert clock.time_record() == (BASE_S + 1, 6000)


def test_a_small_drift_needs_no_record_and_the_past_is_refused():
    clock = Clock(0)
    clock.set_utc(BASE_S * 1000, 1)
    clock.time_due = False
    clock.set_utc(BASE_S * 1000 + 999, 1)
    assert not clock.time_due
    clock.set_utc(BASE_S * 1000 + 3000, 1)
    assert clock.time_due
    assert not clock.set_utc(1000, 1)


def test_a_drift_that_adds_up_gets_its_record():
    clock = Clock(0)
    clock.set_utc(BASE_S * 1000, 1)
    clock.time_due = False
    for ahead_ms in (400, 800):
        assert clock.set_utc(BASE_S * 1000 + ahead_ms, 1) and not clock.time_due
    assert clock.set_utc(BASE_S * 1000 + 1200, 1) and clock.time_due


def test_it_is_not_much_earlier_than_the_newest_time_in_the_log():
    clock = Clock(0)
    clock.floor_ms = BASE_S * 1000
    for source in (NTP, COLLECTOR):
        assert not clock.set_utc((BASE_S - 86401) * 1000, source)
        assert not clock.is_set and not clock.time_due
    assert clock.set_utc((BASE_S - 86399) * 1000, NTP)


def test_a_person_at_the_cable_is_believed_against_the_log_but_not_against_this_build():
    clock = Clock(0)
    clock.floor_ms = 4000000000000  # a broken server has been here
    assert not clock.set_utc(BASE_S * 1000, NTP)
    assert not clock.set_utc(1000, CONSOLE)
    assert clock.set_utc(BASE_S * 1000, CONSOLE) and clock.utc_ms() == BASE_S * 1000
    assert clock.set_utc(BASE_S * 1000 - 5000, NTP), "from now on servers are believed again"


def test_a_mount_finds_the_newest_time():
    log, clock, flash = mounted()
    floor_ms = clock.floor_ms
    book = RecordWriter(log, clock, lambda: 0, lambda since_ms, now_ms: None)
    clock.advance(5000)
    press(log, clock)
    assert mounted(flash)[1].floor_ms == floor_ms
    for utc_s in (BASE_S + 500, BASE_S):
        clock.set_utc(utc_s * 1000, NTP)
        clock.set_utc(utc_s * 1000, COLLECTOR)
        book.time()
    press(log, clock)
    assert mounted(flash)[1].floor_ms == BASE_S * 1000, "the newest, not the latest: it may have been a mistake"
    log.slot = 252
    log._open_next()
    press(log, clock)
    assert mounted(flash)[1].floor_ms == BASE_S * 1000, "from the header of the sector"


def test_a_deep_sleep_takes_all_of_it_along():
    clock = Clock(0)
    clock.floor_ms = BASE_S * 1000
    clock.set_utc(BASE_S * 1000 + 5000, COLLECTOR)
    clock.time_due = False
    other = Clock(0)
    sleep_recall.resume_clock(other, sleep_recall.clock_state(clock, 777), 777 + 60000, 0)
    assert other.utc_ms() == BASE_S * 1000 + 65000 and other.floor_ms == BASE_S * 1000
    assert other.set_utc(BASE_S * 1000 + 65100, NTP) and not other.time_due


# ---- a server that lies ----

YEAR_MS = 365 * 86400000
TRUE_MS = BASE_S * 1000
FALSE_MS = TRUE_MS + 12 * YEAR_MS


def told(log, clock, utc_ms, source):
    """The clock is told the time; what it owes the log is written. Gives the source of that record, 0 = none."""
    if not clock.set_utc(utc_ms, source):
        return -1
    if not clock.time_due:
        return 0
    clock.time_due = False
    RecordWriter(log, clock, lambda: 0, lambda since_ms, now_ms: None).time()
    return clock.witness


def test_no_server_is_believed_beyond_20_years_past_this_firmwares_date():
    clock = Clock(0)
    for utc_ms in (4070908800000, 2398377600000):  # 2099, 2046
        for source in (NTP, COLLECTOR):
            assert not clock.set_utc(utc_ms, source) and not clock.is_set
    assert doubt(clock) == "the collector says 2046-01-01: expected a day of 2026 to 2045"
    assert clock.set_utc(2398377599000, NTP)
    assert clock.refused, "the collector has not said anything better yet"
    assert not clock.set_utc(1000, NTP) and doubt(clock).startswith("NTP says 1970-01-01: expected")
    assert clock.set_utc(2398377599000, NTP) and clock.refused is None


def test_one_false_word_dates_presses_but_is_no_floor_of_a_later_boot():
    log, clock, flash = mounted()
    floor_ms = clock.floor_ms
    clock.advance(5000)
    assert told(log, clock, FALSE_MS, NTP) == NTP
    assert clock.utc_ms() == FALSE_MS and clock.is_set and not clock.is_sure
    log.slot = 252
    log._open_next()  # a header bears it, too
    press(log, clock)
    _, later, _ = mounted(flash)
    assert later.floor_ms == floor_ms
    assert later.set_utc(TRUE_MS, NTP)


def test_a_log_of_an_older_firmware_that_was_led_astray_is_believed_by_nobody():
    for slot in (5, 252):
        log, clock, flash = mounted()
        clock.is_set, clock.source = True, NTP  # as it was possible once
        clock._offset_ms = 4070908800000
        log.slot = slot
        if slot == 252:
            log._open_next()
        RecordWriter(log, clock, lambda: 0, lambda since_ms, now_ms: None).time()
        press(log, clock)
        assert mounted(flash)[1].set_utc(TRUE_MS, NTP)


def test_two_servers_that_agree_are_a_floor():
    for first, second in ((NTP, COLLECTOR), (COLLECTOR, NTP)):
        log, clock, flash = mounted()
        clock.advance(5000)
        assert told(log, clock, TRUE_MS, first) == first
        assert told(log, clock, TRUE_MS + 3000, second) == AGREED
        if second == COLLECTOR:
            assert clock.utc_ms() == TRUE_MS, "NTP is more exact"
        press(log, clock)
        _, later, _ = mounted(flash)
        assert TRUE_MS <= later.floor_ms <= TRUE_MS + 3000
        assert not later.set_utc(TRUE_MS - 86401000, NTP)
        assert doubt(later) == "NTP says 2027-01-14: the log has been at 2027-01-15 already"
        log.slot = 252
        log._open_next()
        assert abs(mounted(flash)[1].floor_ms - TRUE_MS) <= 3000, "from the header of the sector"


def test_a_step_of_less_than_a_day_needs_one_word_and_a_longer_one_two():
    log, clock, flash = mounted()
    told(log, clock, TRUE_MS, CONSOLE)
    assert mounted(flash)[1].floor_ms == TRUE_MS
    log, clock, _ = mounted(flash)
    assert told(log, clock, TRUE_MS + 86400000, NTP) == NTP and clock.is_sure
    assert mounted(flash)[1].floor_ms == TRUE_MS + 86400000
    log, clock, _ = mounted(flash)
    assert told(log, clock, TRUE_MS + 10 * 86400000, NTP) == NTP and not clock.is_sure
    assert mounted(flash)[1].floor_ms == TRUE_MS + 86400000


def test_uptime_alone_makes_no_step():
    clock = Clock(0)
    clock.set_utc(TRUE_MS, CONSOLE)
    for day in range(1, 30):
        clock.advance(ticks_add(0, day * 86400000))
    assert clock.set_utc(TRUE_MS + 29 * 86400000 + 5000, NTP) and clock.is_sure


def test_the_collector_wins_over_a_future_that_ntp_alone_has_told():
    log, clock, flash = mounted()
    assert told(log, clock, FALSE_MS, NTP) == NTP
    assert told(log, clock, TRUE_MS, COLLECTOR) == COLLECTOR
    assert clock.utc_ms() == TRUE_MS and not clock.is_sure
    assert told(log, clock, TRUE_MS + 500, COLLECTOR) == 0, "its word is not exact enough to be taken again and again"
    clock.is_signed = True
    assert told(log, clock, FALSE_MS, NTP) == -1 and clock.utc_ms() == TRUE_MS
    assert doubt(clock) == "NTP says 2039-01-12: the collector says 2027-01-15"
    assert told(log, clock, TRUE_MS + 800, NTP) == AGREED and clock.refused is None
    assert clock.utc_ms() == TRUE_MS + 800


def test_what_two_have_agreed_upon_none_of_them_changes_alone():
    for source in (NTP, COLLECTOR):
        for utc_ms in (FALSE_MS, TRUE_MS - 5 * 86400000):
            clock = Clock(0)
            clock.set_utc(TRUE_MS, NTP)
            clock.set_utc(TRUE_MS, COLLECTOR)
            assert clock.is_agreed
            assert not clock.set_utc(utc_ms, source) and clock.utc_ms() == TRUE_MS


def test_a_collector_that_is_ahead_of_ntp_is_not_believed_until_ntp_is():
    clock = Clock(0)
    clock.set_utc(TRUE_MS, NTP)
    assert not clock.set_utc(FALSE_MS, COLLECTOR) and clock.utc_ms() == TRUE_MS
    assert clock.set_utc(FALSE_MS, NTP) and clock.is_sure, "the two agree"


def test_the_next_true_answer_ends_a_false_one():
    clock = Clock(0)
    clock.set_utc(FALSE_MS, NTP)
    clock.time_due = False
    assert clock.set_utc(TRUE_MS, NTP) and clock.utc_ms() == TRUE_MS and clock.time_due
    assert clock.set_utc(TRUE_MS, COLLECTOR) and clock.witness == AGREED


def test_a_signed_word_of_the_collector_wins_over_the_log():
    clock = Clock(0)
    clock.floor_ms = FALSE_MS
    assert not clock.set_utc(TRUE_MS, NTP)
    clock = Clock(0)
    clock.floor_ms = FALSE_MS
    clock.is_signed = True
    assert clock.set_utc(TRUE_MS, COLLECTOR)
    assert clock.set_utc(TRUE_MS, NTP) and clock.witness == AGREED, "from now on NTP is believed again"


def test_nothing_beyond_the_end_of_our_certificate_is_sure():
    log, clock, flash = mounted()
    clock.limit(TRUE_MS + YEAR_MS)
    assert told(log, clock, FALSE_MS, NTP) == NTP
    assert told(log, clock, FALSE_MS, COLLECTOR) == 0 and not clock.is_sure
    assert clock.witness == NTP and clock.utc_ms() == FALSE_MS, "but it dates presses"
    log.slot = 252
    log._open_next()
    assert mounted(flash)[1].floor_ms < TRUE_MS
    clock = Clock(0)
    clock.floor_ms = FALSE_MS
    assert not clock.set_utc(TRUE_MS, NTP)
    clock.limit(TRUE_MS + YEAR_MS)
    assert clock.set_utc(TRUE_MS, NTP), "a floor beyond it is none"


def test_a_deep_sleep_remembers_how_sure_the_time_is():
    for source, is_sure in ((NTP, False), (CONSOLE, True)):
        clock = Clock(0)
        clock.set_utc(TRUE_MS, source)
        other = Clock(0)
        sleep_recall.resume_clock(other, sleep_recall.clock_state(clock, 0), 1000, 0)
        assert (other.is_set, other.is_sure, other.is_agreed) == (True, is_sure, False)


SERVER = {"host": "ntp", "port": 123}


class On:
    """A Wi-Fi that is there."""

    state = 2


def answer(request, utc_ms=BASE_S * 1000 + 500, mode=4, stratum=2, era=0):
    data = bytearray(48)
    data[0] = 0x20 | mode
    data[1] = stratum
    data[24:32] = request[40:48]
    seconds = utc_ms // 1000 + 2208988800 & 0xFFFFFFFF
    struct.pack_into(">II", data, 40, seconds, (utc_ms % 1000 << 32) // 1000)
    return data


def test_ntp():
    clock = Clock(0)
    ntp = Ntp(SERVER, On(), clock, lambda: 123456)
    assert ntp.wants(0) == ("ntp", 123)
    request = ntp.request(0)
    for bad in (
        b"",
        bytes(48),
        answer(request)[:40],
        answer(request, mode=3),
        answer(request, stratum=0),
        answer(bytes(48)),
        answer(request, utc_ms=1000000000000),
    ):
        assert not ntp.received(100, bad)
        assert not clock.is_set
    clock.advance(100)
    assert ntp.received(100, answer(request))
    assert abs(clock.utc_ms() - (BASE_S * 1000 + 550)) <= 1
    assert not ntp.received(100, answer(request))
    assert not ntp.wants(1000) and ntp.wants(12 * 3600 * 1000 + 100)


def test_ntp_after_2036_and_backoff():
    clock = Clock(0)
    ntp = Ntp(SERVER, On(), clock, lambda: 7)
    ntp.failed(0)
    assert not ntp.wants(4999) and ntp.wants(5000)
    ntp.failed(5000)
    assert not ntp.wants(14999) and ntp.wants(15000)
    later_ms = 2100000000000
    assert ntp.received(20000, answer(ntp.request(20000), utc_ms=later_ms))
    assert abs(clock.utc_ms() - later_ms) <= 1
