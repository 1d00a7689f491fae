"""The cable: SMP framing, CBOR, the OS group and group 72."""  # portable

import struct
from binascii import a2b_base64, b2a_base64

from logs import mounted, press

from terminal import cbor
from terminal.console import Console
from terminal.smp_frames import Frame, Lines, crc16


class FakeBoard:
    chip = "esp32"

    def random32(self):
        return 5

    def ticks_ms(self):
        return 0

    def heap_free(self):
        return 0


class FakeUplink:
    """Its reader is shared."""

    class outbox:
        reader = None


class FakeApp:
    """What a console asks of the app."""

    uplink = FakeUplink

    def __init__(self):
        self.log, self.clock, _ = mounted()
        self.board = FakeBoard()
        self.device_id = "dev-1"
        self.version = "0.1.0"
        self.resets = 0

    def facts(self):
        return {"device_id": "dev-1", "utc_ms": 0, "pressed": [1, 2, 3, 4]}

    def status_line(self):
        return "hymio"

    def settle(self, mark):
        self.log.settle(mark)

    def reset_soon(self, why):
        self.resets += 1


def message(op, group, command, request, sequence=3, version=1):
    body = cbor.dumps(request)
    return struct.pack(">BBHHBB", op | version << 3, 0, len(body), group, sequence, command) + body


def decode(lines):
    raw = b"".join(a2b_base64(line[2:]) for line in lines)
    size = raw[0] << 8 | raw[1]
    assert len(raw) == size + 2 and crc16(raw[2:]) == 0
    return struct.unpack(">BBHHBB", raw[2:10]), cbor.loads(raw[10:-2])


def ask(console, *args, **kwargs):
    lines = list(console.received(b"".join(Frame(message(*args, **kwargs)).lines())))
    assert all(len(line) <= 127 and line.endswith(b"\n") for line in lines)
    return decode(lines)


def test_crc16():
    assert crc16(b"123456789") == 0x31C3


def test_cbor():
    for value in (
        0,
        23,
        24,
        255,
        256,
        65536,
        1 << 32,
        1 << 40,
        -1,
        -500,
        True,
        False,
        None,
        "hé",
        b"\x00",
        [],
        [1, [2]],
    ):
        assert cbor.loads(cbor.dumps({"k": value})) == {"k": value}
    assert bytes(cbor.dumps({"d": ["hi", 1000]})) == bytes.fromhex("a16164826268691903e8")
    for bad in (
        b"",
        b"\xa1",
        b"\xbf\xff",
        b"\x1b\x00",
        b"\x00\x00",
        b"\x81" * 9 + b"\x00",
        b"\xfb" + bytes(8),
        b"\x9a\xff\xff\xff\xff",
    ):
        try:
            cbor.loads(bad)
        except ValueError:
            continue
        raise AssertionError(bad)


def test_echo_between_noise():
    console = Console(FakeApp())
    frame = b"".join(Frame(message(2, 0, 0, {"d": "hello"})).lines())
    head, body = decode(list(console.received(b"garbage\r\n>>> " + frame)))
    assert body == {"r": "hello"} and head[0] == 3 | 1 << 3 and head[5:] == (0,) and head[4] == 3


def test_a_request_in_pieces_and_over_two_lines():
    got = []
    lines = Lines(lambda m: got.append(bytes(m)), lambda t: None)
    data = message(2, 0, 0, {"d": "x" * 60})
    raw = struct.pack(">H", len(data) + 2) + data + struct.pack(">H", crc16(data))
    stream = b"\x06\x09" + b2a_base64(raw[:30]) + b"log line\n" + b"\x04\x14" + b2a_base64(raw[30:])
    for byte in stream:
        lines.feed(bytes((byte,)))
    assert got == [data]


def test_parameters_info_status():
    console = Console(FakeApp())
    assert ask(console, 0, 0, 6, {})[1] == {"buf_size": 93, "buf_count": 1}
    assert ask(console, 0, 0, 7, {})[1] == {"output": "hymio"}
    assert ask(console, 0, 0, 7, {"format": "irn"})[1] == {"output": "dev-1 0.1.0 esp32"}
    assert ask(console, 0, 0, 7, {"format": "sx"})[1] == {"err": {"group": 0, "rc": 2}}
    assert ask(console, 0, 72, 0, {})[1]["pressed"] == [1, 2, 3, 4]


def test_records_and_ack():
    app = FakeApp()
    console = Console(app)
    for i in range(10):
        press(app.log, app.clock, 1 + i % 4)
    _, answer = ask(console, 0, 72, 1, {"s": 4})
    assert answer["d"][0] == 2 and answer["d"][12] == 4
    _, answer = ask(console, 0, 72, 2, {})
    assert answer == {"log": app.log.log_id, "tot": [3, 3, 2, 2], "nxt": 10, "old": 0}
    assert ask(console, 2, 72, 3, {"log": app.log.log_id, "m": 6})[1] == {"m": 6}
    assert ask(console, 2, 72, 3, {"log": app.log.log_id, "m": 2})[1] == {"m": 6}
    assert ask(console, 2, 72, 3, {"log": 1, "m": 8})[1] == {"err": {"group": 72, "rc": 4}}
    assert ask(console, 2, 72, 3, {"log": app.log.log_id, "m": 11})[1] == {"err": {"group": 72, "rc": 5}}


def test_errors_in_both_versions():
    console = Console(FakeApp())
    assert ask(console, 0, 72, 9, {})[1] == {"err": {"group": 72, "rc": 1}}
    assert ask(console, 0, 72, 1, {"s": "x"})[1] == {"err": {"group": 72, "rc": 2}}
    assert ask(console, 0, 72, 1, {}, version=0)[1] == {"rc": 3}
    assert ask(console, 0, 99, 1, {})[1] == {"rc": 8}
    assert ask(console, 0, 0, 99, {})[1] == {"rc": 8}
    assert ask(console, 0, 0, 6, {}, version=2)[1] == {"rc": 13}
    frame = b"".join(Frame(struct.pack(">BBHHBB", 8, 0, 1, 72, 3, 0) + b"\xff").lines())
    assert decode(list(console.received(frame)))[1] == {"rc": 3}


def test_silence_for_what_is_no_request():
    console = Console(FakeApp())
    good = bytearray(b"".join(Frame(message(2, 0, 0, {"d": "hello"})).lines()))
    for i in range(2, len(good) - 1):
        bad = bytearray(good)
        bad[i] ^= 1
        list(console.received(bad))
    assert list(console.received(b"\x06\x09!!!!\n\x04\x14AAAA\n" + b"x" * 500 + b"\n")) == []
    assert list(console.received(message(1, 0, 0, {}))) == []
    assert ask(console, 2, 0, 0, {"d": "still there"})[1] == {"r": "still there"}


def test_enter_prints_one_status_line():
    assert list(Console(FakeApp()).received(b"\r")) == [b"hymio\r\n"]


def test_reset():
    app = FakeApp()
    assert ask(Console(app), 2, 0, 5, {})[1] == {} and app.resets == 1
