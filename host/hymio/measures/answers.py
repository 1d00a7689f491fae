"""Shares of a whole by name: the answers to a follow-up, and misuse by its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hymio.measures.intervals import Share, share

NO_MISUSE: Final = frozenset({"counted", "answer", "test"})
"""Verdicts of presses that nothing was wrong with: votes, answers to follow-ups, and those of a technician's test."""


def option_shares(answers: Mapping[str, int]) -> dict[str, Share | None]:
    """The share of each option among all answers to one follow-up, in per cent; None for each without any answer.

    Args:
        answers: option -> number of answers; one answer names one option.
    """
    whole = sum(answers.values())
    return {option: share(number, whole) for option, number in answers.items()}


@dataclass(frozen=True, slots=True)
class Misuse:
    """by_reason: verdict -> presses, the most frequent first. presses: their sum. share: of them and the votes."""

    by_reason: dict[str, int]
    presses: int
    share: Share | None


def misuse(verdicts: Mapping[str, int]) -> Misuse:
    """Filtered presses by the reason that they are no votes; the share is None when there was neither press nor vote.

    Args:
        verdicts: verdict -> presses, as DESIGN.md names them. Verdicts that are not known yet count as misuse: each
            says why a press was not a vote.
    """
    reasons = {verdict: presses for verdict, presses in verdicts.items() if verdict not in NO_MISUSE and presses}
    filtered = sum(reasons.values())
    ordered = dict(sorted(reasons.items(), key=lambda one: (-one[1], one[0])))
    return Misuse(ordered, filtered, share(filtered, filtered + verdicts.get("counted", 0)))
