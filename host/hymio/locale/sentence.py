"""Sentences for people, kept in English until it is known who reads them.

`_("There is no place %(key)s.", key=key)` is such a sentence. `language.say` puts it into words. Every per cent sign
that is not the beginning of a value is written twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence. What stands in the catalogues is its English text."""

    text: str
    many: str = ""
    """The same for any number but one; without it the sentence does not change with a number."""
    count: int = 1
    """Which decides between the two, or between however many forms a language has."""
    values: Mapping[str, object] = field(default_factory=dict)
    """What stands for %(name)s."""

    def __str__(self) -> str:
        """In English, for a command line."""
        return (self.text if not self.many or self.count == 1 else self.many) % self.values


def _(text: str, **values: object) -> Sentence:
    """A sentence, to be translated."""
    return Sentence(text, values=values)


def _n(one: str, many: str, count: int, **values: object) -> Sentence:
    """A sentence that changes with a number, which is its value `count`."""
    return Sentence(one, many, count, {"count": count, **values})
