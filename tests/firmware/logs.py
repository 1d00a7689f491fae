"""Logs on a flash in memory, for the tests of the modules that read and write them."""

from hand_board import Dice, app_on  # noqa: F401
from ram_flash import RamFlash

from terminal.clock import Clock
from terminal.log_record import BOOT, COUNTED, put_ack, put_body, put_press
from terminal.log_ring import RingLog

CHIP = 77


def mounted(flash=None, sectors=6, chip=CHIP):
    """(log, clock, flash): a log mounted on a blank or a given flash."""
    flash = flash if flash is not None else RamFlash(sectors)
    clock = Clock(0)
    log = RingLog(flash, chip, Dice(), clock)
    log.mount()
    return log, clock, flash


def press(log, clock, button=1, verdict=COUNTED, at_ms=None, flags=0, quiet_ms=65535):
    """Appends one press; gives its seq."""
    buf = bytearray(16)
    put_press(buf, verdict, button, flags, 1, quiet_ms, clock, clock._ticks if at_ms is None else at_ms)
    return log.append(buf)


def boot(log, clock):
    buf = bytearray(16)
    put_body(buf, BOOT, 1, 0, clock, 0)
    return log.append(buf)


def write_ack(log):
    buf = bytearray(16)
    put_ack(buf, *log.ack_body)
    return log.append(buf)
