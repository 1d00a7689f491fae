"""The comparison of fingers and database must notice every way to cheat."""

import pytest

from hymio_sim.rigs.fingers import compare


def press(t, push, button):
    return {"event": "press", "t": t, "push": push, "button": button, "powered": True}


def record(t, seq, button, verdict="counted"):
    return {"event": "record", "t": t, "log_id": 5, "seq": seq, "button": button, "verdict": verdict}


def events(*extra):
    """Two pushes, both stored, the first thanked for."""
    light = {"event": "led", "t": 1.02, "led": 1, "on": True}
    book = [press(1.0, 1, 1), record(1.01, 1, 1), light, press(3.0, 2, 4), record(3.01, 2, 4, "repeat")]
    return sorted([*book, *extra], key=lambda event: event["t"])


def rows(*seqs):
    table = {1: (1, "counted"), 2: (4, "repeat"), 3: (2, "counted")}
    return [{"log_id": 5, "seq": seq, "button": table[seq][0], "verdict": table[seq][1]} for seq in seqs]


def test_all_is_well():
    verdict = compare("t", events(), rows(1, 2))
    assert not verdict.problems
    assert (verdict.pushes, verdict.stored, verdict.in_database, verdict.waiting) == (2, 2, 2, 0)


def test_a_missing_row_is_waiting():
    assert compare("t", events(), rows(1)).waiting == 1


def test_a_missing_row_that_the_ledger_calls_lost():
    verdict = compare("t", events(), rows(1), lost=1)
    assert verdict.waiting == 0 and not verdict.problems


def test_a_push_just_before_a_power_cut_may_be_gone_unthanked():
    cut = (press(5.0, 3, 2), {"event": "power", "t": 5.1, "on": False})
    verdict = compare("t", events(*cut), rows(1, 2))
    assert verdict.unthanked == 1 and not verdict.problems


AMENDED = {"event": "amended", "t": 4.0, "log_id": 5, "seq": 1, "verdict": "replaced"}


@pytest.mark.parametrize(
    ("extra", "table", "said"),
    [
        ((), rows(1, 2, 2), "twice"),
        ((), rows(1, 2, 3), "never in flash"),
        ((), [{**rows(1)[0], "button": 3}, *rows(2)], "button is 3"),
        ((), [{**rows(1)[0], "verdict": "mash"}, *rows(2)], "verdict is mash"),
        ((AMENDED,), rows(1, 2), "expected replaced"),
        ((press(5.0, 3, 2),), rows(1, 2), "push 3"),
        (({"event": "led", "t": 5.0, "led": 2, "on": True},), rows(1, 2), "thank you"),
        ((record(5.0, 3, 2),), rows(1, 2, 3), "no finger"),
    ],
)
def test_every_cheat_is_noticed(extra, table, said):
    problems = compare("t", events(*extra), table).problems
    assert any(said in problem for problem in problems), problems


def test_more_lost_than_missing():
    assert compare("t", events(), rows(1, 2), lost=1).problems
