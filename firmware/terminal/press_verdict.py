"""Presses to verdicts: the table of verdicts as a pure state machine.

It sees no more than a press record keeps (time, button, quiet time), so that the same machine can judge stored presses
again with other windows.
"""

from .compat import const, ticks_add, ticks_diff
from .log_record import ANSWER, CHORD, CLOSED, COUNTED, MASH, REPEAT, REPLACED, STUCK, TEST

DEFAULT_WINDOWS = {
    "chord_ms": 50,
    "replace_from_ms": 300,
    "replace_until_ms": 2000,
    "answer_from_ms": 1000,
    "answer_until_ms": 8000,
    "lockout_ms": 1000,
    "repeat_ms": 5000,
    "mash_presses": 8,
    "mash_ms": 10000,
    "stuck_ms": 10000,
    "unstick_ms": 1000,
    "service_ms": 10000,
    "test_ms": 20000,
    "mode_ends_ms": 300000,
}
NO_FOLLOW_UP = {"reasons": 0, "after": ()}

_OF_HOLDS = ("mash_presses", "stuck_ms", "unstick_ms", "service_ms", "test_ms", "mode_ends_ms")
_NONE = const(-1)
_LATE_MS = const(1000)  # a press is reported at most so long after its first contact
_NEVER_MS = const(60000)


class Vote:
    """A counted vote as the rules remember it."""

    def __init__(self):
        self.button = 0  # 1..4; 0: there is no vote
        self.at_ms = 0
        self.seq = _NONE
        self.is_replacement = False

    def copy(self, other):
        """Becomes the same vote as `other`."""
        self.button = other.button
        self.at_ms = other.at_ms
        self.seq = other.seq
        self.is_replacement = other.is_replacement


class Votes:
    """Judges presses.

    After `press` or `stuck` the first `revisions` entries of `revised_seq` and `revised_verdict` tell what has become
    known of earlier presses. While `is_asking` is True the buttons are reasons for the vote before, until ticks
    `asking_until`. `unanswered` is the seq of a vote whose follow-up has found no answer, or -1; whoever has written
    that down sets it to -1 again.
    """

    def __init__(self, windows, follow_up=NO_FOLLOW_UP):
        """Begin without a vote.

        windows: a dict as DEFAULT_WINDOWS, in ms. follow_up: `reasons`, how many buttons are reasons (0: nobody is
        asked), and `after`, the buttons whose votes are asked about.
        """
        self._windows = windows
        self._reasons = follow_up["reasons"]
        self._after = follow_up["after"]
        self._horizon_ms = _LATE_MS + max(windows[key] for key in windows if key not in _OF_HOLDS)
        self._vote = Vote()
        self._before = Vote()  # the vote before it, which is in force again if a chord undoes this one
        self._since_vote = 0  # how many presses have come since the vote
        self._last = Vote()  # the last press of any verdict, as long as it may be half of a chord
        self._last_button = 0
        self._last_verdict = COUNTED
        self._verdict = COUNTED  # the verdict of the press judged last, even if its button is stuck
        self.is_armed = False  # the vote is asked about and has no answer yet
        self._recent = [0] * (windows["mash_presses"] - 1)
        self._recent_count = 0
        self._recent_next = 0
        self.is_asking = False
        self.asking_until = 0
        self.unanswered = _NONE
        self.revisions = 0
        self.revised_seq = [0] * 4
        self.revised_verdict = bytearray(4)

    def press(self, at_ms, button, quiet_ms, is_closed, is_test, is_stuck=False):
        """Judges a press of `button` 1..4 with first contact at ticks `at_ms`. Gives the verdict; allocates nothing.

        quiet_ms: for how long all buttons had been up, 0 = another is down. is_closed: the clock is set and it is
        outside opening hours. is_stuck: the button is out of play, so that its press leaves no trace in here. Once its
        record has a seq, `stored` has to be called.
        """
        self.revisions = 0
        self.step(at_ms)
        if is_stuck and not is_test and not is_closed:
            self._verdict = STUCK
            return STUCK
        is_flood = self.is_mashing(at_ms)
        last = self._last
        if is_test:
            verdict = TEST
        elif is_closed:
            verdict = CLOSED
        elif last.button and last.button != button and abs(ticks_diff(at_ms, last.at_ms)) <= self._windows["chord_ms"]:
            verdict = CHORD
            self._undo_last()
        else:
            verdict = self._judge(at_ms, button, quiet_ms, is_flood)
        self.remember(at_ms, button, verdict)
        return verdict

    def remember(self, at_ms, button, verdict):
        """Keeps a press as the last one, for the rules that look back at it."""
        self._since_vote = 0 if verdict == COUNTED else self._since_vote + 1
        last = self._last
        last.button = self._last_button = button
        last.at_ms = at_ms
        last.seq = _NONE
        self._last_verdict = self._verdict = verdict

    def _judge(self, at_ms, button, quiet_ms, is_flood):
        """Gives the verdict of a press that is neither a test, nor outside opening hours, nor half of a chord.

        These are the rows 4 (another button is down) to 10 (it counts) of the table of verdicts.
        """
        if quiet_ms == 0:
            return MASH
        windows = self._windows
        vote = self._vote
        since_ms = ticks_diff(at_ms, vote.at_ms) if vote.button else 0
        is_armed = self.is_armed and since_ms < windows["answer_until_ms"]
        if (
            vote.button
            and button != vote.button
            and windows["replace_from_ms"] <= since_ms < windows["replace_until_ms"]
            and self._since_vote == 0
            and not vote.is_replacement
            and not is_armed
        ):
            self._revise(vote.seq, REPLACED)
            self._become(at_ms, button, True)
            return COUNTED
        is_locked = quiet_ms < windows["lockout_ms"]
        if is_armed and since_ms >= windows["answer_from_ms"] and not is_locked and button <= self._reasons:
            self.is_armed = self.is_asking = False
            return ANSWER
        if is_locked:
            return REPEAT if button == self._last_button else MASH
        if button == vote.button and since_ms < windows["repeat_ms"]:
            return REPEAT
        if is_flood:
            return MASH
        self._become(at_ms, button, False)
        return COUNTED

    def _become(self, at_ms, button, is_replacement):
        self._end_follow_up()
        self.asking_until = ticks_add(at_ms, self._windows["answer_until_ms"])
        vote = self._vote
        self._before.copy(vote)
        vote.button = button
        vote.at_ms = at_ms
        vote.seq = _NONE
        vote.is_replacement = is_replacement

    def _undo_last(self):
        """Takes back what the last press has brought about: it turns out to be half of a chord."""
        if self._last_verdict != CHORD:
            self._revise(self._last.seq, CHORD)
        vote = self._vote
        if self._last_verdict == ANSWER:
            self.unanswered = vote.seq
        elif self._last_verdict == COUNTED and vote.seq == self._last.seq:
            self.is_armed = self.is_asking = False
            if vote.is_replacement:
                self._revise(self._before.seq, COUNTED)
            vote.copy(self._before)
            self._before.button = 0

    def stored(self, seq):
        """Tells that the press judged last has this seq in the log."""
        if self._verdict == STUCK:
            return
        self._last.seq = seq
        if self._verdict == COUNTED:
            vote = self._vote
            vote.seq = seq
            if self._reasons and vote.button in self._after:
                self.is_armed = True

    def stuck(self, seq):
        """Tells that the press of that seq is still down. If it is the vote in force, it is a vote no longer."""
        self.revisions = 0
        vote = self._vote
        if seq == _NONE or vote.seq != seq:
            return
        self._revise(seq, STUCK)
        self.is_armed = self.is_asking = False
        if vote.is_replacement:
            vote.button = 0  # the vote that it had replaced does not come back
            vote.seq = _NONE
        else:
            vote.copy(self._before)
        self._before.button = 0

    def _revise(self, seq, verdict):
        if seq != _NONE:
            self.revised_seq[self.revisions] = seq
            self.revised_verdict[self.revisions] = verdict
            self.revisions += 1

    def is_mashing(self, at_ms):
        """True if so many presses have come within the mash window that this one is mashing. Keeps this one, too."""
        recent = self._recent
        size = len(recent)
        is_flood = (
            self._recent_count == size and ticks_diff(at_ms, recent[self._recent_next]) <= self._windows["mash_ms"]
        )
        recent[self._recent_next] = at_ms
        self._recent_next = (self._recent_next + 1) % size
        self._recent_count = min(size, self._recent_count + 1)
        return is_flood

    def _end_follow_up(self):
        if self.is_armed:
            self.is_armed = self.is_asking = False
            self.unanswered = self._vote.seq

    def step(self, now_ms):
        """Ends what is over by now. Gives the ms until it wants to be called again."""
        # No rule looks so far back any more, and the ticks must not wrap around these moments.
        if self._last.button and ticks_diff(now_ms, self._last.at_ms) > self._horizon_ms:
            self._end_follow_up()
            self._last.button = 0
            self._vote.button = 0
            self._before.button = 0
            self._recent_count = 0
            self._recent_next = 0
        if not self.is_armed:
            return _NEVER_MS
        from_ms = self._windows["answer_from_ms"]
        until_ms = self._windows["answer_until_ms"]
        since_ms = ticks_diff(now_ms, self._vote.at_ms)
        self.is_asking = from_ms <= since_ms < until_ms
        if since_ms < from_ms:
            return from_ms - since_ms
        if since_ms < until_ms:
            return until_ms - since_ms
        if since_ms < until_ms + _LATE_MS:  # an answer that came in time may still be reported
            return until_ms + _LATE_MS - since_ms
        self._end_follow_up()
        return _NEVER_MS
