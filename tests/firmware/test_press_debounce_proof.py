"""Every switch by the ten thousand: no press missed, none doubled, none late, and no votes that nobody gave."""

import itertools
import os
import random

import pytest

from hymio.common.firmware_files import firmware_module
from hymio_sim.board.switches import SWITCHES, edges
from hymio_sim.rigs.bench_press import compared, debounce_figures, debounce_table
from hymio_sim.rigs.press_proof import (
    MONSTER,
    DebounceTally,
    PlannedPush,
    debounced,
    proved,
    push_at,
    soft_interrupts,
    timeline,
)
from hymio_sim.rigs.press_votes import ideal, judged, votes_of
from hymio_sim.rigs.rivals import first_edge, quiet_time

# Of each of eight switches. 14,000 are over 100,000 that the contract covers; `make bench` always takes so many.
PUSHES = 14_000 if os.environ.get("CI") else 2_000


@pytest.mark.parametrize("profile", [name for name in SWITCHES if name != MONSTER])
def test_the_contract(profile):
    tally = proved(profile, PUSHES)
    assert tally.owed >= (PUSHES if profile != "worn" else 0.4 * PUSHES)
    assert (tally.missed, tally.doubles, tally.late, tally.others_doubles) == (0, 0, 0, 0), tally.examples


def test_a_busy_event_loop_loses_no_press():
    """Nobody polls for up to 250 ms at a time, anywhere in or before a push."""
    rng = random.Random(1)
    pushes, busy, at_us = [], [], 1_000_000
    for profile in ["kpb22", "typical18", "tactile"] * 500:
        held_ms = rng.uniform(25, 300)
        pushes.append(push_at(at_us, rng.randrange(4), edges(profile, rng, held_ms), round(held_ms * 1_000)))
        from_us = at_us + round(rng.uniform(-200_000, held_ms * 1_000))
        busy.append((from_us, from_us + rng.randrange(250_000)))
        at_us += 1_000_000
    reports = debounced(pushes, rng, busy=busy)
    assert [report.b for report in reports] == [push.b for push in pushes]
    assert all(abs(r.first_contact_us - p.at_us) < 2_000 for r, p in zip(reports, pushes, strict=True))


def test_a_planted_bug_is_seen():
    class Hasty(firmware_module("press_debounce").Debounce):  # type: ignore[misc]
        """Forgets the bounce of the release."""

        def step(self, now_ms, closed):
            wait_ms = super().step(now_ms, closed)
            for b in range(4):
                if self._state[b] == 3:
                    self._release(b, 1 << b)
            return wait_ms

    rng = random.Random(2)
    pushes = [push for push in timeline("tactile", 400, rng) if push.b == 0]
    tally = DebounceTally()
    tally.add(pushes, [report.at_us for report in debounced(pushes, rng, debounce=Hasty())])
    assert tally.doubles > 10 and tally.examples


def test_what_the_contract_covers():
    #         first, settled, parted, last edge
    table = (
        ((0, 25_000, 35_000, 75_000), True),
        ((0, 0, 25_000, 25_000), True),
        ((0, 0, 24_999, 25_000), False),
        ((0, 25_001, 60_000, 60_000), False),
        ((0, 0, 60_000, 100_001), False),
        ((0, 20_000, 29_000, 29_000), False),
    )
    for (first, settled, parted, last), expected in table:
        assert PlannedPush(0, [first, last], settled, parted).is_owed is expected, (first, settled, parted, last)
    assert PlannedPush(0, [5, 90_000], 10_005, 80_000).due_us == 20_005
    assert PlannedPush(0, [5, 90_000], 10_006, 80_000).due_us == 20_006


def test_reports_find_their_pushes():
    tally = DebounceTally()
    pushes = [PlannedPush(0, [at, at + 50_000], at, at + 50_000) for at in (100_000, 300_000, 500_000)]
    tally.add(pushes, [110_000, 510_000, 560_000])
    assert (tally.owed, tally.missed, tally.doubles, tally.late) == (3, 1, 1, 0)
    assert tally.latency_ms_mean == tally.latency_ms_max == 10
    assert (tally + tally).doubles == 2 and (tally + tally).latency_ms_mean == 10


def test_the_queue_of_eight_drops():
    handled = list(soft_interrupts([(1_000 + i, 0) for i in range(20)], random.Random(3)))
    assert len(handled) == 8
    assert all(b - a >= 120 for (a, _), (b, _) in itertools.pairwise(handled))


def test_rivals():
    #        edges                                              deaf for 50  quiet 5      quiet 30
    table = (
        ([0, 120_000], [0], [5_000], [30_000]),
        ([0, 25_000], [0], [5_000], []),
        ([0, 1_000, 2_000, 120_000], [0], [7_000], [32_000]),
        ([0, 120_000, 121_000, 122_000], [0, 121_000], [5_000], [30_000]),
        ([0, 120_000, 126_000, 132_000], [0, 126_000], [5_000, 131_000], [30_000]),
    )
    for moments, deaf, quiet_5, quiet_30 in table:
        assert first_edge(moments, 50_000) == deaf
        assert quiet_time(moments, 5_000) == quiet_5
        assert quiet_time(moments, 30_000) == quiet_30


def test_the_worst_buttons_give_hardly_a_vote_too_many():
    tally = judged(3_000)
    assert tally.pushes >= 3_000 and tally.votes > 0.7 * tally.pushes
    assert tally.extra < 0.01 * tally.pushes
    assert tally.lost < 0.02 * tally.pushes


def test_without_the_rules_they_would():
    rng = random.Random(4)
    made = [push_at(at, 0, edges(MONSTER, rng, 120), 120_000) for at in range(10**6, 10**9, 10_000_000)]
    assert len(debounced(made, rng)) > 1.1 * len(made)


def test_good_buttons_give_every_vote():
    tally = judged(1_000, profile="kpb22")
    assert tally.extra == tally.lost == 0
    assert votes_of([], ideal([])) == {}


def test_figures():
    found = {figure.name: figure for figure in debounce_figures(200, 200)}
    for name in ("press.missed", "press.doubles", "press.late"):
        assert found[name].value == 0 and found[name].peer_value > 0
    assert found["press.latency_ms_mean"].value < found["press.latency_ms_mean"].peer_value
    assert set(compared(200)) == {"everyday", "tactile", "worn", MONSTER}
    assert debounce_table(200).row_count == 16
