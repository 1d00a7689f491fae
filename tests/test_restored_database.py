"""An older copy of the database is put back: the collector asks for what is missing, and gets it."""

import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from hymio_sim.board.board_files import find_tool
from hymio_sim.rigs.stage import open_mosquitto, stage_set

NAME = "till-1"
PATIENCE_S = 200.0

pytestmark = [
    pytest.mark.demo,
    pytest.mark.skipif(find_tool("mosquitto") is None, reason="no mosquitto here: apt-get install mosquitto"),
]


def rows(stage):
    with contextlib.closing(sqlite3.connect(stage.database)) as reader:
        return [seq for (seq,) in reader.execute("SELECT seq FROM presses_v1 ORDER BY seq")]


def hymio(*arguments):
    command = [sys.executable, "-m", "hymio", *arguments, "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False).stdout


def until(done, what):
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def test_a_database_of_yesterday(tmp_path):
    with stage_set("micropython" if find_tool("micropython") else "cpython", open_mosquitto(tmp_path)) as stage:

        def collector(goes=False):
            if goes:
                stage.children.pop("collector").stop(signal.SIGTERM)
            else:
                stage.start_collector()
                stage.children["collector"].wait_for("ready", PATIENCE_S)

        stage.start_broker()
        collector()
        stage.start_terminal(NAME)
        stage.children[NAME].wait_for("ready", PATIENCE_S)
        stage.tell(NAME, "press 4\nwait 1.5\npress 1")
        until(lambda: len(rows(stage)) == 2, "the first presses do not come")
        collector(goes=True)
        shutil.copy(stage.database, tmp_path / "yesterday.db")
        collector()
        stage.tell(NAME, "press 4\nwait 1.5\npress 2\nwait 1.5\npress 3")
        until(lambda: len(rows(stage)) == 5, "the presses after the copy do not come")
        everything = rows(stage)

        def acked():
            return json.loads(hymio("status", "--port", str(stage.link(NAME))))["log"]["acked_seq"]

        until(lambda: acked() >= everything[-1], "the terminal does not take them for settled")
        collector(goes=True)
        for kept in stage.folder.glob(stage.database.name + "*"):
            kept.unlink()
        shutil.copy(tmp_path / "yesterday.db", stage.database)
        assert len(rows(stage)) == 2
        collector()
        # Its retained state message may be older than the last ack: a new one comes with a new connection.
        stage.tell(NAME, "wifi off\nwait 1\nwifi on\nwait 1\npress 4")
        until(lambda: len(rows(stage)) == 6, "what was lost with the database does not come again")
        assert rows(stage)[:5] == everything
        assert sum(event["event"] == "ready" for event in stage.children[NAME].events) == 1, "a boot nobody asked for"
        assert json.loads(hymio("ledger", "--db", str(stage.database)))["balanced"]
