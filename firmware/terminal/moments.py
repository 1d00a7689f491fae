"""Moments that objects remember as ticks, which wrap after 12 days: an old moment would look as if it were to come.

`app` loads this module once an hour and calls `expire`, by which all moments older than 28 hours become 28 hours old.
So nobody ever sees a moment older than 53 hours (it may take half a day until nobody is near, and a sleep takes at most
12 hours), and ticks tell the order of moments that lie less than 149 hours apart.
"""

from .compat import const, ticks_add, ticks_diff

_OLD_MS = const(100000000)  # 28 hours; nobody needs to know of a moment that it is over 24 hours old
# The attributes of each class that hold ticks (None, an int or a list of ints) or an object of another such class. They
# are named here and not in their classes, which would need memory for that all the time.
KEPT = {
    "App": "last_touch trial_ends _console_at _reset_at _scrub_at _feedback press_path ntp power text uplink wifi",
    "Debounce": "_stable _restless _last_edge _stall_end opened _opened_before",
    "Feedback": "_due _tone_due _no_clock_due _asking_ms",
    "Flood": "_window_at _fold_at _last_at",
    "PressPath": "_count_at debounce feedback holds votes _flood _timetable",
    "ButtonHolds": "_down_at _up_at _keys_at _mode_at",
    "Mqtt": "_sent_at _deadline",
    "Ntp": "_due _sent",
    "Outbox": "_news_at _ack_due _recorded_at",
    "Power": "_look_at _session_at _awake_until",
    "TextLog": "_refill_at _due",
    "Timetable": "_due",
    "Uplink": "_state_at _attempt_at outbox _mqtt",
    "Vote": "at_ms",
    "Votes": "_vote _before _last _recent asking_until",
    "Wifi": "_watch_at _down_since _starts_at",
}


def expire(owner, now_ms):
    """Lets the moments of this object expire, and those of the objects that it holds and KEPT names."""
    for name in KEPT.get(type(owner).__name__, "").split():
        kept = getattr(owner, name)
        if kept is None:
            continue
        if isinstance(kept, int):
            if ticks_diff(now_ms, kept) > _OLD_MS:
                setattr(owner, name, ticks_add(now_ms, -_OLD_MS))
        elif isinstance(kept, list):
            for i in range(len(kept)):
                if ticks_diff(now_ms, kept[i]) > _OLD_MS:
                    kept[i] = ticks_add(now_ms, -_OLD_MS)
        else:
            expire(kept, now_ms)
