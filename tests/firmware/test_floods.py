"""Floods must not push unsent votes out of the log: mashing children for two hours, a boot loop for a day."""

import random

from logs import app_on

from hymio_sim.rigs.power_cut import Recorder
from terminal.log_reader import END, Reader
from terminal.log_record import COUNTED, PRESS, RUN, presses


def quiet_flash(sectors):
    flash = Recorder(sectors)
    flash.recording = False
    return flash


def press(app, board, at_ms, b):
    """One press as the debouncer would report it."""
    board.now_ms = at_ms % (1 << 30)
    app.clock.advance(board.now_ms)
    debounce = app.press_path.debounce
    debounce.first_contact[b] = board.now_ms
    app.press_path._press(board.now_ms, b)
    debounce.opened[b] = board.now_ms + 60
    debounce.known |= 1 << b


def contents(log):
    reader = Reader(log)
    reader.seek(log.oldest_seq)
    votes, total = 0, 0
    while (kind := reader.next()) != END:
        if kind in (PRESS, RUN):
            total += presses(reader.record, 0)
            votes += kind == PRESS and reader.record[0] >> 4 == COUNTED
    return votes, total


def test_ten_presses_a_second_for_two_hours():
    app, board = app_on(quiet_flash(32))
    dice = random.Random(5)
    at_ms = 0
    for _ in range(500):
        at_ms += 20_000
        press(app, board, at_ms, dice.randrange(4))
        app.step(board.now_ms)
    assert contents(app.log) == (500, 500)
    before = app.log.next_seq
    for _ in range(72_000):
        at_ms += 100
        press(app, board, at_ms, dice.randrange(4))
        if app.press_path._flood.is_due(board.now_ms):
            app.record_writer.runs(app.press_path._flood)
    board.now_ms = (at_ms + 10_000) % (1 << 30)
    app.step(board.now_ms)
    votes, total = contents(app.log)
    assert app.log.oldest_seq == 0 and app.log.lost == 0
    assert total == 72_500 == sum(app.log.totals)
    assert votes >= 500
    assert app.log.next_seq - before < 2000


def test_a_boot_loop_writes_no_more_than_a_few_records():
    flash = quiet_flash(6)
    app, board = app_on(flash)
    for i in range(20):
        press(app, board, 20_000 * i, i % 4)
    images = []
    for _ in range(60):
        app, board = app_on(flash)
        for at_ms in (100, 2000, 4900):  # it never lives for longer
            board.now_ms = at_ms
            app.step(at_ms)
        images.append(bytes(flash.image))
    # From the seventeenth on nothing is written any more, so a day of it writes nothing either.
    assert len(set(images)) <= 17 and images[-1] == images[20]
    app, board = app_on(flash)
    press(app, board, 1000, 2)
    app, board = app_on(flash)
    assert sum(app.log.totals) == 21 and contents(app.log)[1] == 21


def test_a_boot_that_lasts_is_written_after_all():
    flash = quiet_flash(6)
    for _ in range(20):
        app, board = app_on(flash)
    boot, image = app.clock.boot, bytes(flash.image)
    for at_ms in range(0, 61_000, 400):
        board.now_ms = at_ms
        app.step(at_ms)
    assert bytes(flash.image) != image
    app, board = app_on(flash)
    assert app.clock.boot == boot + 1
