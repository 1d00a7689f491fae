"""Whatever comes over the cable: an answer or silence, never an exception or a reset, bounded memory."""  # portable

import sys
from binascii import a2b_base64

from cable_frames import case
from logs import app_on
from ram_flash import RamFlash

from terminal import cbor, smp_frames
from terminal.compat import MICROPYTHON, load

FRAMES = 1500 if MICROPYTHON else 50000


class Told(Exception):
    """The console has caught an exception that nobody should have raised."""


def ready(home=None):
    app, board = app_on(RamFlash(4), home)
    assert app.log
    for i in range(40):
        board.now_ms += 1500
        board.closed = 1 << i % 4 if i % 2 else 0
        app.step(board.now_ms)

    def blame(error):
        raise error

    app.text.error = blame
    return app, board


def check(lines):
    """How many answers these lines are; each of them well-formed."""
    raw = b""
    answers = 0
    for line in lines:
        assert len(line) <= 127 and line.endswith(b"\n")
        if line[:2] == b"\x06\x09":
            assert not raw
        elif line[:2] != b"\x04\x14":
            assert line.startswith(b"hymio "), line  # what Enter says
            continue
        raw += a2b_base64(line[2:])
        if len(raw) == (raw[0] << 8 | raw[1]) + 2:
            assert smp_frames.crc16(raw[2:]) == 0
            answer = cbor.loads(raw[10:-2])
            assert isinstance(answer, dict), answer
            answers += 1
            raw = b""
    assert not raw
    return answers


def run(numbers, home=None):
    """Answers to these cases; an AssertionError names the case that went wrong."""
    app, board = ready(home)
    session = load("console").Console(app)
    whole = answers = 0
    for number in numbers:
        data, is_whole = case(number, cbor, smp_frames)
        try:
            answers += check(session.received(data))
            if not is_whole:
                check(session.received(b"\n"))  # the half line before must not spoil what comes
        except Exception as error:
            raise AssertionError("case %d: %r" % (number, error)) from error
        whole += is_whole
        assert len(session.staged) < 60 and len(app.text._queue) <= 21, number
    session.close()
    assert board.resets == 0
    # It still knows what it is about.
    assert check(session.received(b"".join(smp_frames.Frame(b"\x0a\0\0\x05\0\0\x01\0\xa1\x61d\x61x").lines()))) == 1
    return whole, answers


def test_after_a_quiet_minute_the_rooms_leave_the_heap():
    app, board = ready()
    hello = b"".join(smp_frames.Frame(b"\x0a\0\0\x05\0\0\x01\0\xa1\x61d\x61x").lines())
    for _ in range(2):
        assert check(app.console_received(board.now_ms, hello)) == 1
        assert app._console is not None
        for _ in range(61):
            board.now_ms += 1000
            app.step(board.now_ms)
        assert app._console is None
        if MICROPYTHON:
            assert not [name for name in sys.modules if "smp" in name and "frames" not in name and "fuzz" not in name]


def test_whatever_comes(home=None):
    whole, answers = run(range(FRAMES), home)
    assert whole > FRAMES // 2
    # A whole frame stays without an answer only if its header is wrong.
    assert whole > answers > whole * 8 // 10, (whole, answers)
