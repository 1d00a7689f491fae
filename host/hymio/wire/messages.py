"""What a message from a terminal says, and why one that cannot be counted is kept in quarantine instead.

Whatever a terminal may say is judged here, before anything else sees it: its size, its form, and whether a log of a
terminal can hold what it claims (`limits`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from hymio.common.addresses import is_device_id
from hymio.store.ingest import Arrival, Told
from hymio.store.quarantine import cut_to_keep
from hymio.wire import limits
from hymio.wire.batches import Totals, decode_batch
from hymio.wire.primitives import U32_MAX, FormatError, crc32

_STATE_CRC: Final = b', "crc": '
_NAMES: Final = ("firmware", "config_version")
"""Texts of a state message that stand beside others where people see them."""

_WHOLE: Final = ("supply_mv", "rssi")
"""Facts that are told on to Home Assistant."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that cannot be counted, and why; it goes to quarantine."""

    device_id: str
    source: str
    reason: str
    payload: bytes
    received_utc: float


@dataclass(frozen=True, slots=True)
class Unread:
    """A batch that may wait: read, it takes twenty times as much memory."""

    device_id: str
    source: str
    payload: bytes
    received_utc: float

    def read(self) -> Arrival | Refused:
        """What it says."""
        try:
            batch = decode_batch(self.payload, self.device_id)
            _check_log(batch.oldest_seq, batch.next_seq)
        except FormatError as error:
            return Refused(self.device_id, self.source, error.reason, self.payload, self.received_utc)
        return Arrival(self.device_id, batch, "mqtt", self.received_utc, self.source, self.payload)


Item = Unread | Arrival | Told | Refused
"""Something that goes into a transaction."""


def judge(topic: str, payload: bytes, received_utc: float) -> Unread | Told | Refused | None:
    """What is to be kept of a message, in little memory; None: nothing (a terminal gone offline, an empty retained
    message)."""
    topic, whole = topic[: limits.SOURCE_MAX_CHARACTERS], len(payload)
    parts = topic.split("/")
    device_id = parts[1] if len(parts) == 3 else ""
    if parts[0] != "hymio" or not is_device_id(device_id):
        return _refused("", topic, "the topic names no terminal", payload, received_utc)
    if not payload:
        return None  # what clears a retained message
    is_votes = parts[-1] == "votes"
    most = limits.VOTES_MAX_BYTES if is_votes else limits.STATE_MAX_BYTES
    if whole > most:
        what = "a batch" if is_votes else "a state message"
        return _refused(device_id, topic, f"{what} of {whole} bytes, more than {most}", payload, received_utc)
    if is_votes:
        return Unread(device_id, topic, payload, received_utc)
    try:
        return _read_state(device_id, topic, payload, received_utc)
    except FormatError as error:
        return _refused(device_id, topic, error.reason, payload, received_utc)


def read_message(topic: str, payload: bytes, received_utc: float) -> Arrival | Told | Refused | None:
    """What a message says; None: nothing to keep (a terminal gone offline, an empty retained message)."""
    found = judge(topic, payload, received_utc)
    return found.read() if isinstance(found, Unread) else found


def _refused(device_id: str, topic: str, reason: str, payload: bytes, received_utc: float) -> Refused:
    reason, payload = cut_to_keep(reason, payload)  # what waits for its transaction is bounded, too
    return Refused(device_id, topic, reason, payload, received_utc)


def _check_log(oldest_seq: int, next_seq: int) -> None:
    why = limits.unbelievable(oldest_seq, next_seq)
    if why is not None:
        raise FormatError(why)


def _read_state(device_id: str, topic: str, payload: bytes, received_utc: float) -> Told | None:
    try:
        state = json.loads(payload, parse_constant=_no_number)
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
    for name, value in state.items():
        _check_fact(name, value)
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
    _check_log(oldest_seq, next_seq)
    return Told(device_id, log_id, next_seq, oldest_seq, acked_seq + 1, totals, received_utc, topic, payload)


def _no_number(said: str) -> NoReturn:
    raise ValueError(f"{said} is not JSON")


def _check_fact(name: str, value: Any) -> None:
    """FormatError for what is too long or too large to be shown, stored or told on; `value` is from JSON."""
    if len(name.encode("utf-8", "replace")) > limits.NAME_MAX_BYTES:
        raise FormatError(f"a name in the state message is longer than {limits.NAME_MAX_BYTES} bytes")
    if name in _WHOLE and not (value is None or type(value) is int):
        raise FormatError(f"{name} in the state message is no whole number")
    inside = [(value, 0)]
    while inside:
        one, depth = inside.pop()
        if isinstance(one, str):
            most = limits.NAME_MAX_BYTES if name in _NAMES else limits.TEXT_MAX_BYTES
            size = len(one.encode("utf-8", "replace"))
            if size > most:
                raise FormatError(f"{name} in the state message is a text of {size} bytes, more than {most}")
        elif isinstance(one, int | float):
            if not -limits.NUMBER_MAX <= one <= limits.NUMBER_MAX:
                raise FormatError(f"{name} in the state message is too large a number")
        elif isinstance(one, list | dict):
            if depth >= _DEPTH_MAX:
                raise FormatError(f"{name} in the state message is nested too deep")
            inside += [(part, depth + 1) for part in (one.values() if isinstance(one, dict) else one)]


_DEPTH_MAX: Final = 4
"""Lists in lists: `switches` has two levels."""
