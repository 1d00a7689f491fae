"""Logs on a flash in memory, for the tests of ringlog, batch and outbox."""

from hand_board import Dice, app_on  # noqa: F401
from ram_flash import RamFlash

from terminal.clock import Clock
from terminal.log_record import BOOT, COUNTED, put_ack, put_body, put_press
from terminal.log_ring import RingLog

CHIP = 77


def uptime_ms_at(clock, at_ms):
    """What a record of ticks at_ms says: the uptime in ms."""
    buf = bytearray(16)
    clock.put(buf, at_ms)
    return int.from_bytes(buf[1:6], "little")


def clock_at(uptime_ms, boot):
    """A clock whose uptime at ticks 0 is that, in that boot."""
    clock = Clock(0)
    clock._low, clock._high, clock.boot = uptime_ms & 0xFFFFFF, uptime_ms >> 24, boot
    return clock


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
