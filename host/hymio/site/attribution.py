"""To which place and survey a press belongs: for a terminal and a UTC minute, and for many minutes in a row.

A site is compiled once into pieces of time for each terminal: in a piece the point, the survey, the time zone and the
opening hours stay the same. So a look-up is one bisection, or none if the minute lies in the piece of the one before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final, Generic, NamedTuple, Self, TypeVar

from hymio.site.hours import DAY_MIN, FIRST_WEEKDAY_OF_1970, WEEK_MIN, OpeningHours
from hymio.site.model import Placement, Scale, Site, Survey, SurveyType, places_of
from hymio.site.moments import WallClock, day_after, start_of_day

FROM_EVER: Final = -(1 << 40)
FOR_EVER: Final = 1 << 40
"""UTC minutes before and after all others."""
_MONDAY: Final = FIRST_WEEKDAY_OF_1970 * DAY_MIN
"""Minutes from the Monday before 1970 began to its first one."""


@dataclass(frozen=True, slots=True)
class PieceOfTime:
    """A stretch of time of one terminal: from a UTC minute until the next piece."""

    from_utc_minute: int
    point: str | None
    """None: it stood nowhere that we know of, and shows under its own id."""
    survey: str | None
    """None: nothing was asked there (of those whom this terminal asks)."""
    zone: str
    hours: OpeningHours | None
    """None: always open."""

    def is_like(self, other: Self) -> bool:
        """Whether presses belong alike in both."""
        return (self.point, self.survey, self.zone, self.hours) == (
            other.point,
            other.survey,
            other.zone,
            other.hours,
        )


Piece = TypeVar("Piece", bound=PieceOfTime)


class Attribution(NamedTuple, Generic[Piece]):
    """Where the presses of a minute belong."""

    piece: Piece
    day_utc_minute: int
    """The UTC minute in which the day began on the clock of the place; hour and month alike."""
    hour_utc_minute: int
    month_utc_minute: int
    is_open: bool
    """By the opening hours of the place."""


class PlaceHour(NamedTuple, Generic[Piece]):
    """Minutes of one terminal, in one hour of its place's clock and one piece of time."""

    piece: Piece
    from_utc_minute: int
    until_utc_minute: int
    month_utc_minute: int
    """The UTC minute in which the month began on the clock of the place; day and hour alike."""
    day_utc_minute: int
    hour_utc_minute: int
    offset_min: int
    """Minutes by which that clock is ahead of UTC."""
    week: bytes | None
    """1 for each minute of a week, from Monday, in which the place is open; None: always."""

    def is_open(self, utc_minute: int) -> bool:
        """By the opening hours of the place, in one of these minutes."""
        return self.week is None or self.week[(utc_minute + self.offset_min + _MONDAY) % WEEK_MIN] == 1


@dataclass(frozen=True, slots=True)
class TerminalStretch:
    """Minutes of a terminal, `until` not among them."""

    device_id: str
    from_utc_minute: int
    until_utc_minute: int


class Attributor(Generic[Piece]):
    """A site, or several, ready for look-ups."""

    def __init__(self, pieces: Mapping[str, tuple[Piece, ...]], nowhere: Piece) -> None:
        """Takes the pieces of each terminal that has a placement, and the one of all others."""
        self._pieces = pieces
        self._nowhere = (nowhere,)

    @property
    def device_ids(self) -> Set[str]:
        """The terminals that have a placement, of whatever time."""
        return self._pieces.keys()

    def pieces(self, device_id: str) -> tuple[Piece, ...]:
        """The pieces of a terminal: they begin before all time, and cover all of it."""
        return self._pieces.get(device_id, self._nowhere)

    def at(self, device_id: str, utc_minute: int) -> Attribution[Piece]:
        """Where a press of that terminal in that minute belongs."""
        return next(self.many(device_id, (utc_minute,)))

    def many(self, device_id: str, utc_minutes: Iterable[int]) -> Iterator[Attribution[Piece]]:
        """The same for many minutes, in any order; ascending ones are found fastest."""
        at: PlaceHour[Piece] | None = None
        for minute in utc_minutes:
            if at is None or not at.from_utc_minute <= minute < at.until_utc_minute:
                at = self.hour_at(device_id, minute)
            yield Attribution(at.piece, at.day_utc_minute, at.hour_utc_minute, at.month_utc_minute, at.is_open(minute))

    def hour_at(self, device_id: str, utc_minute: int) -> PlaceHour[Piece]:
        """The minutes around one that belong alike, but for opening hours."""
        pieces = self._pieces.get(device_id, self._nowhere)
        at = bisect_right(pieces, utc_minute, key=_begin) - 1 if len(pieces) > 1 else 0
        piece = pieces[at]
        hour = _clock(piece.zone).whole_hour(utc_minute)
        begin, until = hour.begin, hour.end
        if piece.from_utc_minute > begin:
            begin = piece.from_utc_minute
        if at + 1 < len(pieces) and pieces[at + 1].from_utc_minute < until:
            until = pieces[at + 1].from_utc_minute
        week = None if piece.hours is None else _week(piece.hours)
        return PlaceHour(piece, begin, until, hour.month, hour.day, hour.begin, hour.offset_min, week)


def _begin(piece: PieceOfTime) -> int:
    return piece.from_utc_minute


@cache
def _clock(zone: str) -> WallClock:
    return WallClock(zone)


@lru_cache(maxsize=1024)
def _week(hours: OpeningHours) -> bytes:
    return hours.minutes_of_week()


def compile_site(site: Site) -> Attributor[PieceOfTime]:
    """A sound site, ready for look-ups."""
    nowhere = PieceOfTime(FROM_EVER, None, None, site.organisation.time_zone, None)
    return Attributor(_compiled(site, nowhere), nowhere)


def changed_stretches(old: Attributor[Piece], new: Attributor[Piece]) -> Iterator[TerminalStretch]:
    """Of which terminals' minutes the point, survey, zone or hours are others now: all that must be computed anew.

    Terminals without any placement change only when their zone does: `nowhere_changed`.
    """
    for device_id in sorted(old.device_ids | new.device_ids):
        olds, news = old.pieces(device_id), new.pieces(device_id)
        bounds = sorted({piece.from_utc_minute for piece in (*olds, *news)})
        begin: int | None = None
        old_at, new_at = -1, -1
        for minute in bounds:
            while old_at + 1 < len(olds) and olds[old_at + 1].from_utc_minute <= minute:
                old_at += 1
            while new_at + 1 < len(news) and news[new_at + 1].from_utc_minute <= minute:
                new_at += 1
            if olds[old_at].is_like(news[new_at]):
                if begin is not None:
                    yield TerminalStretch(device_id, begin, minute)
                begin = None
            elif begin is None:
                begin = minute
        if begin is not None:
            yield TerminalStretch(device_id, begin, FOR_EVER)


def nowhere_changed(old: Attributor[Piece], new: Attributor[Piece]) -> bool:
    """Whether hours of terminals without any placement begin elsewhere now."""
    return not old.pieces("")[0].is_like(new.pieces("")[0])


def _compiled(site: Site, nowhere: PieceOfTime) -> dict[str, tuple[PieceOfTime, ...]]:
    places = places_of(site)
    surveys: dict[str, list[Survey]] = {}
    for survey in sorted(site.surveys, key=lambda one: (one.first_day, one.key)):
        # A terminal has four buttons: what is asked on another scale, it does not ask.
        if survey.scale is Scale.FOUR and not survey.is_withdrawn:
            for point in places.points_at(survey):
                surveys.setdefault(point, []).append(survey)

    @cache
    def asked(point: str, asks: SurveyType) -> list[tuple[int, int, str]]:
        """(from, until, survey) at a point, in order."""
        zone = places.zone(point)
        return [
            (
                start_of_day(survey.first_day, zone),
                FOR_EVER if survey.last_day is None else start_of_day(day_after(survey.last_day), zone),
                survey.key,
            )
            for survey in surveys.get(point, [])
            if survey.type is asks
        ]

    def pieces_of(placement: Placement) -> Iterator[PieceOfTime]:
        """Those of its time, and one for what comes after."""
        point = placement.point
        ends = (placement.until_utc_minute, places.until(point))
        at = placement.from_utc_minute
        end = min((one for one in ends if one is not None), default=FOR_EVER)
        if at >= end:
            return
        zone, hours = places.zone(point), places.hours(point)
        for begin, until, key in asked(point, placement.asks):
            if until <= at or begin >= end:
                continue
            if begin > at:
                yield PieceOfTime(at, point, None, zone, hours)
            yield PieceOfTime(max(at, begin), point, key, zone, hours)
            at = until
        if at < end:
            yield PieceOfTime(at, point, None, zone, hours)
        if end < FOR_EVER:
            yield PieceOfTime(end, None, None, nowhere.zone, None)

    found: dict[str, list[PieceOfTime]] = {}
    for placement in site.placements:
        pieces = found.setdefault(placement.device_id, [nowhere])
        for piece in pieces_of(placement):
            if piece.from_utc_minute == pieces[-1].from_utc_minute:
                pieces.pop()  # it ended there, and stands elsewhere from then on
            pieces.append(piece)
    return {device_id: _joined(pieces) for device_id, pieces in found.items()}


def _joined(pieces: list[PieceOfTime]) -> tuple[PieceOfTime, ...]:
    """Without those that go on as the one before."""
    return (pieces[0], *(after for before, after in pairwise(pieces) if not after.is_like(before)))
