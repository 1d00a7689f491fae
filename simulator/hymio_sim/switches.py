"""How the contacts of real push buttons bounce: named profiles and the edges of one push.

The figures are those of published oscilloscope traces. What a trace tells is how long the contact is restless after
it closes and after it opens and how fast it chatters meanwhile; the single edges are drawn anew for every push.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

DEFAULT: Final = "kpb22"

Edge = tuple[int, bool]
"""(microseconds after first contact, whether the contact is closed from then on)."""


@dataclass(frozen=True)
class Chatter:
    """A stretch in which the contact opens and closes at random."""

    from_us: int
    to_us: int
    mean_gap_us: int
    """Mean time between two edges."""


@dataclass(frozen=True)
class Switch:
    """One kind of push button. Times count from first contact (closing) and from the first parting (opening)."""

    source: str
    closing: tuple[Chatter, ...] = ()
    opening: tuple[Chatter, ...] = ()
    varies: float = 0.0
    """How much shorter than the longest measured bounce a push may be, as a share."""


SWITCHES: Final[dict[str, Switch]] = {
    "clean": Switch("an ideal contact"),
    "kpb22": Switch(
        "panel button KPB22, 32 presses: chatter 0.1 ms, open 0.47 ms, chatter until 1.65 ms; opens in 0.87 ms",
        closing=(Chatter(0, 100, 15), Chatter(570, 1_650, 60)),
        opening=(Chatter(0, 870, 70),),
        varies=0.3,
    ),
    "mps22": Switch(
        "panel button MPS22, 32 presses: closes in 0.4 ms, opens in 0.28 ms",
        closing=(Chatter(0, 400, 40),),
        opening=(Chatter(0, 280, 40),),
        varies=0.3,
    ),
    "xb2": Switch(
        "industrial button XB2, 32 presses: closes in 0.2 ms, opens in up to 3.95 ms",
        closing=(Chatter(0, 200, 30),),
        opening=(Chatter(0, 3_950, 200),),
        varies=0.7,
    ),
    "tc1103": Switch(
        "tactile switch TC-1103, 32 presses: closes in 0.01 ms, opens in 1.22 ms",
        closing=(Chatter(0, 10, 4),),
        opening=(Chatter(0, 1_220, 90),),
        varies=0.3,
    ),
    "tactile": Switch(
        "6x6 mm tactile switches: 9 to 14 ms",
        closing=(Chatter(0, 14_000, 600),),
        opening=(Chatter(0, 14_000, 600),),
        varies=0.36,
    ),
    "typical18": Switch(
        "18 assorted switches: mean 1.6 ms, longest 6.2 ms",
        closing=(Chatter(0, 6_200, 250),),
        opening=(Chatter(0, 6_200, 250),),
        varies=0.95,
    ),
    "worn": Switch(
        "worn keyboard key: 47 ms",
        closing=(Chatter(0, 25_000, 1_000),),
        opening=(Chatter(0, 47_000, 1_500),),
        varies=0.3,
    ),
    "monster": Switch(
        "the worst push buttons on record: 157 to 973 ms",
        closing=(Chatter(0, 157_000, 4_000),),
        opening=(Chatter(0, 973_000, 12_000),),
        varies=0.5,
    ),
}


def edges(profile: str, rng: random.Random, contact_ms: float) -> list[Edge]:
    """The edges of one push of `contact_ms` from first contact to first parting, in order, alternating.

    The first is (0, True), the last one opens for good. A bounce longer than the contact is cut short by it.

    Raises:
        KeyError: no such profile.
    """
    switch = SWITCHES[profile]
    contact_us = round(contact_ms * 1000)
    closing = [time for time in _toggles(_scaled(switch.closing, switch.varies, rng), rng) if time < contact_us]
    if len(closing) % 2 == 0:  # cut short while it was open
        closing.pop()
    opening = [contact_us + time for time in _toggles(_scaled(switch.opening, switch.varies, rng), rng)]
    return [(time, index % 2 == 0) for index, time in enumerate(closing + opening)]


def _toggles(stretches: list[Chatter], rng: random.Random) -> list[int]:
    """When the contact changes: first at 0, back again and again while it chatters, an odd number of times in all.
    Between two stretches it rests as it was before the first change."""
    times = [0]
    for stretch in stretches:
        if stretch.from_us:
            if len(times) % 2:
                times.append(times[-1] + 2)
            times.append(stretch.from_us)
        times += _chatter(stretch, rng)
    if len(times) % 2 == 0:
        times.append(max(stretches[-1].to_us, times[-1] + 2))
    return times


def _scaled(stretches: tuple[Chatter, ...], varies: float, rng: random.Random) -> list[Chatter]:
    scale = 1.0 - varies * rng.random()
    return [Chatter(round(s.from_us * scale), round(s.to_us * scale), s.mean_gap_us) for s in stretches]


def _chatter(stretch: Chatter, rng: random.Random) -> list[int]:
    """Edge times strictly within the stretch, rising."""
    times: list[int] = []
    time = float(stretch.from_us)
    while True:
        time += max(2.0, rng.expovariate(1 / stretch.mean_gap_us))
        if time >= stretch.to_us:
            return times
        times.append(int(time))
