"""The uplink in real time for `make bench`: the firmware on the VM, a real mosquitto, a collector, all on loopback."""

from __future__ import annotations

import math
import statistics
import subprocess
import tempfile
import threading
import time
from binascii import crc32
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from hymio.common.firmware_files import firmware_module
from hymio_sim.board.board_files import find_tool
from hymio_sim.board.hardware import mac_of
from hymio_sim.net.faulty_proxy import FaultyProxy
from hymio_sim.rigs.bench_log import LogOnFlash
from hymio_sim.rigs.figure import Figure
from hymio_sim.rigs.on_vm import ON_VM
from hymio_sim.rigs.stage import Child, Stage, open_mosquitto, stage_set

BACKLOG: Final = 16_000
_PATIENCE_S: Final = 300.0
_TERMINALS: Final = 3


def real_time_figures(backlog: int = BACKLOG, presses: int = 120) -> Iterator[Figure]:
    """All figures of the uplink in real time; none where mosquitto or the VM is missing.

    backlog: how many votes wait in the terminal; presses: how many are timed one by one.
    """
    vm = find_tool("micropython")
    if find_tool("mosquitto") is None or vm is None:
        return
    with (
        tempfile.TemporaryDirectory(prefix="hymio-bench-") as directory,
        stage_set("micropython", open_mosquitto(Path(directory))) as stage,
    ):
        stage.start_broker()
        stage.start_collector()
        stage.children["collector"].wait_for("ready", _PATIENCE_S)
        yield from _backlog(stage, backlog, vm)
        yield from _latency(stage, presses)


def _backlog(stage: Stage, votes: int, vm: Path) -> Iterator[Figure]:
    """The votes a second from the first batch that leaves until the last vote is a row.

    Beside it stands a client that sends one message per vote, into the broker alone. Both are measured on loopback, and
    with the 40 ms there and back of an ordinary network.
    """
    for name, suffix, delay_s, peer_votes in (("backlog-1", "", 0.0, 4000), ("backlog-2", "_40ms", 0.02, 50)):
        with FaultyProxy(stage.port, delay_s=delay_s) as proxy:
            proxy.fault = "delay" if delay_s else "none"
            ours = _drain(stage, name, votes, proxy.port)
            passed_bytes = proxy.passed_bytes
            command = [str(vm), str(ON_VM / "vm_one_by_one.py"), str(proxy.port), str(peer_votes)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=True)
        peer = 1000 * peer_votes / int(done.stdout)
        yield Figure(f"uplink.backlog_votes_per_s{suffix}", ours, "1/s", "", "one message per vote", peer)
        yield Figure(f"uplink.backlog_ratio{suffix}", ours / peer, "")
        if not delay_s:
            yield Figure("uplink.backlog_bytes_per_vote", passed_bytes / votes, "B", "<= 10.5")


def _drain(stage: Stage, device_id: str, votes: int, port: int) -> float:
    """How many votes a second a terminal with so many unsent ones gets rid of through the broker at that port."""
    (stage.folder / f"{device_id}.bin").write_bytes(_full_log(device_id, votes))
    broker_port, stage.port = stage.port, port
    stage.start_terminal(device_id)
    stage.port = broker_port
    _until(lambda: bool(_of(stage.children[device_id], "published")))
    begin = time.monotonic()
    _until(lambda: _rows_of(stage.children["collector"], device_id) >= votes)
    rate = votes / (time.monotonic() - begin)
    stage.children[device_id].stop()
    return rate


def _full_log(device_id: str, votes: int) -> bytes:
    """The flash of a terminal that has counted so many votes and has never had a network."""
    bench = LogOnFlash(votes // 252 + 8)
    bench.log = firmware_module("log_ring").RingLog(bench.flash, crc32(mac_of(device_id)), bench.random32, bench.clock)
    bench.log.mount()
    for i in range(votes):
        bench.clock.advance(8000 * i & (1 << 30) - 1)
        bench.press(1 + i % 4)
        bench.idle()
    return bytes(bench.flash.image)


def _latency(stage: Stage, presses: int) -> Iterator[Figure]:
    """The milliseconds from first contact to the line that the collector prints after its COMMIT.

    For half a second of it a vote waits for others to go with it. The terminals press at moments of their own.
    """
    collector = stage.children["collector"]
    names = [f"latency-{number}" for number in range(1, _TERMINALS + 1)]
    for name in names:
        stage.start_terminal(name)
    for name in names:
        stage.children[name].wait_for("published", _PATIENCE_S)
    time.sleep(2)
    found: list[float] = []

    def visit(name: str) -> None:
        for number in range(presses // _TERMINALS):
            rows = _rows_of(collector, name)
            began = len(_of(stage.children[name], "press"))
            stage.tell(name, f"press {1 + number % 4} 60")
            _until(lambda: len(_of(stage.children[name], "press")) > began)  # noqa: B023
            pressed_utc = _of(stage.children[name], "press")[-1]["utc"]
            _until(lambda: _rows_of(collector, name) > rows)  # noqa: B023
            found.append(1000 * (time.time() - pressed_utc))
            time.sleep(0.05)

    visits = [threading.Thread(target=visit, args=(name,)) for name in names]
    for one in visits:
        one.start()
    for one in visits:
        one.join(_PATIENCE_S)
    found.sort()
    yield Figure("uplink.press_to_row_ms_median", statistics.median(found), "ms")
    yield Figure("uplink.press_to_row_ms_p99", found[math.ceil(0.99 * len(found)) - 1], "ms")


def _of(child: Child, name: str) -> list[dict[str, Any]]:
    return [event for event in list(child.events) if event["event"] == name]


def _rows_of(collector: Child, device_id: str) -> int:
    return sum(event["rows"] for event in _of(collector, "committed") if event["device_id"] == device_id)


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > end:
            raise RuntimeError(f"nothing came for {_PATIENCE_S:.0f} s")
        time.sleep(0.002)
