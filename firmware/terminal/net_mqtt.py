"""MQTT 3.1.1 as a state machine: bytes and `now_ms` go in, bytes and calls come out. It knows no sockets.

Numbers in comments are sections of the OASIS standard, https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/.
"""

import struct

from .compat import const, ticks_add, ticks_diff

OFF = const(0)
CONNECTING = const(1)
ON = const(2)

_CONNACK = const(2)
_PUBLISH = const(3)
_PUBACK = const(4)
_SUBACK = const(9)
_PINGRESP = const(13)

_ANSWER_MS = const(10000)  # the broker has to answer within so long
_LEAVE_MS = const(200)  # so long the last bytes have to go out
_RECEIVE_MAX = const(2048)  # bytes of a packet that is taken
_SKIP_MAX = const(262144)  # bytes of a message that is passed over; a longer one ends the connection
_OUTPUT_MAX = const(4096)  # bytes that may wait to be sent


def packet(first, *parts):
    """Gives one control packet: the fixed header, `first` its first byte, and the parts after it."""
    length = sum(len(part) for part in parts)
    head = bytearray((first,))
    while True:
        byte = length & 127
        length >>= 7
        head.append(byte | 128 if length else byte)
        if not length:
            break
    for part in parts:
        head.extend(part)
    return head


def text(string):
    """Gives a UTF-8 string with its length before it (1.5.3). Bytes are taken as they are."""
    data = string.encode() if isinstance(string, str) else string
    return struct.pack(">H", len(data)) + data


class Mqtt:
    """A client with a clean session, and with one publish of QoS 1 on its way at a time.

    `broken` says why the connection must be closed; it is "" as long as it need not.
    """

    def __init__(self, client_id, will, topics, on_message, on_delivered, login=("", ""), keep_alive_s=60):
        """will: (topic, payload) of the last will, which is retained; topics: those to be subscribed with QoS 1.

        login: (user name, password), the name "" for none. on_message(now_ms, topic, payload, is_retained) is called
        for each message, on_delivered(now_ms) when the broker has taken what was published.
        """
        self._client_id = client_id
        self._will = will
        self._topics = topics
        self._on_message = on_message
        self._on_delivered = on_delivered
        self._login = login
        self._keep_alive_s = keep_alive_s
        self._packet_id = 0
        self._sent_at = 0
        self.closed()

    def opened(self, now_ms):
        """Tells that there is a connection: says hello in it."""
        self.closed()
        self.state = CONNECTING
        topic, payload = self._will
        # 3.1.2.3: clean session, will with QoS 1, retained
        flags = 0x02 | 0x04 | 0x08 | 0x20
        login = b""
        if self._login[0]:
            flags |= 0xC0  # user name, password
            login = text(self._login[0]) + text(self._login[1])
        body = text("MQTT") + bytes((4, flags)) + struct.pack(">H", self._keep_alive_s)
        self._send(now_ms, packet(0x10, body, text(self._client_id), text(topic), text(payload), login))
        self._deadline = ticks_add(now_ms, _ANSWER_MS)

    def closed(self):
        """Tells that the connection is gone: of what was on its way nothing is known to have arrived."""
        self.state = OFF
        self.broken = ""
        self.refused = 0  # the return code of CONNACK, 0 = accepted
        self._input = bytearray()
        self._skip = 0  # bytes that are still to come of a message that is too long
        self._output = bytearray()
        self._awaited = 0  # the packet id of the publish on its way, 0 = none is
        self._subscribing = 0  # the packet id of the subscription on its way, 0 = none is
        self._deadline = None
        self._pinging = False
        self._leaving = False

    def output(self):
        """Gives the bytes to be sent now and forgets them."""
        data = self._output
        if data:
            self._output = bytearray()
        return data

    @property
    def has_output(self):
        """True if there are bytes to be sent."""
        return len(self._output) > 0

    @property
    def is_free(self):
        """True if something can be published now."""
        return self.state == ON and not self._awaited and not self._leaving and len(self._output) < _OUTPUT_MAX

    def publish(self, now_ms, topic, is_retained, *payload):
        """Publishes the parts of a payload with QoS 1; `on_delivered` follows. Only while `is_free` is True."""
        self._awaited = self._next_id()
        first = 0x32 | (1 if is_retained else 0)
        self._send(now_ms, packet(first, text(topic), struct.pack(">H", self._awaited), *payload))
        self._expect(now_ms)

    def leave(self, now_ms):
        """Says goodbye, so that the last will is not published. A moment later the connection is `broken`."""
        if self.state == ON and not self._leaving:
            self._leaving = True
            self._send(now_ms, packet(0xE0))
            self._deadline = ticks_add(now_ms, _LEAVE_MS)

    def step(self, now_ms):
        """Keeps the connection alive, or finds that it is dead. Gives the ms until it wants to be called again."""
        if self.state == OFF or self.broken:
            return 60000
        if self._deadline is not None:
            left_ms = ticks_diff(self._deadline, now_ms)
            if left_ms <= 0:
                self.broken = "done" if self._leaving else "no answer from the broker"
                return 0
            return left_ms
        left_ms = self._keep_alive_s * 750 - ticks_diff(now_ms, self._sent_at)
        if left_ms <= 0:
            self._send(now_ms, packet(0xC0))
            self._pinging = True
            self._expect(now_ms)
            return _ANSWER_MS
        return left_ms

    def received(self, now_ms, data):
        """Takes bytes from the broker, in pieces of any size. What comes after a malformed packet is not kept."""
        if self.broken or self.state == OFF:
            return
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._input.extend(data)
        while not self.broken and self.state != OFF:
            size = self._packet_size()
            if not size or self.broken:
                break
            head, body = self._input[0], self._input[size[0] : size[1]]
            self._input = self._input[size[1] :]
            self._take(now_ms, head, body)

    def _packet_size(self):
        """Gives (offset of the body, offset after it) if the input begins with a whole packet, else None."""
        data = self._input
        if data and data[0] & 15 and data[0] >> 4 != _PUBLISH:
            self.broken = "malformed flags"  # 2.2.2: of the packets that we may receive only PUBLISH has flags
            return None
        length = 0
        for i in range(1, 5):
            if i >= len(data):
                return None
            length |= (data[i] & 127) << 7 * (i - 1)
            if not data[i] & 128:
                if _RECEIVE_MAX < length < _SKIP_MAX and data[0] >> 4 == _PUBLISH:
                    # A retained message that is too long would come again in the next connection: pass it over.
                    end = min(i + 1 + length, len(data))
                    self._skip = i + 1 + length - end
                    self._input = data[end:]
                    return self._packet_size()
                if length > _RECEIVE_MAX:
                    self.broken = "a packet of %d bytes, expected %d at most" % (length, _RECEIVE_MAX)
                    return None
                return (i + 1, i + 1 + length) if i + 1 + length <= len(data) else None
        self.broken = "a malformed length"
        return None

    def _take(self, now_ms, head, body):
        kind = head >> 4
        if self.state == CONNECTING and kind != _CONNACK:
            self.broken = "expected CONNACK, came packet type %d" % kind
        elif kind == _PUBLISH:
            self._take_publish(now_ms, head, body)
        elif kind == _CONNACK and len(body) == 2 and self.state == CONNECTING:
            self._take_connack(now_ms, body[1])
        elif kind == _PUBACK and len(body) == 2:
            if body[0] << 8 | body[1] == self._awaited:
                self._awaited = 0
                self._answered()
                self._on_delivered(now_ms)
        elif kind == _SUBACK and len(body) >= 3:
            if body[0] << 8 | body[1] == self._subscribing:
                self._subscribing = 0
                self._answered()
                if max(body[2:]) > 1:  # 3.9.3: 0x80 is a failure, 2 a QoS that was not asked for
                    self.broken = "the broker refused a subscription"
        elif kind == _PINGRESP and not body:
            self._pinging = False
            self._answered()
        else:
            self.broken = "unexpected packet type %d" % kind

    def _take_connack(self, now_ms, code):
        if code:
            self.refused = code
            self.broken = "the broker refused: code %d" % code
            return
        self.state = ON
        self._subscribing = self._next_id()
        body = struct.pack(">H", self._subscribing)
        for topic in self._topics:
            body += text(topic) + b"\x01"
        self._send(now_ms, packet(0x82, body))
        self._expect(now_ms)

    def _take_publish(self, now_ms, head, body):
        qos = head >> 1 & 3
        size = body[0] << 8 | body[1] if len(body) >= 2 else 0
        start = 2 + size + (2 if qos else 0)
        is_dup = head & 8 and not qos  # 3.3.1.1: a message of QoS 0 can't be a duplicate
        if qos > 1 or not size or start > len(body) or is_dup or (qos and body[start - 2 : start] == b"\0\0"):
            self.broken = "a malformed PUBLISH"
            return
        try:
            topic = str(bytes(body[2 : 2 + size]), "utf-8")
        except (UnicodeError, ValueError):
            self.broken = "a topic that is not UTF-8"
            return
        if qos:
            self._send(now_ms, packet(0x40, body[2 + size : start]))
        self._on_message(now_ms, topic, body[start:], head & 1 == 1)

    def _next_id(self):
        self._packet_id = self._packet_id % 65535 + 1  # 2.3.1: never 0
        return self._packet_id

    def _send(self, now_ms, data):
        if len(self._output) + len(data) > _OUTPUT_MAX:
            self.broken = "the connection takes nothing any more"
            return
        if self._output:
            self._output.extend(data)
        else:
            self._output = data
        self._sent_at = now_ms

    def _expect(self, now_ms):
        if self._deadline is None:
            self._deadline = ticks_add(now_ms, _ANSWER_MS)

    def _answered(self):
        if not (self._leaving or self._awaited or self._subscribing or self._pinging):
            self._deadline = None
