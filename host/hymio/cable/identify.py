"""`hymio identify`: which of many terminals is on this port."""

from __future__ import annotations

from hymio.common.output import console, print_json


def run_identify(port: str | None, as_json: bool) -> None:
    """Has all lights of the terminal blink; nothing is written."""
    from hymio.cable.ports import choose_port
    from hymio.cable.smp_messages import IdentifyRun
    from hymio.cable.smp_session import CableSession

    chosen = choose_port(port)
    with CableSession(chosen) as cable:
        device_id = cable.status().device_id
        blinks_s = cable.ask(IdentifyRun()).s
    if as_json:
        print_json({"device_id": device_id, "port": chosen, "blinked": blinks_s > 0, "blinks_s": blinks_s})
    elif blinks_s:
        console().print(f"{device_id} on {chosen}: all its lights blink for {blinks_s} s.")
    else:
        console().print(f"{device_id} on {chosen}: it does not count, and its light 1 goes on blinking to say so.")
