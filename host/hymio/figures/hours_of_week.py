"""The hours of a week: what all Mondays at 14:00 of a stretch say together, and all closing hours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.regions import Region
from hymio.figures.wall_time import WallStretch
from hymio.measures.anonymity import Snapshot, Tree
from hymio.measures.compare import index_difference
from hymio.measures.faces import FaceFigures, figures
from hymio.site.hours import OpeningHours
from hymio.store.cells import COUNTED

WeekHour = tuple[int, int]
"""A weekday, 0 is Monday, and an hour of its clock, 0..23."""
_HOUR_MIN: Final = 60
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class HoursOfWeek:
    """The hours in which a place is open, and those in which it had votes all the same.

    cells: None where the answers are too few to be shown. open: None if there are no opening hours. best, worst: of
    the cells with figures, the first of equals. are_told_apart: whether they differ by more than chance. closing: all
    hours in which the place closes, together; None without opening hours, or with too few answers.
    """

    cells: dict[WeekHour, FaceFigures | None]
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
    times: dict[WeekHour, set[str]] = {}
    for name in region.take_in(stretch, "hour"):
        times.setdefault(_week_hour(name), set()).add(name)
    votes: dict[WeekHour, list[int]] = {}
    for one in scope.presses(stretch, "hour"):
        if one.verdict == COUNTED:
            votes.setdefault(_week_hour(one.time), [0, 0, 0, 0])[one.button - 1] += one.presses

    shown_hours = _ShownHours(region, node, times)

    def together(hours: Iterable[WeekHour]) -> FaceFigures | None:
        hours = [hour for hour in hours if hour in times]
        if not hours or not shown_hours.may_show(hours):
            return None
        return figures([sum(column) for column in zip(*(votes.get(hour, (0, 0, 0, 0)) for hour in hours), strict=True)])

    cells = {hour: together([hour]) for hour in sorted(votes.keys() | (opened or frozenset())) if hour in times}
    shown = {hour: one for hour, one in cells.items() if one is not None and one.votes >= scope.at_least}
    best = max(shown, key=lambda hour: (shown[hour].happy_index or 0.0, -hour[0], -hour[1]), default=None)
    worst = min(shown, key=lambda hour: (shown[hour].happy_index or 0.0, hour), default=None)
    apart = None
    if best is not None and worst is not None:
        apart = index_difference(shown[best].faces, shown[worst].faces)
    closing = together(ends)
    return HoursOfWeek(
        cells, opened, best, worst, apart is not None and apart.is_told_apart,
        closing if closing is not None and closing.votes >= scope.at_least else None,
    )  # fmt: skip


class _ShownHours:
    """Which of these hours may be shown: a table of its own, of places by weekdays and their hours.

    It adds up single hours, of which some are shown and some are not. Whoever takes those that are from such a sum has
    the rest of it, which therefore has to be nothing, or enough.
    """

    def __init__(self, region: Region, node: str, times: Mapping[WeekHour, Collection[str]]) -> None:
        self._region, self._node = region, node
        self._times = {_name(hour): some for hour, some in times.items()}
        weekdays: dict[str, list[str]] = {}
        for weekday, hour in sorted(times):
            weekdays.setdefault(str(weekday), []).append(_name((weekday, hour)))
        self._tree = Tree(_ALL, {_ALL: sorted(weekdays), **weekdays})
        self._snapshot = Snapshot(region.tree, self._tree, self._count, region.at_least)

    def may_show(self, hours: Sequence[WeekHour]) -> bool:
        """Whether their sum may be."""
        names = {_name(hour) for hour in hours}
        if len(names) == 1:
            if self._snapshot.is_hidden(self._node, *names):
                return False
        elif not self._snapshot.may_show({self._node}, names):
            return False
        hidden = [time for name in names for time in self._times[name] if self._region.is_hidden(self._node, time)]
        return not 0 < self._region.votes(self._node, hidden) < self._region.at_least

    def _count(self, place: str, name: str) -> int:
        return sum(self._region.votes(place, self._times[leaf]) for leaf in self._tree.leaves(name))


def _name(hour: WeekHour) -> str:
    return f"{hour[0]}T{hour[1]:02}"


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
