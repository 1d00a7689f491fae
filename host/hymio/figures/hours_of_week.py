"""The hours of a week: what all Mondays at 14:00 of a stretch say together, and all closing hours.

They add up those hours that may be shown one by one, and no others. So they tell nothing that is not told anyway, and
whatever they are combined with gives no more away than it does without them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.wall_time import WallStretch
from hymio.measures.compare import index_difference
from hymio.measures.faces import FaceFigures, figures, together
from hymio.site.hours import OpeningHours
from hymio.store.cells import COUNTED

WeekHour = tuple[int, int]
"""A weekday, 0 is Monday, and an hour of its clock, 0..23."""
_HOUR_MIN: Final = 60


@dataclass(frozen=True, slots=True)
class HoursOfWeek:
    """The hours in which a place is open, and those in which it had votes all the same.

    cells: None where nothing is left to be shown. lacks_some: whether hours of single days are left out, as too few
    answered in them, or would give others away. open: None if there are no opening hours. best, worst: whose interval
    of the Happy Index begins highest, and ends lowest, so that a handful of votes is neither by chance; the first of
    equals. are_told_apart: whether they differ by more than chance. closing: all hours in which the place closes,
    together; None without opening hours, or with nothing to be shown.
    """

    cells: dict[WeekHour, FaceFigures | None]
    lacks_some: bool
    open: frozenset[WeekHour] | None
    best: WeekHour | None
    worst: WeekHour | None
    are_told_apart: bool
    closing: FaceFigures | None


def hours_of_week(reader: FigureReader, place: OnePlace, stretch: WallStretch) -> HoursOfWeek:
    """Adds up the hours of a stretch by weekday and hour.

    Args:
        reader: the look at the database.
        place: the place.
        stretch: on its clock; of a long one each hour is read, so ask for weeks.
    """
    scope, tree = place.scope(reader), place.tree(reader)
    region = reader.region(tree.stored)
    node = tree.root if place.key is None else tree.name(place.key)
    opened = None if scope.hours is None else open_week_hours(scope.hours)
    ends = frozenset() if scope.hours is None else closing_week_hours(scope.hours)
    times = region.take_in(stretch, "hour")
    hidden = {name for name in times if region.is_hidden(node, name)}
    lacking = {_week_hour(name) for name in hidden}
    votes: dict[WeekHour, list[int]] = {}
    for one in scope.presses(stretch, "hour"):
        if one.verdict == COUNTED and one.time not in hidden:
            votes.setdefault(_week_hour(one.time), [0, 0, 0, 0])[one.button - 1] += one.presses

    def together_in(hours: Iterable[WeekHour]) -> FaceFigures | None:
        """Where hours are left out, no votes in the others are not none."""
        hours = list(hours)
        its = [votes[hour] for hour in hours if hour in votes]
        return figures(together(its)) if its or lacking.isdisjoint(hours) else None

    there = {_week_hour(name) for name in times}
    wanted = sorted((votes.keys() | lacking | (opened or frozenset())) & there)
    cells = {hour: together_in([hour]) for hour in wanted}
    shown = {hour: one for hour, one in cells.items() if one is not None and one.votes}
    best = max(shown, key=lambda hour: (_ends(shown[hour])[0], -hour[0], -hour[1]), default=None)
    worst = min(shown, key=lambda hour: (_ends(shown[hour])[1], hour), default=None)
    apart = None
    if best is not None and worst is not None:
        apart = index_difference(shown[best].faces, shown[worst].faces)
    closing = together_in(ends)
    return HoursOfWeek(
        cells, bool(hidden), opened, best, worst, apart is not None and apart.is_told_apart,
        closing if closing is not None and closing.votes else None,
    )  # fmt: skip


def _ends(shown: FaceFigures) -> tuple[float, float]:
    """Of the interval of the Happy Index."""
    index, margin = shown.happy_index or 0.0, shown.happy_index_margin or 0.0
    return index - margin, index + margin


def open_week_hours(hours: OpeningHours) -> frozenset[WeekHour]:
    """The hours in which it is open for a minute at least."""
    return frozenset(
        ((day + minute // 1440) % 7, minute % 1440 // _HOUR_MIN)
        for day, spans in enumerate(hours.days)
        for begin, end in spans
        for minute in range(begin // _HOUR_MIN * _HOUR_MIN, end, _HOUR_MIN)
    )


def closing_week_hours(hours: OpeningHours) -> frozenset[WeekHour]:
    """The last hour of each day; an evening that ends after midnight belongs to the day on which it began."""
    last = ((day, max(end for _, end in spans) - 1) for day, spans in enumerate(hours.days) if spans)
    return frozenset(((day + minute // 1440) % 7, minute % 1440 // _HOUR_MIN) for day, minute in last)


def _week_hour(name: str) -> WeekHour:
    return date.fromisoformat(name[:10]).weekday(), int(name[11:13])
