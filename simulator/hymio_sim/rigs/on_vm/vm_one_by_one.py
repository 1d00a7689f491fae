"""What people use instead of the firmware's uplink: one MQTT message of QoS 1 for each vote, by a blocking client.

`micropython vm_one_by_one.py PORT VOTES` runs it on the VM and prints the milliseconds that it took. The client works
as umqtt.simple does, but writes each packet in one piece: the several writes of umqtt run into Nagle's algorithm.
"""

# mypy: ignore-errors

import socket
import struct
import sys
import time


def main(port, votes):
    """Sends that many votes to the broker on that port of 127.0.0.1, and prints the milliseconds."""
    link = socket.socket()
    link.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    link.send(b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06onebyo")
    assert link.recv(4)[3] == 0
    topic = b"hymio/onebyo/vote"
    begin = time.ticks_ms()
    for number in range(1, votes + 1):
        vote = b'{"seq":%d,"button":%d,"utc":%d}' % (number, 1 + number % 4, 1800000000 + number)
        body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", number % 65535 + 1) + vote
        link.send(bytes((0x32, len(body))) + body)
        assert link.recv(4)[0] == 0x40
    print(time.ticks_diff(time.ticks_ms(), begin))


main(int(sys.argv[1]), int(sys.argv[2]))
