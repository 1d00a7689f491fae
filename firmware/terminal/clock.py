"""Uptime to the millisecond, UTC when somebody has told it, and the NTP client."""

from .compat import const, load, ticks_add, ticks_diff, unload
from .log_record import AGREED, COLLECTOR
from .net_wifi import ON

_MASK24 = const(0xFFFFFF)
RETRY_MS = const(5000)
_RETRY_MAX_MS = const(300000)
_DRIFT_MS = const(1000)  # a step smaller than this needs no new time record
# No clock of ours was ever before this build: an older time is a broken server's. 2026-01-01.
FLOOR_MS = const(1767225600000)
# And no terminal runs for longer than this with one firmware: a later time is a broken server's. 2046-01-01.
CEILING_MS = const(2398377600000)
DAY_MS = const(86400000)  # what lies within a day of each other is the same time


class Clock:
    """Uptime is kept in 24 low and 16 high bits, because a 32-bit board allocates for numbers over 2^30."""

    def __init__(self, ticks):
        """ticks: `ticks_ms()` at (or near) the start."""
        self.boot = 0
        self._ticks = ticks
        self._low = 0
        self._high = 0
        self._offset_ms = 0
        self._told_ms = 0  # the offset that the newest time record tells
        self.is_set = False
        self.time_due = False  # a time record is owed
        self.source = 0  # who has set it
        self.is_agreed = False  # NTP and the collector have told the same time
        self.is_sure = False  # it is no word of a single server's, a day ahead of all that was sure before
        self.is_signed = False  # the collector's word comes by TLS
        self.refused = None  # (source, utc_ms, why) of the word that was not believed last, until that source is right
        self._offsets = [None, None]  # what NTP and the collector have told last
        self._latest_ms = None  # nothing beyond is sure
        self.floor_ms = FLOOR_MS  # it is no earlier than this; a mount takes it to the newest sure time in the log

    def begin(self, boot, floor_ms):
        """Takes what a mount has found in the log: the number of this boot, and a time (ms of 1970) that is past."""
        self.boot = boot
        self.floor_ms = floor_ms

    def advance(self, now_ms):
        """Takes uptime forward; to be called at least once in six days of ticks. Allocates nothing."""
        delta = ticks_diff(now_ms, self._ticks)
        if delta > 0:
            self._ticks = now_ms
            low = self._low + delta
            self._high += low >> 24
            self._low = low & _MASK24

    def put(self, buf, at_ms):
        """Writes the uptime at ticks at_ms (u40) and the boot number (u16) to buf[1:8], where a record has them.

        at_ms: a moment at most six days from the last `advance`; one before the start of the boot becomes the start.
        Allocates nothing.
        """
        low = self._low + ticks_diff(at_ms, self._ticks)
        high = self._high + (low >> 24)
        if high < 0:
            low = high = 0
        buf[1] = low & 255
        buf[2] = low >> 8 & 255
        buf[3] = low >> 16 & 255
        buf[4] = high & 255
        buf[5] = high >> 8
        buf[6] = self.boot & 255
        buf[7] = self.boot >> 8

    def uptime_ms(self):
        """Milliseconds since this boot, as of the last `advance`."""
        return self._high << 24 | self._low

    def utc_ms(self):
        """Milliseconds of 1970 as of the last `advance`; 0 = not known."""
        return self.uptime_ms() + self._offset_ms if self.is_set else 0

    def set_utc(self, utc_ms, source):
        """Takes the time as of the last `advance`. False if it is not believed: spec/design.md "Time" has the rules."""
        offset_ms = utc_ms - self.uptime_ms()
        # Most words are the collector's, with each ack, and news to nobody.
        is_usual = source == COLLECTOR and self.is_sure and not self.refused and self._offsets[1] is not None
        if is_usual and abs(offset_ms - self._offset_ms) < _DRIFT_MS and (self.is_agreed or self._offsets[0] is None):
            self._offsets[1] = offset_ms
            return True
        is_believed = load("clock_belief").set_utc(self, utc_ms, offset_ms, source)
        unload("clock_belief")
        return is_believed

    def limit(self, latest_ms):
        """Nothing beyond this moment is sure: our certificate ends then."""
        self._latest_ms = latest_ms
        if self.floor_ms > latest_ms:
            self.floor_ms = FLOOR_MS
        if self.utc_ms() > latest_ms:
            self.is_sure = False

    @property
    def witness(self):
        """The source of a time record."""
        return AGREED if self.is_agreed and self.is_sure else self.source

    def time_record(self):
        """(utc in seconds, ticks of the moment at which that second begins): what a time record says."""
        ahead_ms = -self.utc_ms() % 1000
        return (self.utc_ms() + ahead_ms) // 1000, ticks_add(self._ticks, ahead_ms)


class Ntp:
    """A simple NTP client, RFC 4330: one request under way, its own cookie demanded back."""

    def __init__(self, config, wifi, clock, random32):
        """config: the section `ntp`."""
        self._target = config["host"], config["port"]
        self._wifi = wifi
        self._clock = clock
        self._random32 = random32
        self._due = None
        self._delay_ms = RETRY_MS
        self._cookie = b""
        self._sent = 0

    def wants(self, now_ms):
        """(host, port) of the server when it should be asked now, else None."""
        if self._wifi.state != ON or (self._due is not None and ticks_diff(now_ms, self._due) < 0):
            return None
        return self._target

    def request(self, now_ms):
        """The 48 bytes to send; the answer is waited for until `failed` is called."""
        return load("net_sntp").request(self, now_ms)

    def received(self, now_ms, data):
        """Takes an answer; True if the clock is set by it. Anything else is passed over."""
        return load("net_sntp").received(self, now_ms, data)

    def failed(self, now_ms):
        """No answer came: try again later and later."""
        self._cookie = b""
        self._due = ticks_add(now_ms, self._delay_ms)
        self._delay_ms = min(2 * self._delay_ms, _RETRY_MAX_MS)
