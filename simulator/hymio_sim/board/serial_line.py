"""A serial line no faster than its baud rate, with the wait that a USB converter adds on the way to the host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

TURN_AROUND_S: Final = 0.016
"""How long a USB converter may keep bytes back for more of them: the default latency timer of FTDI's chips, AN232B-04
https://ftdichip.com/wp-content/uploads/2020/08/AN232B-04_DataLatencyFlow.pdf; others wait less."""

_BITS_PER_BYTE: Final = 10
"""A start bit, eight data bits, a stop bit."""
_PACKET: Final = 62
"""How many bytes come out together: a USB packet has 64, of which two are the status of the modem lines."""


def line_s(byte_count: int, baud: int) -> float:
    """The seconds that so many bytes spend on a line of that baud rate."""
    return byte_count * _BITS_PER_BYTE / baud


class SerialLine:
    """One direction of a serial line.

    What `feed` takes is passed to `deliver` when the line has carried it; without a baud rate that is at once.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[bytes], None],
        baud: int | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._baud = baud
        self._delay_s = delay_s
        self._free_at_s = 0.0
        self._under_way: list[asyncio.TimerHandle] = []
        self.carried_bytes = 0

    def feed(self, data: bytes) -> None:
        """Puts bytes onto the line, behind those that are on it."""
        self.carried_bytes += len(data)
        if self._baud is None:
            self._deliver(data)
            return
        self._under_way = [timer for timer in self._under_way if timer.when() > self._loop.time()]
        for at in range(0, len(data), _PACKET):
            packet = data[at : at + _PACKET]
            self._free_at_s = max(self._free_at_s, self._loop.time()) + line_s(len(packet), self._baud)
            self._under_way.append(self._loop.call_at(self._free_at_s + self._delay_s, self._deliver, packet))

    def cut(self) -> None:
        """Cuts the line: what is under way never arrives."""
        for timer in self._under_way:
            timer.cancel()
        self._under_way = []
