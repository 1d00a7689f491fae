"""Terminals in Home Assistant: a device for each (MQTT discovery), and the figures of its day.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from hymio import __version__
from hymio.addresses import is_device_id
from hymio.errors import WRONG_USE, Failure
from hymio.figures import happy_index
from hymio.output import note
from hymio.store import Store, hourly, logs, presses

FIGURES: Final = "figures"
"""Below hymio/<device_id>/: where the collector publishes them."""
GATHER_S: Final = 2.0
"""Votes of one moment are one message."""
FACES: Final = ("Very unhappy", "Unhappy", "Happy", "Very happy")
_ICONS: Final = ("emoticon-angry", "emoticon-sad", "emoticon-happy", "emoticon-excited")

Publish = Callable[[str, bytes], Awaitable[None]]


def discovery_topic(prefix: str, device_id: str) -> str:
    """Where Home Assistant looks for the device."""
    return f"{prefix}/device/hymio_{device_id}/config"


def discovery(device_id: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The device-based discovery payload; facts: the newest state message. Battery and signal: only if it has them."""

    def sensor(key: str, name: str, **more: Any) -> dict[str, Any]:
        template = f"{{{{ value_json.{key} }}}}"
        return {
            "p": "sensor",
            "unique_id": f"hymio_{device_id}_{key}",
            "name": name,
            "value_template": template,
            **more,
        }

    diagnostic = {"entity_category": "diagnostic"}
    sensors = [
        *(
            sensor(
                f"face_{face}", f"{name} today", icon=f"mdi:{icon}", unit_of_measurement="votes",
                state_class="total_increasing",
            )
            for face, (name, icon) in enumerate(zip(FACES, _ICONS, strict=True), 1)
        ),
        sensor("votes", "Votes today", icon="mdi:vote", unit_of_measurement="votes", state_class="total_increasing"),
        sensor("happy_index", "Happy Index today", icon="mdi:emoticon", state_class="measurement",
               suggested_display_precision=1),
        sensor("last_seen", "Last seen", device_class="timestamp", **diagnostic),
    ]  # fmt: skip
    if facts.get("supply_mv") is not None:
        sensors.append(
            sensor("supply_mv", "Battery", device_class="voltage", unit_of_measurement="mV", state_class="measurement",
                   **diagnostic)
        )  # fmt: skip
    if facts.get("rssi") is not None:
        sensors.append(
            sensor("rssi", "Signal", device_class="signal_strength", unit_of_measurement="dBm",
                   state_class="measurement", **diagnostic)
        )  # fmt: skip
    components = {one["unique_id"]: one for one in sensors}
    components[f"hymio_{device_id}_connected"] = {
        "p": "binary_sensor",
        "unique_id": f"hymio_{device_id}_connected",
        "name": "Connected",
        "device_class": "connectivity",
        "state_topic": f"hymio/{device_id}/state",
        # A terminal that sleeps has said goodbye, and is well.
        "value_template": "{{ 'OFF' if value_json.state == 'offline' else 'ON' }}",
        **diagnostic,
    }
    device = {"ids": [f"hymio_{device_id}"], "name": device_id, "mf": "hymio", "mdl": "smiley terminal"}
    if isinstance(facts.get("firmware"), str):
        device["sw"] = facts["firmware"]
    return {
        "dev": device,
        "o": {"name": "hymio", "sw": __version__},
        "cmps": components,
        "state_topic": f"hymio/{device_id}/{FIGURES}",
        "qos": 1,
    }


def day_of(now_utc: float, zone: tzinfo) -> tuple[float, float]:
    """Beginning and end of the local day, seconds of 1970."""
    begin = datetime.fromtimestamp(now_utc, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    # Through noon of the next day, as days of 23 and 25 hours would miss midnight.
    end = (begin + timedelta(hours=36)).replace(hour=0)
    return begin.timestamp(), end.timestamp()


def faces_between(connection: Connection, device_id: str, begin_utc: float, end_utc: float) -> list[int]:
    """Counted votes by button: the full hours from the hourly sums, and where a zone is not whole hours away the
    parts of hours at both ends press by press."""
    first, last = -(-int(begin_utc) // 3600), int(end_utc) // 3600
    queries = [
        select(hourly.c.button, func.sum(hourly.c.presses))
        .where(hourly.c.device_id == device_id, hourly.c.verdict == "counted")
        .where(hourly.c.hour >= first, hourly.c.hour < last)
        .group_by(hourly.c.button)
    ]
    for since_utc, until_utc in ((begin_utc, 3600 * first), (3600 * last, end_utc)):
        if since_utc < until_utc:
            queries.append(
                select(presses.c.button, func.sum(presses.c.count))
                .where(presses.c.device_id == device_id, presses.c.verdict == "counted")
                .where(presses.c.pressed_utc >= since_utc, presses.c.pressed_utc < until_utc)
                .group_by(presses.c.button)
            )
    faces = [0] * 4
    for query in queries:
        for button, votes in connection.execute(query):
            faces[button - 1] += int(votes)
    return faces


def figures(faces: list[int], facts: Mapping[str, Any], seen_utc: float) -> dict[str, Any]:
    """What `hymio/<device_id>/figures` says of the day so far."""
    index = happy_index(faces)
    return {
        **{f"face_{face}": votes for face, votes in enumerate(faces, 1)},
        "votes": sum(faces),
        "happy_index": None if index is None else round(index, 1),
        "supply_mv": facts.get("supply_mv"),
        "rssi": facts.get("rssi"),
        "last_seen": datetime.fromtimestamp(int(seen_utc), UTC).isoformat(),
    }


def zone_named(name: str) -> tzinfo:
    """Failure 2 unless it is a zone like Europe/Helsinki."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Failure(WRONG_USE, f"--tz {name!r} is no time zone.", "For example: --tz Europe/Helsinki") from None


def check_prefix(prefix: str) -> str:
    """Failure 2 unless it can begin a topic."""
    if not prefix or any(sign in prefix for sign in "+#\0") or prefix.strip("/") != prefix:
        raise Failure(WRONG_USE, f"--home-assistant {prefix!r} can't begin a topic.", "The usual one: homeassistant")
    return prefix


@dataclass
class _Seen:
    """A terminal that was heard of."""

    facts: dict[str, Any] = field(default_factory=dict)
    seen_utc: float = 0.0
    is_due: bool = True
    discovered: bytes = b""
    told: bytes = b""


class HomeAssistant:
    """Hears what the collector hears, and publishes what has changed."""

    def __init__(self, store: Store, prefix: str, zone: tzinfo, now_utc: Callable[[], float] = time.time) -> None:
        self._store = store
        self._prefix = prefix
        self._zone = zone
        self._now_utc = now_utc
        self._terminals: dict[str, _Seen] = {}
        self._day = (0.0, 0.0)

    def heard(self, topic: str, payload: bytes, is_retained: bool) -> None:
        """A message of a terminal has come."""
        parts = topic.split("/")
        if len(parts) != 3 or not is_device_id(parts[1]) or not payload:
            return
        seen = self._terminals.setdefault(parts[1], _Seen())
        seen.is_due = True
        if parts[2] == "state":
            try:
                facts = json.loads(payload)
            except (ValueError, RecursionError):
                return
            if not isinstance(facts, dict) or facts.get("state") not in ("online", "asleep"):
                return
            seen.facts = facts
        if not is_retained:
            seen.seen_utc = self._now_utc()

    def counted(self, device_id: str) -> None:
        """Votes of the terminal have been committed."""
        self._terminals.setdefault(device_id, _Seen()).is_due = True

    def connected(self) -> None:
        """A new connection: everything is said again, perhaps to another broker."""
        for seen in self._terminals.values():
            seen.is_due, seen.discovered, seen.told = True, b"", b""

    async def run(self, publish: Publish) -> None:
        """Publishes, retained, until cancelled."""
        while True:
            await self.publish_due(publish)
            await asyncio.sleep(GATHER_S)

    async def publish_due(self, publish: Publish) -> None:
        """What has changed since the last time; at midnight everything."""
        now_utc = self._now_utc()
        if not self._day[0] <= now_utc < self._day[1]:
            self._day = day_of(now_utc, self._zone)
            for seen in self._terminals.values():
                seen.is_due = True
        due = [device_id for device_id, seen in self._terminals.items() if seen.is_due]
        if not due:
            return
        for device_id in due:
            self._terminals[device_id].is_due = False
        try:
            days = await asyncio.to_thread(self._faces, due)
        except (Failure, SQLAlchemyError):
            for device_id in due:
                self._terminals[device_id].is_due = True
            return  # the collector says that the database has gone
        for device_id, (faces, seen_utc) in days.items():
            await self._tell(publish, device_id, faces, seen_utc)

    def _faces(self, device_ids: list[str]) -> dict[str, tuple[list[int], float]]:
        with self._store.reading() as connection:
            return {
                device_id: (faces_between(connection, device_id, *self._day), _last_seen(connection, device_id))
                for device_id in device_ids
            }

    async def _tell(self, publish: Publish, device_id: str, faces: list[int], stored_utc: float) -> None:
        seen = self._terminals[device_id]
        seen_utc = max(seen.seen_utc, stored_utc)
        if not seen_utc:
            return  # a retained message of a terminal that never came
        payload = json.dumps(discovery(device_id, seen.facts)).encode()
        if payload != seen.discovered:
            await publish(discovery_topic(self._prefix, device_id), payload)
            if not seen.discovered:
                note(f"Home Assistant is told of {device_id}.")
            seen.discovered = payload
        payload = json.dumps(figures(faces, seen.facts, seen_utc)).encode()
        if payload != seen.told:
            await publish(f"hymio/{device_id}/{FIGURES}", payload)
            seen.told = payload


def _last_seen(connection: Connection, device_id: str) -> float:
    found = connection.execute(select(func.max(logs.c.last_seen_utc)).where(logs.c.device_id == device_id)).scalar()
    return float(found or 0)
