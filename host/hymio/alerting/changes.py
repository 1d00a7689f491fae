"""What rules take in and what they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Evidence = Mapping[str, Any]
"""Why an alert was raised, in numbers; for JSON."""


class Vote(NamedTuple):
    """A vote of a terminal, in the order of arrival."""

    received_utc: float
    pressed_utc: float
    button: int
    week_hour: int
    """Of the week on the clock of its place, 0 is the hour after Sunday's midnight."""
    name: str
    """The same for ever: `ArrivalPosition`."""


class ContactAnswer(NamedTuple):
    """An answer of somebody who left an address."""

    answer_id: str
    answered_utc: float
    node_id: int
    face: int | None
    score: int | None


class TerminalNow(NamedTuple):
    """What is known of a terminal that may be in trouble."""

    device_id: str
    node_id: int
    said_utc: float | None = None
    heard_utc: float | None = None
    silent_s: float = 0.0
    """Seconds since then in which its place was open."""
    supply_mv: int | None = None
    supply_low: bool = False
    full_utc: float | None = None
    empty_utc: float | None = None
    stuck: tuple[int, ...] = ()
    cert_ends_utc: float | None = None
    open_gaps: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert. The same cause is one alert, however often it is given."""

    cause: str
    utc: float
    evidence: Evidence
    node_id: int | None = None
    """Where; None: the place of the rule."""
    device_id: str | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """It is over."""

    cause: str
    utc: float


Change = Raised | Closed
