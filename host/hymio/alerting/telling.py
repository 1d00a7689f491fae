"""Who is told of alerts: each once for one cause, a storm as one message, nobody in quiet hours.

All of it happens in the transaction in which alerts are raised: what is queued there goes, whoever dies afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from hymio.alerting.grounds import Grounds
from hymio.alerting.rules import RuleKind
from hymio.alerting.words import title_of, why
from hymio.locale.language import Language, language_of
from hymio.locale.sentence import Sentence, _, _n
from hymio.store.alerts import (
    Alert,
    AlertRule,
    mark_escalated,
    mark_told,
    stored_rules,
    to_escalate,
    told_of,
    told_of_cases,
    told_since,
    untold_alerts,
)
from hymio.store.channels import Channel, ChannelKind, stored_channels
from hymio.store.deliveries import queue

STORM: Final = 3
"""Alerts of an organisation that are told one by one within `STORM_S`; more become one message."""
STORM_S: Final = 60.0
"""In a storm there is one message in that time at most."""
AT_ONCE: Final = 1000
LISTED: Final = 50
"""Alerts that one message names."""
MACHINES: Final = (ChannelKind.WEBHOOK, ChannelKind.MQTT)
"""Programs are told, too, that somebody takes care of an alert and that it is over; people get one message."""


class Telling:
    """Tells of alerts in one transaction of `Store.writing`."""

    def __init__(self, connection: Connection, grounds: Grounds, url: str, now_utc: float) -> None:
        """Url: of the pages, for links; empty: nobody knows it."""
        self._connection, self._grounds, self._url, self._now_utc = connection, grounds, url, now_utc
        self._rules = {one.id: one for one in stored_rules(connection)}
        self._channels = {one.id: one for one in stored_channels(connection) if one.ended_utc is None}

    def waiting(self) -> int:
        """Has those told who are to be; gives how many alerts were told of."""
        # What waits for the end of quiet hours is not in the way of what others are to be told.
        waiting = {one.id for one in self._rules.values() if self._grounds.is_quiet(one, self._now_utc)}
        by_organisation: dict[int, list[Alert]] = {}
        for alert in untold_alerts(self._connection, AT_ONCE, waiting):
            by_organisation.setdefault(self._rules[alert.rule_id].organisation_id, []).append(alert)
        told = sum(self._tell(organisation, its) for organisation, its in sorted(by_organisation.items()))
        for alert in to_escalate(self._connection, self._now_utc, AT_ONCE, waiting):
            whom, escalate_to = self._whom(alert), self._rules[alert.rule_id].escalate_to
            others = [one for one in escalate_to if one not in whom]
            if not any(one in self._channels for one in escalate_to):
                others = list(whom)  # whoever was to be told is not there any more
            self._queue(others, "alert.escalated", alert)
            mark_escalated(self._connection, alert.id, self._now_utc)
            told += 1
        return told

    def machines(self, event: str, alert: Alert) -> None:
        """Tells programs what became of an alert that they were told of."""
        if alert.told_utc is not None:
            rule = self._rules[alert.rule_id]
            both = dict.fromkeys([*self._whom(alert), *(rule.escalate_to if alert.escalated_utc else ())])
            self._queue([one for one in both if self._kind(one) in MACHINES], event, alert)

    def _whom(self, alert: Alert) -> Sequence[int]:
        """The channels that are told of an alert: those of its rule, or all of the place that tell of alerts.

        Those of a rule whose channels have all ended, too: it is not to raise alerts of which nobody hears.
        """
        rule = self._rules[alert.rule_id]
        if own := [one for one in rule.channels if one in self._channels]:
            return own
        node_id = alert.node_id if alert.node_id is not None else rule.node_id
        above = () if node_id is None else self._grounds.above(node_id)[1]
        return [
            one.id
            for one in self._channels.values()
            if one.organisation_id == rule.organisation_id
            and "alert" in one.events
            and (one.node_id is None or one.node_id in above)
        ]

    def _kind(self, channel_id: int) -> ChannelKind | None:
        channel = self._channels.get(channel_id)
        return None if channel is None else channel.kind

    def _tell(self, organisation: int, its: Sequence[Alert]) -> int:
        before = told_since(self._connection, organisation, self._now_utc - STORM_S)
        if before and before + len(its) > STORM:
            return 0  # until the next minute; then all that has come by then is one message
        known = self._known(its)
        if len(its) <= STORM:
            for alert in its:
                self._queue([one for one in self._whom(alert) if (one, alert.id) not in known], "alert.raised", alert)
        else:
            wanted: dict[int, list[Alert]] = {}
            for alert in its:
                for channel_id in self._whom(alert):
                    if (channel_id, alert.id) not in known:
                        wanted.setdefault(channel_id, []).append(alert)
            for channel_id, alerts in sorted(wanted.items()):
                self._summary(channel_id, alerts)
        mark_told(self._connection, [one.id for one in its], self._now_utc)
        return len(its)

    def _known(self, its: Sequence[Alert]) -> set[tuple[int, int]]:
        """(channel, alert) of those whose cause another rule of the same kind, or the case of it, has told there."""
        causes = {alert.cause for alert in its}
        told = {
            (channel, alert.cause, self._rules[alert.rule_id].kind)
            for alert in told_of(self._connection, causes)
            for channel in self._whom(alert)
        }
        answers = {alert.evidence["answer_id"]: alert.id for alert in its if "answer_id" in alert.evidence}
        found = {
            (channel, answers[answer])
            for channel, answer in (told_of_cases(self._connection, answers) if answers else ())
            if self._kind(channel) not in MACHINES
        }
        for alert in its:
            rule = self._rules[alert.rule_id]
            for channel in self._whom(alert):
                name = channel, alert.cause, rule.kind
                if name in told:
                    found.add((channel, alert.id))
                told.add(name)
        return found

    def _queue(self, channel_ids: Iterable[int], event: str, alert: Alert) -> None:
        for channel_id in channel_ids:
            channel = self._channels.get(channel_id)
            if channel is not None:
                said = message(self._grounds, self._rules[alert.rule_id], alert, event, self._url, channel.locale)
                queue(self._connection, channel_id, event, f"alert {alert.id}", said, self._now_utc)

    def _summary(self, channel_id: int, its: Sequence[Alert]) -> None:
        channel = self._channels.get(channel_id)
        if channel is None:
            return
        if len(its) == 1:
            self._queue([channel_id], "alert.raised", its[0])
            return
        subject = f"alerts {its[0].id}-{its[-1].id}"
        queue(self._connection, channel_id, "alert.summary", subject, self._summed(channel, its), self._now_utc)

    def _summed(self, channel: Channel, its: Sequence[Alert]) -> dict[str, Any]:
        language = language_of(channel.locale)
        lines = [f"- {language.say(self._title(alert))}" for alert in its[:LISTED]]
        if len(its) > LISTED:
            lines.append("…")
        url = f"{self._url}/alerts" if self._url else None
        return {
            "title": language.say(_n("%(count)s alert at once", "%(count)s alerts at once", len(its))),
            "text": "\n".join([*lines, "", *([url] if url else [])]).strip() + "\n",
            "url": url,
            "count": len(its),
            "alerts": [alert_values(self._grounds, self._rules[one.rule_id], one) for one in its[:LISTED]],
        }

    def _title(self, alert: Alert) -> Sentence:
        rule = self._rules[alert.rule_id]
        return title_of(RuleKind(rule.kind), self._grounds.name_of(rule, alert.node_id), alert.device_id)


_LAST: Final[Mapping[str, Sentence]] = {
    "alert.raised": _("Say there that you take care of it."),
    "alert.escalated": _("Nobody has taken care of it yet. Say there that you do."),
    "alert.acknowledged": _("Somebody takes care of it."),
    "alert.closed": _("It is over."),
}


def message(grounds: Grounds, rule: AlertRule, alert: Alert, event: str, url: str, locale: str) -> dict[str, Any]:
    """What is told of one alert: `title` and `text` in the language of who is told, and all that a program may want."""
    language = language_of(locale)
    kind, zone = RuleKind(rule.kind), grounds.zone_of(rule, alert.node_id)
    title = language.say(title_of(kind, grounds.name_of(rule, alert.node_id), alert.device_id))
    where = f"{url}/alerts/{alert.id}" if url else None
    lines = [title, *(language.say(one) for one in why(kind, alert.evidence, zone)), ""]
    lines.append(language.say(_("Rule: %(name)s. Alert %(number)s.", name=rule.name, number=str(alert.id))))
    lines += [language.say(_LAST[event]), *([where] if where else [])]
    return {
        "title": _short(language, event, title),
        "text": "\n".join(lines) + "\n",
        "url": where,
        "alert": alert_values(grounds, rule, alert),
    }


def _short(language: Language, event: str, title: str) -> str:
    if event == "alert.escalated":
        return language.say(_("Still open: %(what)s", what=title))
    return language.say(_("Over: %(what)s", what=title)) if event == "alert.closed" else title


def alert_values(grounds: Grounds, rule: AlertRule, alert: Alert) -> dict[str, Any]:
    """An alert for programs, as the contract has it."""
    return {
        "id": alert.id,
        "uid": alert.uid,
        "rule": rule.id,
        "name": rule.name,
        "kind": rule.kind,
        "organisation": grounds.sites[rule.organisation_id].site.organisation.key,
        "place": grounds.key_of(rule, alert.node_id),
        "device_id": alert.device_id,
        "cause": alert.cause,
        "evidence": alert.evidence,
        "raised_utc": alert.raised_utc,
        "told_utc": alert.told_utc,
        "acknowledged_utc": alert.acknowledged_utc,
        "acknowledged_by": alert.acknowledged_by,
        "comment": alert.comment,
        "escalated_utc": alert.escalated_utc,
        "closed_utc": alert.closed_utc,
    }
