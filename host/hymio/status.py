"""`hymio status`: how one terminal on a cable is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from hymio.output import console, print_json
from hymio.records import RESET_CAUSES

if TYPE_CHECKING:
    from hymio.smp import StatusAnswer

_LINKS = ("off", "connecting", "on")


def status_json(answer: StatusAnswer) -> dict[str, Any]:
    """The JSON object of the contract for what a terminal answered."""
    log = {
        "log_id": answer.log_id,
        "capacity": answer.capacity,
        "next_seq": answer.next_seq,
        "oldest_seq": answer.oldest_seq,
        "acked_seq": answer.acked_seq,
        "unsent": answer.unsent,
        "lost": answer.lost,
        "burned": answer.burned,
        "bad_sectors": answer.bad_sectors,
    }
    status = {
        "device_id": answer.device_id,
        "firmware": answer.firmware,
        "boot": answer.boot,
        "reset_cause": _name(RESET_CAUSES, answer.reset_cause, "unknown"),
        "uptime_s": answer.uptime_ms / 1000,
        "clock": "set" if answer.utc_ms else "unset",
        "utc": answer.utc_ms / 1000 if answer.utc_ms else None,
        "pressed": list(answer.pressed),
        "log": log,
        "heap_free": answer.heap_free,
        "wifi": _name(_LINKS, answer.wifi, "off"),
        "mqtt": _name(_LINKS, answer.mqtt, "off"),
    }
    if answer.problem is not None:
        status["problem"] = answer.problem
    if answer.mqtt_problem is not None:
        status["mqtt_problem"] = answer.mqtt_problem
    return status


def _name(names: tuple[str, ...], code: int, otherwise: str) -> str:
    return names[code] if 0 <= code < len(names) else otherwise


def run_status(port: str | None, as_json: bool) -> None:
    """Prints the status of the terminal on `port`, or on the only port there is."""
    from hymio.ports import choose_port
    from hymio.smp import Cable

    with Cable(choose_port(port)) as cable:
        status = status_json(cable.status())
    if as_json:
        print_json(status)
        return
    from rich.table import Table

    log = status["log"]
    table = Table(box=None, show_header=False)
    table.add_row("terminal", status["device_id"])
    table.add_row("firmware", status["firmware"])
    table.add_row(
        "running", f"{status['uptime_s']:.0f} s since start {status['boot']} (reset: {status['reset_cause']})"
    )
    clock = "not set"
    if status["utc"] is not None:
        clock = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(status["utc"]))
        clock += f" ({status['utc'] - time.time():+.1f} s)"
    table.add_row("clock", clock)
    one, two, three, four = status["pressed"]
    table.add_row("pressed", f"{sum(status['pressed'])}: button 1 {one}, 2 {two}, 3 {three}, 4 {four}")
    if "problem" in status:
        table.add_row("log", f"[bold red]not counting: {status['problem']}[/]")
    else:
        table.add_row("log", f"{log['log_id']:08x}, {log['next_seq'] - log['oldest_seq']} of {log['capacity']} records")
        table.add_row("unsent", f"{log['unsent']} presses (acknowledged up to seq {log['acked_seq']})")
        table.add_row("lost", f"{log['lost']} presses")
        table.add_row("flash", f"{log['burned']} burned slots, {log['bad_sectors']} bad sectors")
    why = f": {status['mqtt_problem']}" if "mqtt_problem" in status else ""
    table.add_row("network", f"Wi-Fi {status['wifi']}, MQTT {status['mqtt']}{why}")
    table.add_row("memory", f"{status['heap_free']} bytes free")
    console().print(table)
