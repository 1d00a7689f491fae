"""The broker of virtual time, at the level of bytes."""

import struct

from hymio_sim.net.broker import Broker, Connection, matches, packet, publish_packet
from hymio_sim.net.mqtt_watch import MqttWatch, parse_publish, split_packet


class Client:
    def __init__(self, broker, name, will=None):
        self.broker = broker
        self.received = bytearray()
        self.dropped = False
        self.connection = Connection(send=self.received.extend, drop=self.drop)
        body = b"\0\4MQTT\4" + bytes([0x26 if will else 2]) + b"\0\x3c" + text(name)
        if will:
            body += text(will[0]) + text(will[1])
        self.send(packet(0x10, body))

    def drop(self):
        self.dropped = True

    def send(self, data):
        for byte in data:  # in the smallest pieces there are
            self.broker.received(self.connection, bytes([byte]))

    def subscribe(self, topic):
        self.send(packet(0x82, b"\0\1" + text(topic) + b"\1"))

    def packets(self):
        found = []
        while taken := split_packet(self.received):
            found.append(taken)
        return found

    def messages(self):
        publishes = [parse_publish(first, body) for first, body in self.packets() if first >> 4 == 3]
        return [(message.topic, message.payload, message.retained) for message in publishes]


def text(string):
    return struct.pack(">H", len(string)) + string.encode()


def test_a_message_reaches_its_subscriber_and_is_acknowledged():
    broker = Broker()
    reader, writer = Client(broker, "reader"), Client(broker, "writer")
    reader.subscribe("hymio/+/votes")
    writer.packets()
    writer.send(publish_packet("hymio/a-1/votes", b"x", 9, False))
    assert writer.packets() == [(0x40, b"\0\x09")]
    assert reader.messages() == [("hymio/a-1/votes", b"x", False)]


def test_retained_messages_wait():
    broker = Broker()
    broker.publish("hymio/a-1/ack", b"1", True)
    broker.publish("hymio/a-1/ack", b"2", True)
    reader = Client(broker, "reader")
    reader.subscribe("hymio/a-1/ack")
    broker.publish("hymio/a-1/ack", b"3", True)
    assert reader.messages() == [("hymio/a-1/ack", b"2", True), ("hymio/a-1/ack", b"3", False)]


def test_the_last_will_comes_when_the_connection_is_lost_or_taken_over():
    broker = Broker()
    first = Client(broker, "a-1", will=("hymio/a-1/state", "gone"))
    assert broker.retained == {}
    Client(broker, "a-1", will=("hymio/a-1/state", "gone again"))
    assert first.dropped
    assert broker.retained == {"hymio/a-1/state": b"gone"}


def test_filters():
    assert matches("hymio/#", "hymio/a/b")
    assert matches("hymio/+/ack", "hymio/a/ack")
    assert not matches("hymio/+/ack", "hymio/a/b/ack")
    assert not matches("hymio/a", "hymio/a/ack")


def test_batches_that_leave_are_seen_in_pieces_of_any_size():
    batch = bytes.fromhex("02004d3c2b1a010000000700f40901f8070065f101ac02910300000000")
    empty = bytes.fromhex("02004d3c2b1a010000000700f40900f8070065f101ac0291030a78b8cb")
    stream = packet(0xC0, b"") + publish_packet("hymio/a-1/votes", batch, 1, False)
    stream += publish_packet("hymio/a-1/votes", empty, 2, False) + publish_packet("hymio/a-1/state", batch, 3, False)
    watch = MqttWatch()
    seen = [head for byte in stream for head in watch.left(bytes([byte]))]
    assert [(head.log_id, head.first_seq, head.slots) for head in seen] == [(0x1A2B3C4D, 1268, 1)]
