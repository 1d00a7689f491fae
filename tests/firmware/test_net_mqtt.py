"""The MQTT client as bytes in, bytes and calls out."""  # portable

from terminal.net_mqtt import CONNECTING, OFF, ON, Mqtt, packet, text


class Book:
    """A client and what it told."""

    def __init__(self, topics=("t/ack",)):
        self.messages = []
        self.delivered = 0
        self.mqtt = Mqtt("dev-1", ("t/state", "off"), topics, self.message, self.done)

    def message(self, now_ms, topic, payload, is_retained):
        self.messages.append((topic, bytes(payload), is_retained))

    def done(self, now_ms):
        self.delivered += 1

    def online(self, now_ms=0):
        self.mqtt.opened(now_ms)
        self.mqtt.output()
        self.mqtt.received(now_ms, b"\x20\x02\x00\x00")
        out = bytes(self.mqtt.output())
        assert out[0] == 0x82
        self.mqtt.received(now_ms, b"\x90\x03" + out[2:4] + b"\x01")
        return self


def test_connect_packet():
    book = Book()
    book.mqtt.opened(0)
    assert book.mqtt.state == CONNECTING
    expected = bytes.fromhex("101f00044d515454042e003c") + b"\x00\x05dev-1\x00\x07t/state\x00\x03off"
    assert bytes(book.mqtt.output()) == expected
    assert bytes(book.mqtt.output()) == b""


def test_online_subscribes_and_publishes():
    book = Book().online()
    mqtt = book.mqtt
    assert mqtt.state == ON and mqtt.is_free
    mqtt.publish(5, "t/votes", False, b"abc")
    assert not mqtt.is_free
    assert bytes(mqtt.output()) == b"\x32\x0e\x00\x07t/votes\x00\x02abc"
    mqtt.received(6, b"\x40\x02\x00\x09")
    assert book.delivered == 0
    mqtt.received(6, b"\x40\x02\x00\x02")
    assert book.delivered == 1 and mqtt.is_free


def test_packets_in_pieces_of_one_byte():
    book = Book().online()
    stream = packet(0x33, text("t/ack"), b"\x00\x07", b"hello") + packet(0x30, text("t/x"), b"0123456789" * 20)
    for byte in stream:
        book.mqtt.received(1, bytes((byte,)))
    assert book.messages == [("t/ack", b"hello", True), ("t/x", b"0123456789" * 20, False)]
    assert bytes(book.mqtt.output()) == b"\x40\x02\x00\x07"
    assert not book.mqtt.broken


def test_keep_alive_and_its_time_out():
    book = Book().online(0)
    assert book.mqtt.step(44999) == 1
    assert not book.mqtt.output()
    book.mqtt.step(45000)
    assert bytes(book.mqtt.output()) == b"\xc0\x00"
    book.mqtt.received(46000, b"\xd0\x00")
    assert book.mqtt.step(46000) > 0
    book.mqtt.step(90001)
    assert bytes(book.mqtt.output()) == b"\xc0\x00"
    book.mqtt.step(100001)
    assert book.mqtt.broken


def test_no_connack_is_found_out():
    book = Book()
    book.mqtt.opened(0)
    book.mqtt.step(9999)
    assert not book.mqtt.broken
    book.mqtt.step(10000)
    assert book.mqtt.broken
    book.mqtt.closed()
    assert book.mqtt.state == OFF and not book.mqtt.broken


def test_what_is_refused():
    for data in (
        b"\x34\x09\x00\x03t/x\x00\x01ab",  # QoS 2
        b"\x36\x09\x00\x03t/x\x00\x01ab",  # QoS 3
        b"\x30\xff\xff\xff\x7f",  # far too long
        b"\x30\xff\xff\xff\xff\x01",  # malformed length
        b"\x30\x04\x00\x09ab",  # topic longer than the packet
        b"\x30\x00",
        b"\x20\x02\x00\x00",  # a second CONNACK
        b"\x00\x00",
        b"\xf0\x00",
        b"HTTP/1.1 302 Found\r\n",
        b"\x30\x06\x00\x02\xff\xfeab",  # topic that is not UTF-8
    ):
        book = Book().online()
        book.mqtt.received(1, data)
        assert book.mqtt.broken, data
        assert not book.messages


def test_refused_by_the_broker():
    book = Book()
    book.mqtt.opened(0)
    book.mqtt.received(1, b"\x20\x02\x00\x05")
    assert book.mqtt.broken and book.mqtt.refused == 5


def test_packet_ids_never_are_0():
    book = Book().online()
    mqtt = book.mqtt
    mqtt._packet_id = 65534
    for expected in (65535, 1):
        mqtt.publish(1, "a", False, b"")
        out = bytes(mqtt.output())
        assert out[-2] << 8 | out[-1] == expected
        mqtt.received(1, b"\x40\x02" + out[-2:])
    assert book.delivered == 2
