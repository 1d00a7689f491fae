"""The way of a press: from four contacts to verdicts, records and the thank-you."""

from .compat import const, ticks_add, ticks_diff
from .press_debounce import Debounce
from .feedback import Feedback
from .press_flood import Flood
from .button_holds import ButtonHolds
from .log_record import ANSWER, CLOCK_SET, COUNTED, STALL, UNANSWERED, WAKE
from .press_verdict import Votes

_NEVER_MS = const(60000)
_LATE_MS = const(100)  # so long after a standstill the polls have found what the interrupts had latched


class PressPath:
    """`step` reads the buttons and does everything that a visitor can bring about."""

    def __init__(self, config, board, writer):
        """config: as `config.load` gives it; writer: a `record_writer.RecordWriter`."""
        self._board = board
        self._writer = writer
        self._clock = writer.clock
        self.feedback = Feedback(board, config["feedback"], config["thanks_ms"])
        self.debounce = Debounce()
        self.votes = Votes(config["windows"], config["follow_up"])
        self.holds = ButtonHolds(config["windows"])
        self.unhappy = 0  # counted votes for faces 1 and 2 that the app has not taken over yet
        self._reasons = (1 << config["follow_up"]["reasons"]) - 1  # the buttons that stand for a reason
        self._flood = Flood()
        self._woke = 0  # the buttons whose press has ended a deep sleep
        self._settled = 0  # ticks up to which it is known what the contacts did
        self.stalled_missed = 0  # presses in a standstill that only hardware has counted
        self._closings = [0] * 4  # as counted by hardware before the standstill
        self._now_closings = [0] * 4
        self._contacts = [0] * 4  # the first contacts known at its end
        self._count_at = None  # ticks at which the two are compared; None if there was no standstill
        self._timetable = None
        if config["opening_hours"]["days"] or config["feedback"]["quiet"]:
            from .hours import Timetable  # imported only here, because most terminals have no use for it

            self._timetable = Timetable(config["opening_hours"], config["feedback"]["quiet"])

    def start(self, now_ms):
        """Begins a boot: buttons that are down are out of play until they are released."""
        closed = self._board.buttons()
        self.debounce.start(now_ms, closed)
        self.holds.start(closed)

    def stood_still(self, now_ms):
        """Tells that the CPU stood still until ticks now_ms."""
        self.debounce.stood_still(now_ms)
        if self._count_at is None:
            self._contacts[:] = self.debounce.first_contact
        self._count_at = ticks_add(now_ms, _LATE_MS)

    def _step_closings(self, now_ms):
        """Compares what hardware has counted in a standstill with the presses that were found after it."""
        if self._count_at is None:
            self._board.closings(self._closings)
        elif ticks_diff(now_ms, self._count_at) >= 0:
            self._count_at = None
            if self._board.closings(self._now_closings):
                for b in range(4):
                    is_seen = self.debounce.first_contact[b] != self._contacts[b]
                    if self._now_closings[b] != self._closings[b] and not is_seen:
                        self.stalled_missed += 1

    @property
    def is_at_rest(self):
        """True while nothing but a new press can change anything here."""
        return (
            self.debounce.is_idle_but(self.holds.stuck)
            and self.feedback.is_dark
            and not (self.votes.is_armed or self._flood.pending or self.holds.mode)
        )

    @property
    def may_wake(self):
        """The buttons (bit 0 = button 1) that are up and in play: each of them begins a press when it closes."""
        return 15 & ~(self.debounce.down | self.holds.stuck)

    # ---- steps ----

    def step(self, now_ms):
        """Reads the buttons and does what follows. Gives the ms until it wants to be called again."""
        closed = self._board.buttons()
        wait_ms = self.debounce.step(now_ms, closed)
        self._take_contacts(now_ms)
        wait_ms = min(wait_ms, self._step_holds(now_ms))
        feedback = self.feedback
        feedback.asking(now_ms, self._reasons if self.votes.is_asking else 0)
        wait_ms = min(wait_ms, feedback.step(now_ms))
        flood = self._flood
        if flood.is_due(self._settled):
            self._writer.runs(flood)
        wait_ms = min(wait_ms, flood.wait_ms(now_ms))
        # A button that is held must not leave the others closed all day.
        if not closed & ~self.holds.stuck and self.debounce.is_idle_but(self.holds.stuck):
            wait_ms = min(wait_ms, self._step_hours(now_ms))
            self._step_closings(now_ms)
            if self._count_at is not None:
                wait_ms = min(wait_ms, _LATE_MS)
        return wait_ms

    def _take_contacts(self, now_ms):
        """Deals with what this poll has found, in the order in which it happened."""
        debounce = self.debounce
        pressed = debounce.pressed
        released = debounce.released
        self._settled = debounce.settled_ms(now_ms)
        while pressed or released:
            b = _earliest(pressed, debounce.first_contact)
            r = _earliest(released, debounce.opened)
            down = (debounce.down | released) & ~pressed
            if b < 0 or (r >= 0 and ticks_diff(debounce.opened[r], debounce.first_contact[b]) <= 0):
                self._live_until(debounce.opened[r], down, now_ms)
                released &= ~(1 << r)
                self.holds.released(debounce.opened[r], r)
            else:
                at_ms = debounce.first_contact[b]
                self._live_until(at_ms if ticks_diff(at_ms, self._settled) < 0 else self._settled, down, now_ms)
                pressed &= ~(1 << b)
                self._press(now_ms, b)

    def _press(self, now_ms, b):
        """Judges the press of button b + 1, has it stored, and only then thanks for it."""
        debounce = self.debounce
        holds = self.holds
        votes = self.votes
        writer = self._writer
        bit = 1 << b
        at_ms = debounce.first_contact[b]
        quiet_ms = debounce.quiet_ms(b, at_ms, holds.stuck)
        is_closed = self._timetable is not None and self._timetable.is_closed_at(at_ms)
        verdict = votes.press(at_ms, b + 1, quiet_ms, is_closed, holds.mode != "", holds.stuck & bit != 0)
        flags = CLOCK_SET if self._clock.is_set else 0
        if self._woke & bit:
            flags |= WAKE
        elif debounce.stalled & bit:
            flags |= STALL
        if self._flood.is_due(at_ms):
            writer.runs(self._flood)
        if self._flood.takes(at_ms, b, verdict):
            holds.pressed(at_ms, b, -1)
            return
        if self._flood.pending:
            writer.runs(self._flood)
        seq = writer.press(at_ms, verdict, b + 1, flags, max(1, debounce.press_edges[b]), quiet_ms)
        holds.pressed(at_ms, b, seq if verdict == COUNTED else -1)
        if seq < 0:
            self.feedback.full(now_ms)
            return
        votes.stored(seq)
        if verdict == COUNTED or verdict == ANSWER:
            self.feedback.counted(now_ms, b)
        else:
            self.feedback.filtered(now_ms, b)
        if verdict == COUNTED and b < 2:
            self.unhappy += 1
        self._write_revisions(now_ms)
        self._write_unanswered(now_ms)

    def _write_revisions(self, now_ms):
        votes = self.votes
        for i in range(votes.revisions):
            self._writer.revise(now_ms, votes.revised_seq[i], votes.revised_verdict[i])

    def _live_until(self, at_ms, down, now_ms):
        """Brings the holds forward to ticks at_ms, and writes down which earlier presses turn out to be stuck by then.

        down: the buttons that are down until then, as a bit mask.
        """
        holds = self.holds
        was_stuck = holds.stuck
        seq = holds.step(at_ms, down)
        while seq >= 0:
            self.votes.stuck(seq)
            self._write_revisions(now_ms)
            seq = holds.step(at_ms, down)
        for b in range(4):
            if holds.stuck & ~was_stuck & 1 << b:
                self.feedback.stuck(now_ms, b)

    def _step_holds(self, now_ms):
        self._live_until(self._settled, self.debounce.down, now_ms)
        wait_ms = self.votes.step(now_ms)
        self._write_unanswered(now_ms)
        return wait_ms

    def _write_unanswered(self, now_ms):
        if self.votes.unanswered >= 0:
            self._writer.event(now_ms, UNANSWERED, self.votes.unanswered)
            self.votes.unanswered = -1

    def _step_hours(self, now_ms):
        if not self._clock.is_set:
            return self.feedback.no_clock(now_ms)
        timetable = self._timetable
        if timetable is None:
            return _NEVER_MS
        wait_ms = timetable.step(now_ms, self._clock)
        self.feedback.is_quiet = timetable.is_quiet
        return wait_ms


def _earliest(buttons, moments):
    """Gives the index of that of the buttons (bit 0 = button 1) whose moment is the earliest, -1 if there are none."""
    first = -1
    for b in range(4):
        if buttons & 1 << b and (first < 0 or ticks_diff(moments[b], moments[first]) < 0):
            first = b
    return first
