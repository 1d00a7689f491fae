"""What TLS needs to know before there is TLS: the files, and a date that certificates can be judged by."""  # portable

from binascii import unhexlify

from terminal.app import KeptTls
from terminal.clock import Clock
from terminal.net_tls import chip_date, date, dates, missing, read_files

# Made by `hymio pki issue`.
CERT = unhexlify(
    "308201523081f9a00302010202081c9985e40bd0a43f300a06082a8648ce3d0403023010310e300c06035504030c0568796d696f301e"
    "170d3236303331353132333030305a170d3336303331333132333030305a3011310f300d06035504030c0674696c6c2d313059301306"
    "072a8648ce3d020106082a8648ce3d030107034200044ee4b7acd41bb79805e93931d645a5579f447d7a88ca27627d377b3ce831239f"
    "640342d18fad7eb4273dfc696d4407097dfa362aad8abe89101e144e3f3ae820a33c303a300e0603551d0f0101ff0404030207803013"
    "0603551d25040c300a06082b0601050507030230130603551d23040c300a80084a923dec7a42c78a300a06082a8648ce3d0403020348"
    "00304502204edd2eaf7862ff5baa9295f1d2053f8906411478642d482cd42f5eb1cc91318c022100a99c2168348729df92c9a95f84fd"
    "311f660c8cf5375913aee9b38f7081b53001"
)


def ours():
    kept = KeptTls()
    kept.issued = dates(CERT)[0]
    return kept


def test_from_when_to_when_a_certificate_is_good():
    assert dates(CERT) == ((2026, 3, 15, 12, 30, 0), (2036, 3, 13, 12, 30, 0))
    for odd in (b"", b"\x17\x0d", CERT[:15], CERT[:-1], CERT + b"\0", CERT.replace(b"260315", b"2603x5")):
        assert dates(odd) == ((2000, 1, 1, 0, 0, 0), None), odd


def test_dates_of_1970_seconds():
    assert date(1767225600) == (2026, 1, 1, 0, 0, 0)
    assert date(1800000000) == (2027, 1, 15, 8, 0, 0)


def test_the_chip_is_told_the_time_or_what_it_is_at_least():
    kept = ours()
    clock = Clock(0)
    assert chip_date(kept, clock) == (2026, 3, 15, 12, 30, 0), "no earlier than our own certificate"
    clock.floor_ms = 1800000000000
    assert chip_date(kept, clock) == (2027, 1, 15, 8, 0, 0), "no earlier than the log"
    clock.set_utc(1800000061000, 1)
    assert chip_date(kept, clock) == (2027, 1, 15, 8, 1, 1)


def test_a_time_that_is_not_sure_counts_in_every_other_attempt():
    kept = ours()
    clock = Clock(0)
    assert clock.set_utc(2300000000000, 1) and not clock.is_sure
    assert chip_date(kept, clock) == date(2300000000)
    kept.is_doubted = True  # after a handshake that has failed
    assert chip_date(kept, clock) == (2026, 3, 15, 12, 30, 0)
    assert clock.set_utc(1800000061000, 2) and clock.set_utc(1800000061000, 1) and clock.is_sure
    assert chip_date(kept, clock) == (2027, 1, 15, 8, 1, 1), "a sure one counts always"


def test_a_file_that_is_not_there_is_named():
    assert missing({"ca": "nowhere.der", "cert": "", "key": ""}) == "mqtt.tls.ca: no file nowhere.der on the board"
    assert missing({"ca": "", "cert": "", "key": ""}) == ""


def test_files_of_another_kind_are_told_so():
    with open("tls-not-a-certificate", "wb") as file:
        file.write(b"-----BEGIN NONSENSE")
    try:
        read_files(KeptTls(), {"ca": "tls-not-a-certificate", "cert": "", "key": ""})
    except ValueError as error:
        assert "mqtt.tls" in error.args[0] and "DER" in error.args[0]
    else:
        raise AssertionError
    finally:
        import os

        os.remove("tls-not-a-certificate")
