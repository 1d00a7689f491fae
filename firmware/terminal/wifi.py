"""Keeps the station connected: one owner, connect once, then watch."""

from .compat import const, ticks_add, ticks_diff

OFF = const(0)
CONNECTING = const(1)
ON = const(2)

_WATCH_MS = const(500)
_PATIENCE_MS = const(60000)  # the driver retries by itself; after this it is started anew


class Wifi:
    """`state` is OFF, CONNECTING or ON."""

    def __init__(self, board, ssid, password):
        self._board = board
        self._ssid = ssid
        self._password = password
        self._watch_at = None
        self._down_since = 0
        self.state = OFF

    def start(self, now_ms):
        """Starts the radio if there is a network to join and it does not run."""
        if self._ssid and not self.is_started:
            self._board.wifi_start(self._ssid, self._password)
            self.state = CONNECTING
            self._watch_at = now_ms
            self._down_since = now_ms

    @property
    def is_started(self):
        """True while the radio is on."""
        return self._watch_at is not None

    def stop(self):
        """Switches the radio off until `start`."""
        if self.is_started:
            self._board.wifi_stop()
            self._watch_at = None
            self.state = OFF

    def step(self, now_ms):
        """Watches; gives the ms until it wants to look again."""
        if self._watch_at is None:
            return 60000
        left_ms = ticks_diff(self._watch_at, now_ms)
        if left_ms > 0:
            return left_ms
        self._watch_at = ticks_add(now_ms, _WATCH_MS)
        if self._board.wifi_up():
            self.state = ON
        else:
            if self.state == ON:
                self.state = CONNECTING
                self._down_since = now_ms
            elif ticks_diff(now_ms, self._down_since) >= _PATIENCE_MS:
                self._board.wifi_stop()
                self._board.wifi_start(self._ssid, self._password)
                self._down_since = now_ms
        return _WATCH_MS
