"""What is asked of one place: the moments of its day, whether it is as always, whether a change moved anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from hymio.figures.cells import FigureCell, FigureQuery, figure_cells
from hymio.figures.reading import FigureReader
from hymio.figures.regions import PlaceTree
from hymio.figures.subjects import By, FigureScope
from hymio.figures.wall_time import WallStretch, shifted, whole_days
from hymio.measures.buckets import Per
from hymio.measures.compare import BeforeAndAfter, before_and_after
from hymio.measures.day import PeakAndEnd, peak_and_end
from hymio.measures.opening import spans_of_day
from hymio.measures.trend import WEEKS, Trend, trend
from hymio.site.model import CUSTOMERS_AT_LEAST
from hymio.site.moments import day_after

_NO_VOTES = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class OnePlace:
    """An experience point, a group or an organisation, of which figures are asked.

    organisation: its key; None: the only one. key: of the point or group; None: the organisation. All functions here
    raise ValueError, as a sentence, if there is none.
    """

    organisation: str | None
    key: str | None

    def scope(self, reader: FigureReader) -> FigureScope:
        """Where it lies."""
        return FigureScope(reader, self.organisation, self.key, terminals=False)

    def tree(self, reader: FigureReader) -> PlaceTree:
        """The places of its organisation."""
        return reader.place_tree(reader.site(self.organisation))

    def cells(self, reader: FigureReader, per: Per | None, stretch: WallStretch) -> list[FigureCell]:
        """Its own cells, in order of time."""
        scope = self.scope(reader)
        by: By = "place" if scope.is_point else "group"
        own = frozenset({scope.subject_key})
        return list(figure_cells(reader, FigureQuery(by, per, stretch, self.organisation, self.key, own)).cells)

    def at_least(self, reader: FigureReader) -> int:
        """Fewer votes are too few."""
        return self.scope(reader).at_least


@dataclass(frozen=True, slots=True)
class LoneTerminal:
    """A terminal, as far as it stood nowhere: its readers know no site, and of lone terminals this one alone."""

    device_id: str

    def cells(self, reader: FigureReader, per: Per | None, stretch: WallStretch) -> list[FigureCell]:
        """Its own cells, in order of time; none if it never stood nowhere."""
        own = frozenset({self.device_id})
        return list(figure_cells(reader, FigureQuery("terminal", per, stretch, only=own)).cells)

    def at_least(self, _reader: FigureReader) -> int:
        """Fewer votes are too few."""
        return CUSTOMERS_AT_LEAST


def peak_of_day(reader: FigureReader, place: OnePlace, day: date) -> PeakAndEnd:
    """The best, worst and closing hour; hours with too few answers are none of them.

    Args:
        reader: the look at the database.
        place: the place. Only where there are opening hours is there a closing hour.
        day: on the clock of the place. An evening that ends after midnight belongs to the day on which it began.
    """
    scope = place.scope(reader)
    spans = None if scope.hours is None else spans_of_day(scope.hours, scope.zone, day)
    last = day if spans is None else day_after(day)
    cells = place.cells(reader, "hour", whole_days(day.isoformat(), last.isoformat()))
    starts = [cell.slot.start_utc for cell in cells]
    ends = [end for _, end in pairwise([*starts, starts[-1] + 3600])]
    hours = (
        (start, end, _NO_VOTES if cell.figures is None else cell.figures.faces)
        for start, end, cell in zip(starts, ends, cells, strict=True)
    )
    return peak_and_end(hours, spans, scope.at_least)


def trend_of(reader: FigureReader, place: OnePlace, stretch: WallStretch, weeks: int = WEEKS) -> Trend | None:
    """A stretch (an hour, a day) against the same one of the weeks before; None with too few answers, or weeks.

    Args:
        reader: the look at the database.
        place: the place.
        stretch: on its clock.
        weeks: how far back.
    """

    def faces(days_back: int) -> tuple[int, ...] | None:
        found = place.cells(reader, None, shifted(stretch, -days_back))[0].figures
        return None if found is None else found.faces

    now = faces(0)
    return (
        None
        if now is None
        else trend(now, [faces(7 * week) for week in range(1, weeks + 1)], place.scope(reader).at_least)
    )


def change_of(reader: FigureReader, place: OnePlace, stretch: WallStretch, changed: str) -> BeforeAndAfter | None:
    """Whether the figure moved with a change; None if one side has too few answers.

    Args:
        reader: the look at the database.
        place: the place.
        stretch: the time before and after, on its clock.
        changed: the hour of the change, as `zones.wall_name` names it.
    """
    sides = []
    for side in (WallStretch(stretch.start, changed), WallStretch(changed, stretch.end)):
        (cell,) = place.cells(reader, None, side)
        if cell.figures is None:
            return None
        begin, end = side.bounds_utc([place.scope(reader).zone])
        sides.append((begin, end, cell.figures.faces))
    return before_and_after(sides, sides[1][0])
