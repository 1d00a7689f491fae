"""Things that have a number and a name, and are asked for by either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Protocol, TypeVar

from hymio.common.errors import WRONG_USE, Failure


class Numbered(Protocol):
    """Anything with both."""

    @property
    def id(self) -> int:
        """Its number."""
        ...

    @property
    def name(self) -> str:
        """Its name, which others may have too."""
        ...


One = TypeVar("One", bound=Numbered)


def numbered_or_named(
    some: Sequence[One], wanted: str, is_good: Callable[[One], bool], what: str, none: str | None = None
) -> One:
    """The one of that number; or of that name, the good one if there are several.

    Args:
        some: all there are, the oldest first.
        wanted: a number or a name.
        is_good: whether it is one that holds.
        what: what they are called, one of them, and by the command line.
        none: what is said if there is no such one; None: that there is none of that name.

    Raises:
        Failure: 2, there is none, or there are several.
    """
    if wanted.isdecimal():
        found = [one for one in some if one.id == int(wanted)]
    else:
        named = [one for one in some if one.name == wanted]
        found = [one for one in named if is_good(one)] or named[-1:]
    if len(found) == 1:
        return found[0]
    if found:
        numbers = ", ".join(str(one.id) for one in found)
        raise Failure(WRONG_USE, f"There are {len(found)} {what}s {wanted}: {numbers}.", "Give the number of one.")
    near = ", ".join(get_close_matches(wanted, [one.name for one in some]))
    raise Failure(
        WRONG_USE,
        none or f"There is no {what} {wanted[:60]!r}.",
        f"Near it are {near}." if near else f"`hymio {what} list` shows their numbers and names.",
    )
