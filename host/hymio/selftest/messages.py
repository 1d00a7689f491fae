"""The requests of a self-test over the cable: SMP group 72, command 5 (firmware/README.md, "The cable")."""

from __future__ import annotations

from typing import Literal

from smp import message as smp_message

from hymio.cable.smp_messages import GROUP, LENIENT, Errors

Test = Literal["record", "flash", "files", "light", "tone", "wifi", "mqtt"]
"""What a terminal can be told to try."""


class StateAnswer(smp_message.ReadResponse):
    """What can be told without touching anything."""

    model_config = LENIENT
    _GROUP_ID = GROUP
    _COMMAND_ID = 5

    uptime_ms: int
    buttons: int
    """Contacts closed now, bit 0 = button 1."""
    supply_mv: int | None = None
    low_mv: int
    """Below it a battery is low."""
    clock: bool
    heap_free: int
    mac: str


class StateRead(smp_message.ReadRequest, Errors):
    """Contacts, supply, clock."""

    _GROUP_ID = GROUP
    _COMMAND_ID = 5
    _Response = StateAnswer


class TestAnswer(smp_message.WriteResponse):
    """What came of a test; which keys there are depends on it."""

    __test__ = False  # for pytest: the name is no test's

    model_config = LENIENT
    _GROUP_ID = GROUP
    _COMMAND_ID = 5

    ok: bool | None
    """None: not done."""
    ms: int = 0
    n: int | None = None
    s: int = 0
    rsn: str = ""
    tot: tuple[int, int, int, int] = (0, 0, 0, 0)
    wifi: int = 0
    mqtt: int = 0
    tls: bool = False
    rssi: int | None = None


class TestRun(smp_message.WriteRequest, Errors):
    """Try what is named; `n` is for those that take a number."""

    __test__ = False

    _GROUP_ID = GROUP
    _COMMAND_ID = 5
    _Response = TestAnswer

    name: Test
    n: int | None = None
