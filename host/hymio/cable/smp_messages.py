"""The requests and answers of SMP group 72, as they stand on the wire (firmware/spec/cable.md)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from pydantic import ConfigDict
from smp import error as smp_error
from smp import message as smp_message

GROUP: Final = 72


class TerminalError(IntEnum):
    """The errors of group 72."""

    OK = 0
    UNKNOWN = 1
    BAD_REQUEST = 2
    NO_LOG = 3
    WRONG_LOG = 4
    BEYOND_THE_LOG = 5


class ErrorV1(smp_error.ErrorV1):
    """An error in the form of SMP version 1."""

    _GROUP_ID = GROUP


class ErrorV2(smp_error.ErrorV2[TerminalError]):
    """An error in the form of SMP version 2, which names the group."""

    _GROUP_ID = GROUP


class Errors:
    """What every request of group 72 has in common: the forms in which errors may be answered."""

    _ErrorV1 = ErrorV1
    _ErrorV2 = ErrorV2


LENIENT: Final = ConfigDict(extra="ignore", frozen=True)
"""Answers may grow: a reader ignores the keys that it does not know."""


class StatusAnswer(smp_message.ReadResponse):
    """The answer to *status*; the keys are those on the wire."""

    model_config = LENIENT
    _GROUP_ID = GROUP
    _COMMAND_ID = 0

    device_id: str
    firmware: str
    boot: int
    reset_cause: int
    uptime_ms: int
    utc_ms: int
    heap_free: int
    idf_free: int | None = None
    """Bytes beside the heap, which Wi-Fi and TLS use; None where there is no such memory, or with an older firmware."""
    idf_largest: int | None = None
    wifi: int
    mqtt: int = 0
    pressed: tuple[int, int, int, int] = (0, 0, 0, 0)
    log_id: int = 0
    capacity: int = 0
    next_seq: int = 0
    oldest_seq: int = 0
    acked_seq: int = -1
    unsent: int = 0
    lost: int = 0
    burned: int = 0
    bad_sectors: int = 0
    damaged_headers: int = 0
    stuck: tuple[int, ...] = ()
    mode: str = ""
    switches: tuple[tuple[int, int, int, int], ...] = ()
    """By button: presses, their raw edges, the most edges of one press, spikes that were no press."""
    stalled_missed: int = 0
    standstill_ms: int = 0
    power: str = "mains"
    supply_mv: int | None = None
    supply_low: bool = False
    problem: str | None = None
    """Why the terminal does not count; it has no log then."""
    clock_problem: str | None = None
    """Whose word on the time the terminal does not believe, and why."""
    mqtt_problem: str | None = None
    """Why it has no connection to its broker."""
    cert_ends: str | None = None
    """Until when the certificate is good that the terminal shows to its broker, in the form of RFC 3339."""


class StatusRead(smp_message.ReadRequest, Errors):
    """Asks how the terminal is."""

    _GROUP_ID = GROUP
    _COMMAND_ID = 0
    _Response = StatusAnswer


class RecordsAnswer(smp_message.ReadResponse):
    """The answer to *records*: a batch."""

    model_config = LENIENT
    _GROUP_ID = GROUP
    _COMMAND_ID = 1

    d: bytes


class RecordsRead(smp_message.ReadRequest, Errors):
    """Asks for the log from seq `s` on, as much as fits one answer."""

    _GROUP_ID = GROUP
    _COMMAND_ID = 1
    _Response = RecordsAnswer

    s: int


class TotalsAnswer(smp_message.ReadResponse):
    """The answer to *totals*."""

    model_config = LENIENT
    _GROUP_ID = GROUP
    _COMMAND_ID = 2

    log: int
    tot: list[int]
    nxt: int
    old: int


class TotalsRead(smp_message.ReadRequest, Errors):
    """Asks for the lifetime presses by button."""

    _GROUP_ID = GROUP
    _COMMAND_ID = 2
    _Response = TotalsAnswer


class AckAnswer(smp_message.WriteResponse):
    """The answer to *ack*: the cursor as it is now."""

    model_config = LENIENT
    _GROUP_ID = GROUP
    _COMMAND_ID = 3

    m: int


class AckWrite(smp_message.WriteRequest, Errors):
    """Says that every seq of `log` below `m` is settled."""

    _GROUP_ID = GROUP
    _COMMAND_ID = 3
    _Response = AckAnswer

    log: int
    m: int


class TextAnswer(smp_message.ReadResponse):
    """The answer to *text log*: whole lines, and the number of the line after them."""

    model_config = LENIENT
    _GROUP_ID = GROUP
    _COMMAND_ID = 4

    d: bytes
    n: int


class TextRead(smp_message.ReadRequest, Errors):
    """Asks for the text log from line `n` on."""

    _GROUP_ID = GROUP
    _COMMAND_ID = 4
    _Response = TextAnswer

    n: int


class IdentifyAnswer(smp_message.WriteResponse):
    """For how many seconds all lights blink; 0 means that they say that the terminal does not count."""

    model_config = LENIENT
    _GROUP_ID = GROUP
    _COMMAND_ID = 6

    s: int


class IdentifyRun(smp_message.WriteRequest, Errors):
    """Has all lights blink, to tell which terminal it is."""

    _GROUP_ID = GROUP
    _COMMAND_ID = 6
    _Response = IdentifyAnswer
