"""Switch profiles: every push begins with a closing edge at 0, alternates, and ends open."""

import itertools
import random

import pytest

from hymio_sim.board.switches import SWITCHES, edges

LONGEST_CLOSING_MS = {
    "clean": 0, "kpb22": 1.65, "mps22": 0.4, "xb2": 0.2, "tc1103": 0.02, "tactile": 14, "typical18": 6.2,
    "worn": 25, "monster": 157,
}  # fmt: skip
LONGEST_OPENING_MS = {
    "clean": 0, "kpb22": 0.87, "mps22": 0.28, "xb2": 3.95, "tc1103": 1.22, "tactile": 14, "typical18": 6.2,
    "worn": 47, "monster": 973,
}  # fmt: skip


@pytest.mark.parametrize("profile", SWITCHES)
@pytest.mark.parametrize("contact_ms", [0.05, 1, 25, 300])
def test_shape(profile, contact_ms):
    rng = random.Random(profile)
    for _ in range(100):
        pattern = edges(profile, rng, contact_ms)
        times = [time for time, _ in pattern]
        assert pattern[0] == (0, True)
        assert pattern[-1][1] is False
        assert times == sorted(set(times))
        assert all(closed == (index % 2 == 0) for index, (_, closed) in enumerate(pattern))
        parting_us = round(contact_ms * 1000)
        assert parting_us in times
        assert max(time for time in times if time < parting_us) <= LONGEST_CLOSING_MS[profile] * 1000 + 2
        assert times[-1] - parting_us <= LONGEST_OPENING_MS[profile] * 1000 + 2


def test_kpb22_rests_open_after_its_first_chatter():
    times = [time for time, _ in edges("kpb22", random.Random(1), 100)]
    gap_us = max(b - a for a, b in itertools.pairwise(times) if b < 2_000)
    assert gap_us > 300


def bounces_ms(profile, pushes=2000):
    """(closing, opening) of many long pushes, in ms."""
    rng = random.Random(3)
    for _ in range(pushes):
        times = [time for time, _ in edges(profile, rng, 1000)]
        yield max(time for time in times if time < 10**6) / 1000, (times[-1] - 10**6) / 1000


def test_the_published_figures():
    closing, opening = zip(*bounces_ms("typical18"), strict=True)
    assert 1.4 < sum(closing) / len(closing) < 1.7 and 1.4 < sum(opening) / len(opening) < 1.7
    assert 5.8 < max(closing) <= 6.2
    for profile, shortest, longest in (("monster", 80, 973), ("tactile", 4, 14), ("worn", 20, 47)):
        opened = [at_ms for _, at_ms in bounces_ms(profile)]
        assert shortest < min(opened) and 0.97 * longest < max(opened) <= longest, profile
    assert all(switch.source for switch in SWITCHES.values())


def test_the_seed_decides():
    assert edges("worn", random.Random(5), 80) == edges("worn", random.Random(5), 80)
    assert edges("worn", random.Random(5), 80) != edges("worn", random.Random(6), 80)
