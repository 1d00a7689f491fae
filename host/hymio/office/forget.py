"""`hymio cmd DEVICE_ID forget`: takes a retired terminal out of Home Assistant and off the broker, for good."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from hymio.common.errors import BROKEN_OFF, NO_TERMINAL, Failure
from hymio.common.output import note, print_json, print_line
from hymio.mqtt.broker_session import RETAINED_S, checked_device_id
from hymio.mqtt.broker_tls import TlsFiles
from hymio.mqtt.client import CONNECTION_ERRORS, BrokerAccess, BrokerConnection, access_to, run_on_loop
from hymio.office.home_assistant import LOOK_S
from hymio.office.home_discovery import FIGURES, check_prefix, discovery_topic
from hymio.store.known_terminals import mark_retired

_KEPT: Final = ("state", "config", "config/reported", FIGURES)
"""What the broker keeps of a terminal below hymio/<device_id>/. Its acks are not among it: they do no harm to a
successor."""


def run_forget(broker: str, tls: TlsFiles, db: str | None, device_id: str, prefix: str, as_json: bool) -> None:
    """Marks the terminal in the database, so that no collector tells of it again, and clears the broker.

    What we may not clear there the collector clears: by certificates a broker lets nobody else do that.

    Raises:
        Failure: 2 wrong use; 3 nobody knows the terminal; 4 no database or no broker; 6 the terminal is marked, and
            there is no broker.
    """
    access = access_to(broker, tls)
    checked_device_id(device_id)
    check_prefix(prefix)
    is_known = db is not None and mark_retired(db, device_id)
    topics = [discovery_topic(prefix, device_id), *(f"hymio/{device_id}/{topic}" for topic in _KEPT)]
    try:
        kept, left = run_on_loop(_clear(access, topics))
    except Failure as failure:
        if db is None:
            raise
        raise Failure(
            BROKEN_OFF,
            f"{device_id} is marked as retired in the database. {failure.message}",
            "A collector with --home-assistant does the rest when both run; or run this again.",
        ) from failure
    if not (is_known or kept):
        raise Failure(
            NO_TERMINAL,
            f"{'Neither database nor broker knows' if db else 'The broker knows nothing of'} {device_id}.",
            "`hymio ledger` shows those that there are.",
        )
    if as_json:
        print_json({"device_id": device_id, "do": "forget", "ok": True, "marked": db is not None, "kept": left})
        return
    print_line(f"{device_id} is forgotten; its votes stay. If it speaks again, it is back.")
    if left:
        who = f"a collector with --home-assistant clears that within {LOOK_S:.0f} s" if db else "say --db for that"
        note(f"The broker still keeps {', '.join(left)}: {who}.")
    if db is None:
        note("Without --db only a collector that runs now, with --home-assistant, remembers that.")


async def _clear(access: BrokerAccess, topics: Sequence[str]) -> tuple[list[str], list[str]]:
    """Takes these topics off the broker.

    Returns:
        Those that the broker had kept and lets us see, and those that it still keeps.
    """
    try:
        async with access.connect() as connection:
            kept = await _retained(connection, topics)
            for topic in topics:
                await connection.publish(topic, b"", is_retained=True)
        async with access.connect() as connection:
            return kept, await _retained(connection, topics)
    except CONNECTION_ERRORS as error:
        raise await access.failure(error) from error


async def _retained(connection: BrokerConnection, topics: Sequence[str]) -> list[str]:
    # By certificates we may not read all of these topics; those that are refused are left to the collector.
    await connection.subscribe(topics)
    found: set[str] = set()

    async def listen() -> None:
        async for message in connection.messages():
            if message.is_retained and message.payload:
                found.add(message.topic)

    listener = asyncio.create_task(listen())
    await asyncio.wait({listener}, timeout=RETAINED_S)
    listener.cancel()
    return [topic for topic in topics if topic in found]
