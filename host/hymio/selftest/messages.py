"""The requests of a self-test over the cable: SMP group 72, command 5 (firmware/spec/cable.md)."""

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
    """The contacts that are closed now; bit 0 is button 1."""
    supply_mv: int | None = None
    low_mv: int
    """A battery below this voltage is low."""
    clock: bool
    heap_free: int
    mac: str


class StateRead(smp_message.ReadRequest, Errors):
    """Asks for contacts, supply and clock."""

    _GROUP_ID = GROUP
    _COMMAND_ID = 5
    _Response = StateAnswer


class TestAnswer(smp_message.WriteResponse):
    """The outcome of a test; which keys there are depends on the test."""

    __test__ = False  # so that pytest does not take the class for a test

    model_config = LENIENT
    _GROUP_ID = GROUP
    _COMMAND_ID = 5

    ok: bool | None
    """None: the test was not done."""
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
    """Has the terminal try what is named; `n` is for tests that take a number."""

    __test__ = False

    _GROUP_ID = GROUP
    _COMMAND_ID = 5
    _Response = TestAnswer

    name: Test
    n: int | None = None
