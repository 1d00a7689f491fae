"""Which terminals of a place are mashed, when and how; and what its votes would be with another lock-out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from hymio.figures.hours_of_week import closing_week_hours
from hymio.locale.sentence import Sentence, _
from hymio.measures.answers import NO_MISUSE
from hymio.measures.happy_index import happy_index
from hymio.measures.misuse_patterns import FILTERED, Pattern, PatternKind, WeekHour, patterns
from hymio.measures.rejudging import default_windows
from hymio.site.attribution import FOR_EVER
from hymio.site.model import Placement, Places, SurveyType
from hymio.site.moments import WallClock
from hymio.store import schema
from hymio.store.cells import COUNTED, read_cells
from hymio.store.replaying import rejudged_between
from hymio.store.rows import chunks
from hymio.store.schema import OUT_OF_HOURS, CellSpan
from hymio.store.sites import StoredSite

DAYS: Final = 28
"""Four of each weekday are looked at."""
REJUDGED_MAX: Final = 40_000
"""So many presses are judged again at most, the newest of each terminal: some seconds."""
LOCKOUTS_MS: Final = (500, 1000, 1500, 2000, 3000, 4000, 5000, 7000, 10_000)
"""What may be asked for: between any two of them nothing else comes out that matters."""

SAID: Final[Mapping[PatternKind, Sentence]] = {
    PatternKind.CHILDREN: _("several buttons quickly: as children do"),
    PatternKind.HAMMERED: _("one button over and over"),
    PatternKind.STAFF: _("green when the place closes: as staff does"),
    PatternKind.HELD: _("a button held down: a cloth, or something that leans on it"),
    PatternKind.CHORD: _("two buttons at once: a hand or a sleeve"),
    PatternKind.WORN: _("a switch that bounces: it is worn"),
}


@dataclass(frozen=True, slots=True)
class TerminalMisuse:
    """One terminal at its place.

    by_reason: presses that are no votes. hours: those of `FILTERED`, by weekday and hour.
    """

    device_id: str
    place: str
    votes: int
    by_reason: Mapping[str, int]
    hours: Mapping[WeekHour, int]
    patterns: Sequence[Pattern]

    @property
    def presses(self) -> int:
        """Those that are no votes."""
        return sum(self.by_reason.values())

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        whole = self.presses + self.votes
        return {
            "device_id": self.device_id,
            "place": self.place,
            "votes": self.votes,
            "presses": self.presses,
            "share": 100 * self.presses / whole if whole else None,
            "by_reason": dict(self.by_reason),
            "patterns": [
                {
                    "kind": one.kind.value,
                    "presses": one.presses,
                    "button": one.button,
                    "weekday": None if one.hour is None else one.hour[0],
                    "hour": None if one.hour is None else one.hour[1],
                }
                for one in self.patterns
            ],
        }


def misuse_of(
    connection: Connection, stored: StoredSite, places: Places, key: str | None, now_utc: float
) -> list[TerminalMisuse]:
    """The terminals of a place with presses in the last weeks, the most that are no votes first.

    Nothing is told of those that asked staff meanwhile, nor of answers to surveys of staff.

    Args:
        connection: to the database.
        stored: the site.
        places: its tree.
        key: of a group or point; None: all of it.
        now_utc: the end of the weeks.
    """
    begin, end = int(now_utc // 60) - DAYS * 1440, int(now_utc // 60) + 1
    stays = _stays(stored, places, key, begin, end)
    points = {stored.nodes[point]: point for point in {one.point for some in stays.values() for one in some}}
    of_staff = {stored.surveys[one.key] for one in stored.site.surveys if one.type is SurveyType.STAFF}
    clocks = {number: WallClock(places.zone(point)) for number, point in points.items()}
    found: dict[tuple[str, int], dict[WeekHour, Counter[tuple[int, str]]]] = {}
    for cell in read_cells(connection, sorted(stays), CellSpan.HOUR, begin, end):
        if cell.node_id in points and cell.survey_id not in of_staff:
            local = clocks[cell.node_id].local_minute(cell.start_utc_minute)
            hour = (local // 1440 + 3) % 7, local % 1440 // 60  # 1 January 1970 was a Thursday
            verdict = COUNTED if cell.verdict == OUT_OF_HOURS else cell.verdict
            of_hour = found.setdefault((cell.device_id, cell.node_id), {}).setdefault(hour, Counter())
            of_hour[cell.button, verdict] += cell.presses
    switches = _switches(connection, sorted({device_id for device_id, _node in found}))
    told = [
        _told(device_id, points[node_id], hours, places, switches.get(device_id, (None, None)))
        for (device_id, node_id), hours in found.items()
    ]
    return sorted(told, key=lambda one: (-one.presses, one.device_id, one.place))


def _told(
    device_id: str,
    place: str,
    hours: Mapping[WeekHour, Counter[tuple[int, str]]],
    places: Places,
    switch: tuple[float | None, int | None],
) -> TerminalMisuse:
    opened = places.hours(place)
    closing = frozenset() if opened is None else closing_week_hours(opened)
    reasons: Counter[str] = Counter()
    for of_hour in hours.values():
        for (_button, verdict), count in of_hour.items():
            reasons[verdict] += count
    votes = reasons.pop(COUNTED, 0)
    by_reason = {verdict: count for verdict, count in reasons.most_common() if verdict not in NO_MISUSE and count > 0}
    when = {
        hour: filtered
        for hour, of_hour in hours.items()
        if (filtered := sum(count for (_button, verdict), count in of_hour.items() if verdict in FILTERED)) > 0
    }
    return TerminalMisuse(device_id, place, votes, by_reason, when, patterns(hours, closing, *switch))


def _stays(stored: StoredSite, places: Places, key: str | None, begin: int, end: int) -> dict[str, list[Placement]]:
    """Where terminals stood in that time, by device; without those that asked staff for a part of it."""
    points = {node.key for node in places.below(key)}
    found: dict[str, list[Placement]] = {}
    staff: set[str] = set()
    for one in stored.site.placements:
        until = FOR_EVER if one.until_utc_minute is None else one.until_utc_minute
        if one.from_utc_minute < end and until > begin:
            if one.asks is SurveyType.STAFF:
                staff.add(one.device_id)
            elif one.point in points:
                found.setdefault(one.device_id, []).append(one)
    return {device_id: some for device_id, some in found.items() if device_id not in staff}


def _switches(connection: Connection, device_ids: Sequence[str]) -> dict[str, tuple[float | None, int | None]]:
    state = schema.terminal_states.c
    found: dict[str, tuple[float | None, int | None]] = {}
    for chunk in chunks(device_ids):
        asked = select(state.device_id, state.edges_a_press, state.worst_button).where(state.device_id.in_(chunk))
        found |= {row.device_id: (row.edges_a_press, row.worst_button) for row in connection.execute(asked)}
    return found


@dataclass(frozen=True, slots=True)
class OtherLockout:
    """What a place's votes would be with another lock-out; None: too few answers.

    presses: so many were judged again.
    """

    lockout_ms: int
    votes: int | None
    votes_then: int | None
    happy_index: float | None
    happy_index_then: float | None
    presses: int

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        return {name: getattr(self, name) for name in OtherLockout.__dataclass_fields__}


def other_lockout(
    connection: Connection, stored: StoredSite, places: Places, key: str | None, now_utc: float, lockout_ms: int
) -> OtherLockout:
    """Judges the newest presses of a place again.

    Args:
        connection: to the database.
        stored: the site.
        places: its tree.
        key: of a group or point; None: all of it.
        now_utc: the end of the weeks that are looked at.
        lockout_ms: one of `LOCKOUTS_MS`.
    """
    begin, end = int(now_utc // 60) - DAYS * 1440, int(now_utc // 60) + 1
    stays = _stays(stored, places, key, begin, end)
    windows = default_windows() | {"lockout_ms": lockout_ms}
    faces, then, looked = [0] * 4, [0] * 4, 0
    each = max(200, REJUDGED_MAX // max(1, len(stays)))
    for device_id, some in sorted(stays.items()):
        if looked >= REJUDGED_MAX:
            break
        for one in some:
            until = FOR_EVER if one.until_utc_minute is None else one.until_utc_minute
            stretch = 60.0 * max(begin, one.from_utc_minute), 60.0 * min(end, until)
            hours, clock = places.hours(one.point), WallClock(places.zone(one.point))

            def is_open(utc: float, hours: Any = hours, clock: WallClock = clock) -> bool:
                return hours is None or bool(hours.has(clock.local_minute(int(utc // 60))))

            found = rejudged_between(connection, device_id, windows, [stretch], is_open, each)
            faces = [a + b for a, b in zip(faces, found.faces, strict=True)]
            then = [a + b for a, b in zip(then, found.faces_then, strict=True)]
            looked += found.presses
    least = stored.site.organisation.too_few_customer
    if min(sum(faces), sum(then)) < least:
        return OtherLockout(lockout_ms, None, None, None, None, looked)
    return OtherLockout(lockout_ms, sum(faces), sum(then), happy_index(faces), happy_index(then), looked)
