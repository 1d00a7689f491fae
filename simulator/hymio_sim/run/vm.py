"""Runs the firmware in real time: a child process with the fake modules, and this end of the bus to them.

The child is the real MicroPython VM with the heap of a board, or CPython. It never outlives this process: the kernel
kills it when this process dies, and it ends by itself when the bus is closed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hymio.common.child_processes import die_with_parent
from hymio_sim.board.board_files import without_zeros
from hymio_sim.board.hardware import BUTTONS, DEEPSLEEP_RESET, HARD_RESET, SOFT_RESET, Hardware
from hymio_sim.board.sim_time import Timer
from hymio_sim.board.usb_cable import UsbCable
from hymio_sim.fakes import bus as wire
from hymio_sim.fakes import nvs as nvs_wire
from hymio_sim.run.vm_bus import BusEnd

ROM_VARIABLE: Final = "HYMIO_ROM"
"""The environment variable in which rom_mount.py looks for the image of the ROM."""
_EDGE_SPACING_US: Final = 1_000
_INTERRUPT_TRIES: Final = 200
"""How often to look whether the program waits, once a millisecond, before it is interrupted wherever it is."""
_RESTART_US: Final = 300_000
"""From a reset to the first instruction of boot.py, about as long as an ESP32 takes."""


@dataclass
class HeapUse:
    """How many bytes of the VM's heap were in use after a collection, as sampled inside the VM.

    None stands for what was never sampled.
    """

    fakes: int | None = None
    """What the fake modules and the shim take; what the VM itself and asyncio take is not part of it."""
    highest: int | None = None
    """The highest sample while the firmware ran, with the fakes."""
    total: int | None = None


class ChildVm:
    """The processor of one board, as a child process."""

    def __init__(
        self,
        hardware: Hardware,
        cable: UsbCable,
        loop: asyncio.AbstractEventLoop,
        command: list[str],
        rom: bytes | None,
        root: Path,
    ) -> None:
        """Takes the command line to execute: the interpreter, its options, and the file to run.

        rom: an image for start.py, or None; root: the folder that is the file system of the board.
        """
        self._hardware = hardware
        self._cable = cable
        self._loop = loop
        self._command = command
        # The image is the only variable, because rom_mount.py looks for it where the environment begins.
        self._environment: dict[str, Any] = dict(os.environ) if rom is None else {ROM_VARIABLE: without_zeros(rom)}
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._bus = BusEnd(loop, self._frame, self._ended)
        self._flash_timer: Timer | None = None
        self._restart_timer: Timer | None = None
        self._edges_told_us = dict.fromkeys(BUTTONS, 0)
        self._edge_timers: dict[int, Timer] = {}
        self.heap = HeapUse()
        self.before_stop: Callable[[], None] = lambda: None
        cable.interrupt = self._interrupt

    # ---- life ----

    def start(self, cause: int, run_main: bool = True) -> None:
        """Boots for that reason, one of the reset causes in `hardware`.

        run_main: whether main.py runs; after a soft reset out of the raw REPL it does not.
        """
        hardware = self._hardware
        hardware.boot(cause)
        down_read, down_write = os.pipe()
        up_read, up_write = os.pipe()
        console = self._cable.plug_in()
        # Opened separately, so that a program that makes its input non-blocking leaves its output as it is.
        keyboard = os.open(os.ttyname(console), os.O_RDONLY | os.O_NOCTTY)
        try:
            self._process = subprocess.Popen(
                [*self._command, str(down_read), str(up_write), str(self._root), "1" if run_main else "0"],
                stdin=keyboard,
                stdout=console,
                stderr=console,
                pass_fds=(down_read, up_write),
                start_new_session=True,
                preexec_fn=die_with_parent,
                env=self._environment,
            )
        finally:
            os.close(down_read)
            os.close(up_write)
            os.close(keyboard)
        self._bus.open(up_read, down_write)
        hardware.processor = self
        begin = struct.pack("<B6sBI", cause, hardware.mac, hardware.network_present, hardware.flash.size)
        rtc = hardware.rtc
        woken_by = sum(1 << pin for pin in rtc.woken_by)
        wake = (rtc.wake_reason, woken_by) if cause == DEEPSLEEP_RESET else (0, 0)
        self._bus.send(wire.BEGIN, begin + struct.pack("<BQ", *wake) + hardware.rtc_memory)
        self.supply_changed()
        for button in BUTTONS:
            self.contact_changed(button)
        self._bus.listen()

    def kill(self) -> None:
        """Stops the VM at this instant, as a power cut or a reset does."""
        self._hardware.rtc.stop()
        if self._restart_timer:
            self._restart_timer.cancel()
            self._restart_timer = None
        if self._process is None:
            return
        self.before_stop()
        self._process.kill()
        self._gone()

    def _gone(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._process = None
        if self._flash_timer:
            self._flash_timer.cancel()
            self._flash_timer = None
        self._bus.close()
        self._hardware.processor = None
        self._cable.unplug()
        self._hardware.stopped()

    def _restart(self, cause: int, run_main: bool = True, after_us: int = _RESTART_US) -> None:
        def start() -> None:
            self._restart_timer = None
            self.start(cause, run_main)
            if not run_main:
                self._cable.type(b"\x01")

        clock = self._hardware.clock
        self._restart_timer = clock.call_at_us(clock.now_us() + after_us, start)

    def _ended(self) -> None:
        """The VM has ended by itself, after Ctrl-D at its REPL or because it has crashed: starts it again."""
        assert self._process is not None
        self.before_stop()
        crashed = self._process.wait() != 0
        self._gone()
        if crashed:
            self._restart(HARD_RESET)
            return
        self._cable.show(b"MPY: soft reboot\r\n")
        # After a soft reset out of the raw REPL a board runs boot.py but not main.py, and is in the raw REPL again.
        self._restart(SOFT_RESET, run_main=not self._cable.raw_repl, after_us=0)

    def _interrupt(self, done: Callable[[], None]) -> bool:
        """Passes a Ctrl-C to the VM as SIGINT, if a program runs there; at its REPL MicroPython wants the plain byte.

        Gives whether it does so; `done` is called when it is done.
        """
        process = self._process
        if process is None:
            return False
        status = _status(process.pid)
        if not _catches_sigint(status):
            return False
        self._interrupt_soon(process, status, _INTERRUPT_TRIES, done)
        return True

    def _interrupt_soon(
        self, process: subprocess.Popen[bytes], status: dict[str, str], tries: int, done: Callable[[], None]
    ) -> None:
        """Sends SIGINT once the VM waits for something, or after so many tries wherever it is.

        The unix port raises KeyboardInterrupt wherever it is, even in the middle of a garbage collection, and dies of
        that; a board waits for a safe moment.
        """
        if process is not self._process:
            return
        if status.get("State", "S").startswith("S") or not tries:
            process.send_signal(signal.SIGINT)
            done()
            return
        self._loop.call_later(0.001, lambda: self._interrupt_soon(process, _status(process.pid), tries - 1, done))

    # ---- what the world does to it ----

    def contact_changed(self, button: int) -> None:
        """See `Processor`."""
        hardware = self._hardware
        pins = hardware.pins
        edges = hardware.edges(button)
        start_us = edges[0] if edges else 0
        offsets = [edge - start_us for edge in edges]
        head = struct.pack("<BBQ", pins.buttons[button - 1], pins.active_low, start_us)
        self._bus.send(wire.CONTACT, head + struct.pack(f"<{len(offsets)}I", *offsets))

    def edge(self, button: int) -> None:
        """See `Processor`."""
        # A bouncing contact gives edges faster than a soft interrupt can be served. One in a millisecond is enough,
        # but the last one has to be told.
        clock = self._hardware.clock
        if button in self._edge_timers:
            return
        due_us = self._edges_told_us[button] + _EDGE_SPACING_US

        def tell() -> None:
            self._edge_timers.pop(button, None)
            self._edges_told_us[button] = clock.now_us()
            self._bus.send(wire.EDGE, bytes([self._hardware.pins.buttons[button - 1]]))

        if due_us <= clock.now_us():
            tell()
        else:
            self._edge_timers[button] = clock.call_at_us(due_us, tell)

    def network_changed(self) -> None:
        """See `Processor`."""
        self._bus.send(wire.NETWORK, bytes([self._hardware.network_present]))

    def supply_changed(self) -> None:
        """See `Processor`."""
        self._bus.send(wire.SUPPLY, struct.pack("<H", self._hardware.supply_mv))

    # ---- what the program does ----

    def _frame(self, kind: int, body: bytes, number: int) -> None:
        hardware = self._hardware
        if kind == wire.READ:
            address, length = struct.unpack("<IH", body)
            self._bus.send(wire.ANSWER, hardware.read_flash(address, length), number)
        elif kind == wire.PROGRAM:
            (address,) = struct.unpack_from("<I", body)
            self._flash_busy(hardware.begin_program(address, body[4:]), number)
        elif kind == wire.ERASE:
            (sector,) = struct.unpack("<H", body)
            self._flash_busy(hardware.begin_erase(sector), number)
        elif kind == wire.OUTPUT:
            hardware.output(body[0], bool(body[1]))
        elif kind == wire.PWM:
            hardware.pwm(*struct.unpack("<BIH", body))
        elif kind == wire.PIXELS:
            hardware.pixels(body[0], body[1:])
        elif kind == wire.ARMED:
            hardware.armed(body[0], bool(body[1]))
        elif kind == wire.RTC:
            hardware.rtc_memory = body
        elif kind == nvs_wire.READ:
            self._bus.send(wire.ANSWER, hardware.nvs.get(body, b""), number)
        elif kind == nvs_wire.WRITE:
            key, value = body[1 : 1 + body[0]], body[1 + body[0] :]
            hardware.nvs[key] = value
            self._bus.send(wire.ANSWER, b"", number)
        elif kind == wire.RESET:
            self.kill()
            self._restart(body[0])
        elif kind == wire.WAKE:
            hardware.rtc.wake_on(body[1:], bool(body[0]))
        elif kind == wire.DEEPSLEEP:
            self.kill()
            hardware.fall_asleep(int.from_bytes(body, "little"), lambda: self.start(DEEPSLEEP_RESET))
        elif kind == wire.MEMORY:
            keys = ("gc_bytes", "gc_free", "idf_free", "idf_largest")
            hardware.journal.tell(
                "memory", what=body[16:].decode(), **dict(zip(keys, struct.unpack_from("<IIII", body), strict=True))
            )
        elif kind == wire.HEAP:
            self._sampled(*struct.unpack("<BII", body))

    def _flash_busy(self, until_us: int, number: int) -> None:
        def done() -> None:
            self._flash_timer = None
            self._hardware.finish_flash()
            self._bus.send(wire.ANSWER, b"", number)

        self._flash_timer = self._hardware.clock.call_at_us(until_us, done)

    def _sampled(self, label: int, allocated: int, free: int) -> None:
        if label == 0:
            self.heap.fakes = allocated
        else:
            self.heap.total = allocated + free
            self.heap.highest = max(self.heap.highest or 0, allocated)

    def heap_report(self) -> dict[str, Any]:
        """Further keys for the event `exit`; none if the heap was never sampled."""
        if self.heap.fakes is None:
            return {}
        return {
            "heap": {
                "total_bytes": self.heap.total,
                "fakes_bytes": self.heap.fakes,
                "highest_bytes": self.heap.highest,
                "firmware_bytes": self.heap.highest and self.heap.highest - self.heap.fakes,
            }
        }


def _status(pid: int) -> dict[str, str]:
    """What the kernel says of a process in /proc, by key; empty where there is no /proc."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _catches_sigint(status: dict[str, str]) -> bool:
    # Where there is no /proc the child is CPython, which always catches SIGINT.
    return not status or bool(int(status.get("SigCgt", "0"), 16) & (1 << (signal.SIGINT - 1)))
