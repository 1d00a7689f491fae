"""Peak and end of a day: its best hour, its worst hour and the hour in which the place closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hymio.measures.compare import index_difference
from hymio.measures.faces import FaceFigures, Faces, figures, together
from hymio.measures.opening import OpenSpan
from hymio.site.model import CUSTOMERS_AT_LEAST


@dataclass(frozen=True, slots=True)
class HourFigures:
    """One hour, from start_utc (seconds of 1970), and what its votes say."""

    start_utc: int
    figures: FaceFigures


@dataclass(frozen=True, slots=True)
class PeakAndEnd:
    """What stays of a day.

    best, worst: the hours of the highest and lowest Happy Index among those with enough votes; of equals the earlier.
    None if no hour has enough; the same hour if one has. are_told_apart: whether best and worst differ by more than
    chance; if not, a page says that the day was even. closing: the hour in which the place closed; None without
    opening hours, when it stayed closed, or with too few votes in that hour, which `closing_start_utc` then names all
    the same.
    """

    best: HourFigures | None
    worst: HourFigures | None
    are_told_apart: bool
    closing: HourFigures | None
    closing_start_utc: int | None


def peak_and_end(
    hours: Iterable[tuple[int, int, Faces]], spans: Sequence[OpenSpan] | None, at_least: int = CUSTOMERS_AT_LEAST
) -> PeakAndEnd:
    """What people remember of a day.

    Args:
        hours: (start_utc, end_utc, faces) of the hours that the day may reach into, in order. Hours that are suppressed
            are given without votes.
        spans: the day's opening: those of `open_spans` whose `day` it is, so that an evening that ends at 02:00 is one
            day. Hours outside are not looked at. None: opening hours are not known, and all hours are the day's.
        at_least: votes under which an hour has no figure, 1 or more.
    """
    if at_least < 1:
        raise ValueError(f"An hour with a figure has a vote at least; the threshold came as {at_least}.")
    open_hours = [
        (start, end, figures(faces))
        for start, end, faces in hours
        if spans is None or any(span.start_utc < end and start < span.end_utc for span in spans)
    ]
    enough = [HourFigures(start, one) for start, _, one in open_hours if one.votes >= at_least]
    # min and max keep the first of equals.
    best = max(enough, key=_index, default=None)
    worst = min(enough, key=_index, default=None)
    apart = (
        index_difference(best.figures.faces, worst.figures.faces) if best is not None and worst is not None else None
    )
    closed_utc = max((span.end_utc for span in spans or ()), default=None)
    closing_start = next(
        (start for start, end, _ in open_hours if closed_utc is not None and start < closed_utc <= end), None
    )
    return PeakAndEnd(
        best,
        worst,
        apart is not None and apart.is_told_apart,
        next((hour for hour in enough if hour.start_utc == closing_start), None),
        closing_start,
    )


def whole_day(hours: Iterable[tuple[int, int, Faces]]) -> FaceFigures:
    """The day's figures, from all its votes."""
    return figures(together(faces for _, _, faces in hours))


def _index(hour: HourFigures) -> float:
    index = hour.figures.happy_index
    assert index is not None, "there are votes"
    return index
