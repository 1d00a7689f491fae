"""An MQTT 3.1.1 broker made of functions: bytes in, bytes out, no sockets and no clock of its own.

It can do what terminals and a collector need: QoS 0 and 1, retained messages, last wills, and one session per client
id, each of them clean. Section numbers are those of http://docs.oasis-open.org/mqtt/mqtt/v3.1.1/.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from hymio.wire.primitives import put_varint
from hymio_sim.net.mqtt_watch import PUBLISH, Publish, parse_publish, split_packet

_CONNECT, _PUBACK, _SUBSCRIBE, _UNSUBSCRIBE, _PINGREQ, _DISCONNECT = 1, 4, 8, 10, 12, 14


def packet(first: int, body: bytes) -> bytes:
    """The control packet with that first byte and body."""
    return bytes([first]) + put_varint(len(body)) + body


def publish_packet(topic: str, payload: bytes, packet_id: int | None, retained: bool) -> bytes:
    """A PUBLISH packet, of QoS 1 if there is a packet id, else of QoS 0."""
    name = topic.encode()
    head = struct.pack(">H", len(name)) + name
    if packet_id is not None:
        head += struct.pack(">H", packet_id)
    return packet(PUBLISH << 4 | (2 if packet_id is not None else 0) | retained, head + payload)


def matches(pattern: str, topic: str) -> bool:
    """Whether the topic filter covers the topic (section 4.7)."""
    levels, names = pattern.split("/"), topic.split("/")
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(names) or level not in ("+", names[index]):
            return False
    return len(levels) == len(names)


@dataclass
class Connection:
    """The connection of one client: `send` takes bytes for it, `drop` ends it."""

    send: Callable[[bytes], None]
    drop: Callable[[], None]
    client_id: str = ""
    will: Publish | None = None
    filters: dict[str, int] = field(default_factory=dict)
    stream: bytearray = field(default_factory=bytearray)
    next_id: int = 0


class Broker:
    """A broker; `on_publish(publish)` is called for every message that it routes."""

    def __init__(self, on_publish: Callable[[Publish], None] = lambda _: None) -> None:
        self.retained: dict[str, bytes] = {}
        self._clients: dict[str, Connection] = {}
        self._on_publish = on_publish

    def received(self, connection: Connection, data: bytes) -> None:
        """Takes bytes of a client, in pieces of any size; bytes that are not MQTT end the connection."""
        connection.stream += data
        while taken := split_packet(connection.stream):
            try:
                self._take(connection, *taken)
            except (struct.error, IndexError, UnicodeDecodeError):
                self.lost(connection)
                connection.drop()
                return

    def lost(self, connection: Connection) -> None:
        """The connection is gone without a DISCONNECT, so its last will is published."""
        if self._clients.get(connection.client_id) is connection:
            del self._clients[connection.client_id]
        will, connection.will = connection.will, None
        if will:
            self._route(will)

    def publish(self, topic: str, payload: bytes, retained: bool = False) -> None:
        """Publishes a message of somebody who sits beside the broker and needs no connection."""
        self._route(Publish(topic, payload, 1, retained, None))

    def _take(self, connection: Connection, first: int, body: bytes) -> None:
        kind = first >> 4
        if kind == _CONNECT:
            self._connect(connection, body)
        elif kind == PUBLISH:
            publish = parse_publish(first, body)
            if publish.packet_id is not None:
                connection.send(packet(_PUBACK << 4, struct.pack(">H", publish.packet_id)))
            self._route(publish)
        elif kind == _SUBSCRIBE:
            self._subscribe(connection, body)
        elif kind == _UNSUBSCRIBE:
            connection.send(packet(0xB0, body[:2]))
        elif kind == _PINGREQ:
            connection.send(packet(0xD0, b""))
        elif kind == _DISCONNECT:
            connection.will = None  # 3.14.4
            self.lost(connection)

    def _connect(self, connection: Connection, body: bytes) -> None:
        flags = body[7]
        rest = body[10:]
        client_id, rest = _text(rest)
        if flags & 0x04:
            topic, rest = _text(rest)
            (length,) = struct.unpack_from(">H", rest)
            connection.will = Publish(topic.decode(), rest[2 : 2 + length], flags >> 3 & 3, bool(flags & 0x20), None)
        connection.client_id = client_id.decode()
        older = self._clients.get(connection.client_id)
        if older:  # 3.1.4: the older connection of the same client id is ended
            self.lost(older)
            older.drop()
        self._clients[connection.client_id] = connection
        connection.send(packet(0x20, b"\0\0"))

    def _subscribe(self, connection: Connection, body: bytes) -> None:
        granted = b""
        added = []
        rest = body[2:]
        while rest:
            name, rest = _text(rest)
            qos = min(rest[0], 1)
            rest = rest[1:]
            connection.filters[name.decode()] = qos
            added.append(name.decode())
            granted += bytes([qos])
        connection.send(packet(0x90, body[:2] + granted))
        for topic, payload in self.retained.items():
            if any(matches(name, topic) for name in added):
                self._deliver(connection, Publish(topic, payload, 1, True, None))

    def _route(self, publish: Publish) -> None:
        if publish.retained:
            if publish.payload:
                self.retained[publish.topic] = publish.payload
            else:
                self.retained.pop(publish.topic, None)
        # 3.3.1.3: those who subscribed before the message came get it without the retained flag.
        live = Publish(publish.topic, publish.payload, publish.qos, False, None)
        for client in list(self._clients.values()):
            self._deliver(client, live)
        self._on_publish(publish)

    def _deliver(self, connection: Connection, publish: Publish) -> None:
        granted = [qos for name, qos in connection.filters.items() if matches(name, publish.topic)]
        if not granted:
            return
        packet_id = None
        if min(max(granted), publish.qos):
            packet_id = connection.next_id = connection.next_id % 65535 + 1
        connection.send(publish_packet(publish.topic, publish.payload, packet_id, publish.retained))


def _text(data: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack_from(">H", data)
    return data[2 : 2 + length], data[2 + length :]
