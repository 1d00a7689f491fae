"""Rules about terminals, and about people who want to be called: what they see is so, and no matter of chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hymio.alerting.changes import Change, Closed, ContactAnswer, Raised, TerminalNow
from hymio.alerting.rules import DAY_S, Condition, RuleKind

LOOSER: Final = 1.25
"""What is raised within so many days is over only when it is as many days and a quarter away."""
SCORE_UNHAPPY: Final = 6
FACE_UNHAPPY: Final = 2


def contact_alert(answer: ContactAnswer) -> Raised | None:
    """The alert of an answer whose sender may be called; None: that is a happy one. It is over when somebody has it."""
    if answer.score is not None:
        is_unhappy = answer.score <= SCORE_UNHAPPY
    else:
        is_unhappy = answer.face is not None and answer.face <= FACE_UNHAPPY
    if not is_unhappy:
        return None
    said = {"answer_id": answer.answer_id, "face": answer.face, "score": answer.score, "to_utc": answer.answered_utc}
    return Raised(f"answer {answer.answer_id}", answer.answered_utc, said, answer.node_id)


class TerminalRule:
    """Looks at all terminals in trouble now and then; at most one alert of each terminal is open."""

    def __init__(self, condition: Condition, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was; it is empty at first."""
        self.condition = condition
        self._open: dict[str, str] = dict(state.get("open", {}))
        """The cause of the alert that is open, by terminal."""

    def state(self) -> dict[str, Any]:
        """All that it remembers, for JSON."""
        return {"open": self._open}

    def look(self, now_utc: float, troubled: Sequence[TerminalNow]) -> Iterator[Change]:
        """What is to be raised and closed.

        Args:
            now_utc: now.
            troubled: the terminals of its places that may be in trouble; all others are well, or stand elsewhere.
        """
        seen = set()
        for one in troubled:
            cause = self._open.get(one.device_id)
            found = self._trouble(now_utc, one, LOOSER if cause is not None else 1.0)
            if found is None:
                continue
            seen.add(one.device_id)
            if cause is None:
                name, evidence = found
                cause = self._open[one.device_id] = f"{one.device_id} {name}"
                yield Raised(cause, now_utc, evidence, one.node_id, one.device_id)
        for device_id in sorted(self._open.keys() - seen):
            yield Closed(self._open.pop(device_id), now_utc)

    def _trouble(self, now_utc: float, one: TerminalNow, looser: float) -> tuple[str, dict[str, Any]] | None:
        """(what tells it from other times, why), or None if it is well."""
        raise NotImplementedError


class SilentRule(TerminalRule):
    """Nothing came from a terminal for `after_s` in which its place was open. One that never spoke is not missed."""

    def _trouble(self, now_utc: float, one: TerminalNow, looser: float) -> tuple[str, dict[str, Any]] | None:
        if one.heard_utc is None or one.silent_s < self.condition["after_s"]:
            return None
        return f"silent {one.heard_utc:.0f}", {"heard_utc": one.heard_utc, "open_s": one.silent_s}


class BatteryRule(TerminalRule):
    """A battery is low, or will be within `days` if it goes on like that. One battery is one cause."""

    def _trouble(self, now_utc: float, one: TerminalNow, looser: float) -> tuple[str, dict[str, Any]] | None:
        until = now_utc + self.condition["days"] * DAY_S * looser
        if not one.supply_low and (one.empty_utc is None or one.empty_utc > until):
            return None
        return (
            f"battery {one.full_utc or 0:.0f}",
            {"supply_mv": one.supply_mv, "is_low": one.supply_low, "empty_utc": one.empty_utc},
        )


class StuckRule(TerminalRule):
    """A button is held down, by a cloth perhaps."""

    def _trouble(self, now_utc: float, one: TerminalNow, looser: float) -> tuple[str, dict[str, Any]] | None:
        if not one.stuck:
            return None
        return f"stuck {one.said_utc or 0:.0f}", {"buttons": list(one.stuck)}


class CertificateRule(TerminalRule):
    """A certificate ends within `days`."""

    def _trouble(self, now_utc: float, one: TerminalNow, looser: float) -> tuple[str, dict[str, Any]] | None:
        ends = one.cert_ends_utc
        if ends is None or ends > now_utc + self.condition["days"] * DAY_S * looser:
            return None
        return f"certificate {ends:.0f}", {"ends_utc": ends}


class GapRule(TerminalRule):
    """Presses are missing: for `after_s` now, though the terminal has them; or lost for good, which stays.

    What was lost before the rule was made is told of nowhere.
    """

    def __init__(self, condition: Condition, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was."""
        super().__init__(condition, state)
        self._since: dict[str, float] = dict(state.get("since", {}))
        """Since when a terminal has had a gap."""
        self._lost: dict[str, int] | None = state.get("lost")
        """How many presses were lost, by terminal, when it looked last."""

    def state(self) -> dict[str, Any]:
        """All that it remembers."""
        return {**super().state(), "since": self._since, "lost": self._lost}

    def look(self, now_utc: float, troubled: Sequence[TerminalNow]) -> Iterator[Change]:
        """What is to be raised and closed."""
        gaps = {one.device_id for one in troubled if one.open_gaps}
        self._since = {device_id: self._since.get(device_id, now_utc) for device_id in sorted(gaps)}
        lost = {one.device_id: one.lost for one in troubled if one.lost}
        known = lost if self._lost is None else self._lost
        for one in troubled:
            more = one.lost - known.get(one.device_id, 0)
            if more > 0:
                cause = f"{one.device_id} lost {one.lost}"
                yield Raised(cause, now_utc, {"lost": more, "lost_ever": one.lost}, one.node_id, one.device_id)
        self._lost = lost
        yield from super().look(now_utc, troubled)

    def _trouble(self, now_utc: float, one: TerminalNow, looser: float) -> tuple[str, dict[str, Any]] | None:
        since = self._since.get(one.device_id)
        if since is None or now_utc - since < self.condition["after_s"]:
            return None
        return f"gap {since:.0f}", {"gaps": one.open_gaps, "since_utc": since}


TERMINAL_RULES: Final[Mapping[RuleKind, type[TerminalRule]]] = {
    RuleKind.SILENT: SilentRule,
    RuleKind.BATTERY: BatteryRule,
    RuleKind.STUCK: StuckRule,
    RuleKind.GAP: GapRule,
    RuleKind.CERTIFICATE: CertificateRule,
}
