"""Numbers and UUIDs by which the field's API names things: the same for ever, and never the same for two things."""

# Places, surveys, questions and follow-ups have the ids of their tables, below 2^31. What has no table of its own lies
# above, apart from each other, and below 2^53: a number in JSON is exact up to there whatever reads it.

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID, uuid5

_ORGANISATIONS: Final = 1 << 40
_PHONES: Final = 1 << 41
_TERMINALS: Final = 1 << 52
_PRESSES: Final = UUID("0d4f3f0e-6b1c-5a57-9c5e-2f6d1e1a7c44")
"""The namespace of the UUIDs (RFC 9562, version 5) of presses: made up once, to stay."""


def organisation_place(organisation_id: int) -> int:
    """The organisation as a place, which is the root of its tree."""
    return _ORGANISATIONS + organisation_id


def phone_smiley(node_id: int) -> int:
    """That by which people at a place answer on their own phones."""
    return _PHONES + node_id


def terminal_smiley(device_id: str) -> int:
    """A terminal. Two of a million have the same number with a probability of 1 in 9,000."""
    return _TERMINALS | int.from_bytes(hashlib.sha256(device_id.encode()).digest()[:7], "big") >> 4


def press_feedback(device_id: str, log_id: int, seq: int, number: int = 0) -> str:
    """The UUID of a press; of those that were folded into one record the one with this number, 0 first."""
    return str(uuid5(_PRESSES, f"{device_id}/{log_id}/{seq}" + (f"/{number}" if number else "")))


def answer_feedback(answer_id: str) -> str:
    """The UUID of an answer from a phone, which is its id if that is one."""
    try:
        return str(UUID(answer_id))
    except ValueError:
        return str(uuid5(_PRESSES, f"answer/{answer_id}"))
