"""What a message from a terminal says, and why one that cannot be counted is kept in quarantine instead."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from hymio.addresses import is_device_id
from hymio.batches import Totals, decode_batch
from hymio.ingest import Arrival, Told
from hymio.wire import U32_MAX, FormatError, crc32
from hymio.words import counted

STATE_MAX_BYTES: Final = 8192

_STATE_CRC: Final = b', "crc": '


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that cannot be counted, and why; it goes to quarantine."""

    device_id: str
    source: str
    reason: str
    payload: bytes
    received_utc: float


def read_message(topic: str, payload: bytes, received_utc: float) -> Arrival | Told | Refused | None:
    """What a message says; None: nothing to keep (a terminal gone offline, an empty retained message)."""
    parts = topic.split("/")
    device_id = parts[1] if len(parts) == 3 else ""
    if parts[0] != "hymio" or not is_device_id(device_id):
        return Refused(device_id, topic, "the topic names no terminal", payload, received_utc)
    try:
        if parts[-1] == "votes":
            return Arrival(device_id, decode_batch(payload, device_id), "mqtt", received_utc, topic, payload)
        if not payload:
            return None
        return _read_state(device_id, payload, received_utc)
    except FormatError as error:
        return Refused(device_id, topic, error.reason, payload, received_utc)


def _read_state(device_id: str, payload: bytes, received_utc: float) -> Told | None:
    if len(payload) > STATE_MAX_BYTES:
        raise FormatError(f"a state message of {counted(len(payload), 'byte')}")
    try:
        state = json.loads(payload)
    except (ValueError, RecursionError):
        raise FormatError("the state message is not JSON") from None
    if not isinstance(state, dict) or state.get("state") not in ("online", "asleep", "offline"):
        raise FormatError("the state message says neither online nor asleep nor offline")
    # It moves marks and totals that nothing else could put right again: a byte that changed on the way must not count.
    said, _, crc = payload.rpartition(_STATE_CRC)
    if said and crc.strip() != b"%d}" % crc32(said):
        raise FormatError("the CRC of the state message does not match")
    if state.get("device_id", device_id) != device_id:
        raise FormatError("the state message is another terminal's")
    if state["state"] == "offline" or not state.get("log_id"):
        return None

    def number(value: Any, name: str, least: int = 0, most: int = U32_MAX) -> int:
        if type(value) is not int or not least <= value <= most:
            raise FormatError(f"{name} in the state message is no number from {least} to {most}")
        return value

    pressed = state.get("pressed")
    totals: Totals | None = None
    if pressed is not None:
        if not isinstance(pressed, list) or len(pressed) != 4:
            raise FormatError("pressed in the state message is not four numbers")
        one, two, three, four = (number(total, "pressed") for total in pressed)
        totals = (one, two, three, four)
    next_seq = number(state.get("next_seq"), "next_seq")
    oldest_seq = number(state.get("oldest_seq", 0), "oldest_seq", most=next_seq)
    acked_seq = number(state.get("acked_seq", -1), "acked_seq", least=-1)
    log_id = number(state.get("log_id"), "log_id", least=1)
    return Told(device_id, log_id, next_seq, oldest_seq, acked_seq + 1, totals, received_utc)
