"""The on-screen terminal: its page, and visitors with real terminals, broker, collector and database."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import socket as server_socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from hymio_process import Service
from sim_process import is_alive, wait_until
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from hymio.common.errors import Failure
from hymio.locale.language import LOCALES
from hymio.serve import http_server
from hymio.store.database import open_store
from hymio.training.router import Training, training_router
from hymio.training.scenes import HISTORY
from hymio.training.stands import SECTORS
from hymio.wire.records import SLOTS, VERDICTS

PATIENCE_S = 120.0

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


@pytest.mark.parametrize("language", LOCALES)
def test_the_page_runs_nothing_but_its_own_files(client: TestClient, language: str) -> None:
    page = client.get("/training", headers={"accept-language": language})
    assert page.status_code == 200 and page.headers["content-language"] == language
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|javascript:|https?://", page.text)
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
    assert len(files) > 5
    for file in files:
        assert client.get(file).status_code == 200
    assert client.get("/static/training/ring.js").status_code == 200, "the script asks for it by this name"
    assert client.get("/static/..%2Fapp.py").status_code == 404


@pytest.mark.parametrize("language", LOCALES)
def test_every_word_of_the_script_stands_in_the_page(client: TestClient, language: str) -> None:
    page = client.get("/training", headers={"accept-language": language}).text
    script = client.get("/static/training/training.js").text
    there = dict(re.findall(r'data-word="([^"]+)">([^<]+)<', page))
    used = set(re.findall(r'\b(?:word|say|setState)\("([\w-]+)"', script))
    families = set(re.findall(r"`([\w-]+-)\$\{", script))
    assert used <= set(there)
    for name in set(there) - used:
        assert any(name.startswith(family) for family in families) or f'"{name}"' in script, f"{name} is never said"
    assert {f"verdict-{verdict}" for verdict in VERDICTS} <= set(there)
    values = set(re.findall(r"\{(\w+)\}", " ".join(there.values())))
    for value in values:
        assert re.search(rf"\b{value}\b[:,]| {value} \}}|\.{value} =", script), f"the script gives no {value}"


def test_the_twin_in_json_says_what_is_free(client: TestClient) -> None:
    assert client.get("/training.json").json() == {"terminals": [{"device_id": "training-1", "taken": False}]}


def test_others_are_not_let_in(client: TestClient) -> None:
    assert client.get("/training", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/training.json", headers={"host": "evil.example"}).status_code == 403
    refused = client.get("/training", headers={"host": "evil.example", "accept-language": "fi"})
    assert "--training-host" in refused.text and "Näytön palautelaite" in refused.text
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "http://evil.example", "host": "evil.example"}):
        with (
            pytest.raises(WebSocketDisconnect) as closed,
            client.websocket_connect(SOCKET, headers=headers),
        ):
            pass
        assert closed.value.code == 1008


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


def test_a_visit_is_no_slow_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server lets go of connections on which nothing is asked, but not of visitors."""
    monkeypatch.setattr(http_server, "REQUEST_S", 0.1)
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 0.1)
    app = FastAPI()

    @app.websocket("/")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())

    listener = server_socket.create_server(("127.0.0.1", 0))
    ready = threading.Event()
    server = http_server.HttpServer(app, None, ready.set, takes_websockets=True)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        with connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/") as visitor:
            time.sleep(2.5)  # the server looks once a second
            visitor.send("still here")
            assert visitor.recv() == "still here"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


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
    """`hymio serve` with terminals on the screen."""

    def __init__(self, db: Path, terminals: int = 3) -> None:
        options = ("--training", "--training-terminals", str(terminals), "--listen", "127.0.0.1:0", "--json")
        self.service = Service(("serve", "--db", str(db), *options))
        self.db = db
        self.terminals = terminals
        self.address = self.service.wait_for("ready")["url"].removeprefix("http://")

    def all_below(self) -> set[int]:
        """The process ids of all its children, and of theirs."""
        found, ahead = set(), [self.service.process.pid]
        while ahead:
            pid = ahead.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    ahead += [int(child) for child in task.read_text().split()]
            found.add(pid)
        return found - {self.service.process.pid}

    def free(self) -> set[str]:
        """The places that nobody has taken."""
        with urllib.request.urlopen(f"http://{self.address}/training.json") as answer:
            return {one["device_id"] for one in json.load(answer)["terminals"] if not one["taken"]}

    def is_empty(self) -> bool:
        """Whether all visitors and their terminals have gone."""
        is_left = any("training-" in _command_line(pid) for pid in self.all_below())
        return len(self.free()) == self.terminals and not is_left


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
    assert server.service.stop() == 0 and server.service.stderr == []
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
        visitor.say("up", button=3, ms=60)
        assert visitor.event("release")["ms"] >= 60
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
        server.service.stop(signal.SIGKILL)
        wait_until(lambda: not any(is_alive(pid) for pid in below), "all have ended")


def test_a_far_end_that_dies_comes_back(server: Server) -> None:
    with Visitor(server) as visitor:
        visitor.event("ready")
        [collector] = [pid for pid in server.all_below() if "hymio collect" in _command_line(pid)]
        os.kill(collector, signal.SIGKILL)
        wait_until(lambda: not is_alive(collector), "it has ended")
        visitor.say("press", button=2, ms=100)
        visitor.press_reached("acked_s", 1)
