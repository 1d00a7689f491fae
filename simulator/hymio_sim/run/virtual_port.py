"""The port of virtual time: what the fake modules call on a board that lives in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from hymio_sim.board.hardware import DEEPSLEEP_RESET, Hardware
from hymio_sim.board.sim_time import VirtualClock
from hymio_sim.run.virtual_link import AirTimes


class Core(Protocol):
    """What stops and starts when the program asks for it: the processor behind a port."""

    air_times: AirTimes

    def wait_for_flash(self, until_us: int) -> None:
        """Stands still until that moment, when a flash operation ends."""
        ...

    def reset(self, cause: int) -> None:
        """Starts anew; does not return to the program."""
        ...

    def deep_sleep(self, duration_ms: int) -> None:
        """Sleeps for so long at most, 0 = without a limit; does not return to the program."""
        ...

    def light_sleep(self, duration_ms: int) -> None:
        """Sleeps for so long at most, or until a button wakes it."""
        ...


class VirtualPort:
    """What fakes/bus.py is in a child process: the way from the fake modules to the hardware."""

    def __init__(self, core: Core, hardware: Hardware, clock: VirtualClock) -> None:
        self._core = core
        self._hardware = hardware
        self._clock = clock
        self._handlers: dict[int, tuple[Callable[[Any], None], Any, int]] = {}
        self.pending: list[int] = []
        self.network_since_ms = -(1 << 30)
        self.reset_cause = hardware.reset_cause
        self.mac = hardware.mac
        self.flash_size = hardware.flash.size
        self.wake_reason = hardware.rtc.wake_reason if hardware.reset_cause == DEEPSLEEP_RESET else 0
        self.wake_pins = hardware.rtc.woken_by if self.wake_reason else ()

    def flash_read(self, address: int, buf: Any) -> None:
        buf[:] = self._hardware.read_flash(address, len(buf))

    def flash_program(self, address: int, data: bytes) -> None:
        self._core.wait_for_flash(self._hardware.begin_program(address, data))

    def flash_erase(self, sector: int) -> None:
        self._core.wait_for_flash(self._hardware.begin_erase(sector))

    def input(self, pin: int) -> int:
        return int(self._hardware.level(pin, self._clock.now_us()))

    def output(self, pin: int, level: int) -> None:
        self._hardware.output(pin, bool(level))

    def pwm(self, pin: int, hz: int, duty: int) -> None:
        self._hardware.pwm(pin, hz, duty)

    def pixels(self, pin: int, colours: bytearray) -> None:
        self._hardware.pixels(pin, colours)

    def arm(self, pin: int, handler: Callable[[Any], None] | None, source: Any, trigger: int) -> None:
        if handler:
            self._handlers[pin] = (handler, source, trigger)
        else:
            self._handlers.pop(pin, None)
        self._hardware.armed(pin, handler is not None)

    def interrupt(self) -> None:
        """Runs the handlers that are due. Several edges of a pin since the last time are one interrupt."""
        while self.pending:
            pin = self.pending[0]
            self.pending = [other for other in self.pending if other != pin]
            handler, source, trigger = self._handlers.get(pin, (None, None, 0))
            if handler and (trigger == 3 or trigger & (1 if self.input(pin) else 2)):
                handler(source)

    def take_waiting(self) -> None:
        pass  # nothing waits here: what the world says is looked up

    @property
    def network(self) -> bool:
        return self._hardware.network_present

    @property
    def rtc_memory(self) -> bytes:
        return self._hardware.rtc_memory

    def keep_rtc(self, data: bytes) -> None:
        self._hardware.rtc_memory = bytes(data)

    def reset(self, cause: int) -> None:
        self._core.reset(cause)

    def wake_on(self, pins: tuple[int, ...], high: bool) -> None:
        self._hardware.rtc.wake_on(pins, high)

    def deepsleep(self, duration_ms: int) -> None:
        self._core.deep_sleep(duration_ms)

    def lightsleep(self, duration_ms: int) -> None:
        self._core.light_sleep(duration_ms)

    def radio(self, on: bool) -> None:
        self._hardware.loads.switched("radio", "on" if on else "off")

    @property
    def join_ms(self) -> float:
        return self._core.air_times.join_ms

    @property
    def supply_mv(self) -> int:
        return self._hardware.supply_mv

    def ticks_ms(self) -> int:
        return self._clock.now_us() // 1000
