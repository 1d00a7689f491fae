"""SMP group 3: the configuration file, one value at a time, under its path: `mqtt/host`.

A text stands for itself, anything else is JSON. What is written waits for `save`, which writes the file if it is good
as a whole; it is in force from the next boot on. Secrets can be written but never read.
https://docs.zephyrproject.org/latest/services/device_mgmt/smp_groups/smp_group_3.html
"""

import json
import os

from .compat import const, load, read_json, unload
from .smp_frames import SmpError, text

_EACCESS = const(11)
_EINVAL = const(3)
_ENOENT = const(5)
_ENOTSUP = const(8)
_NOT_FOUND = const(3)
_NO_READ = const(4)
_SECRETS = ("password", "key")
_PATH = "config.json"


def answer(session, command, is_write, request):
    """Answers a request. session: the `console.Console`; request: the map that came. Gives the map to be sent.

    SmpError if there is an error to be answered.
    """
    if command == 0 or (command == 1 and is_write):
        return _with_config(_one, session, command, is_write, request)
    if command == 2 and is_write:
        _whole(session)
    elif command == 3 and is_write:
        _save(session)
    elif command == 3:
        session.staged.clear()
    else:
        raise SmpError(_ENOTSUP)
    return {}


def _with_config(do, *args):
    """Gives what do(config, *args) gives. config is the module of that name.

    It is large, so nobody may hold it, or anything of it, afterwards.
    """
    config = None
    try:
        config = load("config")
        return do(config, *args)
    except Exception as error:
        if config and isinstance(error, config.ConfigError):
            raise SmpError(_EINVAL, 0, error.args[0]) from None
        raise
    finally:
        config = None
        unload("config")


def _one(config, session, command, is_write, request):
    path = text(request, "name")
    default = _at(config.build_each({}), path)
    if command == 1:
        session.staged[path] = None
    elif not is_write:
        return {"val": _value(session, path, config)}
    else:
        value = _read(request.get("val"), default, path)
        config.build_each(_with({}, path, value))  # what is wrong by itself is told now and not by `save`
        session.staged[path] = value
    return {}


def _at(settings, path):
    """Gives the value under that path of a configuration. SmpError if the path names no value."""
    for key in path.split("/"):
        if not isinstance(settings, dict) or key not in settings:
            raise SmpError(_ENOENT, _NOT_FOUND)
        settings = settings[key]
    if isinstance(settings, dict):
        raise SmpError(_ENOENT, _NOT_FOUND)
    return settings


def _value(session, path, config):
    value = _at(config.build_each(_given(session)), path)
    if path.split("/")[-1] in _SECRETS or (isinstance(value, list) and any(isinstance(one, dict) for one in value)):
        raise SmpError(_EACCESS, _NO_READ)  # a list of networks holds passwords
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _read(data, default, path):
    """Gives the value that these bytes stand for, where the configuration has that default."""
    if isinstance(data, bytes):
        try:
            data = str(data, "utf-8")
            return data if isinstance(default, str) else json.loads(data)
        except ValueError:
            pass
    raise SmpError(_EINVAL, 0, path.replace("/", ".") + ": expected " + _expected(default))


def _expected(default):
    return "a text in UTF-8" if isinstance(default, str) else "JSON"


def _with(given, path, value):
    """Puts the value under the path of `given` and gives that; None takes the value out."""
    place = given
    keys = path.split("/")
    for key in keys[:-1]:
        if not isinstance(place.get(key), dict):
            place[key] = {}
        place = place[key]
    if value is None:
        place.pop(keys[-1], None)
    else:
        place[keys[-1]] = value
    return given


def _given(session):
    """Gives what the file says, with what has been written since put over it."""
    given = {}
    if session.app.home is not None:
        try:
            given = read_json(session.app.home + _PATH)
        except (OSError, ValueError):
            pass  # there is no file, or a broken one: the terminal runs with the defaults
    if not isinstance(given, dict):
        given = {}
    for path in session.staged:
        _with(given, path, session.staged[path])
    return given


def _checked(config, session):
    """Gives the content of the new file, and those sections of it that are about pins."""
    given = _given(session)
    settings = config.build(given)
    return given, settings["pins"], settings["power"]


def _whole(session):
    """Gives the content of the new file. SmpError if no terminal could run with it."""
    given, pins, power = _with_config(_checked, session)
    try:
        load("wiring").Wiring(session.app.board.chip, pins, power)
    except ValueError as error:
        raise SmpError(_EINVAL, 0, str(error)) from None
    finally:
        unload("wiring")
    return given


def _save(session):
    if not session.staged:
        return  # nothing has changed, so the flash is spared
    given = _whole(session)
    if session.app.home is None:
        raise SmpError(_ENOTSUP)
    path = session.app.home + _PATH
    with open(path + ".new", "w") as file:
        file.write(json.dumps(given))
    os.rename(path + ".new", path)  # the file changes as a whole or not at all
    session.staged.clear()
    session.app.text.add("I", "settings saved by cable; they hold from the next boot")
