"""What people write instead of a collector: every message is one vote in JSON, a row of its own, and a commit.

    row_by_row.py PORT ROWS FILE|URL

It takes them from the broker into the table `presses` of a database that hymio has made, and prints how long that took:
a program of its own, for `bench_ingest`.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

TOPIC = "votes/+"
_INSERT = (
    "INSERT INTO presses (device_id, log_id, seq, boot, uptime_ms, button, count, verdict, stored_verdict, flags,"
    " quiet_ms, edges, clock, pressed_utc, via, received_utc)"
    " VALUES ({0}, 1, {0}, 1, {0}, {0}, 1, 'counted', 'counted', 0, 65535, 2, 'set', {0}, 'mqtt', {0})"
)
_PATIENCE_S = 120.0


def message(number: int) -> tuple[str, bytes]:
    """(topic, payload) of the vote of that number."""
    vote = {"seq": number, "button": 1 + number % 4, "uptime_ms": 8000 * number, "utc": 1_790_000_000 + 8 * number}
    return f"votes/load-{number % 200:05}", json.dumps(vote).encode()


def _connected(db: str) -> tuple[Any, str]:
    """A connection and its INSERT, each as the driver's own pages say."""
    if "://" not in db:
        # synchronous is FULL by itself, and the file has been in WAL mode since hymio made it
        return sqlite3.connect(db, check_same_thread=False), _INSERT.format("?")
    import psycopg

    return psycopg.connect(db), _INSERT.format("%s")


def main() -> None:
    """Takes so many rows, and prints {"seconds"}."""
    port, rows, db = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    connection, insert = _connected(db)
    done = threading.Event()
    taken = 0
    began = ended = 0.0

    def on_connect(client: mqtt.Client, *_: Any) -> None:
        client.subscribe(TOPIC, qos=1)

    def on_subscribe(*_: Any) -> None:
        print(json.dumps({"event": "ready"}), flush=True)

    def on_message(_client: mqtt.Client, _data: Any, came: mqtt.MQTTMessage) -> None:
        nonlocal taken, began, ended
        began = began or time.perf_counter()
        vote = json.loads(came.payload)
        device_id = came.topic.partition("/")[2]
        values = (device_id, vote["seq"], vote["uptime_ms"], vote["button"], vote["utc"], time.time())
        connection.execute(insert, values)
        connection.commit()
        taken += 1
        if taken == rows:
            ended = time.perf_counter()
            done.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not done.wait(_PATIENCE_S):
        sys.exit(f"{taken} of {rows} rows after {_PATIENCE_S:.0f} s")
    print(json.dumps({"event": "done", "seconds": ended - began}), flush=True)
    client.disconnect()


if __name__ == "__main__":
    main()
