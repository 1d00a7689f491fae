"""The parameters of the field's API: read as its document says, and refused with a sentence that names what came."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from starlette.datastructures import QueryParams

from hymio.serve.api_errors import ApiError, bad_request
from hymio.serve.days import PERIOD, DayRange, Days, days_of_period
from hymio.site.moments import MINUTE_S, day_after, moment_of

LIMIT_MAX: Final = 10_000
LIMIT_DEFAULT: Final = 1_000
OFFSET_MAX: Final = 2**63 - 1
_YEAR_DAYS: Final = 366
_INTEGER: Final = re.compile(r"-?\d{1,19}", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class V2Parameters:
    """What stands behind the ? of a request."""

    def __init__(self, query: QueryParams) -> None:
        """Each name once."""
        self._query = query

    def text(self, name: str) -> str | None:
        """A value; None: it is not there.

        Raises:
            ApiError: 400, it is there twice.
        """
        values = self._query.getlist(name)
        if len(values) > 1:
            raise bad_request(name, "one value", ", ".join(values))
        return values[0] if values else None

    def integer(self, name: str, low: int = -(2**63), high: int = 2**63 - 1) -> int | None:
        """A whole number.

        Raises:
            ApiError: 400, it is none, or out of bounds.
        """
        came = self.text(name)
        if came is None:
            return None
        number = int(came) if _INTEGER.fullmatch(came) else None
        if number is None or not low <= number <= high:
            raise bad_request(name, f"a whole number from {low} to {high}", came)
        return number

    def boolean(self, name: str, default: bool) -> bool:
        """True or false.

        Raises:
            ApiError: 400, it is neither.
        """
        return self.choice(name, ("true", "false"), str(default).lower()) == "true"

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str | None:
        """One of some words.

        Raises:
            ApiError: 400, it is none of them.
        """
        came = self.text(name)
        if came is not None and came not in choices:
            raise bad_request(name, " or ".join(choices), came)
        return default if came is None else came

    def day(self, name: str) -> date | None:
        """A date.

        Raises:
            ApiError: 400, it is none.
        """
        came = self.text(name)
        if came is None:
            return None
        try:
            if not _DAY.fullmatch(came):
                raise ValueError
            return date.fromisoformat(came)
        except ValueError:
            raise bad_request(name, "a date such as 2026-03-29", came) from None

    def separator(self, is_csv: bool) -> str:
        """That of a CSV; elsewhere it does not matter which character it is.

        Raises:
            ApiError: 400, it is no character that can separate anything.
        """
        came = self.text("csvSeparator")
        if came is not None and (len(came) != 1 or (is_csv and came in '"\r\n\0')):
            raise bad_request("csvSeparator", "one character, which is no quote and no end of a line", came)
        return "," if came is None else came

    def days(self, now_utc: float) -> Days:
        """The days that `period`, or else `startDate` and `endDate`, mean; without any of them today.

        Raises:
            ApiError: 400, one of them is wrong, or they are more than a year.
        """
        period, start, end = self.text("period"), self.day("startDate"), self.day("endDate")
        if period is not None and not PERIOD.fullmatch(period):
            raise bad_request("period", "today, last-week, this-month, 2026, 2026-03, 2026-q1 or the like", period)
        if start is None and end is None:
            return Days(lambda today: days_of_period(period or "today", today), now_utc)

        def range_of(today: date) -> DayRange:
            return start or today, end or day_after(today)

        first, until = range_of(moment_of(int(now_utc // MINUTE_S)).date())
        if start is not None and end is not None and end < start:
            raise bad_request("endDate", f"{start}, which is startDate, or a later day", str(end))
        if until - first > timedelta(_YEAR_DAYS):
            raise bad_request(
                "startDate" if end is None else "endDate",
                "at most a year before endDate" if end is None else f"at most a year after startDate, {first}",
                str(start if end is None else end),
            )
        return Days(range_of, now_utc)


def unknown_format(came: str) -> ApiError:
    """400: a list is there as .json and as .csv."""
    return bad_request("format", "json or csv", came)
