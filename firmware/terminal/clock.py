"""Uptime to the millisecond, UTC when somebody has told it, and the NTP client."""

import struct

from .compat import const, ticks_add, ticks_diff
from .record import CONSOLE, NTP
from .wifi import ON

_MASK24 = const(0xFFFFFF)
_NTP_TO_1970 = const(2208988800)
_RESYNC_MS = const(12 * 3600 * 1000)
_RETRY_MS = const(5000)
_RETRY_MAX_MS = const(300000)
_DRIFT_MS = const(1000)  # a step smaller than this needs no new time record
# No clock of ours was ever before this build: an older time is a broken server's. 2026-01-01.
_FLOOR_MS = const(1767225600000)
_DAY_MS = const(86400000)  # so far behind the newest time in the log a clock may be, which perhaps ran fast


class Clock:
    """Uptime is kept in 24 low and 16 high bits, because a 32-bit board allocates for numbers over 2^30."""

    def __init__(self, ticks):
        """ticks: `ticks_ms()` at (or near) the start."""
        self.boot = 0
        self._ticks = ticks
        self._low = 0
        self._high = 0
        self.at_low = 0
        self.at_high = 0
        self._offset_ms = 0
        self._told_ms = 0  # the offset that the newest time record tells
        self.is_set = False
        self.time_due = False  # a time record is owed
        self.source = 0
        self.floor_ms = _FLOOR_MS  # it is no earlier than this; a mount takes it to the newest time in the log

    def advance(self, now_ms):
        """Takes uptime forward; to be called at least once in six days of ticks. Allocates nothing."""
        delta = ticks_diff(now_ms, self._ticks)
        if delta > 0:
            self._ticks = now_ms
            low = self._low + delta
            self._high += low >> 24
            self._low = low & _MASK24

    def state(self, rtc_ms):
        """For `resume` after a deep sleep: a list of ints. rtc_ms: of the board's clock that goes on in it."""
        is_set = 1 if self.is_set else 0
        started_ms = rtc_ms - self.uptime_ms()
        return [self.boot, started_ms, self._offset_ms, self._told_ms, is_set, self.source, self.floor_ms]

    def resume(self, state, rtc_ms, ticks):
        """The boot goes on that `state` was taken in. rtc_ms, ticks: of the same moment."""
        self.boot, started_ms, self._offset_ms, self._told_ms, is_set, self.source, self.floor_ms = state
        self.is_set = bool(is_set)
        uptime_ms = max(0, rtc_ms - started_ms)
        self._ticks = ticks
        self._low = uptime_ms & _MASK24
        self._high = uptime_ms >> 24

    def at(self, ticks):
        """Sets at_low and at_high to the uptime of a recent moment, for a record. Allocates nothing."""
        low = self._low + ticks_diff(ticks, self._ticks)
        high = self._high + (low >> 24)
        if high < 0:
            low = high = 0
        self.at_low = low & _MASK24
        self.at_high = high

    def uptime_ms(self):
        """Milliseconds since this boot, as of the last `advance`."""
        return self._high << 24 | self._low

    def utc_ms(self):
        """Milliseconds of 1970 as of the last `advance`; 0 = not known."""
        return self.uptime_ms() + self._offset_ms if self.is_set else 0

    def set_utc(self, utc_ms, source):
        """Takes the time as of the last `advance`. False if it can't be true.

        A person at the cable is believed against the log: it may have been led astray by a broken server.
        """
        floor_ms = _FLOOR_MS if source == CONSOLE else max(_FLOOR_MS, self.floor_ms - _DAY_MS)
        if utc_ms < floor_ms:
            return False
        if source == CONSOLE:
            self.floor_ms = _FLOOR_MS
        offset_ms = utc_ms - self.uptime_ms()
        if not self.is_set or abs(offset_ms - self._told_ms) >= _DRIFT_MS:
            self.time_due = True
            self._told_ms = offset_ms
        self._offset_ms = offset_ms
        self.is_set = True
        self.source = source
        return True

    def time_record(self):
        """(utc in seconds, ticks of the moment at which that second begins): what a time record says."""
        ahead_ms = -self.utc_ms() % 1000
        return (self.utc_ms() + ahead_ms) // 1000, ticks_add(self._ticks, ahead_ms)


class Ntp:
    """A simple NTP client, RFC 4330: one request under way, its own cookie demanded back."""

    MOMENTS = ("_due", "_sent")

    def __init__(self, config, wifi, clock, random32):
        """config: the section `ntp`."""
        self._target = config["host"], config["port"]
        self._wifi = wifi
        self._clock = clock
        self._random32 = random32
        self._due = None
        self._delay_ms = _RETRY_MS
        self._cookie = b""
        self._sent = 0

    def wants(self, now_ms):
        """(host, port) of the server when it should be asked now, else None."""
        if self._wifi.state != ON or (self._due is not None and ticks_diff(now_ms, self._due) < 0):
            return None
        return self._target

    def request(self, now_ms):
        """The 48 bytes to send; the answer is waited for until `failed` is called."""
        self._cookie = struct.pack("<II", self._random32(), self._random32())
        self._sent = now_ms
        packet = bytearray(48)
        packet[0] = 0x23  # version 4, client
        packet[40:48] = self._cookie
        return packet

    def received(self, now_ms, data):
        """Takes an answer; True if the clock is set by it. Anything else is passed over."""
        if len(data) < 48 or data[0] & 7 != 4 or not 1 <= data[1] <= 15 or bytes(data[24:32]) != self._cookie:
            return False
        seconds, fraction = struct.unpack_from(">II", data, 40)
        if seconds < 0x80000000:
            seconds += 1 << 32  # the era that begins in 2036
        self._clock.advance(now_ms)
        trip_ms = max(0, ticks_diff(now_ms, self._sent))
        utc_ms = (seconds - _NTP_TO_1970) * 1000 + (fraction * 1000 >> 32) + trip_ms // 2
        if not self._clock.set_utc(utc_ms, NTP):
            return False
        self._cookie = b""
        self._delay_ms = _RETRY_MS
        self._due = ticks_add(now_ms, _RESYNC_MS)
        return True

    def failed(self, now_ms):
        """No answer came: try again later and later."""
        self._cookie = b""
        self._due = ticks_add(now_ms, self._delay_ms)
        self._delay_ms = min(2 * self._delay_ms, _RETRY_MAX_MS)
