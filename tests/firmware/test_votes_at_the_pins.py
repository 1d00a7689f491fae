"""The vote rules from contact to flash: the examples of spec/design.md with fingers on real switches, held buttons,
the follow-up, and that no gesture erases anything."""

import random
from itertools import combinations

import pytest

from hymio.cable.log_image import read_image
from hymio.measures.rejudging import boots, default_windows, rejudge
from hymio.wire.records import VERDICTS, Event, Run
from hymio_sim.run.virtual import VirtualTerminal

BUTTONS = (1, 2, 3, 4)
GESTURES = [buttons for n in BUTTONS for buttons in combinations(BUTTONS, n)]


def verdicts(terminal):
    """In force now, by the order of the presses; folded ones are not among them."""
    book = {event["seq"]: event["verdict"] for event in terminal.of("record")}
    for event in terminal.of("amended"):
        book[event["seq"]] = event["verdict"]
    return list(book.values())


def pressed(*timed, profile="kpb22", seed=0, config=None, seconds=30):
    """A terminal on which these (at_ms, button, contact_ms) have been pressed; gives the verdicts in force."""
    with VirtualTerminal(seed=seed, config=config) as terminal:
        terminal.run(5)
        now_ms = 0
        for at_ms, button, contact_ms in timed:
            terminal.run((at_ms - now_ms) / 1000)
            now_ms = at_ms
            terminal.press(button, contact_ms, profile)
        terminal.run(seconds)
        image = read_image(terminal.flash.image())
        assert replayed(image.records) == {
            event["seq"]: verdict for event, verdict in zip(terminal.of("record"), verdicts(terminal))
        }
        return verdicts(terminal)


def replayed(records):
    found = {}
    for boot in boots(sorted(records.items())):
        found.update(rejudge(boot, default_windows()))
    return {seq: VERDICTS[verdict] for seq, verdict in found.items()}


@pytest.mark.parametrize("profile", ["kpb22", "tactile", "worn"])
def test_a_child_at_5_hz_for_a_minute_is_one_vote(profile):
    found = pressed(*((i * 200, 2, 90) for i in range(300)), profile=profile)
    assert found.count("counted") == 1 and set(found) == {"counted", "repeat"}


@pytest.mark.parametrize("contact_ms", [30, 120, 700])
def test_alternating_buttons_every_1150_ms_for_5_s_are_at_most_4(contact_ms):
    found = pressed(*((i * 1150, 1 + i % 2, contact_ms) for i in range(5)))
    assert 1 <= found.count("counted") <= 4


def test_a_correction_after_700_ms_replaces():
    assert pressed((0, 1, 120), (700, 4, 120)) == ["replaced", "counted"]


@pytest.mark.parametrize("seed", range(6))
def test_a_hold_of_6_s_with_973_ms_of_release_chatter_is_one_vote(seed):
    found = pressed((0, 3, 6000), profile="monster", seed=seed)
    assert found.count("counted") == 1 and set(found) <= {"counted", "repeat"}


def test_a_held_vote_is_stuck_and_the_others_go_on():
    found = pressed((0, 2, 60000), (9000, 3, 100), (12000, 4, 100), (61500, 2, 100), seconds=70)
    assert found == ["stuck", "mash", "counted", "counted"]


def test_a_hand_that_lies_there_is_a_chord_and_nothing_worse():
    assert pressed((0, 2, 15000), (10, 3, 15000)) == ["chord", "chord"]


def test_test_mode_begins_with_a_hold_and_ends_by_itself():
    timed = [(0, 1, 12000), (10, 4, 12000), (14000, 2, 100), (300000, 3, 100), (312000, 3, 100)]
    assert pressed(*timed) == ["chord", "chord", "test", "test", "counted"]


ASKING = {"follow_up": {"reasons": 2, "after": [1, 2]}}


def test_the_answer_to_a_follow_up_is_a_record_and_so_is_none():
    with VirtualTerminal(config=ASKING) as terminal:
        terminal.run(5)
        asking = []
        for line in ("press 1", "wait 0.9", "wait 0.3", "wait 1", "press 2", "wait 0.5", "wait 20", "press 2",
                     "wait 7.8", "wait 0.5", "wait 10"):  # fmt: skip
            terminal.obey(line)
            asking.append(terminal.machine._app.press_path.votes.is_asking)
        assert asking == [False, False, True, True, True, False, False, False, True, False, False]
        assert verdicts(terminal) == ["counted", "answer", "counted"]
        records = read_image(terminal.flash.image()).records
        (event,) = (record for record in records.values() if isinstance(record, Event))
        assert (event.event, event.argument) == (1, terminal.of("record")[2]["seq"])
        assert event.uptime_ms - terminal.of("record")[2]["uptime_ms"] == pytest.approx(9000, abs=30)
        assert list(replayed(records).values()) == ["counted", "answer", "counted"]


@pytest.mark.parametrize("seed", range(3))
def test_a_replay_gives_the_verdicts_in_force_even_after_floods(seed):
    """Between them lie folded presses, whose times nobody knows."""
    dice = random.Random(seed)
    with VirtualTerminal(seed=seed, config={"follow_up": {"reasons": 3 * (seed % 2), "after": [1, 2]}}) as terminal:
        terminal.run(5)
        for _ in range(900):
            terminal.press(dice.randrange(1, 5), dice.choice([60, 90, 120]))
            usual = dice.choice([0.04, 0.15, 0.2, 0.2, 0.25, 0.3, 0.3, 0.4, 1.15, 1.2, 2, 3])
            terminal.run(usual if dice.random() < 0.97 else dice.choice([4, 6, 8, 11]))
        terminal.run(30)
        records = read_image(terminal.flash.image()).records
        assert sum(record.count for record in records.values() if isinstance(record, Run)) > 40
        judged = {event["seq"]: event["verdict"] for event in terminal.of("record") + terminal.of("amended")}
        assert replayed(records) == judged
        assert {"counted", "repeat", "mash", "chord", "replaced"} <= set(judged.values())


def test_no_gesture_erases_anything():
    """Every combination of buttons, held for 40 s with the terminal running and from its boot on: the unsent votes
    stand in flash as before, and no sector of the log was erased."""
    with VirtualTerminal() as terminal:
        terminal.run(5)
        for button in BUTTONS:
            terminal.press(button)
            terminal.run(20)
        before = read_image(terminal.flash.image())
        assert len(before.records) >= 5 and before.cursor == 0
        wear = list(terminal.flash.wear)
        for buttons in GESTURES:
            for button in buttons:
                terminal.obey(f"press {button} 40000")
            terminal.obey("wait 42")
            for button in buttons:
                terminal.obey(f"press {button} 40000")
            for line in ("wait 0.005", "power off", "wait 1", "power on", "wait 45"):
                terminal.obey(line)
        after = read_image(terminal.flash.image())
        assert after.log_id == before.log_id and after.cursor == 0 and after.oldest_seq == before.oldest_seq
        assert {seq: after.records.get(seq) for seq in before.records} == before.records
        erased = {n for n in range(len(wear)) if terminal.flash.wear[n] != wear[n]}
        assert erased <= {len(before.sectors)}  # each boot makes the empty sector after the log ready anew
        assert len(terminal.of("record")) >= 4 + len(GESTURES)
