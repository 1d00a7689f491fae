"""`hymio status`: how one terminal on a cable is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hymio.common.errors import BROKEN_OFF, NO_TERMINAL, Failure
from hymio.common.output import console, note, print_json
from hymio.common.words import counted
from hymio.wire.records import RESET_CAUSES

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from hymio.cable.smp_messages import StatusAnswer

FOLLOW_S: Final = 1.0
"""How often a terminal is asked again."""

LINKS = ("off", "connecting", "on")
_SWITCH = ("presses", "edges", "edges_max", "spikes")
_WORN_EDGES = 80
"""A button with this many edges a press is worn: the noisiest good profile of the simulator has some 40, a bad one 100
and more."""


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
        "damaged_headers": answer.damaged_headers,
    }
    health = {
        "stuck": list(answer.stuck),
        "mode": answer.mode,
        "switches": [dict(zip(_SWITCH, figures, strict=True)) for figures in answer.switches],
        "stalled_missed": answer.stalled_missed,
        "standstill_ms": answer.standstill_ms,
        "power": answer.power,
        "supply_mv": answer.supply_mv,
        "supply_low": answer.supply_low,
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
        "idf_free": answer.idf_free,
        "idf_largest": answer.idf_largest,
        "wifi": _name(LINKS, answer.wifi, "off"),
        "mqtt": _name(LINKS, answer.mqtt, "off"),
        "health": health,
    }
    if answer.problem is not None:
        status["problem"] = answer.problem
    if answer.clock_problem is not None:
        status["clock_problem"] = answer.clock_problem
    if answer.mqtt_problem is not None:
        status["mqtt_problem"] = answer.mqtt_problem
    if answer.cert_ends is not None:
        status["cert_ends"] = answer.cert_ends
    return status


def _buttons(health: dict[str, Any]) -> str:
    """One line on the buttons: which are stuck, and which wear out."""
    said = [f"[bold red]button {button} is stuck[/]" for button in health["stuck"]]
    for button, switch in enumerate(health["switches"], 1):
        if switch["presses"] >= 10 and switch["edges"] >= _WORN_EDGES * switch["presses"]:
            edges = switch["edges"] / switch["presses"]
            said.append(f"[bold red]button {button} is worn: {edges:.0f} edges a press[/]")
        if switch["spikes"] > max(10, switch["presses"]):
            said.append(f"[bold red]button {button} chatters: {counted(switch['spikes'], 'spike')}[/]")
    if health["stalled_missed"]:
        said.append(f"{counted(health['stalled_missed'], 'contact')} missed while the processor stood still")
    if health["mode"]:
        said.append(f"{health['mode']} mode")
    return ", ".join(said) or "good"


def _supply(health: dict[str, Any]) -> str:
    if health["supply_mv"] is None:
        return f"profile {health['power']}"
    low = " [bold red]low: no erase, no radio[/]" if health["supply_low"] else ""
    return f"{health['supply_mv'] / 1000:.2f} V{low}, profile {health['power']}"


def _memory(status: dict[str, Any]) -> str:
    said = f"{counted(status['heap_free'], 'byte')} free"
    if status["idf_free"] is not None:
        said += f", {status['idf_free']} beside it for Wi-Fi and TLS, {status['idf_largest']} in one block"
    return said


def _name(names: tuple[str, ...], code: int, otherwise: str) -> str:
    return names[code] if 0 <= code < len(names) else otherwise


def run_status(port: str | None, follow: bool, as_json: bool) -> None:
    """Prints the status of the terminal on `port`, or on the only port there is.

    With `follow` it goes on until interrupted.
    """
    from hymio.cable.ports import choose_port

    chosen = choose_port(port)
    if not follow:
        from hymio.cable.smp_session import CableSession

        with CableSession(chosen) as cable:
            status = status_json(cable.status())
        if as_json:
            print_json(status)
        else:
            console().print(_table(status))
        return
    if as_json:
        _follow_json(chosen)
    else:
        _follow_table(chosen)


@dataclass(frozen=True, slots=True)
class _Silence:
    """The terminal has not answered since `since_s` (seconds of 1970)."""

    since_s: float
    why: str


def _answers(port: str) -> Iterator[dict[str, Any] | _Silence]:
    """The status every second, without end; or why there is none, each time that the terminal was asked in vain.

    Raises:
        Failure: the very first answer does not come.
    """
    from hymio.cable.smp_session import CableSession

    has_answered = False
    since_s = 0.0
    while True:
        try:
            with CableSession(port) as cable:
                while True:
                    status = status_json(cable.status())
                    has_answered, since_s = True, 0.0
                    yield status
                    time.sleep(FOLLOW_S)
        except Failure as failure:
            # The cable came off, the terminal has no power, or it starts anew: it may come back.
            if not has_answered or failure.exit_status not in (NO_TERMINAL, BROKEN_OFF):
                raise
            since_s = since_s or time.time()
            yield _Silence(since_s, failure.message)
            time.sleep(FOLLOW_S)


def _follow_json(port: str) -> None:
    """Prints a line for each answer alone: there is no line while there is no answer."""
    is_silent = False
    for answer in _answers(port):
        if not isinstance(answer, _Silence):
            print_json(answer)
        elif not is_silent:
            note(f"{answer.why} Waiting for it ...")
        is_silent = isinstance(answer, _Silence)


def _follow_table(port: str) -> None:
    from rich.live import Live

    with Live(console=console(), auto_refresh=False) as live:
        known: dict[str, Any] = {}
        for answer in _answers(port):
            if isinstance(answer, _Silence):
                live.update(_stale(known, answer), refresh=True)
            else:
                known = answer
                live.update(_table(known), refresh=True)


def _stale(status: dict[str, Any], silence: _Silence) -> Group:
    """What was known last, marked as out of date."""
    from rich.console import Group
    from rich.markup import escape
    from rich.styled import Styled

    since = time.strftime("%H:%M:%S", time.localtime(silence.since_s))
    return Group(
        f"[bold red]No answer since {since}:[/] {escape(silence.why)} What stands here is older. Waiting for it ...",
        Styled(_table(status), "dim"),
    )


def _table(status: dict[str, Any]) -> Table:
    """The status as a table for a person."""
    from rich.markup import escape
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
    if "clock_problem" in status:
        clock += f": {escape(status['clock_problem'])}"
    table.add_row("clock", clock)
    one, two, three, four = status["pressed"]
    table.add_row("pressed", f"{sum(status['pressed'])}: {one} on button 1, {two} on 2, {three} on 3, {four} on 4")
    if "problem" in status:
        table.add_row("log", f"[bold red]not counting: {escape(status['problem'])}[/]")
    else:
        table.add_row("log", f"{log['log_id']:08x}, {log['next_seq'] - log['oldest_seq']} of {log['capacity']} records")
        table.add_row("unsent", f"{counted(log['unsent'], 'press')} (acknowledged up to seq {log['acked_seq']})")
        table.add_row("lost", counted(log["lost"], "press"))
        table.add_row(
            "flash",
            ", ".join(
                (
                    counted(log["burned"], "burned slot"),
                    counted(log["bad_sectors"], "bad sector"),
                    counted(log["damaged_headers"], "damaged header"),
                )
            ),
        )
        table.add_row("buttons", _buttons(status["health"]))
    table.add_row("supply", _supply(status["health"]))
    why = f": {escape(status['mqtt_problem'])}" if "mqtt_problem" in status else ""
    table.add_row("network", f"Wi-Fi {status['wifi']}, MQTT {status['mqtt']}{why}")
    table.add_row("memory", _memory(status))
    return table
