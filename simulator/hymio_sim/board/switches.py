"""How the contacts of real push buttons bounce: named profiles and the edges of one push.

The figures are those of published traces and tests; each profile names its own. What a trace tells is how long the
contact is restless after it closes and after it opens and how fast it chatters meanwhile; the single edges are drawn
anew for every push.

* TRACES: https://github.com/gsuberland/switch_bouncing, raw oscilloscope traces of 32 presses of each switch: a second
  apart, in rapid succession, light or glancing, and with force.
* DATA: https://github.com/adamfk/bouncy-button-data, one issue for each switch, with the recordings.
* GUIDE: Jack Ganssle, "A Guide to Debouncing", https://www.ganssle.com/debouncing.htm. Of 18 switches 16 bounced for
  1,557 us on average and 6,200 us at most; the other two are left out of those figures.
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
    """A stretch of time in which the contact opens and closes at random."""

    from_us: int
    to_us: int
    mean_gap_us: int
    """Mean time between two edges."""


@dataclass(frozen=True)
class SwitchProfile:
    """How one kind of push button bounces.

    The times of `closing` count from first contact, those of `opening` from the first parting.
    """

    source: str
    closing: tuple[Chatter, ...] = ()
    opening: tuple[Chatter, ...] = ()
    varies: float = 0.0
    """By which share the bounce of a push may be shorter than the longest that was measured."""
    skew: int = 1
    """1: all lengths are equally frequent; 2 and 3: short ones are more frequent."""


SWITCHES: Final[dict[str, SwitchProfile]] = {
    "clean": SwitchProfile("an ideal contact"),
    "kpb22": SwitchProfile(
        "TRACES, panel button Dailywell KPB22: chatter 0.1 ms, open 0.47 ms, chatter until 1.65 ms; opens in 0.87 ms",
        closing=(Chatter(0, 100, 15), Chatter(570, 1_650, 60)),
        opening=(Chatter(0, 870, 70),),
        varies=0.3,
    ),
    "mps22": SwitchProfile(
        "TRACES, panel button Dailywell MPS22-A03FP: closes in 0.4 ms, opens in 0.28 ms",
        closing=(Chatter(0, 400, 40),),
        opening=(Chatter(0, 280, 40),),
        varies=0.3,
    ),
    "xb2": SwitchProfile(
        "TRACES, industrial button Schneider XB2-BW31B1C: closes in 0.2 ms, opens in up to 3.95 ms",
        closing=(Chatter(0, 200, 30),),
        opening=(Chatter(0, 3_950, 200),),
        varies=0.7,
    ),
    "tc1103": SwitchProfile(
        "TRACES, tactile switch XKB TC-1103-B-A: closes in 0.01 ms, opens in 1.22 ms",
        closing=(Chatter(0, 10, 4),),
        opening=(Chatter(0, 1_220, 90),),
        varies=0.3,
    ),
    "tactile": SwitchProfile(
        "DATA issues 11 and 23, tactile switches 6x6 mm: 9.3 to 14 ms",
        closing=(Chatter(0, 14_000, 600),),
        opening=(Chatter(0, 14_000, 600),),
        varies=0.36,
    ),
    "typical18": SwitchProfile(
        "GUIDE: 18 assorted switches, mean 1.6 ms, longest 6.2 ms",
        closing=(Chatter(0, 6_200, 100),),
        opening=(Chatter(0, 6_200, 100),),
        varies=0.99,
        skew=3,
    ),
    "worn": SwitchProfile(
        "worn keyboard key: 47 ms; no published recording is at hand. Closing: the longest that is owed to be borne",
        closing=(Chatter(0, 25_000, 1_000),),
        opening=(Chatter(0, 47_000, 1_500),),
        varies=0.3,
    ),
    "monster": SwitchProfile(
        "DATA issue 6, push button Judco 1024-2: 157 to 973 ms",
        closing=(Chatter(0, 157_000, 4_000),),
        opening=(Chatter(0, 973_000, 12_000),),
        varies=0.84,
    ),
}


def edges(profile: str, rng: random.Random, contact_ms: float) -> list[Edge]:
    """The edges of one push with `contact_ms` from first contact to first parting, in the order of time.

    Opening and closing alternate: the first edge is (0, True), the last one opens for good. A bounce that would last
    longer than the contact is cut short by it.

    Raises:
        KeyError: there is no such profile.
    """
    contact_us = round(contact_ms * 1000)
    times = [time for time in closing(profile, rng) if time < contact_us]
    if len(times) % 2 == 0:  # the contact ended while it was open
        times.pop()
    times += [contact_us + time for time in opening(profile, rng)]
    return [(time, index % 2 == 0) for index, time in enumerate(times)]


def closing(profile: str, rng: random.Random) -> list[int]:
    """The moments at which a contact toggles that is pushed and stays closed, microseconds after first contact."""
    switch = SWITCHES[profile]
    return _toggles(_scaled(switch.closing, switch, rng), rng)


def opening(profile: str, rng: random.Random) -> list[int]:
    """The moments at which a closed contact toggles that is let go and stays open, from its first parting."""
    switch = SWITCHES[profile]
    return _toggles(_scaled(switch.opening, switch, rng), rng)


def _toggles(stretches: list[Chatter], rng: random.Random) -> list[int]:
    """The moments at which the contact changes, first at 0; their number is odd, so in the end it has changed.

    While it chatters it goes back and forth; between two stretches it rests as it was before the first change.
    """
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


def _scaled(stretches: tuple[Chatter, ...], switch: SwitchProfile, rng: random.Random) -> list[Chatter]:
    scale = 1.0 - switch.varies * (1.0 - rng.random() ** switch.skew)
    return [Chatter(round(s.from_us * scale), round(s.to_us * scale), s.mean_gap_us) for s in stretches]


def _chatter(stretch: Chatter, rng: random.Random) -> list[int]:
    """The moments of the edges within the stretch, both of its ends excluded, in order."""
    times: list[int] = []
    time = float(stretch.from_us)
    while True:
        time += max(2.0, rng.expovariate(1 / stretch.mean_gap_us))
        if time >= stretch.to_us:
            return times
        times.append(int(time))
