"""The air of virtual time: what is on the other side of a terminal's radio, and a connection through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from hymio_sim.board.hardware import Hardware
from hymio_sim.board.sim_time import VirtualClock
from hymio_sim.net.broker import Broker, Connection
from hymio_sim.net.far_end import Office
from hymio_sim.net.mqtt_watch import MqttWatch, Publish

LATENCY_US: Final = 15_000
"""How long a message takes one way, through the air and the network."""


@dataclass(frozen=True)
class AirTimes:
    """How long joining a network and shaking hands take, in milliseconds; both cost no virtual time by themselves."""

    join_ms: float = 300.0
    """From switching the radio on to having an address; a real board takes one to four seconds."""
    handshake_ms: float = 0.0
    """The TLS handshake that each new connection begins with."""


class Air:
    """The network of one or more terminals: a broker, and an office behind it."""

    def __init__(self, utc: Callable[[], float]) -> None:
        self.broker = Broker(on_publish=self._heard)
        self.ntp_error_s = 0.0
        """How far the time server is ahead of the true time."""
        self.office = Office(self.broker.publish, utc)

    def _heard(self, message: Publish) -> None:
        self.office.heard(message)


USUAL_TIMES: Final = AirTimes()


class NearEnd(Protocol):
    """The terminal's end of a link, which is told what happens to the link."""

    def link_opened(self, link: VirtualLink) -> None:
        """The broker has accepted the connection."""
        ...

    def link_received(self, link: VirtualLink, data: bytes) -> None:
        """Bytes have come from the broker."""
        ...

    def link_lost(self, link: VirtualLink) -> None:
        """The broker has closed the connection, or there is no network to open one in."""
        ...


class VirtualLink:
    """One TCP connection through the air."""

    def __init__(self, near_end: NearEnd, clock: VirtualClock, hardware: Hardware, air: Air, times: AirTimes) -> None:
        self._near_end = near_end
        self._clock = clock
        self._hardware = hardware
        self._air = air
        self._times = times
        self._is_cut = False
        self._outward_watch = MqttWatch()
        self._inward_watch = MqttWatch()
        self._far = Connection(send=self._inward, drop=self._dropped)

    def _after(self, callback: Callable[[], None], further_us: int = 0) -> None:
        self._clock.call_at_us(self._clock.now_us() + LATENCY_US + further_us, callback)

    def open(self) -> None:
        """Asks for a connection; the near end is told when it is open, or that there is no network."""
        if self._hardware.network_present:
            handshake_us = round(1000 * self._times.handshake_ms)
            self._after(lambda: None if self._is_cut else self._near_end.link_opened(self), handshake_us)
        else:
            self._after(lambda: self._near_end.link_lost(self))

    def send(self, data: bytes) -> None:
        """Bytes for the broker leave; the board tells the batches among them."""
        if self._is_cut:
            return
        for batch in self._outward_watch.left(data):
            self._hardware.published(batch.log_id, batch.first_seq, batch.last_seq)
        self._after(lambda: self._air.broker.received(self._far, data))

    def _inward(self, data: bytes) -> None:
        self._after(lambda: None if self._is_cut else self._received(data))

    def _received(self, data: bytes) -> None:
        for log_id, seq in self._inward_watch.came(data):
            self._hardware.answered(log_id, seq)
        self._near_end.link_received(self, data)

    def _dropped(self) -> None:
        self._after(lambda: None if self._is_cut else self._near_end.link_lost(self))

    def close(self) -> None:
        """The terminal closes the connection, and the broker hears of it."""
        if not self._is_cut:
            self._is_cut = True
            self._after(lambda: self._air.broker.lost(self._far))

    def cut(self) -> None:
        """Nothing goes through any more, in either direction, and nobody is told."""
        self._is_cut = True
