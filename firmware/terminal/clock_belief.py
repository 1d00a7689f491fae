"""Whether a time that somebody tells is believed, and what becomes of the clock then: spec/design.md "Time".

This is the half of `clock.Clock` that is loaded only when such a time is news, and so it knows that class from inside.
"""

from .clock import CEILING_MS, DAY_MS, FLOOR_MS
from .compat import const
from .log_record import COLLECTOR, CONSOLE, NTP

_DRIFT_MS = const(1000)  # a step smaller than this needs no new time record
# Why a time is not believed.
BEYOND = const(1)  # no terminal with this firmware lives then
BEHIND = const(2)  # the log has been at a later time
AGAINST = const(3)  # the clock says otherwise, by the word of somebody better


def set_utc(clock, utc_ms, offset_ms, source):
    """Does what `Clock.set_utc` says. offset_ms: from uptime to utc_ms. False if the time is not believed."""
    why = _doubt(clock, utc_ms, offset_ms, source)
    if source != CONSOLE and why != BEYOND:
        clock._offsets[source - 1] = offset_ms
    if why:
        clock.refused = source, utc_ms, why
        return False
    if clock.refused and source in (CONSOLE, clock.refused[0]):
        clock.refused = None
    was_sure = clock.is_sure
    sure_ms = clock.utc_ms() if was_sure else clock.floor_ms
    is_agreed = _agrees(clock, offset_ms, source)
    if source == COLLECTOR and clock.is_set and not _is_far(clock, offset_ms):
        is_agreed |= clock.is_agreed  # it confirms what others have told, who are more exact
        utc_ms = clock.utc_ms()
    else:
        clock._offset_ms = offset_ms
        clock.source = source
    is_sure = source == CONSOLE or is_agreed or utc_ms <= sure_ms + DAY_MS
    is_sure = is_sure and (clock._latest_ms is None or utc_ms <= clock._latest_ms)
    if not clock.is_set or abs(clock._offset_ms - clock._told_ms) >= _DRIFT_MS or (is_sure and not was_sure):
        clock.time_due = True
        clock._told_ms = clock._offset_ms
    clock.is_set = True
    clock.is_agreed = is_agreed
    clock.is_sure = is_sure
    if source == CONSOLE:
        clock.floor_ms = FLOOR_MS  # the log may have been led astray: servers are believed again
    elif utc_ms < clock.floor_ms - DAY_MS:
        clock.floor_ms = utc_ms
    return True


def _doubt(clock, utc_ms, offset_ms, source):
    """Gives why a time is not to be believed, or 0 if it is."""
    if not FLOOR_MS <= utc_ms < CEILING_MS:
        return BEYOND
    if source == CONSOLE:  # a person is believed, even against the log, which may have been led astray
        return 0
    if utc_ms < clock.floor_ms - DAY_MS and not (source == COLLECTOR and clock.is_signed):
        return BEHIND
    if not clock.is_set or not _is_far(clock, offset_ms) or _agrees(clock, offset_ms, source):
        return 0
    # One server contradicts the clock. What does harm is a leap into the future.
    is_later = offset_ms > clock._offset_ms
    if source == NTP:
        loses = clock.source == COLLECTOR and (is_later or clock.is_signed)
    else:
        loses = clock.source == CONSOLE or (clock.source == NTP and is_later)
    return AGAINST if clock.is_agreed or loses else 0


def _is_far(clock, offset_ms):
    return abs(offset_ms - clock._offset_ms) > DAY_MS


def _agrees(clock, offset_ms, source):
    """Whether the other server (the collector for NTP, NTP for the collector) has told the same time."""
    other = None if source == CONSOLE else clock._offsets[COLLECTOR - source]
    return other is not None and abs(other - offset_ms) <= DAY_MS
