"""Orders from afar while the terminal runs. Loaded when such a message comes, and unloaded again.

A new configuration is only put aside here: `trial` judges it at the next boot, when there is memory for that.
spec/mqtt.md "Remote configuration" has the files.
"""

import json
import os

from .compat import load, read_json, unload

CONFIG = "config.json"
NEXT = "config.next"  # the message with a new configuration, to be judged at the next boot
TRIAL = "trial.json"  # {"version", "boots"}: this version is on trial. With an "id": a certificate, `net_certificate`
OLD = "config.old"  # the configuration that comes back if the new one fails
REFUSED = "refused.json"  # {"version", "error"}: the version that was refused last, or has failed its trial


class Files:
    """Small files in a folder. Each change of one is done as a whole or not at all."""

    def __init__(self, folder):
        """folder: its path, "" or with a slash at the end."""
        self._folder = folder

    def read(self, name):
        """Gives the JSON object in a file; {} if there is no such file, or no object in it."""
        try:
            found = read_json(self._folder + name)
            return found if isinstance(found, dict) else {}
        except (OSError, ValueError):
            return {}

    def write(self, name, value):
        """Puts a JSON object into a file."""
        with open(self._folder + name + ".new", "w") as file:
            file.write(json.dumps(value))
        self.rename(name + ".new", name)

    def rename(self, name, other):
        """Has a file take the place of `other`."""
        os.rename(self._folder + name, self._folder + other)

    def remove(self, name):
        """Removes a file, which may be gone already."""
        try:
            os.remove(self._folder + name)
        except OSError:
            pass

    def has(self, name):
        """Whether the file is there."""
        try:
            os.stat(self._folder + name)
            return True
        except OSError:
            return False

    def put_aside(self, name, data):
        """Puts bytes into a file."""
        with open(self._folder + name + ".new", "wb") as file:
            file.write(data)
        self.rename(name + ".new", name)


def is_version(value):
    """Whether the value can be the version of a configuration, or the id of a command."""
    if isinstance(value, str):
        return 1 <= len(value.encode()) <= 64
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 29) <= value <= 1 << 29


def take(order, now_ms, home, uplink, done, clock, log, text, feedback):
    """Deals with an order of the `Uplink`.

    None stands for the end of a trial, of a configuration or a certificate: an ack has come, or it has taken too long.
    home: the folder of the files; done: the ids of commands that have been done in this boot; text: the text log.
    Gives the id of a command that has been done now, else None.
    """
    files = Files(home)
    known = None
    if order is None:
        trial = files.read(TRIAL)
        if "id" in trial:
            said = load("net_certificate").end(uplink, files, trial)
            for name in ("net_certificate", "net_commands"):
                unload(name)
            if said:
                report(uplink, said)
        elif uplink.outbox.is_heard:
            report(uplink, confirm(files))
        else:
            roll_back(files, "no ack in 10 minutes")
            uplink.restart()
    elif order[0]:
        uplink.dealt_with(order[1])
        said = put_aside(files, order[1])
        if said:
            report(uplink, said)
        else:
            uplink.restart()  # it is judged at the boot, when there is memory for that
    else:
        try:
            commands = load("net_commands")
            reply, known = commands.answer(order[1], now_ms, files, uplink, done, clock, log, text, feedback)
        finally:
            commands = None  # nobody holds what is to leave the heap
            unload("net_commands")
        uplink.say("reply", json.dumps(reply).encode(), False)
    return known


def report(uplink, said):
    """Publishes `said` on `config/reported`, or on `reply` if it is about a command."""
    is_config = "id" not in said
    uplink.say("config/reported" if is_config else "reply", json.dumps(said).encode(), is_config)


def put_aside(files, payload):
    """Keeps a new configuration for the next boot. Gives what is to be reported if there is nothing to be kept."""
    try:
        message = json.loads(payload)
    except (ValueError, TypeError):
        return failed(None, "no JSON in UTF-8")
    version = message.get("version") if isinstance(message, dict) else None
    if version is None or not is_version(version):
        return failed(None, "version: expected a whole number, or a text of 1 to 64 bytes")
    if files.read(CONFIG).get("version") == version:
        return taken(version)
    refused = files.read(REFUSED)
    if refused.get("version") == version:
        return failed(version, refused.get("error", ""))
    files.put_aside(NEXT, payload)
    return None


def taken(version):
    """Gives the report of a configuration that is in force."""
    return {"version": version, "ok": True}


def failed(version, error):
    """Gives the report of a configuration that is not in force. error: why."""
    return {"version": version, "ok": False, "error": error}


def confirm(files):
    """Ends a trial that has succeeded. Gives what is to be reported."""
    files.remove(TRIAL)
    files.remove(OLD)
    return taken(files.read(CONFIG).get("version"))


def roll_back(files, why):
    """Brings the old configuration back, from the next boot on."""
    version = files.read(TRIAL).get("version")
    if files.read(REFUSED).get("version") != version:
        files.write(REFUSED, {"version": version, "error": "rolled back: " + why})
    files.rename(OLD, CONFIG)
    files.remove(TRIAL)
