"""The cable's part of `make bench`: how long the line is busy with a whole log, counted byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

import cbor2
from smp import packet

from hymio.cable.smp_messages import RecordsRead
from hymio.cable.smp_transport import BAUD
from hymio.common.firmware_files import firmware_module
from hymio.wire.batches import decode_batch
from hymio_sim.board.serial_line import TURN_AROUND_S, line_s
from hymio_sim.energy.standard_day import DAY_MS, standard_day
from hymio_sim.rigs.bench_log import LogOnFlash
from hymio_sim.rigs.figure import Figure

_SLOTS: Final = 252
_DEVICE_ID: Final = "kiosk-000001"


def full_log(sectors: int = 256, chip: int = 1) -> LogOnFlash:
    """A log of standard days that has gone round its ring once, so all sectors but the one ahead hold records.

    chip: the CRC-32 of the MAC address of its chip.
    """
    bench = LogOnFlash(sectors, chip)
    day_ms = 0
    while bench.log.next_seq < sectors * _SLOTS:
        for press in standard_day(day_ms // DAY_MS):
            bench.clock.advance((day_ms + press.at_ms) % (1 << 30))
            bench.press(press.button, press.verdict, press.quiet_ms, press.edges)
            bench.idle()
        day_ms += 2 * DAY_MS
    return bench


def pull(bench: LogOnFlash, heap_free: int = 0) -> tuple[int, int, float]:
    """Reads the log through the firmware's own console; gives records, answers, and seconds on a line of 115,200 baud.

    The time is that of all bytes in both directions and of a USB converter's turn-around for each answer. How long the
    board's processor takes between them can be measured on a board alone.
    """
    board = SimpleNamespace(random32=bench.random32, heap_free=lambda: heap_free, ticks_ms=lambda: 0)
    uplink = SimpleNamespace(outbox=SimpleNamespace(reader=None))
    app: Any = SimpleNamespace(log=bench.log, clock=bench.clock, board=board, device_id=_DEVICE_ID, uplink=uplink)
    console = firmware_module("console").Console(app)
    seq = first = bench.log.oldest_seq
    answers = 0
    seconds = 0.0
    while True:
        request = b"".join(packet.encode(RecordsRead(s=seq).BYTES, line_length=128))
        lines = list(console.received(request))
        seconds += line_s(len(request) + sum(map(len, lines)), BAUD) + TURN_AROUND_S
        batch = decode_batch(cbor2.loads(_message(lines)[8:])["d"], _DEVICE_ID)
        answers += 1
        if batch.slots == 0:
            return seq - first, answers, seconds
        seq = batch.last_seq + 1


def _message(lines: list[bytes]) -> bytes:
    decoder = packet.decode()
    next(decoder)
    try:
        for line in lines:
            decoder.send(line)
    except StopIteration as done:
        message: bytes = done.value
        return message
    raise AssertionError("the answer has no end")


def cable_figures() -> Iterator[Figure]:
    """The figures of a full log of 1 MiB, asked for as `hymio votes` does."""
    records, _, seconds = pull(full_log())
    yield Figure("console.pull_full_log_s", seconds, "s", "< 60")
    yield Figure("console.line_bytes_per_record", seconds * BAUD / 10 / records, "B")
