"""The verdict table of spec/design.md, row by row and at its boundaries; row 6 is in test_followup.py."""  # portable

from play import PERIOD, Play, ticks

from terminal.log_record import CHORD, CLOSED, COUNTED, MASH, REPEAT, REPLACED, STUCK, TEST


def test_first_press_counts():
    for button in (1, 2, 3, 4):
        assert Play().press(0, button) == COUNTED


def test_rows_1_and_2_first_match_wins():
    for test, closed, stuck, verdict in (
        (True, True, True, TEST),
        (True, True, False, TEST),
        (False, True, True, CLOSED),
        (False, True, False, CLOSED),
        (False, False, True, STUCK),
        (False, False, False, COUNTED),
    ):
        assert Play().press(0, 1, test=test, closed=closed, stuck=stuck) == verdict
    play = Play()
    play.press(0, 1)
    assert play.press(20, 4, quiet_ms=0, closed=True) == CLOSED  # before row 3
    assert play.book == [COUNTED, CLOSED]


def test_row_3_chord_boundary():
    for dt, verdict in ((1, CHORD), (49, CHORD), (50, CHORD), (51, MASH)):
        play = Play()
        play.press(0, 1)
        assert play.press(dt, 4, quiet_ms=0) == verdict, dt
        assert play.book[0] == (CHORD if verdict == CHORD else COUNTED), dt


def test_row_3_boundary_without_an_overlap():
    """A tap so short that it is over already."""
    for dt, verdict in ((49, CHORD), (50, CHORD), (51, MASH)):
        play = Play()
        play.press(0, 1, held_ms=10)
        assert play.press(dt, 4) == verdict, dt


def test_row_3_reported_out_of_order():
    for dt, verdict in ((49, CHORD), (50, CHORD), (51, MASH)):
        play = Play()
        play.press(dt, 2)
        assert play.press(0, 1, quiet_ms=0) == verdict, dt


def test_row_3_whatever_the_verdict_of_the_first():
    def closed(play):
        return play.press(9000, 1, closed=True)

    def test(play):
        return play.press(9000, 1, test=True)

    def repeat(play):
        play.press(6000, 1)
        return play.press(9000, 1)

    def mash(play):
        return play.press(9000, 1, quiet_ms=0)

    for first, verdict in ((closed, CLOSED), (test, TEST), (repeat, REPEAT), (mash, MASH)):
        play = Play()
        assert first(play) == verdict
        assert play.press(9020, 2, quiet_ms=0) == CHORD
        assert play.book[-2:] == [CHORD, CHORD], verdict


def test_row_3_a_hand_of_four():
    play = Play()
    revisions = []
    for i in range(4):
        play.press(i * 40, 1 + i, quiet_ms=0 if i else 65535)
        revisions.append(play.votes.revisions)
    assert play.book == [CHORD] * 4
    assert revisions == [0, 1, 0, 0]  # what is a chord needs no revision


def test_row_3_the_vote_falls_back_to_what_it_was():
    for at_ms, verdict in ((4999, REPEAT), (5000, COUNTED)):
        play = Play()
        play.press(0, 1)
        assert play.press(3000, 2) == COUNTED
        assert play.press(3020, 3, quiet_ms=0, held_ms=50) == CHORD
        assert play.book == [COUNTED, CHORD, CHORD]
        assert play.press(at_ms, 1) == verdict, at_ms  # button 1 is the vote again, since its own first contact


def test_row_3_a_replaced_vote_is_counted_again():
    play = Play()
    play.press(0, 1, held_ms=50)
    assert play.press(700, 2) == COUNTED and play.book[0] == REPLACED
    assert play.press(720, 3, quiet_ms=0) == CHORD
    assert play.book == [COUNTED, CHORD, CHORD]
    assert play.press(1500, 4) == MASH  # two presses since that vote: it can't be replaced any more
    assert play.press(4000, 1) == REPEAT


def test_row_3_a_chord_of_three_undoes_once():
    play = Play()
    play.press(0, 1)
    play.press(3000, 2)
    for at_ms, button in ((3020, 3), (3040, 4)):
        assert play.press(at_ms, button, quiet_ms=0) == CHORD
    assert play.book == [COUNTED, CHORD, CHORD, CHORD]


def test_row_4_another_button_is_down():
    play = Play()
    play.press(0, 1, held_ms=9000)
    assert play.press(3000, 2, quiet_ms=0) == MASH
    assert play.press(6000, 1, quiet_ms=0) == MASH


def test_row_5_replacement_boundaries():
    for dt, verdict, is_replaced in (
        (299, MASH, False),
        (300, COUNTED, True),
        (301, COUNTED, True),
        (1999, COUNTED, True),
        (2000, COUNTED, False),
        (2001, COUNTED, False),
    ):
        play = Play()
        play.press(0, 1, held_ms=50)
        assert play.press(dt, 4) == verdict, dt
        assert play.book[0] == (REPLACED if is_replaced else COUNTED), dt


def test_row_5_not_the_same_button_not_twice_not_after_another_press_not_while_a_button_is_down():
    play = Play()
    play.press(0, 1, held_ms=50)
    assert play.press(700, 1) == REPEAT
    play = Play()
    play.press(0, 1, held_ms=50)
    play.press(700, 2, held_ms=50)
    assert play.press(1400, 3) == MASH  # the vote is itself a replacement, and q < 1 s
    for between in ("repeat", "closed", "test"):
        play = Play()
        play.press(0, 1, held_ms=50)
        play.press(400, 1, held_ms=50, closed=between == "closed", test=between == "test")
        assert play.press(900, 2) == MASH, between
    play = Play()
    play.press(0, 1, held_ms=900)
    assert play.press(700, 2, quiet_ms=0) == MASH
    assert play.book[0] == COUNTED


def test_row_7_lockout_boundaries():
    for button, q, verdict in (
        (2, 999, MASH),
        (2, 1000, COUNTED),
        (2, 1001, COUNTED),
        (1, 999, REPEAT),
        (1, 1000, COUNTED),
        (1, 1001, COUNTED),
    ):
        play = Play()
        play.press(0, 1, held_ms=6000)
        assert play.press(6000 + q, button) == verdict, (button, q)


def test_row_7_repeat_is_that_of_the_last_press_not_of_the_vote():
    play = Play()
    play.press(0, 1, held_ms=3000)
    assert play.press(3500, 2) == MASH
    assert play.press(4000, 2) == REPEAT
    assert play.press(4500, 1) == MASH


def test_row_7_the_last_press_may_be_long_ago():
    play = Play(stuck_ms=600000)
    play.press(0, 1, held_ms=60000)
    play.votes.step(ticks(59000))
    assert play.press(60500, 1) == REPEAT


def test_row_8_same_button_boundaries():
    for dt, verdict in ((4999, REPEAT), (5000, COUNTED), (5001, COUNTED)):
        play = Play()
        play.press(0, 2)
        assert play.press(dt, 2) == verdict, dt
        play = Play()
        play.press(0, 2)
        assert play.press(3000, 2) == REPEAT
        assert play.press(dt, 2) == verdict, dt  # a repeat does not extend the window


def test_row_9_mash_boundaries():
    for last, verdict in ((9999, MASH), (10000, MASH), (10001, COUNTED)):
        play = Play()
        for i in range(7):
            play.press(i * 1100, 1 + i % 2, held_ms=50)
        assert play.press(last, 4) == verdict, last


def test_row_9_it_is_the_8th_press():
    for presses, verdict in ((6, COUNTED), (7, MASH), (8, MASH)):
        play = Play()
        for i in range(presses):
            play.press(i * 600, 1 + i % 2, held_ms=50)
        assert play.press(9000, 4) == verdict, presses


def test_row_9_presses_of_every_verdict_are_counted():
    play = Play()
    for i in range(7):
        play.press(i * 200, 2, closed=i % 2 == 0, test=i % 3 == 0)
    assert play.press(9000, 4) == MASH


def test_a_stuck_button_leaves_no_trace():
    """It chatters 20 times: no flood, no chord, no lock-out, no press since the vote, and nothing to repeat."""
    play = Play()
    play.press(0, 1, held_ms=50)
    for i in range(20):
        assert play.press(300 + i * 20, 2, stuck=True) == STUCK
    assert play.press(720, 4, quiet_ms=650) == COUNTED
    assert play.book[0] == REPLACED and play.counted == 1
    assert play.press(730, 2, stuck=True) == STUCK
    assert play.press(740, 3, quiet_ms=0) == CHORD
    assert play.book[0] == COUNTED and play.book[21] == CHORD  # of 4 and 3: the stuck one is not their last press


def test_a_stuck_vote_is_no_vote():
    play = Play()
    play.press(0, 2)
    play.stuck(0)
    assert play.book == [STUCK]
    assert play.press(3000, 2, quiet_ms=65535) == COUNTED


def test_half_of_a_chord_that_is_held_stays_a_chord():
    play = Play()
    play.press(0, 2)
    play.press(20, 3, quiet_ms=0)
    play.stuck(0)
    assert play.book == [CHORD, CHORD]


def test_a_stuck_replacement_gives_nothing_back():
    play = Play(repeat_ms=60000)
    play.press(0, 1, held_ms=50)
    play.press(700, 2)
    play.stuck(1)
    assert play.book == [REPLACED, STUCK]
    assert play.press(20000, 1) == COUNTED  # a replaced vote is no vote that could be repeated


def test_other_windows():
    for windows, presses in (
        ({"lockout_ms": 3000}, ((0, 1, COUNTED), (2500, 2, MASH))),
        ({"repeat_ms": 2000}, ((0, 1, COUNTED), (2000, 1, COUNTED))),
        ({"chord_ms": 100}, ((0, 1, COUNTED), (100, 2, CHORD))),
        ({"replace_from_ms": 150}, ((0, 1, COUNTED), (150, 2, COUNTED))),
        ({"mash_presses": 2}, ((0, 1, COUNTED), (10000, 2, MASH), (20001, 2, COUNTED))),
        ({"mash_presses": 2, "mash_ms": 3000}, ((0, 1, COUNTED), (3000, 2, MASH), (6001, 2, COUNTED))),
    ):
        play = Play(**windows)
        for at_ms, button, verdict in presses:
            assert play.press(at_ms, button) == verdict, (windows, at_ms)


def test_old_votes_are_forgotten_before_the_ticks_wrap():
    play = Play()
    play.press(0, 1)
    play.votes.step(ticks(12000))
    assert play.press(PERIOD // 2 + 5, 1, quiet_ms=65535) == COUNTED
    play = Play()
    for i in range(7):
        play.press(i * 100, 1)
    play.votes.step(ticks(PERIOD // 4))
    play.votes.step(ticks(PERIOD // 2))
    assert play.press(PERIOD + 800, 2, quiet_ms=65535) == COUNTED  # the same ticks, but no flood


def test_a_step_between_changes_no_verdict():
    """A press may be reported a little after its first contact: nothing may be forgotten too early."""
    for dt, verdict in ((4999, REPEAT), (5000, COUNTED)):
        play = Play()
        play.press(0, 2)
        for at_ms in range(0, dt + 60, 7):
            play.votes.step(ticks(at_ms))
        assert play.press(dt, 2) == verdict


# Worked examples


def test_a_child_at_5_hz_on_one_button_for_a_minute_is_one_vote():
    play = Play()
    for i in range(300):
        play.press(i * 200, 2, held_ms=100)
    assert play.counted == 1


def test_alternating_buttons_every_1150_ms_for_5_s_are_at_most_4():
    for held_ms in (30, 100, 149, 150, 151, 400, 1100):
        play = Play()
        for i in range(5):
            play.press(i * 1150, 1 + i % 2, held_ms=held_ms)
        assert 1 <= play.counted <= 4, held_ms


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
