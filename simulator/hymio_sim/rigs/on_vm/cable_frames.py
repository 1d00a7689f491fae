"""What may come over the cable: requests good and bad, broken frames, text in between; each named by its number.

The same number gives the same bytes on CPython and on the MicroPython VM.
"""

# mypy: ignore-errors

import struct

# The commands of each group that are tried. Reset (0, 5) is left out, because the board would obey it.
_COMMANDS = {
    0: (0, 2, 4, 6, 7),
    2: (0, 1),
    3: (0, 1, 2, 3),
    8: (0, 1, 2, 3, 4),
    10: (0, 1, 2, 3),
    72: (0, 1, 2, 3, 4, 5),
}
_GROUPS = (0, 2, 3, 8, 10, 72)
_KEYS = (
    "d",
    "datetime",
    "format",
    "name",
    "val",
    "off",
    "data",
    "len",
    "type",
    "s",
    "log",
    "m",
    "n",
    "index",
    "groups",
)
_TEXTS = (
    "", "a", "mqtt/host", "mqtt/tls/ca", "wifi/password", "wifi/networks", "pins/leds", "thanks_ms", "windows", "log",
    "uplink", "/log/new.txt", "/staging/x", "/staging/../main.py", "/main.py", "//x", "2027-01-15T08:00:00Z",
    "2027-99-15T08:00:00", "sha256", "crc32",
)  # fmt: skip
_BYTES = (b"", b"5", b"true", b"null", b"[1, 2]", b'{"a": 1}', b"\xff\xfe", b"broker.example", b"-1", b"1e9")
_NUMBERS = (0, 1, 3, 23, 255, 600, 65535, 1 << 30, 0xFFFFFFFF, 1 << 40, -1)


class Xorshift32:
    """Random numbers from a seed (xorshift32, Marsaglia 2003)."""

    def __init__(self, seed):
        self._state = (seed * 2654435761 ^ 0x9E3779B9) & 0xFFFFFFFF or 1
        for _ in range(4):
            self.below(2)

    def below(self, n):
        """A number from 0 to n - 1."""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return (x >> 3) % n

    def of(self, choices):
        """One of the choices."""
        return choices[self.below(len(choices))]

    def bytes(self, n):
        """A string of n random bytes."""
        return bytes([self.below(256) for _ in range(n)])


def _value(dice, depth=0):
    kind = dice.below(8)
    if kind < 2:
        return dice.of(_TEXTS)
    if kind < 4:
        return dice.of(_BYTES)
    if kind < 6:
        return dice.of(_NUMBERS)
    if kind == 6 or depth:
        return dice.of((None, True, False))
    return [_value(dice, 1) for _ in range(dice.below(3))]


def _message(dice, cbor):
    """A message of SMP, its header included."""
    group = dice.of(_GROUPS)
    command = dice.of(_COMMANDS[group])
    op = dice.of((0, 2))
    version = dice.of((0, 1, 1, 1, 1, 1))
    kind = dice.below(20)
    if kind < 16:
        body = {dice.of(_KEYS): _value(dice) for _ in range(dice.below(4))}
        if group in (3, 8) and dice.below(2):
            body["name"] = dice.of(_TEXTS)
        body = bytes(cbor.dumps(body))
    elif kind < 18:
        body = dice.bytes(dice.below(60))
    else:
        body = b"\xa0"
        group, op, version = dice.below(300), dice.below(8), dice.below(4)
    if group == 0 and command == 5:
        command = 6
    length = len(body) if dice.below(30) else dice.below(70000) & 0xFFFF
    return struct.pack(">BBHHBB", op | version << 3, 0, length, group, dice.below(256), command) + body


def case(number, cbor, smp):
    """(bytes for the cable, whether the frame is whole) of the case with that number.

    cbor and smp are the modules `cbor` and `smp_frames` of the firmware.
    """
    dice = Xorshift32(number)
    lines = list(smp.Frame(_message(dice, cbor)).lines())
    kind = dice.below(10)
    if kind < 6:
        return b"".join(lines), True
    if kind == 6:  # a line of a log comes between the lines, half a prompt before them
        return b">>> " + b"I (12) a line\r\n".join(lines) + b"\r\n", True
    data = bytearray(b"".join(lines))
    if kind == 7:
        for _ in range(1 + dice.below(3)):
            data[dice.below(len(data))] ^= 1 << dice.below(8)
    elif kind == 8:
        data = data[: dice.below(len(data))]
        data.extend(dice.of((b"\n", b"\r", b"", b"x" * 200 + b"\n")))
    else:
        data = bytearray(dice.of((b"\x06\x09", b"\x04\x14", b"")) + dice.bytes(dice.below(200)) + b"\n")
    return bytes(data), False
