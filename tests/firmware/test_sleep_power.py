"""When the radio may be on, when to sleep and how: by tables."""  # portable

from terminal import sleep_log, sleep_memory, sleep_recall
from terminal.config import build
from terminal.log_ring import RingLog
from terminal.sleep_power import DEEP, LIGHT, MAINS, Power

HOUR = 3600000


def power(profile="deep", mv=None, **settings):
    volts = [mv]
    settings["profile"] = profile
    made = Power(build({"power": settings})["power"], lambda: volts[0], 0)
    return made, volts


def test_mains_never_sleeps_and_always_has_the_radio():
    made, _ = power("mains")
    made.start(0)
    assert made.radio(0, 0, 0, False) and made.radio(10**6, 10**6, 0, True)
    assert made.rest(10**7, 60000, True) == MAINS


def test_after_power_on_it_is_awake_for_a_minute_and_uploads_at_once():
    made, _ = power(uploads_per_day=4)
    made.start(1000)
    assert made.radio(1000, 1000, 0, False)
    assert made.rest(1000, 60000, True) == MAINS
    assert not made.radio(5000, 5000, 0, True)
    assert made.rest(60999, 60000, True) == MAINS
    assert made.rest(61000, 60000, True) == DEEP
    assert made.next_ms == 6 * HOUR


def test_a_short_wait_is_no_sleep_and_what_is_not_quiet_sleeps_lightly():
    for profile, quiet in (("deep", DEEP), ("light", LIGHT)):
        made, _ = power(profile)
        assert made.rest(0, 4, False) == MAINS
        assert made.rest(0, 5, False) == LIGHT
        assert made.rest(0, 5, True) == quiet


def settled(made, uptime_ms):
    assert made.radio(uptime_ms, uptime_ms, 0, False)
    assert not made.radio(uptime_ms + 900, uptime_ms + 900, 0, True)


def test_uploads_come_at_their_times():
    made, _ = power(uploads_per_day=4)
    settled(made, 0)
    for uptime_ms, due in ((6 * HOUR - 1, False), (6 * HOUR, True)):
        assert made.radio(uptime_ms, uptime_ms, 5, False) == due


def test_a_backlog_and_unhappy_votes_ask_for_the_radio():
    made, _ = power(upload_backlog=100, alert_unhappy=3)
    settled(made, 0)
    assert not made.radio(HOUR, HOUR, 99, False)
    made.unhappy = 2
    assert not made.radio(HOUR, HOUR, 99, False)
    made.unhappy = 3
    assert made.radio(HOUR, HOUR, 99, False)
    assert not made.radio(HOUR + 900, HOUR + 900, 0, True) and made.unhappy == 0
    assert made.radio(2 * HOUR, 2 * HOUR, 100, False)


def test_a_session_that_settles_nothing_ends_and_is_tried_again_later_and_later():
    made, _ = power(uploads_per_day=1, upload_backlog=1)
    waits = []
    now = 0
    for _ in range(8):
        assert made.radio(now, now, 5, False)
        assert made.radio(now + 89999, now + 89999, 5, False)
        now += 90000
        assert not made.radio(now, now, 5, False)
        waits.append((made.next_ms - now) // 60000)
        assert not made.radio(made.next_ms - 1, made.next_ms - 1, 5, False)
        now = made.next_ms
    assert waits == [15, 30, 60, 120, 240, 480, 960, 960]


def test_a_low_battery_has_one_last_session():
    made, volts = power(mv=2600, battery=34, low_mv=2500)
    made.step(0)
    settled(made, 0)
    assert not made.is_low and made.until_upload_ms(0) > 0
    volts[0] = 2499
    made.step(59999)
    assert not made.is_low  # it looks once a minute
    made.step(60000)
    assert made.is_low and made.supply_mv == 2499
    settled(made, 60000)
    assert not made.radio(9 * HOUR, 9 * HOUR, 60000, False)
    assert made.until_upload_ms(9 * HOUR) == -1 and made.next_upload_s(9 * HOUR) is None
    volts[0] = 2599  # recovers a little without its load
    made.step(10 * HOUR)
    assert made.is_low
    volts[0] = 2600
    made.step(11 * HOUR)
    assert not made.is_low and made.radio(11 * HOUR, 11 * HOUR, 0, False)


def test_what_is_remembered_across_deep_sleep():
    made, _ = power(mv=2400, battery=34)
    made.step(0)
    made.unhappy = 2
    other, _ = power()
    sleep_recall.resume_power(other, sleep_recall.power_state(made))
    assert other.is_low and other.unhappy == 2 and sleep_recall.power_state(other) == sleep_recall.power_state(made)


def test_a_sleepbook_that_is_not_whole_is_none():
    data = sleep_memory.pack([[1, 2], [], 3])
    assert sleep_memory.unpack(data) == [[1, 2], [], 3]
    for i in range(len(data)):
        bad = bytearray(data)
        bad[i] ^= 4
        assert sleep_memory.unpack(bad) is None
    for other in (b"", b"1", data[:-1], bytes(40)):
        assert sleep_memory.unpack(other) is None
    assert sleep_memory.pack([1 << 29] * 200) is None


def test_a_log_goes_on_without_a_mount():
    from logs import CHIP, Dice, boot, mounted, press

    log, clock, flash = mounted(sectors=4)
    boot(log, clock)
    for i in range(252 * 7 + 30):
        if log.needs_sector and i % 50 == 0:
            log.prepare()
        log.open_ahead()
        press(log, clock, 1 + i % 4)
    log.settle(log.next_seq - 100)
    other = RingLog(flash, CHIP, Dice(), clock)
    reads = flash.reads
    other.take(sleep_log.remembered(sleep_log.state(log), 4))
    assert flash.reads == reads
    assert sleep_log.remembered(sleep_log.state(log), 5) is None, "that was another partition's"
    for key in ("log_id", "next_seq", "oldest_seq", "totals", "cursor", "sent", "unsent", "lost", "sector", "slot"):
        assert getattr(other, key) == getattr(log, key), key
    assert list(other.where) == list(log.where)
    assert press(other, clock, 2) == log.next_seq
    assert mounted(flash)[0].next_seq == other.next_seq


def test_a_log_that_has_stepped_over_a_bad_sector_is_mounted_again():
    from logs import mounted, press

    log, clock, flash = mounted(sectors=4)
    flash.bad_erase = (2,)
    flash.image[2 * 4096] = 0
    for _ in range(252 * 3):
        press(log, clock)
    assert sleep_log.state(log) is None
