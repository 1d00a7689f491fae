"""SMP group 3: the configuration file, one value at a time, under its path: `mqtt/host`.

A text stands as itself, anything else as JSON. What is written waits until `save`, which writes the file if the whole
of it is good; it holds from the next boot. Secrets can be written, never read.
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
    """session: the `console.Console`. Gives the map to be sent, or raises SmpError."""
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
    """What `do` makes of the room `config`, which is large: nobody may hold it, or anything of it, afterwards."""
    room = None
    try:
        room = load("config")
        return do(room, *args)
    except Exception as error:
        if room and isinstance(error, room.ConfigError):
            raise SmpError(_EINVAL, 0, error.args[0]) from None
        raise
    finally:
        room = None
        unload("config")


def _one(room, session, command, is_write, request):
    path = text(request, "name")
    default = _at(room.build_each({}), path)
    if command == 1:
        session.staged[path] = None
    elif not is_write:
        return {"val": _value(session, path, room)}
    else:
        value = _read(request.get("val"), default, path)
        room.build_each(_with({}, path, value))  # wrong by itself: told now, not at the end
        session.staged[path] = value
    return {}


def _at(config, path):
    """The value under a path that names one."""
    for key in path.split("/"):
        if not isinstance(config, dict) or key not in config:
            raise SmpError(_ENOENT, _NOT_FOUND)
        config = config[key]
    if isinstance(config, dict):
        raise SmpError(_ENOENT, _NOT_FOUND)
    return config


def _value(session, path, room):
    value = _at(room.build_each(_given(session)), path)
    if path.split("/")[-1] in _SECRETS or (isinstance(value, list) and any(isinstance(one, dict) for one in value)):
        raise SmpError(_EACCESS, _NO_READ)  # a list of networks has passwords in it
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _read(data, default, path):
    """What these bytes mean where that default stands."""
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
    """Puts the value under the path; None takes it out."""
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
    """What the file holds, and over it what has been written since."""
    given = {}
    if session.app.home is not None:
        try:
            given = read_json(session.app.home + _PATH)
        except (OSError, ValueError):
            pass  # no file, or a broken one, which the defaults stand for already
    if not isinstance(given, dict):
        given = {}
    for path in session.staged:
        _with(given, path, session.staged[path])
    return given


def _checked(room, session):
    """The file to be, and the sections of it that are about pins."""
    given = _given(session)
    config = room.build(given)
    return given, config["pins"], config["power"]


def _whole(session):
    """The file to be, if a terminal could run with it."""
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
        return  # the flash has it already
    given = _whole(session)
    if session.app.home is None:
        raise SmpError(_ENOTSUP)
    path = session.app.home + _PATH
    with open(path + ".new", "w") as file:
        file.write(json.dumps(given))
    os.rename(path + ".new", path)  # at once or not at all
    session.staged.clear()
    session.app.text.add("I", "settings saved by cable; they hold from the next boot")
