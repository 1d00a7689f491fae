"""SMP group 2: the terminal's figures as statistics.

https://docs.zephyrproject.org/latest/services/device_mgmt/smp_groups/smp_group_2.html
"""

from .compat import const
from .smp_frames import SmpError, text

_EINVAL = const(3)
_ENOTSUP = const(8)
_INVALID_GROUP = const(2)

_KEYS = {
    "log": (
        "capacity", "next_seq", "oldest_seq", "acked_seq", "unsent", "lost", "burned", "bad_sectors", "damaged_headers",
    ),
    "terminal": ("boot", "reset_cause", "uptime_ms", "heap_free", "standstill_ms"),
    "uplink": ("wifi", "mqtt", "unsent", "next_upload_s"),
}  # fmt: skip
_SWITCH = ("presses", "edges", "edges_max", "spikes")
_OWN = "smp_svr_stats"  # the name that Zephyr gives to the figures of the server itself


def answer(session, command, is_write, request):
    """Answers a request. session: the `console.Console`; request: the map that came. Gives the map to be sent.

    SmpError if there is an error to be answered.
    """
    if is_write or command > 1:
        raise SmpError(_ENOTSUP)
    if command == 1:
        return {"stat_list": ["log", "presses", "switches", "terminal", "uplink", _OWN]}
    name = text(request, "name")
    return {"name": name, "fields": _fields(session, name)}


def _fields(session, name):
    if name == _OWN:
        return {"requests": session.requests, "refused": session.refused, "broken_frames": session.broken}
    facts = session.app.facts()
    if name == "presses":
        return {"button%d" % (b + 1): n for b, n in enumerate(facts.get("pressed", ()))}
    if name == "switches":
        return {
            "button%d_%s" % (b + 1, _SWITCH[i]): n
            for b, figures in enumerate(facts.get("switches", ()))
            for i, n in enumerate(figures)
        }
    if name not in _KEYS:
        raise SmpError(_EINVAL, _INVALID_GROUP)
    return {key: facts[key] for key in _KEYS[name] if isinstance(facts.get(key), int)}
