"""From the plain values of a file to a site. No fault stops it: each is put on a list and the reading goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from hymio.site import hours as opening
from hymio.site import moments
from hymio.site.model import (
    FollowUp,
    Level,
    Node,
    NodeKind,
    Option,
    Organisation,
    Placement,
    Places,
    Question,
    Scale,
    Site,
    Survey,
    SurveyType,
)
from hymio.site.rules import KEY_EXPECTED, Problem, Subject, near, node_subject, placement_subject, problems

Path = tuple[str | int, ...]
"""Where a value stands in a file: keys and indices of a TOML, or file, row and column of a CSV."""

ORGANISATION_KEYS: Final = ("key", "name", "locale", "time_zone", "levels", "too_few")
NODE_KEYS: Final = ("name", "parent", "time_zone", "hours", "level", "custom", "until")
SURVEY_KEYS: Final = ("question", "at", "type", "scale", "first_day", "last_day", "unhappy", "happy")
PLACEMENT_KEYS: Final = ("device_id", "at", "from", "until", "asks")
FILE_KEYS: Final = ("organisation", "group", "point", "question", "survey", "placement")

_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class FaultyValue:
    """What is wrong at one place of a file."""

    path: Path
    expected: str
    came: object
    """None: nothing came."""


class Builder:
    """Takes values, collects faults, and at the end gives the site."""

    def __init__(self) -> None:
        """Begins with nothing: no values and no faults."""
        self.faults: list[FaultyValue] = []
        self.organisation = Organisation("", "")
        self.nodes: list[Node] = []
        self.questions: list[Question] = []
        self.surveys: list[Survey] = []
        self.placements: list[Placement] = []
        self._late: list[tuple[Path, dict[str, Any], int | None]] = []
        """Placements and ends of places: their local times need the zone of a place, which may come later."""
        self._paths: dict[Subject, list[Path]] = {}
        self._elements: dict[Path, Path] = {}
        """Where the elements of a list stand that the model keeps in another order."""

    def wrong(self, path: Path, expected: str, came: object = None) -> None:
        """Puts a fault on the list."""
        self.faults.append(FaultyValue(path, expected, came))

    def take(self, given: Mapping[str, Any]) -> None:
        """All of a TOML file."""
        self.known((), given, FILE_KEYS)
        self.take_organisation(("organisation",), given.get("organisation"))
        for kind in NodeKind:
            for key, node in self._table((kind.value,), given.get(kind.value, {})).items():
                self.take_node((kind.value, key), kind, key, node)
        for key, question in self._table(("question",), given.get("question", {})).items():
            self._question(("question", key), key, question)
        for key, survey in self._table(("survey",), given.get("survey", {})).items():
            self._survey(("survey", key), key, survey)
        for index, placement in enumerate(self._array(("placement",), given.get("placement", []))):
            self.take_placement(("placement", index), placement)

    def site(self) -> Site:
        """What has been taken, as far as it can be understood; the faults of the whole are put on the list."""
        places = Places(self.organisation, tuple(self.nodes))
        for path, given, node in self._late:
            if node is None:
                self._placement(path, given, places)
            else:
                until = self._moment((*path, "until"), given["until"], self._zone(places, self.nodes[node].key))
                self.nodes[node] = replace(self.nodes[node], until_utc_minute=until)
        site = Site(
            self.organisation,
            tuple(self.nodes),
            tuple(self.questions),
            tuple(self.surveys),
            tuple(self.placements),
        )
        said = {fault.path for fault in self.faults}  # what was put in for those values is no news
        for problem in problems(site):
            fault = self.fault_of(problem)
            if not any(fault.path[:length] in said for length in range(2, len(fault.path) + 1)):
                self.faults.append(fault)
        return site

    def fault_of(self, problem: Problem) -> FaultyValue:
        """A problem of the whole, at the place of what it is about, or where that would stand."""
        paths = self._paths.get(problem.subject, [problem.subject])
        path = (*(paths[-1] if problem.key in (("key",), ("from",)) else paths[0]), *problem.key)
        return FaultyValue(self._elements.get(path, path), problem.expected, problem.came)

    def take_organisation(self, path: Path, given: Any) -> None:
        """The table `organisation`."""
        if given is None:
            self.wrong(path, "a table with key and name")
            self.organisation = Organisation("unknown", "unknown")
            return
        table = self._known_table(path, given, ORGANISATION_KEYS)
        levels = self._known_table((*path, "levels"), table.get("levels", {}), ("good", "excellent", "the_very_best"))
        too_few = self._known_table((*path, "too_few"), table.get("too_few", {}), ("customer", "staff"))
        usual = Organisation("", "")
        self.organisation = Organisation(
            key=self._text(path, table, "key"),
            name=self._text(path, table, "name"),
            locale=self._text(path, table, "locale", usual.locale),
            time_zone=self._text(path, table, "time_zone", usual.time_zone),
            good=self._number((*path, "levels"), levels, "good", usual.good),
            excellent=self._number((*path, "levels"), levels, "excellent", usual.excellent),
            the_very_best=self._number((*path, "levels"), levels, "the_very_best", usual.the_very_best),
            too_few_customer=self._whole((*path, "too_few"), too_few, "customer", usual.too_few_customer),
            too_few_staff=self._whole((*path, "too_few"), too_few, "staff", usual.too_few_staff),
        )

    def take_node(self, path: Path, kind: NodeKind, key: str, given: Any) -> None:
        """One group or experience point."""
        table = self._known_table(path, given, NODE_KEYS)
        hours = None
        if "hours" in table:
            said = self._text(path, table, "hours", "always")
            try:
                hours = opening.parse(said)
            except ValueError as error:
                self.wrong((*path, "hours"), str(error), said)
        node = Node(
            key=key,
            name=self._text(path, table, "name"),
            kind=kind,
            parent=self._text(path, table, "parent") if "parent" in table else None,
            time_zone=self._text(path, table, "time_zone") if "time_zone" in table else None,
            hours=hours,
            level=self._choice(path, table, "level", Level) if "level" in table else None,
            custom=self._texts((*path, "custom"), table.get("custom", {})),
        )
        self._paths.setdefault(node_subject(node), []).append(path)
        self.nodes.append(node)
        if "until" in table:
            self._late.append((path, table, len(self.nodes) - 1))

    def take_placement(self, path: Path, given: Any) -> None:
        """One stretch of time that a terminal stood somewhere."""
        self._late.append((path, self._known_table(path, given, PLACEMENT_KEYS), None))

    def known(self, path: Path, table: Mapping[str, Any], keys: Iterable[str]) -> None:
        """Faults of the keys that nobody knows."""
        keys = tuple(keys)
        for key in table:
            if key not in keys:
                self.wrong((*path, key), f"one of {', '.join(keys)}{near(key, keys)}", key)

    def _question(self, path: Path, key: str, given: Any) -> None:
        table = self._known_table(path, given, ("text",))
        self._paths[("question", key)] = [path]
        self.questions.append(Question(key, self._localized(path, table)))

    def _survey(self, path: Path, key: str, given: Any) -> None:
        table = self._known_table(path, given, SURVEY_KEYS)
        self._paths[("survey", key)] = [path]
        at = table.get("at", [])
        keys = []
        for index, one in enumerate(self._array((*path, "at"), [at] if isinstance(at, str) else at)):
            if isinstance(one, str):
                keys.append(one)
                self._elements[(*path, "at", one)] = (*path, "at", index)
            else:
                self.wrong((*path, "at", index), "the key of a place", one)
        first_day = self._day(path, table, "first_day")
        if "first_day" not in table:
            self.wrong((*path, "first_day"), "a day like 2026-03-01")
        self.surveys.append(
            Survey(
                key=key,
                question=self._text(path, table, "question"),
                at=tuple(keys),
                first_day=first_day or moments.EARLIEST,
                last_day=self._day(path, table, "last_day"),
                type=self._choice(path, table, "type", SurveyType) or SurveyType.CUSTOMER,
                scale=self._choice(path, table, "scale", Scale) or Scale.FOUR,
                follow_ups=tuple(
                    self._follow_up((*path, name), positive, table[name])
                    for name, positive in (("unhappy", False), ("happy", True))
                    if name in table
                ),
            )
        )
        if first_day is None or ("last_day" in table and self.surveys[-1].last_day is None):
            # Its days are not known, so it can't be in the way of another one; of all else the rules shall judge.
            self.surveys[-1] = replace(
                self.surveys[-1], first_day=moments.EARLIEST + timedelta(days=1), last_day=moments.EARLIEST
            )

    def _follow_up(self, path: Path, positive: bool, given: Any) -> FollowUp:
        table = self._known_table(path, given, ("text", "option"))
        options = []
        for index, option in enumerate(self._array((*path, "option"), table.get("option", []))):
            at: Path = (*path, "option", index)
            fields = self._known_table(at, option, ("key", "text"))
            options.append(Option(self._text(at, fields, "key"), self._localized(at, fields)))
        return FollowUp(positive, self._localized(path, table), tuple(options))

    def _placement(self, path: Path, table: dict[str, Any], places: Places) -> None:
        device_id, point = self._text(path, table, "device_id"), self._text(path, table, "at")
        zone = self._zone(places, point)
        start = self._moment((*path, "from"), table.get("from"), zone)
        until = self._moment((*path, "until"), table["until"], zone) if "until" in table else None
        asks = self._choice(path, table, "asks", SurveyType) or SurveyType.CUSTOMER
        if start is None or ("until" in table and until is None):
            return
        placement = Placement(device_id, point, start, until, asks)
        self._paths.setdefault(placement_subject(placement), []).append(path)
        self.placements.append(placement)

    def _zone(self, places: Places, key: str) -> str:
        zone = places.zone(key)
        return zone if zone in moments.zones() else "UTC"  # a fault of its own

    def _moment(self, path: Path, given: Any, zone: str) -> int | None:
        try:
            return moments.parse_moment(given, zone)
        except ValueError as error:
            self.wrong(path, str(error), given)
            return None

    def _day(self, path: Path, table: Mapping[str, Any], name: str) -> date | None:
        given = table.get(name)
        if given is None:
            return None
        if isinstance(given, str):
            with suppress(ValueError):
                given = datetime.strptime(given.strip(), "%Y-%m-%d").date()
        if isinstance(given, date) and not isinstance(given, datetime):
            return given
        self.wrong((*path, name), "a day like 2026-03-01", given)
        return None

    def _table(self, path: Path, given: Any) -> dict[str, Any]:
        if isinstance(given, dict):
            return given
        self.wrong(path, "a table", given)
        return {}

    def _known_table(self, path: Path, given: Any, keys: Iterable[str]) -> dict[str, Any]:
        table = self._table(path, given)
        self.known(path, table, keys)
        return table

    def _array(self, path: Path, given: Any) -> list[Any]:
        if isinstance(given, list):
            return given
        self.wrong(path, "an array", given)
        return []

    def _text(self, path: Path, table: Mapping[str, Any], name: str, usual: str | None = None) -> str:
        given = table.get(name, usual)
        if isinstance(given, str):
            return given.strip()
        self.wrong((*path, name), KEY_EXPECTED if name == "key" else "a text", given)
        return ""

    def _texts(self, path: Path, given: Any) -> dict[str, str]:
        table = self._table(path, given)
        return {name: self._text(path, table, name) for name in table}

    def _localized(self, path: Path, table: Mapping[str, Any]) -> dict[str, str]:
        """`text`: a table by locale, or one text in the organisation's locale."""
        given = table.get("text")
        if isinstance(given, str):
            return {self.organisation.locale: given.strip()}
        if given is None:
            self.wrong((*path, "text"), "a text, or a table of texts by locale")
            return {}
        return self._texts((*path, "text"), given)

    def _choice(self, path: Path, table: Mapping[str, Any], name: str, choices: type[_Choice]) -> _Choice | None:
        given = table.get(name)
        if given is None:
            return None
        said = str(given).strip().casefold()
        found = next((one for one in choices if one.value.casefold() == said), None)
        if found is None:
            self.wrong((*path, name), f"one of {', '.join(choices)}", given)
        return found

    def _number(self, path: Path, table: Mapping[str, Any], name: str, usual: float) -> float:
        given = table.get(name, usual)
        if isinstance(given, int | float) and not isinstance(given, bool):
            return float(given)
        self.wrong((*path, name), "a number", given)
        return usual

    def _whole(self, path: Path, table: Mapping[str, Any], name: str, usual: int) -> int:
        given = table.get(name, usual)
        if isinstance(given, int) and not isinstance(given, bool):
            return given
        self.wrong((*path, name), "a whole number", given)
        return usual
