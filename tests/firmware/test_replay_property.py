"""Replaying the stored presses through the same state machine gives the same verdicts, whatever was pressed."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from hymio.measures.rejudging import UNANSWERED, boots, rejudge
from hymio.store.log_reading import verdicts_in_force
from hymio.wire.records import Event, Press, Revise
from terminal.compat import ticks_add
from terminal.log_record import ANSWER, CHORD, CLOSED, COUNTED, STUCK, TEST
from terminal.press_verdict import DEFAULT_WINDOWS, Votes

NONE = -1
# Times at which some window begins or ends, one millisecond to either side, and days in which the ticks come round.
EDGES = (50, 300, 1000, 2000, 5000, 8000, 10000)
GAPS = st.one_of(
    st.sampled_from([edge + step for edge in EDGES for step in (-1, 0, 1)]),
    st.integers(0, 1500),
    st.sampled_from([12_000, 600_000, 1 << 28, (1 << 29) + 1, (1 << 30) - 1, 1 << 30, 3 << 30]),
)
QUIETS = st.sampled_from([0, 1, 40, 999, 1000, 1001, 2000, 9999, 65535])
WINDOWS = st.fixed_dictionaries(
    {
        "chord_ms": st.sampled_from([2, 50, 400]),
        "replace_from_ms": st.sampled_from([2, 300]),
        "replace_until_ms": st.sampled_from([2, 2000, 6000]),
        "answer_from_ms": st.sampled_from([2, 1000]),
        "answer_until_ms": st.sampled_from([1500, 8000]),
        "lockout_ms": st.sampled_from([2, 1000, 3000]),
        "repeat_ms": st.sampled_from([2, 5000, 60000]),
        "mash_presses": st.sampled_from([2, 8]),
        "mash_ms": st.sampled_from([2, 10000]),
    }
)
FOLLOW_UPS = st.fixed_dictionaries(
    {"reasons": st.integers(0, 4), "after": st.lists(st.integers(1, 4), unique=True, max_size=4)}
)


class Terminal:
    """The rules as the application calls them, and the log that it writes."""

    def __init__(self, windows, follow_up):
        self.windows = windows
        self.follow_up = follow_up
        self.log = []
        self.boot = 0
        self.start()

    def start(self):
        self.boot += 1
        self.votes = Votes(self.windows, self.follow_up)
        self.now_ms = 0
        self.newest = NONE  # vote
        self.newest_ms = 0
        self.asked = []

    def write(self, record):
        self.log.append((len(self.log), record))
        return len(self.log) - 1

    def revise(self):
        for i in range(self.votes.revisions):
            self.write(Revise(self.boot, self.now_ms, self.votes.revised_verdict[i], self.votes.revised_seq[i]))

    def press(self, gap_ms, button, quiet_ms, row, late_ms):
        at_ms = self.now_ms + gap_ms
        self.pass_time(at_ms + late_ms)
        verdict = self.votes.press(ticks_add(0, at_ms), button, quiet_ms, row == CLOSED, row == TEST, row == STUCK)
        self.now_ms = at_ms  # the next press may have been earlier than the report of this one
        seq = self.write(Press(self.boot, at_ms, button, verdict, 0, 5, quiet_ms))
        self.votes.stored(seq)
        self.revise()
        self.unanswered()
        if verdict == COUNTED:
            self.newest, self.newest_ms = seq, at_ms

    def held(self):
        """The newest vote is still down after ten seconds."""
        if self.newest != NONE:
            self.pass_time(max(self.now_ms, self.newest_ms + 10000))
            self.votes.stuck(self.newest)
            self.revise()

    def pass_time(self, until_ms):
        """Steps when the machine wants it, as the application does, but leaps over days in which nothing is due."""
        while True:
            wait_ms = self.votes.step(ticks_add(0, self.now_ms))
            assert wait_ms > 0
            self.unanswered()
            if self.now_ms >= until_ms:
                return
            self.now_ms = min(until_ms, self.now_ms + (wait_ms if wait_ms < 60000 else 1 << 27))

    def unanswered(self):
        if self.votes.unanswered != NONE:
            self.write(Event(self.boot, self.now_ms, UNANSWERED, self.votes.unanswered))
            self.votes.unanswered = NONE

    def end(self):
        self.pass_time(self.now_ms + 20000)


presses = st.tuples(
    GAPS,
    st.integers(1, 4),
    QUIETS,
    st.sampled_from([COUNTED] * 12 + [CLOSED, TEST, STUCK]),
    st.sampled_from([0, 6, 60]),
)
actions = st.one_of(presses, presses, presses, st.sampled_from(["held", "reboot"]))


def lived(windows, follow_up, story):
    terminal = Terminal({**DEFAULT_WINDOWS, **windows}, follow_up)
    for action in story:
        if action == "held":
            terminal.held()
        elif action == "reboot":
            terminal.end()
            terminal.start()
        else:
            terminal.press(*action)
    terminal.end()
    return terminal


def in_force(log):
    revised = verdicts_in_force(log)
    return {seq: revised.get(seq, record.verdict) for seq, record in log if isinstance(record, Press)}


@settings(max_examples=400, deadline=None)
@given(WINDOWS, FOLLOW_UPS, st.lists(actions, max_size=40))
def test_a_replay_gives_the_verdicts_in_force(windows, follow_up, story):
    terminal = lived(windows, follow_up, story)
    replayed = {}
    for boot in boots(terminal.log):
        replayed.update(rejudge(boot, terminal.windows))
    assert replayed == in_force(terminal.log)


@settings(max_examples=200, deadline=None)
@given(FOLLOW_UPS, st.lists(actions, max_size=40))
def test_every_vote_that_is_asked_about_has_one_end(follow_up, story):
    log = lived({}, follow_up, story).log
    final = in_force(log)
    ends = Counter()
    newest, boot = NONE, 0
    for seq, record in log:
        if isinstance(record, Press):
            if record.boot != boot:
                newest, boot = NONE, record.boot
            if record.verdict == COUNTED:
                newest = seq
            elif record.verdict == ANSWER and final[seq] == ANSWER:
                ends[newest] += 1  # an answer belongs to the newest press judged as counted
        elif isinstance(record, Event):
            ends[record.argument] += 1
    for seq, record in log:
        if not isinstance(record, Press) or record.verdict != COUNTED:
            assert seq not in ends
        elif not follow_up["reasons"] or record.button not in follow_up["after"]:
            assert ends[seq] == 0
        elif final[seq] == CHORD:
            assert ends[seq] == 0  # nobody was asked
        else:
            assert ends[seq] == 1
