"""Seven terminals on the MicroPython VM at once, real mosquitto, and between them proxies that do their worst:
afterwards the ledger balances, 0 lost, 0 double."""

import contextlib
import json
import sqlite3
import subprocess
import sys
import time

import pytest

from hymio_sim.board.board_files import find_tool
from hymio_sim.net.faulty_proxy import FaultyProxy
from hymio_sim.rigs.fingers import compare
from hymio_sim.rigs.stage import open_mosquitto, stage_set

FAULTS = ("delay", "cut", "deaf up", "deaf down", "throttle", "corrupt", "portal")
FAULTY_S = 7.0
PATIENCE_S = 300.0
"""Two acks that fail to come, 20 and 40 s, show a terminal that its subscription was lost; mostly it takes a few."""

pytestmark = [
    pytest.mark.demo,
    pytest.mark.skipif(find_tool("mosquitto") is None, reason="no mosquitto here: apt-get install mosquitto"),
    pytest.mark.skipif(find_tool("micropython") is None, reason="no MicroPython VM for this machine"),
]


def terminal_of(fault):
    return fault.replace(" ", "-") + "-1"


def ledger(stage):
    command = [sys.executable, "-m", "hymio", "ledger", "--db", str(stage.database), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    return {line["device_id"]: line for line in json.loads(done.stdout)["terminals"]}


def verdicts(stage):
    with contextlib.closing(sqlite3.connect(stage.database)) as reader:
        reader.row_factory = sqlite3.Row
        rows = [dict(row) for row in reader.execute("SELECT * FROM presses_v1")]
    found = {}
    for device_id in map(terminal_of, FAULTS):
        mine = [row for row in rows if row["device_id"] == device_id]
        found[device_id] = compare(device_id, list(stage.children[device_id].events), mine)
    return found


def test_whatever_the_network_does(tmp_path):
    with stage_set("micropython", open_mosquitto(tmp_path)) as stage, contextlib.ExitStack() as stack:
        stage.start_broker()
        stage.start_collector()
        proxies = {fault: stack.enter_context(FaultyProxy(stage.port, seed)) for seed, fault in enumerate(FAULTS)}
        for fault, proxy in proxies.items():
            stage.port = proxy.port
            stage.start_terminal(terminal_of(fault))
        for fault in FAULTS:
            stage.children[terminal_of(fault)].wait_for("ready", PATIENCE_S)

        def everybody(*lines):
            for fault in FAULTS:
                for line in lines:
                    stage.tell(terminal_of(fault), line)

        everybody("press 4", "wait 1.5")
        for fault in FAULTS:
            stage.children[terminal_of(fault)].wait_for("published", PATIENCE_S)
        for fault, proxy in proxies.items():
            proxy.fault = fault  # type: ignore[assignment]
        # A portal meets a terminal that comes anew.
        stage.tell(terminal_of("portal"), "wifi off\nwait 0.5\nwifi on")
        everybody("press 1", "wait 1.4", "press 3", "wait 1.4")
        # Power fails in the midst of it: 12 ms after first contact, before anybody was thanked.
        stage.tell(terminal_of("delay"), "press 2\nwait 0.012\npower off\nwait 0.3\npower on")
        stage.children[terminal_of("delay")].wait_for("ready", PATIENCE_S, count=2)
        everybody("press 2", "wait 1")
        time.sleep(FAULTY_S)
        for proxy in proxies.values():
            proxy.fault = "none"
        everybody("press 4")
        end = time.monotonic() + PATIENCE_S
        time.sleep(2)
        while True:
            found, lines = verdicts(stage), ledger(stage)
            is_done = all(not v.waiting for v in found.values()) and all(line["balanced"] for line in lines.values())
            if is_done or time.monotonic() > end:
                break
            time.sleep(1)
    for device_id, verdict in found.items():
        assert not verdict.problems, (device_id, verdict.problems)
        assert verdict.waiting == 0 and verdict.stored == verdict.in_database >= 4, (device_id, verdict)
        assert lines[device_id]["balanced"] and lines[device_id]["lost"] == 0, device_id
    assert set(lines) == set(found), "rows of terminals that are not there"
    for fault, proxy in proxies.items():
        assert proxy.harmed, f"nothing met the fault {fault!r}"
