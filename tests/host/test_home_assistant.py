"""What Home Assistant is told of the terminals: valid discovery, the figures of the local day, nothing twice."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiomqtt
import pytest
from hymio_process import Service, hymio, service
from schema_check import check
from served_world import Given, World, at
from sqlalchemy import select

from hymio.common.errors import NO_TERMINAL, WRONG_USE
from hymio.office.home_assistant import LOOK_S, HomeAssistant, day_of
from hymio.office.home_discovery import availability_topic, discovery
from hymio.store.cells import add_presses
from hymio.store.database import Store, open_store
from hymio.store.ingest import ingest
from hymio.store.known_terminals import Facts, facts_of, mark_retired
from hymio.store.places import UNPLACED
from hymio.store.quarantine import put_in_quarantine
from hymio.store.schema import terminals
from hymio.wire import limits
from hymio.wire.batches import Batch, encode_batch
from hymio.wire.records import VERDICTS, Press, Record, Revise, Time

NOON_UTC = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
STATE = json.dumps({"state": "online", "firmware": "0.1.0", "supply_mv": 3900, "rssi": -61}).encode()
OFFLINE = json.dumps({"state": "offline"}).encode()
CONFIG = "homeassistant/device/hymio_till-1/config"
FIGURES = "hymio/till-1/figures"
REPLACED = VERDICTS.index("replaced")
EMPTIED = {CONFIG: None, FIGURES: None, "hymio/till-1/state": None}


class Home(HomeAssistant):
    """With a clock to turn, and a broker that keeps what is published."""

    def __init__(self, store: Store, zone: str = "UTC", others_count: bool = False) -> None:
        self.at_utc = NOON_UTC
        self.published: list[tuple[str, Any]] = []
        zone_info = ZoneInfo(zone)
        super().__init__(store, "homeassistant", zone_info, lambda: self.at_utc, others_count=others_count)

    def told(self) -> dict[str, Any]:
        """What is published now."""
        self.published.clear()
        asyncio.run(self.publish_due(self._publish))
        return dict(self.published)

    async def _publish(self, topic: str, payload: bytes) -> None:
        self.published.append((topic, json.loads(payload) if payload else None))

    def after(self, seconds: float) -> dict[str, Any]:
        """What is published so much later."""
        self.at_utc += seconds
        return self.told()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'votes.db'}", create=True)
    yield opened
    opened.close()


def votes(store: Store, when: str, *faces: int, verdict: str = "counted") -> None:
    """Votes by face in the hour of that UTC time."""
    minute = int(datetime.fromisoformat(when + "+00:00").timestamp()) // 60
    with store.writing() as connection:
        add_presses(
            connection,
            UNPLACED,
            {"till-1": [(minute, button, verdict, presses) for button, presses in enumerate(faces, 1)]},
            60.0 * minute,
        )


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


@pytest.mark.parametrize("others_count", [True, False])
def test_votes_that_another_collector_has_committed(store: Store, others_count: bool) -> None:
    home = Home(store, others_count=others_count)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    assert home.told()[FIGURES]["votes"] == 0
    press = Press(1, 5000, 4, 0, 0, 5, 65535)
    batch = Batch(7, 1, 1, False, 0, 2, 0, 0, (0, 0, 0, 0), ((0, Time(1, 0, 1, int(NOON_UTC))), (1, press)))
    with store.writing() as connection:
        ingest(connection, "till-1", batch, "mqtt", NOON_UTC + 6)
    assert home.after(1) == {}
    told = home.after(LOOK_S)
    assert (told[FIGURES]["votes"] if told else None) == (1 if others_count else None)
    assert home.after(LOOK_S) == {}


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
    names = {one["name"] for one in discovery("till-1", Facts(), "office")["cmps"].values()}
    assert "Battery" not in names and "Signal" not in names and "Happy Index today" in names


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (("cmps", "hymio_till-1_votes", "state_class"), "total_increasing"),
        (("cmps", "hymio_till-1_supply_mv", "unit_of_measurement"), "votes"),
        (("cmps", "hymio_till-1_last_seen", "state_class"), "measurement"),
        (("cmps", "hymio_till-1_rssi", "p"), "binary_sensor"),
        (("cmps", "hymio_till-1_connected", "state_topic"), "hymio/+/state"),
        (("availability",), []),
        (("availability_mode",), "some"),
        (("dev", "firmware"), "0.1.0"),
    ],
)
def test_the_schema_refuses_what_home_assistant_would(where: tuple[str, ...], what: Any) -> None:
    payload = discovery("till-1", Facts("0.1.0", 3900, -61), "office")
    check("discovery", json.dumps(payload))
    *path, last = where
    part = payload
    for key in path:
        part = part[key]
    part[last] = what
    with pytest.raises(AssertionError):
        check("discovery", json.dumps(payload))


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


def recorded(told: list[dict[str, Any]], component: dict[str, Any]) -> float:
    """The sum in Home Assistant's statistics after these figures: the rule of `compile_statistics` in
    homeassistant/components/sensor/recorder.py (2026.2), for one sensor, all in one period."""
    key, reset_key = (
        component.get(one, "").removeprefix("{{ value_json.").removesuffix(" }}")
        for one in ("value_template", "last_reset_value_template")
    )
    total = 0.0
    old_state = new_state = old_reset = None
    for figures in told:
        state = float(figures[key])
        last_reset = figures[reset_key] if reset_key else None
        if component["state_class"] == "total":
            is_reset = (last_reset is not None and last_reset != old_reset) or (old_state is None and not last_reset)
        else:
            is_reset = old_state is None or new_state is None or state < 0.9 * new_state
        if is_reset:
            if old_state is not None and new_state is not None:
                total += new_state - old_state
            old_reset = last_reset
            old_state = state if old_state is None else 0.0
        new_state = state
    assert new_state is not None and old_state is not None
    return total + new_state - old_state


def test_a_day_whose_midnight_nobody_saw_is_not_lost(store: Store) -> None:
    """4 and 100 votes seen on one day, 112 and 114 on the next: 96 and 114, as the first sight is the zero point."""
    home = Home(store)
    home.heard("hymio/till-1/votes", b"x", is_retained=False)
    told = []
    for when, more, seconds in (
        ("06-01T10", 4, 0),
        ("06-01T11", 96, 60),
        ("06-02T10", 112, 86400),
        ("06-02T11", 2, 60),
    ):
        votes(store, f"2026-{when}:00", 0, 0, 0, more)
        home.counted("till-1")
        told.append(home.after(seconds)[FIGURES])
    assert [one["face_4"] for one in told] == [4, 100, 112, 114]
    sensors = discovery("till-1", Facts(), "office")["cmps"]
    assert recorded(told, sensors["hymio_till-1_face_4"]) == 210
    assert recorded(told, sensors["hymio_till-1_votes"]) == 210
    assert recorded(told, {**sensors["hymio_till-1_votes"], "state_class": "total_increasing"}) == 110, "the old way"


def test_a_corrected_vote_counts_once(store: Store) -> None:
    """Twice button 4 and, within its two seconds, button 1: no vote is left on 4."""
    home = Home(store)
    home.heard("hymio/till-1/votes", b"x", is_retained=False)
    told = [home.told()[FIGURES]]
    base_s = int(NOON_UTC)
    stories: list[list[Record]] = [
        [Time(1, 0, 1, base_s), Press(1, 1000, 4, 0, 1, 5, 65535)],
        [Press(1, 2500, 1, 0, 1, 5, 1500), Revise(1, 2500, REPLACED, 1)],
        [Press(1, 9000, 4, 0, 1, 5, 6500)],
        [Press(1, 10500, 1, 0, 1, 5, 1500), Revise(1, 10500, REPLACED, 4)],
    ]
    seq = 0
    for news in stories:
        numbered = tuple(enumerate(news, seq))
        batch = Batch(77, 1, 1, True, seq, len(numbered), 0, 0, (0, 0, 0, 0), numbered)
        seq += len(numbered)
        with store.writing() as connection:
            ingest(connection, "till-1", batch, "mqtt", NOON_UTC)
        home.counted("till-1")
        told.append(home.after(3)[FIGURES])
    assert [one["face_4"] for one in told] == [0, 1, 0, 1, 0] and [one["face_1"] for one in told] == [0, 0, 1, 1, 2]
    sensors = discovery("till-1", Facts(), "office")["cmps"]
    assert recorded(told, sensors["hymio_till-1_face_4"]) == 0
    assert recorded(told, sensors["hymio_till-1_face_1"]) == recorded(told, sensors["hymio_till-1_votes"]) == 2
    assert recorded(told, {**sensors["hymio_till-1_face_4"], "state_class": "total_increasing"}) == 2, "the old way"


def test_the_day_begins_where_it_is_midnight(store: Store) -> None:
    home = Home(store, "Europe/Helsinki")
    home.heard("hymio/till-1/votes", b"x", is_retained=False)
    assert home.told()[FIGURES]["day_began"] == "2026-05-31T21:00:00+00:00"
    assert home.after(9 * 3600)[FIGURES]["day_began"] == "2026-06-01T21:00:00+00:00"


ASKS_BOTH = """
[organisation]
key = "acme"
name = "Acme"
locale = "en"
time_zone = "Europe/Helsinki"
[point.canteen]
name = "Canteen"
[question.well]
text = "Well?"
[survey.lunch]
question = "well"
at = "canteen"
first_day = 2026-01-01
[[placement]]
device_id = "till-1"
at = "canteen"
from = 2026-05-01T00:00:00+00:00
until = 2026-06-01T09:30:00+00:00
[[placement]]
device_id = "till-1"
at = "canteen"
from = 2026-06-01T09:30:00+00:00
until = 2026-06-01T11:10:00+00:00
asks = "staff"
[[placement]]
device_id = "till-1"
at = "canteen"
from = 2026-06-01T11:10:00+00:00
"""
STAFF_SURVEY = """
[survey.shift]
question = "well"
at = "canteen"
type = "staff"
first_day = 2026-01-01
"""


@pytest.mark.parametrize("survey", [STAFF_SURVEY, ""], ids=["survey", "none"])
def test_of_answers_of_staff_nothing_is_told(tmp_path: Path, survey: str) -> None:
    world = World(str(tmp_path / "votes.db"), ASKS_BOTH + survey)
    nothing = dict.fromkeys(["face_1", "face_2", "face_3", "face_4", "votes", "happy_index"])
    home = Home(world.store)
    home.at_utc = at("2026-06-01T09:00")
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    for moment, face in (("09:29", 4), ("09:30", 1), ("11:05", 1), ("11:09", 1), ("11:10", 3), ("11:40", 2)):
        home.at_utc = at(f"2026-06-01T{moment}") + 20
        world.tell("till-1", Given(home.at_utc - 10, face), received_utc=home.at_utc)
        home.counted("till-1")
        told = home.told()
        if moment == "09:30":
            assert {one["name"] for one in told[CONFIG]["cmps"].values()} == {
                "Last seen", "In quarantine", "Battery", "Signal", "Connected",
            }  # fmt: skip
            assert told[FIGURES].items() >= (nothing | {"last_seen": "2026-06-01T09:00:00+00:00"}).items()
        elif "09:30" < moment < "11:10":
            assert told.get(FIGURES, nothing).items() >= nothing.items()
            assert bool(told) == (moment != "11:09"), "not even that a vote has come"
        else:
            assert told[FIGURES]["face_1"] == 0, moment
    assert [told[FIGURES][f"face_{face}"] for face in range(1, 5)] == [0, 1, 1, 1]
    world.store.close()


def test_a_restart_while_a_terminal_is_away_keeps_what_it_has(store: Store) -> None:
    home = Home(store)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    home.heard("hymio/till-1/votes", b"x", is_retained=False)
    before = home.told()
    votes(store, "2026-06-01T11:00", 0, 0, 0, 3)
    with store.writing() as connection:
        ingest(connection, "till-1", Batch(77, 1, 1, True, 0, 0, 0, 0, (0, 0, 0, 0), ()), "mqtt", NOON_UTC)
    again = Home(store)
    again.heard("hymio/till-1/state", OFFLINE, is_retained=True)
    after = again.told()
    assert after[CONFIG] == before[CONFIG], "battery, signal and firmware are still there"
    assert after[CONFIG]["dev"]["sw"] == "0.1.0"
    assert (after[FIGURES]["supply_mv"], after[FIGURES]["rssi"], after[FIGURES]["votes"]) == (3900, -61, 3)


def test_the_newest_facts_are_kept(store: Store) -> None:
    home = Home(store)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    home.told()
    newer = json.dumps({"state": "asleep", "firmware": "0.2.0", "supply_mv": 3100, "rssi": None}).encode()
    home.heard("hymio/till-1/state", newer, is_retained=False)
    home.after(3)
    with store.reading() as connection:
        assert connection.execute(select(terminals)).all() == [("till-1", "0.2.0", 3100, None, None, None)]


@pytest.mark.parametrize(
    "state",
    [
        {"firmware": "x" * 261_000, "supply_mv": 10**30, "rssi": -(10**9)},
        {"firmware": "a\nb", "supply_mv": True, "rssi": 1.5},
        {"firmware": ["0.1.0"], "supply_mv": "3900", "rssi": {}},
        {"firmware": "", "supply_mv": -1, "rssi": 1000},
    ],
)
def test_what_no_terminal_can_say_is_not_told_on(store: Store, state: dict[str, Any]) -> None:
    assert facts_of(state) == Facts()
    home = Home(store)
    home.heard("hymio/till-1/state", json.dumps({"state": "online", **state}).encode(), is_retained=False)
    told = home.told()
    assert "sw" not in told[CONFIG]["dev"] and len(json.dumps(told)) < 5000


def test_what_is_kept_apart_is_told(store: Store) -> None:
    home = Home(store)
    home.heard("hymio/till-1/votes", b"x", is_retained=False)
    assert home.told()[FIGURES]["quarantined"] == 0
    with store.writing() as connection:
        put_in_quarantine(connection, "till-1", "hymio/till-1/votes", "noise", b"x", NOON_UTC)
        put_in_quarantine(connection, "till-2", "hymio/till-2/votes", "noise", b"x", NOON_UTC)
    home.counted("till-1")
    assert home.after(3)[FIGURES]["quarantined"] == 1


def test_what_there_was_no_room_to_keep_is_told_as_well(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the ledger: a share that is full is no reason to be silent."""
    monkeypatch.setattr(limits, "QUARANTINE_MESSAGES", 1)
    home = Home(store)
    home.heard("hymio/till-1/votes", b"x", is_retained=False)
    with store.writing() as connection:
        for number in range(3):
            put_in_quarantine(connection, "till-1", "hymio/till-1/votes", "noise", b"%d" % number, NOON_UTC)
    assert home.told()[FIGURES]["quarantined"] == 3


def test_a_retired_terminal_goes_and_a_restart_does_not_bring_it_back(store: Store) -> None:
    home = Home(store)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    home.told()
    assert mark_retired(str(store.engine.url.database), "till-1")
    assert home.after(LOOK_S) == EMPTIED
    assert not home.after(86_400), "midnight is nothing to it"
    home.counted("till-1")
    home.connected()
    assert not home.after(LOOK_S)
    again = Home(store)
    assert not again.told(), "the broker is clear, and stays so"
    again.heard("hymio/till-1/state", OFFLINE, is_retained=False)
    assert again.after(3) == EMPTIED, "its last will is nothing it says, and goes too"


def test_one_that_was_marked_while_no_collector_ran_is_cleared_by_the_next(store: Store) -> None:
    home = Home(store)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    home.told()
    mark_retired(str(store.engine.url.database), "till-1")
    again = Home(store)
    again.heard("hymio/till-1/state", STATE, is_retained=True)
    assert again.told() == EMPTIED
    assert not Home(store).told()


def test_a_forgotten_terminal_that_speaks_again_is_back(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(store)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    home.told()
    mark_retired(str(store.engine.url.database), "till-1")
    home.after(LOOK_S)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    assert set(home.after(3)) == {CONFIG, FIGURES}
    assert "speaks again: it is back" in capsys.readouterr().err
    with store.reading() as connection:
        assert connection.execute(select(terminals)).all() == [("till-1", "0.1.0", 3900, -61, None, None)]


def test_one_that_spoke_while_no_collector_ran_is_back(store: Store) -> None:
    home = Home(store)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    home.told()
    mark_retired(str(store.engine.url.database), "till-1")
    again = Home(store)
    again.heard("hymio/till-1/votes", b"x", is_retained=False)
    assert set(again.told()) == {CONFIG, FIGURES}
    assert not again.after(LOOK_S)


def test_who_takes_its_state_off_the_broker_forgets_it(store: Store) -> None:
    home = Home(store)
    home.heard("hymio/till-1/state", STATE, is_retained=False)
    home.told()
    home.heard("hymio/till-1/state", b"", is_retained=False)
    assert home.after(3) == EMPTIED
    home.heard("hymio/till-1/state", b"", is_retained=False)  # what it has published itself comes back to it
    assert not home.after(LOOK_S)
    assert not Home(store).told()


def test_a_name_that_the_database_does_not_know_is_not_marked(store: Store) -> None:
    assert not mark_retired(str(store.engine.url.database), "till-7")


def test_what_is_no_terminal_is_not_told_of(store: Store) -> None:
    home = Home(store)
    for topic in ("hymio/x/state", "hymio/till-1/a/b", "hymio/TILL/state", "else"):
        home.heard(topic, STATE, is_retained=False)
    home.heard("hymio/till-9/state", STATE, is_retained=True)
    assert not home.told(), "one that is only remembered by the broker, and not by us, neither"


def test_wrong_options_are_told() -> None:
    for more in (("--tz", "Mars/Base"), ("--home-assistant", "a/#")):
        assert hymio("collect", "--db", "sqlite://", *more).returncode == WRONG_USE


async def tell_and_watch(port: int, until: dict[str, bytes], tell: bool = True) -> dict[str, bytes]:
    """What the broker holds, once each of these topics has this in its payload; others may be there, too."""
    found: dict[str, bytes] = {}
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe([("homeassistant/#", 1), ("hymio/+/figures", 1), ("hymio/_collector/#", 1)])
        if tell:
            now_s = int(datetime.now(UTC).timestamp())
            kept: tuple[tuple[int, Record], ...] = (
                (0, Time(1, 0, 1, now_s)),
                *((seq, Press(1, 1000 * seq, 4, 0, 1, 5, 65535)) for seq in (1, 2)),
            )
            batch = encode_batch(Batch(77, 1, 1, True, 0, 3, 0, 0, (0, 0, 0, 0), kept), "till-1")
            await client.publish("hymio/till-1/state", STATE, qos=1, retain=True)
            await client.publish("hymio/till-1/votes", batch, qos=1)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            found[str(message.topic)] = message.payload
            if all(
                want in found.get(topic, b"-") if want else found.get(topic) == b"" for topic, want in until.items()
            ):
                return found
    return found


def watched(port: int, until: dict[str, bytes], tell: bool = True) -> dict[str, bytes]:
    return asyncio.run(asyncio.wait_for(tell_and_watch(port, until, tell), 120))


AVAILABILITY = availability_topic("office")
TWO_VOTES: dict[str, bytes] = {CONFIG: b"{", FIGURES: b'"votes": 2', AVAILABILITY: b"online"}


def test_the_collector_tells_it_and_says_goodbye_and_forgets(tmp_path: Path) -> None:
    with service("broker", "--listen", "127.0.0.1:0", "--json") as broker:
        port = broker.wait_for("ready")["port"]
        where = ("--broker", f"mqtt://127.0.0.1:{port}", "--db", str(tmp_path / "v.db"), "--json")

        def collecting() -> Service:
            collector = Service(["collect", *where, "--home-assistant", "homeassistant"])
            collector.wait_for("ready")
            return collector

        collector = collecting()
        try:
            found = watched(port, TWO_VOTES)
            check("discovery", found[CONFIG].decode())
            assert json.loads(found[FIGURES])["happy_index"] == 100.0
            assert json.loads(found[CONFIG])["availability"] == [{"topic": AVAILABILITY}]
            assert collector.stop() == 0
            watched(port, {AVAILABILITY: b"offline"}, tell=False)
            collector = collecting()
            watched(port, {AVAILABILITY: b"online"}, tell=False)
            collector.stop(signal.SIGKILL)
            watched(port, {AVAILABILITY: b"offline"}, tell=False)
            collector = collecting()
            done = hymio("cmd", "till-1", "forget", *where)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout) == {
                "device_id": "till-1", "do": "forget", "ok": True, "marked": True, "kept": []
            }  # fmt: skip
            assert hymio("cmd", "till-7", "forget", *where).returncode == NO_TERMINAL
            assert collector.stop() == 0
            collector = collecting()
            found = watched(port, {AVAILABILITY: b"online"}, tell=False)
            assert set(found) == {AVAILABILITY}, "and nothing of till-1"
        finally:
            collector.stop()
