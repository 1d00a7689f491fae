"""What a page says where figures would be and are not: each state has its picture (static/states/*.svg) and words."""

from __future__ import annotations

from typing import Final

from hymio.locale.sentence import Sentence, _

STATES: Final = {
    "no-data": (
        _("No answers yet"),
        _("The first press shows here within a second."),
    ),
    "too-few": (
        _("Too few answers"),
        _("Fewer than %(least)s answers are not shown, so that nobody can be recognised."),
    ),
    "clock-not-set": (
        _("The clock is not set"),
        _("Presses are counted, and get their day as soon as the terminal knows the time."),
    ),
    "terminal-silent": (
        _("The terminal is silent"),
        _("Last heard of: %(ago)s. It keeps its votes. Look at its power and its network."),
    ),
    "server-gone": (
        _("Not live"),
        _("The server does not answer. This is how it was: %(moment)s. The page goes on trying."),
    ),
}
"""By the name of the picture: what is so, and what comes of it or what to do."""


def state_words(kind: str, **values: object) -> tuple[Sentence, Sentence]:
    """The words of a state with their values. KeyError for a kind that there is not."""
    said, hint = STATES[kind]
    return said, Sentence(hint.text, values=values)
