"""What people read of an alert: what is the matter, where, and why we think so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from hymio.alerting.rules import HOUR_S, Condition, RuleKind
from hymio.locale.sentence import Sentence, _, _n
from hymio.site.moments import zone_of

KIND_NAMES: Final[Mapping[RuleKind, Sentence]] = {
    RuleKind.NEGATIVE: _("Many unhappy answers"),
    RuleKind.INDEX_LEVEL: _("Happy Index below its level"),
    RuleKind.INDEX_BASELINE: _("Happy Index lower than usual"),
    RuleKind.UNHAPPY_COUNT: _("Unhappy answers one after the other"),
    RuleKind.UNHAPPY_CONTACT: _("Somebody unhappy wants to be called"),
    RuleKind.SILENT: _("Terminal is silent"),
    RuleKind.BATTERY: _("Battery is low"),
    RuleKind.STUCK: _("Button is stuck"),
    RuleKind.GAP: _("Presses are missing"),
    RuleKind.CERTIFICATE: _("Certificate ends"),
}


def title_of(kind: RuleKind, place: str, device_id: str | None = None) -> Sentence:
    """What is the matter, and where."""
    if device_id is not None:
        return _("%(what)s: %(terminal)s, %(place)s", what=KIND_NAMES[kind], terminal=device_id, place=place)
    return _("%(what)s: %(place)s", what=KIND_NAMES[kind], place=place)


def why(kind: RuleKind, evidence: Mapping[str, Any], zone: str) -> list[Sentence]:
    """The evidence in sentences, with moments of that zone."""

    def moment(name: str) -> datetime:
        return datetime.fromtimestamp(evidence[name], zone_of(zone))

    match kind:
        case RuleKind.NEGATIVE | RuleKind.UNHAPPY_COUNT:
            found = [
                _n(
                    "%(unhappy)s of %(count)s answer was unhappy, from %(begin)s to %(end)s.",
                    "%(unhappy)s of %(count)s answers were unhappy, from %(begin)s to %(end)s.",
                    evidence["votes"],
                    unhappy=evidence["unhappy"],
                    begin=moment("from_utc"),
                    end=moment("to_utc"),
                )
            ]
            if kind is RuleKind.NEGATIVE:
                found.append(
                    _(
                        "That is %(share)s in a hundred (95 in 100 sure: %(low)s to %(high)s); the limit is %(limit)s.",
                        share=round(evidence["share"], 1),
                        low=round(evidence["low"], 1),
                        high=round(evidence["high"], 1),
                        limit=round(evidence["limit"], 1),
                    )
                )
            return found
        case RuleKind.INDEX_LEVEL | RuleKind.INDEX_BASELINE:
            return [
                _n(
                    "Since %(begin)s the Happy Index of %(count)s answer is %(index)s; expected: %(limit)s or more.",
                    "Since %(begin)s the Happy Index of %(count)s answers is %(index)s; expected: %(limit)s or more.",
                    evidence["votes"],
                    begin=moment("from_utc"),
                    index=round(evidence["happy_index"], 1),
                    limit=round(evidence["limit"], 1),
                ),
                _(
                    "By chance alone that happens once in %(votes)s answers at most.",
                    votes=round(evidence["once_in_votes"]),
                ),
            ]
        case RuleKind.UNHAPPY_CONTACT:
            if evidence["score"] is not None:
                return [_("%(score)s of 10, at %(end)s.", score=evidence["score"], end=moment("to_utc"))]
            return [_("Face %(face)s, at %(end)s.", face=evidence["face"], end=moment("to_utc"))]
        case RuleKind.SILENT:
            hours = round(evidence["open_s"] / HOUR_S, 1)
            return [
                _(
                    "Nothing has come since %(heard)s: %(hours)s hours of opening.",
                    heard=moment("heard_utc"),
                    hours=hours,
                ),
                _("It keeps its votes. Look at its power and its network."),
            ]
        case RuleKind.BATTERY:
            return _battery(evidence, None if evidence["empty_utc"] is None else moment("empty_utc"))
        case RuleKind.STUCK:
            buttons = ", ".join(map(str, evidence["buttons"]))
            return [_("Held down: %(buttons)s. Look for a cloth, or for dirt.", buttons=buttons)]
        case RuleKind.GAP if "lost" in evidence:
            return [_n("%(count)s press is lost for good.", "%(count)s presses are lost for good.", evidence["lost"])]
        case RuleKind.GAP:
            return [
                _("Presses have been missing since %(since)s; the terminal still has them.", since=moment("since_utc"))
            ]
        case RuleKind.CERTIFICATE:
            return [_("It ends at %(ends)s. Renew it: %(command)s", ends=moment("ends_utc"), command="hymio pki renew")]


def _battery(evidence: Mapping[str, Any], empty: datetime | None) -> list[Sentence]:
    found = []
    if evidence["supply_mv"] is not None:
        found.append(_("It has %(volts)s V.", volts=round(evidence["supply_mv"] / 1000, 2)))
    if empty is not None:
        found.append(_("It will be low by %(day)s.", day=empty.date()))
    return found or [_("It is low.")]


def rate_of(kind: RuleKind, condition: Condition, chance: float | None = None) -> Sentence:
    """How often a rule is wrong.

    Args:
        kind: which rule.
        condition: its numbers.
        chance: of `unhappy-count`, at most so many false alarms a month; None: that is not known.
    """
    match kind:
        case RuleKind.NEGATIVE:
            return _(
                "At most %(rate)s false alarms a month with %(votes)s answers: an exact binomial bound, for answers"
                " that do not depend on each other.",
                rate=condition["false_alarms"],
                votes=round(condition["votes_a_month"]),
            )
        case RuleKind.INDEX_LEVEL | RuleKind.INDEX_BASELINE:
            return _(
                "At most %(rate)s false alarms a month with %(votes)s answers: an e-detector, for answers of whatever"
                " distribution, none of which tells that the next one will be worse.",
                rate=condition["false_alarms"],
                votes=round(condition["votes_a_month"]),
            )
        case RuleKind.UNHAPPY_COUNT if chance is not None:
            return _(
                "At most %(rate)s false alarms a month, if unhappy answers come one by one as they usually do.",
                rate=round(chance, 3),
            )
        case RuleKind.UNHAPPY_COUNT:
            return _("How often it comes by chance is told when the place has answers of some weeks.")
        case _:
            return _("No false alarms by chance: what it sees is so.")


def condition_said(kind: RuleKind, condition: Condition) -> list[Sentence]:
    """The numbers of a rule, for people."""
    said: Sequence[tuple[str, Sentence]] = [
        (name, text)
        for name, text in (
            ("share", _("over %(value)s unhappy in a hundred", value=condition.get("share", 0))),
            ("level", _("below %(value)s", value=condition.get("level", 0))),
            ("drop", _("%(value)s below what is usual at that hour", value=condition.get("drop", 0))),
            ("count", _("%(value)s unhappy answers", value=condition.get("count", 0))),
            ("window_s", _("within %(value)s hours", value=_tidy(condition.get("window_s", 0) / HOUR_S))),
            ("after_s", _("after %(value)s hours", value=_tidy(condition.get("after_s", 0) / HOUR_S))),
            ("days", _("%(value)s days before", value=condition.get("days", 0))),
        )
    ]
    found = [text for name, text in said if name in condition]
    if kind is RuleKind.NEGATIVE:
        found.append(_("of %(value)s answers at least", value=condition["least"]))
    return found


def _tidy(value: float) -> float:
    """To a tenth, and without it where it is none."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded
