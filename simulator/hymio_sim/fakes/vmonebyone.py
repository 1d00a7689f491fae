"""What people use instead: a blocking MQTT client as umqtt.simple is one, one message of QoS 1 for each vote, on the
real VM: `micropython vmonebyone.py PORT VOTES`. Each packet is one write (umqtt's several run into Nagle). Prints the
milliseconds."""

# mypy: ignore-errors

import socket
import struct
import sys
import time


def main(port, votes):
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
