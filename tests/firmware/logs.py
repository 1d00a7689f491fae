"""Logs on a flash in memory, for the tests of ringlog, batch and outbox."""

from ramflash import RamFlash

from terminal.clock import Clock
from terminal.record import BOOT, COUNTED, put_ack, put_body, put_press
from terminal.ringlog import RingLog

CHIP = 77


class Dice:
    """random32 that tells what it gave."""

    def __init__(self):
        self.n = 1000

    def __call__(self):
        self.n += 1
        return self.n


def mounted(flash=None, sectors=6, chip=CHIP):
    """(log, clock, flash): a log mounted on a blank or a given flash."""
    flash = flash if flash is not None else RamFlash(sectors)
    clock = Clock(0)
    log = RingLog(flash, chip, Dice(), clock)
    log.mount()
    return log, clock, flash


def press(log, clock, button=1, verdict=COUNTED, at_ms=None, flags=0, quiet_ms=65535):
    """Appends one press; gives its seq."""
    clock.at(clock._ticks if at_ms is None else at_ms)
    buf = bytearray(16)
    put_press(buf, verdict, button, flags, 1, quiet_ms, clock)
    return log.append(buf)


def boot(log, clock):
    buf = bytearray(16)
    clock.at(0)
    put_body(buf, BOOT, 1, 0, clock)
    return log.append(buf)


def write_ack(log):
    buf = bytearray(16)
    put_ack(buf, *log.ack_body)
    return log.append(buf)


class HandBoard:
    """Four contacts and a clock to turn by hand."""

    mac = b"123456"
    chip = "esp32"
    reset_cause = 1

    def __init__(self, flash):
        self.flash = flash
        self.closed = 0
        self.now_ms = 0
        self.lit = 0
        self.random32 = Dice()

    def ticks_ms(self):
        return self.now_ms

    def buttons(self):
        return self.closed

    def led(self, button, on):
        if on:
            self.lit += 1

    def on_edge(self, handler):
        pass

    def heap_free(self):
        return 0


def app_on(flash):
    """(app, board): a terminal without a network, started on that flash."""
    from terminal.app import App
    from terminal.config import build

    board = HandBoard(flash)
    app = App(build({}), board, "0")
    app.start(0)
    return app, board
