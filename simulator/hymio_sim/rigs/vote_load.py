"""Terminals that are only their messages: each sends a batch of votes, and the next one when the ack has come."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from typing import Final, Self

from hymio.wire.acks import decode_ack
from hymio.wire.batches import Batch, encode_batch
from hymio.wire.primitives import FormatError, crc32, put_uint
from hymio.wire.records import Boot, Press, Record, Time
from hymio_sim.energy.standard_day import standard_day
from hymio_sim.net.broker import packet, publish_packet
from hymio_sim.net.mqtt_watch import PUBLISH, parse_publish, split_packet

LOG_ID: Final = 0x1A2B3C4D
BEGAN_UTC: Final = 1_790_000_000
_FIRST_SLOTS: Final = 2
"""The boot record and the time record, with which every log begins."""
_DAY_MS: Final = 86_400_000
_PATIENCE_S: Final = 60.0


def device_name(number: int, group: str = "load") -> str:
    """What the terminal of that number is called."""
    return f"{group}-{number:05}"


def votes_of_standard_days() -> Iterator[Press]:
    """The presses of a terminal that goes from one standard day to the next, without end."""
    day = standard_day()
    at_ms = 0
    while True:
        for press in day:
            yield Press(1, at_ms + press.at_ms, press.button, press.verdict, 0, press.edges, press.quiet_ms)
        at_ms += _DAY_MS


class Batches:
    """The batches of a terminal, from its first one on, `each` votes in each; all terminals press alike.

    So a batch is made once for all of them, but for the CRC, which covers the terminal's name.
    """

    def __init__(self, each: int) -> None:
        self._each = each
        self._presses = votes_of_standard_days()
        self._bodies: list[bytes] = []
        self._totals = [0, 0, 0, 0]
        self._seq = 0

    def payload(self, number: int, device_id: str) -> bytes:
        """The votes message with the batch of that number, the first one is 0."""
        while len(self._bodies) <= number:
            self._bodies.append(self._next_body())
        body = self._bodies[number]
        return body + put_uint(crc32(device_id.encode() + body), 4)

    def _next_body(self) -> bytes:
        first_seq = self._seq
        records: list[Record] = [] if first_seq else [Boot(1, 0, 1, 0), Time(1, 0, 1, BEGAN_UTC)]
        one, two, three, four = self._totals
        for _ in range(self._each):
            press = next(self._presses)
            self._totals[press.button - 1] += 1
            records.append(press)
        self._seq += len(records)
        slots = tuple(enumerate(records, start=first_seq))
        nonce = 1 + len(self._bodies)
        return encode_batch(
            Batch(LOG_ID, nonce, 1, True, first_seq, len(records), 0, 0, (one, two, three, four), slots), ""
        )[:-4]


class VoteLoad:
    """So many terminals on one connection to a broker that lets everybody in."""

    def __init__(self, port: int, terminals: int, each: int, group: str = "load") -> None:
        """Connects.

        Args:
            port: of the broker, on this machine.
            terminals: how many there are, each with one message on its way at a time.
            each: votes in a message.
            group: what their names begin with.
        """
        self._batches = Batches(each)
        self._names = [device_name(number, group) for number in range(terminals)]
        self._sent = [0] * terminals
        self._numbers = {f"hymio/{name}/ack": number for number, name in enumerate(self._names)}
        self._packet_id = 0
        self._stream = bytearray()
        self._socket = socket.create_connection(("127.0.0.1", port), _PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = group.encode()
        self._socket.sendall(packet(0x10, b"\0\x04MQTT\x04\x02\0\0" + struct.pack(">H", len(name)) + name))
        topic = b"hymio/+/ack"
        self._socket.sendall(packet(0x82, b"\0\x01" + struct.pack(">H", len(topic)) + topic + b"\0"))
        self._take(2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def run(self, messages: int) -> float:
        """Sends so many messages of each terminal.

        Returns:
            The seconds from the first one until the last one is acknowledged by the collector.
        """
        last = self._sent[0] + messages
        begin = time.perf_counter()
        waiting = set(range(len(self._names)))
        self._send(sorted(waiting))
        while waiting:
            due = []
            for topic, payload in self._take(1):
                number = self._numbers.get(topic, -1)
                # A nonce says which message it answers: one of a turn before may come twice.
                if number not in waiting or decode_ack(payload).nonce != self._sent[number]:
                    continue
                if self._sent[number] < last:
                    due.append(number)
                else:
                    waiting.remove(number)
            self._send(due)
        return time.perf_counter() - begin

    def publish(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Sends messages of other kinds, (topic, payload), with QoS 1."""
        packets = []
        for topic, payload in messages:
            self._packet_id = self._packet_id % 65535 + 1
            packets.append(publish_packet(topic, payload, self._packet_id, False))
        self._socket.sendall(b"".join(packets))

    def _send(self, numbers: Iterable[int]) -> None:
        due = []
        for number in numbers:
            name = self._names[number]
            due.append((f"hymio/{name}/votes", self._batches.payload(self._sent[number], name)))
            self._sent[number] += 1
        self.publish(due)

    def _take(self, least: int) -> list[tuple[str, bytes]]:
        """The messages among the packets that have come, of which there are at least so many."""
        found = []
        packets = 0
        while packets < least:
            data = self._socket.recv(1 << 16)
            if not data:
                raise FormatError("the broker has closed the connection")
            self._stream += data
            while taken := split_packet(self._stream):
                packets += 1
                if taken[0] >> 4 == PUBLISH:
                    message = parse_publish(*taken)
                    found.append((message.topic, message.payload))
        return found
