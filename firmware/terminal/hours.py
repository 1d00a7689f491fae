"""Opening hours: outside them a press is kept, but is no vote."""

from .compat import const

_DAY_MIN = const(1440)


def parse_day(text):
    """(from, until) in minutes for "08:00-18:30"; None for "" (closed all day). ValueError for anything else."""
    if text == "":
        return None
    if len(text) != 11 or text[2] + text[5] + text[8] != ":-:":
        raise ValueError
    begin = int(text[0:2]) * 60 + int(text[3:5])
    end = int(text[6:8]) * 60 + int(text[9:11])
    if not (0 <= begin < end <= _DAY_MIN and int(text[3:5]) < 60 and int(text[9:11]) < 60):
        raise ValueError
    return begin, end


class Hours:
    """`is_closed(utc_s)` for a week of opening hours in a fixed offset to UTC."""

    def __init__(self, days, offset_min):
        """days: seven texts, Monday first, as `parse_day` takes them; [] = always open."""
        self._days = [parse_day(day) for day in days]
        self._offset_min = offset_min

    def is_closed(self, utc_s):
        """utc_s: seconds of 1970."""
        if not self._days:
            return False
        minute = utc_s // 60 + self._offset_min
        day = self._days[(minute // _DAY_MIN + 3) % 7]  # 1970 began on a Thursday
        return day is None or not day[0] <= minute % _DAY_MIN < day[1]
