"""The text log: what has happened to the terminal, in words. Lines wait in RAM for a good moment to write them.

spec/cable.md "Text log" has its format and how it wears the flash. `text_log_files` reads and writes the files,
`crash_report` adds how the boot before has ended.
"""

from .compat import const, error_text, load, ticks_add, ticks_diff, unload

_QUEUE_BYTES = const(1024)
_LINE_BYTES = const(160)
_TRACE_BYTES = const(400)  # of a traceback: its last lines say most
_BURST = const(20)  # so many lines may come at once, and then one in each minute
_REFILL_MS = const(60000)
_SOON_MS = const(10000)  # so long after an error, or the first line of a boot, the lines are written
_LATER_MS = const(600000)  # and so long after any other line
_ON = const(2)  # of `net_wifi` and `net_mqtt`


class TextLog:
    """Takes lines by `add`; call `flush` when `is_due` says so. Without a folder nothing is kept."""

    def __init__(self, folder, clock, secrets):
        """folder: that of the files, or None; clock: a `clock.Clock`; secrets: texts that must not get into a line."""
        self.folder = folder
        self.secrets = secrets
        self.crashes = 0  # boots in a row that ended in an exception
        self.clock = clock
        self._queue = []
        self._bytes = 0
        self._left_out = 0
        self._lines_left = _BURST
        self._refill_at = None
        self._due = None
        self._write_ms = _SOON_MS
        self._watched = bytearray(4)

    def add(self, level, text, most=_LINE_BYTES):
        """Adds one line, cut to `most` bytes. level: E (error), W (warning) or I (information).

        It is cheap but allocates memory: not to be called on the press path.
        """
        if self.folder is None:
            return
        for secret in self.secrets:
            text = text.replace(secret, "***")
        text = text.strip().replace("\r", "").replace("\n", " | ")[:most]
        if not self._lines_left or self._bytes + len(text) > _QUEUE_BYTES:
            self._left_out += 1
            return
        self._lines_left -= 1
        clock = self.clock
        utc_ms = clock.utc_ms()
        utc = str(utc_ms // 1000) if utc_ms else "-"
        self._queue.append("%d %d %s %s %s" % (clock.boot, clock.uptime_ms(), utc, level, text))
        self._bytes += len(text)
        if level == "E":
            self._write_ms = _SOON_MS

    def error(self, error):
        """Adds an exception that the terminal has survived."""
        self.add("E", error_text(error)[-_TRACE_BYTES:], 2 * _TRACE_BYTES)

    def watch(self, wifi, mqtt, source, bad_sectors):
        """Adds a line for each of these that has changed. wifi, mqtt: their state, 2 = on; source: of the clock.

        Allocates memory only if something has changed.
        """
        was = self._watched
        if (wifi == _ON) != was[0]:
            was[0] = wifi == _ON
            self.add("I", "Wi-Fi " + ("on" if was[0] else "lost"))
        if (mqtt == _ON) != was[1]:
            was[1] = mqtt == _ON
            self.add("I", "broker " + ("connected" if was[1] else "lost"))
        if source != was[2]:
            was[2] = source
            self.add("I", "clock set by " + ("?", "NTP", "the collector", "the cable")[source])
        if min(bad_sectors, 255) != was[3]:
            was[3] = min(bad_sectors, 255)
            self.add("E", "%d sectors of the log do not erase or take a header" % bad_sectors)

    def is_due(self, now_ms):
        """True if there are lines that should be written now. The CPU stands still while they are."""
        if self._refill_at is None or ticks_diff(now_ms, self._refill_at) >= 0:
            self._lines_left = min(self._lines_left + 1, _BURST)
            self._refill_at = ticks_add(now_ms, _REFILL_MS)
        if not self._queue:
            return False
        due = ticks_add(now_ms, self._write_ms)
        if self._due is None or ticks_diff(self._due, due) > 0:
            self._due = due
        return ticks_diff(now_ms, self._due) >= 0

    def flush(self):
        """Writes the lines that wait."""
        if not self._queue:
            return
        queue = self._queue
        self._queue = []
        self._bytes = 0
        self._due = None
        self._write_ms = _LATER_MS
        if self._left_out:
            queue.append("%d %d - W lines left out: %d" % (self.clock.boot, self.clock.uptime_ms(), self._left_out))
            self._left_out = 0
        try:
            load("text_log_files").append(self.folder, queue)
        except (OSError, MemoryError):  # file system or heap are full: the terminal goes on counting
            self._left_out = len(queue)
        unload("text_log_files")
