"""A boot with a new configuration: it is judged as a whole and then in force.

It is on trial if the way to the collector depends on it. Loaded at such boots only. A power cut between any two changes
of the files leaves a terminal that runs with either the old or the new configuration, and knows with which.
"""

from . import config as configuration
from .compat import const, load
from .net_remote import CONFIG, NEXT, OLD, REFUSED, TRIAL, failed, roll_back, taken

_BOOTS = const(3)
_KEPT = ("device_id", "pins", "wifi", "mqtt", "ntp")  # those of these that a message does not name stay as they are
_FIXED = ("device_id", "pins")  # no message may change these


def boot(files, chip):
    """Gives (whether this boot is on trial, what is to be reported or None, the certificate on trial or None).

    files: a `net_remote.Files`; chip: as `board.chip_name` gives it.
    """
    report = _judge_next(files, chip)
    trial = files.read(TRIAL)
    if "id" in trial:
        return load("net_certificate").boot(files, trial)
    version = trial.get("version")
    if version is None or files.read(CONFIG).get("version") != version:
        files.remove(TRIAL)  # a power cut came before the new configuration, or after the return of the old one
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
    if current.get("version") != version:  # else a power cut has come, and it is in force already
        try:
            new, is_trial = _checked(message, current, chip)
        except Exception as error:  # whatever is wrong with it, it must not end all boots to come
            why = error.args[0] if isinstance(error, configuration.ConfigError) else "can't be read"
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
    """Gives (the content of the new file, whether it needs a trial). ConfigError if no terminal could run with it."""
    given = message.get("config")
    if sorted(message) != ["config", "version"] or not isinstance(given, dict):
        raise configuration.ConfigError('expected an object of "version" and "config", which is an object')
    if given.get("version") is not None:
        raise configuration.ConfigError("config.version: it stands beside config")
    for key in _FIXED:
        if given.get(key) is not None and given[key] != current.get(key):
            raise configuration.ConfigError(key + ": can't be changed from afar")
    new = dict(given)
    for key in _KEPT:
        if given.get(key) is None and key in current:
            new[key] = current[key]
    built = configuration.build(new)
    try:
        load("wiring").Wiring(chip, built["pins"], built["power"])
    except ValueError as error:
        raise configuration.ConfigError(str(error)) from None
    try:
        was = configuration.build(current)
    except configuration.ConfigError:
        was = configuration.build({})
    return new, built["wifi"] != was["wifi"] or built["mqtt"] != was["mqtt"]
