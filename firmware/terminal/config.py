"""The configuration file: every value checked, every error names its key, what was expected and what came."""

import json
import os

from .compat import load as load_module
from .compat import read_json
from .feedback import SIGNALS
from .mains import PROFILES
from .press_verdict import DEFAULT_WINDOWS

PATH = "config.json"

_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
_HEX_DIGITS = "0123456789abcdefABCDEF"


class ConfigError(Exception):
    """A configuration that won't do. args[0]: one line for a person."""


def is_device_id(value):
    """Whether the value is a text that matches `[a-z0-9][a-z0-9-]{2,31}` as a whole."""
    return (
        isinstance(value, str)
        and 3 <= len(value) <= 32
        and value[0] != "-"
        and all(letter in _ID_LETTERS for letter in value)
    )


def _is_int(value, low, high):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_pins(value):
    return isinstance(value, list) and all(_is_int(pin, 0, 48) for pin in value) and len(value) == 4 == len(set(value))


def _is_pin(value):
    return _is_int(value, 0, 48)


def _is_password(value):
    """Whether it can be the password of a WPA network: a passphrase, the key itself in hex digits, or "" for none."""
    size = len(value.encode()) if isinstance(value, str) else 1
    return size == 0 or 8 <= size <= 63 or (size == 64 and all(letter in _HEX_DIGITS for letter in value))


def _is_any(value):
    return True


def _is_bool(value):
    return isinstance(value, bool)


def _is_address(value):
    """Whether it is an IPv4 address, or "" for none."""
    if value == "":
        return True
    parts = value.split(".") if isinstance(value, str) else ()
    return len(parts) == 4 and all(part.isdigit() and len(part) < 4 and int(part) < 256 for part in parts)


# Most terminals have no opening hours, so the modules that know about them are imported only by those that have.
def _is_week(value):
    from .hours import Hours

    return isinstance(value, list) and (not value or (len(value) == 7 and _is_good(Hours, value)))


def _is_span(value):
    from .hours import parse_day

    return value == "" or (_is_good(parse_day, value) and "," not in value)


def _is_zone(value):
    from .zone import Zone

    return _is_good(Zone, value)


def _is_good(make, value):
    try:
        make(value)
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def _is_signals(value):
    return isinstance(value, list) and all(name in SIGNALS for name in value)


def _is_buttons(value):
    return isinstance(value, list) and all(_is_int(b, 1, 4) for b in value) and len(value) == len(set(value))


def _is_profile(value):
    return value in PROFILES


_MOST = {"mash_presses": 50, "lockout_ms": 60000}  # a record can't tell a longer quiet time than 65 s
_PINS = (None, _is_pins, "four different pin numbers")
_PIN = (None, _is_pin, "a pin number 0..48")
_SSID = ("", 0, 32)
_PASSWORD = ("", _is_password, "8 to 63 bytes, 64 hex digits, or none")
_FILE = ("", 0, 64)
_ADDRESS = ("", _is_address, "an address like 192.0.2.10")
_STATIC = {"ip": _ADDRESS, "mask": ("255.255.255.0", _is_address, _ADDRESS[2]), "gateway": _ADDRESS, "dns": _ADDRESS}
_HIDDEN = (False, _is_bool, "true or false")
_NETWORK = {"ssid": _SSID, "password": _PASSWORD, "hidden": _HIDDEN, "static": _STATIC}
_MOST_NETWORKS = 4
# A value is given as (default, lowest, highest): of a number, or of the bytes of a text. Or as (default, function that
# checks it, what is expected). A list of objects is given as [what each of them is, how many they may be].
_SCHEMA = {
    "version": (None, _is_any, ""),  # only of a configuration that has come from afar
    "device_id": ("", is_device_id, "3 to 32 of a-z, 0-9 and -, not beginning with -"),
    "pins": {
        "buttons": _PINS,
        "active_low": (None, _is_bool, "true or false"),
        "leds": _PINS,
        "neopixel": _PIN,
        "buzzer": _PIN,
        "psram": (True, _is_bool, "true or false"),  # true: its pins can't be used for anything else
    },
    "wifi": {
        "ssid": _SSID,
        "password": _PASSWORD,
        "hidden": _HIDDEN,
        "networks": [_NETWORK, _MOST_NETWORKS],
    },
    "mqtt": {
        "host": ("", 0, 253),
        "port": (None, 1, 65535),
        "collector_id": ("office", 1, 32),
        "username": ("", 0, 128),
        "password": ("", 0, 128),
        "tls": {"ca": _FILE, "cert": _FILE, "key": _FILE},
        "pace": {"every_s": (0, 0, 86400), "presses": (50, 1, 60000), "unhappy": (0, 0, 100)},
    },
    "ntp": {"host": ("pool.ntp.org", 1, 253), "port": (123, 1, 65535)},
    "thanks_ms": (1000, 100, 10000),
    "feedback": {
        "signals": (["counted"], _is_signals, "some of " + ", ".join(SIGNALS)),
        "brightness": (100, 1, 100),
        "quiet": ("", _is_span, 'a text like "21:00-07:00", or ""'),
        "quiet_brightness": (20, 1, 100),
    },
    "opening_hours": {
        "days": ([], _is_week, 'seven texts like "08:00-12:00,13:00-18:30" or "", Monday first, or none at all'),
        "tz": ("UTC0", _is_zone, 'a POSIX TZ string like "EET-2EEST,M3.5.0/3,M10.5.0/4"'),
    },
    "power": {
        "profile": ("mains", _is_profile, "one of " + ", ".join(PROFILES)),
        "uploads_per_day": (4, 1, 96),
        "upload_backlog": (500, 1, 60000),
        "alert_unhappy": (0, 0, 100),
        "battery": _PIN,
        "divider": (2, 1, 11),
        "low_mv": (2500, 1000, 20000),
    },
    "follow_up": {"reasons": (0, 0, 4), "after": ([1, 2], _is_buttons, "different buttons of 1 to 4")},
    "windows": {key: (DEFAULT_WINDOWS[key], 2, _MOST.get(key, 600000)) for key in DEFAULT_WINDOWS},
}


def _expected(rule, value):
    """Gives what the rule expects, or "" if the value is that."""
    default, low, high = rule
    if callable(low):
        return "" if low(value) else high
    if isinstance(default, str):
        good = isinstance(value, str) and low <= len(value.encode()) <= high
        return "" if good else "a text of %d to %d bytes" % (low, high)
    return "" if _is_int(value, low, high) else "%d..%d" % (low, high)


def build(given):
    """Gives the configuration that `given` (from JSON) asks for, with defaults for what is missing or null.

    ConfigError at the first value that is wrong.
    """
    config = build_each(given)
    _complete_networks(config["wifi"])
    _complete_mqtt(config["mqtt"])
    return config


def build_each(given):
    """Gives the same as `build`, but checks each value only by itself and fills in nothing that follows from others."""
    return _build(given, _SCHEMA, "")


def _complete_networks(wifi):
    """Checks that each network has a name, and a gateway if it has a fixed address; else its `static` becomes None."""
    for i in range(len(wifi["networks"])):
        network = wifi["networks"][i]
        static = network["static"]
        key = "wifi.networks.%d." % i
        if not network["ssid"]:
            raise ConfigError(key + 'ssid: expected a text of 1 to 32 bytes, came ""')
        if static["ip"] == "":
            network["static"] = None
        elif static["gateway"] == "":
            raise ConfigError(key + 'static.gateway: expected %s, as there is static.ip, came ""' % _ADDRESS[2])


def _complete_mqtt(mqtt):
    """Checks that the files for TLS are complete; without any `tls` becomes None. Fills in the port."""
    tls = mqtt["tls"]
    for key, other in (("key", "cert"), ("cert", "key"), ("ca", "cert")):
        if tls[other] and not tls[key]:
            raise ConfigError(
                'mqtt.tls.%s: expected the name of a file, as there is mqtt.tls.%s, came ""' % (key, other)
            )
    if not tls["ca"]:
        mqtt["tls"] = None
    if mqtt["password"] and not mqtt["username"]:
        raise ConfigError('mqtt.username: expected a text, as there is mqtt.password, came ""')
    if mqtt["port"] is None:
        mqtt["port"] = 8883 if mqtt["tls"] else 1883


def _build_list(given, rule, prefix):
    schema, most = rule
    if given is None:
        given = []
    if not isinstance(given, list) or len(given) > most:
        raise ConfigError("%s: expected up to %d objects in a list" % (prefix, most))
    return [_build(given[i], schema, "%s.%d." % (prefix, i)) for i in range(len(given))]


def _build(given, schema, prefix):
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise ConfigError("%s: expected an object, came %s" % (prefix[:-1] or PATH, json.dumps(given)))
    for key in given:
        if key not in schema:
            raise ConfigError("%s%s: no such key; known are %s" % (prefix, key, ", ".join(sorted(schema))))
    config = {}
    for key in schema:
        rule = schema[key]
        value = given.get(key)
        if isinstance(rule, dict):
            config[key] = _build(value, rule, prefix + key + ".")
        elif isinstance(rule, list):
            config[key] = _build_list(value, rule, prefix + key)
        elif value is None:
            config[key] = rule[0]
        else:
            expected = _expected(rule, value)
            if expected:
                came = "another" if key == "password" else json.dumps(value)
                raise ConfigError("%s%s: expected %s, came %s" % (prefix, key, expected, came))
            config[key] = value
    return config


def load(path=PATH):
    """Gives (config, problem): the configuration of the file and "", or the defaults and what is wrong with the file.

    If there is no file, that is no problem: a terminal counts without one.
    """
    try:
        return build(read_json(path)), ""
    except OSError:
        return build({}), ""
    except (ValueError, ConfigError) as error:
        return build({}), "%s: %s" % (path, error)


def begin(home, chip):
    """Gives (config, problem) as `load` does, for a boot; a configuration that has come from afar is judged first.

    The config also has "on_trial", whether it is on trial, and "report", what is to be reported of it, or None.
    home: the folder of the files; chip: as `board.chip_name` gives it.
    """
    on_trial = False
    report = None
    cert = None
    if _is_there(home + "config.next") or _is_there(home + "trial.json"):
        try:
            on_trial, report, cert = load_module("trial").boot(load_module("net_remote").Files(home), chip)
        except OSError:
            pass  # the file system is full: what was in force stays in force
    config, problem = load(home + PATH)
    if cert and config["mqtt"]["tls"]:
        config["mqtt"]["tls"]["cert"] = cert
    config["on_trial"] = on_trial
    config["report"] = report
    return config, problem


def _is_there(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False
