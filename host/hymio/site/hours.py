"""Opening hours: a week of spans in local time, as people write them and as a terminal's configuration has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN: Final = 1440
WEEK_MIN: Final = 7 * DAY_MIN
FIRST_WEEKDAY_OF_1970: Final = 3
"""A Thursday; Monday is 0."""
SPANS_A_DAY_MAX: Final = 8
EXPECTED: Final = '"mon-fri 08:00-12:00,13:00-17:00; sat 10:00-02:00", "always" or "closed"'

_PART: Final = re.compile(r"(\S+(?:\s*,\s*[a-z]\S*)*)\s+(.*\S)\s*", re.DOTALL)
_SPAN: Final = re.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)", re.ASCII)

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Seven days, Monday first; a span is (begin, end) in minutes of the day in which it begins.

    One that goes on into the next day, as 20:00-02:00, ends after minute 1440. The rules are those of the firmware's
    `opening_hours.days`.
    """

    days: tuple[Spans, ...]

    def has(self, local_minute: int) -> bool:
        """Whether it is open at that minute of the clock on the wall, counted from 1970."""
        day, minute = divmod(local_minute, DAY_MIN)
        day += FIRST_WEEKDAY_OF_1970
        return any(begin <= minute < end for begin, end in self.days[day % 7]) or any(
            minute + DAY_MIN < end for _, end in self.days[(day - 1) % 7]
        )

    def minutes_of_week(self) -> bytes:
        """1 for each minute from Monday 00:00 in which it is open: the same as `has`, made ready for many questions."""
        week = bytearray(WEEK_MIN)
        for begin, end in self._week():
            for minute in range(begin, end):
                week[minute % WEEK_MIN] = 1
        return bytes(week)

    def texts(self) -> list[str]:
        """Seven texts, Monday first, as the key `opening_hours.days` of a terminal's configuration takes them."""
        return [_spans_text(spans) for spans in self.days]

    def is_sound(self) -> bool:
        """Whether it is a week: spans in order, none over another one, also across midnight and from Sunday on."""
        if len(self.days) != 7 or any(len(spans) > SPANS_A_DAY_MAX for spans in self.days):
            return False
        for spans in self.days:
            for begin, end in spans:
                # A span of a whole day is 00:00-24:00: 08:00-08:00 is nothing to the firmware.
                if not (0 <= begin < DAY_MIN and begin < end <= begin + DAY_MIN - (begin > 0)):
                    return False
        week = self._week()
        following = [*week[1:], *((begin + WEEK_MIN, end) for begin, end in week[:1])]
        return all(end <= after[0] for (_, end), after in zip(week, following, strict=True))

    def _week(self) -> list[tuple[int, int]]:
        return [
            (day * DAY_MIN + begin, day * DAY_MIN + end) for day, spans in enumerate(self.days) for begin, end in spans
        ]

    def __str__(self) -> str:
        """As `parse` takes it: equal days in a row are said once."""
        if self == ALWAYS:
            return "always"
        parts = []
        day = 0
        while day < 7:
            last = day
            while last < 6 and self.days[last + 1] == self.days[day]:
                last += 1
            if self.days[day]:
                names = DAYS[day] if last == day else f"{DAYS[day]}-{DAYS[last]}"
                parts.append(f"{names} {_spans_text(self.days[day])}")
            day = last + 1
        return "; ".join(parts) or "closed"


ALWAYS: Final = OpeningHours((((0, DAY_MIN),),) * 7)
CLOSED: Final = OpeningHours(((),) * 7)


def parse(text: str) -> OpeningHours:
    """The hours of "mon-fri 08:00-12:00,13:00-17:00; sat 20:00-02:00"; days that are not named are closed.

    Raises:
        ValueError: what is wrong with it, as a part of a sentence.
    """
    said = text.strip().lower()
    if said in ("always", "closed"):
        return ALWAYS if said == "always" else CLOSED
    days: list[Spans | None] = [None] * 7
    for part in said.split(";"):
        found = _PART.fullmatch(part.strip())
        if found is None:
            raise ValueError(EXPECTED)
        spans = _spans(found[2])
        for day in _days(found[1]):
            if days[day] is not None:
                raise ValueError(f"each day once ({DAYS[day]} is there twice)")
            days[day] = spans
    hours = OpeningHours(tuple(spans or () for spans in days))
    if not hours.is_sound():
        raise ValueError(f"at most {SPANS_A_DAY_MAX} spans a day, none of which runs into another one")
    return hours


def from_texts(days: Sequence[str]) -> OpeningHours:
    """The hours of seven texts, Monday first, as a terminal's configuration has them; "" is closed all day.

    Raises:
        ValueError: what was expected, and for which weekday, as a part of a sentence.
    """
    if len(days) != 7:
        raise ValueError(f"seven texts, Monday first (there are {len(days)})")
    found: list[Spans] = []
    for number, day in enumerate(days, 1):
        try:
            found.append(_spans(day) if day else ())
        except ValueError as error:
            raise ValueError(f"for weekday {number} (1 is Monday) {error}") from None
    hours = OpeningHours(tuple(found))
    if not hours.is_sound():
        raise ValueError("seven days of spans, none of which runs into another one")
    return hours


def _days(text: str) -> list[int]:
    found = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        for name in (first, last or first):
            if name not in DAYS:
                raise ValueError(f"days of {', '.join(DAYS)} ({name[:20]!r} is none)")
        day, end = DAYS.index(first), DAYS.index(last or first)
        found.append(day)
        while day != end:
            day = (day + 1) % 7
            found.append(day)
    return found


def _spans(text: str) -> Spans:
    if text == "closed":
        return ()
    spans = []
    for part in text.split(","):
        found = _SPAN.fullmatch(part.strip())
        if found is None:
            raise ValueError(f"spans like 08:00-12:00 ({part.strip()[:20]!r} is none)")
        begin, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (1, 3))
        if int(found[2]) > 59 or int(found[4]) > 59 or begin >= DAY_MIN or end > DAY_MIN or begin == end:
            raise ValueError(f"spans between 00:00 and 24:00 ({part.strip()!r} is none)")
        spans.append((begin, end if end > begin else end + DAY_MIN))
    return tuple(sorted(spans))


def _spans_text(spans: Spans) -> str:
    return ",".join(f"{_clock(begin)}-{_clock(end if end <= DAY_MIN else end - DAY_MIN)}" for begin, end in spans)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
