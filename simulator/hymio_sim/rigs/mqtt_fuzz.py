"""Broken, cut and mixed-up byte streams for the MQTT client, each named by a number that replays it.

Three in four streams are sessions as a broker would hold them, valid in structure, with a few bytes changed, left out,
doubled or moved. The others are noise behind a valid beginning, or nothing but noise.
"""

from __future__ import annotations

import argparse
import random
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from hymio.common.firmware_files import firmware_module
from hymio_sim.rigs.broken import Broken

INPUT_MAX: Final = 2048 + 5
"""How many bytes of an incomplete packet the client may keep: the largest packet it takes, and the fixed header."""
OUTPUT_MAX: Final = 4096
_PIECE_MAX: Final = 512
"""How many bytes the driver reads at a time."""
_TOPICS: Final = (b"hymio/till-1/ack", b"hymio/till-1/cmd", b"a", "\u00e4/\u20ac".encode())


def _string(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def _packet(first: int, body: bytes) -> bytes:
    length = len(body)
    head = bytearray([first])
    while True:
        head.append(length & 127 | (128 if length > 127 else 0))
        length >>= 7
        if not length:
            return bytes(head) + body


def _publish(dice: random.Random) -> bytes:
    qos = dice.choice((0, 1, 1, 1)) if dice.random() < 0.97 else dice.choice((2, 3))
    payload = dice.randbytes(
        dice.choice((0, 1, 26, 26, 40, 300)) if dice.random() < 0.97 else dice.choice((1900, 2100))
    )
    packet_id = struct.pack(">H", dice.randrange(1 if dice.random() < 0.99 else 0, 65536)) if qos else b""
    flags = qos << 1 | dice.getrandbits(1) | (8 if qos and dice.random() < 0.2 else 0)
    return _packet(0x30 | flags, _string(dice.choice(_TOPICS)) + packet_id + payload)


def _puback(dice: random.Random) -> bytes:
    return _packet(0x40, struct.pack(">H", dice.choice((1, 2, 3, dice.randrange(65536)))))


def _pingresp(dice: random.Random) -> bytes:
    return b"\xd0\x00"


def _session(dice: random.Random) -> list[bytes]:
    """Packets of a broker, in an order in which they could come."""
    connack = bytes([dice.getrandbits(1), 0 if dice.random() < 0.97 else dice.randrange(8)])
    suback = b"\0\1" + bytes([1 if dice.random() < 0.97 else dice.choice((0, 2, 128))])
    packets = [_packet(0x20, connack), _packet(0x90, suback)]
    packets += [dice.choice((_publish, _publish, _puback, _pingresp))(dice) for _ in range(dice.randrange(12))]
    return packets


def _mutated(packets: list[bytes], dice: random.Random) -> bytes:
    packets = list(packets)
    for _ in range(dice.randrange(3)):
        i = dice.randrange(len(packets))
        what = dice.randrange(5)
        if what == 0:
            packets.insert(i, dice.choice(packets))
        elif what == 1:
            packets.append(packets.pop(i))
        elif what == 2:
            packets[i] = packets[i][: dice.randrange(len(packets[i]) + 1)]
        else:
            data = bytearray(packets[i])
            if data:
                data[dice.randrange(min(len(data), 8))] = dice.getrandbits(8)
            packets[i] = bytes(data)
    return b"".join(packets)


def stream(number: int) -> bytes:
    """The bytes from the broker; the same number gives the same bytes."""
    dice = random.Random(number)
    kind = dice.random()
    if kind < 0.75:
        return _mutated(_session(dice), dice)
    noise = dice.randbytes(dice.randrange(1, 600))
    return noise if kind < 0.85 else b"".join(_session(dice)[: dice.randrange(1, 4)]) + noise


def pieces(data: bytes, dice: random.Random) -> Iterator[bytes]:
    """The stream in pieces, as TCP might hand it over."""
    size = dice.choice((1, 7, _PIECE_MAX, _PIECE_MAX)) if len(data) < 200 else _PIECE_MAX
    at = 0
    while at < len(data):
        step = dice.randrange(1, size + 1)
        yield data[at : at + step]
        at += step


class Client:
    """The firmware's client, and what must hold of it whatever comes."""

    def __init__(self, number: int) -> None:
        mqtt = firmware_module("net_mqtt")
        self._number = number
        self._dice = random.Random(~number)
        self.messages = 0
        self.mqtt: Any = mqtt.Mqtt("till-1", ("s", "off"), (b"hymio/till-1/ack",), self._message, lambda now_ms: None)
        self._on = mqtt.ON

    def _message(self, now_ms: int, topic: str, payload: bytes, is_retained: bool) -> None:
        self.messages += 1

    def _demand(self, holds: bool, what: str) -> None:
        if not holds:
            raise Broken(f"stream {self._number}: {what}")

    def run(self) -> bool:
        """Feeds the whole stream to the client; gives whether it has found the stream broken."""
        mqtt, dice = self.mqtt, self._dice
        now_ms = dice.randrange(1 << 30)
        mqtt.opened(now_ms)
        for piece in pieces(stream(self._number), dice):
            now_ms = (now_ms + dice.randrange(50)) & (1 << 30) - 1
            messages = self.messages
            was_broken = mqtt.broken
            mqtt.received(now_ms, piece)
            mqtt.step(now_ms)
            self._demand(not was_broken or self.messages == messages, "a message after the stream was broken")
            self._demand(len(mqtt._input) <= INPUT_MAX + _PIECE_MAX, f"{len(mqtt._input)} bytes of input are kept")
            self._demand(len(mqtt._output) <= OUTPUT_MAX, f"{len(mqtt._output)} bytes of output are kept")
            self._demand(mqtt.state == self._on or not self.messages, "a message before CONNACK")
            if mqtt.is_free and dice.random() < 0.3:
                mqtt.publish(now_ms, "v", False, b"x")
            if dice.random() < 0.8:
                mqtt.output()
        is_broken = bool(mqtt.broken)
        mqtt.closed()
        return is_broken


def fuzz(numbers: range, tell: Callable[[int], None] = lambda done: None) -> tuple[int, int]:
    """Runs the streams of these numbers; gives how many were found broken, and how many messages came through.

    Raises:
        Broken: the client raises, keeps too much, or believes what it must not; names the stream.
    """
    broken = messages = 0
    for number in numbers:
        client = Client(number)
        try:
            broken += client.run()
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"stream {number}: {type(error).__name__}: {error}") from error
        messages += client.messages
        if number % 1000 == 0:
            tell(number)
    return broken, messages


def main() -> None:
    """Fuzzes until the time is over, with ever new streams."""
    parser = argparse.ArgumentParser(prog="hymio_sim.rigs.mqtt_fuzz", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--first", type=int, help="the number of the first stream (else from the time of day)")
    parser.add_argument("--case", type=int, help="only the stream of this number")
    options = parser.parse_args()
    if options.case is not None:
        print(fuzz(range(options.case, options.case + 1)))
        return
    first = number = int(time.time()) << 20 if options.first is None else options.first
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        broken, messages = fuzz(range(number, number + 20_000))
        number += 20_000
        print(f"{number - first} streams from {first} on; of the last 20000 {broken} broken, {messages} messages")


if __name__ == "__main__":
    main()
