"""Commands from afar: each has an id, is done once, and lapses."""

import json

from .compat import const, load, unload
from .net_remote import is_version

DONE = "done.json"  # {"id"}: the last command that restarted the terminal
_TAIL_BYTES = const(1500)
_IDS = const(8)
_TIMELESS = ("reboot", "send-log", "resync", "renew")


class CommandRefused(Exception):
    """args[0]: why."""


def answer(app, now_ms, payload, files):
    """Obeys. Gives the reply."""
    done = app.done
    known = None
    try:
        request = json.loads(payload)
        known = _id(request)
        if known in done or known == files.read(DONE).get("id"):
            return {"id": known, "ok": True, "again": True}
        _check_time(app.clock.utc_ms(), request.get("expires_utc"), request.get("do"))
        is_trial = _obey(app, now_ms, request, files)
    except CommandRefused as error:
        return {"id": known, "ok": False, "error": error.args[0]}
    except (ValueError, TypeError):
        return {"id": known, "ok": False, "error": "no JSON in UTF-8"}
    done.append(known)
    if len(done) > _IDS:
        done.pop(0)
    return {"id": known, "trial": True} if is_trial else {"id": known, "ok": True}


def _id(request):
    if not isinstance(request, dict):
        raise CommandRefused("expected an object")
    known = request.get("id")
    if known is None or not is_version(known):
        raise CommandRefused("id: expected a whole number, or a text of 1 to 64 bytes")
    return known


def _check_time(utc_ms, expires_utc, what):
    if not isinstance(expires_utc, (int, float)) or isinstance(expires_utc, bool):
        raise CommandRefused("expires_utc: expected seconds of 1970")
    if not utc_ms:
        # It has just come, it is no retained copy, and it is obeyed once: what mends a terminal must not wait.
        if what in _TIMELESS:
            return
        raise CommandRefused("the clock is not set, so it can't be told whether this has expired")
    if utc_ms // 1000 >= expires_utc:
        raise CommandRefused("expired")


def _seq(app, request, key, default):
    seq = request.get(key, default)
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq <= app.log.next_seq:
        raise CommandRefused("%s: expected 0..%d" % (key, app.log.next_seq))
    return seq


def _obey(app, now_ms, request, files):
    """True: it is on trial, the answer comes later."""
    what = request.get("do")
    if what == "reboot":
        files.write(DONE, {"id": request["id"]})  # so that it is known after the boot
        app.uplink.restart()
    elif what == "identify":
        app.press_path.feedback.identify(now_ms)
    elif what == "send-log":
        try:
            tail = load("text_log_files").tail(app.text, _TAIL_BYTES)
        finally:
            unload("text_log_files")
        app.uplink.say("log", tail, False)
    elif what == "resync":
        first = _seq(app, request, "from", 0)
        last = _seq(app, request, "to", app.log.next_seq)
        if last < first:
            raise CommandRefused("to: expected %d or more" % first)
        app.uplink.outbox.resync(now_ms, first, last + 1)
    elif what == "renew":
        try:
            return load("net_certificate").begin(app, request, files)
        finally:
            unload("net_certificate")
    else:
        raise CommandRefused("do: expected reboot, identify, send-log, resync or renew")
    return False
