"""The configuration file: every value checked, every error names its key, what was expected and what came."""

import json

from .hours import parse_day
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
        "opening_hours": {"days": [], "utc_offset_min": 0},
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


# For each key what it takes: (lowest, highest) of a number or of the bytes of a text, or a word for the rest.
_WINDOW = (0, 600000)
_CHECKS = {
    "device_id": "id",
    "pins.buttons": "pins",
    "pins.leds": "pins",
    "pins.active_low": "bool",
    "wifi.ssid": (0, 32),
    "wifi.password": "password",
    "mqtt.host": (0, 253),
    "mqtt.port": (1, 65535),
    "mqtt.collector_id": (1, 32),
    "ntp.host": (1, 253),
    "ntp.port": (1, 65535),
    "thanks_ms": (100, 10000),
    "opening_hours.days": "days",
    "opening_hours.utc_offset_min": (-720, 840),
    "windows.mash_presses": (2, 50),
    "windows.stuck_ms": (1000, 600000),
}
_EXPECTED = {
    "id": "3 to 32 of a-z, 0-9 and -, not beginning with -",
    "pins": "four different pin numbers",
    "bool": "true or false",
    "days": 'seven texts like "08:00-18:30" or "", Monday first, or none at all',
    "password": "8 to 63 characters, or none",
}


def _is_int(value, low, high):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_text(value, low, high):
    return isinstance(value, str) and low <= len(value.encode()) <= high


def _is_day(value):
    try:
        parse_day(value)
        return True
    except (ValueError, TypeError):
        return False


def _problem(check, value, is_text):
    """What was expected, or "" if the value is that."""
    if check == "id":
        good = is_device_id(value)
    elif check == "pins":
        good = isinstance(value, list) and len(set(value)) == 4 == len(value)
        good = good and all(_is_int(pin, 0, 48) for pin in value)
    elif check == "days":
        good = isinstance(value, list) and len(value) in (0, 7) and all(_is_day(day) for day in value)
    elif check == "bool":
        good = isinstance(value, bool)
    elif check == "password":
        good = value == "" or _is_text(value, 8, 63)
    elif is_text:
        return "" if _is_text(value, *check) else "a text of %d to %d bytes" % check
    else:
        return "" if _is_int(value, *check) else "%d..%d" % check
    return "" if good else _EXPECTED[check]


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
        expected = _problem(_CHECKS.get(name, _WINDOW), value, isinstance(config[key], str))
        if expected:
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
