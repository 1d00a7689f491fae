"""The kinds of rules: what numbers each needs, within which bounds, and how often it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hymio.locale.sentence import Sentence, _
from hymio.measures.e_detector import FLOOR_MAX

Condition = Mapping[str, float]
"""The numbers of a rule, by name."""

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S


class RuleKind(StrEnum):
    """What a rule looks at."""

    NEGATIVE = "negative"
    INDEX_LEVEL = "index-level"
    INDEX_BASELINE = "index-baseline"
    UNHAPPY_COUNT = "unhappy-count"
    UNHAPPY_CONTACT = "unhappy-contact"
    SILENT = "silent"
    BATTERY = "battery"
    STUCK = "stuck"
    GAP = "gap"
    CERTIFICATE = "certificate"


VOTE_KINDS: Final = frozenset(
    (RuleKind.NEGATIVE, RuleKind.INDEX_LEVEL, RuleKind.INDEX_BASELINE, RuleKind.UNHAPPY_COUNT)
)
"""Those that follow the votes of terminals."""
TESTING_KINDS: Final = VOTE_KINDS - {RuleKind.UNHAPPY_COUNT}
"""Those of them that are told how many false alarms they may raise."""
TERMINAL_KINDS: Final = frozenset(
    (RuleKind.SILENT, RuleKind.BATTERY, RuleKind.STUCK, RuleKind.GAP, RuleKind.CERTIFICATE)
)
"""Those that look at what terminals said last."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a condition. default: None if it has to be given, or is found by whoever makes the rule."""

    least: float
    most: float
    default: float | None = None
    is_whole: bool = False


_WINDOW: Final = Number(600.0, 7 * DAY_S, 2 * HOUR_S)
_RATES: Final = {"votes_a_month": Number(1, 1e9), "false_alarms": Number(0.001, 100, 0.25)}

NUMBERS: Final[Mapping[RuleKind, Mapping[str, Number]]] = {
    RuleKind.NEGATIVE: {
        "window_s": _WINDOW, "least": Number(1, 1e6, 20, is_whole=True), "share": Number(1, 99, 40), **_RATES,
    },
    RuleKind.INDEX_LEVEL: {"level": Number(1, 100 * FLOOR_MAX), **_RATES},
    RuleKind.INDEX_BASELINE: {"drop": Number(1, 50, 5), **_RATES},
    RuleKind.UNHAPPY_COUNT: {"window_s": _WINDOW, "count": Number(1, 1e6, is_whole=True)},
    RuleKind.UNHAPPY_CONTACT: {},
    RuleKind.SILENT: {"after_s": Number(600.0, 365 * DAY_S, 26 * HOUR_S)},
    RuleKind.BATTERY: {"days": Number(0, 365, 14)},
    RuleKind.STUCK: {},
    RuleKind.GAP: {"after_s": Number(60.0, 365 * DAY_S, 6 * HOUR_S)},
    RuleKind.CERTIFICATE: {"days": Number(1, 365, 30)},
}  # fmt: skip
"""By kind: the numbers that its condition has."""


class RuleError(Exception):
    """A rule that can't be; in sentences."""

    def __init__(self, said: Sentence, hint: Sentence) -> None:
        """Takes what is wrong, and what to do."""
        super().__init__(str(said))
        self.said, self.hint = said, hint


def condition_of(kind: RuleKind, given: Mapping[str, float], too_few: int) -> dict[str, float]:
    """The condition of a rule from what was asked for; what was not has its default.

    Args:
        kind: which rule.
        given: numbers by name.
        too_few: with fewer answers nothing is told of faces.

    Raises:
        RuleError: a number is missing, out of its bounds, or of another kind of rule.
    """
    numbers = NUMBERS[kind]
    for name in given:
        if name not in numbers:
            others = ", ".join(numbers) or "-"
            raise RuleError(
                _("A rule %(kind)s has no %(name)s.", kind=kind.value, name=name),
                _("It takes: %(names)s.", names=others),
            )
    made: dict[str, float] = {}
    for name, number in numbers.items():
        value = given.get(name, number.default)
        if value is None:
            raise RuleError(
                _("A rule %(kind)s needs %(name)s.", kind=kind.value, name=name), _("Say how much it is to be.")
            )
        if not number.least <= value <= number.most or (number.is_whole and value != int(value)):
            said = _(
                "%(name)s: expected a number from %(least)s to %(most)s, came %(value)s.",
                name=name, least=number.least, most=number.most, value=str(value),
            )  # fmt: skip
            hint = _("It is a whole number.") if number.is_whole else _("Give one between the two.")
            raise RuleError(said, hint)
        made[name] = int(value) if value == int(value) else float(value)
    for name in ("least", "count"):
        if made.get(name, too_few) < too_few:
            raise RuleError(
                _("%(name)s: expected %(least)s at least, came %(value)s.", name=name, least=too_few, value=made[name]),
                _("Fewer answers tell too much of who gave them; the organisation has set that limit."),
            )
    if kind in VOTE_KINDS and "least" not in made:
        made["least"] = too_few
    return made
