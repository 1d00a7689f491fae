"""Keeps the station connected: nothing else touches the driver, which is told once to connect and then watched."""

from .compat import const, ticks_add, ticks_diff

OFF = const(0)
CONNECTING = const(1)
ON = const(2)

_WATCH_MS = const(500)
_JOIN_MS = const(100)  # while it joins: each 100 ms of radio cost a battery
_PATIENCE_MS = const(60000)  # the driver tries again by itself; after so long it is started anew
_NEXT_MS = const(20000)  # after so long, if there are other networks to try
_PAUSE_MS = const(1000)  # switched off and on without a pause, the driver says "Wifi Internal Error"


class Wifi:
    """`state` is OFF, CONNECTING or ON. The app sets `may_scan`: True while the CPU may stand still for a scan."""

    def __init__(self, board, settings, stood_still):
        """settings: the section `wifi`; stood_still(since_ms, now_ms) is told that the CPU did, for a scan."""
        self._board = board
        self._stood_still = stood_still
        self.networks = settings["networks"]  # all that may be joined
        if settings["ssid"]:
            self.networks = [settings] + self.networks
        self._queue = []  # the networks that are still to be tried before the next scan
        self._watch_at = None  # ticks of the next look; None: the radio is off
        self._down_since = 0  # ticks since which there has been no network
        self._starts_at = None  # ticks at which the radio is to be switched on, None: it is on
        self.may_scan = False
        self.state = OFF

    def start(self, now_ms):
        """Switches the radio on, unless it is on already or there is no network to join."""
        if self.networks and not self.is_started:
            self.state = CONNECTING
            self._watch_at = self._starts_at = now_ms

    @property
    def is_started(self):
        """True while the radio is on."""
        return self._watch_at is not None

    def stop(self):
        """Switches the radio off until `start`."""
        if self.is_started:
            self._board.wifi_stop()
            self._watch_at = self._starts_at = None
            self.state = OFF

    def restart(self, now_ms):
        """Switches the radio off, and on again a moment later.

        That may help if nothing gets through: the driver goes on saying that it is connected.
        """
        if self.is_started:
            self._board.wifi_stop()
            self.state = CONNECTING
            self._starts_at = ticks_add(now_ms, _PAUSE_MS)

    def step(self, now_ms):
        """Watches the radio. Gives the ms until it wants to look again."""
        if self._watch_at is None:
            return 60000
        left_ms = ticks_diff(self._watch_at, now_ms)
        if left_ms > 0:
            return left_ms
        wait_ms = _WATCH_MS if self.state == ON else _JOIN_MS
        self._watch_at = ticks_add(now_ms, wait_ms)
        is_choosy = len(self.networks) > 1
        if self._starts_at is not None:
            if ticks_diff(now_ms, self._starts_at) >= 0:
                self._starts_at = None
                self._down_since = now_ms
                network = self.networks[0]
                if is_choosy:
                    if not self._queue:
                        from .net_wifi_select import in_turn

                        board = self._board
                        since_ms = board.ticks_ms()
                        self._queue = in_turn(self.networks, board.radio() if self.may_scan else None)
                        self._stood_still(since_ms, board.ticks_ms())
                    network = self._queue.pop(0)
                self._board.wifi_start(network["ssid"], network["password"], network.get("static"))
        elif self._board.wifi_up():
            self.state = ON
        elif self.state == ON:
            self.state = CONNECTING
            self._down_since = now_ms
        elif ticks_diff(now_ms, self._down_since) >= (_NEXT_MS if is_choosy else _PATIENCE_MS):
            self.restart(now_ms)
        return wait_ms
