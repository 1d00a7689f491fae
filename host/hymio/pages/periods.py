"""The time that a page is about: a day, week, month, quarter or year of the calendar, or from one day to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from hymio.figures.wall_time import WallStretch, days_before, whole_days
from hymio.locale.sentence import Sentence, _
from hymio.measures.buckets import Per
from hymio.site.moments import EARLIEST, LATEST, day_after

KINDS: Final = {
    "day": _("Day"),
    "week": _("Week"),
    "month": _("Month"),
    "quarter": _("Quarter"),
    "year": _("Year"),
}
"""Periods of the calendar, and what the links to them are called."""
DEFAULT: Final = "week"
RANGE: Final = "range"
_DAYS_MAX: Final = 3700
"""Of a range: ten years."""
_PER_UP_TO: Final[tuple[tuple[int, Per], ...]] = ((2, "hour"), (62, "day"), (400, "week"))
"""Into what so many days are cut."""


class NoPeriod(ValueError):
    """The address names no time; as a sentence that says what was expected and what came."""

    def __init__(self, said: Sentence) -> None:
        """Takes the sentence."""
        super().__init__(said.text)
        self.said = said


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last one, both counted in, on the clock of a place where it is `today`."""

    kind: str
    first: date
    last: date
    today: date

    @property
    def per(self) -> Per:
        """Into what a trend cuts it."""
        days = (self.last - self.first).days + 1
        return next((per for most, per in _PER_UP_TO if days <= most), "month")

    @property
    def stretch(self) -> WallStretch:
        """All of it."""
        return whole_days(self.first.isoformat(), self.last.isoformat())

    @property
    def is_now(self) -> bool:
        """Whether today lies within."""
        return self.first <= self.today <= self.last

    @property
    def before(self) -> Period:
        """The one before: the last week, the last month; of a range the same number of days."""
        if self.kind != RANGE:
            return calendar_period(self.kind, self.first - timedelta(1), self.today)
        days = days_before(self.stretch).days()
        return Period(RANGE, date.fromisoformat(days[0]), date.fromisoformat(days[-1]), self.today)

    @property
    def after(self) -> Period | None:
        """The one after; None if it has not begun."""
        first = day_after(self.last)
        if first > self.today:
            return None
        if self.kind != RANGE:
            return calendar_period(self.kind, first, self.today)
        return Period(RANGE, first, first + (self.last - self.first), self.today)

    @property
    def query(self) -> str:
        """As an address has it; of what is now there is only its kind, so that it is now tomorrow, too."""
        if self.kind == RANGE:
            return urlencode({"from": self.first.isoformat(), "to": self.last.isoformat()})
        if self.is_now:
            return urlencode({"period": self.kind})
        return urlencode({"period": self.kind, "on": self.first.isoformat()})

    def as_json(self) -> dict[str, str]:
        """What a page's twin says of it."""
        return {"kind": self.kind, "from": self.first.isoformat(), "to": self.last.isoformat()}


def calendar_period(kind: str, on: date, today: date) -> Period:
    """The day, week (from Monday), month, quarter or year in which a day lies."""
    if kind == "week":
        first = on - timedelta(on.weekday())
        return Period(kind, first, first + timedelta(6), today)
    if kind == "day":
        return Period(kind, on, on, today)
    months = {"month": 1, "quarter": 3, "year": 12}[kind]
    first = on.replace(day=1, month=(on.month - 1) // months * months + 1)
    after = (first + timedelta(31 * months)).replace(day=1)
    if kind == "year":
        after = first.replace(year=first.year + 1)
    return Period(kind, first, after - timedelta(1), today)


def period_of(query: Mapping[str, str], today: date) -> Period:
    """What an address asks for: `period` and a day `on` which it is, or `from` and `to`; else this week.

    Raises:
        NoPeriod: it can't be read.
    """
    if query.get("from") or query.get("to"):
        last = day_of("to", query["to"]) if query.get("to") else today
        first = day_of("from", query["from"]) if query.get("from") else last
        if not first <= last:
            raise NoPeriod(
                _("A time ends after it has begun; it came as %(first)s to %(last)s", first=first, last=last)
            )
        if (last - first).days >= _DAYS_MAX:
            raise NoPeriod(_("That is too long: expected ten years at most"))
        return Period(RANGE, first, last, today)
    kind = query.get("period") or DEFAULT
    if kind not in KINDS:
        raise NoPeriod(_("There is no period %(kind)s; expected day, week, month, quarter or year", kind=kind[:40]))
    return calendar_period(kind, day_of("on", query["on"]) if query.get("on") else today, today)


def day_of(name: str, said: str) -> date:
    """The day that a parameter says.

    Raises:
        NoPeriod: it says none.
    """
    try:
        found = date.fromisoformat(said)
    except ValueError:
        found = None
    # Some days from the ends, so that what comes before and after is a day, too.
    if found is None or not EARLIEST.year < found.year < LATEST.year - 1 or len(said) != len("2026-03-29"):
        raise NoPeriod(_("%(name)s is no day: expected one as 2026-03-29, came %(said)s", name=name, said=said[:40]))
    return found
