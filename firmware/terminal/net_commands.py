"""Commands from afar: each has an id, is done once at most, and expires."""

import json

from .compat import const, load, unload
from .net_remote import is_version

DONE = "done.json"  # {"id"} of the last command that restarted the terminal
_TAIL_BYTES = const(1500)
_TIMELESS = ("reboot", "send-log", "resync", "renew")


class CommandRefused(Exception):
    """A command that is not obeyed. args[0]: why, for a person."""


def answer(payload, now_ms, files, uplink, done, clock, log, text, feedback):
    """Obeys the command in the payload. Gives (reply, the id of the command if it has been done now, else None).

    done: the ids of commands that have been done in this boot; text: the text log.
    """
    known = None
    try:
        request = json.loads(payload)
        known = _id(request)
        if known in done or known == files.read(DONE).get("id"):
            return {"id": known, "ok": True, "again": True}, None
        what = request.get("do")
        _check_time(clock.utc_ms(), request.get("expires_utc"), what)
        is_trial = False
        if what == "reboot":
            files.write(DONE, {"id": known})  # so that it is known after the boot
            uplink.restart()
        elif what == "identify":
            feedback.identify(now_ms)
        elif what == "send-log":
            _send_log(uplink, text)
        elif what == "resync":
            _resync(request, now_ms, uplink, log)
        elif what == "renew":
            is_trial = _renew(request, files, uplink, clock)
        else:
            raise CommandRefused("do: expected reboot, identify, send-log, resync or renew")
    except CommandRefused as error:
        return {"id": known, "ok": False, "error": error.args[0]}, None
    except (ValueError, TypeError):
        return {"id": known, "ok": False, "error": "no JSON in UTF-8"}, None
    return ({"id": known, "trial": True} if is_trial else {"id": known, "ok": True}), known


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
        # It has just come, is no retained copy, and is obeyed only once. What mends a terminal must not wait.
        if what in _TIMELESS:
            return
        raise CommandRefused("the clock is not set, so it can't be told whether this has expired")
    if utc_ms // 1000 >= expires_utc:
        raise CommandRefused("expired")


def _send_log(uplink, text):
    try:
        tail = load("text_log_files").tail(text, _TAIL_BYTES)
    finally:
        unload("text_log_files")
    uplink.say("log", tail, False)


def _resync(request, now_ms, uplink, log):
    first = _seq(request, "from", 0, log.next_seq)
    last = _seq(request, "to", log.next_seq, log.next_seq)
    if last < first:
        raise CommandRefused("to: expected %d or more" % first)
    uplink.outbox.resync(now_ms, first, last + 1)


def _seq(request, key, default, most):
    seq = request.get(key, default)
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq <= most:
        raise CommandRefused("%s: expected 0..%d" % (key, most))
    return seq


def _renew(request, files, uplink, clock):
    """True: the new certificate is on trial, the reply comes later."""
    try:
        return load("net_certificate").begin(request, files, uplink, clock)
    finally:
        unload("net_certificate")
