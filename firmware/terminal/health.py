"""What a terminal says of itself: spec/mqtt.md "State" has the meaning of each. Loaded only when somebody asks."""

from .compat import load, unload
from .mains import PROFILES
from .log_record import SLOTS
from .net_wifi import ON


def facts(app):
    """Gives the facts as a dict, for the state message and for the answer to `status`."""
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
    found.update(_log(log))
    found.update(_press_path(app.press_path))
    if clock.refused:
        found["clock_problem"] = load("rfc3339").doubt(clock)
        unload("rfc3339")
    found["mqtt"] = app.uplink.state
    if app.tls and app.tls.ends:
        found["cert_ends"] = app.tls.ends
    if app.uplink.problem:
        found["mqtt_problem"] = app.uplink.problem
    found["standstill_ms"] = app.standstill_ms
    found["next_upload_s"] = power.next_upload_s(clock.uptime_ms())
    return found


def _log(log):
    return {
        "pressed": log.totals,
        "log_id": log.log_id,
        "capacity": (log.sectors - 1) * SLOTS,
        "next_seq": log.next_seq,
        "oldest_seq": log.oldest_seq,
        "acked_seq": log.cursor - 1,
        "unsent": log.unsent,
        "lost": log.lost,
        "burned": log.burned,
        "bad_sectors": log.bad_sectors,
        "damaged_headers": len(log.damaged),
    }


def _press_path(press_path):
    debounce = press_path.debounce
    return {
        "stuck": [b + 1 for b in range(4) if press_path.holds.stuck & 1 << b],
        "mode": press_path.holds.mode,
        "stalled_missed": press_path.stalled_missed,
        "switches": [
            [debounce.presses_total[b], debounce.edges_total[b], debounce.edges_max[b], debounce.spikes[b]]
            for b in range(4)
        ],
    }
