"""Where things are, as rules see them: whose place it is, what lies above it, what the clock on its wall shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Final

from sqlalchemy import Connection

from hymio.measures.levels import Thresholds
from hymio.site.attribution import FOR_EVER
from hymio.site.hours import DAY_MIN, FIRST_WEEKDAY_OF_1970, WEEK_MIN, OpeningHours, parse
from hymio.site.model import Level, Places, places_of
from hymio.site.moments import MINUTE_S, WallClock
from hymio.store.alerts import AlertRule
from hymio.store.places import StaffStays, StoredPlaces, staff_stays, stored_places
from hymio.store.schema import NOWHERE
from hymio.store.sites import StoredSite, load_sites, sites_version

_HOUR_MIN: Final = 60
_WEEK_H: Final = 168


@cache
def _clock(zone: str) -> WallClock:
    return WallClock(zone)


@cache
def _hours(text: str) -> OpeningHours:
    return parse(text)


class Grounds:
    """The sites of all organisations, as of a transaction."""

    def __init__(self, connection: Connection) -> None:
        """Reads them."""
        self.version = sites_version(connection)
        self._places: StoredPlaces = stored_places(connection)
        self._staff: StaffStays = staff_stays(connection)
        self.sites: Mapping[int, StoredSite] = {one.id: one for one in load_sites(connection)}
        self._trees: dict[int, Places] = {number: places_of(one.site) for number, one in self.sites.items()}
        self._above: dict[int, tuple[int, Sequence[int]]] = {}
        """By place: the organisation, and the ids of the place and all above it."""
        self._standing: dict[str, list[tuple[int, int, int]]] = {}
        for number, stored in self.sites.items():
            tree = self._trees[number]
            for key, node_id in stored.nodes.items():
                self._above[node_id] = number, [stored.nodes[one.key] for one in tree.up(key)]
            for stay in stored.site.placements:
                until = FOR_EVER if stay.until_utc_minute is None else stay.until_utc_minute
                point = stored.nodes[stay.point]
                self._standing.setdefault(stay.device_id, []).append((stay.from_utc_minute, until, point))

    def is_current(self, connection: Connection) -> bool:
        """Whether no site has changed since."""
        return self.version == sites_version(connection)

    def above(self, node_id: int) -> tuple[int, Sequence[int]]:
        """The organisation of a place, and the ids of the place and all above it."""
        return self._above[node_id]

    def is_at(self, rule: AlertRule, node_id: int) -> bool:
        """Whether a rule looks after a place."""
        organisation, above = self._above[node_id]
        return organisation == rule.organisation_id and (rule.node_id is None or rule.node_id in above)

    def place_of_vote(self, device_id: str, utc: float) -> int | None:
        """Where a press counts as a vote of customers, and that place is open; None: nowhere."""
        minute = int(utc // MINUTE_S)
        at = self._places.at(device_id, minute)
        if at.piece.node_id == NOWHERE or at.piece.staff_block or not at.is_open:
            return None
        if any(low <= minute < high for low, high in self._staff.get(device_id, ())):
            return None
        return at.piece.node_id

    def week_hour(self, node_id: int, utc: float) -> int:
        """The hour of the week on the clock of a place; 0 is the first one of Monday."""
        hour = _clock(self.zone(node_id)).local_minute(int(utc // MINUTE_S)) // _HOUR_MIN
        return (hour + FIRST_WEEKDAY_OF_1970 * DAY_MIN // _HOUR_MIN) % _WEEK_H

    def zone(self, node_id: int) -> str:
        """The time zone of a place."""
        number, above = self._above[node_id]
        return self._trees[number].zone(self.sites[number].node_keys[above[0]])

    def level(self, organisation_id: int, node_id: int | None) -> float:
        """The Happy Index of the level that a place is to reach; of one that has none set: of GOOD."""
        stored = self.sites[organisation_id]
        organisation = stored.site.organisation
        steps = Thresholds(organisation.good, organisation.excellent, organisation.the_very_best)
        chosen = None if node_id is None else self._trees[organisation_id].level(stored.node_keys[node_id])
        return steps.of(chosen or Level.GOOD)

    def zone_of(self, rule: AlertRule, node_id: int | None = None) -> str:
        """The time zone of a rule's place, or of the one where it has seen something."""
        node_id = rule.node_id if node_id is None else node_id
        return self.sites[rule.organisation_id].site.organisation.time_zone if node_id is None else self.zone(node_id)

    def name_of(self, rule: AlertRule, node_id: int | None = None) -> str:
        """What that place is called."""
        stored = self.sites[rule.organisation_id]
        node_id = rule.node_id if node_id is None else node_id
        if node_id is None:
            return stored.site.organisation.name
        return self._trees[rule.organisation_id].by_key[stored.node_keys[node_id]].name

    def key_of(self, rule: AlertRule, node_id: int | None = None) -> str | None:
        """The key of that place; None: all of the organisation."""
        node_id = rule.node_id if node_id is None else node_id
        return None if node_id is None else self.sites[rule.organisation_id].node_keys[node_id]

    def is_quiet(self, rule: AlertRule, now_utc: float) -> bool:
        """Whether nobody is told now, by the clock of the rule's place."""
        if rule.quiet is None:
            return False
        return _hours(rule.quiet).has(_clock(self.zone_of(rule)).local_minute(int(now_utc // MINUTE_S)))

    def standing(self, now_utc: float) -> Mapping[str, int]:
        """Where each terminal stands that stands anywhere."""
        minute = int(now_utc // MINUTE_S)
        found = {}
        for device_id, stays in self._standing.items():
            for begin, until, node_id in stays:
                if begin <= minute < until:
                    found[device_id] = node_id
        return found

    def nodes_of(self, organisation_id: int, node_id: int | None) -> frozenset[int]:
        """The ids of a place and all below it; None: of all places of an organisation."""
        return frozenset(
            number
            for number, (organisation, above) in self._above.items()
            if organisation == organisation_id and (node_id is None or node_id in above)
        )

    def devices_at(self, nodes: Collection[int]) -> list[str]:
        """The terminals that stood at one of these places at any time, in order."""
        return sorted(
            device_id for device_id, stays in self._standing.items() if any(node_id in nodes for _, _, node_id in stays)
        )

    def open_s(self, node_id: int, from_utc: float, to_utc: float) -> float:
        """Seconds of a stretch of time in which a place was open."""
        number, above = self._above[node_id]
        key = self.sites[number].node_keys[above[0]]
        hours = self._trees[number].hours(key)
        if hours is None or to_utc <= from_utc:
            return max(0.0, to_utc - from_utc)
        clock, week = _clock(self._trees[number].zone(key)), hours.minutes_of_week()
        first, last = (clock.local_minute(int(utc // MINUTE_S)) for utc in (from_utc, to_utc))
        begin = (first + FIRST_WEEKDAY_OF_1970 * DAY_MIN) % WEEK_MIN
        weeks, rest = divmod(last - first, WEEK_MIN)
        return MINUTE_S * float(weeks * sum(week) + sum((week + week)[begin : begin + rest]))
