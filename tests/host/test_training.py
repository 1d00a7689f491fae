"""The on-screen terminal: what a visitor may say, the ring, the ways of presses, and the whole with real processes."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sim_process import is_alive, wait_until
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from hymio.common.errors import Failure
from hymio.store.database import open_store
from hymio.training.guests import is_own_page, may_visit
from hymio.training.journeys import Journeys
from hymio.training.ring import LETTERS, Ring, RingReader
from hymio.training.router import Training, training_router
from hymio.training.scenes import HISTORY, SCENES, history
from hymio.training.stands import SECTORS, Stands
from hymio.training.visit import WISHES_AT_ONCE, WISHES_PER_S, Pace
from hymio.training.wishes import BadWish, Play, Renew, StopScene, Tell, Wish, parse
from hymio.wire.records import SECTOR_BYTES, SLOTS
from hymio_sim.run.commands import parse as parse_command
from hymio_sim.run.virtual import VirtualTerminal

PATIENCE_S = 120.0

# ---- what a visitor may say ----


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ({"do": "down", "button": 1}, Tell("down 1")),
        ({"do": "up", "button": 4}, Tell("up 4")),
        ({"do": "press", "button": 2, "ms": 120}, Tell("press 2 120")),
        ({"do": "power", "on": False}, Tell("power off")),
        ({"do": "wifi", "on": True}, Tell("wifi on")),
        ({"do": "time", "utc": 1800000000}, Tell("time 1800000000.0")),
        ({"do": "scene", "name": "child"}, Play("child")),
        ({"do": "stop"}, StopScene()),
        ({"do": "renew", "history": True}, Renew(True)),
    ],
)
def test_a_wish(said: dict[str, Any], wish: Wish) -> None:
    assert parse(json.dumps(said)) == wish
    if isinstance(wish, Tell):
        assert parse_command(wish.line) is not None, "the simulator obeys it"


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("", "message"),
        ("[" * 200, "message"),
        ("[]", "message"),
        ('"press 4"', "message"),
        ('{"do": "quit"}', "do: expected one of"),
        ('{"do": ["down"]}', "do: expected one of"),
        ("{}", "do: expected one of"),
        ('{"do": "down"}', "button: expected a whole number, 1 to 4, came null"),
        ('{"do": "down", "button": 5}', "button.* came 5"),
        ('{"do": "down", "button": true}', "button.* came true"),
        ('{"do": "down", "button": 1.0}', "button.* came 1.0"),
        ('{"do": "down", "button": "1\\nquit"}', "button"),
        ('{"do": "press", "button": 1, "ms": 0}', "ms: expected a whole number, 1 to 60000, came 0"),
        ('{"do": "power", "on": "off"}', "on: expected true or false"),
        ('{"do": "time", "utc": NaN}', "utc: expected a number"),
        ('{"do": "time", "utc": -1}', "utc: expected a number"),
        ('{"do": "time", "utc": 1e12}', "utc: expected a number"),
        ('{"do": "scene", "name": "fire"}', "name: expected one of visitors"),
        ('{"do": "scene", "name": []}', "name: expected one of visitors"),
        ('{"do": "renew"}', "history: expected true or false"),
        (json.dumps({"do": "stop", "more": "x" * 256}), "at most 256 bytes"),
    ],
)
def test_a_wish_that_is_refused_names_the_field(said: str, names: str) -> None:
    with pytest.raises(BadWish, match=names):
        parse(said)


@given(
    st.one_of(
        st.text(max_size=300),
        st.dictionaries(
            st.sampled_from(["do", "button", "ms", "on", "utc", "name", "history"]),
            st.one_of(
                st.sampled_from(["down", "up", "press", "power", "wifi", "time"]), st.integers(0, 5), st.integers(),
                st.floats(), st.text(max_size=9), st.booleans(), st.none(),
            ),
        ).map(json.dumps),
    )
)  # fmt: skip
def test_nothing_but_the_lines_that_are_meant_gets_to_the_simulator(said: str) -> None:
    try:
        wish = parse(said)
    except BadWish:
        return
    if isinstance(wish, Tell):
        assert re.fullmatch(r"(down|up) [1-4]|press [1-4] \d+|(power|wifi) (on|off)|time \d+\.\d+", wish.line)


def test_whoever_says_more_than_is_meant_is_heard_later() -> None:
    pace = Pace(0.0)
    assert [pace.pause_s(0.0) for _ in range(WISHES_AT_ONCE)] == [0.0] * WISHES_AT_ONCE
    now_s = heard = 0.0
    while now_s < 10.0:
        now_s += pace.pause_s(now_s)
        heard += 1
    assert heard == pytest.approx(10.0 * WISHES_PER_S, rel=0.02)
    assert pace.pause_s(now_s + 60.0) == 0.0, "who has been quiet has room again"


@pytest.mark.parametrize(
    ("client", "host", "hosts", "may"),
    [
        ("127.0.0.1", "127.0.0.1:8000", (), True),
        ("127.0.0.1", "localhost:8000", (), True),
        ("::1", "[::1]:8000", (), True),
        ("127.0.0.1", "evil.example", (), False),
        ("127.0.0.1", None, (), False),
        ("127.0.0.1", "[oops", (), False),
        ("192.0.2.7", "localhost:8000", (), False),
        (None, "localhost", (), False),
        ("192.0.2.7", "fair.example:8000", ("fair.example",), True),
        ("192.0.2.7", "FAIR.example", ("fair.example",), True),
        ("192.0.2.7", "evil.example", ("fair.example",), False),
    ],
)
def test_who_may_come(client: str | None, host: str | None, hosts: tuple[str, ...], may: bool) -> None:
    assert may_visit(client, host, hosts) is may


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://Fair.example", "fair.example", True),
        ("http://evil.example", "127.0.0.1:8000", False),
        ("http://127.0.0.1:9000", "127.0.0.1:8000", False),
        ("null", "127.0.0.1:8000", False),
        ("file://127.0.0.1:8000", "127.0.0.1:8000", False),
        (None, "127.0.0.1:8000", False),
    ],
)
def test_only_a_page_of_ours_opens_the_way(origin: str | None, host: str, own: bool) -> None:
    assert is_own_page(origin, host) is own


def test_a_place_is_kept_for_whoever_comes_back(tmp_path: Path) -> None:
    stands = Stands(tmp_path, 2)
    one, two = stands.take(None), stands.take("training-1")
    assert one is not None and two is not None
    assert (one.device_id, two.device_id, stands.take(None)) == ("training-1", "training-2", None)
    two.flash.write_bytes(b"votes")
    stands.give_back(one)
    stands.give_back(two)
    back = stands.take("training-2")
    assert back is not None and back.flash.read_bytes() == b"votes", "it is as it was left"
    back.renew()
    assert back.flash.read_bytes() == b"\xff" * SECTORS * SECTOR_BYTES
    assert stands.free == {"training-1"}


def test_the_scenes_are_commands_of_the_simulator() -> None:
    for scene in SCENES.values():
        played = scene(random.Random(1))
        assert [at_s for at_s, _ in played] == sorted(at_s for at_s, _ in played)
        for _, lines in played:
            assert all(parse_command(line) is not None for line in lines.split("\n"))
    assert history(random.Random(1)).count("press") == HISTORY


# ---- the ring and the ways of presses, beside what the simulator says ----


def lived(lines: list[str], tmp_path: Path, network: bool = False) -> tuple[list[dict[str, Any]], bytes]:
    """The events of a terminal with a flash of a few sectors, and that flash."""
    flash = tmp_path / "flash.bin"
    flash.write_bytes(b"\xff" * 4 * SECTOR_BYTES)
    with VirtualTerminal(flash=flash, network=network) as terminal:
        for line in lines:
            terminal.obey(line)
        terminal.run(2)
        return list(terminal.events), flash.read_bytes()


STORY = [
    "press 4", "wait 6", "press 1", "wait 0.7", "press 3", "wait 6", "chord 1 4", "wait 6", "hold 2 11", "wait 13",
    *[line for n in range(90) for line in (f"press {n % 3 + 1} 60", "wait 0.2")], "wait 12", "press 2", "wait 0.0095",
    "power off", "wait 1", "press 1", "wait 1", "power on", "wait 3", "press 4", "wait 6",
]  # fmt: skip


def letters_of(ring: Ring) -> dict[int, str]:
    """The letter of each seq."""
    return {
        sector.seq * SLOTS + slot: letter
        for sector in ring.sectors
        if sector.seq is not None
        for slot, letter in enumerate(sector.slots)
    }


def test_the_ring_shows_every_record_with_its_verdict_in_force(tmp_path: Path) -> None:
    events, image = lived(STORY, tmp_path)
    in_force = {e["seq"]: (e["button"], e["verdict"]) for e in events if e["event"] == "record"}
    for event in events:
        if event["event"] == "amended":
            in_force[event["seq"]] = (in_force[event["seq"]][0], event["verdict"])
    folded = {e["seq"]: e["count"] for e in events if e["event"] == "folded"}
    assert folded and {verdict for _, verdict in in_force.values()} >= {"counted", "replaced", "chord", "stuck", "mash"}
    ring = RingReader().read(image)
    shown = letters_of(ring)
    assert {seq: LETTERS[shown[seq]] for seq in in_force} == {
        seq: f"counted {button}" if verdict == "counted" else verdict for seq, (button, verdict) in in_force.items()
    }
    assert {seq for seq, letter in shown.items() if LETTERS[letter] == "folded"} == set(folded)
    assert sum(letter == "B" for letter in shown.values()) == 2
    assert ring.waiting(-1) == (len(in_force) + sum(folded.values()), len(in_force) + len(folded))
    assert ring.waiting(max(in_force)) == (0, 0)
    assert ring.next_seq == max(shown) + 1


def test_of_what_changes_only_that_sector_is_told(tmp_path: Path) -> None:
    _, image = lived(STORY[:4], tmp_path)
    reader = RingReader()
    before = reader.read(image)
    assert [change["place"] for change in before.changes(None)] == [0, 1, 2, 3]
    burned = image[:80] + b"\x00" * 16 + image[96:]
    after = reader.read(burned)
    [change] = after.changes(before)
    assert change["place"] == 0 and change["slots"][1] == "X" and change["seq"] == 0
    assert after.changes(reader.read(burned)) == []


@pytest.mark.parametrize(
    ("sector", "state"),
    [
        (b"\xff" * SECTOR_BYTES, "blank"),
        (b"\x00" * 4 + b"\x11" * (SECTOR_BYTES - 4), "given-up"),
        (b"\x11" * SECTOR_BYTES, "damaged"),
    ],
)
def test_a_sector_of_no_log(sector: bytes, state: str) -> None:
    ring = RingReader().read(sector * 4)
    assert {one.state for one in ring.sectors} == {state}
    assert (ring.log_id, ring.next_seq, ring.presses) == (None, 0, ())


@given(st.lists(st.tuples(st.integers(0, 2 * SECTOR_BYTES - 1), st.binary(min_size=1, max_size=40)), max_size=8))
def test_whatever_is_in_flash_there_is_a_picture(damage: list[tuple[int, bytes]]) -> None:
    image = bytearray(USED)
    for at, data in damage:
        image[at : at + len(data)] = data
    ring = RingReader().read(bytes(image[: len(USED)]))
    assert len(ring.sectors) == 4 and all(len(sector.slots) <= SLOTS for sector in ring.sectors)
    assert all(set(sector.slots) <= set(LETTERS) for sector in ring.sectors)


def _used() -> bytes:
    with VirtualTerminal() as terminal:
        for _ in range(60):
            terminal.press(random.Random(1).randint(1, 4))
            terminal.run(2)
        return terminal.flash.image()[: 4 * SECTOR_BYTES]


USED = _used()


def test_every_press_has_its_way(tmp_path: Path) -> None:
    events, _ = lived(STORY, tmp_path, network=True)
    journeys = Journeys()
    by_push = {}
    for event in events:
        for journey in journeys.take(event):
            by_push[journey.push] = journey
    assert len(by_push) == sum(e["event"] == "press" for e in events)
    ends = {end: [j for j in by_push.values() if j.end == end] for end in ("cut", "unpowered", "folded", None)}
    assert len(ends["unpowered"]) == 1
    records = [e for e in events if e["event"] == "record"]
    assert sorted(j.seq or 0 for j in ends[None]) == [e["seq"] for e in records], "each record is of one push"
    assert len(ends["folded"]) == sum(e["count"] for e in events if e["event"] == "folded")
    assert len(ends["cut"]) == len(by_push) - 1 - len(records) - len(ends["folded"])
    button_of = {e["seq"]: e["button"] for e in records}
    for journey in ends[None]:
        assert (
            journey.flash_s is not None and 0 < journey.flash_s < 0.1 and journey.button == button_of[journey.seq or 0]
        )
        assert journey.thanked_s is None or journey.thanked_s >= journey.flash_s, "no thanks before it is in flash"
        assert journey.acked_s is not None and journey.published_s is not None
        assert journey.flash_s < journey.published_s < journey.acked_s


def told(event: str, t: float, **keys: Any) -> dict[str, Any]:
    return {"event": event, "t": t, **keys}


def test_a_record_is_of_the_last_push_of_its_button() -> None:
    journeys = Journeys()
    for push, t in ((1, 1.0), (2, 1.1)):
        journeys.take(told("press", t, push=push, button=3, powered=True))
    [journey] = journeys.take(told("record", 1.11, log_id=7, seq=5, button=3, verdict="counted"))
    assert (journey.push, journey.flash_s) == (2, pytest.approx(0.01))


def test_a_row_is_there_before_its_ack_however_late_one_looks() -> None:
    journeys = Journeys()
    journeys.take(told("press", 1.0, push=1, button=2, powered=True))
    journeys.take(told("record", 1.1, log_id=7, seq=5, button=2, verdict="counted"))
    journeys.take(told("published", 1.5, log_id=7, first_seq=0, last_seq=9))
    assert journeys.committed(8, {5}, 1.6) == [], "another log"
    journeys.take(told("answered", 1.9, log_id=8, seq=5))
    assert journeys.acked_seq == -1, "the ack of the log that was here before, which the broker has kept"
    journeys.take(told("answered", 2.0, log_id=7, seq=5))
    journeys.take(told("acked", 3.0, log_id=7, seq=3))
    assert journeys.acked_seq == 5
    [journey] = journeys.committed(7, {5}, 2.5)
    assert (journey.published_s, journey.committed_s, journey.acked_s) == (0.5, 1.0, 1.0)
    assert journeys.unsettled() == []


def test_a_spike_is_no_press_and_no_loss(tmp_path: Path) -> None:
    events, _ = lived(["press 1 3 profile clean", "wait 1", "press 2", "wait 0.0085", "power off", "wait 1"], tmp_path)
    journeys = Journeys()
    changed = [(event["event"], [(j.button, j.end) for j in journeys.take(event)]) for event in events]
    assert "record" not in dict(changed)
    assert ("power", [(1, "unnoticed"), (2, "cut")]) in changed


def test_what_is_pushed_out_of_the_ring_unsent_is_lost() -> None:
    journeys = Journeys()
    for push, seq in ((1, 5), (2, 260)):
        journeys.take(told("press", push, push=push, button=1, powered=True))
        journeys.take(told("record", push, log_id=7, seq=seq, button=1, verdict="counted"))
    assert journeys.overwritten_below(SLOTS) == [j for j in journeys.unsettled() if j.push == 1]
    assert [j.end for j in journeys.unsettled()] == ["overwritten", None]
    assert journeys.overwritten_below(SLOTS) == [], "once"


# ---- the page and its addresses, in this process ----


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """An application with one terminal, nobody at its far end, and little patience."""
    db = str(tmp_path / "votes.db")
    training = Training(
        open_store(db, create=True), db, broker="127.0.0.1:1", terminals=1, idle_s=0.3, runtime="cpython"
    )
    app = FastAPI()
    app.include_router(training_router(training))
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000)) as client:
        yield client
    training.store.close()


OWN = {"origin": "http://127.0.0.1"}
SOCKET = "ws://127.0.0.1/training/terminal"


def test_the_page_runs_nothing_but_its_own_files(client: TestClient) -> None:
    page = client.get("/training")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|javascript:|https?://", page.text)
    assert f"{HISTORY} presses unsent" in page.text
    files = set(re.findall(r'(?:src|href)="(training/[^"]+)"', page.text))
    assert files
    for file in files:
        assert client.get(f"/{file}").status_code == 200
    assert client.get("/training/static/router.py").status_code == 404
    assert client.get("/training/static/..%2Frouter.py").status_code == 404


def test_every_word_of_the_script_stands_in_the_page(client: TestClient) -> None:
    page = client.get("/training").text
    script = client.get("/training/static/training.js").text
    there = set(re.findall(r'data-word="([^"]+)"', page))
    used = set(re.findall(r'\b(?:word|say|setState)\("([\w-]+)"', script))
    families = set(re.findall(r"`([\w-]+-)\$\{", script))
    assert used <= there
    for name in there - used:
        assert any(name.startswith(family) for family in families) or f'"{name}"' in script, f"{name} is never said"
    assert {f"verdict-{verdict}" for verdict in set(LETTERS.values()) & {"repeat", "mash", "chord", "stuck"}} <= there


def test_the_twin_in_json_says_what_is_free(client: TestClient) -> None:
    assert client.get("/training.json").json() == {"terminals": [{"device_id": "training-1", "taken": False}]}


def test_others_are_not_let_in(client: TestClient) -> None:
    assert client.get("/training", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/training.json", headers={"host": "evil.example"}).status_code == 403
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "http://evil.example", "host": "evil.example"}):
        with (
            pytest.raises(WebSocketDisconnect) as refused,
            client.websocket_connect(SOCKET, headers=headers),
        ):
            pass
        assert refused.value.code == 1008


def test_a_visit_without_a_word_is_over_and_the_place_is_free_again(client: TestClient) -> None:
    with client.websocket_connect(SOCKET, headers=OWN) as socket:
        assert socket.receive_json() == {
            "kind": "welcome",
            "device_id": "training-1",
            "sectors": SECTORS,
            "slots": SLOTS,
        }
        assert client.get("/training.json").json()["terminals"][0]["taken"] is True
        with client.websocket_connect(SOCKET, headers=OWN) as second:
            assert second.receive_json() == {"kind": "over", "why": "full", "terminals": 1}
            with pytest.raises(WebSocketDisconnect) as full:
                second.receive_json()
            assert full.value.code == 1013
        while (said := socket.receive_json())["kind"] != "over":
            pass
        assert said == {"kind": "over", "why": "idle", "after_s": 0.3}
        with pytest.raises(WebSocketDisconnect) as over:
            socket.receive_json()
        assert over.value.code == 1000
    assert client.get("/training.json").json()["terminals"][0]["taken"] is False


def test_a_message_that_is_too_long_ends_the_visit(client: TestClient) -> None:
    with client.websocket_connect(SOCKET, headers=OWN) as socket:
        socket.send_text("x" * 257)
        with pytest.raises(WebSocketDisconnect) as over:
            while True:
                socket.receive_json()
        assert over.value.code == 1009


def test_a_broker_with_a_password_is_refused(tmp_path: Path) -> None:
    db = str(tmp_path / "votes.db")
    store = open_store(db, create=True)
    for broker in ("mqtts://broker.example", "mqtt://user:secret@broker.example"):
        with pytest.raises(Failure, match="neither certificates nor passwords") as refused:
            training_router(Training(store, db, broker=broker))
        assert refused.value.exit_status == 2
    store.close()


# ---- the whole, with real processes ----


class Server:
    """An application with the on-screen terminal, as a process."""

    def __init__(self, db: Path, runtime: str = "micropython", terminals: int = 3) -> None:
        app = Path(__file__).with_name("training_app.py")
        command = [sys.executable, str(app), str(db), runtime, str(terminals)]
        self.db = db
        self.terminals = terminals
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = f"127.0.0.1:{int(self.process.stdout.readline())}"
        wait_until(self._answers, "the server answers")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(self.free())
        return False

    def all_below(self) -> set[int]:
        """The process ids of all its children, and of theirs."""
        found, ahead = set(), [self.process.pid]
        while ahead:
            pid = ahead.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    ahead += [int(child) for child in task.read_text().split()]
            found.add(pid)
        return found - {self.process.pid}

    def free(self) -> set[str]:
        """The places that nobody has taken."""
        with urllib.request.urlopen(f"http://{self.address}/training.json") as answer:
            return {one["device_id"] for one in json.load(answer)["terminals"] if not one["taken"]}

    def is_empty(self) -> bool:
        """Whether all visitors and their terminals have gone."""
        is_left = any("training-" in _command_line(pid) for pid in self.all_below())
        return len(self.free()) == self.terminals and not is_left

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


class Visitor:
    """A page, without the browser."""

    def __init__(self, server: Server, wanted: str | None = None) -> None:
        query = f"?wanted={wanted}" if wanted else ""
        address = f"ws://{server.address}/training/terminal{query}"
        self._opening = connect(address, origin=Origin(f"http://{server.address}"))
        self.heard: list[dict[str, Any]] = []
        self._fresh: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def _hear(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in self._socket:
                self._fresh.put(json.loads(message))
        self._fresh.put(None)

    def say(self, do: str, **keys: Any) -> None:
        self._socket.send(json.dumps({"do": do, **keys}))

    def until(self, what: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The next message for which `what` holds; those before it are kept in `heard`."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                message = self._fresh.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                message = None
            assert message is not None, f"it did not come; these did: {self.heard[-8:]}"
            self.heard.append(message)
            if what(message):
                return message

    def event(self, name: str, **keys: Any) -> dict[str, Any]:
        """The next event of the terminal with that name and these keys."""
        found = self.until(lambda m: m["kind"] == "event" and m["event"] | {"event": name, **keys} == m["event"])
        event: dict[str, Any] = found["event"]
        return event

    def stands(self, kind: str, what: Callable[[dict[str, Any]], Any]) -> None:
        """Waits until the newest message of a kind is so; perhaps it is already."""
        newest = next((message for message in reversed(self.heard) if message["kind"] == kind), None)
        if newest is None or not what(newest):
            self.until(lambda message: message["kind"] == kind and what(message))

    def outbox(self, presses: int) -> None:
        """Waits until so many presses are in the outbox."""
        self.stands("ring", lambda ring: ring["outbox"]["presses"] == presses)

    def ledger(self, **figures: Any) -> None:
        """Waits until the ledger has these figures."""
        self.stands("books", lambda books: books["ledger"] and books["ledger"] | figures == books["ledger"])

    def press_reached(self, stage: str, push: int) -> dict[str, Any]:
        """A press as it is told once it has come to that stage."""

        def its(message: dict[str, Any]) -> list[dict[str, Any]]:
            return [p for p in message.get("presses", ()) if p["push"] == push and p[stage] is not None]

        return its(self.until(its))[0]

    def __enter__(self) -> Visitor:
        self._socket = self._opening.__enter__()
        threading.Thread(target=self._hear, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._opening.__exit__(None, None, None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With terminals on the MicroPython VM, and a broker and a collector of its own."""
    server = Server(tmp_path_factory.mktemp("training") / "votes.db")
    yield server
    server.stop()
    wait_until(lambda: not server.all_below(), "everything that it started has ended")


def rows(server: Server, log_id: int) -> list[tuple[int, int, str]]:
    """(seq, button, verdict) of the presses of a log in the database."""
    store = open_store(str(server.db))
    with store.reading() as connection:
        query = "SELECT seq, button, verdict FROM presses_v1 WHERE log_id = ? ORDER BY seq"
        found = connection.exec_driver_sql(query, (log_id,)).all()
    store.close()
    return [(seq, button, verdict) for seq, button, verdict in found]


def test_a_press_goes_from_the_finger_to_a_row_and_its_light_follows_the_flash(server: Server) -> None:
    with Visitor(server) as visitor:
        visitor.event("ready")
        visitor.say("down", button=3)
        record = visitor.event("record", button=3, verdict="counted")
        assert visitor.event("led", led=3, on=True)["t"] >= record["t"]
        assert not [m for m in visitor.heard if m.get("event", {}).get("event") == "release"], "the finger still rests"
        visitor.say("up", button=3)
        assert visitor.event("release")["ms"] > 0
        acked = visitor.press_reached("acked_s", 1)
        assert acked["verdict"] == "counted" and acked["end"] is None
        settled = visitor.press_reached("committed_s", 1) if acked["committed_s"] is None else acked
        assert settled["flash_s"] < settled["published_s"] < settled["committed_s"] <= settled["acked_s"]
        log_id, seq = record["log_id"], record["seq"]
        assert rows(server, log_id) == [(seq, 3, "counted")]
        visitor.ledger(pressed=1, rows=1, waiting=0, lost=0, balanced=True)
        visitor.outbox(0)
        rings = [m for m in visitor.heard if m["kind"] == "ring"]
        assert len(rings[0]["sectors"]) == SECTORS, "all of them, and later on what has changed"
        assert {"presses": 1, "records": 1} in [ring["outbox"] for ring in rings]
    wait_until(server.is_empty, "the terminal has gone with its visitor")


def test_without_wifi_presses_wait_and_then_arrive(server: Server) -> None:
    with Visitor(server) as visitor:
        visitor.say("renew", history=False)
        visitor.until(
            lambda m: m["kind"] == "starting" and len([h for h in visitor.heard if h["kind"] == "starting"]) == 2
        )
        visitor.event("ready")
        visitor.say("wifi", on=False)
        visitor.event("wifi", on=False)
        visitor.say("scene", name="correction")
        log_id = visitor.event("amended", verdict="replaced")["log_id"]
        visitor.outbox(2)
        assert rows(server, log_id) == []
        visitor.say("dance")
        assert "do: expected one of" in visitor.until(lambda m: m["kind"] == "refused")["message"]
        visitor.say("wifi", on=True)
        visitor.outbox(0)
        assert [row[1:] for row in rows(server, log_id)] == [(1, "replaced"), (4, "counted")]


def test_a_power_cut_in_the_middle_of_a_press_loses_nothing_that_was_thanked_for(server: Server) -> None:
    cut = kept = 0
    with Visitor(server) as visitor:
        visitor.event("ready")
        for _ in range(3):
            visitor.say("scene", name="cut-mid-press")
            push = visitor.event("press")["push"]
            visitor.event("power", on=False)
            visitor.event("ready")
            states = [p for m in visitor.heard for p in m.get("presses", ()) if p["push"] == push]
            cut += states[-1]["end"] == "cut"
            kept += states[-1]["seq"] is not None
            assert not (states[-1]["end"] == "cut" and states[-1]["thanked_s"] is not None)
        visitor.outbox(0)
        stored = [m["event"] for m in visitor.heard if m["kind"] == "event" and m["event"]["event"] == "record"]
        assert cut + kept == 3
        if stored:
            assert {e["seq"] for e in stored} <= {row[0] for row in rows(server, stored[0]["log_id"])}


def test_a_terminal_from_the_cellar_empties_its_outbox(server: Server) -> None:
    with Visitor(server) as visitor:
        visitor.event("ready")
        visitor.say("renew", history=True)
        assert visitor.until(lambda m: m["kind"] == "starting")["history"] is True
        visitor.event("wifi", on=False)
        log_id = next(m["event"]["log_id"] for m in reversed(visitor.heard) if "log_id" in m.get("event", {}))
        visitor.outbox(HISTORY)
        assert rows(server, log_id) == []
        visitor.say("wifi", on=True)
        visitor.ledger(pressed=HISTORY, rows=HISTORY, waiting=0, balanced=True)
        assert len(rows(server, log_id)) == HISTORY


def test_so_many_at_once_and_each_has_its_own(server: Server) -> None:
    wait_until(server.is_empty, "those before have gone")
    with contextlib.ExitStack() as stack:
        visitors = [stack.enter_context(Visitor(server)) for _ in range(3)]
        names = {visitor.until(lambda m: m["kind"] == "welcome")["device_id"] for visitor in visitors}
        assert names == {"training-1", "training-2", "training-3"}
        with Visitor(server) as fourth:
            assert fourth.until(lambda m: True) == {"kind": "over", "why": "full", "terminals": 3}
        visitors[1].event("ready")
        visitors[1].say("press", button=4, ms=100)
        visitors[1].event("record")
        assert not [m for m in visitors[0].heard if "presses" in m]
    wait_until(server.is_empty, "all have gone")
    with Visitor(server, wanted="training-2") as back:
        assert back.until(lambda m: m["kind"] == "welcome")["device_id"] == "training-2"


def test_a_terminal_that_does_not_listen_any_more_goes_as_well(server: Server) -> None:
    with Visitor(server) as visitor:
        visitor.event("ready")
        [simulator] = [pid for pid in server.all_below() if "sim terminal" in _command_line(pid)]
        os.kill(simulator, signal.SIGSTOP)
    wait_until(server.is_empty, "it has gone with its visitor")


def test_of_a_server_that_is_killed_nothing_remains(tmp_path: Path) -> None:
    server = Server(tmp_path / "votes.db", terminals=1)
    with Visitor(server) as visitor:
        visitor.event("ready")
        below = server.all_below()
        assert len(below) >= 5, "broker and collector, and what they start, the simulator and its virtual machine"
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(PATIENCE_S)
        wait_until(lambda: not any(is_alive(pid) for pid in below), "all have ended")


def test_a_far_end_that_dies_comes_back(server: Server) -> None:
    with Visitor(server) as visitor:
        visitor.event("ready")
        [collector] = [pid for pid in server.all_below() if "hymio collect" in _command_line(pid)]
        os.kill(collector, signal.SIGKILL)
        wait_until(lambda: not is_alive(collector), "it has ended")
        visitor.say("press", button=2, ms=100)
        visitor.press_reached("acked_s", 1)
