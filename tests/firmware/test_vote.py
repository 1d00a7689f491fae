"""The verdict table of DESIGN.md, row by row, at its boundaries, and its worked examples."""  # portable

from terminal.compat import ticks_add
from terminal.record import CHORD, CLOSED, COUNTED, MASH, REPEAT, REPLACED, STUCK, TEST
from terminal.vote import DEFAULT_WINDOWS, Hands, Votes

PERIOD = ticks_add(0, -1) + 1  # 2^30, as on the board; the unix VM has 2^62
WRAP = PERIOD - 3000


class Play:
    """A finger that presses at ms, and the book of verdicts in force."""

    def __init__(self, **windows):
        w = dict(DEFAULT_WINDOWS)
        w.update(windows)
        self.votes = Votes(w)
        self.book = []
        self.up_at = None

    def press(self, at_ms, button, held_ms=100, quiet_ms=None, closed=False, test=False):
        if quiet_ms is None:
            quiet_ms = 65535 if self.up_at is None else min(65535, max(1, at_ms - self.up_at))
        verdict = self.votes.press((WRAP + at_ms) % PERIOD, button, quiet_ms, closed, test)
        self.book.append(verdict)
        self.votes.stored(len(self.book) - 1)
        self.revise()
        self.up_at = at_ms + held_ms
        return verdict

    def revise(self):
        for i in range(self.votes.revisions):
            self.book[self.votes.revised_seq[i]] = self.votes.revised_verdict[i]

    @property
    def counted(self):
        return sum(v == COUNTED for v in self.book)


def test_first_press_counts():
    assert Play().press(0, 3) == COUNTED


def test_row_1_and_2():
    play = Play()
    assert play.press(0, 1, test=True, closed=True) == TEST
    assert play.press(5000, 1, closed=True) == CLOSED
    assert play.press(10000, 1) == COUNTED


def test_row_3_chord_boundary():
    for dt, verdict in ((49, CHORD), (50, CHORD), (51, MASH)):
        play = Play()
        play.press(0, 1)
        assert play.press(dt, 4, quiet_ms=0) == verdict, dt
        assert play.book[0] == (CHORD if verdict == CHORD else COUNTED)


def test_row_3_the_vote_falls_back_and_a_replaced_vote_is_restored():
    play = Play()
    play.press(0, 1, held_ms=50)
    assert play.press(700, 2) == COUNTED and play.book[0] == REPLACED
    assert play.press(720, 3, quiet_ms=0) == CHORD
    assert play.book == [COUNTED, CHORD, CHORD]
    assert play.press(2500, 1) == REPEAT  # button 1 is the vote again


def test_row_3_reported_out_of_order():
    play = Play()
    play.press(10, 2)
    assert play.press(0, 1, quiet_ms=0) == CHORD
    assert play.book == [CHORD, CHORD]


def test_row_4_another_button_is_down():
    play = Play()
    play.press(0, 1, held_ms=5000)
    assert play.press(3000, 2, quiet_ms=0) == MASH


def test_row_5_replacement_boundaries():
    for dt, verdict in ((299, MASH), (300, COUNTED), (301, COUNTED), (1999, COUNTED), (2000, COUNTED), (2001, COUNTED)):
        play = Play()
        play.press(0, 1, held_ms=50)
        assert play.press(dt, 4) == verdict, dt
        assert play.book[0] == (REPLACED if 300 <= dt < 2000 else COUNTED), dt


def test_row_5_only_once_and_only_the_next_press():
    play = Play()
    play.press(0, 1, held_ms=50)
    play.press(700, 2, held_ms=50)
    assert play.press(1400, 3) == MASH  # the vote is itself a replacement, and q < 1 s
    play = Play()
    play.press(0, 1, held_ms=50)
    play.press(400, 1, held_ms=50)  # a press since
    assert play.press(900, 2) == MASH


def test_row_7_lockout_boundaries():
    for q, verdict in ((999, MASH), (1000, COUNTED), (1001, COUNTED)):
        play = Play()
        play.press(0, 1, held_ms=3000)
        assert play.press(3000 + q, 2) == verdict, q
    play = Play()
    play.press(0, 1, held_ms=3000)
    assert play.press(3999, 1) == REPEAT


def test_row_8_same_button_boundaries():
    for dt, verdict in ((4999, REPEAT), (5000, COUNTED), (5001, COUNTED)):
        play = Play()
        play.press(0, 2)
        assert play.press(dt, 2) == verdict, dt
    play = Play()
    play.press(0, 2)
    assert play.press(3000, 2) == REPEAT
    assert play.press(5000, 2) == COUNTED  # a repeat does not extend the window


def test_row_9_mash_boundaries():
    for last, verdict in ((9999, MASH), (10000, MASH), (10001, COUNTED)):
        play = Play()
        for i in range(7):
            play.press(i * 1100, 1 + i % 2, held_ms=50)
        assert play.press(last, 4) == verdict, last


def test_other_windows():
    play = Play(lockout_ms=3000)
    play.press(0, 1, held_ms=100)
    assert play.press(2500, 2) == MASH


def test_a_child_at_5_hz_for_a_minute_is_one_vote():
    play = Play()
    for i in range(300):
        play.press(i * 200, 2, held_ms=100)
    assert play.counted == 1


def test_alternating_buttons_every_1150_ms_for_5_s_are_at_most_4():
    play = Play()
    for i in range(5):
        play.press(i * 1150, 1 + i % 2, held_ms=100)
    assert play.counted <= 4


def test_a_correction_after_700_ms_replaces():
    play = Play()
    play.press(0, 1, held_ms=100)
    play.press(700, 4)
    assert play.book == [REPLACED, COUNTED]


def test_a_hold_of_6_s_with_973_ms_of_release_chatter_is_one_vote():
    play = Play()
    play.press(0, 3, held_ms=6000)
    for i in range(1, 10):
        play.press(6000 + i * 100, 3, held_ms=30)
    assert play.counted == 1


def test_old_votes_are_forgotten_before_the_ticks_wrap():
    play = Play()
    play.press(0, 1)
    play.votes.expire((WRAP + 12000) % PERIOD)
    assert play.press(PERIOD // 2 + 5, 1, quiet_ms=65535) == COUNTED


def hands(**windows):
    w = dict(DEFAULT_WINDOWS)
    w.update(windows)
    return Hands(w)


def test_stuck_after_10_s_and_back_after_1_s():
    h = hands()
    h.pressed(0, 2, 7)
    assert [h.step(t, 4) for t in (0, 9999, 10000, 10001)] == [-1, -1, 7, -1]
    assert h.stuck == 4
    h.released(20000, 2)
    h.step(20999, 0)
    assert h.stuck == 4
    h.step(21000, 0)
    assert h.stuck == 0


def test_a_stuck_vote_is_no_vote():
    play = Play()
    play.press(0, 2)
    play.votes.stuck(0)
    play.revise()
    assert play.book == [STUCK]


def test_service_and_test_mode():
    h = hands()
    h.pressed(0, 0, 1)
    h.pressed(20, 3, -1)
    for t, mode in ((20, ""), (10019, ""), (10020, "service"), (20019, "service"), (20020, "test")):
        assert h.step(t, 9) == -1
        assert h.mode == mode, t
    h.step(21000, 0)
    h.step(20020 + 299999, 0)
    assert h.mode == "test"
    h.step(20020 + 300000, 0)
    assert h.mode == ""


def test_buttons_1_4_and_another_are_no_key():
    h = hands()
    h.step(0, 11)
    h.step(15000, 11)
    assert h.mode == ""


def test_down_at_boot_is_out_of_play_until_released():
    h = hands()
    h.start(1)
    assert h.stuck == 1
    h.released(500, 0)
    assert h.stuck == 0
