"""Proof of the debouncer: a great many pushes of every switch, and what it and its rivals made of each.

It drives `press_debounce.Debounce` in microseconds as the firmware's `run` does on an ESP32. It polls at the times that
the debouncer asks for, up to 2 ms late because the event loop is busy. Soft interrupts come late as well, and are
dropped when their queue of 8 is full.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import Any, Final

from hymio.common.firmware_files import firmware_module
from hymio_sim.board.switches import Edge, edges

BUTTONS: Final = 4
PERIOD: Final = 1 << 30
"""After how many milliseconds the ticks of a board wrap."""
MONSTER: Final = "monster"

_LATE_US: Final = 2_000
_QUEUE: Final = 8  # MICROPY_SCHEDULER_DEPTH of the ESP32 port
_HANDLER_US: Final = 120
_SOFT_LATENCY_US: Final = (20, 300)
_LONGEST_CLOSING_US: Final = 25_000
_LONGEST_OPENING_US: Final = 40_000
_SHORT_BOUNCE_US: Final = 10_000
_PROMPT_US: Final = 20_000
_AFTER_BOUNCE_US: Final = 10_000
_SHORTEST_TAP_US: Final = 25_000
_SHORTEST_GAP_US: Final = 60_000


@dataclass(frozen=True)
class PlannedPush:
    """One push of button b + 1; its moments are microseconds of its timeline."""

    b: int
    edges_us: Sequence[int]
    """The first closes the contact; then opening and closing alternate."""
    settled_us: int
    """From this moment on the contact rests closed."""
    parted_us: int
    """Until this moment it rests closed."""

    @property
    def at_us(self) -> int:
        """The moment of first contact."""
        return self.edges_us[0]

    @property
    def is_owed(self) -> bool:
        """Whether firmware/spec/design.md covers the push.

        It does if its bounce is no longer than the contract bears, and if within at least 25 ms of contact it settles
        for long enough to be reported.
        """
        return (
            self.settled_us - self.at_us <= _LONGEST_CLOSING_US
            and self.edges_us[-1] - self.parted_us <= _LONGEST_OPENING_US
            and self.parted_us - self.at_us >= _SHORTEST_TAP_US
            and self.parted_us - self.settled_us >= _AFTER_BOUNCE_US
        )

    @property
    def due_us(self) -> int:
        """The moment until which it has to be reported."""
        if self.settled_us - self.at_us <= _SHORT_BOUNCE_US:
            return self.at_us + _PROMPT_US
        return self.settled_us + _AFTER_BOUNCE_US


def push_at(at_us: int, b: int, pattern: Sequence[Edge], contact_us: int) -> PlannedPush:
    """The push whose edges `switches.edges` gave for that length of contact."""
    closing = [time for time, _ in pattern if time < contact_us]
    return PlannedPush(b, [at_us + time for time, _ in pattern], at_us + closing[-1], at_us + contact_us)


def contact_ms(rng: random.Random) -> float:
    """How long a finger stays, in milliseconds: many short taps, most around 120 ms, some up to 2 s."""
    kind = rng.random()
    if kind < 0.25:
        return rng.uniform(25, 40)
    return rng.uniform(40, 200) if kind < 0.95 else rng.uniform(200, 2_000)


def gap_us(rng: random.Random) -> int:
    """How long a finger is away after the last edge, in microseconds: often only just longer than a bounce."""
    return round(_SHORTEST_GAP_US + (rng.expovariate(1 / 20_000) if rng.random() < 0.5 else rng.uniform(0, 400_000)))


def timeline(profile: str, pushes: int, rng: random.Random, fingers: int = BUTTONS) -> list[PlannedPush]:
    """That many pushes by fingers that act independently, one on each button, in the order of first contact."""
    made: list[PlannedPush] = []
    for b in range(fingers):
        at_us = rng.randrange(1_000, 500_000)
        for _ in range(pushes // fingers):
            held_us = round(contact_ms(rng) * 1_000)
            push = push_at(at_us, b, edges(profile, rng, held_us / 1_000), held_us)
            made.append(push)
            at_us = push.edges_us[-1] + gap_us(rng)
    return sorted(made, key=lambda push: push.at_us)


@dataclass(frozen=True)
class ReportedPress:
    """A press as the debouncer told it, at the moment `at_us` of the timeline."""

    at_us: int
    b: int
    first_contact_us: int
    quiet_ms: int


def soft_interrupts(moments: Iterable[tuple[int, int]], rng: random.Random) -> Iterator[tuple[int, int]]:
    """The moments at which the handler runs for the edges (moment, b); some edges are dropped."""
    waiting: deque[int] = deque()
    free_us = 0
    for at_us, b in moments:
        while waiting and waiting[0] <= at_us:
            waiting.popleft()
        if len(waiting) == _QUEUE:
            continue
        runs_us = max(at_us + rng.randrange(*_SOFT_LATENCY_US), free_us)
        free_us = runs_us + _HANDLER_US
        waiting.append(runs_us)
        yield runs_us, b


def debounced(
    pushes: Sequence[PlannedPush],
    rng: random.Random,
    *,
    busy: Sequence[tuple[int, int]] = (),
    start_ticks: int = PERIOD - 30_000,
    debounce: Any = None,
) -> list[ReportedPress]:
    """What the firmware's debouncer reports of the pushes.

    busy: stretches (from, to) in microseconds in which nobody polls, but interrupts run; debounce: another one than the
    firmware's.
    """
    debounce = debounce or firmware_module("press_debounce").Debounce()
    debounce.start(start_ticks, 0)
    moments = list(merge(*([(edge, push.b) for edge in push.edges_us] for push in pushes)))
    interrupts = list(soft_interrupts(moments, rng))
    interrupts.append((moments[-1][0] + 10_000_000, -1))
    found: list[ReportedPress] = []
    next_edge = next_interrupt = level = 0
    due_us, wait_ms = 0, 500
    end_us = moments[-1][0] + 200_000
    never = (1 << 62, 1 << 62)
    stretches = iter(busy)
    busy_from_us, busy_to_us = next(stretches, never)
    while due_us < end_us or next_interrupt < len(interrupts) - 1:
        poll_us = due_us + int(rng.random() * _LATE_US)
        at_us, b = interrupts[next_interrupt]
        if wait_ms > 2 and at_us < poll_us:  # `run` looks at the flag only before it waits for longer
            poll_us = at_us + int(rng.random() * _LATE_US)
        while poll_us >= busy_to_us:
            busy_from_us, busy_to_us = next(stretches, never)
        if poll_us >= busy_from_us:
            poll_us = busy_to_us
        while at_us <= poll_us:
            debounce.edge((start_ticks + at_us // 1_000) % PERIOD, b)
            next_interrupt += 1
            at_us, b = interrupts[next_interrupt]
        while next_edge < len(moments) and moments[next_edge][0] <= poll_us:
            level ^= 1 << moments[next_edge][1]
            next_edge += 1
        now_ms = poll_us // 1_000
        wait_ms = debounce.step((start_ticks + now_ms) % PERIOD, level)
        if debounce.pressed:
            found += _reports(debounce, poll_us, start_ticks)
        due_us = (now_ms + wait_ms) * 1_000
    return found


def _reports(debounce: Any, at_us: int, start_ticks: int) -> Iterator[ReportedPress]:
    for b in range(BUTTONS):
        if debounce.pressed >> b & 1:
            ticks = debounce.first_contact[b]
            first_us = (ticks - start_ticks) % PERIOD * 1_000
            yield ReportedPress(at_us, b, first_us, debounce.quiet_ms(b, ticks, 0))


@dataclass
class DebounceTally:
    """What an algorithm made of the pushes that the contract covers, and of the others."""

    owed: int = 0
    missed: int = 0
    doubles: int = 0
    late: int = 0
    """Pushes that were reported later than the contract allows."""
    latency_us_sum: int = 0
    latency_us_max: int = 0
    others: int = 0
    """Pushes with more bounce than the contract covers."""
    others_missed: int = 0
    others_doubles: int = 0
    examples: list[str] = field(default_factory=list)
    """Some of the pushes that went wrong, described for people."""

    @property
    def latency_ms_mean(self) -> float:
        """The mean time from first contact to the report, in milliseconds, of the pushes that were owed."""
        return self.latency_us_sum / 1_000 / max(1, self.owed - self.missed)

    @property
    def latency_ms_max(self) -> float:
        """The longest such time, in milliseconds."""
        return self.latency_us_max / 1_000

    def __add__(self, other: DebounceTally) -> DebounceTally:
        names = ("owed", "missed", "doubles", "late", "latency_us_sum", "others", "others_missed", "others_doubles")
        both = DebounceTally(**{name: getattr(self, name) + getattr(other, name) for name in names})
        both.latency_us_max = max(self.latency_us_max, other.latency_us_max)
        both.examples = self.examples + other.examples
        return both

    def add(self, pushes: Sequence[PlannedPush], reports_us: Sequence[int]) -> None:
        """Adds the pushes of one button and the moments at which presses were reported, both in order."""
        starts = [push.at_us for push in pushes]
        told: list[list[int]] = [[] for _ in pushes]
        for at_us in reports_us:
            told[max(0, bisect_right(starts, at_us) - 1)].append(at_us)
        for push, times in zip(pushes, told, strict=True):
            self._judge(push, times)

    def _judge(self, push: PlannedPush, times: list[int]) -> None:
        missed, doubles = not times, max(0, len(times) - 1)
        if not push.is_owed:
            self.others += 1
            self.others_missed += missed
            self.others_doubles += doubles
            return
        self.owed += 1
        self.missed += missed
        self.doubles += doubles
        is_late = bool(times) and times[0] > push.due_us
        self.late += is_late
        if times:
            self.latency_us_sum += times[0] - push.at_us
            self.latency_us_max = max(self.latency_us_max, times[0] - push.at_us)
        if (missed or doubles or is_late) and len(self.examples) < 5:
            shape = [edge - push.at_us for edge in push.edges_us]
            self.examples.append(f"edges {shape}, reported {[time - push.at_us for time in times]}")


def by_button(pushes: Sequence[PlannedPush]) -> list[list[PlannedPush]]:
    """The pushes of each button, from button 1 to 4."""
    return [[push for push in pushes if push.b == b] for b in range(BUTTONS)]


def proved(profile: str, pushes: int, seed: int = 0) -> DebounceTally:
    """What the firmware's debouncer makes of that many pushes of one switch."""
    rng = random.Random(f"{seed} {profile}")
    made = timeline(profile, pushes, rng)
    reports = debounced(made, rng)
    tally = DebounceTally()
    for b, of_b in enumerate(by_button(made)):
        tally.add(of_b, [report.at_us for report in reports if report.b == b])
    return tally
