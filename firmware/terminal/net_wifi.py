"""Keeps the station connected: one owner, connect once, then watch."""

from .compat import const, ticks_add, ticks_diff

OFF = const(0)
CONNECTING = const(1)
ON = const(2)

_WATCH_MS = const(500)
_JOIN_MS = const(100)  # the radio costs most while it waits
_PATIENCE_MS = const(60000)  # the driver retries by itself; after this it is started anew
_NEXT_MS = const(20000)  # or so long, if there are others to try
_PAUSE_MS = const(1000)  # off and on in one breath, and the driver says "Wifi Internal Error"


class Wifi:
    """`state` is OFF, CONNECTING or ON. `may_scan` is the app's to set: the CPU may stand still for a scan."""

    def __init__(self, board, settings, stood_still):
        """settings: the section `wifi`; stood_still(since_ms, now_ms): the CPU did, for a scan."""
        self._board = board
        self._stood_still = stood_still
        self.networks = settings["networks"]  # those that may be joined
        if settings["ssid"]:
            self.networks = [settings] + self.networks
        self._queue = []  # networks still to be tried before the next look around
        self._watch_at = None
        self._down_since = 0
        self._starts_at = None  # ticks at which the radio is to be switched on
        self.may_scan = False
        self.state = OFF

    def start(self, now_ms):
        """Starts the radio if there is a network to join and it does not run."""
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
        """Off, and on again a moment later. With a dead upstream the driver says "connected" for ever."""
        if self.is_started:
            self._board.wifi_stop()
            self.state = CONNECTING
            self._starts_at = ticks_add(now_ms, _PAUSE_MS)

    def step(self, now_ms):
        """Watches; gives the ms until it wants to look again."""
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
