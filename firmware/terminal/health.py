"""What a terminal says of itself: README.md "Facts"."""

from .compat import load, unload
from .power import PROFILES
from .wifi import ON


def facts(app):
    """A dict for the state message and the answer to status."""
    clock = app.clock
    log = app.log
    power = app.power
    idf = app.board.idf()
    found = {
        "device_id": app.device_id,
        "firmware": app.version,
        "config_version": app.config_version,
        "boot": clock.boot,
        "reset_cause": app.board.reset_cause,
        "uptime_ms": clock.uptime_ms(),
        "utc_ms": clock.utc_ms(),
        "heap_free": app.board.heap_free(),
        "idf_free": idf[0],
        "idf_largest": idf[1],
        "wifi": app.wifi.state,
        "rssi": app.board.wifi_rssi() if app.wifi.state == ON else None,
        "power": PROFILES[power.profile],
        "supply_mv": power.supply_mv,
        "supply_low": power.is_low,
    }
    if log is None:
        found["problem"] = app.problem
        return found
    found.update(log.facts())
    found.update(app.front.facts())
    if clock.refused:
        found["clock_problem"] = load("rfc3339").doubt(clock)
        unload("rfc3339")
    found["mqtt"] = app.uplink.state
    if app.cert_ends:
        found["cert_ends"] = app.cert_ends
    if app.uplink.problem:
        found["mqtt_problem"] = app.uplink.problem
    found["standstill_ms"] = app.standstill_ms
    found["next_upload_s"] = power.next_upload_s(clock.uptime_ms())
    return found
