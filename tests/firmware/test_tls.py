"""What TLS needs to know before there is TLS: the files, and a date that certificates can be judged by."""  # portable

from terminal.clock import Clock
from terminal.tls import Tls, date, issued, missing

CERT = b"\x30\x82\x01\x02\x17\x0c\x17\x0d260315123000Z\x17\x0d460315123000Z\x00"


class Ours(Tls):
    def __init__(self):
        self._issued = issued(CERT)


def test_the_day_of_issue():
    assert issued(CERT) == (2026, 3, 15, 12, 30, 0)
    for odd in (b"", b"\x17\x0d", CERT[:15], b"\x17\x0d26031512300xZ", b"\x17\x0d260315123000+"):
        assert issued(odd) == (2000, 1, 1, 0, 0, 0), odd


def test_dates_of_1970_seconds():
    assert date(1767225600) == (2026, 1, 1, 0, 0, 0)
    assert date(1800000000) == (2027, 1, 15, 8, 0, 0)


def test_the_chip_is_told_the_time_or_what_it_is_at_least():
    tls = Ours()
    clock = Clock(0)
    assert tls.date(clock) == (2026, 3, 15, 12, 30, 0), "no earlier than our own certificate"
    clock.floor_ms = 1800000000000
    assert tls.date(clock) == (2027, 1, 15, 8, 0, 0), "no earlier than the log"
    clock.set_utc(1800000061000, 1)
    assert tls.date(clock) == (2027, 1, 15, 8, 1, 1)


def test_a_file_that_is_not_there_is_named():
    assert missing({"ca": "nowhere.der", "cert": "", "key": ""}) == "mqtt.tls.ca: no file nowhere.der on the board"
    assert missing({"ca": "", "cert": "", "key": ""}) == ""


def test_files_of_another_kind_are_told_so():
    with open("tls-not-a-certificate", "wb") as file:
        file.write(b"-----BEGIN NONSENSE")
    try:
        Tls({"ca": "tls-not-a-certificate", "cert": "", "key": ""})
    except ValueError as error:
        assert "mqtt.tls" in error.args[0] and "DER" in error.args[0]
    else:
        raise AssertionError
    finally:
        import os

        os.remove("tls-not-a-certificate")
