"""SMP group 3: the configuration file, one value at a time, under its path: `mqtt/host`.

A text stands as itself, anything else as JSON. What is written waits until `save`, which writes the file if the whole
of it is good; it holds from the next boot. Secrets can be written, never read.
https://docs.zephyrproject.org/latest/services/device_mgmt/smp_groups/smp_group_3.html
"""

import json
import os

from .compat import const, load, read_json, unload
from .smp import Refused, text

_EACCESS = const(11)
_EINVAL = const(3)
_ENOENT = const(5)
_ENOTSUP = const(8)
_NOT_FOUND = const(3)
_NO_READ = const(4)
_SECRETS = ("password", "key")


def answer(session, command, is_write, request):
    """session: the `console.Console`. Gives the map to be sent, or raises Refused."""
    room = None
    try:
        room = load("config")
        return _answer(session, command, is_write, request, room)
    except Exception as error:
        if room and isinstance(error, room.ConfigError):
            raise Refused(_EINVAL, 0, error.args[0]) from None
        raise
    finally:
        unload("config")


def _answer(session, command, is_write, request, room):
    if command == 0 or (command == 1 and is_write):
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
    if command == 2 and is_write:
        _whole(session, room)
        return {}
    if command == 3 and not is_write:
        session.staged.clear()
        return {}
    if command == 3:
        _save(session, room)
        return {}
    raise Refused(_ENOTSUP)


def _at(config, path):
    """The value under a path that names one."""
    for key in path.split("/"):
        if not isinstance(config, dict) or key not in config:
            raise Refused(_ENOENT, _NOT_FOUND)
        config = config[key]
    if isinstance(config, dict):
        raise Refused(_ENOENT, _NOT_FOUND)
    return config


def _value(session, path, room):
    value = _at(room.build_each(_given(session, room)), path)
    if path.split("/")[-1] in _SECRETS or (isinstance(value, list) and any(isinstance(one, dict) for one in value)):
        raise Refused(_EACCESS, _NO_READ)  # a list of networks has passwords in it
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _read(data, default, path):
    """What these bytes mean where that default stands."""
    if isinstance(data, bytes):
        try:
            data = str(data, "utf-8")
            return data if isinstance(default, str) else json.loads(data)
        except ValueError:
            pass
    raise Refused(_EINVAL, 0, path.replace("/", ".") + ": expected " + _expected(default))


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


def _given(session, room):
    """What the file holds, and over it what has been written since."""
    given = {}
    if session.app.home is not None:
        try:
            given = read_json(session.app.home + room.PATH)
        except (OSError, ValueError):
            pass  # no file, or a broken one, which the defaults stand for already
    if not isinstance(given, dict):
        given = {}
    for path in session.staged:
        _with(given, path, session.staged[path])
    return given


def _whole(session, room):
    """The file to be, if a terminal could run with it."""
    given = _given(session, room)
    config = room.build(given)
    wiring = load("wiring")
    try:
        wiring.Wiring(session.app.board.chip, config["pins"], config["power"])
    except ValueError as error:
        raise Refused(_EINVAL, 0, str(error)) from None
    finally:
        unload("wiring")
    return given


def _save(session, room):
    if not session.staged:
        return  # the flash has it already
    given = _whole(session, room)
    if session.app.home is None:
        raise Refused(_ENOTSUP)
    path = session.app.home + room.PATH
    with open(path + ".new", "w") as file:
        file.write(json.dumps(given))
    os.rename(path + ".new", path)  # at once or not at all
    session.staged.clear()
    session.app.text.add("I", "settings saved by cable; they hold from the next boot")
