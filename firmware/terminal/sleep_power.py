"""What the supply allows: when to sleep and for how long, when to switch the radio on, what a low battery forbids.

Not loaded where there are mains and no battery.
"""

from .compat import const, ticks_add, ticks_diff
from .mains import MAINS, PROFILES

LIGHT = const(1)
DEEP = const(2)

_DAY_MS = const(86400000)
_SUPPLY_MS = const(60000)  # between two looks at the battery while awake
_RECOVERED_MV = const(100)  # a battery that has been low is good again so far above the limit
_SESSION_MS = const(90000)  # the radio stays on for so long at most
_RETRY_MS = const(900000)  # after a session that has not settled everything; it doubles each time
_AWAKE_MS = const(60000)  # after power-on and after the last byte on the cable, while somebody may be there
_LIGHT_MIN_MS = const(5)  # a shorter sleep costs more than it saves


class Power:
    """`radio` and `is_low` say what may be done now; `rest` says how to wait."""

    def __init__(self, settings, battery_mv, jitter):
        """settings: the section `power`; battery_mv(): as that of a board; jitter: 0..255.

        The jitter spreads the uploads of many terminals over a quarter of the time between two of them.
        """
        self.profile = PROFILES.index(settings["profile"])
        self._battery_mv = battery_mv
        self.low_mv = settings["low_mv"]
        self._period_ms = _DAY_MS // settings["uploads_per_day"]
        self._backlog = settings["upload_backlog"]
        self._alert = settings["alert_unhappy"]
        self._jitter_ms = self._period_ms * jitter >> 10
        self._look_at = None  # ticks of the next look at the battery
        self._session_at = None  # ticks at which the radio was switched on, None: it is off
        self._failures = 0  # sessions in a row that have not settled everything
        self._farewell = False  # True: one more session is owed before the radio stays off
        self._awake_until = None  # ticks until which the terminal does not sleep
        self.next_ms = 0  # uptime of the next upload
        self.supply_mv = None
        self.is_low = False
        self.unhappy = 0  # votes on faces 1 and 2 since the last session

    def start(self, now_ms):
        """Begins a boot that does not follow a deep sleep."""
        self.stay_awake(now_ms)

    def stay_awake(self, now_ms):
        """Keeps the terminal awake for a minute: somebody is, or may be, at the cable."""
        self._awake_until = ticks_add(now_ms, _AWAKE_MS)

    def step(self, now_ms):
        """Looks at the battery now and then."""
        if self._look_at is not None and ticks_diff(now_ms, self._look_at) < 0:
            return
        self._look_at = ticks_add(now_ms, _SUPPLY_MS)
        self.supply_mv = mv = self._battery_mv()
        if mv is None:
            return
        is_low = mv < self.low_mv + (_RECOVERED_MV if self.is_low else 0)
        if is_low and not self.is_low:
            self._farewell = True
        self.is_low = is_low

    # ---- the radio ----

    def radio(self, now_ms, uptime_ms, unsent, is_settled):
        """Whether the radio should be on.

        unsent: presses that are not settled; is_settled: in this session everything has been said and settled.
        """
        if self.profile == MAINS and not self.is_low:
            self._session_at = now_ms
            return True
        if self._session_at is None:
            if not self._is_due(uptime_ms, unsent):
                return False
            self._session_at = now_ms
        elif is_settled or ticks_diff(now_ms, self._session_at) >= _SESSION_MS:
            self._end_session(uptime_ms, is_settled)
            return False
        return True

    def _is_due(self, uptime_ms, unsent):
        if self.is_low:
            return self._farewell
        is_asked = unsent >= self._backlog or 0 < self._alert <= self.unhappy
        # After a session that failed, nobody's wish brings the next one forward.
        return uptime_ms >= self.next_ms or (is_asked and not self._failures)

    def _end_session(self, uptime_ms, is_settled):
        self._session_at = None
        self._farewell = False
        self.unhappy = 0
        if is_settled:
            self._failures = 0
            self.next_ms = uptime_ms - uptime_ms % self._period_ms + self._period_ms + self._jitter_ms
        else:
            self.next_ms = uptime_ms + min(self._period_ms, _RETRY_MS << min(self._failures, 6))
            self._failures += 1

    def until_upload_ms(self, uptime_ms):
        """Gives the ms until the next regular upload, -1 = none before the battery is better."""
        if self.is_low and not self._farewell:
            return -1
        return max(1, self.next_ms - uptime_ms)

    def next_upload_s(self, uptime_ms):
        """Gives the seconds until the next upload, 0 if the radio is always on, None while the radio stays off."""
        if self.profile == MAINS:
            return 0
        return None if self.is_low else max(0, self.next_ms - uptime_ms) // 1000

    # ---- sleep ----

    def rest(self, now_ms, wait_ms, is_quiet):
        """Gives how to wait for wait_ms: MAINS (awake), LIGHT or DEEP.

        is_quiet: nothing but time and buttons can bring about anything meanwhile.
        """
        if self._awake_until is not None and ticks_diff(self._awake_until, now_ms) <= 0:
            self._awake_until = None
        if self.profile == MAINS or self._session_at is not None or self._awake_until is not None:
            return MAINS
        if is_quiet:
            return self.profile
        return LIGHT if wait_ms >= _LIGHT_MIN_MS else MAINS
