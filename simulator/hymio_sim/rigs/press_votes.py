"""What the vote rules make of people at the worst push buttons: votes that nobody gave, and votes that were lost."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hymio.common.firmware_files import firmware_module
from hymio_sim.board.switches import edges
from hymio_sim.rigs.press_proof import BUTTONS, MONSTER, PERIOD, PlannedPush, ReportedPress, debounced, push_at

_START_TICKS: Final = PERIOD - 30_000
_QUIET_FOREVER_MS: Final = 65_535


@dataclass
class VoteTally:
    """The votes on bad switches, compared with those of the same pushes on ideal switches."""

    pushes: int
    votes: int
    """How many votes there are on ideal switches."""
    extra: int
    """How many votes visitors got beyond those they gave."""
    lost: int
    """How many of the votes that visitors gave are missing."""
    swapped: int
    """How many votes went to another button, because a correction went wrong."""


def visitors(pushes: int, rng: random.Random, profile: str = MONSTER) -> list[list[PlannedPush]]:
    """People one after the other, some seconds apart.

    Most push once, some correct themselves, some push twice, some lean on the button.
    """
    visits: list[list[PlannedPush]] = []
    free_us = [0] * BUTTONS  # the moment until which each contact still chatters
    at_us = 1_000_000
    while pushes > 0:
        visit: list[PlannedPush] = []
        b = rng.randrange(BUTTONS)
        buttons = [b]
        kind = rng.random()
        if kind < 0.15:
            buttons.append((b + rng.randrange(1, BUTTONS)) % BUTTONS)
        elif kind < 0.25:
            buttons.append(b)
        for b in buttons:
            at_us = max(at_us, free_us[b])
            held_ms = rng.uniform(1_000, 6_000) if rng.random() < 0.05 else rng.uniform(40, 400)
            push = push_at(at_us, b, edges(profile, rng, held_ms), round(held_ms * 1_000))
            visit.append(push)
            free_us[b] = push.edges_us[-1] + 100_000
            at_us = push.parted_us + round(rng.uniform(200_000, 1_500_000))
        at_us += round(2_000_000 + rng.expovariate(1 / 6_000_000))
        visits.append(visit)
        pushes -= len(visit)
    return visits


def ideal(pushes: Iterable[PlannedPush]) -> list[ReportedPress]:
    """The presses that ideal contacts and an ideal debouncer would give."""
    found: list[ReportedPress] = []
    up_since_us: list[int | None] = [None] * BUTTONS
    for push in pushes:
        ends = [end for end in up_since_us if end is not None]
        quiet_ms = min(_QUIET_FOREVER_MS, (push.at_us - max(ends)) // 1_000) if ends else _QUIET_FOREVER_MS
        found.append(ReportedPress(push.at_us, push.b, push.at_us, max(1, quiet_ms)))
        up_since_us[push.b] = push.parted_us
    return found


def votes_of(pushes: Sequence[PlannedPush], reports: Iterable[ReportedPress]) -> Counter[int]:
    """How many votes count for each push (by its index) once the firmware's rules have judged the presses."""
    vote = firmware_module("press_verdict")
    counted = firmware_module("log_record").COUNTED
    rules: Any = vote.Votes(vote.DEFAULT_WINDOWS)
    verdicts: list[int] = []
    push_of: list[int] = []
    of_button = [[index for index, push in enumerate(pushes) if push.b == b] for b in range(BUTTONS)]
    starts = [[pushes[index].at_us for index in indices] for indices in of_button]
    for report in reports:
        ticks = (_START_TICKS + report.first_contact_us // 1_000) % PERIOD
        verdicts.append(rules.press(ticks, report.b + 1, report.quiet_ms, False, False))
        rules.stored(len(verdicts) - 1)
        for i in range(rules.revisions):
            verdicts[rules.revised_seq[i]] = rules.revised_verdict[i]
        push_of.append(of_button[report.b][max(0, bisect_right(starts[report.b], report.at_us) - 1)])
    return Counter(push for push, verdict in zip(push_of, verdicts, strict=True) if verdict == counted)


def judged(pushes: int, seed: int = 0, profile: str = MONSTER) -> VoteTally:
    """The votes of the same people at bad and at ideal switches."""
    rng = random.Random(f"{seed} visitors")
    visits = visitors(pushes, rng, profile)
    made = [push for visit in visits for push in visit]
    got = votes_of(made, debounced(made, rng, start_ticks=_START_TICKS))
    due = votes_of(made, ideal(made))
    tally = VoteTally(len(made), due.total(), 0, 0, 0)
    end = 0
    for visit in visits:
        indices = range(end, end := end + len(visit))
        more = sum(got[index] - due[index] for index in indices)
        tally.extra += max(0, more)
        tally.lost += max(0, -more)
        tally.swapped += more == 0 and any(got[index] != due[index] for index in indices)
    return tally
