"""SMP group 72: what only a smiley terminal has, apart from the self-test. spec/cable.md describes it."""

from .log_batch import BatchMaker
from .compat import const, load, sweep, unload
from .log_record import SLOTS
from .smp_frames import SmpError, number

_EINVAL = const(3)
_ENOTSUP = const(8)
# The buffer of a batch has _LEAST_BYTES, and beside them _MORE_BYTES, which hold the usual records of a sector, or, if
# memory is short, a half, a quarter or an eighth of them.
_LEAST_BYTES = const(100)
_MORE_BYTES = const(1600)
_HALVINGS = const(3)
_SPARE_BYTES = const(2560)  # of the heap have to be left free: the console wants almost as many
_PIECES = const(8)  # the largest free block is taken to be at least one part in so many of what is free
_TEXT_BYTES = const(512)  # of the text log in each answer

_UNKNOWN = const(1)
_BAD_REQUEST = const(2)
_NO_LOG = const(3)
_WRONG_LOG = const(4)
_BEYOND = const(5)


def answer(session, command, is_write, request):
    """Answers a request. session: the `console.Console`; request: the map that came. Gives the map to be sent.

    SmpError if there is an error to be answered.
    """
    app = session.app
    if command == 0 and not is_write:
        return app.facts()
    if command == 4 and not is_write:
        session.desk = None  # its buffer is as large as the module that reads the text log
        return _text(app, number(request, "n", _BAD_REQUEST))
    if command not in (1, 2, 3) or is_write != (command == 3):
        raise SmpError(_ENOTSUP, _UNKNOWN)
    log = app.log
    if log is None:
        raise SmpError(_ENOTSUP, _NO_LOG)
    if command == 1:
        seq = number(request, "s", _BAD_REQUEST)
        if session.desk is None:
            session.desk = _maker(session)
        # It ends with the sector: the next batch finds its totals in a header and need not count presses for them.
        return {"d": session.desk.make(seq, SLOTS - max(seq, log.oldest_seq) % SLOTS)}
    if command == 2:
        return {"log": log.log_id, "tot": log.totals, "nxt": log.next_seq, "old": log.oldest_seq}
    if number(request, "log", _BAD_REQUEST) != log.log_id:
        raise SmpError(_EINVAL, _WRONG_LOG)
    mark = number(request, "m", _BAD_REQUEST)
    if mark > log.next_seq:
        raise SmpError(_EINVAL, _BEYOND)
    app.settle(mark)
    return {"m": log.cursor}


def _maker(session):
    """Gives a maker of batches that are as long as the heap allows: a pull takes fewer answers then."""
    app = session.app
    halvings = min(session.shortages, _HALVINGS)
    while True:
        sweep()
        # Asking for a block that is not there has the heap grow, at the expense of TLS. On CPython this is 0.
        free = app.board.heap_free()
        while halvings < _HALVINGS and 0 < free < _SPARE_BYTES + (_PIECES * _MORE_BYTES >> halvings):
            halvings += 1
        try:
            size = _LEAST_BYTES + (_MORE_BYTES >> halvings)
            return BatchMaker(app.log, app.clock, app.board.random32, size, app.device_id, app.uplink.outbox.reader)
        except MemoryError:
            if halvings == _HALVINGS:
                raise
        halvings += 1


def _text(app, line):
    """Gives the text log from line number `line` on, and the number of the line after that."""
    files = load("text_log_files")
    try:
        is_short = 0 < app.board.heap_free() < 2 * _SPARE_BYTES
        text, following = files.lines(app.text, line, _TEXT_BYTES >> 1 if is_short else _TEXT_BYTES)
    finally:
        unload("text_log_files")
    return {"d": memoryview(text), "n": following}
