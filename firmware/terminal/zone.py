"""Local time, with daylight saving time, by a POSIX TZ string: IEEE 1003.1, 8.3, with the hours of RFC 9636, 3.3.2."""

from .compat import const

_DAY_S = const(86400)
_DST_S = const(3600)  # how far daylight saving time is ahead of standard time, if the string does not say it
_AT_S = const(7200)  # when the time changes, if the rule does not say it: at 02:00
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Zone:
    """A time zone, as in `Zone("EET-2EEST,M3.5.0/3,M10.5.0/4")`. Without rules, as in "UTC0", its offset is fixed."""

    def __init__(self, text):
        """text: a POSIX TZ string, with both rules if it has a daylight saving time. ValueError for anything else."""
        self._left = text
        self._name()
        self._standard_s = -self._time_s(24)
        self._rules = None
        if self._left:
            self._name()
            self._daylight_s = self._standard_s + _DST_S if self._left[:1] == "," else -self._time_s(24)
            # The time in a rule is that of the clock before the change: of the time that the rule ends.
            self._rules = self._rule(self._standard_s), self._rule(self._daylight_s)
            if self._left:
                self._expected("the end")
        del self._left

    def local_s(self, utc_s):
        """Gives the seconds of 1970 that the clock on the wall shows. utc_s: seconds of 1970, int."""
        if not self._rules:
            return utc_s + self._standard_s
        day = utc_s // _DAY_S
        year = 1970 + day // 366
        while _new_year(year + 1) <= day:
            year += 1
        # The last change before this moment decides. The time in a rule may be -167..167 hours, which may put a change
        # into the year before or after. If both changes fall on the same moment, the one to daylight saving time
        # decides: that is how a zone says that it has daylight saving time all year.
        last_s = None
        offset_s = self._standard_s
        for y in (year - 1, year, year + 1):
            for rule, after_s in zip(self._rules, (self._daylight_s, self._standard_s)):
                at_s = _change_s(rule, y)
                if at_s <= utc_s and (last_s is None or at_s > last_s or (at_s == last_s and rule is self._rules[0])):
                    last_s = at_s
                    offset_s = after_s
        return utc_s + offset_s

    # ---- reading the string ----

    def _expected(self, what):
        raise ValueError("expected %s, came %r" % (what, self._left))

    def _takes(self, mark):
        taken = self._left[:1] == mark
        if taken:
            self._left = self._left[1:]
        return taken

    def _name(self):
        quoted = self._takes("<")
        text = self._left
        n = 0
        while n < len(text) and (_is_letter(text[n]) or (quoted and text[n] in "+-0123456789")):
            n += 1
        if n < 3:
            self._expected("a name of three letters or more")
        self._left = text[n:]
        if quoted and not self._takes(">"):
            self._expected(">")

    def _number(self, low, high):
        text = self._left
        n = 0
        while n < len(text) and text[n] in "0123456789":
            n += 1
        if not 0 < n < 4 or not low <= int(text[:n]) <= high:
            self._expected("a number %d..%d" % (low, high))
        self._left = text[n:]
        return int(text[:n])

    def _time_s(self, most_hours):
        """Takes [+-]hh[:mm[:ss]] from the string. Gives seconds."""
        sign = -1 if self._takes("-") else 1
        if sign > 0:
            self._takes("+")
        time_s = 3600 * self._number(0, most_hours)
        if self._takes(":"):
            time_s += 60 * self._number(0, 59)
            if self._takes(":"):
                time_s += self._number(0, 59)
        return sign * time_s

    def _rule(self, offset_s):
        """Takes a rule from the string. Gives a tuple, as `_change_s` takes it.

        It is (month, week, day of the week, add_s), or (None, day of the year, whether 29 February is counted, add_s).
        add_s: from the beginning of that day, as UTC has it, to the change, in seconds.
        """
        if not self._takes(","):
            self._expected("a comma and a rule")
        if self._takes("M"):
            month = self._number(1, 12)
            week = self._number(1, 5) if self._takes(".") else self._expected(".")
            day = self._number(0, 6) if self._takes(".") else self._expected(".")
        else:
            month = None
            day = not self._takes("J")
            week = self._number(0 if day else 1, 365)
        return month, week, day, (self._time_s(167) if self._takes("/") else _AT_S) - offset_s


def _is_letter(text):
    return "a" <= text <= "z" or "A" <= text <= "Z"


def _is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _new_year(year):
    """Gives the days from 1 January 1970 to 1 January of the year."""
    year -= 1
    return 365 * (year - 1969) + year // 4 - year // 100 + year // 400 - 477


def _change_s(rule, year):
    """Gives the moment of the change by that rule in that year, in seconds of 1970, UTC."""
    month, week, day, add_s = rule
    at = _new_year(year)
    if month is None:
        at += week
        if not day and not (_is_leap(year) and week >= 60):
            at -= 1
    else:
        for m in range(month - 1):
            at += _MONTH_DAYS[m]
        if month > 2 and _is_leap(year):
            at += 1
        length = _MONTH_DAYS[month - 1] + (month == 2 and _is_leap(year))
        add = (day - at - 4) % 7 + 7 * week - 7  # 1970 began on a Thursday
        if add >= length:
            add -= 7
        at += add
    return at * _DAY_S + add_s
