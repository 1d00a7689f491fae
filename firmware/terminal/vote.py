"""Presses to verdicts: the table of DESIGN.md "Verdicts" as a pure state machine.

It sees what a press record keeps (time, button, quiet), so that the same machine can be run again over stored presses
with other windows.
"""

from .compat import const, ticks_diff
from .record import ANSWER, CHORD, CLOSED, COUNTED, MASH, REPEAT, REPLACED, STUCK, TEST

DEFAULT_WINDOWS = {
    "chord_ms": 50,
    "replace_from_ms": 300,
    "replace_until_ms": 2000,
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

_OF_HANDS = ("mash_presses", "stuck_ms", "unstick_ms", "service_ms", "test_ms", "mode_ends_ms")
_NONE = const(-1)
_KEYS = const(0b1001)  # buttons 1 and 4


class Vote:
    """A counted vote as the rules remember it."""

    def __init__(self):
        self.button = 0  # 0: there is none
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
    """Judges presses. After `press` or `step` the first `revisions` entries of `revised_seq` and `revised_verdict` are
    what became known of earlier presses."""

    def __init__(self, windows):
        """windows: a dict as DEFAULT_WINDOWS, in ms."""
        self._windows = windows
        self._horizon_ms = 1000 + max(windows[key] for key in windows if key not in _OF_HANDS)
        self._vote = Vote()
        self._before = Vote()  # what the vote falls back to if a chord undoes it
        self._since_vote = 0  # presses since the vote
        self._last = Vote()  # the last press of any verdict
        self._last_verdict = COUNTED
        self._recent = [0] * (windows["mash_presses"] - 1)
        self._recent_count = 0
        self._recent_next = 0
        self.revisions = 0
        self.revised_seq = [0] * 4
        self.revised_verdict = bytearray(4)

    def press(self, at_ms, button, quiet_ms, is_closed, is_test, is_stuck=False):
        """Judges a press of `button` 1..4 with first contact at ticks `at_ms`; gives the verdict.

        quiet_ms: how long all buttons had been up, 0 = another is down. is_closed: outside opening hours and the
        clock is set. is_stuck: the button is out of play. Call `stored` when its record has a seq. Allocates nothing.
        """
        self.revisions = 0
        self.expire(at_ms)
        is_flood = self._count_recent(at_ms)
        last = self._last
        if is_test:
            verdict = TEST
        elif is_closed:
            verdict = CLOSED
        elif is_stuck:
            verdict = STUCK
        elif last.button and last.button != button and abs(ticks_diff(at_ms, last.at_ms)) <= self._windows["chord_ms"]:
            verdict = CHORD
            self._undo_last()
        else:
            verdict = self._judge(at_ms, button, quiet_ms, is_flood)
        if verdict == COUNTED:
            self._since_vote = 0
        elif verdict != ANSWER:
            self._since_vote += 1
        last.button = button
        last.at_ms = at_ms
        last.seq = _NONE
        self._last_verdict = verdict
        return verdict

    def _judge(self, at_ms, button, quiet_ms, is_flood):
        if quiet_ms == 0:
            return MASH
        vote = self._vote
        since_ms = ticks_diff(at_ms, vote.at_ms)
        if (
            vote.button
            and button != vote.button
            and self._windows["replace_from_ms"] <= since_ms < self._windows["replace_until_ms"]
            and self._since_vote == 0
            and not vote.is_replacement
        ):
            self._revise(vote.seq, REPLACED)
            self._become(at_ms, button, True)
            return COUNTED
        if quiet_ms < self._windows["lockout_ms"]:
            return REPEAT if button == self._last.button else MASH
        if button == vote.button and since_ms < self._windows["repeat_ms"]:
            return REPEAT
        if is_flood:
            return MASH
        self._become(at_ms, button, False)
        return COUNTED

    def _become(self, at_ms, button, is_replacement):
        vote = self._vote
        self._before.copy(vote)
        vote.button = button
        vote.at_ms = at_ms
        vote.seq = _NONE
        vote.is_replacement = is_replacement

    def _undo_last(self):
        """The last press turns out to be half of a chord."""
        if self._last_verdict != CHORD:
            self._revise(self._last.seq, CHORD)
        vote = self._vote
        if self._last_verdict == COUNTED and vote.button and vote.seq == self._last.seq:
            if vote.is_replacement:
                self._revise(self._before.seq, COUNTED)
            vote.copy(self._before)
            self._before.button = 0

    def stored(self, seq):
        """The press judged last has this seq in the log."""
        self._last.seq = seq
        if self._last_verdict == COUNTED:
            self._vote.seq = seq

    def stuck(self, seq):
        """A counted press was held for too long: it is no vote."""
        self.revisions = 0
        self._revise(seq, STUCK)
        if self._vote.seq == seq:
            self._vote.copy(self._before)
            self._before.button = 0

    def _revise(self, seq, verdict):
        if seq != _NONE:
            self.revised_seq[self.revisions] = seq
            self.revised_verdict[self.revisions] = verdict
            self.revisions += 1

    def _count_recent(self, at_ms):
        """True if enough presses came within the mash window; remembers this one."""
        recent = self._recent
        size = len(recent)
        is_flood = (
            self._recent_count == size and ticks_diff(at_ms, recent[self._recent_next]) <= self._windows["mash_ms"]
        )
        recent[self._recent_next] = at_ms
        self._recent_next = (self._recent_next + 1) % size
        self._recent_count = min(size, self._recent_count + 1)
        return is_flood

    def expire(self, now_ms):
        """Forgets what no rule can ask for any more, before the ticks wrap around it."""
        if self._last.button and ticks_diff(now_ms, self._last.at_ms) > self._horizon_ms:
            self._last.button = 0
            self._vote.button = 0
            self._before.button = 0
            self._recent_count = 0
            self._recent_next = 0


class Hands:
    """What lies on the buttons: held ones, stuck ones, the service keys. Masks have bit 0 for button 1."""

    def __init__(self, windows):
        self._windows = windows
        self._down_at = [0] * 4
        self._counted_seq = [_NONE] * 4
        self._up_at = [0] * 4
        self._keys_at = 0
        self._keys = False
        self._mode_at = 0
        self._at_boot = 0
        self.stuck = 0  # out of play
        self.mode = ""  # "", "service", "test"

    def start(self, down):
        """Buttons down at boot are out of play until released."""
        self.stuck = self._at_boot = down

    def pressed(self, at_ms, b, seq):
        """Button b + 1 went down at ticks at_ms; seq of its record if it counted, else -1."""
        self._down_at[b] = at_ms
        self._counted_seq[b] = seq

    def released(self, at_ms, b):
        """Button b + 1 went up at ticks at_ms."""
        self._up_at[b] = at_ms
        if self._at_boot & 1 << b:
            self._at_boot &= ~(1 << b)
            self.stuck &= ~(1 << b)

    def step(self, now_ms, down):
        """Gives the seq of a counted press that is stuck from now on, or -1."""
        self._step_mode(now_ms, down)
        for b in range(4):
            bit = 1 << b
            if self.stuck & bit:
                if not down & bit and ticks_diff(now_ms, self._up_at[b]) >= self._windows["unstick_ms"]:
                    self.stuck &= ~bit
            elif down & bit and not self._keys and ticks_diff(now_ms, self._down_at[b]) >= self._windows["stuck_ms"]:
                self.stuck |= bit
                seq = self._counted_seq[b]
                self._counted_seq[b] = _NONE
                if seq != _NONE:
                    return seq
        return _NONE

    def _step_mode(self, now_ms, down):
        if self.mode and ticks_diff(now_ms, self._mode_at) >= self._windows["mode_ends_ms"]:
            self.mode = ""
        keys = down == _KEYS and not self.stuck & _KEYS
        if keys and not self._keys:
            self._keys_at = now_ms
        self._keys = keys
        if keys:
            held_ms = ticks_diff(now_ms, self._keys_at)
            if held_ms >= self._windows["test_ms"]:
                mode = "test"
            elif held_ms >= self._windows["service_ms"]:
                mode = "service"
            else:
                return
            if mode != self.mode and not (self.mode == "test" and mode == "service"):
                self.mode = mode
                self._mode_at = now_ms
