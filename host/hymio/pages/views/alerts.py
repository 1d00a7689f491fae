"""Alerts: what is the matter and who takes care of it; and the rules that raise them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from hymio.alerting.grounds import Grounds
from hymio.alerting.making import RuleWish, acknowledge, complete_condition, make_rule, remove_rule, rule_values
from hymio.alerting.rules import HOUR_S, NUMBERS, Condition, RuleError, RuleKind
from hymio.alerting.telling import alert_values
from hymio.alerting.trial import Trial, tried
from hymio.alerting.words import KIND_NAMES, condition_said, rate_of, title_of, why
from hymio.locale.sentence import Sentence, _
from hymio.pages.access import SiteNow
from hymio.pages.errors import Refused
from hymio.pages.forms import done_of, need_to_run_places, need_to_see_presses, number_in
from hymio.pages.reader import PageOf, PageReader
from hymio.site.moments import zone_of
from hymio.store.alerts import (
    Alert,
    AlertRule,
    alert_of_id,
    alerts_of,
    rule_of_id,
    stored_rules,
    unacknowledged_alerts,
)
from hymio.store.channels import Channel, stored_channels
from hymio.store.database import Store

ALERTS: Final = "/alerts"
RULES: Final = "/alerts/rules"
SHOWN: Final = 100
TRIAL_MONTHS: Final = 10
_HOURS: Final = ("window_s", "after_s")
"""Numbers of a condition that people give in hours."""

NUMBER_NAMES: Final[Mapping[str, tuple[Sentence, Sentence]]] = {
    "window_s": (_("Within hours"), _("So far back it looks.")),
    "after_s": (_("After hours"), _("So long it may last.")),
    "least": (_("Answers at least"), _("With fewer nothing is raised.")),
    "share": (_("Limit, unhappy in a hundred"), _("It is raised when the share is surely above it.")),
    "level": (_("Happy Index"), _("It is raised when the index falls below it; empty: the level of the place.")),
    "drop": (_("Points below the usual"), _("Of the same hour of the week.")),
    "count": (_("Unhappy answers"), _("So many within those hours.")),
    "days": (_("Days before"), _("So early it is told.")),
    "votes_a_month": (_("Answers a month"), _("Empty: as many as in the last quarter.")),
    "false_alarms": (_("False alarms a month"), _("So many at most, by chance.")),
}
DONE: Final = {
    "acknowledged": _("It is noted that you take care of it."),
    "added": _("The rule looks at what comes from now on."),
    "removed": _("The rule raises nothing any more."),
}


class AlertPages:
    """The views."""

    def __init__(self, store: Store, now_utc: Callable[[], float], url: str = "") -> None:
        """Of a database; url: how people reach it, for what programs are told."""
        self._store, self._now_utc, self._url = store, now_utc, url
        self._grounds: Grounds | None = None

    def waiting(self, reader: PageReader) -> int | None:
        """How many alerts of the reader nobody takes care of; None: alerts are not for the reader."""
        if not reader.access.sees_presses:
            return None
        with self._store.reading() as connection:
            if not unacknowledged_alerts(connection, 1, lambda _: True):
                return 0
            return len(unacknowledged_alerts(connection, SHOWN, self._sight(reader, connection)))

    # Alerts

    def alerts(self, reader: PageReader) -> PageOf:
        """Those that are open, and the last ones that are closed."""
        need_to_see_presses(reader)
        with self._store.reading() as connection:
            grounds = self._now(connection)
            seen = {one.stored.id for one in reader.sites()}
            rules = {one.id: one for one in stored_rules(connection) if one.organisation_id in seen}
            sight = self._sight(reader, connection)
            found = {
                is_open: [
                    self._alert(reader, grounds, rules[one.rule_id], one)
                    for one in alerts_of(connection, rules, is_open, SHOWN, sight)
                ]
                for is_open in (True, False)
            }
        waiting = [one for one in found[True] if one["acknowledged_utc"] is None]
        cared = [one for one in found[True] if one["acknowledged_utc"] is not None]
        return PageOf(
            "alerts.html", {"open": waiting, "acknowledged": cared, "closed": found[False]}, self._around(reader)
        )

    def alert(self, reader: PageReader, wrong: Sentence | None = None) -> PageOf:
        """One of them: why it was raised, and who takes care of it."""
        with self._store.reading() as connection:
            grounds = self._now(connection)
            rule, alert = self._asked(reader, connection, grounds)
            values = self._alert(reader, grounds, rule, alert)
        typed = reader.said("name") or (reader.access.name or "")
        around = {**self._around(reader), "wrong": wrong, "typed": {"name": typed, "comment": reader.said("comment")}}
        return PageOf("alert.html", {"alert": values}, around, 400 if wrong else 200)

    def post_alert(self, reader: PageReader) -> PageOf | Response:
        """Notes who takes care of it."""
        need_to_run_places(reader)
        try:
            with self._store.writing() as connection:
                grounds = self._now(connection)
                _rule, alert = self._asked(reader, connection, grounds)
                acknowledge(
                    connection, grounds, alert.id, reader.said("name"), reader.said("comment"), self._now_utc(),
                    self._url, reader.access.name,
                )  # fmt: skip
        except RuleError as error:
            return self.alert(reader, error.said)
        return RedirectResponse(f"{ALERTS}/{alert.id}?done=acknowledged", 303)

    # Rules

    def rules(self, reader: PageReader, wrong: RuleError | None = None, trial: Trial | None = None) -> PageOf:
        """Those that go on; and a form for another one, when its kind is chosen."""
        need_to_see_presses(reader)
        kind = _kind(reader)
        with self._store.reading() as connection:
            grounds = self._now(connection)
            seen = [
                one
                for one in stored_rules(connection)
                if one.ended_utc is None and self._sees(reader, grounds, one, None)
            ]
            channels = self._channels(reader, connection, grounds)
            values = [self._rule(reader, grounds, one) for one in seen]
        around = {
            **self._around(reader),
            "kinds": KIND_NAMES,
            "kind": kind,
            "numbers": {} if kind is None else _fields(reader, kind),
            "names": NUMBER_NAMES,
            "channels": channels,
            "places": _places(reader),
            "typed": {one: reader.said(one) for one in ("name", "place", "quiet", "escalate_after", "escalate_to")},
            "chosen": set(reader.form.get("channel", ())),
            "wrong": wrong,
            "trial": None if trial is None else _trial(reader, trial),
        }
        return PageOf("alert_rules.html", {"rules": values}, around, 400 if wrong else 200)

    def post_rules(self, reader: PageReader) -> PageOf | Response:
        """Makes a rule, or only tries it."""
        need_to_run_places(reader)
        site, node_id = _asked_place(reader)
        now = self._now_utc()
        try:
            wish = self._wish(reader)
            if reader.said("change") == "try":
                with self._store.reading() as connection:
                    grounds = self._now(connection)
                    numbers = complete_condition(connection, grounds, site.stored.id, node_id, wish, now)
                    trial = tried(
                        connection, grounds, wish.kind, numbers, site.stored.id, node_id, now, TRIAL_MONTHS
                    )  # fmt: skip
                return self.rules(reader, None, trial)
            with self._store.writing() as connection:
                grounds = self._now(connection)
                known = {one["id"] for one in self._channels(reader, connection, grounds)}
                if not known.issuperset([*wish.channels, *wish.escalate_to]):
                    raise Refused(400)
                made = make_rule(connection, grounds, site.stored.id, node_id, wish, reader.access.name, now)
        except RuleError as error:
            return self.rules(reader, error)
        return RedirectResponse(f"{RULES}/{made.id}?done=added", 303)

    def rule(self, reader: PageReader) -> PageOf:
        """One rule, what it has raised, and what it would have in the last quarter."""
        with self._store.reading() as connection:
            grounds = self._now(connection)
            rule = self._asked_rule(reader, connection, grounds)
            values = self._rule(reader, grounds, rule)
            alerts = [self._alert(reader, grounds, rule, one) for one in alerts_of(connection, [rule.id], None, SHOWN)]
            trial = None
            if reader.request.query_params.get("trial"):
                trial = tried(
                    connection, grounds, RuleKind(rule.kind), rule.condition, rule.organisation_id, rule.node_id,
                    self._now_utc(), TRIAL_MONTHS,
                )  # fmt: skip
        shown = None if trial is None else _trial(reader, trial)
        return PageOf("alert_rule.html", {"rule": values, "alerts": alerts}, {**self._around(reader), "trial": shown})

    def post_rule(self, reader: PageReader) -> PageOf | Response:
        """Ends it."""
        need_to_run_places(reader)
        if reader.said("change") != "remove":
            raise Refused(400)
        with self._store.writing() as connection:
            grounds = self._now(connection)
            rule = self._asked_rule(reader, connection, grounds)
            remove_rule(connection, rule, reader.access.name, self._now_utc())
        return RedirectResponse(f"{RULES}/{rule.id}?done=removed", 303)

    # What they share

    def _now(self, connection: Connection) -> Grounds:
        known = self._grounds
        if known is None or not known.is_current(connection):
            known = self._grounds = Grounds(connection)
        return known

    def _site(self, reader: PageReader, rule: AlertRule) -> SiteNow | None:
        return next((one for one in reader.known_sites() if one.stored.id == rule.organisation_id), None)

    def _sees(self, reader: PageReader, grounds: Grounds, rule: AlertRule, node_id: int | None) -> bool:
        """Whether the reader sees what a rule sees there; None: all that it sees."""
        site = self._site(reader, rule)
        return site is not None and reader.access.sees(site, grounds.key_of(rule, node_id))

    def _sight(self, reader: PageReader, connection: Connection) -> Callable[[Alert], bool]:
        """Whether the reader sees an alert."""
        grounds = self._now(connection)
        rules = {one.id: one for one in stored_rules(connection)}
        return lambda one: self._sees(reader, grounds, rules[one.rule_id], one.node_id)

    def _asked(self, reader: PageReader, connection: Connection, grounds: Grounds) -> tuple[AlertRule, Alert]:
        need_to_see_presses(reader)
        number = _number(reader, "alert")
        alert = None if number is None else alert_of_id(connection, number)
        rule = None if alert is None else rule_of_id(connection, alert.rule_id)
        if alert is None or rule is None or not self._sees(reader, grounds, rule, alert.node_id):
            raise Refused(404, _("There is no alert %(key)s", key=reader.request.path_params["alert"][:20]))
        return rule, alert

    def _asked_rule(self, reader: PageReader, connection: Connection, grounds: Grounds) -> AlertRule:
        need_to_see_presses(reader)
        number = _number(reader, "rule")
        rule = None if number is None else rule_of_id(connection, number)
        if rule is None or not self._sees(reader, grounds, rule, None):
            raise Refused(404, _("There is no rule %(key)s", key=reader.request.path_params["rule"][:20]))
        return rule

    def _alert(self, reader: PageReader, grounds: Grounds, rule: AlertRule, alert: Alert) -> dict[str, Any]:
        kind, say = RuleKind(rule.kind), reader.language.say
        zone = grounds.zone_of(rule, alert.node_id)
        name = grounds.name_of(rule, alert.node_id)
        return {
            **alert_values(grounds, rule, alert),
            "title": say(title_of(kind, name, alert.device_id)),
            "why": [say(one) for one in why(kind, alert.evidence, zone)],
            "place_name": name,
            "zone": zone,
            "address": f"{ALERTS}/{alert.id}",
        }

    def _rule(self, reader: PageReader, grounds: Grounds, rule: AlertRule) -> dict[str, Any]:
        kind, say = RuleKind(rule.kind), reader.language.say
        return {
            **rule_values(grounds, rule),
            "title": say(KIND_NAMES[kind]),
            "place_name": grounds.name_of(rule),
            "said": [say(one) for one in condition_said(kind, rule.condition)],
            "rate": say(rate_of(kind, rule.condition)),
            "address": f"{RULES}/{rule.id}",
        }

    def _channels(self, reader: PageReader, connection: Connection, grounds: Grounds) -> list[dict[str, Any]]:
        """Those of which the reader may have somebody told."""
        sites = {one.stored.id: one for one in reader.known_sites()}

        def is_seen(one: Channel) -> bool:
            site = sites.get(one.organisation_id)
            if site is None or one.ended_utc is not None:
                return False
            return reader.access.sees(site, None if one.node_id is None else site.stored.node_keys[one.node_id])

        return [
            {"id": one.id, "name": one.name, "target": one.shown_target}
            for one in stored_channels(connection)
            if is_seen(one)
        ]

    def _wish(self, reader: PageReader) -> RuleWish:
        kind = _kind(reader)
        if kind is None:
            raise Refused(400)
        numbers: dict[str, float] = {}
        for name in NUMBERS[kind]:
            typed = reader.said(name).replace(",", ".")
            if typed:
                numbers[name] = _float(name, typed) * (HOUR_S if name in _HOURS else 1.0)
        escalate = reader.said("escalate_after").replace(",", ".")
        escalate_s = 60 * _float("escalate_after", escalate) if escalate else None
        name = reader.said("name") or reader.language.say(KIND_NAMES[kind])
        channels = _ids(reader.form.get("channel", ()))
        return RuleWish(
            kind, name, numbers, channels, escalate_s, _ids(reader.form.get("escalate_to", ())), reader.said("quiet")
        )

    def _around(self, reader: PageReader) -> dict[str, Any]:
        return {
            "done": done_of(reader, DONE),
            "moment": lambda utc, zone="UTC": datetime.fromtimestamp(utc, zone_of(zone)),
            "now_utc": self._now_utc(),
        }


def _number(reader: PageReader, name: str) -> int | None:
    return number_in(reader.request.path_params[name].removesuffix(".json"))


def _kind(reader: PageReader) -> RuleKind | None:
    came = reader.said("kind") or reader.request.query_params.get("kind", "")
    try:
        return RuleKind(came) if came else None
    except ValueError:
        raise Refused(400) from None


def _float(name: str, typed: str) -> float:
    try:
        value = float(typed)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        label = NUMBER_NAMES[name][0] if name in NUMBER_NAMES else _("Minutes")
        raise RuleError(_("%(name)s: %(typed)s is no number.", name=label, typed=typed[:20]), _("Give a number."))
    return value


def _ids(typed: Collection[str]) -> list[int]:
    return [number for one in typed if (number := number_in(one)) is not None]


def _places(reader: PageReader) -> list[dict[str, str]]:
    """Where the reader may have rules: what they see, as the form sends it and as it is called."""
    found = []
    for site in reader.sites():
        key = site.organisation.key
        if None in reader.access.tops(site):
            found.append({"value": key, "name": site.organisation.name})
        for node in reader.access.nodes(site):
            found.append({"value": f"{key}/{node.key}", "name": node.name})
    return found


def _asked_place(reader: PageReader) -> tuple[SiteNow, int | None]:
    organisation, _slash, key = reader.said("place").partition("/")
    for site in reader.sites():
        if site.organisation.key == organisation and (not key or key in site.stored.nodes):
            if not reader.access.sees(site, key or None):
                raise Refused(403)
            return site, site.stored.nodes[key] if key else None
    raise Refused(400)


def _fields(reader: PageReader, kind: RuleKind) -> dict[str, str]:
    """The values of a form's numbers: as they were typed, or their defaults."""
    found = {}
    for name, number in NUMBERS[kind].items():
        default = "" if number.default is None else f"{number.default / (HOUR_S if name in _HOURS else 1):g}"
        found[name] = reader.said(name) if reader.request.method == "POST" else default
    return found


WIDTH: Final = 720
HEIGHT: Final = 200
_BASE: Final = 20


def _trial(reader: PageReader, trial: Trial) -> dict[str, Any]:
    """A trial for the page: in words, and its picture in points of WIDTH x HEIGHT."""
    days: Sequence[tuple[str, int, float | None, int]] = trial.by_day
    step = WIDTH / max(1, len(days))
    indices = [index for _, _, index, _ in days if index is not None]
    floor = min([*indices, 90.0]) // 10 * 10

    def height(index: float) -> float:
        return round((HEIGHT - _BASE) * (1 - (index - floor) / (100 - floor)), 1)

    line = [
        (round((number + 0.5) * step, 1), height(index))
        for number, (_, _, index, _) in enumerate(days)
        if index is not None
    ]
    marks = [
        {"x": round((number + 0.5) * step, 1), "day": day, "alerts": alerts}
        for number, (day, _, _, alerts) in enumerate(days)
        if alerts
    ]
    condition: Condition = trial.condition
    return {
        **trial.as_json(),
        "rate": reader.language.say(rate_of(trial.kind, condition, trial.bound)),
        "line": " ".join(f"{x},{y}" for x, y in line),
        "marks": marks,
        "floor": floor,
        "width": WIDTH,
        "height": HEIGHT,
        "base": HEIGHT - _BASE,
    }
