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
    """The way from the fake modules to the hardware; in a child process fakes/bus.py is that way.

    The methods are those that fakes/bus.py lists under "what the fake modules call".
    """

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
        """Fills `buf` from the flash."""
        buf[:] = self._hardware.read_flash(address, len(buf))

    def flash_program(self, address: int, data: bytes) -> None:
        """Programs and waits."""
        self._core.wait_for_flash(self._hardware.begin_program(address, data))

    def flash_erase(self, sector: int) -> None:
        """Erases and waits."""
        self._core.wait_for_flash(self._hardware.begin_erase(sector))

    def input(self, pin: int) -> int:
        """The level at an input pin at this moment."""
        return int(self._hardware.level(pin, self._clock.now_us()))

    def output(self, pin: int, level: int) -> None:
        """Sets an output pin."""
        self._hardware.output(pin, bool(level))

    def pwm(self, pin: int, hz: int, duty: int) -> None:
        """Makes an output pin give a square wave of `hz`, high for `duty` of 65535."""
        self._hardware.pwm(pin, hz, duty)

    def pixels(self, pin: int, colours: bytearray) -> None:
        """Shows these colours on the strip of lights at the pin."""
        self._hardware.pixels(pin, colours)

    def arm(self, pin: int, handler: Callable[[Any], None] | None, source: Any, trigger: int) -> None:
        """Has handler(source) called when the pin rises (trigger 1), falls (2) or does either (3); None: no more."""
        if handler:
            self._handlers[pin] = (handler, source, trigger)
        else:
            self._handlers.pop(pin, None)
        self._hardware.armed(pin, handler is not None)

    def interrupt(self) -> None:
        """Calls the handlers that are due. Several edges of a pin since the last call are one interrupt."""
        while self.pending:
            pin = self.pending[0]
            self.pending = [other for other in self.pending if other != pin]
            handler, source, trigger = self._handlers.get(pin, (None, None, 0))
            if handler and (trigger == 3 or trigger & (1 if self.input(pin) else 2)):
                handler(source)

    def take_waiting(self) -> None:
        """Does nothing: what the world says is looked up when it is wanted."""

    @property
    def network(self) -> bool:
        """Whether there is a network to join."""
        return self._hardware.network_present

    @property
    def rtc_memory(self) -> bytes:
        """What the RTC memory holds."""
        return self._hardware.rtc_memory

    def keep_rtc(self, data: bytes) -> None:
        """Stores the RTC memory."""
        self._hardware.rtc_memory = bytes(data)

    def reset(self, cause: int) -> None:
        """Resets the processor; does not return."""
        self._core.reset(cause)

    def wake_on(self, pins: tuple[int, ...], high: bool) -> None:
        """Has any of these pins high, or all of them low, end a sleep."""
        self._hardware.rtc.wake_on(pins, high)

    def deepsleep(self, duration_ms: int) -> None:
        """Sleeps deeply; does not return."""
        self._core.deep_sleep(duration_ms)

    def lightsleep(self, duration_ms: int) -> None:
        """Sleeps lightly; returns at once, see `VirtualMachine.light_sleep`."""
        self._core.light_sleep(duration_ms)

    def radio(self, on: bool) -> None:
        """Tells the meter that the radio goes on or off."""
        self._hardware.loads.switched("radio", "on" if on else "off")

    @property
    def join_ms(self) -> float:
        """How long joining the network takes, in milliseconds."""
        return self._core.air_times.join_ms

    @property
    def supply_mv(self) -> int:
        """The supply voltage in millivolts."""
        return self._hardware.supply_mv

    def ticks_ms(self) -> int:
        """The clock with which the fake modules measure how long they wait."""
        return self._clock.now_us() // 1000
