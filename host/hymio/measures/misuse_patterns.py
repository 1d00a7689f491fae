"""What filtered presses look like: children who mash, staff who press the green one, a cloth, a hand, a worn switch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hymio.measures.intervals import share

WeekHour = tuple[int, int]
"""A weekday, 0 is Monday, and an hour of its clock, 0..23."""
Presses = Mapping[tuple[int, str], int]
"""How many, by button and verdict."""

FILTERED: Final = frozenset({"repeat", "mash", "chord", "stuck"})
"""Verdicts of presses that somebody made who did not mean to vote."""
LEAST: Final = 10
"""Fewer presses of a kind are no pattern: everybody presses twice now and then."""
WORN_EDGES: Final = 6.0
"""Edges of a press from which on a switch is worn; a clean one has 2."""
_OFTEN: Final = 10
"""One button over and over is a pattern from one in so many votes on."""
_GREEN: Final = 4
_MORE: Final = 10.0
"""So many points more of green at the end of the day, surely, are not the visitors'."""


class PatternKind(StrEnum):
    """Who or what it looks like."""

    CHILDREN = "children"
    """Several buttons quickly, one after another."""
    HAMMERED = "hammered"
    """One button over and over."""
    STAFF = "staff"
    """Green when the place closes, more than at any other time."""
    HELD = "held"
    """A button held down: a cloth, or something that leans on it."""
    CHORD = "chord"
    """Two buttons at once: a hand or a sleeve."""
    WORN = "worn"
    """A switch that bounces."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Something that was seen. presses: how many belong to it. button: which; None: several. hour: when most of all."""

    kind: PatternKind
    presses: int
    button: int | None
    hour: WeekHour | None


def patterns(
    hours: Mapping[WeekHour, Presses],
    closing: Collection[WeekHour],
    edges_a_press: float | None = None,
    worst_button: int | None = None,
) -> list[Pattern]:
    """What the presses of one terminal look like, the most presses first.

    Args:
        hours: all presses of weeks, by weekday and hour of the place.
        closing: the hours in which the place closes; empty: nobody knows.
        edges_a_press: of its worst switch, as the terminal says; None: it says nothing.
        worst_button: that of the switch.
    """
    votes = sum(
        count for presses in hours.values() for (_button, verdict), count in presses.items() if verdict == "counted"
    )
    found = [
        _of_verdict(hours, "mash", PatternKind.CHILDREN, LEAST),
        _of_verdict(hours, "repeat", PatternKind.HAMMERED, max(LEAST, votes // _OFTEN)),
        _of_verdict(hours, "stuck", PatternKind.HELD, 1),
        _of_verdict(hours, "chord", PatternKind.CHORD, LEAST),
        _staff(hours, closing),
    ]
    if edges_a_press is not None and edges_a_press >= WORN_EDGES:
        repeats = sum(presses.get((worst_button or 0, "repeat"), 0) for presses in hours.values())
        found.append(Pattern(PatternKind.WORN, repeats, worst_button, None))
    return sorted((one for one in found if one is not None), key=lambda one: (-one.presses, one.kind))


def _of_verdict(hours: Mapping[WeekHour, Presses], verdict: str, kind: PatternKind, least: int) -> Pattern | None:
    by_button: Counter[int] = Counter()
    by_hour: Counter[WeekHour] = Counter()
    for hour, presses in hours.items():
        for (button, had), count in presses.items():
            if had == verdict:
                by_button[button] += count
                by_hour[hour] += count
    if by_button.total() < least:
        return None
    [(often, count)] = by_button.most_common(1)
    return Pattern(kind, by_button.total(), often if 2 * count > by_button.total() else None, _most(by_hour))


def _staff(hours: Mapping[WeekHour, Presses], closing: Collection[WeekHour]) -> Pattern | None:
    """Green in the closing hours: of what counts, surely more than elsewhere; or repeated, mostly there."""
    ends = set(closing)
    at_end = [0, 0]
    elsewhere = [0, 0]
    repeats: Counter[WeekHour] = Counter()
    for hour, presses in hours.items():
        side = at_end if hour in ends else elsewhere
        for (button, verdict), count in presses.items():
            if verdict == "counted":
                side[0] += count if button == _GREEN else 0
                side[1] += count
            elif verdict in ("repeat", "mash") and button == _GREEN:
                repeats[hour] += count
    if not ends:
        return None
    there, other = share(at_end[0], at_end[1]), share(elsewhere[0], elsewhere[1])
    late = sum(count for hour, count in repeats.items() if hour in ends)
    is_surely_more = (
        there is not None and other is not None and there.low > other.high + _MORE and at_end[1] >= 3 * LEAST
    )
    is_repeated = late >= LEAST and 2 * late > repeats.total()
    if not (is_surely_more or is_repeated):
        return None
    green = Counter({hour: hours[hour].get((_GREEN, "counted"), 0) + repeats[hour] for hour in ends if hour in hours})
    return Pattern(PatternKind.STAFF, green.total(), _GREEN, _most(green))


def _most(by_hour: Counter[WeekHour]) -> WeekHour | None:
    return max(by_hour, key=lambda hour: (by_hour[hour], hour), default=None)
