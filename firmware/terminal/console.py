"""The technician's cable: SMP requests to answers. OS group as far as it fits, and group 72, after README.md."""

import struct

from . import cbor
from .batch import BatchMaker
from .compat import const
from .smp import BUF_SIZE, Lines, frame_lines

_OS = const(0)
_TERMINAL = const(72)
_RECORD_BYTES = const(600)

# MCUmgr's error numbers, https://docs.zephyrproject.org/latest/services/device_mgmt/smp_protocol.html
_EINVAL = const(3)
_ENOTSUP = const(8)

UNKNOWN = const(1)
BAD_REQUEST = const(2)
NO_LOG = const(3)
WRONG_LOG = const(4)
BEYOND = const(5)


class Refused(Exception):
    """A request that gets an error for an answer; args: the rc of group 72."""


class Console:
    """Bytes of the cable in, lines to be written out."""

    def __init__(self, app):
        """app: `facts()`, `status_line()`, `settle(mark)`, `reset_soon()`, `log`, `clock`, `board`, `version`."""
        self._app = app
        self._maker = None
        self._out = []
        self._lines = Lines(self._message, self._text)

    def received(self, data):
        """Takes bytes from the cable; gives the lines (bytes) to be written, each at most 127 long."""
        self._lines.feed(data)
        out = self._out
        self._out = []
        return out

    def _text(self, line):
        # Enter in a plain terminal program; anything else is somebody's half of a conversation.
        if not line.strip():
            self._out.append(self._app.status_line().encode() + b"\r\n")

    def _message(self, message):
        if len(message) < 8:
            return
        op, _, length, group, sequence, command = struct.unpack(">BBHHBB", message[:8])
        version = op >> 3 & 3
        op &= 7
        if op not in (0, 2) or length != len(message) - 8:
            return
        try:
            try:
                request = cbor.loads(message[8:]) if length else {}
            except (ValueError, TypeError):
                raise Refused(BAD_REQUEST) from None
            if not isinstance(request, dict):
                raise Refused(BAD_REQUEST)
            answer = self._answer(group, command, op == 2, request)
        except Refused as refused:
            rc = refused.args[0]
            if version and group != _OS:
                answer = {"err": {"group": group, "rc": rc}}
            else:
                answer = {"rc": _ENOTSUP if rc == UNKNOWN else _EINVAL}
        body = cbor.dumps(answer)
        head = struct.pack(">BBHHBB", op + 1 | version << 3, 0, len(body), group, sequence, command)
        self._out.extend(frame_lines(head + body))

    def _answer(self, group, command, is_write, request):
        app = self._app
        if group == _OS:
            if command == 0 and is_write and isinstance(request.get("d"), str):
                return {"r": request["d"]}
            if command == 5 and is_write:
                app.reset_soon()
                return {}
            if command == 6 and not is_write:
                return {"buf_size": BUF_SIZE, "buf_count": 1}
            if command == 7 and not is_write:
                return {"output": "hymio %s %s %s" % (app.device_id, app.version, app.board.chip)}
            raise Refused(UNKNOWN)
        if group != _TERMINAL:
            raise Refused(UNKNOWN)
        if command == 0 and not is_write:
            return app.facts()
        log = app.log
        if command not in (1, 2, 3) or is_write != (command == 3):
            raise Refused(UNKNOWN)
        if log is None:
            raise Refused(NO_LOG)
        if command == 1:
            return {"d": self._records(log, _number(request, "s"))}
        if command == 2:
            return {"log": log.log_id, "tot": log.totals, "nxt": log.next_seq, "old": log.oldest_seq}
        if _number(request, "log") != log.log_id:
            raise Refused(WRONG_LOG)
        mark = _number(request, "m")
        if mark > log.next_seq:
            raise Refused(BEYOND)
        app.settle(mark)
        return {"m": log.cursor}

    def _records(self, log, seq):
        if self._maker is None:
            self._maker = BatchMaker(log, self._app.clock, self._app.board.random32, _RECORD_BYTES)
        return self._maker.make(seq, _RECORD_BYTES)


def _number(request, key):
    number = request.get(key)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise Refused(BAD_REQUEST)
    return number
