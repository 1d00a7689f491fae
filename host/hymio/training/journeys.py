"""The way of each press: finger, flash, published, in the database, acknowledged; or where it ended before.

A press is acknowledged when the office's word has come to the terminal. Its cursor in flash, which the contract calls
`acked`, follows later: it is written so seldom that it wears nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, Final

KEPT: Final = 200
"""So many presses are followed at a time; older ones are let go."""
SHORTEST_MS: Final = 25
"""Whatever is shorter the terminal may take for a spike (firmware/spec/design.md)."""
_RECORDED_S: Final = 0.2
"""By then at the latest a press has its record, unless it is folded ..."""
_FOLDED_S: Final = 70.0
"""... and by then the run record is written, too."""


@dataclass(slots=True)
class Journey:
    """One press on its way; moments are in seconds after first contact, None as long as it has not come so far."""

    push: int
    button: int
    began_t: float
    held_ms: int | None = None
    log_id: int | None = None
    seq: int | None = None
    verdict: str | None = None
    flash_s: float | None = None
    thanked_s: float | None = None
    published_s: float | None = None
    committed_s: float | None = None
    acked_s: float | None = None
    end: str | None = None
    """Why it goes no further: `unpowered` (nobody was at home), `unnoticed` (too short, or the button was out of play),
    `cut` (the power failed before it was in flash), `folded` (it is one of many in a run record) or `overwritten`
    (pushed out of the ring unsent)."""

    def as_json(self) -> dict[str, Any]:
        """The press as an object for the page."""
        return {name: getattr(self, name) for name in _SHOWN}


_SHOWN: Final = [field.name for field in fields(Journey) if field.name not in ("began_t", "log_id")]


class Journeys:
    """Follows presses by the terminal's events and what the database says; every method gives those that went on.

    A record does not name the push that it is of. It is of the last push of its button, and a run record is of the
    oldest ones that have no record yet.
    """

    def __init__(self) -> None:
        """No press has been seen yet."""
        self._journeys: deque[Journey] = deque(maxlen=KEPT)
        self.log_id: int | None = None
        """The log of the terminal, once it has been named."""
        self.acked_seq = -1
        """Everything up to and with it is settled, as far as the terminal has ever known."""

    def take(self, event: dict[str, Any]) -> list[Journey]:
        """Takes an event of the terminal, as the contract describes them."""
        t: float = event["t"]
        match event["event"]:
            case "press":
                journey = Journey(event["push"], event["button"], t, end=None if event["powered"] else "unpowered")
                self._journeys.append(journey)
                return [journey]
            case "release":
                return self._change((j for j in self._journeys if j.push == event["push"]), held_ms=event["ms"])
            case "record":
                self.log_id = event["log_id"]
                return self._stored(event, self._without_record(event["button"])[-1:])
            case "folded":
                waiting = self._without_record(event["button"])[: event["count"]]
                return self._change(self._stored(event, waiting), end="folded")
            case "amended":
                return self._change((j for j in self._of(event) if j.seq == event["seq"]), verdict=event["verdict"])
            case "led" if event["on"]:
                thanked = [j for j in self._journeys if j.button == event["led"] and j.flash_s is not None][-1:]
                return self._reached("thanked_s", t, thanked)
            case "published":
                within = range(event["first_seq"], event["last_seq"] + 1)
                return self._reached("published_s", t, [j for j in self._of(event) if j.seq in within])
            case "acked" | "answered" as name:
                if name == "acked":
                    self.log_id = event["log_id"]
                if event["log_id"] == self.log_id:
                    self.acked_seq = max(self.acked_seq, event["seq"])
                settled = [j for j in self._of(event) if j.seq is not None and j.seq <= event["seq"]]
                return self._reached("acked_s", t, settled)
            case "power" if not event["on"]:
                unnoticed = self.unnoticed(t)
                cut = [j for j in self._journeys if j.end is None and j.flash_s is None]
                return unnoticed + self._change(cut, end="cut")
        return []

    def unnoticed(self, t: float) -> list[Journey]:
        """Takes the moment: what has no record by now will not get one."""

        def is_over(journey: Journey) -> bool:
            if journey.flash_s is not None or journey.end is not None or journey.held_ms is None:
                return False
            patience_s = _RECORDED_S if journey.held_ms < SHORTEST_MS else _FOLDED_S
            return t - journey.began_t - journey.held_ms / 1000 > patience_s

        return self._change(list(filter(is_over, self._journeys)), end="unnoticed")

    def committed(self, log_id: int, seqs: Collection[int], t: float) -> list[Journey]:
        """Takes the seqs of a log that have been seen to be rows of the database at `t`.

        A collector commits before it acknowledges, so a press that is acknowledged by now has been there before that.
        """
        seen = self._reached("committed_s", t, [j for j in self._journeys if j.log_id == log_id and j.seq in seqs])
        for journey in seen:
            if journey.committed_s is not None and journey.acked_s is not None:
                journey.committed_s = min(journey.committed_s, journey.acked_s)
        return seen

    def overwritten_below(self, oldest_seq: int) -> list[Journey]:
        """Takes the oldest seq that the ring still holds: what was below it and is not acknowledged is lost."""
        gone = [j for j in self.unsettled() if j.seq is not None and j.seq < oldest_seq and j.end is None]
        return self._change(gone, end="overwritten")

    def unsettled(self) -> list[Journey]:
        """The presses in flash of which the database has not been seen to know."""
        return [j for j in self._journeys if j.log_id == self.log_id and j.seq is not None and j.committed_s is None]

    def _of(self, event: dict[str, Any]) -> list[Journey]:
        return [j for j in self._journeys if j.log_id == event["log_id"]]

    def _without_record(self, button: int) -> list[Journey]:
        return [j for j in self._journeys if j.button == button and j.flash_s is None and j.end is None]

    def _stored(self, event: dict[str, Any], journeys: list[Journey]) -> list[Journey]:
        self._change(journeys, log_id=event["log_id"], seq=event["seq"], verdict=event["verdict"])
        return self._reached("flash_s", event["t"], journeys)

    def _reached(self, stage: str, t: float, journeys: list[Journey]) -> list[Journey]:
        first = [j for j in journeys if getattr(j, stage) is None]
        for journey in first:
            setattr(journey, stage, max(0.0, t - journey.began_t))
        return first

    def _change(self, journeys: Any, **values: Any) -> list[Journey]:
        changed = list(journeys)
        for journey in changed:
            for name, value in values.items():
                setattr(journey, name, value)
        return changed
