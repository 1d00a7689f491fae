"""A broker and the way to it at their worst: they lose, double, reorder, corrupt, fall silent, restart and lie.

All chance comes from one seeded source, so a story can be told again. The broker does what mosquitto was seen to do: it
acknowledges messages that nobody will ever get, and those that its access list makes it throw away.
"""

from __future__ import annotations

import random
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hymio.office.collect import STATE_TOPIC, VOTES_TOPIC
from hymio_sim.board.sim_time import SimClock
from hymio_sim.net.broker import Broker, Connection, matches, packet
from hymio_sim.net.mqtt_watch import PUBLISH, Publish, parse_publish

_LATENCY_US: Final = 1_000
_LATE_US: Final = 40_000_000
_LINE_LIFE_US: Final = 90_000_000
_PUBACK: Final = 4


@dataclass
class Weather:
    """How often things go wrong, as shares of 0..1; by default nothing does."""

    undelivered: float = 0.0
    """How often the broker acknowledges a message and then forgets it."""
    doubled: float = 0.0
    late: float = 0.0
    """How often a message comes up to 40 s late, behind those that were sent later."""
    corrupted: float = 0.0
    """How often one byte of a piece of a stream is changed."""
    half_open: float = 0.0
    """How often a connection stops to carry bytes in one direction or both, without a word to anybody."""
    portal: float = 0.0
    """How often somebody else than the broker answers a connection."""
    slow_ms: float = 0.0
    """The longest delay of a piece of a stream, in milliseconds."""
    queue_limit: int = 1000
    """How many messages the broker keeps for a collector that is away; further ones are acknowledged and dropped."""


@dataclass
class _Line:
    """One connection of a terminal on its way to the broker; `inner` is the broker's end of it."""

    outer: Connection
    inner: Connection
    is_portal: bool
    deaf_up_us: float
    deaf_down_us: float
    is_dead: bool = False
    up_us: int = 0
    down_us: int = 0


@dataclass
class Session:
    """The collector's persistent session; `take` gets each message while `is_connected`."""

    take: Callable[[Publish], None]
    is_connected: bool = True
    queue: deque[Publish] = field(default_factory=deque)


class FaultyBroker(Broker):
    """A `Broker` with faults and with an access list: a client writes and reads below `hymio/ITS-ID/` alone."""

    def __init__(self, clock: SimClock, dice: random.Random) -> None:
        super().__init__(self._to_session)
        self.weather = Weather()
        self.is_up = True
        self.session: Session | None = None
        self._clock = clock
        self._dice = dice
        self._lines: dict[int, _Line] = {}
        self._life = 0

    # ---- the terminals' side ----

    def received(self, connection: Connection, data: bytes) -> None:
        """Takes bytes that a client sends; what becomes of them on the way is drawn by chance."""
        line = self._line(connection)
        if line.is_dead or self._clock.now_us() >= line.deaf_up_us:
            return
        if not self.is_up:
            self._end(line)
        elif line.is_portal:
            self._answer_nonsense(line)
        else:
            data = self._weathered(data)
            line.up_us = self._delayed(line.up_us)
            self._clock.call_at_us(line.up_us, lambda: None if line.is_dead else self._arrived(line, data))

    def lost(self, connection: Connection) -> None:
        """A client has closed its connection, or the broker gives it up."""
        line = self._lines.pop(id(connection), None)
        if line is not None:
            line.is_dead = True
        super().lost(line.inner if line else connection)

    def _arrived(self, line: _Line, data: bytes) -> None:
        super().received(line.inner, data)

    def _line(self, connection: Connection) -> _Line:
        known = self._lines.get(id(connection))
        if known is not None:
            return known
        dice, weather = self._dice, self.weather
        up_us = down_us = float("inf")
        if dice.random() < weather.half_open:
            from_us = self._clock.now_us() + dice.uniform(0, _LINE_LIFE_US)
            direction = dice.choice(("up", "down", "both"))
            up_us = down_us if direction == "down" else from_us
            down_us = down_us if direction == "up" else from_us
        inner = Connection(send=lambda data: self._inward(line, data), drop=lambda: self._end(line))
        line: _Line = _Line(connection, inner, dice.random() < weather.portal, up_us, down_us)
        self._lines[id(connection)] = line
        return line

    def _inward(self, line: _Line, data: bytes) -> None:
        if line.is_dead or self._clock.now_us() >= line.deaf_down_us:
            return
        data = self._weathered(data)
        line.down_us = self._delayed(line.down_us)
        self._clock.call_at_us(line.down_us, lambda: None if line.is_dead else line.outer.send(data))

    def _end(self, line: _Line) -> None:
        """The broker's end is gone; the terminal is told, unless the line is dead."""
        if not line.is_dead:
            line.is_dead = True
            if self._clock.now_us() < line.deaf_down_us:
                line.outer.drop()

    def _weathered(self, data: bytes) -> bytes:
        if self._dice.random() >= self.weather.corrupted or not data:
            return data
        changed = bytearray(data)
        changed[self._dice.randrange(len(changed))] ^= 1 << self._dice.randrange(8)
        return bytes(changed)

    def _delayed(self, after_us: int) -> int:
        delay_us = round(1000 * self._dice.uniform(0, self.weather.slow_ms)) if self.weather.slow_ms else 0
        return max(after_us, self._clock.now_us() + _LATENCY_US + delay_us)

    def _answer_nonsense(self, line: _Line) -> None:
        dice = self._dice
        kind = dice.randrange(6)
        if kind == 0:
            data = b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n"
        elif kind == 1:
            data = dice.randbytes(dice.randrange(1, 400))
        elif kind == 2:  # the broker of somebody else
            data = packet(0x20, bytes([0, dice.choice((0, 0, 3, 4, 5))]))
        elif kind == 3:  # a broker that accepts everything
            data = packet(0x20, b"\0\0") + packet(0x90, b"\0\1\1") + packet(0x40, b"\0\2") + packet(0x40, b"\0\3")
        elif kind == 4:  # a TLS alert
            data = bytes.fromhex("15030100020246")
        else:
            data = b""
        line.outer.send(data)
        if dice.random() < 0.5:
            self._end(line)

    # ---- the broker itself ----

    def restart(self, keeps_retained: bool, tells: bool, seconds: float) -> None:
        """The broker ends, and comes back without sessions after so many seconds.

        tells: the connections are closed, and do not just fall silent.
        """
        self.is_up = False
        self._life += 1
        life = self._life
        for line in list(self._lines.values()):
            if tells:
                self._end(line)
            line.is_dead = True
        self._clients.clear()
        if not keeps_retained:
            self.retained.clear()
        if self.session:
            self.session.queue.clear()

        def back() -> None:
            if life == self._life:
                self.is_up = True
                self._hand_over()

        self._clock.call_at_us(self._clock.now_us() + round(seconds * 1e6), back)

    def _take(self, connection: Connection, first: int, body: bytes) -> None:
        if first >> 4 == PUBLISH and connection.client_id:
            publish = parse_publish(first, body)
            if not publish.topic.startswith(f"hymio/{connection.client_id}/"):
                # mosquitto acknowledges what its access list forbids, and ends the connection.
                if publish.packet_id is not None:
                    connection.send(packet(_PUBACK << 4, struct.pack(">H", publish.packet_id)))
                self.lost(connection)
                connection.drop()
                return
        super()._take(connection, first, body)

    def _deliver(self, connection: Connection, publish: Publish) -> None:
        if publish.topic.startswith(f"hymio/{connection.client_id}/"):
            super()._deliver(connection, publish)

    # ---- the collector's side ----

    def publish(self, topic: str, payload: bytes, retained: bool = False) -> None:
        """Publishes a message of the collector, which may get lost, come twice or come late as well."""
        self._scattered(lambda: super(FaultyBroker, self).publish(topic, payload, retained))

    def reconnected(self) -> None:
        """The collector has connected again, and gets what was kept for it."""
        self._hand_over()

    def _to_session(self, message: Publish) -> None:
        if matches(VOTES_TOPIC, message.topic) or matches(STATE_TOPIC, message.topic):
            self._scattered(lambda: self._queue(message))

    def _scattered(self, deliver: Callable[[], None]) -> None:
        """Delivers never, once or twice, now or later; what is under way when the broker ends is lost."""
        dice, weather, life = self._dice, self.weather, self._life
        if dice.random() < weather.undelivered:
            return
        for _ in range(2 if dice.random() < weather.doubled else 1):
            late_us = round(dice.uniform(0, _LATE_US)) if dice.random() < weather.late else 0
            at_us = self._clock.now_us() + _LATENCY_US + late_us
            self._clock.call_at_us(at_us, lambda: deliver() if self._life == life and self.is_up else None)

    def _queue(self, message: Publish) -> None:
        session = self.session
        if session is not None and (session.is_connected or len(session.queue) < self.weather.queue_limit):
            session.queue.append(message)
            self._hand_over()

    def _hand_over(self) -> None:
        session = self.session
        while session is not None and session.is_connected and session.queue:
            session.take(session.queue.popleft())
