"""Reads the MQTT streams of a terminal, and tells which vote batches have gone and which acknowledgements have come."""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Iterator
from dataclasses import dataclass

PUBLISH = 3


def read_varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """The unsigned LEB128 number at `at`, and the offset behind it.

    Raises:
        IndexError: the data end within the number.
    """
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def split_packet(stream: bytearray) -> tuple[int, bytes] | None:
    """Takes one whole MQTT packet off the front of `stream`: (first byte, body), or None until all of it is there."""
    try:
        length, start = read_varint(stream, 1)
    except IndexError:
        return None
    if len(stream) < start + length:
        return None
    packet = (stream[0], bytes(stream[start : start + length]))
    del stream[: start + length]
    return packet


@dataclass(frozen=True)
class Publish:
    """An MQTT 3.1.1 PUBLISH packet."""

    topic: str
    payload: bytes
    qos: int
    retained: bool
    packet_id: int | None


def parse_publish(first: int, body: bytes) -> Publish:
    """The PUBLISH packet with that first byte and body.

    Raises:
        struct.error: the body is too short.
    """
    (length,) = struct.unpack_from(">H", body)
    topic = body[2 : 2 + length].decode(errors="replace")
    at = 2 + length
    qos = (first >> 1) & 3
    packet_id = None
    if qos:
        (packet_id,) = struct.unpack_from(">H", body, at)
        at += 2
    return Publish(topic, body[at:], qos, bool(first & 1), packet_id)


@dataclass(frozen=True)
class BatchHead:
    """Those fields of a batch that the simulator tells of (firmware/spec/batch.md)."""

    log_id: int
    nonce: int
    first_seq: int
    slots: int

    @property
    def last_seq(self) -> int:
        """The sequence number of the last slot."""
        return self.first_seq + self.slots - 1


def parse_batch_head(payload: bytes) -> BatchHead | None:
    """The first fields of a batch, or None if the payload is not a batch of version 2."""
    try:
        version, _, log_id, nonce, _ = struct.unpack_from("<BBIIH", payload)
        first_seq, at = read_varint(payload, 12)
        slots, _ = read_varint(payload, at)
    except (struct.error, IndexError):
        return None
    return BatchHead(log_id, nonce, first_seq, slots) if version == 2 else None


def parse_ack(payload: bytes) -> tuple[int, int] | None:
    """(log_id, seq) of an ack: everything up to and with seq is settled. None if the payload is none of version 1."""
    if len(payload) < 14 or int.from_bytes(payload[-4:], "little") != crc32(payload[:-4]):
        return None
    version, _, log_id, mark = struct.unpack_from("<BBII", payload)
    return (log_id, mark - 1) if version == 1 else None


class MqttWatch:
    """Follows the bytes of one direction of a connection; what is not MQTT is passed over."""

    def __init__(self) -> None:
        self._stream = bytearray()
        self._lost = False

    def left(self, data: bytes) -> list[BatchHead]:
        """The batches that are completed by `data`, but for those without a record."""
        heads = [parse_batch_head(publish.payload) for publish in self._published(data, "/votes")]
        return [head for head in heads if head and head.slots]

    def came(self, data: bytes) -> list[tuple[int, int]]:
        """The acks that are completed by `data`, as (log_id, seq)."""
        acks = [parse_ack(publish.payload) for publish in self._published(data, "/ack")]
        return [ack for ack in acks if ack]

    def _published(self, data: bytes, end_of_topic: str) -> Iterator[Publish]:
        if self._lost:
            return
        self._stream += data
        while packet := split_packet(self._stream):
            first, body = packet
            if first >> 4 != PUBLISH:
                continue
            try:
                publish = parse_publish(first, body)
            except struct.error:
                self._lost = True
                return
            if publish.topic.endswith(end_of_topic):
                yield publish
