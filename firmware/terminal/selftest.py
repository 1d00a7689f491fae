"""The self-test: what a technician wants to know before closing the case. It takes the way of a vote, and no vote."""

import os

from .compat import sweep, ticks_diff
from .record import SELF_TEST


def state(app):
    """What can be told without touching anything: contacts closed now (bit 0 = button 1), supply, clock, heap."""
    return {
        "buttons": app.board.buttons(),
        "supply_mv": app.board.battery_mv(),
        "clock": app.clock.is_set,
        "heap_free": app.board.heap_free(),
    }


def run(app):
    """Writes and reads back; all lights blink. Keys: ok, then `log`, `write_ms`, `files` (None: there are none)."""
    sweep()
    found = state(app)
    found["log"] = False
    if app.log is not None:
        since_ms = app.board.ticks_ms()
        found["log"] = app.book.event(since_ms, SELF_TEST, 0) >= 0
        found["write_ms"] = ticks_diff(app.board.ticks_ms(), since_ms)
    found["files"] = None if app.home is None else _files(app.home + "selftest")
    found["ok"] = found["log"] and found["files"] is not False
    if app.front:  # else the lights say that nothing is counted
        app.front.feedback.lamps(app.board.ticks_ms())
    app.text.add("I" if found["ok"] else "E", "self-test: log %s, files %s" % (found["log"], found["files"]))
    return found


def _files(path):
    """Whether the file system keeps what it is given."""
    pattern = bytes(range(64))
    try:
        with open(path, "wb") as file:
            file.write(pattern)
        with open(path, "rb") as file:
            is_kept = file.read() == pattern
        os.remove(path)
        return is_kept
    except OSError:
        return False
