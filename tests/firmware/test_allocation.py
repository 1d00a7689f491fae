"""From the debounced press to the record in flash nothing is allocated: the heap is locked meanwhile."""  # portable

from logs import app_on
from ram_flash import RamFlash

from terminal.compat import MICROPYTHON

if MICROPYTHON:
    from micropython import heap_lock, heap_unlock
else:

    def heap_lock():
        pass

    def heap_unlock():
        pass


def test_press_to_thank_you_allocates_nothing():
    app, board = app_on(RamFlash(6))
    for i in range(12):
        # An idle minute: book-keeping may allocate.
        for _ in range(60):
            board.now_ms += 1000
            app.step(board.now_ms)
        b = i % 4
        lit = board.lit
        closed = 1 << b
        end_ms = board.now_ms + 20
        heap_lock()
        try:
            app.edge(board.now_ms, b + 1)
            board.closed = closed
            while board.now_ms < end_ms:
                app.step(board.now_ms)
                board.now_ms += 2
        finally:
            heap_unlock()
        assert board.lit == lit + 1
        board.closed = 0
    assert sum(app.log.totals) == 12


def test_what_one_late_poll_finds_allocates_nothing_either():
    """Two contacts, one of them over, and the release of a third button."""
    app, board = app_on(RamFlash(4))
    for i in range(4):
        for _ in range(60):
            board.now_ms += 1000
            app.step(board.now_ms)
        third, first, second = (i + 2) % 4, i, (i + 1) % 4
        held = 1 << third
        app.edge(board.now_ms, third + 1)
        board.closed = held
        for _ in range(20):
            app.step(board.now_ms)
            board.now_ms += 2
        lit = board.lit
        heap_lock()
        try:
            app.edge(board.now_ms + 100, third + 1)
            app.edge(board.now_ms + 200, first + 1)
            app.edge(board.now_ms + 290, first + 1)
            app.edge(board.now_ms + 300, second + 1)
            board.closed = 1 << second
            board.now_ms += 400
            app.step(board.now_ms)
        finally:
            heap_unlock()
        assert board.lit == lit and sum(app.log.totals) == 3 * (i + 1)
        board.closed = 0
    assert app.log.totals == [3, 3, 3, 3]


def test_the_sector_is_opened_before_a_press_needs_it():
    app, board = app_on(RamFlash(4))
    erases = 0
    for i in range(520):
        for _ in range(8):
            board.now_ms += 1000
            app.step(board.now_ms)
        erases = sum(board.flash.erases)
        board.closed = 1 << i % 4
        for _ in range(10):
            app.step(board.now_ms)
            board.now_ms += 2
        assert sum(board.flash.erases) == erases, i
        board.closed = 0
        app.step(board.now_ms)
    assert app.log.next_seq > 520
