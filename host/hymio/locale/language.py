"""The languages of what people read, and how each of them writes numbers, days and lists.

Figures and dates are Babel's. The catalogues (LC_MESSAGES/hymio.po) are read as they are: whoever installs hymio needs
no build step, and there is no second file that could be older. English is the source and has none.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from babel import Locale, dates, lists, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from hymio.locale.sentence import Sentence, _

LOCALES: Final = {"en": "en_GB", "fi": "fi_FI", "sv": "sv_SE"}
"""Which languages there are, by their code, and whose habits each follows. English writes days so that nobody takes
the day for the month."""
SOURCE: Final = "en"
_MINUTE_S: Final = 60
_CODE_MAX: Final = 8
"""Letters of a language's code (RFC 5646, 2.2.1)."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language. `language_of` makes it, once."""

    code: str
    """As in `lang` of HTML."""
    locale: Locale
    catalogue: gettext.NullTranslations

    @property
    def name(self) -> str:
        """As it calls itself, with the capital letter of a list of choices."""
        own = self.locale.language_name or self.code
        return own[:1].upper() + own[1:]

    def say(self, sentence: Sentence, escape: Callable[[str], str] = str) -> str:
        """The sentence in this language; numbers and days in it as the language writes them.

        Args:
            sentence: which one.
            escape: what is done to the sentence and, by the type that it gives, to its values: markupsafe.escape.
        """
        if sentence.many:
            text = self.catalogue.ngettext(sentence.text, sentence.many, sentence.count)
        else:
            text = self.catalogue.gettext(sentence.text)
        values = {name: self._shown(value, escape) for name, value in sentence.values.items()}
        return escape(text) % values

    def _shown(self, value: object, escape: Callable[[str], str]) -> object:
        match value:
            case Sentence():
                return self.say(value, escape)
            case int() | float():
                return self.number(value)
            case datetime():
                return self.moment(value)
            case date():
                return self.day(value)
            case _:
                return value

    def number(self, value: float, decimals: int | None = None) -> str:
        """With the language's signs: 1,234.5. Without `decimals` as many as there are, up to three."""
        if type(value) is int and 0 <= value < 1000 and decimals is None:
            return str(value)  # most numbers of a table, at a hundredth of the cost
        size = _size(abs(value), decimals, self.locale)
        # Babel writes a hyphen where the language has a minus.
        return numbers.get_minus_sign_symbol(self.locale) + size if value < 0 and _is_shown(size) else size

    def difference(self, value: float, decimals: int = 1) -> str:
        """With its sign: +3.0. What is shown as zero has none."""
        text = self.number(value, decimals)
        return f"+{text}" if value > 0 and _is_shown(text) else text

    def percent(self, value: float, decimals: int = 0) -> str:
        """Of a share in per cent, 0 to 100: 78%."""
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", str(_pattern("#,##0", decimals)))
        return numbers.format_percent(value / 100, pattern, locale=self.locale)

    def day(self, value: date) -> str:
        """Such as 3 Mar 2026."""
        return dates.format_date(value, "medium", locale=self.locale)

    def days(self, first: date, last: date) -> str:
        """From one day to another, what they have in common said once: 23 – 29 Nov 2026."""
        return str(dates.format_interval(first, last, "yMMMd", locale=self.locale))

    def skeleton(self, value: date, skeleton: str) -> str:
        """The parts of a day that a skeleton names (CLDR): "yMMMM" is November 2026."""
        return str(dates.format_skeleton(skeleton, value, locale=self.locale))

    def moment(self, value: datetime) -> str:
        """Day and time to the minute, by the clock of the moment's own zone."""
        pattern = self.locale.datetime_formats["medium"]
        return str(pattern).format(self.clock(value.time()), self.day(value))

    def clock(self, value: time) -> str:
        """To the minute: 14:05."""
        return dates.format_time(value, "short", locale=self.locale)

    def weekday(self, number: int, width: str = "wide") -> str:
        """Its name, 0 is Monday; `width` is wide, abbreviated or narrow."""
        return str(self.locale.days["stand-alone"][width][number])

    def ago(self, seconds: float) -> str:
        """How long something is past, in its largest unit: 3 minutes ago. Under a minute it is now."""
        if seconds < _MINUTE_S:
            return self.say(_("just now"))
        return dates.format_timedelta(-int(seconds), "minute", threshold=1, add_direction=True, locale=self.locale)

    def listed(self, things: Iterable[str]) -> str:
        """Such as a, b and c."""
        return lists.format_list(list(things), locale=self.locale)


@lru_cache(maxsize=10_000)
def _size(value: float, decimals: int | None, locale: Locale) -> str:
    """A number as a page has hundreds of them, the same ones again and again: Babel takes its time for each."""
    return numbers.format_decimal(value, _pattern("#,##0", decimals), locale=locale)


def _pattern(whole: str, decimals: int | None) -> str | None:
    if decimals is None:
        return None
    return whole + ("." + "0" * decimals if decimals else "")


def _is_shown(text: str) -> bool:
    return any(letter in "123456789" for letter in text)


@cache
def language_of(code: str) -> Language:
    """The language of a code among `LOCALES`. KeyError for another one."""
    return Language(code, Locale.parse(LOCALES[code]), _catalogue(code))


def languages() -> tuple[Language, ...]:
    """All of them, in order of their codes."""
    return tuple(language_of(code) for code in LOCALES)


def catalogue_file(code: str) -> Path:
    """Where the sentences of a language are; none for the source."""
    return Path(__file__).parent / code / "LC_MESSAGES" / "hymio.po"


def _catalogue(code: str) -> gettext.NullTranslations:
    if code == SOURCE:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with catalogue_file(code).open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def wishes(accepted: str) -> list[str]:
    """The languages of an Accept-Language (RFC 9110, 12.5.4) by their codes, each once, the most wished for first.

    Regions do not count: sv-FI is Swedish. What is malformed in it is passed over.
    """
    found: list[tuple[float, int, str]] = []
    for place, wish in enumerate(accepted.split(",")):
        tag, *parameters = (part.strip() for part in wish.split(";"))
        code = tag.partition("-")[0].lower()
        weight = _weight(parameters)
        if code.isascii() and code.isalpha() and len(code) <= _CODE_MAX and weight > 0:
            found.append((-weight, place, code))
    return list(dict.fromkeys(code for _weighed, _place, code in sorted(found)))


def negotiated(accepted: str) -> Language | None:
    """The first language of an Accept-Language that is among ours; None if none is."""
    return next((language_of(code) for code in wishes(accepted) if code in LOCALES), None)


def _weight(parameters: list[Any]) -> float:
    for parameter in parameters:
        name, __, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0
