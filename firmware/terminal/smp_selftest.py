"""SMP group 72, self-test and identify: what a technician wants to know before closing the case. It makes no vote."""

import os
from binascii import hexlify

from .compat import const, load, ticks_diff, unload
from .log_record import SELF_TEST
from .smp_frames import SmpError, number, text
from .net_wifi import CONNECTING

_EINVAL = const(3)
_ENOTSUP = const(8)
_UNKNOWN = const(1)
_BAD_REQUEST = const(2)
_NO_LOG = const(3)
_TEST_MS = const(3000)  # so long test mode lasts after each order for a light
_IDENTIFY_S = const(10)


def answer(session, command, is_write, request):
    """Answers a request. session: the `console.Console`; request: the map that came. Gives the map to be sent.

    SmpError if there is an error to be answered.
    """
    app = session.app
    if command == 5 and not is_write:
        return state(app)
    if command > 6 or not is_write:
        raise SmpError(_ENOTSUP, _UNKNOWN)
    now_ms = app.board.ticks_ms()
    if command == 6:
        if app.press_path:  # without a log the lights say that nothing is counted
            app.press_path.feedback.identify(now_ms)
        return {"s": _IDENTIFY_S if app.press_path else 0}
    test = text(request, "name", _BAD_REQUEST)
    if test == "files":
        return {"ok": None if app.home is None else files(app.home + "selftest")}
    if test == "wifi":
        return wifi(app)
    if app.log is None:
        raise SmpError(_ENOTSUP, _NO_LOG)
    if test == "light":
        return light(app, now_ms, number(request, "n", _BAD_REQUEST))
    if test == "tone":
        return {"ok": app.press_path.feedback.tone(now_ms)}
    if test == "mqtt":
        return mqtt(app, number(request, "n", _BAD_REQUEST))
    if test == "record":
        seq = app.record_writer.event(now_ms, SELF_TEST, 0)
        return {"ok": seq >= 0, "s": max(0, seq), "ms": ticks_diff(app.board.ticks_ms(), now_ms)}
    if test == "flash":
        return flash(app, now_ms)
    raise SmpError(_EINVAL, _BAD_REQUEST)


def state(app):
    """Gives what can be told without touching anything."""
    return {
        "uptime_ms": app.clock.uptime_ms(),
        "buttons": app.board.buttons(),
        "supply_mv": app.board.battery_mv(),
        "low_mv": app.power.low_mv,
        "clock": app.clock.is_set,
        "heap_free": app.board.heap_free(),
        "mac": hexlify(app.board.mac).decode(),
    }


def flash(app, now_ms):
    """Tests the sector erased ahead. `n` in the answer is that sector, null = none has been erased yet."""
    log = app.log
    if not log.may_erase:
        return {"ok": None, "rsn": "battery low"}
    if log.needs_sector:
        return {"ok": None, "n": None}
    spare = load("log_selftest")
    try:
        sector = log.ahead
        why = spare.problem(log)
        if why:
            return {"ok": None, "rsn": why}
        found = spare.run(log)
    finally:
        unload("log_selftest")
    if found:
        app.text.add("E", "self-test: sector %d: %s" % (sector, found))
    return {"ok": not found, "n": sector, "rsn": found, "ms": ticks_diff(app.board.ticks_ms(), now_ms)}


def files(name):
    """Whether the file system keeps what is written into the file `name`."""
    pattern = bytes(range(64))
    try:
        with open(name, "wb") as file:
            file.write(pattern)
        with open(name, "rb") as file:
            is_kept = file.read() == pattern
        os.remove(name)
        return is_kept
    except OSError:
        return False


def light(app, now_ms, n):
    """Lights the light of button n and no other; for a while presses are tests. n = 0 ends both."""
    if n > 4:
        raise SmpError(_EINVAL, _BAD_REQUEST)
    app.press_path.feedback.lamps(now_ms, 1 << n >> 1)
    app.press_path.holds.test(now_ms, _TEST_MS if n else 0)
    return {"ok": True, "tot": app.log.totals}


def wifi(app):
    """Scans for networks. The CPU stands still for 2 s."""
    wifi = app.wifi
    board = app.board
    networks = [network["ssid"].encode() for network in wifi.networks]
    if app.power.is_low:
        return {"ok": None, "rsn": "battery low"}
    radio = board.radio()
    rssi = board.wifi_rssi() if board.wifi_up() else None
    signals = ()
    try:
        if wifi.state == CONNECTING:
            radio.disconnect()  # a driver that is trying to join a network does not scan
        radio.active(True)
        signals = radio.scan()
    except OSError:
        pass
    if wifi.state == CONNECTING:
        wifi.restart(board.ticks_ms())
    elif not wifi.is_started:
        board.wifi_stop()
    for network in signals:
        if bytes(network[0]) in networks and (rssi is None or network[3] > rssi):
            rssi = network[3]
    return {"ok": networks != [], "n": len(signals), "rssi": rssi, "wifi": wifi.state}


def mqtt(app, n):
    """Gives how it stands with the broker. n: if not 0, the next attempt to connect is due now."""
    uplink = app.uplink
    if n:
        uplink.hurry()
    return {
        "ok": uplink.target[0] != "",
        "mqtt": uplink.state,
        "tls": uplink.tls is not None,
        "wifi": app.wifi.state,
        "s": (app.clock.uptime_ms() - uplink.since_ms) // 1000,
        "rsn": uplink.problem,
    }
