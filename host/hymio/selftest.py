"""`hymio selftest` and `hymio identify`: one terminal on a cable shows what works, and which one it is."""

from __future__ import annotations

from typing import Any

from hymio.output import console, note, print_json

_LEFT_BEHIND = "a self-test record in its log, which is no press"


def run_selftest(port: str | None, as_json: bool) -> bool:
    """Runs it; returns whether all is well."""
    from hymio.ports import choose_port
    from hymio.smp import Cable, SelfTestRun

    with Cable(choose_port(port)) as cable:
        device_id = cable.status().device_id
        found = cable.ask(SelfTestRun())
    closed = [button for button in (1, 2, 3, 4) if found.buttons >> button - 1 & 1]
    answer: dict[str, Any] = {
        "device_id": device_id,
        "ok": found.ok,
        "log": found.log,
        "write_ms": found.write_ms,
        "files": found.files,
        "buttons_closed": closed,
        "clock": "set" if found.clock else "unset",
        "supply_mv": found.supply_mv,
        "heap_free": found.heap_free,
    }
    if as_json:
        print_json(answer)
        return found.ok
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_row("log", f"a record stored in {found.write_ms} ms" if found.log else "[bold red]takes no record[/]")
    table.add_row("files", {True: "kept", False: "[bold red]not kept[/]", None: "none here"}[found.files])
    table.add_row("lights", "all of them have blinked twice: did they?")
    table.add_row("buttons", f"closed now: {', '.join(map(str, closed))}" if closed else "all open")
    table.add_row("clock", "set" if found.clock else "not set; `hymio clock --set`")
    console().print(f"{device_id}: {'good' if found.ok else '[bold red]not good[/]'}")
    console().print(table)
    return found.ok


def run_identify(port: str | None, as_json: bool) -> None:
    """All lights of the terminal blink, so that one sees which of many it is."""
    from hymio.ports import choose_port
    from hymio.smp import Cable, SelfTestRun

    chosen = choose_port(port)
    with Cable(chosen) as cable:
        device_id = cable.status().device_id
        cable.ask(SelfTestRun())
    if as_json:
        print_json({"device_id": device_id, "port": chosen, "blinked": True})
        return
    console().print(f"{device_id} on {chosen}: all its lights blink twice.")
    note(f"That leaves {_LEFT_BEHIND}.")
