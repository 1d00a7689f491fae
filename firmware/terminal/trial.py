"""A boot with a new configuration: judged as a whole, then in force, on trial if the way to the collector hangs on it.

Loaded at such boots only. A power cut between any two changes of the files leaves a terminal that runs with the old
configuration or the new one, and knows which.
"""

from . import config as room
from .compat import const, load
from .net_remote import CONFIG, NEXT, OLD, REFUSED, TRIAL, failed, roll_back, taken

_BOOTS = const(3)
_KEPT = ("device_id", "pins", "wifi", "mqtt", "ntp")  # what is not named of these stays as it is
_FIXED = ("device_id", "pins")  # and these stay in any case


def boot(files, chip):
    """(whether this boot is on trial, what is to be reported or None, the certificate on trial or None)"""
    report = _judge_next(files, chip)
    trial = files.read(TRIAL)
    if "id" in trial:
        return load("net_certificate").boot(files, trial)
    version = trial.get("version")
    if version is None or files.read(CONFIG).get("version") != version:
        files.remove(TRIAL)  # a cut: before the new configuration, or after the return of the old one
        return False, report, None
    boots = trial.get("boots")
    boots = boots + 1 if isinstance(boots, int) else _BOOTS + 1
    if boots > _BOOTS or files.read(REFUSED).get("version") == version:
        roll_back(files, "no ack in %d boots" % _BOOTS)
        return False, failed(version, files.read(REFUSED).get("error")), None
    files.write(TRIAL, {"version": version, "boots": boots})
    return True, None, None


def _judge_next(files, chip):
    message = files.read(NEXT)
    if not message:
        return None
    version = message.get("version")
    current = files.read(CONFIG)
    report = taken(version)
    if current.get("version") != version:  # else a cut: it is in force already
        try:
            new, is_trial = _checked(message, current, chip)
        except Exception as error:  # whatever it is: it must not end every boot to come
            why = error.args[0] if isinstance(error, room.ConfigError) else "can't be read"
            report = failed(version, why)
            files.write(REFUSED, {"version": version, "error": why})
        else:
            new["version"] = version
            if is_trial:
                files.write(OLD, current)
                files.write(TRIAL, {"version": version, "boots": 0})
            files.write(CONFIG, new)
    files.remove(NEXT)
    return report


def _checked(message, current, chip):
    """(the file to be, whether it needs a trial). ConfigError unless a terminal could run with it."""
    given = message.get("config")
    if sorted(message) != ["config", "version"] or not isinstance(given, dict):
        raise room.ConfigError('expected an object of "version" and "config", which is an object')
    if given.get("version") is not None:
        raise room.ConfigError("config.version: it stands beside config")
    for key in _FIXED:
        if given.get(key) is not None and given[key] != current.get(key):
            raise room.ConfigError(key + ": can't be changed from afar")
    new = dict(given)
    for key in _KEPT:
        if given.get(key) is None and key in current:
            new[key] = current[key]
    built = room.build(new)
    try:
        load("wiring").Wiring(chip, built["pins"], built["power"])
    except ValueError as error:
        raise room.ConfigError(str(error)) from None
    try:
        was = room.build(current)
    except room.ConfigError:
        was = room.build({})
    return new, built["wifi"] != was["wifi"] or built["mqtt"] != was["mqtt"]
