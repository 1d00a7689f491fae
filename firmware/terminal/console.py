"""The cable of the technician: bytes to SMP requests, each request to the module of its group, answers to lines."""

import struct

from . import cbor
from .compat import const, load, ticks_diff, unload
from .smp_frames import Frame, Lines, SmpError

_EINVAL = const(3)
_ENOMEM = const(2)
_ENOTSUP = const(8)
_ETOONEW = const(13)
_EUNKNOWN = const(1)
_RESERVE_BYTES = const(2048)  # so much of the heap is left to the buttons
_TRIES = const(3)  # after the first, with more memory each time
_HEAD = bytes(8)  # the header of SMP, which is filled in when the rest is known
GROUPS = {0: "os", 2: "stat", 3: "settings", 8: "files", 10: "enum", 72: "terminal"}


class Console:
    """Takes bytes from the cable and gives lines to be written to it.

    Of the modules that answer, one for each group, only one is in the heap at a time.
    """

    def __init__(self, app):
        """app: the `app.App`."""
        self.app = app
        self.staged = {}  # settings that were written and not yet saved: path -> value
        self.desk = None  # what the loaded module keeps between two requests; it may have a `close()`
        self.shortages = 0  # how often the heap has been too small for an answer
        self.requests = 0
        self.refused = 0
        self._module = None  # the one that answers
        self._module_name = ""  # without its `smp_`
        self._out = []
        self._lines = Lines(self._message, self._text)

    @property
    def broken(self):
        """How many frames could not be read."""
        return self._lines.broken

    def received(self, data):
        """Takes bytes from the cable. Gives an iterator of the lines (bytes) to be written, each at most 127 long."""
        self._lines.feed(data)
        out = self._out
        self._out = []
        return _lines_of(out)

    def close(self):
        """Closes what a request has left open, and unloads the module that answered it."""
        if hasattr(self.desk, "close"):
            self.desk.close()
        self.desk = None
        if self._module_name:
            self._module = None
            unload("smp_" + self._module_name)
            self._module_name = ""

    def _text(self, line):
        # An empty line is somebody who presses Enter in a terminal program. Any other text is not meant for us.
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
            # A mistake in this firmware must not end the conversation, and must not stay unknown.
            self.app.text.error(error)
            frame = Frame(_HEAD)
            cbor.dump({"rc": _EUNKNOWN}, frame)
        now_ms = self.app.board.ticks_ms()
        if ticks_diff(now_ms, since_ms) > 0:
            self.app.stood_still(since_ms, now_ms)
        first = op + 1 | min(version, 1) << 3
        struct.pack_into(">BBHHBB", frame.head, 2, first, 0, len(frame) - 8, group, sequence, command)
        self._out.append(frame)
        # The buttons come first, so a part of the heap is left to them. (On CPython heap_free() gives 0.)
        if 0 < self.app.board.heap_free() < _RESERVE_BYTES:
            self.close()

    def _framed(self, *request):
        """Gives the framed answer; if memory fails, tries again with all that the modules of SMP can give back."""
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
        # The self-test is a module of its own, because it is never needed together with the rest of its group.
        name = "selftest" if group == 72 and command > 4 else GROUPS[group]
        return self._load(name).answer(self, command, is_write, request)

    def _load(self, name):
        if self._module_name != name:
            self.close()
            self._module_name = name
            self._module = load("smp_" + name)
        return self._module


def _lines_of(out):
    for piece in out:
        if isinstance(piece, bytes):
            yield piece
        else:
            yield from piece.lines()
