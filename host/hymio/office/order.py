"""`hymio cmd`: one order to a terminal far away, and its answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hymio.cable.text_log import TextLine, parse_line
from hymio.common.durations import parse_duration
from hymio.common.errors import ANSWERED_ERROR, NO_TERMINAL, WRONG_USE, Failure
from hymio.common.output import note, print_json, print_line
from hymio.mqtt.broker_session import RETAINED_S, BrokerSession, Heard, checked_device_id, open_session
from hymio.mqtt.broker_tls import TlsFiles
from hymio.mqtt.client import BrokerAccess, access_to, run_on_loop

DONE: Final = {
    "reboot": "starts anew as soon as nobody is at its buttons",
    "identify": "blinks with all its lights for 10 s",
    "send-log": "has sent the end of its log",
    "resync": "sends what it holds once more",
}
"""The commands, and what a terminal that has answered one does."""

RESYNC: Final = "resync"

CLOCK_S: Final = 5.0
"""How long a terminal that has just started is given to get the time; without it no order can be told from an old one.
"""


@dataclass(frozen=True, slots=True)
class OrderTimes:
    """How long an order holds, and how long to wait; in seconds."""

    lasts_s: float
    """After that time the terminal does not obey the order any more."""
    wait_s: float
    """How long to wait for the answer, and for a terminal that sleeps."""


def run_command(
    broker: str,
    tls: TlsFiles,
    device_id: str,
    do: str,
    seqs: Mapping[str, int | None],
    lasts: str,
    wait: str,
    as_json: bool,
) -> None:
    """Runs `hymio cmd`.

    Args:
        broker: its address.
        tls: the files for TLS.
        device_id: the terminal.
        do: the command, one of DONE.
        seqs: `from` and `to` of a resync; None: not given.
        lasts: for how long the order holds.
        wait: how long to wait for the answer.
        as_json: whether the answer is JSON.

    Raises:
        Failure: 2 wrong use, 3 the terminal is away or silent, 4 no broker, 5 it answered with an error, 6 broken off.
    """
    access = access_to(broker, tls)
    checked_device_id(device_id)
    if do not in DONE:
        raise Failure(WRONG_USE, f"There is no command {do!r}.", f"There are {', '.join(DONE)} and forget.")
    given = {key: seq for key, seq in seqs.items() if seq is not None}
    if given and (do != RESYNC or min(given.values()) < 0):
        raise Failure(WRONG_USE, f"--from and --to are seqs, 0 or more, and go with {RESYNC}.", "Leave them out.")
    if len(given) == 2 and given["from"] > given["to"]:
        raise Failure(WRONG_USE, f"There is nothing from {given['from']} to {given['to']}.", "Turn them round.")
    times = OrderTimes(parse_duration("--expires", lasts) / 1000, parse_duration("--wait", wait) / 1000)
    request: dict[str, Any] = {"do": do, **given}

    def show(heard: Heard) -> None:
        for row in heard.payload.decode(errors="replace").splitlines():
            if (line := parse_line(row)) is not None:
                print_json(line.json()) if as_json else print_line(str(line))

    async def work() -> dict[str, Any]:
        async with open_session(access, [device_id], ("state", "reply", "log")) as session:
            return await ask(session, device_id, request, times, show)

    reply = run_on_loop(work())
    again = bool(reply.get("again"))
    if as_json:
        print_json({"device_id": device_id, "do": do, "id": reply["id"], "ok": True, "again": again})
    else:
        note(f"{device_id} {DONE[do]}.")


def fetch_text_log(access: BrokerAccess, device_id: str, times: OrderTimes) -> list[TextLine]:
    """The end of a terminal's text log, asked for from afar.

    Raises:
        Failure: 3 the terminal is away or silent, 4 no broker, 5 it answered with an error, 6 broken off.
    """
    lines: list[TextLine] = []

    def take(heard: Heard) -> None:
        rows = heard.payload.decode(errors="replace").splitlines()
        lines.extend(line for row in rows if (line := parse_line(row)) is not None)

    async def work() -> None:
        async with open_session(access, [device_id], ("state", "reply", "log")) as session:
            await ask(session, device_id, {"do": "send-log"}, times, take)

    run_on_loop(work())
    return lines


async def ask(
    session: BrokerSession, device_id: str, request: dict[str, Any], times: OrderTimes, log: Callable[[Heard], None]
) -> dict[str, Any]:
    """Gives an order once the terminal is there, and waits for its reply.

    Args:
        session: hears the terminal.
        device_id: the terminal.
        request: the order.
        times: how long it holds, and how long to wait.
        log: is called with what the terminal sends of its text log.

    Returns:
        The reply.

    Raises:
        Failure: 3 the terminal is away or silent, 5 it answered with an error.
    """
    until_s = asyncio.get_running_loop().time() + times.wait_s
    is_known = await _is_there(session, device_id, until_s)
    order_id = await session.order(device_id, times.lasts_s, **request)
    lapses_s = time.monotonic() + times.lasts_s
    loop = asyncio.get_running_loop()
    again_s = math.inf
    while (heard := await session.heard(min(until_s, again_s))) is not None or again_s < until_s:
        if heard is None:
            await session.order(device_id, max(1.0, lapses_s - time.monotonic()), known_as=order_id, **request)
            again_s = math.inf
        elif heard.topic == "state" and not heard.is_retained and heard.facts().get("state") in ("online", "asleep"):
            # The terminal has come back, and what was sent while it was away is lost.
            again_s = loop.time() + (0 if heard.facts().get("utc_ms") else CLOCK_S)
        elif heard.topic == "log" and not heard.is_retained:
            log(heard)
        elif heard.topic == "reply" and (reply := answer_to(order_id, heard)) is not None:
            return reply
    left_s = lapses_s - time.monotonic()
    raise Failure(
        NO_TERMINAL,
        f"{device_id} does not answer." if is_known else f"The broker has never heard of {device_id}.",
        "Look at its name and its network; `hymio ledger` shows whose votes have come."
        + (f" If the order has reached it, it obeys within {left_s:.0f} s or not at all." if left_s >= 1 else ""),
    )


async def _is_there(session: BrokerSession, device_id: str, until_s: float) -> bool:
    """Waits until an order would be heard.

    Returns:
        False if nothing is known of the terminal.

    Raises:
        Failure: 3, the terminal is away.
    """
    kept_s = asyncio.get_running_loop().time() + RETAINED_S
    while (heard := await session.heard(kept_s)) is not None and heard.topic != "state":
        pass
    if heard is None:
        return False
    word = heard.facts().get("state")
    if word == "offline":
        raise Failure(
            NO_TERMINAL,
            f"{device_id} is offline, says the broker.",
            "Look at its supply and its network; nothing was sent.",
        )
    if word == "asleep" and heard.is_retained:
        note(f"{device_id} sleeps between uploads; waiting for the next one.")
        while (heard := await session.heard(until_s)) is not None:
            if heard.topic == "state" and heard.facts().get("state") != "offline":
                return True
        raise Failure(
            NO_TERMINAL,
            f"{device_id} sleeps between uploads, and none came; nothing was sent.",
            "Wait for longer, as --wait 7h, or retain a configuration: `hymio config push`.",
        )
    return True


def answer_to(order_id: str, heard: Heard) -> dict[str, Any] | None:
    """The reply to this order; None if the message answers another one, or says that the order is on trial.

    Raises:
        Failure: 5, with what the terminal says against the order.
    """
    reply = heard.facts()
    # A terminal that could not read the order, or had no room for it, names no id in its reply.
    if heard.is_retained or reply.get("id") not in (order_id, None) or reply.get("trial") is True:
        return None
    if reply.get("ok") is True and reply.get("id") == order_id:
        return reply
    said = reply.get("error")
    if reply.get("ok") is not False or not isinstance(said, str):
        raise Failure(
            ANSWERED_ERROR,
            f"{heard.device_id} answers in a way that is not understood.",
            "Is it newer than this hymio?",
        )
    raise Failure(
        ANSWERED_ERROR, f"{heard.device_id} refuses: {said}.", "Nothing was done; `hymio cmd --help` has examples."
    )
