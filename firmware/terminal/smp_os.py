"""SMP group 0: echo, date and time, reset, the size of a request, and what kind of device this is.

https://docs.zephyrproject.org/latest/services/device_mgmt/smp_groups/smp_group_0.html
"""

import sys

from .compat import const, load, unload
from .log_record import CONSOLE
from .smp_frames import BUF_SIZE, SmpError, text

_EINVAL = const(3)
_ENOTSUP = const(8)
_INVALID_FORMAT = const(2)
_CLOCK_NOT_SET = const(4)
_CLOCK_REFUSED = const(5)


def answer(session, command, is_write, request):
    """Answers a request. session: the `console.Console`; request: the map that came. Gives the map to be sent.

    SmpError if there is an error to be answered.
    """
    app = session.app
    if command == 0:  # Zephyr answers an echo even if it is a read
        return {"r": text(request, "d")}
    if command == 4:
        return _set_time(app, text(request, "datetime")) if is_write else _time(app)
    if command == 5 and is_write:
        app.reset_soon("by cable")
        return {}
    if command == 6 and not is_write:
        return {"buf_size": BUF_SIZE, "buf_count": 1}
    if command == 7 and not is_write:
        return {"output": _info(app, request.get("format", "s"))}
    raise SmpError(_ENOTSUP)


def _info(app, wanted):
    """Gives the fields that the letters in `wanted` ask for, in the order of this list."""
    python = sys.implementation
    fields = (
        ("s", "hymio"),
        ("n", app.device_id),
        ("r", app.version),
        ("v", python.name + "-" + ".".join(str(part) for part in python.version[:3])),
        ("m", app.board.chip),
        ("p", app.board.chip),
        ("i", app.board.chip),
        ("o", "MicroPython"),
    )
    known = "".join(letter for letter, _ in fields)
    if not isinstance(wanted, str) or not wanted or not all(letter in known + "a" for letter in wanted):
        raise SmpError(_EINVAL, _INVALID_FORMAT)
    return " ".join(value for letter, value in fields if letter in wanted or "a" in wanted)


def _time(app):
    utc_ms = app.clock.utc_ms()
    if not utc_ms:
        raise SmpError(_EINVAL, _CLOCK_NOT_SET)
    stamp = load("rfc3339").format_utc_ms(utc_ms)
    unload("rfc3339")
    return {"datetime": stamp}


def _set_time(app, stamp):
    """Sets the clock. stamp: in UTC, unless it has an offset."""
    try:
        utc_ms = load("rfc3339").parse_utc_ms(stamp)
    except ValueError:
        raise SmpError(_EINVAL, _INVALID_FORMAT) from None
    unload("rfc3339")
    app.clock.advance(app.board.ticks_ms())
    if not app.clock.set_utc(utc_ms, CONSOLE):
        raise SmpError(_EINVAL, _CLOCK_REFUSED)
    return {}
