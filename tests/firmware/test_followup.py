"""Row 6 of the verdict table: after an unhappy vote the buttons are reasons for a while."""  # portable

from play import Play, ticks

from terminal.compat import MICROPYTHON
from terminal.log_record import ANSWER, CHORD, CLOSED, COUNTED, MASH, REPEAT, REPLACED, STUCK, TEST

ASKING = {"reasons": 3, "after": [1, 2]}
NONE = -1


def asked(button=1, held_ms=50, **windows):
    """A play whose first press, at 0, was a vote on that button."""
    play = Play(ASKING, **windows)
    assert play.press(0, button, held_ms=held_ms) == COUNTED
    return play


def test_the_time_of_an_answer():
    for dt, q, verdict in (
        (999, 1000, REPEAT),  # too early for an answer; row 8
        (1000, 1000, ANSWER),
        (1001, 1000, ANSWER),
        (7999, 1000, ANSWER),
        (8000, 1000, COUNTED),
        (8001, 1000, COUNTED),
    ):
        play = asked()
        assert play.press(dt, 1, quiet_ms=q) == verdict, dt


def test_the_quiet_before_an_answer():
    for q, verdict in ((0, MASH), (1, REPEAT), (999, REPEAT), (1000, ANSWER), (1001, ANSWER)):
        assert asked(held_ms=2000).press(3000, 1, quiet_ms=q) == verdict, q
    assert asked(held_ms=2000).press(3000, 2, quiet_ms=999) == MASH
    for q, verdict in ((2999, REPEAT), (3000, ANSWER), (3001, ANSWER)):  # the quiet is that of the lock-out
        assert asked(lockout_ms=3000).press(5000, 1, quiet_ms=q) == verdict, q


def test_other_times():
    for dt, verdict in ((1999, REPEAT), (2000, ANSWER), (2999, ANSWER), (3000, REPEAT)):
        play = asked(answer_from_ms=2000, answer_until_ms=3000)
        assert play.press(dt, 1) == verdict, dt


def test_only_as_many_buttons_as_there_are_reasons():
    for reasons in (0, 1, 2, 3, 4):
        for button in (1, 2, 3, 4):
            play = Play({"reasons": reasons, "after": [1]})
            play.press(0, 1, held_ms=50)
            below = REPEAT if button == 1 else COUNTED
            assert play.press(3000, button) == (ANSWER if button <= reasons else below), (reasons, button)


def test_only_after_the_buttons_of_the_configuration():
    for after in ([], [1], [2], [1, 2], [4]):
        for button in (1, 2, 3, 4):
            play = Play({"reasons": 4, "after": after})
            play.press(0, button, held_ms=50)
            assert (play.press(3000, 3) == ANSWER) == (button in after), (after, button)


def test_only_a_counted_vote_is_asked_about():
    for between in ({"closed": True}, {"test": True}, {"stuck": True}, {"quiet_ms": 0}):
        play = Play(ASKING)
        assert play.press(0, 1, **between) in (CLOSED, TEST, STUCK, MASH)
        assert play.press(3000, 2) == COUNTED, between


def test_rows_1_to_4_come_first():
    for given, verdict in (({"test": True}, TEST), ({"closed": True}, CLOSED), ({"quiet_ms": 0}, MASH)):
        play = asked()
        assert play.press(3000, 1, **given) == verdict
        assert play.press(5000, 1) == ANSWER  # none of them has ended it


def test_an_armed_follow_up_forbids_a_replacement():
    for follow_up, verdicts in (
        (ASKING, [COUNTED, MASH]),
        ({"reasons": 3, "after": [2]}, [REPLACED, COUNTED]),
    ):
        play = Play(follow_up)
        play.press(0, 1, held_ms=50)
        play.press(700, 4)
        assert play.book == verdicts
    for dt, is_replaced in ((1499, False), (1500, True), (1501, True)):  # it is over by then
        play = asked(answer_until_ms=1500)
        play.press(dt, 4)
        assert (play.book[0] == REPLACED) == is_replaced, dt


def test_a_replacement_that_is_unhappy_is_asked_about():
    play = Play(ASKING)
    play.press(0, 4, held_ms=50)
    play.press(700, 1, held_ms=50)
    assert play.press(1750, 3, quiet_ms=1000) == ANSWER  # 1050 ms after the vote that stands
    assert play.book == [REPLACED, COUNTED, ANSWER]


def test_there_is_one_answer():
    play = asked()
    assert play.press(2000, 2) == ANSWER
    assert play.press(3500, 2) == COUNTED
    assert play.book == [COUNTED, ANSWER, COUNTED]


def test_an_answer_is_never_the_vote_but_a_press_since():
    play = asked()
    assert play.press(1100, 2, held_ms=50) == ANSWER
    assert play.press(1900, 3) == MASH  # no replacement: the answer is a press since the vote; and q < 1 s
    assert play.press(4999, 1) == REPEAT  # of the vote on button 1
    play = asked()
    play.press(2000, 2)
    assert play.press(4000, 2) == COUNTED  # the answer on button 2 was no vote


def test_answers_are_presses_of_a_flood():
    for others, verdict in ((4, COUNTED), (5, MASH), (6, MASH)):
        play = asked()
        assert play.press(2000, 2, held_ms=10) == ANSWER
        for i in range(others):
            play.press(2100 + 100 * i, 2, held_ms=10)
        assert play.press(9999, 4) == verdict, others


# How it ends


def owed(play):
    seq = play.votes.unanswered
    play.votes.unanswered = NONE
    return seq


def steps(play, from_ms, until_ms):
    """Steps when the machine asks for it; gives the changes of `is_asking` and the events, with their times."""
    told = []
    was = play.votes.is_asking
    at_ms = from_ms
    while at_ms <= until_ms:
        wait_ms = play.votes.step(ticks(at_ms))
        assert wait_ms > 0
        if play.votes.is_asking != was:
            was = play.votes.is_asking
            told.append((at_ms, was))
        seq = owed(play)
        if seq != NONE:
            told.append((at_ms, "unanswered", seq))  # type: ignore[arg-type]
        at_ms += wait_ms
    return told


def test_nobody_answers():
    play = asked()
    # The event waits for an answer in time that is reported late.
    assert steps(play, 1, 30000) == [(1000, True), (8000, False), (9000, "unanswered", 0)]
    assert play.votes.asking_until == ticks(8000)


def test_an_answer_in_time_that_is_reported_late():
    play = asked()
    play.votes.step(ticks(8020))
    assert play.press(7999, 3) == ANSWER
    assert steps(play, 8030, 30000) == []


def test_nobody_is_asked():
    play = Play({"reasons": 3, "after": [1]})
    play.press(0, 2)
    assert steps(play, 1, 30000) == []


def test_answered():
    play = asked()
    assert steps(play, 1, 2000) == [(1000, True)]
    assert play.press(2000, 3) == ANSWER
    assert not play.votes.is_asking
    assert steps(play, 2001, 30000) == []


def test_a_new_vote_ends_it_unanswered_and_may_begin_another():
    play = asked()
    assert play.press(3000, 4) == COUNTED  # no reason bears the number 4
    assert owed(play) == 0 and not play.votes.is_asking
    assert steps(play, 3001, 30000) == []
    play = Play({"reasons": 3, "after": [1, 4]})
    play.press(0, 1)
    play.press(3000, 4)
    assert owed(play) == 0
    assert steps(play, 3001, 30000) == [(4000, True), (11000, False), (12000, "unanswered", 1)]


def test_a_vote_that_is_revised_is_not_asked_about():
    play = asked()
    play.press(20, 4, quiet_ms=0)  # chord
    assert play.book == [CHORD, CHORD]
    assert steps(play, 21, 30000) == []
    play = asked(stuck_ms=5000)
    play.votes.step(ticks(5000))
    assert play.votes.is_asking
    play.stuck(0)
    assert play.book == [STUCK] and not play.votes.is_asking
    assert steps(play, 5001, 30000) == []
    play = asked(button=2, answer_until_ms=500)
    play.press(700, 4)  # it is over, so the vote may be replaced: it was unanswered before
    assert play.book == [REPLACED, COUNTED] and owed(play) == 0
    assert steps(play, 701, 30000) == []


def test_an_answer_that_is_half_of_a_chord_is_none():
    play = asked()
    assert play.press(3000, 2) == ANSWER
    assert play.press(3050, 3, quiet_ms=0) == CHORD
    assert play.book == [COUNTED, CHORD, CHORD]
    assert owed(play) == 0
    assert play.press(4500, 1) == REPEAT  # the follow-up is over, the vote stands
    assert steps(play, 4501, 30000) == []


def test_a_vote_that_never_got_into_flash_is_not_asked_about():
    play = Play(ASKING)
    assert play.votes.press(ticks(0), 1, 65535, False, False) == COUNTED
    play.up_at = 100
    assert play.press(3000, 2) == COUNTED
    assert owed(play) == NONE


def test_an_answer_allocates_nothing():
    if not MICROPYTHON:
        return
    from micropython import heap_lock, heap_unlock

    votes = asked().votes
    at_ms, chord_ms = ticks(3000), ticks(3020)
    heap_lock()
    try:
        first = votes.press(at_ms, 2, 2000, False, False)
        votes.stored(1)
        second = votes.press(chord_ms, 3, 0, False, False)
    finally:
        heap_unlock()
    assert (first, second) == (ANSWER, CHORD)
