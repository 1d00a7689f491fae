"""The configuration file: every value checked, every error names its key, what was expected and what came."""

import json

from .vote import DEFAULT_WINDOWS

PATH = "config.json"

_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class ConfigError(Exception):
    """args[0]: one line for a person."""


def defaults():
    """A configuration that needs no file: default pins, no network, the device id made from the MAC."""
    return {
        "device_id": "",
        "pins": {"buttons": None, "leds": None, "active_low": None},
        "wifi": {"ssid": "", "password": ""},
        "mqtt": {"host": "", "port": 1883, "collector_id": "office"},
        "ntp": {"host": "pool.ntp.org", "port": 123},
        "thanks_ms": 1000,
        "windows": dict(DEFAULT_WINDOWS),
    }


def is_device_id(value):
    """`[a-z0-9][a-z0-9-]{2,31}`"""
    return (
        isinstance(value, str)
        and 3 <= len(value) <= 32
        and value[0] != "-"
        and all(letter in _ID_LETTERS or letter == "-" for letter in value)
    )


def _is_text(low, high):
    return lambda value: isinstance(value, str) and low <= len(value.encode()) <= high


def _is_int(low, high):
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_pins(value):
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(_is_int(0, 48)(pin) for pin in value)
        and len(set(value)) == 4
    )


_WINDOW = (_is_int(0, 600000), "0..600000 ms")
_CHECKS = {
    "device_id": (is_device_id, "3 to 32 of a-z, 0-9 and -, not beginning with -"),
    "pins.buttons": (_is_pins, "four different pin numbers"),
    "pins.leds": (_is_pins, "four different pin numbers"),
    "pins.active_low": (lambda value: isinstance(value, bool), "true or false"),
    "wifi.ssid": (_is_text(0, 32), "a text of up to 32 bytes"),
    "wifi.password": (lambda value: value == "" or _is_text(8, 63)(value), "8 to 63 characters, or none"),
    "mqtt.host": (_is_text(0, 253), "a host name or address"),
    "mqtt.port": (_is_int(1, 65535), "1..65535"),
    "mqtt.collector_id": (_is_text(1, 32), "a text of 1 to 32 bytes"),
    "ntp.host": (_is_text(1, 253), "a host name or address"),
    "ntp.port": (_is_int(1, 65535), "1..65535"),
    "thanks_ms": (_is_int(100, 10000), "100..10000 ms"),
    "windows.mash_presses": (_is_int(2, 50), "2..50"),
    "windows.stuck_ms": (_is_int(1000, 600000), "1000..600000 ms"),
}
_SECRETS = ("wifi.password",)


def merge(config, given, prefix=""):
    """Puts the values of `given` (from JSON) into `config`; null means the default. ConfigError at the first bad one."""
    if not isinstance(given, dict):
        raise ConfigError("%s: expected an object, came %s" % (prefix[:-1] or PATH, json.dumps(given)))
    for key in given:
        name = prefix + key
        value = given[key]
        if key not in config:
            raise ConfigError("%s: no such key; known are %s" % (name, ", ".join(sorted(config))))
        if value is None:
            continue
        if isinstance(config[key], dict):
            merge(config[key], value, name + ".")
            continue
        check, expected = _CHECKS.get(name, _WINDOW)
        if not check(value):
            came = "another" if name in _SECRETS else json.dumps(value)
            raise ConfigError("%s: expected %s, came %s" % (name, expected, came))
        config[key] = value


def load(path=PATH):
    """(config, problem): the file's configuration and "", or the defaults and what is wrong with the file.

    No file is no problem: a terminal counts without one.
    """
    config = defaults()
    try:
        with open(path) as file:
            given = json.load(file)
    except OSError:
        return config, ""
    except ValueError as error:
        return config, "%s: not JSON: %s" % (path, error)
    try:
        merge(config, given)
    except ConfigError as error:
        return defaults(), "%s: %s" % (path, error)
    return config, ""
