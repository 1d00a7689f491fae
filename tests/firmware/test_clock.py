"""Uptime over the wrap of the ticks, UTC, and NTP answers good and bad."""  # portable

import struct

from logs import mounted, press

from terminal.book import Book
from terminal.clock import Clock, Ntp
from terminal.compat import ticks_add
from terminal.record import COLLECTOR, CONSOLE, NTP

PERIOD = ticks_add(0, -1) + 1
BASE_S = 1800000000


def test_uptime_over_many_wraps():
    start = PERIOD - 1000
    clock = Clock(start)
    now = start
    for _ in range(40):
        now = ticks_add(now, 100000000)
        clock.advance(now)
    assert clock.uptime_ms() == 40 * 100000000
    clock.at(ticks_add(now, -50))
    assert clock.at_high << 24 | clock.at_low == 40 * 100000000 - 50


def test_a_moment_before_the_start_is_the_start():
    clock = Clock(100)
    clock.at(60)
    assert (clock.at_low, clock.at_high) == (0, 0)


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
    book = Book(log, clock, lambda: 0, lambda since_ms, now_ms: None)
    clock.advance(5000)
    press(log, clock)
    assert mounted(flash)[1].floor_ms == floor_ms
    for utc_s in (BASE_S + 500, BASE_S):
        clock.set_utc(utc_s * 1000, NTP)
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
    other.resume(clock.state(777), 777 + 60000, 0)
    assert other.utc_ms() == BASE_S * 1000 + 65000 and other.floor_ms == BASE_S * 1000
    assert other.set_utc(BASE_S * 1000 + 65100, NTP) and not other.time_due


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
