"""A finger and the book of verdicts, for the tests of the vote rules."""

from terminal.compat import ticks_add
from terminal.log_record import COUNTED
from terminal.press_verdict import DEFAULT_WINDOWS, NO_FOLLOW_UP, Votes

PERIOD = ticks_add(0, -1) + 1  # 2^30, as on the board; the unix VM has 2^62
WRAP = PERIOD - 3000  # every play runs over the end of the ticks


def ticks(at_ms):
    return (WRAP + at_ms) % PERIOD


class Play:
    """Presses at ms of the play; `book` holds the verdicts in force, by seq."""

    def __init__(self, follow_up=NO_FOLLOW_UP, **windows):
        w = dict(DEFAULT_WINDOWS)
        w.update(windows)
        self.votes = Votes(w, follow_up)
        self.book = []
        self.up_at = None

    def press(self, at_ms, button, held_ms=100, quiet_ms=None, closed=False, test=False, stuck=False):
        """Gives the verdict at the press. quiet_ms None: since the finger was lifted last."""
        if quiet_ms is None:
            quiet_ms = 65535 if self.up_at is None else min(65535, max(1, at_ms - self.up_at))
        verdict = self.votes.press(ticks(at_ms), button, quiet_ms, closed, test, stuck)
        self.book.append(verdict)
        self.votes.stored(len(self.book) - 1)
        self.revise()
        self.up_at = at_ms + held_ms
        return verdict

    def stuck(self, seq):
        """The press of that seq is held for too long."""
        self.votes.stuck(seq)
        self.revise()

    def revise(self):
        for i in range(self.votes.revisions):
            self.book[self.votes.revised_seq[i]] = self.votes.revised_verdict[i]

    @property
    def counted(self):
        return sum(v == COUNTED for v in self.book)
