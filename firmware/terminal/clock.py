"""Uptime to the millisecond, UTC once somebody has told it, and when to ask an NTP server."""

from .compat import const, load, ticks_add, ticks_diff, unload
from .log_record import AGREED, COLLECTOR
from .net_wifi import ON

_MASK24 = const(0xFFFFFF)
RETRY_MS = const(5000)
_RETRY_MAX_MS = const(300000)
_DRIFT_MS = const(1000)  # a smaller step of the clock needs no new time record
# 2026-01-01: this firmware was never used before that, so a server that tells an earlier time is broken.
FLOOR_MS = const(1767225600000)
# 2046-01-01: this firmware is not used after that, so a server that tells a later time is broken.
CEILING_MS = const(2398377600000)
DAY_MS = const(86400000)  # two times that differ by less agree: time zones may be mistaken, and clocks may drift


class Clock:
    """The time of one boot.

    Uptime is kept in its low 24 and its high 16 bits, because a 32-bit board allocates memory for numbers over 2^30.
    What decides whether a told time is believed is the other half of this class, `clock_belief`.
    """

    def __init__(self, ticks):
        """ticks: of `ticks_ms()` at, or near, the start of the boot."""
        self.boot = 0
        self._ticks = ticks  # of the last `advance`
        self._low = 0  # uptime then
        self._high = 0
        self._offset_ms = 0  # from uptime to UTC
        self._told_ms = 0  # the offset that the newest time record tells
        self.is_set = False
        self.time_due = False  # True: a time record is owed
        self.source = 0  # who has set it: NTP, COLLECTOR or CONSOLE
        self.is_agreed = False  # True: NTP and the collector have told the same time
        self.is_sure = False  # False: a single server says so, and it is over a day ahead of all that was sure before
        self.is_signed = False  # True: what the collector says comes by TLS
        self.refused = None  # (source, utc_ms, why) of what was not believed last, until that source is believed again
        self._offsets = [None, None]  # the offsets that NTP and the collector have told last
        self._latest_ms = None  # no time after this is sure
        self.floor_ms = FLOOR_MS  # it is no earlier than this: the newest sure time in the log, once that is mounted

    def begin(self, boot, floor_ms):
        """Takes what a mount has found in the log: the number of this boot, and a time (ms of 1970) that is past."""
        self.boot = boot
        self.floor_ms = floor_ms

    def advance(self, now_ms):
        """Brings uptime forward to ticks now_ms. To be called at least once in six days. Allocates nothing."""
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
        """Gives the milliseconds since the start of this boot, as of the last `advance`."""
        return self._high << 24 | self._low

    def utc_ms(self):
        """Gives the time in ms of 1970, as of the last `advance`; 0 = not known."""
        return self.uptime_ms() + self._offset_ms if self.is_set else 0

    def set_utc(self, utc_ms, source):
        """Tells that by the word of `source` (NTP, COLLECTOR or CONSOLE) it was utc_ms at the last `advance`.

        False if that is not believed: spec/design.md "Time" has the rules.
        """
        offset_ms = utc_ms - self.uptime_ms()
        # Mostly it is the collector that tells the time, with each ack, and mostly that is no news.
        is_usual = source == COLLECTOR and self.is_sure and not self.refused and self._offsets[1] is not None
        if is_usual and abs(offset_ms - self._offset_ms) < _DRIFT_MS and (self.is_agreed or self._offsets[0] is None):
            self._offsets[1] = offset_ms
            return True
        is_believed = load("clock_belief").set_utc(self, utc_ms, offset_ms, source)
        unload("clock_belief")
        return is_believed

    def limit(self, latest_ms):
        """Tells that no time after latest_ms (ms of 1970) is sure, because our certificate ends then."""
        self._latest_ms = latest_ms
        if self.floor_ms > latest_ms:
            self.floor_ms = FLOOR_MS
        if self.utc_ms() > latest_ms:
            self.is_sure = False

    @property
    def witness(self):
        """The source to be named in a time record: NTP, COLLECTOR, CONSOLE or AGREED."""
        return AGREED if self.is_agreed and self.is_sure else self.source

    def time_record(self):
        """Gives what a time record says: (UTC in seconds, ticks of the moment at which that second begins)."""
        ahead_ms = -self.utc_ms() % 1000
        return (self.utc_ms() + ahead_ms) // 1000, ticks_add(self._ticks, ahead_ms)


class Ntp:
    """A simple NTP client, RFC 4330, with one request under way.

    How a request and its answer look is the other half of this class, `net_sntp`.
    """

    def __init__(self, config, wifi, clock, random32):
        """config: the section `ntp`; random32(): a random u32."""
        self._target = config["host"], config["port"]
        self._wifi = wifi
        self._clock = clock
        self._random32 = random32
        self._due = None
        self._delay_ms = RETRY_MS
        self._cookie = b""
        self._sent = 0

    def wants(self, now_ms):
        """Gives (host, port) of the server if it should be asked now, else None."""
        if self._wifi.state != ON or (self._due is not None and ticks_diff(now_ms, self._due) < 0):
            return None
        return self._target

    def request(self, now_ms):
        """Gives the 48 bytes to send. An answer is taken until `failed` is called."""
        return load("net_sntp").request(self, now_ms)

    def received(self, now_ms, data):
        """Takes bytes from the server. True if they are an answer that has set the clock."""
        return load("net_sntp").received(self, now_ms, data)

    def failed(self, now_ms):
        """Tells that no answer has come: the next attempt is put off, for longer each time."""
        self._cookie = b""
        self._due = ticks_add(now_ms, self._delay_ms)
        self._delay_ms = min(2 * self._delay_ms, _RETRY_MAX_MS)
