"""Opening and quiet hours: outside opening hours a press is kept but is no vote; in quiet hours the lights are dim."""

from .compat import const, ticks_add, ticks_diff
from .zone import Zone

_DAY_MIN = const(1440)
_MINUTE_MS = const(60000)


def parse_day(text):
    """Gives [(begin, end), ...] in minutes of the day for "08:00-12:00,13:00-17:00", [] for "" (closed all day).

    A span that ends at or before its beginning, as "20:00-02:00", goes on into the next day: its end is over 1440 then.
    ValueError for anything else.
    """
    return [] if text == "" else [_span(part) for part in text.split(",")]


def _span(text):
    if len(text) != 11 or text[5] != "-":
        raise ValueError
    begin = _minute(text[:5])
    end = _minute(text[6:])
    if begin == end or begin == _DAY_MIN:
        raise ValueError
    return begin, end if end > begin else end + _DAY_MIN


def _minute(text):
    hour = text[:2]
    minute = text[3:]
    if text[2] != ":" or not (hour + minute).isdigit() or int(minute) > 59:
        raise ValueError
    at = int(hour) * 60 + int(minute)
    if at > _DAY_MIN:
        raise ValueError
    return at


class Hours:
    """A week of spans in local time."""

    def __init__(self, days):
        """days: seven texts, Monday first, as `parse_day` takes them."""
        self._days = [parse_day(day) for day in days]

    def has(self, local_s):
        """Whether a span holds that moment. local_s: seconds of 1970 as the clock on the wall shows them."""
        minute = local_s // 60
        day = minute // _DAY_MIN + 3  # 1970 began on a Thursday
        minute %= _DAY_MIN
        for begin, end in self._days[day % 7]:
            if begin <= minute < end:
                return True
        for span in self._days[(day - 1) % 7]:
            if minute + _DAY_MIN < span[1]:
                return True
        return False


class Timetable:
    """`is_closed` and `is_quiet` hold for the minute of the last `step`, so that no press needs arithmetic with dates.

    A press may belong to the minute before (when its finger woke the terminal) or after: ask `is_closed_at` for it.
    """

    def __init__(self, opening_hours, quiet):
        """opening_hours: the section of that name; quiet: the text `feedback.quiet`."""
        self._open = Hours(opening_hours["days"]) if opening_hours["days"] else None
        self._quiet = Hours([quiet] * 7) if quiet else None
        self._zone = Zone(opening_hours["tz"])
        self._due = None  # ticks of the next full minute
        self._was_time_due = False
        self._was_closed = False  # in the minute before the last step
        self._will_be_closed = False  # in the minute that begins at `_due`
        self.is_closed = False
        self.is_quiet = False

    def step(self, now_ms, clock):
        """Looks at the clock. Gives the ms until it wants to look again, which is at the next full minute.

        To be called while the clock is set. A change of the clock is seen at once.
        """
        is_new = self._due is None or (clock.time_due and not self._was_time_due)
        self._was_time_due = clock.time_due
        if is_new or ticks_diff(now_ms, self._due) >= 0:
            utc_ms = clock.utc_ms()
            local_s = self._zone.local_s(utc_ms // 1000)
            if self._open is not None:
                # If daylight saving time changes between these minutes, the next step sees it.
                self._was_closed = not self._open.has(local_s - 60)
                self.is_closed = not self._open.has(local_s)
                self._will_be_closed = not self._open.has(local_s + 60)
            self.is_quiet = self._quiet is not None and self._quiet.has(local_s)
            self._due = ticks_add(now_ms, (60 - local_s % 60) * 1000 - utc_ms % 1000)
        return max(0, ticks_diff(self._due, now_ms))

    def is_closed_at(self, at_ms):
        """Whether it was outside opening hours at ticks at_ms, the first contact of a press. Allocates nothing."""
        if self._due is None:
            return False
        since_ms = ticks_diff(at_ms, self._due)
        if since_ms >= 0:
            return self._will_be_closed
        return self._was_closed if since_ms < -_MINUTE_MS else self.is_closed
