"""What a message from a terminal says: its votes and its state, each judged before anything else sees it.

Judged are the size, the form, and whether the log of a terminal can hold what the message claims (`limits`). What
becomes of a message that passes, or of one that does not, is decided in `hymio.store`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from hymio.wire import limits
from hymio.wire.batches import Batch, Totals, decode_batch
from hymio.wire.device_ids import is_device_id
from hymio.wire.primitives import U32_MAX, FormatError, crc32

_STATE_CRC: Final = b', "crc": '
_NAMES: Final = ("firmware", "config_version")
"""Texts of a state message that people see beside others, and that therefore have to be short."""

_WHOLE_NUMBERS: Final = ("supply_mv", "rssi")
"""Facts of a state message that are passed on to Home Assistant."""

_DEPTH_MAX: Final = 4
"""How deep lists and objects of a state message may be nested: `switches` has two levels."""


@dataclass(frozen=True, slots=True)
class LogStatement:
    """What a state message says of the terminal's log.

    `cursor_seq`: the terminal takes every seq below it for settled. `totals`: lifetime presses by button before
    `next_seq`; None if the message does not tell them.
    """

    log_id: int
    next_seq: int
    oldest_seq: int
    cursor_seq: int
    totals: Totals | None


def device_id_of(topic: str) -> str | None:
    """The terminal whose topic this is; None if it is no topic of a terminal."""
    parts = topic.split("/")
    device_id = parts[1] if len(parts) == 3 else ""
    return device_id if parts[0] == "hymio" and is_device_id(device_id) else None


def read_votes(device_id: str, payload: bytes) -> Batch:
    """The batch in a votes message of that terminal.

    Raises:
        FormatError: it is no batch of that terminal, or no log can hold what it speaks of.
    """
    batch = decode_batch(payload, device_id)
    _check_log(batch.oldest_seq, batch.next_seq)
    return batch


def read_state(device_id: str, payload: bytes) -> LogStatement | None:
    """What a state message of that terminal says of its log; None if it says nothing (offline, or no log).

    Raises:
        FormatError: it is not what the format says, or no terminal can honestly say it.
    """
    try:
        state = json.loads(payload, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise FormatError("the state message is not JSON") from None
    if not isinstance(state, dict) or state.get("state") not in ("online", "asleep", "offline"):
        raise FormatError("the state message says neither online nor asleep nor offline")
    # A state message moves marks and totals that nothing else could put right again, so a byte that changed on the way
    # must not count.
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
    return LogStatement(log_id, next_seq, oldest_seq, acked_seq + 1, totals)


def _check_log(oldest_seq: int, next_seq: int) -> None:
    why = limits.unbelievable(oldest_seq, next_seq)
    if why is not None:
        raise FormatError(why)


def _no_number(said: str) -> NoReturn:
    raise ValueError(f"{said} is not JSON")


def _check_fact(name: str, value: Any) -> None:
    """Raises FormatError for what is too long or too large to be shown, stored or passed on; `value` is from JSON."""
    if len(name.encode("utf-8", "replace")) > limits.NAME_MAX_BYTES:
        raise FormatError(f"a name in the state message is longer than {limits.NAME_MAX_BYTES} bytes")
    if name in _WHOLE_NUMBERS and not (value is None or type(value) is int):
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
