"""What Home Assistant is told of the terminals: the figures of their day, whenever these have changed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import note
from hymio.office.home_discovery import FIGURES, availability_topic, discovery, discovery_topic, figures
from hymio.site.moments import zone_of
from hymio.store import known_terminals
from hymio.store.cells import COUNTED, read_cells
from hymio.store.database import Store
from hymio.store.known_terminals import Facts, facts_of
from hymio.store.places import staff_stays, stored_places, without
from hymio.store.quarantine import counts
from hymio.store.schema import OUT_OF_HOURS, CellSpan, logs, presses
from hymio.wire.device_ids import is_device_id

GATHER_S: Final = 2.0
"""How long votes are gathered, in seconds; those of one moment are one message then."""
LOOK_S: Final = 10.0
"""How often, in seconds, the database is asked who has been retired; `hymio retire` and `cmd forget` mark it there."""

STAFF_SEEN_S: Final = 3600
"""Of one that asks staff it is told to so many seconds when it was heard last, or each vote would be seen to come."""

Publish = Callable[[str, bytes], Awaitable[None]]


def day_of(now_utc: float, zone: tzinfo) -> tuple[float, float]:
    """Beginning and end of the local day in which `now_utc` lies, in seconds of 1970."""
    begin = datetime.fromtimestamp(now_utc, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    # Through noon of the next day, because 24 hours later is not midnight after days of 23 and 25 hours.
    end = (begin + timedelta(hours=36)).replace(hour=0)
    return begin.timestamp(), end.timestamp()


def faces_between(connection: Connection, device_id: str, begin_utc: float, end_utc: float) -> list[int]:
    """Counted votes by button, without those of the time in which the terminal asked staff."""
    faces = [0] * 4
    stays = staff_stays(connection).get(device_id, ())
    for begin, end in without(int(begin_utc) // 60, int(end_utc) // 60, stays):
        faces = [sum(both) for both in zip(faces, _faces_of(connection, device_id, begin, end), strict=True)]
    return faces


def _faces_of(connection: Connection, device_id: str, begin: int, end: int) -> list[int]:
    """Counted votes by button from one UTC minute on until before another.

    The hours of the place that lie wholly within come from the roll-ups. Where its clock is not whole hours away from
    the one that asks, the parts of hours at both ends are counted press by press.
    """
    faces = [0] * 4
    for cell in read_cells(connection, [device_id], CellSpan.HOUR, begin, end - 59):
        if cell.verdict in (COUNTED, OUT_OF_HOURS):
            faces[cell.button - 1] += cell.presses
    edges = [*range(begin, min(begin + 59, end)), *range(max(begin + 59, end - 59), end)]
    found = stored_places(connection).many(device_id, edges)
    outside = (
        minute for minute, place in zip(edges, found, strict=True) if not begin <= place.hour_utc_minute < end - 59
    )
    for first, last in _stretches(outside):
        query = (
            select(presses.c.button, func.sum(presses.c.count))
            .where(presses.c.device_id == device_id, presses.c.verdict == COUNTED)
            .where(presses.c.pressed_utc >= 60 * first, presses.c.pressed_utc < 60 * last + 60)
            .group_by(presses.c.button)
        )
        for button, votes in connection.execute(query):
            faces[button - 1] += int(votes)
    return faces


def _stretches(minutes: Iterable[int]) -> list[tuple[int, int]]:
    """(first, last) of the stretches that ascending minutes form."""
    found: list[tuple[int, int]] = []
    for minute in minutes:
        begun = found.pop()[0] if found and found[-1][1] == minute - 1 else minute
        found.append((begun, minute))
    return found


def zone_named(name: str) -> tzinfo:
    """The time zone of this name, such as Europe/Helsinki.

    Raises:
        Failure: 2, there is no such zone.
    """
    try:
        return zone_of(name)
    except ValueError:
        raise Failure(WRONG_USE, f"--tz {name!r} is no time zone.", "For example: --tz Europe/Helsinki") from None


@dataclass
class _Seen:
    """What is known of a terminal that was heard of."""

    facts: Facts = field(default_factory=Facts)
    seen_utc: float = 0.0
    is_due: bool = True
    is_kept: bool = False
    """Whether the database has its facts as they are here."""
    discovered: bytes = b""
    told: bytes = b""


@dataclass
class _Work:
    """What is still to be done in the database."""

    keep: dict[str, Facts] = field(default_factory=dict)
    forget: set[str] = field(default_factory=set)
    remember: set[str] = field(default_factory=set)
    cleared: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.keep or self.forget or self.remember or self.cleared)


class HomeAssistant:
    """Hears what the collector hears, and publishes what has changed."""

    def __init__(
        self,
        store: Store,
        prefix: str,
        zone: tzinfo,
        now_utc: Callable[[], float] = time.time,
        collector_id: str = "office",
        others_count: bool = False,
    ) -> None:
        """Publishes below `prefix` what `store` says of days in `zone`.

        Where other collectors commit votes, too, the database is asked whom they have heard.
        """
        self._store = store
        self._prefix = prefix
        self._zone = zone
        self._now_utc = now_utc
        self._collector_id = collector_id
        self._terminals: dict[str, _Seen] = {}
        self._day = (0.0, 0.0)
        self._looked_utc: float | None = None
        """When the database was last asked for marks of retired terminals; None: it has not been asked for anything
        yet."""
        self._forgotten: set[str] = set()
        self._to_clear: set[str] = set()
        """Retired terminals of which the broker may keep something."""
        self._owed = _Work()
        self._others_count = others_count
        self._heard_utc: dict[str, float] = {}

    @property
    def availability_topic(self) -> str:
        """The topic on which the collector says that it is there."""
        return availability_topic(self._collector_id)

    def heard(self, topic: str, payload: bytes, is_retained: bool) -> None:
        """Takes in a message of a terminal."""
        parts = topic.split("/")
        if len(parts) != 3 or not is_device_id(parts[1]):
            return
        device_id, is_state = parts[1], parts[2] == "state"
        if not payload:
            if is_state and not is_retained and device_id in self._terminals:
                self._forget(device_id)  # somebody has cleared its state on the broker: `hymio cmd forget`
                self._owed.forget.add(device_id)
            return
        facts = None
        if is_state:
            try:
                state = json.loads(payload)
            except (ValueError, RecursionError):
                return
            # The broker says `offline` in the terminal's place.
            if isinstance(state, dict) and state.get("state") in ("online", "asleep"):
                facts = facts_of(state)
        speaks = not is_retained and (facts is not None or not is_state)
        if device_id in self._forgotten:
            if not speaks:
                if is_state:
                    self._to_clear.add(device_id)
                return
            note(f"{device_id} was forgotten and speaks again: it is back.")
            self._forgotten.discard(device_id)
            self._to_clear.discard(device_id)
            self._owed.remember.add(device_id)
        seen = self._terminals.setdefault(device_id, _Seen())
        seen.is_due = True
        if facts is not None and facts != seen.facts:
            seen.facts, seen.is_kept = facts, False
        if speaks:
            seen.seen_utc = self._now_utc()

    def counted(self, device_id: str) -> None:
        """Notes that votes of the terminal have been committed, or that something of it was put into quarantine."""
        if is_device_id(device_id) and device_id not in self._forgotten:
            self._terminals.setdefault(device_id, _Seen()).is_due = True

    def connected(self) -> None:
        """Has everything said again over a new connection, which may be to another broker."""
        for seen in self._terminals.values():
            seen.is_due, seen.discovered, seen.told = True, b"", b""

    async def run(self, publish: Publish) -> None:
        """Publishes what is due, retained, until cancelled."""
        while True:
            await self.publish_due(publish)
            await asyncio.sleep(GATHER_S)

    async def publish_due(self, publish: Publish) -> None:
        """Publishes what has changed since the last time; after midnight everything."""
        now_utc = self._now_utc()
        if not self._day[0] <= now_utc < self._day[1]:
            self._day = day_of(now_utc, self._zone)
            for seen in self._terminals.values():
                seen.is_due = True
        try:
            if self._looked_utc is None or not 0 <= now_utc - self._looked_utc < LOOK_S:
                await self._look(now_utc)
            await self._clear(publish)
            await self._tell_due(publish)
        except (Failure, SQLAlchemyError):
            return  # the collector tells that the database has gone

    async def _look(self, now_utc: float) -> None:
        """Looks up who has been retired or has come back and, the first time, which terminals the database knows."""
        await self._pay()
        known, marked, heard_utc = await asyncio.to_thread(self._ask, self._looked_utc is None)
        for device_id, facts in known.items():
            seen = self._terminals.setdefault(device_id, _Seen())
            if seen.facts == Facts():
                seen.facts, seen.is_kept = facts, True
        # What has come while the database was asked is newer than what it said.
        marked = {device_id: done for device_id, done in marked.items() if device_id not in self._owed.remember}
        first = self._looked_utc is None
        for device_id, is_cleared in marked.items():
            if device_id in self._forgotten:
                continue
            seen = self._terminals.get(device_id, _Seen())
            if first and seen.seen_utc:
                note(f"{device_id} was forgotten and speaks again: it is back.")
                self._owed.remember.add(device_id)
                continue
            # A terminal that is cleared, and yet known here, has left a message on the broker nevertheless.
            is_clear = is_cleared and device_id not in self._terminals
            self._forget(device_id)
            if is_clear:
                self._to_clear.discard(device_id)
        self._forgotten.intersection_update({*marked, *self._owed.forget})
        for device_id, utc in heard_utc.items():
            if utc != self._heard_utc.get(device_id):
                self.counted(device_id)
        self._heard_utc = heard_utc
        self._looked_utc = now_utc

    def _forget(self, device_id: str) -> None:
        self._terminals.pop(device_id, None)
        self._forgotten.add(device_id)
        self._to_clear.add(device_id)
        self._owed.remember.discard(device_id)
        self._owed.keep.pop(device_id, None)

    async def _clear(self, publish: Publish) -> None:
        """Clears on the broker what it keeps of terminals that are retired."""
        for device_id in sorted(self._to_clear):
            await publish(discovery_topic(self._prefix, device_id), b"")
            await publish(f"hymio/{device_id}/{FIGURES}", b"")
            await publish(f"hymio/{device_id}/state", b"")
            note(f"{device_id} is forgotten: Home Assistant is told so, and the broker keeps nothing of it.")
            self._to_clear.discard(device_id)
            self._owed.cleared.add(device_id)
        await self._pay()

    async def _tell_due(self, publish: Publish) -> None:
        due = [device_id for device_id, seen in self._terminals.items() if seen.is_due]
        for device_id in due:
            seen = self._terminals[device_id]
            seen.is_due = False
            if not seen.is_kept:
                self._owed.keep[device_id] = seen.facts
                seen.is_kept = True
        try:
            await self._pay()
            days = await asyncio.to_thread(self._days, due) if due else {}
        except (Failure, SQLAlchemyError):
            for device_id in due:
                if device_id in self._terminals:
                    self._terminals[device_id].is_due = True
            raise
        for device_id, day in days.items():
            if device_id in self._terminals:
                await self._tell(publish, device_id, day)

    async def _pay(self) -> None:
        """Writes into the database what is owed to it."""
        if not (owed := self._owed):
            return
        self._owed = _Work()
        try:
            await asyncio.to_thread(self._write, owed)
        except BaseException:
            # What has come in the meantime is newer.
            self._owed.keep = {**owed.keep, **self._owed.keep}
            self._owed.forget |= owed.forget - self._owed.remember
            self._owed.remember |= owed.remember - self._owed.forget
            self._owed.cleared |= owed.cleared
            raise

    def _write(self, owed: _Work) -> None:
        now_utc = self._now_utc()
        with self._store.writing() as connection:
            known_terminals.keep(connection, owed.keep)
            for device_id in sorted(owed.forget):
                known_terminals.forget(connection, device_id, now_utc)
            known_terminals.remember(connection, owed.remember)
            known_terminals.cleared(connection, owed.cleared, now_utc)

    def _ask(self, for_known: bool) -> tuple[dict[str, Facts], dict[str, bool], dict[str, float]]:
        with self._store.reading() as connection:
            known = known_terminals.known(connection) if for_known else {}
            heard_utc: dict[str, float] = {}
            if self._others_count:
                query = select(logs.c.device_id, func.max(logs.c.last_seen_utc)).group_by(logs.c.device_id)
                heard_utc = {row[0]: row[1] for row in connection.execute(query)}
            return known, known_terminals.forgotten(connection), heard_utc

    def _days(self, device_ids: list[str]) -> dict[str, _Day]:
        now_minute = int(self._now_utc()) // 60
        with self._store.reading() as connection:
            kept_apart, staff = counts(connection), staff_stays(connection)
            return {
                device_id: _Day(
                    # Not even those of customers of the same day: whoever has them would see which vote is the next.
                    None
                    if any(begin <= now_minute < end for begin, end in staff.get(device_id, ()))
                    else faces_between(connection, device_id, *self._day),
                    _last_seen(connection, device_id),
                    self._day[0],
                    kept_apart.get(device_id, 0),
                )
                for device_id in device_ids
            }

    async def _tell(self, publish: Publish, device_id: str, day: _Day) -> None:
        seen = self._terminals[device_id]
        seen_utc = max(seen.seen_utc, day.last_seen_utc)
        if not seen_utc:
            return  # a retained message of a terminal that never came
        if day.faces is None:
            seen_utc -= seen_utc % STAFF_SEEN_S
        payload = json.dumps(discovery(device_id, seen.facts, self._collector_id, day.faces is not None)).encode()
        if payload != seen.discovered:
            await publish(discovery_topic(self._prefix, device_id), payload)
            if not seen.discovered:
                note(f"Home Assistant is told of {device_id}.")
            seen.discovered = payload
        payload = json.dumps(figures(day.faces, seen.facts, seen_utc, day.began_utc, day.quarantined)).encode()
        if payload != seen.told:
            await publish(f"hymio/{device_id}/{FIGURES}", payload)
            seen.told = payload


@dataclass(frozen=True, slots=True)
class _Day:
    """What the database says of a terminal's day."""

    faces: list[int] | None
    """None: it asks staff."""
    last_seen_utc: float
    began_utc: float
    quarantined: int


def _last_seen(connection: Connection, device_id: str) -> float:
    found = connection.execute(select(func.max(logs.c.last_seen_utc)).where(logs.c.device_id == device_id)).scalar()
    return float(found or 0)
