"""The configuration file: what is taken, and what is said of what is not."""  # portable

import os

from terminal.config import ConfigError, build, is_device_id, load


def test_device_ids():
    for good in ("abc", "kiosk-1", "0-x", "a" * 32):
        assert is_device_id(good), good
    for bad in ("", "ab", "-ab", "Abc", "a" * 33, "a_b", "ä12", 5, None):
        assert not is_device_id(bad), bad


def test_what_is_not_named_is_the_default():
    config = build({"device_id": "kiosk-1", "mqtt": {"host": "h"}, "windows": {"lockout_ms": 2000}, "wifi": None})
    plain = {"port": 1883, "collector_id": "office", "username": "", "password": "", "tls": None}
    plain["pace"] = {"every_s": 0, "presses": 50, "unhappy": 0}
    assert config["mqtt"] == dict(plain, host="h")
    assert config["windows"]["lockout_ms"] == 2000 and config["windows"]["chord_ms"] == 50
    assert config["wifi"] == {"ssid": "", "password": "", "hidden": False, "networks": []}
    assert config["follow_up"] == {"reasons": 0, "after": [1, 2]}
    wifi = build({"wifi": {"ssid": "x", "password": None}})["wifi"]
    assert wifi == {"ssid": "x", "password": "", "hidden": False, "networks": []}


def test_tls_brings_its_own_port():
    files = {"ca": "ca.der", "cert": "cert.der", "key": "key.der"}
    assert build({"mqtt": {"tls": files}})["mqtt"]["port"] == 8883
    assert build({"mqtt": {"tls": files, "port": 443}})["mqtt"]["port"] == 443
    assert build({"mqtt": {"tls": files}})["mqtt"]["tls"] == files
    assert build({"mqtt": {"tls": {"ca": "ca.der"}}})["mqtt"]["tls"] == {"ca": "ca.der", "cert": "", "key": ""}
    assert build({"mqtt": {"tls": {"ca": ""}}})["mqtt"]["tls"] is None


def test_up_to_four_more_networks():
    static = {"ip": "192.0.2.10", "gateway": "192.0.2.1"}
    networks = build({"wifi": {"networks": [{"ssid": "a"}, {"ssid": "b", "hidden": True, "static": static}]}})["wifi"][
        "networks"
    ]
    assert networks[0] == {"ssid": "a", "password": "", "hidden": False, "static": None}
    assert networks[1]["static"] == {"ip": "192.0.2.10", "mask": "255.255.255.0", "gateway": "192.0.2.1", "dns": ""}
    assert networks[1]["hidden"]


def test_hours_of_every_kind_are_taken():
    days = ["08:00-12:00,13:00-17:00", "20:00-02:00", "", "00:00-24:00", "", "", ""]
    hours = {"days": days, "tz": "EET-2EEST,M3.5.0/3,M10.5.0/4"}
    config = build({"opening_hours": hours, "feedback": {"quiet": "21:00-07:00", "signals": []}})
    assert config["opening_hours"] == hours
    assert config["feedback"]["quiet"] == "21:00-07:00" and config["feedback"]["signals"] == []


def test_every_default_would_be_taken():
    config = build({})
    config["device_id"] = "abc"
    assert build(config) == config


def test_errors_name_the_key_what_was_expected_and_what_came():
    for given, parts in (
        ({"mqtt": {"port": "x"}}, ("mqtt.port", "1..65535", '"x"')),
        ({"mqtt": {"port": True}}, ("mqtt.port", "true")),
        ({"mqtt": 5}, ("mqtt", "object", "5")),
        ([1], ("config.json", "object")),
        ({"prot": 1}, ("prot", "no such key", "device_id")),
        ({"pins": {"buttons": [1, 2, 3, 3]}}, ("pins.buttons", "four different")),
        ({"pins": {"active_low": 1}}, ("pins.active_low", "true or false")),
        ({"pins": {"buttons": [1, 2, 3, [4]]}}, ("pins.buttons", "four different")),
        ({"windows": {"lockout_ms": -1}}, ("windows.lockout_ms", "-1")),
        ({"windows": {"lockout_ms": 65536}}, ("windows.lockout_ms", "2..60000")),
        ({"follow_up": {"reasons": 5}}, ("follow_up.reasons", "0..4", "5")),
        ({"follow_up": {"after": [1, 1]}}, ("follow_up.after", "different buttons", "[1, 1]")),
        ({"follow_up": {"after": [[1]]}}, ("follow_up.after", "different buttons")),
        ({"follow_up": {"after": 1}}, ("follow_up.after", "different buttons")),
        ({"opening_hours": {"days": ["08:00-18:00"]}}, ("opening_hours.days", "seven texts")),
        ({"opening_hours": {"days": ["8-18"] * 7}}, ("opening_hours.days", "Monday")),
        ({"opening_hours": {"days": "08:00-18:00"}}, ("opening_hours.days", "Monday")),
        ({"opening_hours": {"days": [5] * 7}}, ("opening_hours.days", "Monday")),
        ({"opening_hours": {"days": [[]] * 7}}, ("opening_hours.days", "Monday")),
        ({"opening_hours": {"tz": "Europe/Helsinki"}}, ("opening_hours.tz", "POSIX TZ", "EET-2EEST,", '"Europe/Hel')),
        ({"opening_hours": {"tz": 2}}, ("opening_hours.tz", "2")),
        ({"opening_hours": {"utc_offset_min": 120}}, ("opening_hours.utc_offset_min", "no such key", "tz")),
        ({"pins": {"neopixel": "x"}}, ("pins.neopixel", "0..48", '"x"')),
        ({"pins": {"buzzer": 49}}, ("pins.buzzer", "0..48", "49")),
        ({"feedback": {"signals": ["applause"]}}, ("feedback.signals", "counted, filtered", "applause")),
        ({"feedback": {"signals": "counted"}}, ("feedback.signals", "some of")),
        ({"feedback": {"signals": [[]]}}, ("feedback.signals", "some of")),
        ({"feedback": {"brightness": 0}}, ("feedback.brightness", "1..100", "0")),
        ({"feedback": {"quiet": "21-7"}}, ("feedback.quiet", "21:00-07:00", "21-7")),
        ({"feedback": {"quiet": "21:00-23:00,00:00-07:00"}}, ("feedback.quiet", "21:00-07:00")),
        ({"feedback": {"quiet": []}}, ("feedback.quiet", "came []")),
        ({"device_id": "X"}, ("device_id", '"X"')),
        ({"mqtt": {"tls": {"ca": "ca.der", "cert": "c.der"}}}, ("mqtt.tls.key", "mqtt.tls.cert")),
        ({"mqtt": {"tls": {"ca": "ca.der", "key": "k.der"}}}, ("mqtt.tls.cert", "mqtt.tls.key")),
        ({"mqtt": {"tls": {"cert": "c.der", "key": "k.der"}}}, ("mqtt.tls.ca", "name of a file")),
        ({"mqtt": {"tls": {"ca": 5}}}, ("mqtt.tls.ca", "5")),
        ({"mqtt": {"tls": "ca.der"}}, ("mqtt.tls", "object")),
        ({"mqtt": {"password": "x"}}, ("mqtt.username", "mqtt.password")),
        ({"wifi": {"networks": {}}}, ("wifi.networks", "list")),
        ({"wifi": {"networks": [{"ssid": "a"}] * 5}}, ("wifi.networks", "4")),
        ({"wifi": {"networks": [{"ssid": "a"}, {}]}}, ("wifi.networks.1.ssid", "1 to 32")),
        ({"wifi": {"networks": [{"ssid": "a", "pass": ""}]}}, ("wifi.networks.0.pass", "no such key")),
        ({"wifi": {"networks": [{"ssid": "a", "hidden": 1}]}}, ("wifi.networks.0.hidden", "true or false")),
        (
            {"wifi": {"networks": [{"ssid": "a", "static": {"ip": "1.2.3"}}]}},
            ("wifi.networks.0.static.ip", "192.0.2.10"),
        ),
        ({"wifi": {"networks": [{"ssid": "a", "static": {"ip": "1.2.3.256"}}]}}, ("wifi.networks.0.static.ip", ".256")),
        ({"wifi": {"networks": [{"ssid": "a", "static": {"ip": "1.2.3.4"}}]}}, ("wifi.networks.0.static.gateway",)),
    ):
        try:
            build(given)
        except ConfigError as error:
            for part in parts:
                assert part in error.args[0], (part, error.args[0])
        else:
            raise AssertionError(given)


def test_a_bad_password_is_not_printed():
    for given, key in (
        ({"wifi": {"password": "short"}}, "wifi.password"),
        ({"wifi": {"networks": [{"ssid": "a", "password": "short"}]}}, "wifi.networks.0.password"),
        ({"mqtt": {"username": "u", "password": ["short"]}}, "mqtt.password"),
        ({"mqtt": {"password": "short"}}, "mqtt.username"),
    ):
        try:
            build(given)
        except ConfigError as error:
            assert "short" not in error.args[0] and key in error.args[0]
        else:
            raise AssertionError(given)


def test_a_passphrase_is_counted_in_bytes_and_64_hex_digits_are_a_key():
    for password, good in (
        ("x" * 8, True),
        ("x" * 63, True),
        ("x" * 64, False),
        ("aB" * 32, True),
        ("aB" * 31 + "xy", False),
        ("ä" * 31, True),
        ("ä" * 32, False),
        ("ä" * 3, False),
        (12345678, False),
    ):
        try:
            build({"wifi": {"ssid": "s", "password": password}})
            came = True
        except ConfigError:
            came = False
        assert came == good, password


def test_a_byte_order_mark_before_the_file_is_none_of_it():
    path = "config-with-mark.json"
    for mark in ("", "\ufeff"):
        with open(path, "wb") as file:
            file.write((mark + '{"device_id": "till-1"}').encode())
        try:
            config, problem = load(path)
        finally:
            os.remove(path)
        assert (config["device_id"], problem) == ("till-1", ""), repr(mark)
