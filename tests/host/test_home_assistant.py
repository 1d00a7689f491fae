"""What Home Assistant is told of the terminals: valid discovery, the figures of the local day, nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiomqtt
import pytest
from hymio_process import hymio, service
from schema_check import check
from sqlalchemy import insert

from hymio.batches import Batch, encode_batch
from hymio.errors import WRONG_USE
from hymio.homeassistant import HomeAssistant, day_of, discovery
from hymio.ingest import ingest
from hymio.records import Press, Record, Time
from hymio.store import Store, hourly, open_store

NOON_UTC = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
STATE = json.dumps({"state": "online", "firmware": "0.1.0", "supply_mv": 3900, "rssi": -61}).encode()


class Home(HomeAssistant):
    """With a clock to turn, and a broker that keeps what is published."""

    def __init__(self, store: Store, zone: str = "UTC") -> None:
        self.at_utc = NOON_UTC
        self.published: list[tuple[str, Any]] = []
        super().__init__(store, "homeassistant", ZoneInfo(zone), lambda: self.at_utc)

    def told(self) -> dict[str, Any]:
        """What is published now."""
        self.published.clear()
        asyncio.run(self.publish_due(self._publish))
        return dict(self.published)

    async def _publish(self, topic: str, payload: bytes) -> None:
        self.published.append((topic, json.loads(payload)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'votes.db'}", create=True)
    yield opened
    opened.close()


def votes(store: Store, when: str, *faces: int, verdict: str = "counted") -> None:
    """Votes by face in the hour of that UTC time."""
    hour = int(datetime.fromisoformat(when + "+00:00").timestamp()) // 3600
    with store.writing() as connection:
        for button, presses in enumerate(faces, 1):
            row = {"device_id": "till-1", "hour": hour, "button": button, "verdict": verdict, "presses": presses}
            connection.execute(insert(hourly).values(**row))


def test_a_terminal_is_discovered_and_told_of_once(store: Store) -> None:
    home = Home(store)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    told = home.told()
    assert set(told) == {"homeassistant/device/hymio_till-1/config", "hymio/till-1/figures"}
    check("discovery", json.dumps(told["homeassistant/device/hymio_till-1/config"]))
    assert not home.told()
    home.heard("hymio/till-1/state", STATE, is_retained=True)
    assert not home.told(), "nothing has changed"
    home.connected()
    assert len(home.told()) == 2, "perhaps another broker"


def test_every_sensor_finds_its_value(store: Store) -> None:
    home = Home(store)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    told = home.told()
    figures = told["hymio/till-1/figures"]
    for component in told["homeassistant/device/hymio_till-1/config"]["cmps"].values():
        if component["p"] == "sensor":
            assert component["value_template"].removeprefix("{{ value_json.").removesuffix(" }}") in figures
    assert figures["supply_mv"] == 3900 and figures["rssi"] == -61
    assert figures["happy_index"] is None and figures["votes"] == 0
    assert figures["last_seen"] == "2026-06-01T12:00:00+00:00"


def test_without_a_battery_there_is_no_sensor_of_one() -> None:
    names = {one["name"] for one in discovery("till-1", {"supply_mv": None})["cmps"].values()}
    assert "Battery" not in names and "Signal" not in names and "Happy Index today" in names


def test_the_day_is_the_local_one(store: Store) -> None:
    votes(store, "2026-05-31T20:00", 9, 9, 9, 9)  # 23 h in Helsinki
    votes(store, "2026-05-31T21:00", 1, 0, 0, 0)  # midnight there
    votes(store, "2026-06-01T20:00", 0, 0, 0, 3)
    votes(store, "2026-06-01T11:00", 5, 5, 5, 5, verdict="mash")
    votes(store, "2026-06-01T21:00", 7, 7, 7, 7)
    home = Home(store, "Europe/Helsinki")
    home.heard("hymio/till-1/votes", b"x", is_retained=False)
    figures = home.told()["hymio/till-1/figures"]
    assert [figures[f"face_{face}"] for face in (1, 2, 3, 4)] == [1, 0, 0, 3]
    assert figures["happy_index"] == 75.0
    home.at_utc += 10 * 3600
    assert home.told()["hymio/till-1/figures"]["votes"] == 28, "a new day, though nothing was heard"


def test_a_day_that_begins_at_half_past(store: Store) -> None:
    at = [f"2026-05-31T18:{minute}:00" for minute in ("00", "29", "30", "59")]  # midnight in Kolkata is 18:30
    at += [f"2026-06-01T18:{minute}:00" for minute in ("00", "29", "30", "59")]
    now_s = [int(datetime.fromisoformat(when + "+00:00").timestamp()) for when in at]
    base_s = now_s[0] - 60
    records: list[tuple[int, Record]] = [(0, Time(1, 0, 1, base_s))]
    records += [(seq, Press(1, 1000 * (utc_s - base_s), 4, 0, 1, 5, 65535)) for seq, utc_s in enumerate(now_s, 1)]
    batch = Batch(77, 1, 1, True, 0, len(records), 0, 0, (0, 0, 0, 0), tuple(records))
    with store.writing() as connection:
        ingest(connection, "till-1", batch, "mqtt", NOON_UTC)
    votes(store, "2026-06-01T03:00", 0, 0, 0, 10)
    home = Home(store, "Asia/Kolkata")
    home.heard("hymio/till-1/votes", b"x", is_retained=False)
    assert home.told()["hymio/till-1/figures"]["votes"] == 10 + 4


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-06-01", 24), ("2026-10-25", 25)])
def test_a_day_is_as_long_as_it_is(date: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Helsinki")
    begin, end = day_of(datetime.fromisoformat(date + "T12:00").replace(tzinfo=zone).timestamp(), zone)
    assert end - begin == 3600 * hours


def test_what_is_no_terminal_is_not_told_of(store: Store) -> None:
    home = Home(store)
    for topic in ("hymio/x/state", "hymio/till-1/a/b", "hymio/TILL/state", "else"):
        home.heard(topic, STATE, is_retained=False)
    home.heard("hymio/till-9/state", STATE, is_retained=True)
    assert not home.told(), "one that is only remembered by the broker, and not by us, neither"


def test_wrong_options_are_told() -> None:
    for more in (("--tz", "Mars/Base"), ("--home-assistant", "a/#")):
        assert hymio("collect", "--db", "sqlite://", *more).returncode == WRONG_USE


def test_the_collector_tells_it(tmp_path: Path) -> None:
    async def watch(port: int) -> dict[str, Any]:
        now_s = int(datetime.now(UTC).timestamp())
        kept = ((0, Time(1, 0, 1, now_s)), *((seq, Press(1, 1000 * seq, 4, 0, 1, 5, 65535)) for seq in (1, 2)))
        batch = encode_batch(Batch(77, 1, 1, True, 0, 3, 0, 0, (0, 0, 0, 0), kept), "till-1")
        found: dict[str, Any] = {}
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.subscribe([("homeassistant/#", 1), ("hymio/+/figures", 1)])
            await client.publish("hymio/till-1/state", STATE, qos=1, retain=True)
            await client.publish("hymio/till-1/votes", batch, qos=1)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                found[str(message.topic)] = json.loads(message.payload)
                if len(found) == 2 and found["hymio/till-1/figures"]["votes"] == 2:
                    return found
        return found

    with service("broker", "--listen", "127.0.0.1:0", "--json") as broker:
        port = broker.wait_for("ready")["port"]
        arguments = ("--broker", f"mqtt://127.0.0.1:{port}", "--db", str(tmp_path / "v.db"), "--json")
        with service("collect", *arguments, "--home-assistant", "homeassistant") as collector:
            collector.wait_for("ready")
            found = asyncio.run(asyncio.wait_for(watch(port), 15))
            assert collector.stop() == 0
    check("discovery", json.dumps(found["homeassistant/device/hymio_till-1/config"]))
    assert found["hymio/till-1/figures"]["happy_index"] == 100.0
