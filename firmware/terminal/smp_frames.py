"""SMP over a console line: from lines of base64 to requests, and from answers to such lines.

The framing is that of MCUmgr, https://docs.zephyrproject.org/latest/services/device_mgmt/smp_transport.html: each line
is 06 09 (the first one) or 04 14 (the next ones), then base64, then a newline. The lines of a frame decode to a length
(u16 big-endian), the message and its CRC-16/XMODEM.
"""

import struct
from binascii import a2b_base64, b2a_base64

from .compat import const

BUF_SIZE = const(93)  # length, a message of 89 bytes, and CRC: they make one line of 127 characters
# Frames of two such lines are taken, too: stock clients send them without asking, and the input buffer of a board holds
# them, which has 260 bytes.
_FRAME_MAX = const(2 * 93)
_LINE_MAX = const(130)
_EINVAL = const(3)
_LINE_RAW = const(90)  # bytes in a line of an answer: they make 120 characters of base64
_CRC = (
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
    0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF,
)  # fmt: skip


class SmpError(Exception):
    """An error that is the answer to a request."""

    def __init__(self, general, rc=0, reason=""):
        """general: its number in MCUmgr; rc: its number in the group, if it has one; reason: for a person.

        https://docs.zephyrproject.org/latest/services/device_mgmt/smp_protocol.html has the numbers.
        """
        self._general = general
        self._rc = rc
        self._reason = reason

    def answer(self, group, version):
        """Gives the map to be sent, in that version of SMP."""
        if version and self._rc:
            return {"err": {"group": group, "rc": self._rc}}
        answer = {"rc": self._general}
        if self._reason:
            answer["rsn"] = self._reason
        return answer


def number(request, key, rc=0):
    """Gives the int >= 0 under that key of the request. SmpError with `rc` if there is none."""
    value = request.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SmpError(_EINVAL, rc)
    return value


def text(request, key, rc=0):
    """Gives the text under that key of the request. SmpError with `rc` if there is none."""
    value = request.get(key)
    if not isinstance(value, str):
        raise SmpError(_EINVAL, rc)
    return value


def crc16(data, crc=0):
    """Gives the CRC-16/XMODEM of bytes, worked out by nibbles. crc: of the bytes before them."""
    for byte in data:
        crc = (crc << 4 & 0xFFFF) ^ _CRC[crc >> 12 ^ byte >> 4]
        crc = (crc << 4 & 0xFFFF) ^ _CRC[crc >> 12 ^ byte & 15]
    return crc


class Lines:
    """Cuts a stream of bytes into lines, and makes SMP messages of those that belong to a frame."""

    def __init__(self, on_message, on_text):
        """on_message(bytes) is called for a message with a good CRC, on_text(bytes) for a line of no frame."""
        self._on_message = on_message
        self._on_text = on_text
        self._line = bytearray()
        self._overlong = False
        self._after_return = False
        self._frame = bytearray()
        self.broken = 0  # how many frames could not be read

    def feed(self, data):
        """Takes bytes in pieces of any size."""
        for byte in data:
            if byte == 10 or byte == 13:
                if self._overlong:
                    self._break()
                elif not (byte == 10 and self._after_return):
                    self._take(self._line)
                self._line = bytearray()
                self._overlong = False
            elif len(self._line) < _LINE_MAX:
                self._line.append(byte)
            else:
                self._overlong = True
            self._after_return = byte == 13

    def _break(self):
        self.broken += 1
        self._frame = bytearray()

    def _take(self, line):
        # Text without a newline may stand before a frame: a prompt, or half a line of a log.
        start = line.find(b"\x06\x09")
        if start >= 0:
            self._frame = bytearray()
        else:
            start = line.find(b"\x04\x14")
            if start < 0:
                self._on_text(line)
                return
            if not self._frame:
                return
        try:
            self._frame.extend(a2b_base64(line[start + 2 :]))
        except ValueError:
            self._break()
            return
        self._finish()

    def _finish(self):
        frame = self._frame
        size = frame[0] << 8 | frame[1] if len(frame) >= 2 else 0
        if size < 2 or size + 2 > _FRAME_MAX or len(frame) > size + 2:
            self._break()
        elif len(frame) == size + 2:
            if crc16(frame[2:]) == 0:
                self._frame = bytearray()
                self._on_message(frame[2:-2])
            else:
                self._break()


class Frame:
    """A message that is to be sent. `head` are its first bytes, after two for the length.

    What is long is not copied before it is cut into lines.
    """

    def __init__(self, message):
        """message: its first bytes."""
        self.head = bytearray(2) + message
        self._pieces = [self.head]

    def append(self, byte):
        """Adds one byte."""
        self._pieces[-1].append(byte)

    def extend(self, data):
        """Adds bytes."""
        self._pieces[-1].extend(data)

    def attach(self, view):
        """Adds a memoryview, whose bytes must not change until the last line has been made."""
        self._pieces.append(view)
        self._pieces.append(bytearray())

    def __len__(self):
        """Gives the length of the message in bytes."""
        return sum(len(piece) for piece in self._pieces) - 2

    def lines(self):
        """Yields the lines (bytes) that carry the message. Nothing can be added after that."""
        struct.pack_into(">H", self.head, 0, len(self) + 2)
        crc = 0
        at = 2
        for piece in self._pieces:
            crc = crc16(memoryview(piece)[at:], crc)
            at = 0
        self.extend(struct.pack(">H", crc))
        start = b"\x06\x09"
        line = bytearray()
        for piece in self._pieces:
            at = 0
            while at < len(piece):
                end = at + _LINE_RAW - len(line)
                line.extend(memoryview(piece)[at:end])
                at = end
                if len(line) == _LINE_RAW:
                    yield start + b2a_base64(bytes(line))
                    start = b"\x04\x14"
                    line = bytearray()
        if line:
            yield start + b2a_base64(bytes(line))
