"""What comes from afar: a configuration, on trial if the way to the collector hangs on it, and commands.

Loaded when such a message comes and dropped again. README.md "Remote configuration" has the files and their order: a
power cut between any two of their changes leaves a terminal that runs with the old configuration or the new one.
"""

import json
import os
from binascii import crc32

from . import config as room
from .compat import const, load, unload

TRIAL = "trial.json"  # {"version", "boots"}: that version is on trial
OLD = "config.old"  # what comes back if it fails
REFUSED = "refused.json"  # {"version", "error"}: the last trial that failed
DONE = "done.json"  # {"id"}: the last command that restarted the terminal
_BOOTS = const(3)
_TAIL_BYTES = const(1500)
_IDS = const(8)
_KEPT = ("device_id", "pins", "wifi", "mqtt")  # what is not named of these stays as it is
_FIXED = ("device_id", "pins")  # and these stay in any case


class Files:
    """Small files in a folder, each changed at once or not at all."""

    def __init__(self, folder):
        self._folder = folder

    def read(self, name):
        """The object in the file; {} if there is none, or nothing that is one."""
        try:
            with open(self._folder + name) as file:
                found = json.load(file)
            return found if isinstance(found, dict) else {}
        except (OSError, ValueError):
            return {}

    def write(self, name, value):
        """Puts the object into the file."""
        with open(self._folder + name + ".new", "w") as file:
            file.write(json.dumps(value))
        self.rename(name + ".new", name)

    def rename(self, name, other):
        """Takes the place of `other`."""
        os.rename(self._folder + name, self._folder + other)

    def remove(self, name):
        """It may be gone already."""
        try:
            os.remove(self._folder + name)
        except OSError:
            pass


def take(app, now_ms, order):
    """Deals with an order of the `Uplink`. None: the trial is over, one way or the other."""
    files = Files(app.home)
    uplink = app.uplink
    if order is None:
        app.trial_ends = None
        if uplink.outbox.is_heard:
            _report(uplink, confirm(files))
        else:
            roll_back(files, "no ack in 10 minutes")
            uplink.restart()
        return
    is_config, payload = order
    if is_config:
        report, is_new = configure(files, payload, app.board.chip)
        uplink.config_crc = crc32(payload)
        if report:
            _report(uplink, report)
        if is_new:
            uplink.restart()
    else:
        uplink.say("reply", json.dumps(command(app, now_ms, payload, files)).encode(), False)


def _report(uplink, report):
    uplink.say("config/reported", json.dumps(report).encode(), True)


# ---- a configuration on trial ----


def resumed(files):
    """Whether this boot is on trial. Ends a trial that has failed, or that never began."""
    trial = files.read(TRIAL)
    version = trial.get("version")
    if version is None or files.read(room.PATH).get("version") != version:
        files.remove(TRIAL)  # a cut: before the new configuration, or after the return of the old one
        return False
    boots = trial.get("boots", _BOOTS) + 1
    if boots > _BOOTS or files.read(REFUSED).get("version") == version:
        roll_back(files, "no ack in %d boots" % _BOOTS)
        return False
    files.write(TRIAL, {"version": version, "boots": boots})
    return True


def roll_back(files, why):
    """The old configuration comes back, from the next boot on."""
    version = files.read(TRIAL).get("version")
    if files.read(REFUSED).get("version") != version:
        files.write(REFUSED, {"version": version, "error": "rolled back: " + why})
    files.rename(OLD, room.PATH)
    files.remove(TRIAL)


def confirm(files):
    """The trial has succeeded. Gives what is to be reported."""
    files.remove(TRIAL)
    files.remove(OLD)
    return _taken(files.read(room.PATH).get("version"))


def configure(files, payload, chip):
    """(what is to be reported or None, whether a restart puts it in force)"""
    version = None
    try:
        message = json.loads(payload)
        version, given = _parts(message)
        current = files.read(room.PATH)
        if current.get("version") == version:
            return _taken(version), False
        refused = files.read(REFUSED)
        if refused.get("version") == version:
            return _failed(version, refused.get("error", "")), False
        new, is_trial = _checked(given, current, chip)
    except room.ConfigError as error:
        return _failed(version, error.args[0]), False
    except (ValueError, TypeError):
        return _failed(version, "no JSON in UTF-8"), False
    new["version"] = version
    if is_trial:
        files.write(OLD, current)
        files.write(TRIAL, {"version": version, "boots": 0})
    files.write(room.PATH, new)
    return None, True


def _parts(message):
    """(version, config) of a message."""
    if not isinstance(message, dict) or sorted(message) != ["config", "version"]:
        raise room.ConfigError('expected an object of "version" and "config"')
    version = message["version"]
    if version is None or not room.is_version(version):
        raise room.ConfigError("version: expected " + room.VERSION)
    if not isinstance(message["config"], dict):
        raise room.ConfigError("config: expected an object")
    return version, message["config"]


def _checked(given, current, chip):
    """(the file to be, whether it needs a trial). ConfigError unless a terminal could run with it."""
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
    finally:
        unload("wiring")
    try:
        was = room.build(current)
    except room.ConfigError:
        was = room.build({})
    return new, built["wifi"] != was["wifi"] or built["mqtt"] != was["mqtt"]


def _taken(version):
    return {"version": version, "ok": True}


def _failed(version, error):
    return {"version": version, "ok": False, "error": error}


# ---- commands ----


def command(app, now_ms, payload, files):
    """Obeys. Gives the reply."""
    done = app.done
    known = None
    try:
        request = json.loads(payload)
        known = _id(request)
        if known in done or known == files.read(DONE).get("id"):
            return {"id": known, "ok": True, "again": True}
        _check_time(app.clock.utc_ms(), request.get("expires_utc"))
        _obey(app, now_ms, request, files)
    except room.ConfigError as error:
        return {"id": known, "ok": False, "error": error.args[0]}
    except (ValueError, TypeError):
        return {"id": known, "ok": False, "error": "no JSON in UTF-8"}
    done.append(known)
    if len(done) > _IDS:
        done.pop(0)
    return {"id": known, "ok": True}


def _id(request):
    if not isinstance(request, dict):
        raise room.ConfigError("expected an object")
    known = request.get("id")
    if known is None or not room.is_version(known):
        raise room.ConfigError("id: expected " + room.VERSION)
    return known


def _check_time(utc_ms, expires_utc):
    if not isinstance(expires_utc, (int, float)) or isinstance(expires_utc, bool):
        raise room.ConfigError("expires_utc: expected seconds of 1970")
    if not utc_ms:
        raise room.ConfigError("the clock is not set, so it can't be told whether this has expired")
    if utc_ms // 1000 >= expires_utc:
        raise room.ConfigError("expired")


def _obey(app, now_ms, request, files):
    what = request.get("do")
    if what == "reboot":
        files.write(DONE, {"id": request["id"]})  # so that it is known after the boot
        app.uplink.restart()
    elif what == "identify":
        app.front.feedback.identify(now_ms)
    elif what == "send-log":
        try:
            tail = load("textfile").tail(app.text, _TAIL_BYTES)
        finally:
            unload("textfile")
        app.uplink.say("log", tail, False)
    elif what == "resync":
        seq = request.get("from", 0)
        if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq <= app.log.next_seq:
            raise room.ConfigError("from: expected 0..%d" % app.log.next_seq)
        app.uplink.outbox.resync(now_ms, seq)
    else:
        raise room.ConfigError("do: expected reboot, identify, send-log or resync")
