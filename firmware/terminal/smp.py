"""SMP over a console line: frames of base64 lines in, requests out, and back.

The framing is MCUmgr's, https://docs.zephyrproject.org/latest/services/device_mgmt/smp_transport.html: each line is
06 09 (first) or 04 14 (next), base64, newline; decoded: length u16 big-endian, message, CRC-16/XMODEM.
"""

import struct
from binascii import a2b_base64, b2a_base64

from .compat import const

BUF_SIZE = const(93)  # message of 89 bytes + length + CRC: one line of 127 characters
_LINE_MAX = const(130)
_LINE_RAW = const(90)  # raw bytes to an answer's line: 120 characters of base64
_CRC = (
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
    0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF,
)  # fmt: skip


def crc16(data):
    """CRC-16/XMODEM, by nibbles."""
    crc = 0
    for byte in data:
        crc = (crc << 4 & 0xFFFF) ^ _CRC[crc >> 12 ^ byte >> 4]
        crc = (crc << 4 & 0xFFFF) ^ _CRC[crc >> 12 ^ byte & 15]
    return crc


class Lines:
    """Cuts a byte stream into lines and those into SMP messages; all else on the line is passed over."""

    def __init__(self, on_message, on_text):
        """on_message(bytes): a whole message with a good CRC. on_text(bytes): a line that is no frame."""
        self._on_message = on_message
        self._on_text = on_text
        self._line = bytearray()
        self._overlong = False
        self._after_return = False
        self._frame = bytearray()

    def feed(self, data):
        """Takes bytes in pieces of any size."""
        for byte in data:
            if byte == 10 or byte == 13:
                if not (self._overlong or (byte == 10 and self._after_return)):
                    self._take(self._line)
                self._line = bytearray()
                self._overlong = False
            elif len(self._line) < _LINE_MAX:
                self._line.append(byte)
            else:
                self._overlong = True
            self._after_return = byte == 13

    def _take(self, line):
        # Text without a newline may stand before a frame: a prompt, half a log line.
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
            self._frame = bytearray()
            return
        self._finish()

    def _finish(self):
        frame = self._frame
        if len(frame) < 2:
            self._frame = bytearray()
            return
        size = frame[0] << 8 | frame[1]
        if size + 2 > BUF_SIZE or len(frame) > size + 2:
            self._frame = bytearray()
        elif len(frame) == size + 2:
            self._frame = bytearray()
            if crc16(frame[2:]) == 0:
                self._on_message(frame[2:-2])


def frame_lines(message):
    """Yields the lines that carry `message`."""
    data = struct.pack(">H", len(message) + 2) + message + struct.pack(">H", crc16(message))
    start = b"\x06\x09"
    for at in range(0, len(data), _LINE_RAW):
        yield start + b2a_base64(data[at : at + _LINE_RAW])
        start = b"\x04\x14"
