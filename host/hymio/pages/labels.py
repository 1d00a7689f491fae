"""How times, levels and reasons are called on a page, in the reader's language."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final

from hymio.locale.language import Language
from hymio.locale.sentence import Sentence, _
from hymio.measures.buckets import Per
from hymio.pages.periods import Period

FILTERED: Final = {
    "repeat": _("the same face again"),
    "mash": _("mashing"),
    "chord": _("two buttons at once"),
    "stuck": _("held down"),
    "closed": _("while closed"),
    "replaced": _("corrected by another press"),
}
"""Why a press is no vote, by verdict; a newer terminal may say others."""

BEFORE: Final = {
    "day": _("the day before"),
    "week": _("the week before"),
    "month": _("the month before"),
    "quarter": _("the quarter before"),
    "year": _("the year before"),
    "range": _("the days before"),
}
"""What a period is compared with."""


def period_label(language: Language, period: Period) -> str:
    """Such as 23-29 Nov 2026, or November 2026."""
    first, last = period.first, period.last
    match period.kind:
        case "month":
            return language.skeleton(first, "yMMMM")
        case "quarter":
            return language.skeleton(first, "yQQQQ")
        case "year":
            return str(first.year)
    return language.day(first) if first == last else language.days(first, last)


def bucket_label(language: Language, per: Per, start_local: str) -> str:
    """What stands below a point of a chart."""
    at = datetime.fromisoformat(start_local)
    match per:
        case "hour":
            return language.clock(at.time())
        case "day":
            return language.skeleton(at.date(), "MMMEd")
        case "month":
            return language.skeleton(at.date(), "yMMM")
    return language.skeleton(at.date(), "MMMd")


def hour_label(language: Language, hour: int) -> str:
    """An hour of the day, by its beginning and its end."""
    return f"{language.clock(time(hour))}\N{EN DASH}{language.clock(time((hour + 1) % 24))}"


def week_hour_label(language: Language, moment: dict[str, Any]) -> str:
    """Such as Monday 08:00-09:00."""
    return f"{language.weekday(moment['weekday'])} {hour_label(language, moment['hour'])}"


def filtered_label(verdict: str) -> Sentence | str:
    """Why a press is no vote."""
    return FILTERED.get(verdict, verdict)


def text_in(language: Language, texts: dict[str, str]) -> str:
    """A text of a site in the reader's language, or in the first one that it has."""
    return texts.get(language.code) or next(
        (text for locale, text in texts.items() if locale.startswith(language.code)), next(iter(texts.values()), "")
    )


def day_said(language: Language, said: str) -> str:
    """A day of the figures, as 2026-03-29, as the language writes it."""
    return language.day(date.fromisoformat(said))
