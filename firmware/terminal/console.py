"""The technician's cable: bytes to SMP requests, each to the room of its group, answers to lines."""

import struct

from . import cbor
from .compat import const, load, ticks_diff, unload
from .smp_frames import Frame, Lines, SmpError

_EINVAL = const(3)
_ENOMEM = const(2)
_ENOTSUP = const(8)
_ETOONEW = const(13)
_EUNKNOWN = const(1)
_RESERVE_BYTES = const(2048)
_TRIES = const(3)
_HEAD = bytes(8)  # of SMP; filled in when the rest is known
GROUPS = {0: "os", 2: "stat", 3: "settings", 8: "files", 10: "enum", 72: "terminal"}


class Console:
    """Bytes of the cable in, lines to be written out. One group's room is in the heap at a time."""

    def __init__(self, app):
        """app: the `app.App`."""
        self.app = app
        self.staged = {}  # settings that were written and not yet saved: path -> value
        self.desk = None  # what the loaded room keeps between two requests; may have a `close()`
        self.shortages = 0  # how often the heap has been too small for an answer
        self.requests = 0
        self.refused = 0
        self._room = None
        self._room_name = ""
        self._out = []
        self._lines = Lines(self._message, self._text)

    @property
    def broken(self):
        """Frames that could not be read."""
        return self._lines.broken

    def received(self, data):
        """Takes bytes from the cable; gives an iterator of the lines (bytes) to be written, each at most 127 long."""
        self._lines.feed(data)
        out = self._out
        self._out = []
        return _lines_of(out)

    def close(self):
        """Puts away what a request has left open, and its room."""
        if hasattr(self.desk, "close"):
            self.desk.close()
        self.desk = None
        if self._room_name:
            self._room = None
            unload("smp_" + self._room_name)
            self._room_name = ""

    def _text(self, line):
        # Enter in a plain terminal program; anything else is somebody's half of a conversation.
        if not line.strip():
            self._out.append(self.app.status_line().encode() + b"\r\n")

    def _message(self, message):
        if len(message) < 8:
            return
        op, _, length, group, sequence, command = struct.unpack(">BBHHBB", message[:8])
        version = op >> 3 & 3
        op &= 7
        if op not in (0, 2) or length != len(message) - 8:
            return
        self.requests += 1
        since_ms = self.app.board.ticks_ms()
        try:
            frame = self._framed(group, command, op == 2, message[8:], version)
        except SmpError as refused:
            self.refused += 1
            frame = Frame(_HEAD)
            cbor.dump(refused.answer(group, version), frame)
        except MemoryError:
            frame = Frame(_HEAD)
            cbor.dump({"rc": _ENOMEM}, frame)
        except Exception as error:
            # A mistake of ours must not end the conversation, and must not go unseen.
            self.app.text.error(error)
            frame = Frame(_HEAD)
            cbor.dump({"rc": _EUNKNOWN}, frame)
        now_ms = self.app.board.ticks_ms()
        if ticks_diff(now_ms, since_ms) > 0:
            self.app.stood_still(since_ms, now_ms)
        first = op + 1 | min(version, 1) << 3
        struct.pack_into(">BBHHBB", frame.head, 2, first, 0, len(frame) - 8, group, sequence, command)
        self._out.append(frame)
        # The buttons come first: what is left of the heap is theirs. (CPython says 0.)
        if 0 < self.app.board.heap_free() < _RESERVE_BYTES:
            self.close()

    def _framed(self, *request):
        """The answer, tried again with all the memory that its room can give back."""
        for left in range(_TRIES, -1, -1):
            frame = Frame(_HEAD)
            try:
                cbor.dump(self._answer(*request), frame)
                return frame
            except MemoryError:
                self.close()
                self.shortages += 1
                if not left:
                    raise

    def _answer(self, group, command, is_write, body, version):
        if version > 1:
            raise SmpError(_ETOONEW)
        if group not in GROUPS:
            raise SmpError(_ENOTSUP)
        try:
            request = cbor.loads(body) if body else {}
        except (ValueError, TypeError):
            raise SmpError(_EINVAL) from None
        if not isinstance(request, dict):
            raise SmpError(_EINVAL)
        # The self-test is a room of its own: a pull has no use for it, and it none for batches.
        room = "selftest" if group == 72 and command > 4 else GROUPS[group]
        return self._load(room).answer(self, command, is_write, request)

    def _load(self, name):
        if self._room_name != name:
            self.close()
            self._room_name = name
            self._room = load("smp_" + name)
        return self._room


def _lines_of(out):
    for piece in out:
        if isinstance(piece, bytes):
            yield piece
        else:
            yield from piece.lines()
