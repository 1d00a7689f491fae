"""Folds a flood of filtered presses into run records: mashing children must not push unsent votes out of the log."""

from array import array

from .compat import const, ticks_diff
from .log_record import CLOSED, MASH, REPEAT, STUCK, TEST, put_run

_VERDICTS = (REPEAT, MASH, CLOSED, TEST, STUCK)  # no vote and no part of another press, as a chord is
_KINDS = const(20)  # four buttons, five verdicts
_FLOOD_PRESSES = const(64)  # after so many filtered presses in one window the next ones are folded
_WINDOW_MS = const(60000)
_FOLD_MS = const(60000)  # a fold is written at the latest after so long
_OVER_MS = const(5000)  # or as soon as nothing has been folded for so long


class Flood:
    """`takes` says whether a filtered press was folded; `next_run` gives the records that are owed."""

    def __init__(self):
        self._window_at = 0  # ticks at which this window began
        self._stored = 0  # filtered presses in this window
        self._is_flood = False
        self._fold_at = 0  # ticks of the first folded press
        self._last_at = 0  # ticks of the last folded press
        self._count = array("I", bytes(4 * _KINDS))
        self._from = array("I", bytes(4 * _KINDS))
        self._until = array("I", bytes(4 * _KINDS))
        self.pending = False

    def takes(self, at_ms, b, verdict):
        """True if the press of button b + 1 with first contact at ticks at_ms needs no record of its own: it is folded.

        Allocates nothing.
        """
        if verdict not in _VERDICTS:
            return False
        if ticks_diff(at_ms, self._window_at) >= _WINDOW_MS or not self._stored:
            self._window_at = at_ms
            self._is_flood = self._stored >= _FLOOD_PRESSES
            self._stored = 0
        self._stored += 1
        if not self._is_flood and self._stored <= _FLOOD_PRESSES:
            return False
        self._is_flood = True
        kind = b
        while _VERDICTS[kind >> 2] != verdict:
            kind += 4
        if not self._count[kind]:
            self._from[kind] = at_ms
        self._count[kind] += 1
        self._until[kind] = at_ms
        if not self.pending:
            self._fold_at = at_ms
        self._last_at = at_ms
        self.pending = True
        return True

    def is_due(self, now_ms):
        """True if what is folded should be written now."""
        if not self.pending:
            return False
        return ticks_diff(now_ms, self._fold_at) >= _FOLD_MS or ticks_diff(now_ms, self._last_at) >= _OVER_MS

    def wait_ms(self, now_ms):
        """Gives the ms until `is_due` may become True."""
        if not self.pending:
            return _WINDOW_MS
        over_ms = _OVER_MS - ticks_diff(now_ms, self._last_at)
        return max(0, min(over_ms, _FOLD_MS - ticks_diff(now_ms, self._fold_at)))

    def next_run(self, buf, clock):
        """Puts the next run record that is owed into the 16 bytes of `buf`. False if none is owed.

        clock: the `clock.Clock` that writes uptime and boot number.
        """
        for kind in range(_KINDS):
            count = self._count[kind]
            if count:
                self._count[kind] = 0
                from_ms = self._from[kind]
                span_s = (ticks_diff(self._until[kind], from_ms) + 999) // 1000
                put_run(buf, _VERDICTS[kind >> 2], kind & 3, min(255, span_s), count, clock, from_ms)
                return True
        self.pending = False
        return False
